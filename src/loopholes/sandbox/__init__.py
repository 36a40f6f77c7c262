"""Runs programs that a model wrote, and says what they answered.

Each run of a program, with one input, is a fork of a small server that never sees a program, an input or an answer. (A
program in whose syntax nothing could keep or fetch anything gets its inputs one after another in one run, each with a
time limit of its own: see :mod:`loopholes.sandbox.inside.syntax`. Any other is assumed to be hostile.) What comes back
is text of bounded length, and is compared out here, where the expected outputs are. There are two ways to run them,
chosen by ``run_programs(sandbox=)``, ``--sandbox`` or the environment (LOOPHOLES_SANDBOX).

**isolated** (the default; Linux on x86-64 or aarch64; no root, nothing to install; refused where the kernel does not
give it). A run stops being able to

- read or write any file but the standard library, the libraries that it links to, /bin/sh, time zones and five
  devices, all read-only, and an empty directory in memory that goes with it: so no home, no project, no installed
  package, no /proc or /sys, no other run's files (a mount namespace; Landlock says it again where the kernel has it);
- see its other tests' inputs, any expected output, any other program, or this process's memory and environment:
  they never were in a process that it descends from, and every input of a program that could remember one meets it
  freshly loaded;
- use a network, loopback and outside unix sockets included (a network namespace; only unix sockets can be made);
- see, signal or trace any process but its own, or leave one behind (a pid namespace for each run, ended as a whole);
- leave System V, POSIX or keyring objects, get capabilities, make namespaces, mount, or reach the kernel's larger
  and rarer parts (seccomp; no capability, no new privileges);
- earn by odd objects, forged frames, closed descriptors or early ends: the channel's format carries nothing that
  printing would not, and the first answer counts;
- use more than its :class:`Limits` of time, memory, processes, files and output; overstepping fails that run alone;
- use up another's time: a program's clock stands still while it waits for a processor (Limits says how, and for how
  long). One that the others starve for longer runs again, alone, when they are done; if the rest of the machine
  starves it even then, it fails, and that is not remembered.

It does not stop: a hole in the kernel itself, which all programs share (for a policy that may find one, run
Loopholes in a virtual machine); signals between cooperating runs through what the machine shares (the time things
take, free memory, the kernel's counters); more memory than allowed between two looks, twenty a second; and slowing
the machine down for as long as the limits allow. Memory of all of a run's processes together is bounded only where
/proc shows it; that of each one always. Time is computing time, not work: who shares a core's caches or threads, or a
busy virtual machine, gets less done in it. Who computes only in processes that end between two looks hides that, and
may get the four times that are the most. Names of the directories in which Python is installed can be seen.

**process** (also macOS). The same fork server, limits and comparison, and none of the walls: programs can read
whatever the user can, connect to anything, write wherever that user may, and when not root signal that user's other
processes and read their memory where the system allows it; as root they run as a user of their own without root's
powers, save that of reading files. For programs that are trusted not to be hostile.
"""

from __future__ import annotations

from loopholes.sandbox.limits import DEFAULT_LIMITS, Limits, Program, ProgramResult, Result
from loopholes.sandbox.pool import run_programs
from loopholes.sandbox.server import mode

__all__ = ["DEFAULT_LIMITS", "Limits", "Program", "ProgramResult", "Result", "mode", "run_programs"]
