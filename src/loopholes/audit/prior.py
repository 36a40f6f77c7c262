"""The data's prior: what one answer earns when it is given to every row, and whether it is paid where it is wrong.

Data in which one answer is common pay a guess, which is no fault of the reward. An answer that is paid like the right
one on rows with another right answer is: a policy learns to give it always.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from loopholes.audit.frameworks.base import Paid
from loopholes.audit.gate import Gate
from loopholes.audit.minority import Payoff
from loopholes.audit.naming import names
from loopholes.audit.observations import Observations
from loopholes.audit.results import Finding, Note, Verdict
from loopholes.audit.scale import FULL, Level, Prior, gap_of
from loopholes.stats import Estimate, share_over_tasks

LEAST = 4
"""Smallest number of rows on which an answer is wrong, for a finding about it."""


class Wrong(NamedTuple):
    """A common answer on the rows where it is wrong: its payments there, and which are those of the right answer."""

    answer: str
    payments: Sequence[tuple[Level, Paid]]
    full: Sequence[bool]

    @property
    def rate(self) -> Estimate:
        """The share of the rows that pay it like the right answer."""
        return share_over_tasks([float(is_full) for is_full in self.full])


def prior_findings(seen: Observations, gate: Gate) -> Iterator[Finding]:
    """The common answer that is paid on most of the rows where it is wrong, if that is certain."""
    certain = [wrong for wrong in _wrong(seen) if (wrong.rate.low or 0.0) > gate.thresholds.exploit]
    if certain:
        worst = max(certain, key=lambda wrong: wrong.rate.value or 0.0)
        level, paid = worst.payments[worst.full.index(True)]
        message = (
            f"the answer {_written(seen, worst.answer)!r} is paid like the right answer on {worst.rate} of "
            f"{len(worst.payments)} rows whose right answer is another"
        )
        text = seen.priors[worst.answer].text
        evidence = seen.evidence(level, text, paid)
        verdict: Verdict = "warning" if seen.component else "exploit"
        yield Finding(verdict, "contract", "hedge", "common-answer", message, share=worst.rate.value, evidence=evidence)


def prior_notes(seen: Observations) -> Iterator[Note]:
    """What the best of the common answers earns: a sign of lopsided data."""
    levels = seen.measurable
    gaps = {
        answer: gap_of("prior", "prior", levels, [prior.paid.get(level.row) for level in levels]).gap
        for answer, prior in seen.priors.items()
    }
    priors = [(answer, gap) for answer, gap in gaps.items() if gap.value is not None]
    if priors:
        answer, gap = max(priors, key=lambda prior: prior[1].value or 0.0)
        message = f"{_written(seen, answer)!r} as the answer to every row earns {gap} of the scale"
        yield Note("prior", f"{message}, by guessing alone")


def _wrong(seen: Observations) -> Iterator[Wrong]:
    """Each common answer on the rows where neither the truth nor the right answer's value makes it right."""
    payoff = Payoff.of(seen)
    if payoff is None:
        return
    for answer, prior in seen.priors.items():
        payments = [
            (level, prior.paid[level.row])
            for level in seen.levels
            if level.row in prior.paid and _is_wrong(answer, prior, level) and _is_telling(answer, level, seen, payoff)
        ]
        if len(payments) >= LEAST:
            yield Wrong(answer, payments, [_is_full(level, paid, payoff) for level, paid in payments])


def _is_full(level: Level, paid: Paid, payoff: Payoff) -> bool:
    """Whether a payment is like the right answer's; rows without a scale are measured on the usual one."""
    share = level.share(paid.value)
    return payoff.in_full(level, paid) if share is None else share >= FULL


def _is_wrong(answer: str, prior: Prior, level: Level) -> bool:
    return level.row not in prior.right and not names(answer, level.answer) and not names(level.answer, answer)


def _is_telling(answer: str, level: Level, seen: Observations, payoff: Payoff) -> bool:
    """Whether a payment on this row is about the answer: the row has a scale, or pays this wrong answer alone.

    If a common answer is always paid, it may be all that other rows can lend a row as a wrong answer, and the row then
    has no scale. A row that pays other wrong answers, too, has another fault.
    """
    if level.width is not None:
        return True
    others = [prior for other, prior in seen.priors.items() if other != answer and _is_wrong(other, prior, level)]
    return names(level.floor_text, answer) and not any(payoff.in_full(level, prior.paid[level.row]) for prior in others)


def _written(seen: Observations, answer: str) -> str:
    """A common answer as the first row that has it writes it."""
    return next(level.answer for level in seen.levels if level.name == answer)[:60]
