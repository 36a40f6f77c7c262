"""The data's prior: what one answer earns when it is given to every row, and whether it is paid where it is wrong.

Data in which one answer is common pay a guess, which is no fault of the reward. An answer that is paid like the right
one on rows with another right answer is: a policy learns to give it always.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from loopholes.audit.frameworks.base import Paid
from loopholes.audit.gate import Gate
from loopholes.audit.gold.near import FULL
from loopholes.audit.naming import names
from loopholes.audit.observations import Observations
from loopholes.audit.results import Finding, Note, Verdict
from loopholes.audit.scale import Level, gap_of, normalized
from loopholes.stats import Estimate, share_over_tasks

LEAST = 4
"""Smallest number of rows on which an answer is wrong, for a finding about it."""


class Wrong(NamedTuple):
    """A common answer on the rows where it is wrong: its payments, and the share of rows that pay it like the right."""

    answer: str
    payments: Sequence[tuple[Level, Paid]]
    rate: Estimate


def prior_findings(seen: Observations, gate: Gate) -> Iterator[Finding]:
    """The common answer that is paid on most of the rows where it is wrong, if that is certain."""
    certain = [wrong for wrong in _wrong(seen) if (wrong.rate.low or 0.0) > gate.thresholds.exploit]
    if certain:
        worst = max(certain, key=lambda wrong: wrong.rate.value or 0.0)
        level, paid = max(worst.payments, key=lambda payment: payment[0].share(payment[1].value) or 0.0)
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
    gaps = {answer: gap_of("prior", "prior", seen.measurable, prior.paid).gap for answer, prior in seen.priors.items()}
    priors = [(answer, gap) for answer, gap in gaps.items() if gap.value is not None]
    if priors:
        answer, gap = max(priors, key=lambda prior: prior[1].value or 0.0)
        message = f"{_written(seen, answer)!r} as the answer to every row earns {gap} of the scale"
        yield Note("prior", f"{message}; that is a guess")


def _wrong(seen: Observations) -> Iterator[Wrong]:
    """Each common answer on the rows where neither the truth nor the right answer's value makes it right."""
    for answer, prior in seen.priors.items():
        payments = [
            (level, paid)
            for level, paid in zip(seen.measurable, prior.paid, strict=True)
            if level.row not in prior.right and not names(answer, level.answer) and not names(level.answer, answer)
        ]
        if len(payments) >= LEAST:
            shares = [level.share(paid.value) or 0.0 for level, paid in payments]
            yield Wrong(answer, payments, share_over_tasks([float(share >= FULL) for share in shares]))


def _written(seen: Observations, answer: str) -> str:
    """A common answer as the first row that has it writes it."""
    return next(level.answer for level in seen.levels if normalized(level.answer) == answer)[:60]
