"""The fork server: a small Python process that forks once for each program and never holds an expected output.

It is run by path, as a script, in a process of its own, and imports nothing but the standard library. Requests
and answers travel as length-prefixed JSON over the socket on descriptor 0. Whatever comes from a child is
untrusted: bounded frames of one kind byte, a length and UTF-8 text, nothing that is unpickled or evaluated.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import math
import os
import random
import resource
import select
import shutil
import signal
import socket
import struct
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loopholes.sandbox import child
else:
    # The neighbouring file: this one is run by path, without the package.
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import child

    sys.path.pop(0)

LENGTH = struct.Struct(">Q")
GRACE_SECONDS = 0.5
CAPABILITY_VERSION, READ_ANY_FILE = 0x20080522, 1 << 2
DIE_WITH_PARENT, KEEP_CAPABILITIES, CHILD_SUBREAPER, NO_NEW_PRIVILEGES = 1, 8, 36, 38
libc: Any = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Serve requests until the other side hangs up."""
    control = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)
    if sys.platform == "linux":
        # Orphans of a program become ours, so that none of them outlives its turn.
        libc.prctl(CHILD_SUBREAPER, 1, 0, 0, 0)
    server = Server(control)
    gc.freeze()
    server.send({"hello": os.getpid()})
    while True:
        request = server.receive()
        if request is None:
            return
        server.send({"results": server.run(request)})


class Broken(Exception):
    """This server cannot go on: the trusted side hung up, or a child could not be set up or cleaned up."""


class Server:
    """One program at a time: fork, watch, clean up."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.home = os.getcwd()
        self.turn = 0
        self.user = _spare_user()
        self.tasks, self.counted = 0, -math.inf

    def send(self, message: dict[str, Any]) -> None:
        data = json.dumps(message).encode()
        self.control.sendall(LENGTH.pack(len(data)) + data)

    def receive(self) -> dict[str, Any] | None:
        header = self._exactly(LENGTH.size)
        body = header and self._exactly(LENGTH.unpack(header)[0])
        if not body:
            return None
        request: dict[str, Any] = json.loads(body)
        return request

    def _exactly(self, size: int) -> bytes | None:
        parts: list[bytes] = []
        while size:
            part = self.control.recv(min(size, 1 << 20))
            if not part:
                return None
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def run(self, request: dict[str, Any]) -> list[tuple[bool, str]]:
        """(True, text) or (False, reason) for each input. A child that dies at one input is replaced for the rest."""
        results: list[tuple[bool, str]] = []
        while len(results) < len(request["inputs"]):
            frames, death = self._one_child(request, len(results))
            if not frames:
                raise Broken
            if len(frames) < 2 or frames[1][0] != child.LOADED:
                return [(False, frames[1][1] if len(frames) > 1 else death)] * len(request["inputs"])
            results += [(kind == child.TEXT, text) for kind, text in frames[2:]]
            if len(results) < len(request["inputs"]):
                results.append((False, death))
        return results

    def _one_child(self, request: dict[str, Any], first: int) -> tuple[list[tuple[bytes, str]], str]:
        self.turn += 1
        directory = os.path.join(self.home, str(self.turn))
        os.mkdir(directory, 0o700)
        if self.user is not None:
            os.chown(directory, self.user, self.user)
        reading, writing = os.pipe()
        if self.user is None and time.monotonic() > self.counted + 1.0:
            self.tasks, self.counted = _tasks_of_user(), time.monotonic()
        pid = os.fork()
        if pid == 0:
            self._become_child(request, first, writing, reading, directory)
        os.close(writing)
        try:
            with open(reading, "rb", buffering=0) as pipe:
                return self._watch(pipe.fileno(), request, 2 + len(request["inputs"]) - first)
        finally:
            _end(pid)
            _remove(directory)

    def _become_child(self, request: dict[str, Any], first: int, writing: int, reading: int, directory: str) -> None:
        """Give up everything that belongs to the server, then run the program. Never returns."""
        try:
            os.setpgid(0, 0)
            os.close(reading)
            self.control.close()
            os.chdir(directory)
            _limit(request, self.tasks)
            if self.user is not None:
                _drop_privileges(self.user)
            if sys.platform == "linux":
                libc.prctl(DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
            random.seed(0)
            child.run(request, first, writing)
        finally:
            os._exit(1)

    def _watch(self, pipe: int, request: dict[str, Any], expected: int) -> tuple[list[tuple[bytes, str]], str]:
        """Frames until all have come, or the child is silent for longer than one test may take."""
        frames: list[tuple[bytes, str]] = []
        buffer = bytearray()
        allowed = request["test_seconds"] + GRACE_SECONDS
        deadline = time.monotonic() + allowed
        while len(frames) < expected:
            ready = select.select([pipe, self.control.fileno()], [], [], max(0.0, deadline - time.monotonic()))[0]
            if self.control.fileno() in ready:
                raise Broken
            if not ready:
                return frames, f"still running after {request['test_seconds']:g} s: ended"
            piece = os.read(pipe, 1 << 16)
            if not piece:
                return frames, "the program's process ended without a result"
            buffer += piece
            while len(frames) < expected and len(buffer) >= child.FRAME.size:
                kind, length = child.FRAME.unpack_from(buffer)
                if kind not in child.KINDS or length > 4 * request["output_chars"] + 1024:
                    return frames, "the program wrote something else where its result belongs"
                if len(buffer) < child.FRAME.size + length:
                    break
                frames.append(
                    (kind, bytes(buffer[child.FRAME.size : child.FRAME.size + length]).decode("utf-8", "replace"))
                )
                del buffer[: child.FRAME.size + length]
                deadline = time.monotonic() + allowed
        return frames, ""


def _limit(request: dict[str, Any], tasks: int) -> None:
    seconds = int(request["test_seconds"] * (len(request["inputs"]) + 1)) + 2
    longest = max(map(len, request["inputs"]))
    limits = {
        "RLIMIT_CPU": seconds,
        "RLIMIT_AS": request["memory_bytes"] + _own_size(),
        "RLIMIT_FSIZE": request["file_bytes"] + 4 * longest,
        "RLIMIT_NOFILE": request["open_files"],
        "RLIMIT_CORE": 0,
    }
    if sys.platform == "linux":
        limits["RLIMIT_NPROC"] = request["processes"] + tasks
    for name, value in limits.items():
        which = getattr(resource, name)
        hard = resource.getrlimit(which)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(which, (value, value))
        except (ValueError, OSError):
            if sys.platform == "linux":
                raise


def _own_size() -> int:
    """Bytes of address space that the server itself takes, which are not the program's fault."""
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def _tasks_of_user() -> int:
    """Processes and threads that this user has already: RLIMIT_NPROC counts them all."""
    count = 0
    for name in os.listdir("/proc") if os.path.isdir("/proc/self") else ():
        if name.isdigit():
            try:
                if os.stat(f"/proc/{name}").st_uid == os.getuid():
                    count += os.stat(f"/proc/{name}/task").st_nlink - 2
            except OSError:
                continue
    return count


def _spare_user() -> int | None:
    """A user id of our own for the programs if we are root, to whom a limit on processes does not apply."""
    if sys.platform != "linux" or os.getuid() != 0:
        return None
    user = 0x70000000 + os.getpid() % 0x0FFFFFFF
    pid = os.fork()
    if pid == 0:
        try:
            _drop_privileges(user)
            with open(os.__file__, "rb"):
                os._exit(0)
        finally:
            os._exit(1)
    return user if os.waitpid(pid, 0)[1] == 0 else None


def _drop_privileges(user: int) -> None:
    """Become ``user``, keeping of root's powers only that of reading, which the standard library may need."""
    libc.prctl(KEEP_CAPABILITIES, 1, 0, 0, 0)
    os.setgroups([])
    if sys.platform == "linux":
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    header = struct.pack("<Ii", CAPABILITY_VERSION, 0)
    if libc.capset(header, struct.pack("<6I", READ_ANY_FILE, READ_ANY_FILE, 0, 0, 0, 0)):
        raise OSError(ctypes.get_errno(), "capset")
    libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)


def _end(pid: int) -> None:
    """Kill and reap the program's process, its group, and whatever it started that left the group."""
    for send in (os.killpg, os.kill):
        # The group is gone if the program left it, or not there yet if the child is very young.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            send(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    deadline = time.monotonic() + 5.0
    while time.monotonic() < deadline:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                _kill_descendants()
        except ChildProcessError:
            return
    # Something forks faster than it can be killed: a new server, with a new user id, is cleaner than this one.
    raise Broken


def _kill_descendants() -> None:
    """Stop everything below us first, for what is stopped cannot fork; then kill it."""
    for send in (signal.SIGSTOP, signal.SIGKILL):
        for pid in _descendants(os.getpid()):
            try:
                os.kill(pid, send)
            except ProcessLookupError:
                continue
    time.sleep(0.001)


def _descendants(root: int) -> list[int]:
    found: list[int] = []
    todo = [root]
    while todo:
        parent = todo.pop()
        try:
            threads = os.listdir(f"/proc/{parent}/task")
            texts = [Path(f"/proc/{parent}/task/{thread}/children").read_text() for thread in threads]
        except OSError:
            continue
        new = [int(pid) for text in texts for pid in text.split()]
        found += new
        todo += new
    return found


def _remove(directory: str) -> None:
    try:
        os.rmdir(directory)
    except OSError:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    home = os.getcwd()
    try:
        main()
    except (Broken, BrokenPipeError, ConnectionResetError):
        sys.exit(1)
    finally:
        # Whoever started us may have died without cleaning up. A forked child never comes here.
        shutil.rmtree(home, ignore_errors=True)
