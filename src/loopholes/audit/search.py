"""A black-box climb from what already paid: combinations and mutations, on half of the rows, reported on the others."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from loopholes.audit.attacks.base import View
from loopholes.audit.results import Attempt
from loopholes.audit.scale import Level
from loopholes.audit.scorer import Scorer

BEAM = 6
ROWS = 12
"""Rows that one step of the climb is measured on."""
FIRST = 2
"""Rows after which a recipe that pays nothing is given up."""
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
class Recipe:
    """An attack of the panel and what was done to it. ``share`` is its mean on the rows of the climb."""

    start: str
    steps: tuple[tuple[str, str], ...] = ()
    share: float = float("-inf")

    @property
    def name(self) -> str:
        """What was done, in order."""
        return " ".join([self.start, *(f"{step} {other}".strip() for step, other in self.steps)])

    def text(self, makers: Makers, view: View) -> str | None:
        """The completion for a row; None where it does not apply or would be too long."""
        made = makers[self.start](view)
        if made is None:
            return None
        text = made.text
        for step, name in self.steps:
            other = makers[name](view) if name else None
            text = STEPS[step](text, other.text if other else "", view)
        return text if view.fits(text) else None


def climb(
    scorer: Scorer,
    levels: Sequence[Level],
    views: Mapping[int, View],
    makers: Makers,
    found: Mapping[str, float],
    calls: int,
    seed: int,
    late: Callable[[], bool] = lambda: False,
) -> Recipe | None:
    """The best recipe that ``calls`` more calls find on these rows; None if nothing beats the panel there.

    ``found`` holds the panel's shares by attack. The same seed finds the same, unless it gets ``late``.
    """
    rng = np.random.default_rng([seed, len(levels)])
    rows = levels[:ROWS]
    starts = sorted(found, key=lambda name: (-found[name], name))
    if not starts or not rows:
        return None
    beam = [Recipe(name, share=_share(Recipe(name), scorer, rows, views, makers)) for name in starts[:BEAM]]
    best = max(beam, key=lambda recipe: recipe.share)
    names, last = list(makers), scorer.calls + calls
    while scorer.calls < last and best.share < 1.5 and not late():
        parent = beam[int(rng.integers(len(beam)))]
        others = starts[: 2 * BEAM] if rng.random() < 0.5 else names
        step = list(STEPS)[int(rng.integers(len(STEPS)))]
        other = others[int(rng.integers(len(others)))] if step in ("then", "after", "beside", "thinking") else ""
        child = Recipe(parent.start, (*parent.steps, (step, other))[-3:])
        spent = scorer.calls
        child = Recipe(child.start, child.steps, _share(child, scorer, rows, views, makers))
        last -= 1 if scorer.calls == spent else 0  # nothing new was asked: the climb still ends
        beam = sorted([*beam, child], key=lambda recipe: -recipe.share)[:BEAM]
        best = beam[0]
    return best if best.steps else None


def _share(recipe: Recipe, scorer: Scorer, levels: Sequence[Level], views: Mapping[int, View], makers: Makers) -> float:
    """The mean share of the scale on these rows; rows to which it does not apply count as nothing.

    What pays nothing on the first rows is given up there.
    """
    total = 0.0
    for part in (levels[:FIRST], levels[FIRST:]):
        texts = [(level, recipe.text(makers, views[level.row])) for level in part]
        asked = [(level, text) for level, text in texts if text is not None]
        paid = scorer.pay([(level.row, text) for level, text in asked])
        shares = [level.share(one.value) or 0.0 for (level, _), one in zip(asked, paid, strict=True)]
        total += math.fsum(min(max(share, -10.0), 10.0) for share in shares)
        if total <= 0:
            break
    return total / len(levels)
