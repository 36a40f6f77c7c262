"""Runs programs that a model wrote, and says what they answered.

Each run of a program, with one input, is a fork of a small server that never sees a program, an input or an answer. (A
program in whose syntax nothing could keep or fetch anything gets its inputs one after another in one run, each with a
time limit of its own: see :mod:`loopholes.sandbox.inside.syntax`. Any other is assumed to be hostile.) The answer is
text of bounded length, and is compared out here, where the expected outputs are. There are two ways to run programs,
chosen by ``run_programs(sandbox=)``, ``--sandbox`` or the environment (LOOPHOLES_SANDBOX).

**isolated** (the default; Linux on x86-64 or aarch64; no root, nothing to install; refused where the kernel does not
support it). A run can no longer

- read or write any file but the standard library, the libraries that it links to, /bin/sh, time zones and five
  devices, all read-only, and an empty directory in memory that is deleted with the run: so no home, no project, no
  installed package, no /proc or /sys, no other run's files (a mount namespace, and Landlock where the kernel has it);
- see its other tests' inputs, any expected output, any other program, or this process's memory and environment:
  none of them was ever in a process that it descends from, and a program that could remember an input is loaded
  afresh for each one;
- use a network, loopback and outside unix sockets included (a network namespace; only unix sockets can be made);
- see, signal or trace any process but its own, or leave one behind (a pid namespace for each run, ended as a whole);
- leave System V, POSIX or keyring objects, get capabilities, make namespaces, mount, or reach the kernel's larger
  and rarer parts (seccomp; no capability, no new privileges);
- earn by odd objects, forged frames, closed descriptors or early ends: the channel's format carries nothing that
  printing would not, and the first answer counts;
- use more than its :class:`Limits` of time, memory, processes, files and output; a run that exceeds them fails, and
  no other;
- use up another program's time: a program's clock stops while it waits for a processor (Limits says how, and for how
  long). A program that the others starve for longer runs again, alone, when they are done; if the rest of the machine
  starves it even then, it fails, and that failure is not remembered.

It does not stop: a hole in the kernel itself, which all programs share (for a policy that may find one, run
Loopholes in a virtual machine); signals between cooperating runs through what the machine shares (how long things
take, free memory, the kernel's counters); using more memory than allowed for up to 50 ms, the sampling interval; and
slowing the machine down for as long as the limits allow. Memory of all of a run's processes together is bounded only
where /proc shows it; that of each process always is. Time is computing time, not work: a program that shares a core's
caches or threads, or runs on a busy virtual machine, gets less done in it. A program that works only in processes
shorter than the sampling interval can hide its computing time and use up to four times the limit. Programs can see
the names of the directories in which Python is installed.

**process** (also macOS). The same fork server, limits and comparison, without any isolation: programs can read
whatever the user can, connect to anything, write wherever the user may, and signal the user's other processes and
read their memory where the system allows it. If the user is root, they run as a user of their own, which keeps only
root's power to read files. For programs that are trusted not to be hostile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopholes.lazy import on_first_use

if TYPE_CHECKING:
    from loopholes.sandbox.limits import DEFAULT_LIMITS, Limits, Program, ProgramResult, Result
    from loopholes.sandbox.pool import run_programs
    from loopholes.sandbox.server import mode

__all__ = ["DEFAULT_LIMITS", "Limits", "Program", "ProgramResult", "Result", "mode", "run_programs"]

if not TYPE_CHECKING:  # a reward's process, which confines itself, imports no fork server
    __getattr__ = on_first_use(
        __name__,
        {
            "limits": ["DEFAULT_LIMITS", "Limits", "Program", "ProgramResult", "Result"],
            "pool": ["run_programs"],
            "server": ["mode"],
        },
    )
