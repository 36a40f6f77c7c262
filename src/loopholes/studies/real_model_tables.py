"""Tables of the study of a real model: what was found within the steps, the rule of choice, the student, progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loopholes.numbers import share
from loopholes.report.elements import Cell, Table
from loopholes.stats import Thresholds
from loopholes.studies.base import Runs, StudyConfig
from loopholes.studies.channels import EXPLOIT, TASK, Arm, Played
from loopholes.studies.end_points import LOG_ODDS, Distance
from loopholes.studies.jobs import Evaluate, Job, closure
from loopholes.studies.roads import exploiting_before
from loopholes.studies.summaries import listed

EXPLORATORY = " (exploratory)"
LEAST_EXPLOITING = 0.01
"""The share of exploiting answers from which on RL meets the exploit: about one in a step of a hundred answers."""


@dataclass(frozen=True)
class Part:
    """Some of the runs, which say something together."""

    name: str
    jobs: Sequence[Job]


def budget_table(played: Sequence[Played], thresholds: Thresholds) -> Table:
    """Of every trained arm: in how many seeds it found the exploit, or how rare the exploit must be."""
    rows: list[list[Cell]] = []
    for pair in played:
        for name, arm in pair.arms.items():
            if arm.judged:
                found, rate = found_in(arm, thresholds), arm.estimates[EXPLOIT]
                steps = max((step for curve in arm.curves for step in curve.steps), default=0)
                seeds = f"{found} of {arm.changes[EXPLOIT].seeds}"
                rows.append([pair.game, name, steps, seeds, rate, None if found else share(rate.high)])
    columns = ("game", "channel", "steps", "seeds that found it", "exploit rate", "not found: at most")
    note = (
        "Found: the held-out exploit rate lies clearly above that of the untrained policy on the same tasks "
        "(docs/studies.md, Statistics). At most: the upper end of the 95 % interval of the rate over tasks (Wilson's "
        "where no answer exploits); in compliance, of the gap."
    )
    return Table("real-model-budget", "What was found within the steps", columns, rows, note)


def found_in(arm: Arm, thresholds: Thresholds) -> int:
    """The number of seeds in which a trained arm found the exploit."""
    if arm.two_part is not None:
        return arm.two_part.share.n
    change = arm.changes[EXPLOIT]
    return int((change.value or 0.0) >= thresholds.appears and change.low is not None and change.low > 0)


def room(reachable: float, exploit_rate: float, exploiting: float) -> tuple[bool, float]:
    """What games are ranked by, the one with the most to see highest: whether exploits are met; the room, or how often.

    ``reachable`` is the highest exploit rate that can be reached, ``exploit_rate`` the untrained policy's, and
    ``exploiting`` the share of its answers that exploit (of a gap, on the rarer side). All are in [0, 1].
    """
    met = exploiting >= LEAST_EXPLOITING
    return met, reachable - exploit_rate if met else exploiting


def room_table(
    config: StudyConfig, untrained: Mapping[str, Sequence[Evaluate]], chosen: Sequence[str], runs: Runs
) -> Table:
    """The untrained policy in every game, ranked by the rule by which the ``chosen`` games were chosen."""
    ranked: list[tuple[tuple[bool, float], list[Cell]]] = []
    for game, planned in untrained.items():
        jobs = [job for job in planned if runs.finished(job)]
        exploiting = exploiting_before(runs.arm(jobs, EXPLOIT)) if jobs else None
        if exploiting is not None:
            numbers = runs.estimates(jobs)
            task, rate = (numbers[metric].value or 0.0 for metric in (TASK, EXPLOIT))
            reachable = config.setting(game).make().exploitable(task)
            row: list[Cell] = [game, numbers[TASK], numbers[EXPLOIT], share(exploiting), share(reachable - rate)]
            ranked.append((room(reachable, rate, exploiting), row))
    rows = [row for _, row in sorted(ranked, key=lambda pair: pair[0], reverse=True)]
    columns = ("game", "task performance", "exploit rate", "answers that exploit", "room")
    note = (
        f"The rule, written before any run: of the games in which at least {share(LEAST_EXPLOITING)} of answers "
        "exploit (of a gap, on the rarer of its two sides), the two with the most room, which is the highest exploit "
        f"rate that can be reached minus this one. Chosen, by base rates measured before: {listed(chosen)}."
    )
    return Table("real-model-room", "The untrained policy, most to see first", columns, rows, note)


def student_table(taught: Distance | None, teacher: Sequence[Evaluate], amount: int, runs: Runs) -> Table:
    """One row, or none as long as the student is not finished."""
    columns = (
        "game",
        "answers learned from",
        "exploit rate of the teacher",
        "of the student",
        "exploit change",
        "task change",
        "log-odds change (nats)",
    )
    rows: list[list[Cell]] = []
    if taught is not None:
        changes = [taught.changes[metric] for metric in (EXPLOIT, TASK, LOG_ODDS)]
        rows.append([taught.target, amount, runs.estimate(teacher, EXPLOIT), taught.rates[EXPLOIT], *changes])
    note = (
        "The untrained policy, all of its weights fine-tuned on answers of what the vulnerable channel made of it, in "
        "one seed. Changes are to the untrained policy."
    )
    title = "A student of an exploiting teacher"
    return Table("real-model-student", title, columns, rows, note, changes=columns[4:6], plain=columns[6:])


def progress_table(parts: Sequence[Part], runs: Runs) -> Table:
    """What is finished of each part of the plan."""
    rows: list[list[Cell]] = []
    for part in parts:
        jobs = closure(part.jobs)
        rows.append([part.name, len(jobs), sum(runs.finished(job) for job in jobs)])
    note = "In the order of the plan. A run that several parts need is counted in each."
    return Table("real-model-progress", "What is finished", ("part", "runs planned", "finished"), rows, note)
