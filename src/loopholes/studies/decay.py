"""How an exploit decays where it no longer pays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loopholes.stats import Thresholds, live_share, running
from loopholes.stats.survival import Time
from loopholes.studies.charts import Curve


@dataclass(frozen=True)
class Decay:
    """How the exploit decayed in the secure channel, by seed, and when it came back.

    ``halved`` is the step of the correction at which half of the exploit rate's excess over base is gone. ``area`` is
    the mean excess over the whole correction as a share of the excess at its start: 1 is no decay. ``lost`` are the
    nats of log-odds lost per step (:func:`loopholes.stats.decay_slope`), None where the rate was never between its
    limits. ``live`` is the mean share of groups that hold both kinds of answers and so can teach anything.
    """

    halved: Sequence[Time]
    area: Sequence[float]
    lost: Sequence[float | None]
    live: Sequence[float]
    back: Sequence[Time]


def half_life(curve: Curve, start: float, base: float, thresholds: Thresholds) -> Time:
    """The step at which the running exploit rate has lost half of its excess over base; censored if it never does."""
    below = running(curve.exploit_rate, thresholds.window) <= base + (start - base) / 2
    last = float(max(curve.steps, default=0))
    return (float(curve.steps[int(np.argmax(below))]), True) if below.any() else (last, False)


def excess(curve: Curve, start: float, base: float) -> float:
    """The mean excess of the exploit rate over base during the correction, as a share of that at the start."""
    rates = [rate for rate in curve.exploit_rate if rate is not None]
    return (float(np.mean(rates)) - base) / (start - base) if rates and start != base else 0.0


def live_groups(curve: Curve, window: int, group_size: int) -> float:
    """The mean over the steps of the share of groups in which some samples exploit and some do not; 0 without steps."""
    rates = running(curve.exploit_rate, window)
    shares = [live_share(float(rate), group_size) for rate in rates[~np.isnan(rates)]]
    return float(np.mean(shares)) if shares else 0.0
