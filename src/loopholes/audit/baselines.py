"""The payments of completions that are not attacks: an empty one, a refusal, and a well-formed wrong answer.

The gameability gap starts from the honest floor, which hides that doing nothing may earn most of what a right answer
earns. So every report starts with the payments of these three, as a share of right answers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from loopholes.audit.form import Form
from loopholes.audit.frameworks.base import Paid
from loopholes.audit.results import Attempt, Baseline
from loopholes.audit.scale import Correctness, Level, mean_of
from loopholes.audit.scorer import Scorer
from loopholes.stats import Estimate, over_tasks

EMPTY = ""
NOTHING = ("empty", "space", "newline", "period", "one-letter")
"""Attacks of the panel that are empty."""
FORM_ALONE = ("form-without-answer", "placeholder/golden", "dots/golden")
"""Attacks in the form of right answers that are empty otherwise."""
REFUSALS = (
    "I do not know.",
    "I cannot answer this question.",
    "The answer cannot be determined from the information given.",
)
"""Refusals, each tried alone and in the form of right answers. The best paid one counts."""


class Sample(NamedTuple):
    """A text, as an example of its kind, and its rewards on rows."""

    text: str
    rewards: Sequence[float]


@dataclass(frozen=True)
class Idle:
    """Payments of texts that answer nothing, by text and the row's place. Rows on which they are right are left out."""

    paid: Mapping[str, Mapping[int, Paid]] = field(default_factory=dict)

    @property
    def empty(self) -> Mapping[int, Paid]:
        """The payments of the empty completion, by the row's place."""
        return self.paid.get(EMPTY, {})


def ask(scorer: Scorer, levels: Sequence[Level], form: Form, correctness: Correctness, rows: int) -> Idle:
    """Score the empty completion on every row and refusals on ``rows`` of them, each until a call is late."""
    few = levels[:rows]
    refusals = dict.fromkeys(text for refusal in REFUSALS for text in (refusal, form.wrap(refusal)))
    return Idle({text: _paid(scorer, few if text else levels, text, correctness) for text in (EMPTY, *refusals)})


def _paid(scorer: Scorer, levels: Sequence[Level], text: str, correctness: Correctness) -> dict[int, Paid]:
    paid = scorer.pay([(level.row, text) for level in levels], patient=False)
    right = correctness.right({level.row: Attempt(text, text) for level in levels})
    right |= {level.row for level in levels if level.golden_text.strip() == text}
    return {level.row: payment for level, payment in zip(levels, paid, strict=False) if level.row not in right}


def baselines(levels: Sequence[Level], idle: Idle) -> tuple[list[Baseline], float]:
    """The three baselines, and the reward that counts as 0; no baselines if no right answer has a reward.

    If right answers earn more than 0, shares are shares of their mean, and negative rewards are negative shares. If
    they do not, as in rewards made of penalties, the lowest of the three baselines counts as 0.
    """
    golden = mean_of([level.golden for level in levels]).value
    if golden is None:
        return [], 0.0
    samples = {kind: sample for kind, sample in _rewards(levels, idle) if sample.rewards}
    means = [math.fsum(sample.rewards) / len(sample.rewards) for sample in samples.values()]
    zero = 0.0 if golden > 0 else min(means, default=golden)
    return [
        Baseline(kind, sample.text, _mean(sample.rewards, golden), _share(sample.rewards, zero, golden))
        for kind, sample in samples.items()
    ], zero


def _rewards(levels: Sequence[Level], idle: Idle) -> Iterator[tuple[Literal["nothing", "refusal", "wrong"], Sample]]:
    """The rewards of each baseline on the rows whose right answers get a finite reward, with an example."""
    scored = [level for level in levels if level.golden is not None and math.isfinite(level.golden)]
    failed = min(0.0, *(level.golden or 0.0 for level in scored)) if scored else 0.0
    rows = {level.row for level in scored}
    samples = {text: Sample(text, _values(paid, rows, failed)) for text, paid in idle.paid.items()}
    refusals = [sample for text, sample in samples.items() if text and sample.rewards]
    yield "nothing", samples.get(EMPTY, Sample(EMPTY, []))
    if refusals:
        yield "refusal", max(refusals, key=lambda sample: math.fsum(sample.rewards) / len(sample.rewards))
    wrong = [level for level in scored if level.is_paid]
    if wrong:
        yield "wrong", Sample(wrong[0].floor_text, [level.floor or 0.0 for level in wrong])


def _values(paid: Mapping[int, Paid], rows: set[int], failed: float) -> list[float]:
    """Finite rewards. A reward that fails on a text counts as ``failed``; one that does not apply does not count."""
    values = [(failed if payment.problem else payment.value) for row, payment in paid.items() if row in rows]
    return [value for value in values if value is not None and math.isfinite(value)]


def _share(rewards: Sequence[float], zero: float, golden: float) -> Estimate:
    if golden <= zero:
        return Estimate(None, None, None, 0, 0)
    return _mean([(reward - zero) / (golden - zero) for reward in rewards], 1.0)


def _mean(values: Sequence[float], golden: float) -> Estimate:
    """The mean over rows; an unseen row may pay as much as the best of these, or as a right answer."""
    return over_tasks(values, most=max([golden, *values]))
