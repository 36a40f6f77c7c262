"""What goes into the sandbox and what comes out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What one program may use.

    ``test_seconds`` is wall-clock time for each input, and again for loading the program; ``memory_bytes`` is
    address space beyond an idle interpreter's, for each process, and memory in use by all of them, looked at now and
    then (the released limit counts the parent process too, and makes everything score 0 where that is large);
    ``file_bytes`` the size of any one file, standard output included, and ``disk_bytes`` that of all together;
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
