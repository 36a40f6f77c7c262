"""The file tree that programs see: the standard library, what it links to, a shell, five devices, nothing else.

Everything keeps its path and is read-only. Packages that happen to be installed beside the standard library (this
one, say) are covered up. Part of the fork server, so standard library only.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterable

from loopholes.sandbox.inside import kernel

SHELL = "/bin/sh"
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
DATA = ("/etc/ld.so.cache", "/usr/share/zoneinfo", "/usr/lib/locale/C.utf8", "/usr/lib/locale/C.UTF-8")
HIDDEN = ("site-packages", "dist-packages")
SCRATCH = "/run/program"
LINKS = {
    "/tmp": f"{SCRATCH}/tmp",
    "/dev/shm": f"{SCRATCH}/tmp",
    "/dev/stdin": f"{SCRATCH}/stdin",
    "/dev/stdout": f"{SCRATCH}/stdout",
    "/dev/stderr": "/dev/null",
}
TEXTS = {"/etc/passwd": "program:x:1000:1000::/tmp:/bin/sh\n", "/etc/group": "program:x:1000:\n"}
_Visitor = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_void_p), ctypes.c_size_t, ctypes.c_void_p)


def needed() -> list[str]:
    """Every path that the interpreter, its whole standard library and the shell are made of.

    A fork finds them: it loads every extension module and much of the library, and this process must stay small.
    """
    reading, writing = os.pipe()
    if (pid := os.fork()) == 0:
        with contextlib.suppress(BaseException), open(writing, "w", errors="surrogateescape") as pipe:
            pipe.write("\0".join(_look()))
        os._exit(0)
    os.close(writing)
    with open(reading, errors="surrogateescape") as pipe:
        names = pipe.read().split("\0")
    os.waitpid(pid, 0)
    return names


def _look() -> list[str]:
    import sysconfig

    library = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), *sys.path]
    for folder in library:
        if folder.endswith("lib-dynload") and os.path.isdir(folder):
            for name in os.listdir(folder):
                with contextlib.suppress(OSError):
                    ctypes.CDLL(os.path.join(folder, name))
    paths = [*library, sys.executable, os.path.realpath(sys.executable), SHELL, *DEVICES, *DATA]
    paths += [*map(os.fsdecode, _loaded()), *_linked_to(SHELL), *_linked_to(sys.executable)]
    return sorted({os.path.normpath(path) for path in paths if os.path.isabs(path) and os.path.exists(path)})


def _loaded() -> list[bytes]:
    paths: list[bytes] = []

    def visit(info: ctypes._Pointer[ctypes.c_void_p], size: int, unused: int) -> int:
        paths.append(ctypes.string_at(info[1] or 0) if info[1] else b"")  # the second field is the path
        return 0

    kernel.libc.dl_iterate_phdr(_Visitor(visit), None)
    return paths


def _linked_to(program: str) -> list[str]:
    """What the dynamic linker says a program needs (that is what ldd asks it)."""
    import subprocess

    environment = {**os.environ, "LD_TRACE_LOADED_OBJECTS": "1"}
    try:
        said = subprocess.run(
            [program], env=environment, capture_output=True, stdin=subprocess.DEVNULL, timeout=10
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [word for word in os.fsdecode(said).split() if word.startswith("/")]


def build(paths: Iterable[str]) -> None:
    """Make the tree out of ``paths`` and move into it; needs a mount namespace of our own."""
    kernel.mount(b"", b"/", b"", kernel.RECURSIVE | kernel.PRIVATE)
    # Built here because the folder exists and holds nothing that programs may see. Nothing outside sees the change.
    base = "/proc"
    kernel.mount(b"tree", base.encode(), b"tmpfs", kernel.NO_SUID | kernel.NO_DEVICES, b"size=1m,mode=755")
    for path in paths:
        _show(path, base + path)
    for path in paths:
        for name in HIDDEN:
            if os.path.isdir(hidden := f"{base}{path}/{name}"):
                kernel.mount(
                    b"hidden", os.fsencode(hidden), b"tmpfs", kernel.NO_SUID | kernel.NO_DEVICES, b"size=4k,mode=755"
                )
    os.makedirs(base + SCRATCH)
    for path, target in LINKS.items():
        if not os.path.lexists(base + path):  # an interpreter below /tmp
            os.symlink(target, base + path)
    for path, text in TEXTS.items():
        os.makedirs(os.path.dirname(base + path), exist_ok=True)
        with open(base + path, "w") as file:
            file.write(text)
    kernel.make_read_only(base)
    kernel.pivot_root(base)


def _show(path: str, place: str) -> None:
    if os.path.lexists(place):  # it is in a folder that is there already
        return
    if os.path.isdir(path):
        os.makedirs(place)
    else:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o444))
    kernel.mount(os.fsencode(path), os.fsencode(place), b"", kernel.BIND | kernel.RECURSIVE)
