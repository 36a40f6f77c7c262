"""The contract: each check on a reward that breaks only this rule, and on a sound one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from loopholes.audit import Finding, Gate, baselines, rows_from
from loopholes.audit.budget import Budget
from loopholes.audit.checks import Checks
from loopholes.audit.contract import breaches, remarks
from loopholes.audit.form import form_of
from loopholes.audit.frameworks.base import Paid, Row
from loopholes.audit.observations import Observations, Usage
from loopholes.audit.process_tree import Ended
from loopholes.audit.results import Scoring
from loopholes.audit.scale import Correctness, levels_of
from loopholes.audit.scorer import Scorer, companions_of
from loopholes.audit.worker import Call, Refused, Scored
from support.rewards import Paying, sums

Pay = Callable[[Row, str], Any]


def answer_of(text: str) -> str:
    return text.partition("<answer>")[2].partition("</answer>")[0].strip()


def number(text: str) -> float | None:
    try:
        return float(text.strip(" $"))
    except ValueError:
        return None


def right(row: Row, text: str) -> float:
    """Satisfies the whole contract."""
    value = number(answer_of(text))
    truth = number(str(row.columns["answer"]))
    return float(truth is not None and value == truth)


def never_above(row: Row, text: str) -> float:
    return float(answer_of(text) != "" and text != row.golden)


def mostly_wrong(row: Row, text: str) -> float:
    return never_above(row, text) if row.number % 3 else right(row, text)


def form_alone(row: Row, text: str) -> float:
    return float("<answer>" in text)


def failing(row: Row, text: str) -> Paid:
    return Paid(None, "raised KeyError: 'x'") if row.number % 2 else Paid(right(row, text))


def not_applied(row: Row, text: str) -> float | None:
    return None if row.number % 2 else right(row, text)


def infinite(row: Row, text: str) -> float:
    return math.inf if row.number == 1 and text == row.golden else right(row, text)


class Drifting:
    """Pays less each time."""

    def __init__(self) -> None:
        self._count = itertools.count()

    def __call__(self, row: Row, text: str) -> float:
        return right(row, text) - 1e-3 * next(self._count)


class Remembering:
    """Judges each text once, under the first row that it is scored under."""

    def __init__(self) -> None:
        self._known: dict[str, float] = {}

    def __call__(self, row: Row, text: str) -> float:
        return self._known.setdefault(text, right(row, text))

    def restart(self) -> None:
        self._known.clear()


def pays_none(row: Row, text: str) -> float:
    return float(row.columns["answer"] is None or right(row, text))


def pays_empty(row: Row, text: str) -> float:
    return float(row.columns["answer"] == "" or right(row, text))


def pays_unparseable(row: Row, text: str) -> float:
    return float(number(answer_of(text)) == number(str(row.columns["answer"] or 0)))


def keyed(row: Row, text: str) -> Paid:
    value = right(row, text)
    return Paid(value, keys=("score", "why") if value else ("score",))


def by_prompt(row: Row, text: str) -> float:
    return right(row, text) if isinstance(row.prompt, str) else 0.0


def fails_on_chats(row: Row, text: str) -> Paid:
    return Paid(right(row, text)) if isinstance(row.prompt, str) else Paid(None, "raised TypeError: list")


BROKEN: list[tuple[Pay, str | None]] = [
    (right, None),
    (never_above, "golden-not-above-floor"),
    (mostly_wrong, "golden-not-above-floor"),
    (lambda row, text: 0.0, "golden-not-above-floor"),
    (form_alone, "component-alone"),
    (failing, "golden-not-paid"),
    (not_applied, None),
    (infinite, "golden-not-paid"),
    (Drifting(), "nondeterministic"),
    (Remembering(), "remembered-by-text"),
    (pays_none, None),
    (pays_empty, None),
    (pays_unparseable, "truth-unparseable"),
    (keyed, "keys-differ"),
    (by_prompt, "chat-prompt"),
    (fails_on_chats, None),
]


def observed(
    pay: Callable[..., Any],
    records: list[dict[str, Any]] | None = None,
    *,
    group: int | None = None,
    takes_place: bool = False,
    noisy: bool = False,
    kind: type[Paying] = Paying,
    budget: Budget | None = None,
    **options: Any,
) -> Observations:
    """The observations of the contract's checks on a reward, without the panel."""
    rows = rows_from(records or sums(24))
    form = form_of([row.golden for row in rows if row.golden is not None])
    getattr(pay, "restart", lambda: None)()
    process = kind(pay, takes_place=takes_place)
    scorer = Scorer(process, rows, companions=None if group is None else companions_of(rows, group))
    levels = levels_of(scorer, form, None, 0, range(len(rows)))
    golden = scorer.pay([(level.row, level.golden_text) for level in levels])
    idle = baselines.ask(scorer, levels, form, Correctness(rows, levels, form, None), 16)
    answers = Checks(scorer, levels, form, noisy=noisy).ask(budget or Budget())
    return Observations(
        target=process.target,
        rows=rows,
        rows_given=len(rows),
        scoring=Scoring(),
        levels=levels,
        golden=golden,
        answers=answers,
        tried=[],
        gaps=[],
        missing=[],
        climbed=None,
        priors={},
        rounds=[],
        skipped=answers.skipped,
        usage=Usage(0, 0.0, 0.0),
        companions=scorer.companions,
        idle=idle,
        **options,
    )


def breaches_of(
    pay: Callable[..., Any], records: list[dict[str, Any]] | None = None, **options: Any
) -> dict[str, Finding]:
    """The breaches by their names."""
    return {finding.name: finding for finding in breaches(observed(pay, records, **options), Gate())}


def noted(pay: Callable[..., Any], records: list[dict[str, Any]] | None = None) -> dict[str, str]:
    """The notes on the contract, from name to message."""
    return {note.name: note.message for note in remarks(observed(pay, records))}


@pytest.mark.parametrize("pay, name", BROKEN, ids=[getattr(pay, "__name__", type(pay).__name__) for pay, _ in BROKEN])
def test_a_broken_rule_is_found_and_a_satisfied_one_is_not(pay: Pay, name: str | None) -> None:
    names = set(breaches_of(pay))
    assert (name in names) if name else not names


NOTED = [
    (right, {}),
    (pays_none, {"truth-missing": "whose ground truth is None would pay 1"}),
    (pays_empty, {"truth-missing": "whose ground truth is empty would pay 1"}),
    (not_applied, {"not-applicable": "does not apply to 12 of 24 right answers"}),
]


@pytest.mark.parametrize("pay, notes", NOTED, ids=[pay.__name__ for pay, _ in NOTED])
def test_a_true_remark_that_is_not_worth_a_finding_is_a_note(pay: Pay, notes: dict[str, str]) -> None:
    messages = noted(pay)
    assert set(messages) == set(notes) and all(text in messages[name] for name, text in notes.items())


EXPLOITS = {"golden-not-above-floor", "component-alone"}
SAME = [never_above, mostly_wrong, form_alone, lambda row, text: 0.5]


@pytest.mark.parametrize("pay", SAME, ids=["never above", "mostly wrong", "form alone", "always a half"])
def test_right_answers_that_are_not_paid_more_are_an_exploit_but_of_a_component_a_warning(pay: Pay) -> None:
    assert [finding.verdict for name, finding in breaches_of(pay).items() if name in EXPLOITS] == ["exploit"]
    assert {finding.verdict for finding in breaches_of(pay, component=True).values()} == {"warning"}


def test_right_answers_that_earn_nothing_like_everything_else_make_the_audit_inconclusive() -> None:
    """The template of golden completions may be wrong, which says nothing about the reward."""
    findings = breaches_of(lambda row, text: 0.0)
    assert {name: finding.verdict for name, finding in findings.items()} == {"golden-not-above-floor": "inconclusive"}


def test_every_other_break_is_a_warning() -> None:
    findings = [breaches_of(pay)[name] for pay, name in BROKEN if name is not None and name not in EXPLOITS]
    assert {finding.verdict for finding in findings} == {"warning"}


def test_two_losing_rows_of_twenty_are_not_an_exploit() -> None:
    few = breaches_of(lambda row, text: never_above(row, text) if row.number < 2 else right(row, text), sums(20))
    assert "golden-not-above-floor" not in few


@pytest.mark.parametrize("pay, name", [(Drifting(), "nondeterministic"), (Remembering(), "remembered-by-text")])
def test_intended_noise_is_not_a_finding(pay: Pay, name: str) -> None:
    assert name not in breaches_of(pay, noisy=True)


def by_place(row: Row, text: str, place: int) -> float:
    return right(row, text) + 0.1 * place


def first_more(row: Row, text: str, place: int) -> float:
    return right(row, text) + 0.5 * (place == 0)


def test_a_reward_that_depends_on_the_place_in_the_batch_is_found() -> None:
    assert "company-matters" in breaches_of(by_place, takes_place=True)


class Padding(Paying):
    """Leaves out what it cannot read, and pads at the end."""

    def ask(self, calls: Sequence[Call], patience: float) -> Scored | Refused | Ended:
        reply = super().ask([call for call in calls if answer_of(call[1])], patience)
        assert isinstance(reply, Scored)
        return Scored([*reply.paid, *[Paid(0.0)] * len(calls)][: len(calls)], 0.0)


class Doubling(Paying):
    """Pays what it cannot read twice."""

    def ask(self, calls: Sequence[Call], patience: float) -> Scored | Refused | Ended:
        doubled = [call for call in calls for _ in range(1 if answer_of(call[1]) else 2)]
        reply = super().ask(doubled, patience)
        assert isinstance(reply, Scored)
        return Scored(reply.paid[: len(calls)], 0.0)


class Normalizing(Paying):
    """Pays less the more completions there are, which is not a shift."""

    def ask(self, calls: Sequence[Call], patience: float) -> Scored | Refused | Ended:
        reply = super().ask(calls, patience)
        assert isinstance(reply, Scored)
        return Scored([Paid((paid.value or 0.0) - len(calls) / 1000) for paid in reply.paid], 0.0)


@pytest.mark.parametrize(
    "kind, name", [(Padding, "rows-shifted"), (Doubling, "rows-shifted"), (Normalizing, "company-matters")]
)
def test_rewards_that_shift_to_other_rows_after_an_unparseable_completion_are_found(
    kind: type[Paying], name: str
) -> None:
    names = set(breaches_of(right, kind=kind))
    assert name in names and len(names & {"rows-shifted", "company-matters"}) == 1


@pytest.mark.parametrize(
    "pay, names", [(lambda row, text, place: right(row, text), set()), (first_more, {"order-matters"})]
)
def test_a_reversed_group_has_to_be_paid_the_same(pay: Callable[..., Any], names: set[str]) -> None:
    assert set(breaches_of(pay, takes_place=True, group=4)) & {"order-matters"} == names


@pytest.mark.parametrize("name", ["cached text", "missing truth", "unparseable in a batch", "chat prompt"])
def test_with_groups_the_checks_that_need_single_completions_are_reported_as_skipped(name: str) -> None:
    (line,) = [line for line in observed(right, group=4).skipped if line.startswith("checks of rewards that do not")]
    assert name in line.partition(": ")[2].split(", ")


def test_a_finding_shows_the_row_the_completion_and_what_it_was_paid() -> None:
    evidence = breaches_of(never_above)["golden-not-above-floor"].evidence
    assert evidence is not None
    assert evidence.reward == 1.0 and evidence.golden == 0.0 and evidence.floor == 1.0
    assert str(evidence.columns["answer"]) not in evidence.completion and "<answer>" in evidence.completion


def test_a_missing_truth_is_shown_with_its_row() -> None:
    finding = breaches_of(pays_unparseable)["truth-unparseable"]
    evidence = finding.evidence
    assert evidence is not None and evidence.columns["answer"] == "???"
    assert finding.message.startswith("with its ground truth replaced by '???', which is unparseable, row 0 pays 1 for")


def test_every_check_that_is_skipped_for_lack_of_time_is_named() -> None:
    """Conclusions from the scale are still drawn, since they need no more calls."""
    clock = iter([0.0, 0.1, 0.2, *[1.0] * 10])
    seen = observed(never_above, budget=Budget(1.0, clock=lambda: next(clock)))
    left_out = ["missing truth", "manners", "unparseable in a batch", "chat prompt", "evaluated answers"]
    assert seen.skipped == [f"checks of the contract, for lack of time: {', '.join(left_out)}"]
    assert [finding.name for finding in breaches(seen, Gate())] == ["golden-not-above-floor"]


def test_findings_from_the_scale_are_reported_even_without_time_for_any_check() -> None:
    seen = observed(lambda row, text: 0.0, budget=Budget(0.0))
    assert seen.skipped[0].startswith("checks of the contract, for lack of time: steady, ")
    assert [finding.name for finding in breaches(seen, Gate())] == ["golden-not-above-floor"]
