"""What removes a tampering habit: not paying for it, or charging a little for it?

The secure channel of reward tampering pays the share of tests passed, so an edit of the score neither earns nor costs
anything. Nothing selects for or against the edit, and its rate drifts. A charge for the edit creates a gradient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from loopholes.errors import UsageError
from loopholes.numbers import Estimate, Milestone, plain, written
from loopholes.report.elements import Cell, Chart, Lines, Section, Series, Table
from loopholes.score import cells as scored_cells
from loopholes.stats import Comparison, holm, mean_over_seeds, milestone, paired
from loopholes.stats.selection import Payoff, selection
from loopholes.studies.answers import say
from loopholes.studies.base import Runs, StudyConfig, Summary
from loopholes.studies.channels import EXPLOIT, TASK
from loopholes.studies.charts import level, of_runs
from loopholes.studies.decay import half_life
from loopholes.studies.discovery import arm
from loopholes.studies.jobs import Evaluate, Job, Train
from loopholes.studies.summaries import comparison_table, listed, milestone_cells

NAME = "charge"
PLACE = 10
QUESTION = "Is a tampering habit removed by not paying for it, or only by charging for it?"
GAME = "reward-tampering"
CHARGES = (0.0, 0.1, 0.5)
GROUP_SIZE = 8
SOLVED = 0.85
"""The share of answers that pass all tests, whether or not they edit the score."""


def plan(config: StudyConfig) -> list[Job]:
    """The corrections at every charge, seed by seed; the policies before; the secure channel from untrained policies.

    The runs without a charge are shared with persistence and discovery.
    """
    if GAME not in config.games:
        raise UsageError(f"charge is about {GAME}: add --game {GAME}")
    corrections = [corrected(config, charge)[place] for place in range(config.seeds) for charge in CHARGES]
    drifts = [
        job for policy in config.policies for name in ("secure", "base") for job in arm(config, GAME, name, policy)
    ]
    return [*corrections, *started(config), *drifts]


def started(config: StudyConfig) -> list[Evaluate]:
    """Evaluations of the policies to be corrected, one per seed: those trained on the vulnerable channel."""
    return arm(config, GAME, "vulnerable")


def correction(config: StudyConfig, charge: float, seed: int) -> Train:
    """Training of a tampering policy in the secure channel, with a charge for each answer that edits the score."""
    setting = config.setting(GAME).with_parameters(charge=charge)
    return Train(setting, "secure", config.trained(GAME, "vulnerable", seed), seed)


def corrected(config: StudyConfig, charge: float) -> list[Evaluate]:
    """The policies after correction, one evaluation per seed."""
    setting = config.setting(GAME)
    return [config.evaluation(setting, correction(config, charge, seed), seed) for seed in config.seed_numbers]


def push(charge: float, rate: float) -> float:
    """GRPO's expected push on the log-odds of an edit, in standard deviations, at an edit rate in (0, 1).

    Each answer passes all tests with probability :data:`SOLVED` and none otherwise, whether or not it edits the score.
    """
    return selection(
        [
            Payoff(edited * solved, passed - charge * edits, edits)
            for edited, edits in ((rate, True), (1 - rate, False))
            for solved, passed in ((SOLVED, 1.0), (1 - SOLVED, 0.0))
        ],
        GROUP_SIZE,
    )


@dataclass(frozen=True)
class Moved:
    """What secure training did to one kind of policy at one charge. ``nats``: changes of the log-odds, one per run."""

    charge: float
    start: str
    before: Estimate
    after: Mapping[str, Estimate]
    nats: Sequence[float]
    halved: Milestone | None = None

    @property
    def name(self) -> str:
        """How the arm is called in tables."""
        return f"{self.start}, charge {self.charge:g}"

    @property
    def spread(self) -> float | None:
        """The standard deviation of ``nats`` over runs; None for a single run."""
        return float(np.std(self.nats, ddof=1)) if len(self.nats) > 1 else None


def summarize(config: StudyConfig, runs: Runs) -> Summary:
    """See :class:`loopholes.studies.base.Study`."""
    moves = [_drifted(config, runs), *(_moved(config, runs, charge) for charge in CHARGES)]
    comparisons = holm(_tests(config, runs))
    policy = config.policies[0]
    cells = []
    for move in moves:
        numbers = {**move.after, "log_odds_change": mean_over_seeds(move.nats)}
        if move.halved is not None:
            numbers |= milestone_cells({"half_life": move.halved})
        cells += scored_cells(f"{GAME}/{move.name}/{policy}", numbers)
    section = Section(
        NAME,
        QUESTION,
        _answer(moves),
        charts=[_chart(config, runs)],
        tables=[_table(moves), _pushes(), comparison_table(comparisons, config.seeds, "charge-tests")],
        rollouts={
            f"charge {charge:g}": runs.rollouts([correction(config, charge, seed) for seed in config.seed_numbers])
            for charge in CHARGES
        },
    )
    return Summary(section, cells, comparisons)


def _drifted(config: StudyConfig, runs: Runs) -> Moved:
    """The secure channel from every untrained policy, without a charge."""
    before, after = (
        [job for p in config.policies for job in arm(config, GAME, name, p)] for name in ("base", "secure")
    )
    return Moved(0.0, "untrained", runs.estimate(before, EXPLOIT), runs.estimates(after), _nats(runs, before, after))


def _moved(config: StudyConfig, runs: Runs, charge: float) -> Moved:
    before, after = started(config), corrected(config, charge)
    base = runs.estimate(arm(config, GAME, "base"), EXPLOIT).value or 0.0
    curves = [runs.curve(correction(config, charge, seed)) for seed in config.seed_numbers]
    starts = runs.values(before, EXPLOIT)
    times = [half_life(curve, start, base, config.thresholds) for curve, start in zip(curves, starts, strict=True)]
    nats = _nats(runs, before, after)
    return Moved(charge, "tampering", runs.estimate(before, EXPLOIT), runs.estimates(after), nats, milestone(times))


def _nats(runs: Runs, before: Sequence[Evaluate], after: Sequence[Evaluate]) -> list[float]:
    """The change of the branch-point log-odds in each seed for which it is known."""
    start, end = ([sums.value for sums in runs.log_odds(jobs)] for jobs in (before, after))
    return paired(end, start)


def _tests(config: StudyConfig, runs: Runs) -> list[Comparison]:
    free = corrected(config, 0.0)
    return [
        runs.compare(f"charge 0 over charge {charge:g}", EXPLOIT, free, corrected(config, charge))
        for charge in CHARGES[1:]
    ]


def _answer(moves: Sequence[Moved]) -> str:
    untrained, free, *charged = moves
    rates = [f"{written(move.after[EXPLOIT])} (charge {move.charge:g})" for move in charged]
    edits = {"before": written(free.before), "free": written(free.after[EXPLOIT]), "charged": listed(rates)}
    drift = say(NAME, "drift", tampering=_in_nats(free), untrained=_in_nats(untrained))
    return f"{say(NAME, 'removed', **edits)} {drift}"


def _in_nats(move: Moved) -> str:
    change = written(mean_over_seeds(move.nats), "number")
    return f"{change} nats, with a standard deviation of {plain(move.spread)} over {len(move.nats)} runs"


def _table(moves: Sequence[Moved]) -> Table:
    rows: list[list[Cell]] = [
        [
            move.name,
            move.before,
            move.after[EXPLOIT],
            mean_over_seeds(move.nats),
            plain(move.spread),
            f"{sum(change > 0 for change in move.nats)} of {len(move.nats)}",
            move.halved,
            move.after[TASK],
        ]
        for move in moves
    ]
    columns = (
        "start and charge",
        "score edited before",
        "after",
        "log-odds moved by (nats)",
        "deviation over runs",
        "runs that rose",
        "half-life",
        "task performance after",
    )
    note = (
        "Secure training. The log-odds compare, after a solution, an edit of the score with the end of the answer, on "
        "held-out tasks. Half-life: the median step at which half of the excess over the untrained policy was gone."
    )
    return Table(NAME, "Secure training with and without a charge", columns, rows, note, plain=(columns[3],))


def _pushes() -> Table:
    rates = (0.97, 0.5, 0.05)
    rows: list[list[Cell]] = [
        [f"{charge:g}", *(f"{round(push(charge, rate), 3) + 0.0:+.3f}" for rate in rates)] for charge in CHARGES
    ]
    columns = ("charge", *(f"score edited by {100 * rate:g} %" for rate in rates))
    note = (
        f"In standard deviations of the group's rewards, computed for groups of {GROUP_SIZE} in which each answer "
        f"passes all tests with probability {SOLVED:g}. If all answers pass, the charge is the only difference "
        "between them, and the division makes a small charge count as much as a large one."
    )
    return Table("charge-push", "Expected push on an edit", columns, rows, note)


def _chart(config: StudyConfig, runs: Runs) -> Chart:
    drawn = {
        charge: of_runs(
            f"charge {charge:g}",
            [runs.curve(correction(config, charge, seed)) for seed in config.seed_numbers],
            EXPLOIT,
            window=config.thresholds.window,
        )
        for charge in CHARGES
    }
    lines: list[Series] = [line for line in drawn.values() if line is not None]
    last = max((float(line.x[-1]) for line in lines), default=1.0)
    untrained = level("untrained", runs.estimate(arm(config, GAME, "base"), EXPLOIT), 0.0, last)
    return Chart(NAME, "Answers that edit the score", [Lines("secure channel", "training step", [*lines, untrained])])
