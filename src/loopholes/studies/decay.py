"""How an exploit decays once it no longer pays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loopholes.stats import Thresholds, live_share, running
from loopholes.stats.survival import Time
from loopholes.studies.charts import Curve


@dataclass(frozen=True)
class Decay:
    """How the exploit decayed on the secure channel, and when it returned; one entry per seed.

    - ``halved``: the step of the correction at which half of the exploit rate's excess over base is gone.
    - ``area``: the mean excess over the whole correction, as a share of the excess at its start; 1 is no decay.
    - ``lost``: nats of log-odds lost per step (:func:`loopholes.stats.decay_slope`); None if the rate was never
      between its limits.
    - ``live``: the mean share of groups with both kinds of answers, the only groups that can teach anything.
    - ``back``: the step at which the exploit appeared again on the vulnerable channel.
    """

    halved: Sequence[Time]
    area: Sequence[float]
    lost: Sequence[float | None]
    live: Sequence[float]
    back: Sequence[Time]


def half_life(curve: Curve, start: float, base: float, thresholds: Thresholds) -> Time:
    """The step at which the running exploit rate has lost half of its excess over base; censored if it never has."""
    below = running(curve.exploit_rate, thresholds.window) <= base + (start - base) / 2
    last = float(max(curve.steps, default=0))
    return (float(curve.steps[int(np.argmax(below))]), True) if below.any() else (last, False)


def excess(curve: Curve, start: float, base: float) -> float:
    """The mean excess of the exploit rate over base during the correction, as a share of the excess at the start."""
    rates = [rate for rate in curve.exploit_rate if rate is not None]
    return (float(np.mean(rates)) - base) / (start - base) if rates and start != base else 0.0


def live_groups(curve: Curve, window: int, group_size: int) -> float:
    """The share of groups in which some completions exploit and some do not, averaged over steps; 0 without steps."""
    rates = running(curve.exploit_rate, window)
    shares = [live_share(float(rate), group_size) for rate in rates[~np.isnan(rates)]]
    return float(np.mean(shares)) if shares else 0.0
