"""From training runs and levels to the lines of a figure: each seed's curve, their mean, its band."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loopholes.report.elements import Curve, Lines, Quantity, Role, Series
from loopholes.stats import Estimate, Thresholds, mean_band, running

QUANTITIES: dict[Quantity, str] = {
    "reward": "Reward (what is paid)",
    "task_performance": "Task performance (what is wanted)",
    "exploit_rate": "Exploit rate (what is hidden)",
}
CAPTION = "Strong lines are means over the last {window} steps and over seeds, thin ones each seed as logged"
WINDOW = Thresholds().window
Values = Sequence[float | None]


def over_seeds(
    name: str,
    x: Sequence[float],
    seeds: Mapping[int, Values],
    *,
    role: Role = "",
    share: bool = True,
    window: int = WINDOW,
) -> Series:
    """The mean over seeds of the mean over the last ``window`` points, as first appearance is judged by, with a band.

    The band is a 95 % t interval over seeds, from two of them on; a ``share`` keeps it within [0, 1]. The seeds' own
    lines are as they were logged.
    """
    mean, low, high = mean_band([running(values, window).tolist() for values in seeds.values()])
    if share:
        low, high = ([None if end is None else min(1.0, max(0.0, end)) for end in side] for side in (low, high))
    return Series(name, x, mean, low, high, role, seeds)


def of_runs(
    name: str, curves: Sequence[Curve], quantity: Quantity, *, role: Role = "", window: int = WINDOW
) -> Series | None:
    """One quantity of several training runs; None where it was never measured."""
    x = sorted({step for curve in curves for step in curve.steps})
    seeds: dict[int, list[float | None]] = {}
    for number, curve in enumerate(curves):
        known = dict(zip(curve.steps, getattr(curve, quantity), strict=True))
        seeds[_free(number if curve.seed is None else curve.seed, seeds)] = [known.get(step) for step in x]
    if all(value is None for values in seeds.values() for value in values):
        return None
    return over_seeds(name, x, seeds, role=role, share=quantity != "reward", window=window)


def level(name: str, found: Estimate, first: float, last: float, role: Role = "base") -> Series:
    """A level line with its interval: what was not trained."""
    return Series(name, [first, last], [found.value] * 2, [found.low] * 2, [found.high] * 2, role)


def learning_panels(
    trained: Mapping[str, Sequence[Curve]],
    levels: Mapping[str, Mapping[str, Estimate]],
    roles: Mapping[str, Role],
    *,
    window: int = WINDOW,
    marks: Sequence[tuple[float, str]] = (),
) -> list[Lines]:
    """Reward, task performance and exploit rate over the steps of training: curves of arms, and levels of others.

    ``levels`` holds, by the name of an arm that was not trained, its held-out numbers. ``marks`` stand in the panel of
    the exploit rate.
    """
    last = max((step for curves in trained.values() for curve in curves for step in curve.steps), default=1)
    panels = []
    for quantity, title in QUANTITIES.items():
        series = [_level(name, found.get(quantity), last, roles) for name, found in levels.items()]
        series += [of_runs(n, curves, quantity, role=roles.get(n, ""), window=window) for n, curves in trained.items()]
        shown = [one for one in series if one is not None]
        here = marks if quantity == "exploit_rate" else ()
        panels.append(Lines(title, "training step", shown, percent=quantity != "reward", marks=here))
    return panels


def _level(name: str, found: Estimate | None, last: float, roles: Mapping[str, Role]) -> Series | None:
    if found is None or found.value is None:
        return None
    return level(f"{name} (untrained)", found, 0, last, roles.get(name, ""))


def _free(seed: int, taken: Mapping[int, Any]) -> int:
    """Two runs of one seed, as loose runs may be, stay two lines."""
    return seed if seed not in taken else max(taken) + 1
