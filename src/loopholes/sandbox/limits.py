"""What goes into the sandbox and what comes out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What one program may use.

    ``test_seconds`` is for each input, also where one run answers several, and again (plus half a second, for the
    fork) for each run's loading of the program. It is time by the clock, less the time in which the program waited for
    a processor and none of its processes and threads had one: who sleeps is ended after ``test_seconds``, who
    computes after computing for as long. By the clock, four times as much is the most that anybody gets, whatever it
    waits for; a run that this ends is not ``settled``. Somebody looks twenty times a second, and an answer that is
    there by then counts. Where the kernel does not count waits (/proc/PID/schedstat; macOS), the clock alone decides.
    Each process may also compute for 2 ``test_seconds`` + 2 s in a run.

    ``memory_bytes`` is address space beyond an idle interpreter's, for each process, and memory in use by all of them,
    looked at as often (the released limit counts the parent process too, and makes everything score 0 where that is
    large); ``file_bytes`` the size of any one file, standard output included, and ``disk_bytes`` that of all together;
    ``processes`` counts threads too; ``output_chars`` bounds each answer, and a longer one fails.
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

    ``settled`` is False if a run was ended because it got too little of a processor (:class:`Limits`): another time
    it may answer.
    """

    results: tuple[Result, ...]
    settled: bool = True
