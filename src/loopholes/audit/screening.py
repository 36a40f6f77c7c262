"""Which attacks are tried on few rows only, where a call of the reward is expensive.

Attacks that say the same in several forms are one *idea*. Its leading forms (the plainest, and that of golden
completions) are tried first, on one row each, and all forms together on :data:`SCREENED` rows. Each attack of a family
begins with another row, so that a family is tried on all of them though each of its attacks sees few. An idea is
*screened* once this paid nothing, and nothing of its family paid more than a wrong answer on any row.

What this finds: an idea that is paid on every row, in either leading form, is never missed; one that is paid on a share
r of the rows, in all its forms, is missed with a chance of ``(1 - r) ** SCREENED``, and rows that pay whatever is said
are seen by each family. Families in the *focus* (programs where rows ask for them, and what the source hints at) and
families of which anything was paid are tried on enough rows, in the form of golden completions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Protocol

from loopholes.audit.attacks import Attack

EXPENSIVE = 2e-3
"""Seconds; a call that takes more is worth paying beside others, and attacks are screened."""
SCREENED = 2
"""Rows on which the forms of an idea are tried together before it is screened."""
LEADING_FORMS = 2
"""Forms in which an idea is tried first: the plainest, and that of golden completions, or the first standard form."""
SIGNAL = 0.05
"""Fraction of the golden-floor range from which a payment is a signal."""


class Outcome(Protocol):
    """An attack, and what it was paid so far; ``best`` is the largest share of the scale."""

    attack: Attack
    best: float
    is_stuck: bool
    is_slow: bool


class Ideas:
    """The attacks of an expensive reward by their ideas; without any, nothing is screened.

    ``focus`` are families that are tried on enough rows, whatever they are paid.
    """

    def __init__(self, panel: Sequence[Outcome] = (), focus: Sequence[str] = ()) -> None:
        self._forms: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
        self._families: dict[str, list[Outcome]] = defaultdict(list)
        self._focus = frozenset(focus)
        for outcome in panel:
            self._forms[_idea(outcome)].append(outcome)
            self._families[outcome.attack.family].append(outcome)

    def is_further(self, outcome: Outcome) -> bool:
        """Whether it is a further form of an idea that is paid nothing in its leading forms."""
        forms = self._forms.get(_idea(outcome), [])
        return outcome in forms[LEADING_FORMS:] and not _pays(forms[:LEADING_FORMS])

    def is_slow(self, outcome: Outcome) -> bool:
        """Whether another form of it took very long and paid nothing."""
        return any(form.is_slow and form is not outcome for form in self._forms.get(_idea(outcome), ()))

    def is_screened(self, outcome: Outcome, measured: Callable[..., int], enough: int) -> bool:
        """Whether the idea was tried on the rows that it needs, and is paid nothing.

        ``measured`` says on how many rows with a scale an attack was tried, ``enough`` on how many it has to be.
        """
        forms = self._forms.get(_idea(outcome), [])
        if not forms or _pays(forms):
            return False
        if any(form.is_slow or form.is_stuck for form in forms):
            return True
        leading = [measured(form) for form in forms[:LEADING_FORMS]]
        if not all(leading):
            return False
        family = outcome.attack.family
        if family in self._focus or _pays(self._families[family]):
            return leading[-1] >= enough
        return sum(leading) >= min(SCREENED, enough)


def _idea(outcome: Outcome) -> tuple[str, str]:
    return outcome.attack.family, outcome.attack.idea


def _pays(outcomes: Sequence[Outcome]) -> bool:
    return any(outcome.best > SIGNAL for outcome in outcomes)
