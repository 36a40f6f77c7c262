"""A second wall around the files, besides the tree that is mounted: Landlock, where the kernel has it.

It repeats the rules of the mounts (read everywhere, write in one place), refuses every mount, and keeps programs from
abstract sockets and from signalling processes outside. It is optional: the file tree and the namespaces hold without
it.
"""

from __future__ import annotations

import os
import struct

from loopholes.sandbox.inside import kernel

EXECUTE, WRITE, READ, LIST, TRUNCATE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14
MAKE_DEVICES = 1 << 6 | 1 << 11
# What each version of the interface can refuse about files (as the number of bits), connections and other processes.
FILE_BITS = {1: 13, 2: 14, 3: 15, 4: 15}
CONNECTIONS, SCOPES = 0b11, 0b11
VERSION_ONLY, PATH_BENEATH = 1, 1


def version() -> int:
    """The interface's version, 0 if there is none."""
    try:
        return kernel.call(kernel.LANDLOCK_CREATE, "Landlock", None, 0, VERSION_ONLY)
    except OSError:
        return 0


def rules(granted: dict[str, int]) -> int | None:
    """A descriptor of a rule set that grants access below each path and nowhere else; None without Landlock."""
    abi = version()
    if not abi:
        return None
    files = (1 << FILE_BITS.get(abi, 16)) - 1
    words = [files, CONNECTIONS if abi >= 4 else 0, SCOPES if abi >= 6 else 0]
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    descriptor = kernel.call(kernel.LANDLOCK_CREATE, "Landlock", struct.pack("QQQ", *words), size, 0)
    for path, rights in granted.items():
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = struct.pack("=Qi", rights & files, beneath)
        kernel.call(kernel.LANDLOCK_ADD, "Landlock", descriptor, PATH_BENEATH, rule, 0)
        os.close(beneath)
    return descriptor


def restrict(ruleset: int) -> None:
    """Apply the rules to this process, irrevocably."""
    kernel.call(kernel.LANDLOCK_RESTRICT, "Landlock", ruleset, 0)
