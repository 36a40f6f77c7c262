"""A black-box search from attacks that paid: it combines and mutates on half of the rows and reports on the rest."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np

from loopholes.audit.attacks.base import View
from loopholes.audit.budget import Budget
from loopholes.audit.frameworks.base import Paid
from loopholes.audit.results import Attempt
from loopholes.audit.scale import FULL, Correctness, Level
from loopholes.audit.scorer import Scorer
from loopholes.audit.screening import EXPENSIVE, SIGNAL

BEAM = 6
"""Number of best variants that are changed further."""
ROWS = 12
"""Rows on which each step of the climb is measured."""
LEAST = 100
"""Minimum number of calls for which a search is worth starting."""
ENOUGH = 1.5
"""A climb stops at this share of the scale."""
FIRST = 2
"""A variant that earns nothing on this many rows is given up."""
STEPS: Mapping[str, Callable[[str, str, View], str]] = {
    "then": lambda text, second, view: f"{text}\n{second}",
    "after": lambda text, second, view: f"{second}\n{text}",
    "beside": lambda text, second, view: f"{text} {second}",
    "inside": lambda text, second, view: view.form.wrap(text),
    "thinking": lambda text, second, view: view.form.wrap(second, text),
    "twice": lambda text, second, view: f"{text}\n{text}",
    "half": lambda text, second, view: text[: len(text) // 2],
    "quarter": lambda text, second, view: text[: len(text) // 4],
    "tail": lambda text, second, view: text[len(text) // 2 :],
    "words": lambda text, second, view: " ".join(dict.fromkeys(text.split())),
    "capitals": lambda text, second, view: text.upper(),
    "digits": lambda text, second, view: "".join(letter for letter in text if letter.isdigit() or letter == " "),
}
"""Ways to change a text; some combine it with a second text."""
Makers = Mapping[str, Callable[[View], Attempt | None]]


@dataclass(frozen=True)
class Variant:
    """An attack of the panel and the steps that changed it. ``share`` is its mean share on the rows of the climb."""

    start: str
    steps: tuple[tuple[str, str], ...] = ()
    share: float = float("-inf")

    @property
    def name(self) -> str:
        """The attack and the steps, in order."""
        return " ".join([self.start, *(f"{step} {second}".strip() for step, second in self.steps)])

    def text(self, makers: Makers, view: View) -> str | None:
        """The completion for a row; None if the variant does not apply or is too long."""
        attempt = makers[self.start](view)
        if attempt is None:
            return None
        text = attempt.text
        for step, name in self.steps:
            second = makers[name](view) if name else None
            text = STEPS[step](text, second.text if second else "", view)
        return text if view.fits(text) else None


@dataclass(frozen=True)
class Climbed:
    """The best variant of a search, and its payments on the rows that the search did not use, by row."""

    variant: Variant
    levels: Sequence[Level]
    texts: Mapping[int, str]
    paid: Mapping[int, Paid]


@dataclass(frozen=True)
class Search:
    """A climb on every other row with a scale, and its payments on the rows in between.

    ``makers`` are the attacks of the panel, ``shares`` their shares of the scale, both by name.
    """

    scorer: Scorer
    levels: Sequence[Level]
    views: Mapping[int, View]
    makers: Makers
    shares: Mapping[str, float]
    made: dict[tuple[str, int], Attempt | None] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What each attack made of each view, since a climb asks for the same ones over and over."""

    def run(self, correctness: Correctness, calls: int, seed: int, budget: Budget) -> tuple[Climbed | None, list[str]]:
        """The best variant that beats the panel within this many calls, if any, and what was left out."""
        climbed, reported = self.levels[::2], self.levels[1::2]
        if calls <= 0:
            return None, ["the search, since it may use no calls"]
        if not reported:
            return None, ["the search, since it needs two rows on which right answers are paid more than wrong ones"]
        best = max(self.shares.values(), default=0.0)
        if self.scorer.pace > EXPENSIVE and not SIGNAL < best < FULL:
            return None, []  # nothing to climb from, or nothing left to find
        calls = min(calls, budget.affordable_calls("search", self.scorer.pace))
        if calls < LEAST:
            return None, ["search: no time was left for it"]
        variant = replace(self, levels=climbed).climb(calls, seed, budget)
        return (None if variant is None else self._report(variant, reported, correctness)), []

    def _report(self, variant: Variant, levels: Sequence[Level], correctness: Correctness) -> Climbed:
        """The payments of a variant on other rows, except those on which it happens to be right."""
        completions = {level.row: self._text(variant, level.row) for level in levels}
        texts = {row: text for row, text in completions.items() if text is not None}
        right = correctness.right({row: Attempt(text) for row, text in texts.items()})
        scored = [level for level in levels if level.row in texts and level.row not in right]
        paid = self.scorer.pay([(level.row, texts[level.row]) for level in scored])
        return Climbed(variant, scored, texts, dict(zip([level.row for level in scored], paid, strict=True)))

    def climb(self, calls: int, seed: int, budget: Budget) -> Variant | None:
        """The best variant that ``calls`` more calls reach on these rows; None if nothing beats the panel there.

        The same seed gives the same result, unless the budget ends earlier.
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
            partners = starts[: 2 * BEAM] if rng.random() < 0.5 else names
            step = list(STEPS)[int(rng.integers(len(STEPS)))]
            second = (
                partners[int(rng.integers(len(partners)))] if step in ("then", "after", "beside", "thinking") else ""
            )
            spent = self.scorer.calls
            child = self._measured(Variant(parent.start, (*parent.steps, (step, second))[-3:]))
            last -= 1 if self.scorer.calls == spent else 0  # a repeated call counts, too, so that the climb ends
            beam = sorted([*beam, child], key=lambda variant: -variant.share)[:BEAM]
            best = beam[0]
        return best if best.steps else None

    def _measured(self, variant: Variant) -> Variant:
        """The variant with its mean share of the scale on these rows. Rows to which it does not apply count as 0.

        Variants that earn nothing on the first rows are given up there.
        """
        rows = self.levels[:ROWS]
        total = 0.0
        for part in (rows[:FIRST], rows[FIRST:]):
            completions = [(level, self._text(variant, level.row)) for level in part]
            texts = [(level, text) for level, text in completions if text is not None]
            paid = self.scorer.pay([(level.row, text) for level, text in texts])
            shares = [level.share(payment.value) or 0.0 for (level, _), payment in zip(texts, paid, strict=True)]
            total += math.fsum(min(max(share, -10.0), 10.0) for share in shares)
            if total <= 0:
                break
        return replace(variant, share=total / len(rows))

    def _text(self, variant: Variant, row: int) -> str | None:
        return variant.text(self._remembering, self.views[row])

    @cached_property
    def _remembering(self) -> Makers:
        return {name: partial(self._made, name) for name in self.makers}

    def _made(self, name: str, view: View) -> Attempt | None:
        key = name, id(view)  # all views live as long as the search
        if key not in self.made:
            self.made[key] = self.makers[name](view)
        return self.made[key]
