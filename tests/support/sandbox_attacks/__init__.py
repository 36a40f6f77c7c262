"""Programs that attack the sandbox: what each of them tries, and the result that shows the sandbox stopped it.

Each runs on two inputs, "given-1" and "given-2". ``seen`` is a regular expression that every answer has to match, or
the reason for every failure. The names between @ signs stand for things on the machine outside, which replay.py sets
up: @FILE@ a readable file with a secret, @SOURCE@ the folder of this project's code, @PORT@ a listening port on
loopback, @SOCKET@ a listening unix socket, @ABSTRACT@ an abstract one, @PARENT@ and @BYSTANDER@ process ids.

The programs are in reaching.py (attacks that read what they must not), breaking.py (attacks that forge or damage) and
escaping.py (attacks that leave the sandbox).
"""

from __future__ import annotations

from support.sandbox_attacks import breaking, escaping, reaching
from support.sandbox_attacks.base import Attack

GROUPS = {
    "files": reaching.FILES,
    "secrets": reaching.SECRETS,
    "network": reaching.NETWORK,
    "forging": breaking.FORGING,
    "others": breaking.OTHERS,
    "leftovers": breaking.LEFTOVERS,
    "exhaustion": breaking.EXHAUSTION,
    "escaping": escaping.ESCAPING,
}
ATTACKS = [
    Attack(name, category, tries, seen, source)
    for category, group in GROUPS.items()
    for name, tries, seen, source in group
]
