"""Programs that attack the sandbox: what each one tries, and what must be seen of it instead.

Each is run with two inputs, "given-1" and "given-2". ``seen`` is a regular expression that every one of its answers
has to match, or else the reason of every failure. Between @ signs stand things of the machine outside, which replay.py
sets up: @FILE@ a readable file with a secret, @SOURCE@ the folder of this project's code, @PORT@ a listening port on
loopback, @SOCKET@ a listening unix socket, @ABSTRACT@ an abstract one, @PARENT@ and @BYSTANDER@ process ids.

The programs themselves are in reaching.py (what they must not get at), breaking.py (what they must not break) and
escaping.py (what they must not get out of).
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
