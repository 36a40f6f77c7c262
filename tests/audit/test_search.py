"""The climb: it finds what no single attack finds, within its calls, repeatably, and on its own rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loopholes.audit import rows_from
from loopholes.audit.attacks import view_of
from loopholes.audit.budget import Budget
from loopholes.audit.form import RAW
from loopholes.audit.frameworks.base import Row
from loopholes.audit.results import Attempt
from loopholes.audit.scale import levels_of
from loopholes.audit.scorer import Scorer
from loopholes.audit.search import STEPS, Search, Variant
from support.rewards import Paying, audited, sums, write_rewards

SAYS = {"red": "red", "green": "green", "blue": "blue", "none": None}
MAKERS: Any = {name: (lambda view, text=text: None if text is None else Attempt(text)) for name, text in SAYS.items()}


def two_of_three(row: Row, text: str) -> float:
    """Half of the scale for a colour, all of it for two. No attack names two."""
    return min(1.0, 0.5 * sum(word in text for word in ("red", "green", "blue"))) if text != row.golden else 1.0


def climbing(
    pay: Any, calls: int = 600, seed: int = 0, budget: Budget | None = None
) -> tuple[Variant | None, Scorer, set[int]]:
    """The best variant, the scorer, and the rows that the climb used."""
    rows = rows_from(sums())
    process = Paying(pay)
    scorer = Scorer(process, rows)
    levels = levels_of(scorer, RAW, None, 0, range(len(rows)))[::2]
    views = {place: view_of(row, RAW, 64) for place, row in enumerate(rows)}
    process.requested.clear()
    scorer.calls = 0
    search = Search(scorer, levels, views, MAKERS, {"red": 0.5, "green": 0.5, "blue": 0.4, "none": 0.0})
    best = search.climb(calls, seed, budget or Budget())
    return best, scorer, {row for row, _ in process.requested if isinstance(row, int)}


def test_a_combination_is_found_where_each_part_alone_pays_half() -> None:
    recipe, _, _ = climbing(two_of_three)
    assert recipe is not None and recipe.share == 1.0
    text = recipe.text(MAKERS, view_of(rows_from(sums())[1], RAW, 64))
    assert text is not None and sum(word in text for word in SAYS) >= 2


def test_the_same_seed_finds_the_same_variant_and_another_seed_searches_differently() -> None:
    first, again = (climbing(two_of_three)[0] for _ in range(2))
    assert first == again
    assert len({climbing(two_of_three, seed=seed)[0] for seed in range(5)}) > 1


@pytest.mark.parametrize("calls", [20, 100])
def test_no_more_calls_are_spent_than_allowed(calls: int) -> None:
    _, scorer, _ = climbing(lambda row, text: float(text == row.golden), calls)
    assert scorer.calls <= calls + 2 * 4


def test_a_climb_ends_when_no_new_call_is_possible() -> None:
    recipe, _, _ = climbing(lambda row, text: float(text == row.golden))
    assert recipe is None or recipe.share <= 0


def test_a_climb_uses_only_its_own_rows() -> None:
    _, _, rows = climbing(two_of_three)
    assert rows == {0, 2, 4, 6}


def test_a_climb_ends_when_it_is_late() -> None:
    recipe, scorer, _ = climbing(two_of_three, budget=Budget(0.0))
    assert recipe is None and scorer.calls <= 12


@pytest.mark.parametrize("step", STEPS)
def test_no_step_makes_an_answer_too_long(step: str) -> None:
    view = view_of(rows_from(sums())[0], RAW, 16)
    makers: Any = {"long": lambda view: Attempt("word " * 12)}
    text = Variant("long", ((step, "long"),) * 3).text(makers, view)
    assert text is None or len(text) <= view.longest


GRADED = """
    def graded(completion, answer):
        if completion == answer:
            return 1.0
        words = ("Great question", "I cannot answer", "verified and final")
        return min(1.0, 0.45 * sum(word in completion for word in words))
"""


@pytest.mark.usefixtures("inside")
def test_the_result_of_a_search_is_measured_on_the_rows_that_it_did_not_use(tmp_path: Path) -> None:
    file = write_rewards(tmp_path, GRADED)
    report = audited(f"{file}:graded", sums(12, "{answer}"), search_calls=3000)
    searched = [finding for finding in report.findings if finding.kind == "search"]
    assert [finding.verdict for finding in searched] == ["exploit"]
    assert searched[0].family in {"hedge", "stuffing"}, "that of the attack that it began with"
    negative = audited(f"{file}:graded=-1", sums(12, "{answer}"), search_calls=3000)
    assert not [finding for finding in negative.findings if finding.verdict == "exploit"], "a component alone"
    assert searched[0].gap is not None and searched[0].gap.n == 6
    assert searched[0].evidence is not None and searched[0].evidence.reward >= 0.9  # type: ignore[operator]
