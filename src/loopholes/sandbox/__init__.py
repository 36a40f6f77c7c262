"""Runs programs that a model wrote, and says what they answered.

Each program runs in a process of its own, forked from a small server that holds no expected output, nothing of the
memory of this process, none of its environment and none of its open files. Its answers come back as bounded text
and nothing else; they are compared out here.

What this stops: a program cannot read the expected outputs or what other programs answered; it cannot pass by
returning an odd object, printing to or writing on any descriptor, or ending early; endless loops, crashes, big
memory, big files and many processes cost that program alone, within :class:`Limits`. Processes that a program leaves
behind are killed. As root, programs run as a user of their own without root's powers, save that of reading files.

What this does not stop, yet: **files and network are not isolated.** A program can read whatever the user who runs
this can read, connect to anything, write to whatever that user may write to (as root: to what anybody may), and fill
the disk file by file. When not root, it may send signals to that user's other processes, this one included, and read
their memory where the system allows it. Run untrusted models in a container or a virtual machine.
"""

from __future__ import annotations

from loopholes.sandbox.pool import run_programs
from loopholes.sandbox.records import DEFAULT_LIMITS, Limits, Program, ProgramResult, Result

__all__ = ["DEFAULT_LIMITS", "Limits", "Program", "ProgramResult", "Result", "run_programs"]
