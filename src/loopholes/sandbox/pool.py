"""Many programs, few servers: no program twice, answers remembered, dead servers replaced."""

from __future__ import annotations

import atexit
import os
import threading
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from loopholes.cores import cores
from loopholes.sandbox.limits import DEFAULT_LIMITS, Limits, Program, ProgramResult, Result
from loopholes.sandbox.server import Kind, Server, ServerDied, checked, mode, start

MEMORY_CHARS = 32 << 20
BROKE_ITS_SERVER = "the program ended the process that runs it, twice"


Key = tuple[Program, Limits, Kind]


class Memory:
    """Answers to the most recent programs, bounded by the characters that they take (32 Mi by default)."""

    def __init__(self, most: int = MEMORY_CHARS) -> None:
        self.most, self.size = most, 0
        self.answers: OrderedDict[Key, tuple[ProgramResult, int]] = OrderedDict()
        self.lock = threading.Lock()

    def get(self, key: Key) -> ProgramResult | None:
        """The answer, if it is still remembered."""
        with self.lock:
            if key not in self.answers:
                return None
            self.answers.move_to_end(key)
            return self.answers[key][0]

    def put(self, key: Key, answer: ProgramResult) -> None:
        """Remember an answer and forget the oldest ones."""
        texts = [key[0].source, *key[0].inputs, *(result.text or result.failure for result in answer.results)]
        size = sum(map(len, texts)) + 500
        with self.lock:
            self.size += size - self.answers.pop(key, (None, 0))[1]
            self.answers[key] = answer, size
            while self.size > self.most:
                self.size -= self.answers.popitem(last=False)[1][1]


class Pool:
    """Idle servers; each is lent to one thread at a time."""

    def __init__(self) -> None:
        self.idle: list[Server] = []
        self.lock = threading.Lock()

    @contextmanager
    def borrowed(self, kind: Kind) -> Iterator[Lease]:
        """A lease on a server; a second thread gets a second server. Raises ScoringError if none starts."""
        lease = Lease(self.take(kind))
        try:
            yield lease
        except BaseException:
            # Interrupted in the middle of an exchange: no other caller could make sense of what comes next.
            lease.server.close()
            raise
        with self.lock:
            self.idle.append(lease.server)

    def take(self, kind: Kind) -> Server:
        """An idle server, or a new one."""
        with self.lock:
            for server in self.idle:
                if server.kind == kind:
                    self.idle.remove(server)
                    return server
        return start(kind)

    def close(self) -> None:
        """End every idle server."""
        with self.lock:
            idle, self.idle = self.idle, []
        for server in idle:
            server.close()


class Lease:
    """A server on loan, replaced when it dies."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def run(self, program: Program, limits: Limits, alone: bool) -> tuple[ProgramResult, bool]:
        """The answer, and whether it may be remembered. A program that was running when its server died runs once more.

        If a second server dies of the same program while a third one works, the program kills them, and it fails.
        Raises :class:`ScoringError` if no server starts: that says nothing about the program.
        """
        for _ in range(2):
            try:
                answer = self.server.run(program, limits, alone)
                return answer, answer.settled
            except ServerDied:
                self.server.close()
                self.server = start(self.server.kind)
        return ProgramResult((Result(None, BROKE_ITS_SERVER),) * len(program.inputs)), False


_memory = Memory()
_pool = Pool()


def run_programs(
    programs: Sequence[Program],
    *,
    limits: Limits = DEFAULT_LIMITS,
    workers: int | None = None,
    sandbox: str | None = None,
) -> list[ProgramResult]:
    """Run every program against its inputs; the answers come in order.

    Equal programs run once, and an answer is remembered for a while, so that a channel and a measurement that ask
    the same thing cost one run. ``workers`` servers run side by side, one program at a time each, and take the next
    when they are free; None means two for each core that this process may use (one works while the other
    waits), shared with the other processes of a distributed launch on this machine (LOCAL_WORLD_SIZE). ``sandbox`` is
    "isolated" or "process" (the package's docstring says what each one stops); None takes it from the environment
    (LOOPHOLES_SANDBOX), else "isolated". Works from any thread and after a fork.

    Raises :class:`~loopholes.errors.ScoringError` if the sandbox itself cannot run; whatever a program does is a
    :class:`Result` and never an exception.
    """
    kind = mode() if sandbox is None else checked(sandbox)
    answers: dict[Program, ProgramResult] = {}
    todo: list[Program] = []
    for program in dict.fromkeys(programs):
        result = _memory.get((program, limits, kind)) if program.inputs else ProgramResult(())
        if result is None:
            todo.append(program)
        else:
            answers[program] = result
    if todo:
        answers.update(_side_by_side(todo, limits, kind, min(workers or _default_workers(), len(todo))))
    return [answers[program] for program in programs]


def _default_workers() -> int:
    sharing = os.environ.get("LOCAL_WORLD_SIZE", "")
    return max(1, 2 * cores() // max(1, int(sharing) if sharing.isdecimal() else 1))


def _side_by_side(todo: Sequence[Program], limits: Limits, kind: Kind, workers: int) -> dict[Program, ProgramResult]:
    """The answers of ``workers`` servers, each of which takes the next program when it is done with one.

    A program that got too little processor time beside the others runs again, alone, when they are done.
    """
    waiting = deque(todo)
    answers: dict[Program, ProgramResult] = {}

    def work(_: int) -> None:
        with _pool.borrowed(kind) as lease:
            while waiting:
                try:
                    program = waiting.popleft()
                except IndexError:  # another was faster
                    return
                answers[program], worth_keeping = lease.run(program, limits, workers == 1)
                if worth_keeping:
                    _memory.put((program, limits, kind), answers[program])

    if workers == 1:
        work(0)
        return answers
    with ThreadPoolExecutor(workers) as threads:
        try:
            list(threads.map(work, range(workers)))
        finally:
            waiting.clear()  # interrupted or broken: start no other program
    starved = [program for program in todo if not answers[program].settled]
    return answers | _side_by_side(starved, limits, kind, 1) if starved else answers


def _forget_after_fork() -> None:
    """In a forked child: the servers are the parent's, and the locks may be held by threads that are gone."""
    global _memory, _pool
    for server in _pool.idle:
        server.close()
    _memory, _pool = Memory(), Pool()


atexit.register(lambda: _pool.close())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
