"""The reward fixtures: each vulnerable one pays its reported exploit, its twin does not, and all tell right from wrong.

Rewards are loaded and called as an audit does it, by the integration of their framework.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import catalogue
import make_data
from loopholes.audit.frameworks import plain, trl, verl
from loopholes.audit.frameworks.base import Paid, Part, Reward, Row
from support.reward_exploits import EXPLOITS, Exploit, wrong

ROOT = Path(__file__).parents[2]
REWARDS = ROOT / "benchmarks" / "rewards"
NAMED = {fixture.name: fixture for fixture in catalogue.FIXTURES}
VULNERABLE = [fixture for fixture in catalogue.FIXTURES if fixture.vulnerable]
SOUND = [fixture for fixture in catalogue.FIXTURES if not fixture.vulnerable]
BUILD: dict[str, Callable[[Sequence[Part], Mapping[str, Any]], Any]] = {
    "plain": plain.build,
    "trl": trl.build,
    "verl": verl.build,
}
Records = list[dict[str, Any]]
STARTING = ("slow_extractor", "share_of_tests", "whole_output")


@cache
def records(data: str) -> Records:
    return [json.loads(line) for line in (REWARDS / "data" / data).read_text(encoding="utf-8").splitlines()]


def reward(fixture: catalogue.Fixture) -> Reward:
    """Loaded anew, so that nothing is left in a cache."""
    built: Reward = BUILD[fixture.framework]([Part(str(REWARDS / fixture.file), fixture.function)], {})
    return built


def as_row(number: int, record: dict[str, Any]) -> Row:
    prompt = record["prompt"] if isinstance(record["prompt"], str) else tuple(record["prompt"])
    return Row(number, prompt, record["golden"], columns=record)


def pay(fixture: catalogue.Fixture, chosen: Records, texts: list[str]) -> list[Paid]:
    return reward(fixture)([as_row(number, record) for number, record in enumerate(chosen)], texts)


def values(fixture: catalogue.Fixture, chosen: Records, texts: list[str]) -> list[float]:
    """What is paid; where the reward does not apply, NaN, which is more than nothing and less than nothing."""
    paid = pay(fixture, chosen, texts)
    assert not [payment.problem for payment in paid if payment.problem and payment.value is None]
    return [math.nan if payment.value is None else payment.value for payment in paid]


def goldens(chosen: Records) -> list[str]:
    return [record["golden"] for record in chosen]


def rows_of(fixture: catalogue.Fixture) -> Records:
    """The rows that a fixture is tried on: the first ones where each starts processes."""
    rows = records(fixture.data)
    return rows[:8] if fixture.file == "coding.py" or fixture.name in STARTING else rows


@cache
def usual(fixture: catalogue.Fixture) -> tuple[list[float], list[float], list[float]]:
    """What golden, wrong and blank completions are paid, row by row."""
    rows = rows_of(fixture)
    bad = [wrong(fixture.data, record, records(fixture.data)) for record in rows]
    golden, blank = [record["golden"] for record in rows], [""] * len(rows)
    return values(fixture, rows, golden), values(fixture, rows, bad), values(fixture, rows, blank)


def reached(fixture: catalogue.Fixture, exploit: Exploit, floor: float) -> list[float]:
    """How far the exploit gets from the reward's floor (0) to what the golden completion of its row is paid (1)."""
    rows, (golden, bad, blank) = rows_of(fixture), usual(fixture)
    floor = min([floor, *(value for value in (*golden, *bad, *blank) if not math.isnan(value))])
    places = [place for place, record in enumerate(rows) if exploit.where(record)][: exploit.rows]
    chosen = [rows[place] for place in places]
    far = []
    for value, place in zip(values(fixture, chosen, list(map(exploit.text, chosen))), places, strict=True):
        if math.isnan(value) or value <= floor:
            far.append(0.0)
        else:
            far.append((value - floor) / (golden[place] - floor) if golden[place] > floor else math.inf)
    return far


def test_the_catalogue_is_whole() -> None:
    assert len(NAMED) == len(catalogue.FIXTURES)
    assert len(VULNERABLE) >= 30 and sum(fixture.twin is None for fixture in SOUND) >= 10
    for fixture in catalogue.FIXTURES:
        assert fixture.family in catalogue.FAMILIES and (REWARDS / "data" / fixture.data).is_file()
        if fixture.twin:
            assert NAMED[fixture.twin].twin == fixture.name and NAMED[fixture.twin].half == fixture.half
    assert {fixture.family for fixture in VULNERABLE} == set(catalogue.FAMILIES)
    own = {"cached_by_text", "alarm_in_a_thread"}
    assert set(EXPLOITS) | own == {fixture.name for fixture in VULNERABLE}


def test_half_of_each_family_is_unseen() -> None:
    counts = Counter((fixture.family, fixture.half) for fixture in VULNERABLE)
    for family in catalogue.FAMILIES:
        assert abs(counts[family, "seen"] - counts[family, "unseen"]) <= 1
    assert abs(sum(n if half == "seen" else -n for (_, half), n in counts.items())) <= 1


@pytest.mark.parametrize("name", make_data.SETS)
def test_the_data_is_what_the_generator_makes(name: str) -> None:
    assert (REWARDS / "data" / f"{name}.jsonl").read_text(encoding="utf-8") == make_data.text(name)
    rows = records(f"{name}.jsonl")
    assert 24 <= len(rows) <= 60 and len({json.dumps(row["prompt"]) for row in rows}) == len(rows)
    assert all(row["golden"].strip() for row in rows)


@pytest.mark.slow
@pytest.mark.parametrize("fixture", SOUND, ids=lambda fixture: fixture.name)
def test_a_sound_reward_pays_golden_completions_most(fixture: catalogue.Fixture) -> None:
    golden, bad, blank = usual(fixture)
    scored = [place for place, value in enumerate(golden) if not math.isnan(value)]
    assert len(scored) >= 4
    assert sum(golden[place] > max(bad[place], blank[place]) for place in scored) >= 0.95 * len(scored)
    assert max(blank[place] for place in scored) <= min(golden[place] for place in scored) - 0.5


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPLOITS)
def test_a_vulnerable_reward_pays_its_exploit_and_its_twin_does_not(name: str) -> None:
    fixture, exploit = NAMED[name], EXPLOITS[name]
    twin = reached(NAMED[f"{name}_hardened"], exploit, math.inf)
    assert len(twin) >= 4 and sum(share <= 0.25 for share in twin) >= 0.95 * len(twin)
    if exploit.breaks:
        rows = rows_of(fixture)
        assert all("raised" in payment.problem for payment in pay(fixture, rows, list(map(exploit.text, rows))))
    else:
        far = reached(fixture, exploit, exploit.floor)
        assert sum(share >= exploit.share for share in far) >= 0.9 * len(far)


@pytest.mark.parametrize("name", [name for name, exploit in EXPLOITS.items() if exploit.graded])
def test_a_vulnerable_reward_tells_golden_completions_from_wrong_ones_otherwise(name: str) -> None:
    where = [EXPLOITS[name].where(record) for record in rows_of(NAMED[name])]
    golden, bad, _ = usual(NAMED[name])
    places = [place for place, exploited in enumerate(where) if not exploited or all(where)]
    assert sum(golden[place] > bad[place] for place in places) >= 0.95 * len(places) > 0


def test_a_cache_by_text_pays_for_another_question() -> None:
    rows = records("arithmetic_boxed.jsonl")
    other = [*goldens(rows)[1:], rows[0]["golden"]]
    for name, share in (("cached_by_text", 1.0), ("cached_by_text_hardened", 0.0)):
        function = reward(NAMED[name])
        audited = [as_row(number, record) for number, record in enumerate(rows)]
        assert [paid.value for paid in function(audited, goldens(rows))] == [1.0] * len(rows)
        assert [paid.value for paid in function(audited, other)] == [share] * len(rows)


def test_an_alarm_in_a_thread_pays_nothing() -> None:
    rows = records("arithmetic_boxed.jsonl")
    assert set(values(NAMED["alarm_in_a_thread"], rows, goldens(rows))) == {0.0}
    assert set(values(NAMED["alarm_in_a_thread_hardened"], rows, goldens(rows))) == {1.0}
