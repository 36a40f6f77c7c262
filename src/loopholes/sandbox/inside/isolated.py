"""The isolated cell: namespaces, a file tree of its own, seccomp, Landlock, no capability, bounded resources.

Once for each server: a user, mount, network, ipc and host-name namespace, the tree, the filter, and a pid namespace
whose first process is the fork server, so that its end is the end of everything below. Once for each run of a
program: a pid namespace in that, whose end is the end of whatever the program started, and an empty file system in
memory, which is all that the program can write to and which goes with it. The network namespace is empty and stays
so, and the ipc objects that could outlive a program cannot be made; sharing those two leaves nothing between runs.

Order matters. The user who starts us first gets the right to mount (root has it), builds the tree and, if root, becomes
the user nobody. Only then come the namespaces in which the program lives, owned by that user, so the kernel lets no
process in them undo a mount of the tree.

This is what bubblewrap does for one process, and more than it does (a filter, Landlock, bounds). It is not built on
bubblewrap, which is seldom installed, and which starts an interpreter for each program: see results/scoring.md.
"""

from __future__ import annotations

import os
import signal
import sys

from loopholes.sandbox.inside import child, kernel, landlock, seccomp, tree
from loopholes.sandbox.inside.bounds import limit, own_bytes, reap, settings
from loopholes.sandbox.inside.relatives import end_with_parent
from loopholes.sandbox.inside.wire import Bounds

NOBODY = 65534
INSIDE = 1000
EVERYTHING = (1 << 16) - 1
GENTLE_SECONDS = 0.2
FILES = 4096
SCRATCH, HOME = tree.SCRATCH.encode(), f"{tree.SCRATCH}/tmp"
OWN_TASKS = 2  # the fork server and the paused process, which the kernel counts with the program's


class Cell:
    """Where programs run one at a time.

    Raises NotImplementedError, which says what the machine does not support. The constructor returns only in the fork
    server's process; the process that called it waits there for the server to end.
    """

    def __init__(self) -> None:
        if sys.platform != "linux" or os.uname().machine not in seccomp.MACHINES:
            raise NotImplementedError("Linux on x86-64 or aarch64 is needed")
        self.step = "shared libraries"
        try:
            self._wall_in()
        except OSError as error:
            raise NotImplementedError(f"{self.step} cannot be had ({error.strerror or error})") from None

    def _wall_in(self) -> None:
        paths = tree.needed()
        everyone = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        us = os.open("self", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=everyone)
        self.step = "a user namespace"
        real = _is_root_outside(us)
        root = _root_may_mount()
        if not root:
            if os.geteuid() == 0:
                _become_nobody(real)
            _unshare_users(kernel.NEW_MOUNTS, self.step, us)
        self.step = "a file tree of its own"
        tree.build(paths)
        if root:
            _become_nobody(real)
        self.step = "namespaces of its own"
        rest = kernel.NEW_MOUNTS | kernel.NEW_NETWORK | kernel.NEW_IPC | kernel.NEW_HOST_NAME | kernel.NEW_PIDS
        _unshare_users(rest, self.step, us)
        os.close(us)
        self.step = "a pid namespace"
        _continue_in_a_child()
        self.step = "a filter of system calls"
        end_with_parent()
        kernel.forget_bounding_set()
        kernel.limit_capabilities(1 << kernel.SYS_ADMIN)
        kernel.control(kernel.NO_NEW_PRIVILEGES, 1, "refuse new privileges")
        seccomp.install()
        self.step = "Landlock"
        looking = landlock.READ | landlock.LIST
        granted = {
            "/": looking | landlock.EXECUTE,
            "/dev": looking | landlock.WRITE | landlock.TRUNCATE,
            os.path.dirname(tree.SCRATCH): EVERYTHING & ~landlock.MAKE_DEVICES,
        }
        self.rules = landlock.rules(granted)
        self.ourselves = os.pidfd_open(os.getpid())
        # The paused process below us must have no handler that a program could set off.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.environ["TMPDIR"] = HOME
        self.own_bytes = own_bytes("self/statm", everyone)
        os.close(everyone)
        self.bounds: Bounds | None = None

    def begin(self, bounds: Bounds) -> int:
        """Fork into a fresh pid namespace and a fresh scratch file system; 0 in the child."""
        if bounds != self.bounds:
            self.bounds, self.settings = bounds, settings(bounds, self.own_bytes, OWN_TASKS)
            self.options = f"size={bounds.disk_bytes + bounds.input_bytes},nr_inodes={FILES},mode=700".encode()
        kernel.mount(b"scratch", SCRATCH, b"tmpfs", kernel.NO_SUID | kernel.NO_DEVICES, self.options)
        kernel.unshare(kernel.NEW_PIDS, "a pid namespace")
        self.init = kernel.paused_process()
        self.program = kernel.fork()
        return self.program

    def enter(self) -> child.OpenFile:
        """In the child: give up the remaining privileges."""
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.setsid()  # a program that signals its own group must not reach the fork server
        os.mkdir(HOME)
        os.chdir(HOME)
        limit(self.settings)
        if self.rules is not None:
            landlock.restrict(self.rules)
        kernel.limit_capabilities()
        kernel.control(kernel.DUMPABLE, 0, "refuse core dumps")
        return _open_stream

    def end(self, by_itself: bool) -> int:
        """End whatever the program started; returns the signal that ended it, or 0 if there was none or it was ours.

        With ``by_itself`` the program gets a moment to end first, so that we see what ended it.
        """
        status = reap(self.program, GENTLE_SECONDS) if by_itself else None
        if self.init < 2:
            raise OSError("there is no pid namespace to end")
        os.kill(self.init, signal.SIGKILL)
        try:
            while True:
                os.waitpid(-1, 0)
        except ChildProcessError:
            pass
        kernel.children_into(self.ourselves)
        kernel.unmount(SCRATCH)
        return os.WTERMSIG(status) if status is not None and os.WIFSIGNALED(status) else 0


def _root_may_mount() -> bool:
    """Enter a mount namespace of our own and return True, if we are root and the kernel allows it."""
    if os.geteuid() != 0:
        return False
    try:
        kernel.unshare(kernel.NEW_MOUNTS, "a mount namespace")
    except PermissionError:
        return False
    return True


def _is_root_outside(us: int) -> bool:
    """Whether our root is the machine's (or the container's), and not an ordinary user in a user namespace."""
    with open(os.open("uid_map", os.O_RDONLY | os.O_CLOEXEC, dir_fd=us)) as file:
        return file.read().split()[1] == "0"


def _become_nobody(needed: bool) -> None:
    """Become an ordinary user, since the limit on processes does not apply to root; may fail unless ``needed``."""
    try:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    except OSError:
        if needed:
            raise
    # Otherwise our entries in /proc stay root's, and the user namespace cannot be described there.
    kernel.control(kernel.DUMPABLE, 1, "own our entries in /proc")


def _unshare_users(and_more: int, what: str, us: int) -> None:
    """Enter a new user namespace, whose only user is the one that we were; ``us`` are our entries in /proc."""
    user, group = os.geteuid(), os.getegid()
    kernel.unshare(kernel.NEW_USERS | and_more, what)
    for file, text in (("setgroups", "deny"), ("uid_map", f"{INSIDE} {user} 1"), ("gid_map", f"{INSIDE} {group} 1")):
        descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC, dir_fd=us)
        os.write(descriptor, text.encode())
        os.close(descriptor)


def _continue_in_a_child() -> None:
    """Fork; the child continues as its pid namespace's first process, and the parent only waits for it."""
    pid = os.fork()
    if pid == 0:
        return
    os.closerange(0, 1 << 10)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 0xFF)


def _open_stream(name: str) -> int:
    return os.open(f"{tree.SCRATCH}/{name}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
