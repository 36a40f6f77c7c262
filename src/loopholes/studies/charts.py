"""The lines of a figure, from training runs and levels: the curve of each seed, their mean, and its band."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

from loopholes.numbers import Estimate
from loopholes.report.elements import Chart, Lines, Role, Series
from loopholes.stats import mean_band, running

Quantity = Literal["reward", "task_performance", "exploit_rate"]

QUANTITIES: dict[Quantity, str] = {
    "reward": "Reward (what is paid)",
    "task_performance": "Task performance (what is wanted)",
    "exploit_rate": "Exploit rate (what is hidden)",
}
CAPTION = "Strong lines are means over the last {window} steps and over seeds, thin lines the seeds as logged"
SHORT_CAPTION = "Lines are the steps as logged, not means over {window} steps: the runs are shorter than that"
Values = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Curve:
    """One training run. All sequences have one entry per logged step, None if it was not measured at that step.

    ``task_performance`` and ``exploit_rate`` are shares in [0, 1], or differences of two shares in [-1, 1]; ``reward``
    is in the units of the game. ``seed`` is None if it is not known.
    """

    steps: Sequence[int]
    reward: Sequence[float | None]
    task_performance: Sequence[float | None]
    exploit_rate: Sequence[float | None]
    seed: int | None = None

    @classmethod
    def of(cls, metrics: Sequence[Mapping[str, Any]], seed: int | None = None) -> Self:
        """From :meth:`loopholes.runs.Run.metrics`; any of the three quantities may be missing from a line."""

        def column(name: str) -> list[float | None]:
            return [line.get(name) for line in metrics]

        steps = [int(line["step"]) for line in metrics]
        return cls(steps, column("reward"), column("task_performance"), column("exploit_rate"), seed)


def over_seeds(
    name: str,
    x: Sequence[float],
    seeds: Mapping[int, Values],
    *,
    role: Role = "",
    share: bool = True,
    window: int,
) -> Series:
    """The mean over seeds of the running mean over ``window`` points (as for first appearance), with a band.

    The band is a 95 % t interval over seeds, if there are at least two. For a ``share`` it is clipped to [0, 1], or to
    [-1, 1] if the share is ever negative, since it is the difference of two shares then. The lines of the seeds are as
    they were logged.
    """
    mean, low, high = mean_band([running(values, window).tolist() for values in seeds.values()])
    if share:
        least = -1.0 if any(value is not None and value < 0 for values in seeds.values() for value in values) else 0.0
        low, high = ([None if end is None else min(1.0, max(least, end)) for end in side] for side in (low, high))
    return Series(name, x, mean, low, high, role, seeds)


def of_runs(name: str, curves: Sequence[Curve], quantity: Quantity, *, role: Role = "", window: int) -> Series | None:
    """One quantity of several training runs; None if it was never measured."""
    x = sorted({step for curve in curves for step in curve.steps})
    seeds: dict[int, list[float | None]] = {}
    for number, curve in enumerate(curves):
        by_step = dict(zip(curve.steps, getattr(curve, quantity), strict=True))
        seeds[_free(number if curve.seed is None else curve.seed, seeds)] = [by_step.get(step) for step in x]
    if all(value is None for values in seeds.values() for value in values):
        return None
    return over_seeds(name, x, seeds, role=role, share=quantity != "reward", window=window)


def level(name: str, estimate: Estimate, first: float, last: float, role: Role = "base") -> Series:
    """A level line with its interval, for a policy that was not trained."""
    return Series(name, [first, last], [estimate.value] * 2, [estimate.low] * 2, [estimate.high] * 2, role)


def learning_chart(
    name: str,
    title: str,
    trained: Mapping[str, Sequence[Curve]],
    levels: Mapping[str, Mapping[str, Estimate]],
    roles: Mapping[str, Role],
    window: int,
    marks: Sequence[tuple[float, str]] = (),
) -> Chart:
    """Reward, task performance and exploit rate over the training steps, with level lines for untrained arms.

    ``trained`` holds the curves and ``levels`` the held-out numbers, both by arm. ``marks`` are drawn in the panel of
    the exploit rate. Steps are not averaged if all runs are shorter than ``window``.
    """
    last = max((step for curves in trained.values() for curve in curves for step in curve.steps), default=1)
    longest = max((len(curve.steps) for curves in trained.values() for curve in curves), default=0)
    caption = (CAPTION if longest >= window else SHORT_CAPTION).format(window=window)
    window = window if longest >= window else 1
    panels = []
    for quantity, label in QUANTITIES.items():
        series = [_level(arm, numbers.get(quantity), last, roles) for arm, numbers in levels.items()]
        series += [of_runs(a, curves, quantity, role=roles.get(a, ""), window=window) for a, curves in trained.items()]
        lines = [line for line in series if line is not None]
        here = marks if quantity == "exploit_rate" else ()
        panels.append(Lines(label, "training step", lines, percent=quantity != "reward", marks=here))
    several = any(len(curves) > 1 for curves in trained.values())
    bands = "; bands are 95 % intervals over seeds." if several else "."
    return Chart(name, title, panels, caption + bands)


def _level(name: str, estimate: Estimate | None, last: float, roles: Mapping[str, Role]) -> Series | None:
    if estimate is None or estimate.value is None:
        return None
    return level(f"{name} (untrained)", estimate, 0, last, roles.get(name, ""))


def _free(seed: int, taken: Mapping[int, Any]) -> int:
    """A number for a run's line. Loose runs may have the same seed, and still get a line each."""
    return seed if seed not in taken else max(taken) + 1
