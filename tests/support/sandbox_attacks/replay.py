"""Replays the package's attacks as the first process of its own pid namespace, and prints each result.

A weak sandbox would let the attacks damage the machine. So this refuses to start outside a namespace, caps memory and
processes, and exits when all processes together use more than CAP bytes. It prints one line of JSON per attack.
"""

from __future__ import annotations

import json
import os
import platform
import random
import re
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import loopholes
from loopholes.sandbox import Limits, Program, pool, run_programs
from support.sandbox_attacks import ATTACKS

# private _memory, _pool: every attack starts without answers, and no process of a server may outlive one


CAP = 3 << 30
TASKS = 500
HASTY = Limits(test_seconds=0.5, output_chars=1 << 16)
NEIGHBOUR = Program("def solve(s):\n    return s + ' honest'", "solve", ("'an'", "'another'"))


def cap() -> str:
    """Limit memory and processes for this process and its children. Returns the reason if that is impossible."""
    if os.getpid() != 1:
        return "not in a pid namespace of its own"
    resource.setrlimit(resource.RLIMIT_AS, (CAP, CAP))
    release = tuple(int(part) for part in platform.release().split(".")[:2])
    if os.geteuid() != 0:
        resource.setrlimit(resource.RLIMIT_NPROC, (TASKS, TASKS))
    elif release >= (6, 14):  # where this number belongs to the pid namespace
        Path("/proc/sys/kernel/pid_max").write_text(str(TASKS))
    else:
        return "the number of root's processes cannot be capped on this kernel"
    threading.Thread(target=watch, daemon=True).start()
    return ""


def watch() -> None:
    """Exit when the namespace uses too much memory. This is its first process, so all others end with it."""
    while True:
        used = 0
        for statm in Path("/proc").glob("[0-9]*/statm"):
            try:
                used += int(statm.read_text().split()[1]) * resource.getpagesize()
            except (OSError, ValueError):
                continue
        if used > CAP:
            os._exit(99)
        time.sleep(0.02)


def stage(folder: Path) -> dict[str, str]:
    """Set up the targets of the attacks. Returns the value for each name between @ signs."""
    secret = folder / "secret"
    secret.write_text("hidden-9")
    for path in (folder, secret):
        path.chmod(0o755)
    listening = [socket.create_server(("127.0.0.1", 0)), *(socket.socket(socket.AF_UNIX) for _ in range(2))]
    listening[1].bind(str(folder / "socket"))
    os.chmod(folder / "socket", 0o777)
    abstract = f"attacked-{folder.name}"  # such names are shared by the whole machine, where another replay may run
    listening[2].bind(f"\0{abstract}")
    for each in listening[1:]:
        each.listen()
    STAGED.extend(listening)
    os.environ["ATTACKED_SECRET"] = "hidden-8"
    return {
        "@FILE@": str(secret),
        "@SOURCE@": str(Path(loopholes.__file__).parents[1]),
        "@PORT@": str(listening[0].getsockname()[1]),
        "@SOCKET@": str(folder / "socket"),
        "@ABSTRACT@": abstract,
        "@PARENT@": str(os.getpid()),
    }


STAGED: list[socket.socket] = []


def count_descendants(pid: int) -> int:
    """The number of descendants of a process."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    children = [int(word) for word in path.read_text().split()] if path.exists() else []
    return len(children) + sum(map(count_descendants, children))


def main() -> None:
    """Run the attacks in turn, with an honest program after each."""
    if reason := cap():
        print(json.dumps({"refused": reason}), flush=True)
        return
    kind = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as ending:
        bystander = subprocess.Popen(["sleep", "600"])
        ending.callback(bystander.kill)
        names = {**stage(Path(folder)), "@BYSTANDER@": str(bystander.pid)}
        quick: dict[str, list[str]] = {}
        for attack in ATTACKS:
            source = attack.source
            for name, value in names.items():
                source = source.replace(name, value)
            before = time.monotonic()
            (hostile,) = run_programs([Program(source, "solve", ("given-1", "given-2"))], limits=HASTY, sandbox=kind)
            seconds = time.monotonic() - before
            (honest,) = run_programs([NEIGHBOUR], sandbox=kind)
            record: dict[str, Any] = {
                "name": attack.name,
                "seen": [result.failure if result.text is None else result.text for result in hostile.results],
                "neighbour": [result.text for result in honest.results],
                "left": max(count_descendants(server.process.pid) for server in pool._pool.idle) - (kind == "isolated"),
                "seconds": seconds,
                "folder": sorted(path.name for path in Path(folder).iterdir()),
                "bystander": bystander.poll() is None,
            }
            print(json.dumps(record), flush=True)
            pool._memory = pool.Memory()
            if seconds < HASTY.test_seconds / 4:  # on a busy machine a slower one could fail for being slow
                quick[source] = [without_addresses(seen) for seen in record["seen"]]
        print(json.dumps({"name": "shuffled", "changed": changed_side_by_side(quick, kind)}), flush=True)


def without_addresses(text: str) -> str:
    """The text without memory addresses, which differ from server to server."""
    return re.sub("0x[0-9a-f]+", "0x", text)


def changed_side_by_side(alone: dict[str, list[str]], kind: str) -> list[str]:
    """The programs whose answers change when all run side by side in another order."""
    sources = list(alone)
    random.Random(0).shuffle(sources)
    programs = [Program(source, "solve", ("given-1", "given-2")) for source in sources]
    answers = run_programs(programs, limits=HASTY, workers=2, sandbox=kind)
    seen = [
        [without_addresses(each.failure if each.text is None else each.text) for each in answer.results]
        for answer in answers
    ]
    return [source for source, texts in zip(sources, seen, strict=True) if texts != alone[source]]


if __name__ == "__main__":
    main()
