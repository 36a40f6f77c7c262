"""Every attack of support/sandbox_attacks is replayed in a jail of its own, and none gets what it is after."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from support.sandbox_attacks import ATTACKS
from support.sandbox_attacks.base import Attack

HONEST = ["an honest", "another honest"]
JAIL = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
SECONDS = 300


@pytest.fixture(scope="module")
def replayed() -> dict[str, dict[str, Any]]:
    """What replay.py saw of each attack, by name."""
    if sys.platform != "linux" or not shutil.which("unshare"):
        pytest.skip("the attacks run only in a pid namespace of their own, which needs Linux and unshare(1)")
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    command = [*JAIL, *user, sys.executable, "-B", "-m", "support.sandbox_attacks.replay", "isolated"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    if not records and "unshare" in done.stderr:
        pytest.skip(f"the attacks run only in a pid namespace of their own: {done.stderr.strip()}")
    if records and "refused" in records[0]:
        pytest.skip(f"the attacks run only with caps on memory and processes: {records[0]['refused']}")
    assert done.returncode == 0, done.stderr
    return {record["name"]: record for record in records}


def test_there_are_many_attacks_of_every_kind() -> None:
    assert len(ATTACKS) == len({attack.name for attack in ATTACKS}) >= 60
    assert min(Counter(attack.category for attack in ATTACKS).values()) >= 5


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack.category}-{attack.name}")
def test_the_attack_gets_nothing(attack: Attack, replayed: dict[str, dict[str, Any]]) -> None:
    record = replayed[attack.name]
    for number, seen in enumerate(record["seen"], 1):
        assert re.fullmatch(attack.seen, seen, re.DOTALL), attack.tries
        assert not re.search(f"hidden-[0-9]|given-[^{number}]", seen), "it saw what it must not see"
    assert record["neighbour"] == HONEST
    assert record["left"] == 0, "processes outlive it"
    assert record["bystander"], "it ended somebody else's process"
    assert record["folder"] == ["secret", "socket"], "it wrote to files outside"


def test_order_and_company_change_no_attack_either(replayed: dict[str, dict[str, Any]]) -> None:
    assert replayed["shuffled"]["changed"] == []
