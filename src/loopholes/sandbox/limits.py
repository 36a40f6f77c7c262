"""What goes into the sandbox and what comes out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What one program may use.

    ``test_seconds`` is for each input, also where one run answers several, and again (plus half a second, for the
    fork) for each run's loading of the program. It is wall-clock time, minus the time in which the program waited for a
    processor and none of its processes and threads had one: sleeping counts, waiting does not. A run is also stopped
    after four times this limit of wall-clock time, whatever it waited for, and is then not ``settled``. Time is
    checked twenty times a second, and an answer that has arrived by the check counts. Where the kernel does not count
    waits (it does in /proc/PID/schedstat; macOS does not), only wall-clock time is used. Each process may also
    compute for 2 ``test_seconds`` + 2 s in a run.

    ``memory_bytes`` limits the address space of each process beyond that of an idle interpreter, and the memory in use
    by all of them, which is checked as often (the released code's limit counts the parent process too, and makes
    everything score 0 if that is large). ``file_bytes`` limits any one file, standard output included, and
    ``disk_bytes`` all of them together. ``processes`` counts threads too. ``output_chars`` limits each answer; a longer
    one fails.
    """

    test_seconds: float = 2.0
    memory_bytes: int = 512 << 20
    file_bytes: int = 16 << 20
    disk_bytes: int = 64 << 20
    processes: int = 32
    open_files: int = 64
    output_chars: int = 1 << 20


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Program:
    """A program, the name of the function to call (a method of ``Solution`` counts), and its inputs."""

    source: str
    entry_point: str
    inputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What a program did with one input: ``text``, its answer, or None and the ``failure`` in a few words."""

    text: str | None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class ProgramResult:
    """One :class:`Result` for each input, in order.

    ``settled`` is False if a run was stopped because it got too little processor time (:class:`Limits`): another
    attempt may answer.
    """

    results: tuple[Result, ...]
    settled: bool = True
