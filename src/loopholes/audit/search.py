"""A black-box climb from what already paid: combinations and mutations, on half of the rows, reported on the others."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from loopholes.audit.attacks.base import View
from loopholes.audit.budget import Budget
from loopholes.audit.frameworks.base import Paid
from loopholes.audit.results import Attempt
from loopholes.audit.scale import Correctness, Level
from loopholes.audit.scorer import Scorer
from loopholes.audit.screening import EXPENSIVE, SIGNAL

BEAM = 6
"""Variants that are kept to be changed further."""
ROWS = 12
"""Rows that one step of the climb is measured on."""
LEAST = 100
"""Calls below which a search is not worth its start."""
ENOUGH = 1.5
"""Fraction of the scale at which a climb stops."""
IN_FULL = 0.9
"""Fraction of the scale from which a search of an expensive reward has no more to find."""
FIRST = 2
"""Rows after which a variant that pays nothing is given up."""
STEPS: Mapping[str, Callable[[str, str, View], str]] = {
    "then": lambda mine, other, view: f"{mine}\n{other}",
    "after": lambda mine, other, view: f"{other}\n{mine}",
    "beside": lambda mine, other, view: f"{mine} {other}",
    "inside": lambda mine, other, view: view.form.wrap(mine),
    "thinking": lambda mine, other, view: view.form.wrap(other, mine),
    "twice": lambda mine, other, view: f"{mine}\n{mine}",
    "half": lambda mine, other, view: mine[: len(mine) // 2],
    "quarter": lambda mine, other, view: mine[: len(mine) // 4],
    "tail": lambda mine, other, view: mine[len(mine) // 2 :],
    "words": lambda mine, other, view: " ".join(dict.fromkeys(mine.split())),
    "capitals": lambda mine, other, view: mine.upper(),
    "digits": lambda mine, other, view: "".join(letter for letter in mine if letter.isdigit() or letter == " "),
}
"""How a text is changed; some take a second one."""
Makers = Mapping[str, Callable[[View], Attempt | None]]


@dataclass(frozen=True)
class Variant:
    """An attack of the panel and the steps that changed it. ``share`` is its mean on the rows of the climb."""

    start: str
    steps: tuple[tuple[str, str], ...] = ()
    share: float = float("-inf")

    @property
    def name(self) -> str:
        """The attack and the steps, in order."""
        return " ".join([self.start, *(f"{step} {other}".strip() for step, other in self.steps)])

    def text(self, makers: Makers, view: View) -> str | None:
        """The completion for a row; None where it does not apply or would be too long."""
        attempt = makers[self.start](view)
        if attempt is None:
            return None
        text = attempt.text
        for step, name in self.steps:
            other = makers[name](view) if name else None
            text = STEPS[step](text, other.text if other else "", view)
        return text if view.fits(text) else None


@dataclass(frozen=True)
class Climbed:
    """The best variant of a search, and what it is paid on the rows that it was not searched on, by row."""

    variant: Variant
    levels: Sequence[Level]
    texts: Mapping[int, str]
    paid: Mapping[int, Paid]


@dataclass(frozen=True)
class Search:
    """A climb on every other row with a scale, and its payments on the rows between.

    ``makers`` are the attacks of the panel, ``shares`` what they earn of the scale, both by name.
    """

    scorer: Scorer
    levels: Sequence[Level]
    views: Mapping[int, View]
    makers: Makers
    shares: Mapping[str, float]

    def run(self, correctness: Correctness, calls: int, seed: int, budget: Budget) -> tuple[Climbed | None, list[str]]:
        """The best variant within so many calls, if there is one that beats the panel, and what was left out."""
        climbed, reported = self.levels[::2], self.levels[1::2]
        if calls <= 0:
            return None, ["search: it was given no calls"]
        if not reported:
            return None, ["search: there are no two rows with a scale to climb on and to report on"]
        best = max(self.shares.values(), default=0.0)
        if self.scorer.pace > EXPENSIVE and not SIGNAL < best < IN_FULL:
            return None, []  # nothing to climb from, or no more to find
        calls = min(calls, budget.affordable_calls("search", self.scorer.pace))
        if calls < LEAST:
            return None, ["search: no time was left for it"]
        variant = replace(self, levels=climbed).climb(calls, seed, budget)
        return (None if variant is None else self._report(variant, reported, correctness)), []

    def _report(self, variant: Variant, levels: Sequence[Level], correctness: Correctness) -> Climbed:
        """What a variant is paid on other rows, but for those on which it is right after all."""
        made = {level.row: variant.text(self.makers, self.views[level.row]) for level in levels}
        texts = {row: text for row, text in made.items() if text is not None}
        right = correctness.right({row: Attempt(text) for row, text in texts.items()})
        asked = [level for level in levels if level.row in texts and level.row not in right]
        paid = self.scorer.pay([(level.row, texts[level.row]) for level in asked])
        return Climbed(variant, asked, texts, dict(zip([level.row for level in asked], paid, strict=True)))

    def climb(self, calls: int, seed: int, budget: Budget) -> Variant | None:
        """The best variant that ``calls`` more calls reach on these rows; None if nothing beats the panel there.

        The same seed reaches the same, unless the budget is over before.
        """
        rng = np.random.default_rng([seed, len(self.levels)])
        starts = sorted(self.shares, key=lambda name: (-self.shares[name], name))
        if not starts or not self.levels:
            return None
        beam = [self._measured(Variant(name)) for name in starts[:BEAM]]
        best = max(beam, key=lambda variant: variant.share)
        names, last = list(self.makers), self.scorer.calls + calls
        while self.scorer.calls < last and best.share < ENOUGH and not budget.is_over("search"):
            parent = beam[int(rng.integers(len(beam)))]
            others = starts[: 2 * BEAM] if rng.random() < 0.5 else names
            step = list(STEPS)[int(rng.integers(len(STEPS)))]
            other = others[int(rng.integers(len(others)))] if step in ("then", "after", "beside", "thinking") else ""
            spent = self.scorer.calls
            child = self._measured(Variant(parent.start, (*parent.steps, (step, other))[-3:]))
            last -= 1 if self.scorer.calls == spent else 0  # nothing new was asked: the climb still ends
            beam = sorted([*beam, child], key=lambda variant: -variant.share)[:BEAM]
            best = beam[0]
        return best if best.steps else None

    def _measured(self, variant: Variant) -> Variant:
        """The variant with its mean share of the scale on these rows; rows to which it does not apply count 0.

        What pays nothing on the first rows is given up there.
        """
        rows = self.levels[:ROWS]
        total = 0.0
        for part in (rows[:FIRST], rows[FIRST:]):
            made = [(level, variant.text(self.makers, self.views[level.row])) for level in part]
            texts = [(level, text) for level, text in made if text is not None]
            paid = self.scorer.pay([(level.row, text) for level, text in texts])
            shares = [level.share(one.value) or 0.0 for (level, _), one in zip(texts, paid, strict=True)]
            total += math.fsum(min(max(share, -10.0), 10.0) for share in shares)
            if total <= 0:
                break
        return replace(variant, share=total / len(rows))
