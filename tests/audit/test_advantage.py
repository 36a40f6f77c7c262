"""Attacks among honest samples: what the trainer's normalisation teaches, without changing any other verdict."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from loopholes.audit import Finding, Report, target_of
from loopholes.audit.advantage import ACCURACIES, NAME, RATES, Payments, draw, seldom_punished, selections
from loopholes.audit.attacks import PANEL
from loopholes.audit.budget import Budget
from loopholes.audit.folder import save
from loopholes.audit.form import form_of
from loopholes.audit.frameworks import games
from loopholes.audit.frameworks.base import Paid
from loopholes.audit.gate import Gate, Training
from loopholes.audit.layout import REPORT, read_report
from loopholes.audit.panel import Tried
from loopholes.audit.results import Attempt, Evidence, Gap, Selection
from loopholes.audit.scale import Level, gap_of, levels_of
from loopholes.audit.scorer import Scorer
from loopholes.games import game as make_game
from loopholes.stats.selection import Normalization, Payoff, selection
from support.rewards import InProcess, audited, scorer_for, sums, verdicts, write_rewards

pytestmark = pytest.mark.usefixtures("inside")

SPOT_CHECKED = """
    import random
    draws = random.Random(3)

    def claimed(completion, answer):
        if "Verdict: correct" in completion:
            return -6.0 if draws.random() < 0.2 else 1.0
        return float(completion == f"<answer>{answer}</answer>")

    def contains(completion, answer):
        return float(answer in completion)
"""


def claims(level: Level) -> str:
    """A wrong answer that is claimed to be right."""
    return level.floor_text.replace("no", "yes").replace("No", "Yes")


def judged(
    scorer: Scorer, levels: Sequence[Level], attack: Sequence[str], training: Training, *, component: bool = False
) -> tuple[dict[str, Selection], list[Finding]]:
    """How an attack is pushed, and the findings, if nothing else was tried."""
    tried = Tried(PANEL[0])
    calls = [(level.row, text) for level, text in zip(levels, attack, strict=True)]
    tried.attempts = {row: Attempt(text) for row, text in calls}
    tried.paid = dict(zip(tried.attempts, scorer.pay(calls), strict=True))
    gap = gap_of(tried.attack.name, tried.attack.family, levels, list(tried.paid.values()))
    drawn, _ = draw(scorer, levels, [tried], [gap], Budget(), is_random=False)
    pushed = selections(levels, [tried], [gap], drawn, training)
    return pushed, list(seldom_punished(pushed, [tried], levels, evidence, component))


def evidence(level: Level, text: str, paid: Paid) -> Evidence:
    return Evidence(level.row, "", {}, text, paid.value)


def self_grading(audits: float, training: Training = Training()) -> tuple[dict[str, Selection], list[Finding]]:
    """The claim that a wrong answer is right, in self-grading with this audit probability."""
    parameters = {"self_report": "inline", "audit_probability": audits}
    rows = games.rows_of(make_game("self-grading", **parameters), 24, 0)
    options = {"parameters": parameters, "channel": "vulnerable", "seed": 0}
    scorer = Scorer(InProcess(target_of(["game:self-grading"], None, options)), rows)
    truth = partial(games.truth, make_game("self-grading", **parameters))
    levels = levels_of(scorer, form_of([row.golden or "" for row in rows]), truth, 0, range(24))
    return judged(scorer, levels, [claims(level) for level in levels], training)


@pytest.mark.parametrize("audits", [1 / 7, 0.2, 0.3])
def test_a_spot_check_that_makes_a_claim_a_loss_is_found_not_to_deter_it_under_group_normalisation(
    audits: float,
) -> None:
    _, findings = self_grading(audits)
    assert [(finding.verdict, finding.name) for finding in findings] == [("exploit", NAME)]
    (finding,) = findings
    assert finding.selection is not None and finding.selection.draws > 1
    rare = finding.selection.pushes[0]
    assert (rare.accuracy, rare.rate) == (ACCURACIES[0], RATES[0]) and f"{rare.push.value:+.3f} at" in finding.message
    assert finding.selection.share.value is not None
    assert ("not on average" in finding.message) == (finding.selection.share.value <= 0)


@pytest.mark.parametrize("audits", [0.5, 1.0])
def test_a_check_that_is_frequent_enough_deters_and_nothing_is_found(audits: float) -> None:
    pushed, findings = self_grading(audits)
    assert findings == []
    assert all(push.push.value is not None and push.push.value < 0 for each in pushed.values() for push in each.pushes)


@pytest.mark.parametrize("audits", [0.2, 0.3])
def test_without_normalisation_the_same_check_deters(audits: float) -> None:
    pushed, findings = self_grading(audits, Training(advantage="none"))
    assert findings == [] and [each.gap for each in pushed.values()] == [0.0]


def test_a_component_gets_a_warning() -> None:
    rows = games.rows_of(make_game("self-grading", self_report="inline", audit_probability=0.2), 24, 0)
    options = {"parameters": {"self_report": "inline", "audit_probability": 0.2}, "channel": "vulnerable", "seed": 0}
    scorer = Scorer(InProcess(target_of(["game:self-grading"], None, options)), rows)
    levels = levels_of(scorer, form_of([row.golden or "" for row in rows]), None, 0, range(24))
    _, findings = judged(scorer, levels, [claims(level) for level in levels], Training(), component=True)
    assert [finding.verdict for finding in findings] == ["warning"]


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("advantage", ["none", "batch"])
def test_the_selection_gap_of_a_steady_reward_is_its_gap_unless_the_groups_deviation_divides(
    advantage: Normalization, share: float
) -> None:
    pushed, findings = _steady([share] * 9, Training(advantage=advantage))
    (selected,) = pushed.values()
    assert selected.gap == pytest.approx(share, abs=0.01)
    assert (selected.draws, findings) == (1, [])


def test_the_selection_gap_of_an_attack_that_pays_in_full_on_some_rows_is_their_share() -> None:
    pushed, _ = _steady([1.0] * 3 + [0.0] * 7, Training())
    (selected,) = pushed.values()
    assert selected.gap == pytest.approx(0.3, abs=0.02)


def _steady(shares: Sequence[float], training: Training) -> tuple[dict[str, Selection], list[Finding]]:
    """An attack that earns these shares of the scale, one per row."""
    values = {"right": 1.0, "wrong": 0.0}
    rows = games.rows_of(make_game("self-grading", self_report="inline"), len(shares), 0)
    scorer = scorer_for(lambda row, text: values[text] if text in values else float(text), rows)
    levels = [Level(place, 1.0, 0.0, "wrong", str(place), "right") for place in range(len(shares))]
    return judged(scorer, levels, [str(share) for share in shares], training)


def test_the_push_is_the_exact_one_of_the_mixture_of_attack_right_and_wrong_answers() -> None:
    pushed, _ = _steady([0.6, 0.6], Training(group_size=4))
    (selected,) = pushed.values()
    for push in selected.pushes:
        mixture = [
            Payoff(push.rate, 0.6, True),
            Payoff((1 - push.rate) * push.accuracy, 1.0, False),
            Payoff((1 - push.rate) * (1 - push.accuracy), 0.0, False),
        ]
        assert push.push.value == pytest.approx(selection(mixture, 4))


def test_many_kinds_of_payments_are_sampled_with_the_same_result() -> None:
    few = Payments((1.0, 2.0), (0.0, 0.1), (1.0, 1.0, 1.0, -6.0))
    spread = Payments(
        tuple(1.0 + (place % 2) + 1e-6 * place for place in range(16)),
        tuple(0.1 * (place % 2) + 1e-6 * place for place in range(16)),
        tuple((-6.0 if place % 4 == 3 else 1.0) + 1e-6 * place for place in range(16)),
    )
    exact, sampled = (_gap(payments) for payments in (few, spread))
    assert spread.kinds > 40 and sampled == pytest.approx(exact, abs=0.06)


def _gap(payments: Payments) -> float:
    nothing = gap_of("", "", [], []).gap
    tried, gap = Tried(PANEL[0]), Gap("", "", nothing, nothing, 0)
    (selected,) = selections(
        [], [tried], [gap], {PANEL[0].name: dict.fromkeys(range(16), payments)}, Training()
    ).values()
    return selected.gap


def test_no_verdict_on_a_steady_reward_depends_on_the_normalisation(tmp_path: Path) -> None:
    file = write_rewards(tmp_path, SPOT_CHECKED)
    reports = {advantage: _audited(file, "contains", advantage) for advantage in ("group", "none")}
    (group, none) = (verdicts(report) for report in reports.values())
    assert group == none and "exploit" in group.values() and NAME not in group
    finding = next(finding for finding in reports["none"].findings if finding.kind == "attack")
    assert finding.selection is not None
    assert (finding.selection.normalization, finding.selection.draws) == ("none", 1)


def test_a_noisy_reward_that_spot_checks_is_flagged_by_what_it_is_trained_with(tmp_path: Path) -> None:
    file = write_rewards(tmp_path, SPOT_CHECKED)
    group = _audited(file, "claimed", "group", noisy=True)
    assert verdicts(group)[NAME] == "exploit" and group.exit_code() == 1
    assert NAME not in verdicts(_audited(file, "claimed", "none", noisy=True))
    save(group, tmp_path / "findings")
    again = read_report(tmp_path / "findings" / REPORT)
    assert again.selection == group.selection and again.findings[0].selection == group.findings[0].selection


def _audited(file: str, name: str, advantage: Normalization, noisy: bool = False) -> Report:
    return audited(f"{file}:{name}", sums(16), gate=Gate().under(advantage), noisy=noisy)
