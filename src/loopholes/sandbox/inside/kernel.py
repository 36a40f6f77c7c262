"""The calls to the Linux kernel that the standard library of Python 3.11 lacks, each a line or two.

Part of the fork server (see zygote.py), so standard library only. Every function raises OSError, which names the
operation, when the kernel refuses.
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import sys
from typing import Any

NEW_MOUNTS, NEW_HOST_NAME, NEW_IPC, NEW_USERS, NEW_PIDS, NEW_NETWORK = (
    0x00020000,
    0x04000000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
SHARE_MEMORY, SHARE_DESCRIPTORS = 0x100, 0x400
READ_ONLY, NO_SUID, NO_DEVICES = 1, 2, 4
BIND, RECURSIVE, PRIVATE = 0x1000, 0x4000, 0x40000
DETACH, NO_FOLLOW = 2, 8
SYS_ADMIN, LAST_CAPABILITY = 21, 63
DIE_WITH_PARENT, DUMPABLE, KEEP_CAPABILITIES, DROP_BOUNDING = 1, 4, 8, 24
SUBREAPER, NO_NEW_PRIVILEGES = 36, 38
CAPABILITY_VERSION = 0x20080522
# Where x86-64 and aarch64 number a system call alike, as they do from 424 on.
MOUNT_SETATTR, LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 442, 444, 445, 446
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
STACK_BYTES = 1 << 16

# Nobody else runs Python in a fork server, so no call needs to let go of the interpreter's lock.
libc: Any = ctypes.PyDLL(None)
_ZERO = ctypes.c_ulong(0)
_stack = ctypes.create_string_buffer(STACK_BYTES)
# What clone is given for a process that pauses: where it starts, the end of its stack, what it shares with us.
_PAUSED = (
    (
        ctypes.cast(libc.pause, ctypes.c_void_p),
        ctypes.c_void_p((ctypes.addressof(_stack) + STACK_BYTES) & ~0xF),
        ctypes.c_int(SHARE_MEMORY | SHARE_DESCRIPTORS | signal.SIGCHLD),
        None,
    )
    if sys.platform == "linux"
    else ()
)


def _where_errno_is() -> int:
    find = libc.__errno_location if sys.platform == "linux" else libc.__error
    find.restype = ctypes.c_void_p
    return int(find())


def _checked(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.c_int.from_address(_where_errno_is()).value
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def call(number: int, what: str, *arguments: Any) -> int:
    """A system call by number; integers are passed as the kernel's words."""
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    return _checked(libc.syscall(ctypes.c_long(number), *words), what)


def control(option: int, value: int, what: str) -> None:
    """Set an attribute of this process (prctl)."""
    _checked(libc.prctl(option, ctypes.c_ulong(value), _ZERO, _ZERO, _ZERO), what)


def unshare(flags: int, what: str) -> None:
    """Move into new namespaces; ``NEW_PIDS`` holds for the children to come."""
    _checked(libc.unshare(flags), what)


def children_into(pidfd: int) -> None:
    """Children to come belong to the pid namespace of the process behind ``pidfd``."""
    _checked(libc.setns(pidfd, NEW_PIDS), "return to a pid namespace")


def mount(source: bytes, target: bytes, kind: bytes, flags: int, options: bytes = b"") -> None:
    """Mount a file system, bind a path, or change how mounts spread."""
    result = libc.mount(source, target, kind, ctypes.c_ulong(flags), options)
    if result < 0:
        _checked(result, f"mount {os.fsdecode(target)}")


def unmount(target: bytes) -> None:
    """Remove a mount at once, even if a process still holds a file of it."""
    _checked(libc.umount2(target, DETACH | NO_FOLLOW), "unmount")


def pivot_root(new: str) -> None:
    """Make the mount ``new`` the root, and unmount the old one."""
    os.chdir(new)
    call(PIVOT_ROOT[os.uname().machine], "change the root", b".", b".")
    _checked(libc.umount2(b".", DETACH), "leave the old root")
    os.chdir("/")


def make_read_only(path: str) -> None:
    """Everything mounted at and below ``path`` is read-only from now on, and honours no set-user-id bit."""
    attributes = struct.pack("QQQQ", READ_ONLY | NO_SUID, 0, 0, 0)
    at_current_directory, recursive = -100, 0x8000
    call(MOUNT_SETATTR, "mount read-only", at_current_directory, os.fsencode(path), recursive, attributes, 32)


def limit_capabilities(keep: int = 0) -> None:
    """Give up every capability but those in the bit mask ``keep``, which has 32 bits."""
    kept = struct.pack("<6I", keep, keep, 0, 0, 0, 0)
    _checked(libc.capset(struct.pack("<Ii", CAPABILITY_VERSION, 0), kept), "give up capabilities")


def forget_bounding_set() -> None:
    """No program that is executed from here on can gain a capability."""
    for capability in range(LAST_CAPABILITY + 1):
        if libc.prctl(DROP_BOUNDING, ctypes.c_ulong(capability), 0, 0, 0):
            return


def fork() -> int:
    """Fork without what the interpreter does around it: that takes a third of the time and only threads need it."""
    return _checked(libc.fork(), "fork")


def paused_process() -> int:
    """A process that does nothing, as a pid namespace's first and so its init.

    It shares our memory and descriptors, which saves copying them, and keeps none open that we close.
    It needs no code of ours: the kernel starts it in the C library's ``pause``, which never returns.
    """
    return _checked(int(libc.clone(*_PAUSED)), "start the first process of a pid namespace")
