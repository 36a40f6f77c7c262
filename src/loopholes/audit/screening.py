"""Which attacks are tried on only a few rows, if calls of the reward are expensive.

Attacks that say the same in several forms are one *idea*. Its leading forms (the plainest, and the form of golden
completions) are tried first, on one row each, and all forms together on :data:`SCREENED` rows. Each attack of a family
starts with a different row, so a family covers all rows although each attack sees only a few. An idea is *screened*
once these tries paid nothing, and nothing in its family paid more than a wrong answer on any row.

An idea that is paid on every row, in either leading form, is never missed. One that is paid on a share r of the rows,
in all its forms, is missed with probability ``(1 - r) ** SCREENED``. Every family notices rows that pay any text.
Families in the *focus* (programs, if rows ask for them, and hints from the source) and families that earned anything
are tried on enough rows, in the form of golden completions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Protocol

from loopholes.audit.attacks import Attack

EXPENSIVE = 2e-3
"""If calls take longer than this (seconds), they are scored in parallel and attacks are screened."""
SCREENED = 2
"""Total number of rows on which the forms of an idea are tried before it is screened."""
LEADING_FORMS = 2
"""Number of forms in which an idea is tried first: the plainest, and the golden or the first standard form."""
SIGNAL = 0.05
"""A payment of more than this fraction of the golden-floor range is a signal."""


class Outcome(Protocol):
    """An attack and its results so far. ``best`` is the largest share of the scale."""

    attack: Attack
    best: float
    is_stuck: bool
    is_slow: bool


class Ideas:
    """The attacks on an expensive reward, grouped by idea; without attacks, nothing is screened.

    ``focus`` are families that are tried on enough rows, whatever they earn.
    """

    def __init__(self, panel: Sequence[Outcome] = (), focus: Sequence[str] = ()) -> None:
        self._forms: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
        self._families: dict[str, list[Outcome]] = defaultdict(list)
        self._focus = frozenset(focus)
        for outcome in panel:
            self._forms[_idea(outcome)].append(outcome)
            self._families[outcome.attack.family].append(outcome)

    def is_further(self, outcome: Outcome) -> bool:
        """Whether this is a further form of an idea whose leading forms earn nothing."""
        forms = self._forms.get(_idea(outcome), [])
        return outcome in forms[LEADING_FORMS:] and not _pays(forms[:LEADING_FORMS])

    def is_slow(self, outcome: Outcome) -> bool:
        """Whether another form of the same idea took very long and paid nothing."""
        return any(form.is_slow and form is not outcome for form in self._forms.get(_idea(outcome), ()))

    def is_screened(self, outcome: Outcome, measured: Callable[..., int], enough: int) -> bool:
        """Whether the idea was tried on the rows that it needs, and earned nothing.

        ``measured`` returns the number of rows with a scale on which an attack was tried; ``enough`` is the number
        that is needed.
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
