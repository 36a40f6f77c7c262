"""The type of an attack, and helpers that write its program. See the package's docstring."""

from __future__ import annotations

from typing import NamedTuple


class Attack(NamedTuple):
    """A hostile program."""

    name: str
    category: str
    tries: str
    seen: str
    source: str


PRELUDE = """
import ctypes, os, socket, sys, time
libc = ctypes.CDLL(None, use_errno=True)
def tried(*attempts):
    'What the first attempt that works gave, or else how the last one was refused.'
    for attempt in attempts:
        try: value = attempt()
        except BaseException as error: said = 'refused: ' + type(error).__name__
        else: return 'GOT ' + repr(value)[:200]
    return said
def called(result):
    if result < 0: raise OSError(ctypes.get_errno(), 'refused')
    return result
def call(x86, arm, *words):
    'A system call by number.'
    return called(libc.syscall(x86 if os.uname().machine == 'x86_64' else arm, *map(ctypes.c_long, words)))
"""
REFUSED = "refused: .*"
KILLED = "the program('s process ended without a result.*| was killed, twice.*)|took longer than .*"
SLOW = "took longer than .*"


def tries(*attempts: str) -> str:
    """A program that answers with the value of the first expression that works, or with the last refusal."""
    return (
        PRELUDE + "def solve(s):\n    return tried(" + ", ".join(f"lambda: {attempt}" for attempt in attempts) + ")\n"
    )


def does(*lines: str) -> str:
    """A program with these lines as the body of ``solve``."""
    return PRELUDE + "def solve(s):\n" + "".join(f"    {line}\n" for line in lines)
