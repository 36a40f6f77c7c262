"""How often the package's 95 % intervals contain the truth, over 10,000 simulated data sets per design.

    python benchmarks/coverage.py [--draws 10000] [--parts runs/coverage.jsonl]

writes results/coverage.md. Each design is simulated in chunks; a finished chunk is a line of the file of parts, so that
an interrupted run can continue. Every chunk has a seed of its own, and the intervals are computed by
``loopholes.stats`` at its default settings (2,000 resamples).

Data are simulated in three stages. A seed's rate has a beta distribution around the true rate, a task's rate one around
its seed's, and a task's hits are binomial. The spread of either beta is given as an intraclass correlation: its
variance as a share of the largest that its mean allows.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from loopholes.stats import Estimate, Sums, difference, estimate, over_tasks
from timing import table

RESULT = Path(__file__).parents[1] / "results" / "coverage.md"
CHUNK = 500
LEVEL = 0.95
TASK_SPREAD = 0.3
SEED_SPREAD = 0.05

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator], tuple[Estimate, float]]


@dataclass(frozen=True)
class Design:
    """One way of collecting data. ``draw`` simulates a data set and gives its estimate and the true value."""

    name: str
    draw: Draw


@dataclass(frozen=True)
class Part:
    """The results of a chunk of data sets. ``below`` counts intervals that lie wholly below the truth, ``above`` those
    wholly above it, ``unknown`` data sets without an interval; ``width`` is the sum of the intervals' widths."""

    design: str
    chunk: int
    draws: int
    covered: int
    below: int
    above: int
    unknown: int
    width: float


def rates(rng: np.random.Generator, means: float | Floats, spread: float, shape: tuple[int, ...]) -> Floats:
    """Rates around ``means`` with an intraclass correlation of ``spread``; the means themselves if that is 0."""
    if spread == 0:
        return np.broadcast_to(np.asarray(means, dtype=float), shape)
    concentration = 1 / spread - 1
    return rng.beta(np.maximum(means * concentration, 1e-9), np.maximum((1 - means) * concentration, 1e-9), size=shape)


def task_rates(rng: np.random.Generator, rate: float, seeds: int, tasks: int, spread: float) -> Floats:
    """(seeds, tasks): the true rate of each task in each seed."""
    of_seeds = rates(rng, rate, spread, (seeds, 1))
    return rates(rng, of_seeds, TASK_SPREAD, (seeds, tasks))


def sums_of(hits: Floats, samples: int, signs: Floats | None = None) -> Sums:
    """The sums of one seed: ``hits`` of ``samples`` per task; each task of a gap has a side, +1 or -1."""
    sums = Sums("mean" if signs is None else "gap")
    if signs is None:
        rows = [[count, float(samples)] for count in hits.tolist()]
    else:
        rows = [
            [count, float(samples), 0.0, 0.0] if sign > 0 else [0.0, 0.0, count, float(samples)]
            for count, sign in zip(hits.tolist(), signs.tolist(), strict=True)
        ]
    sums.by_task = {str(number): row for number, row in enumerate(rows)}
    return sums


def of_rate(rate: float, seeds: int, tasks: int, samples: int, spread: float) -> Design:
    """A rate over seeds, each with tasks of its own."""

    def draw(rng: np.random.Generator) -> tuple[Estimate, float]:
        hits = rng.binomial(samples, task_rates(rng, rate, seeds, tasks, spread)).astype(float)
        return estimate([sums_of(row, samples) for row in hits]), rate

    return Design(f"rate {rate:g}: {_seeds(seeds, spread)}, {tasks} tasks, {_samples(samples)}", draw)


def of_shared_tasks(rate: float, seeds: int, tasks: int, samples: int, *, about_these: bool) -> Design:
    """A rate over seeds that all see the same tasks, as with a file of released ones.

    The true value is the rate on these very tasks, or on all the tasks that they were drawn from.
    """

    def draw(rng: np.random.Generator) -> tuple[Estimate, float]:
        of_tasks = rates(rng, rate, TASK_SPREAD, (1, tasks))
        hits = rng.binomial(samples, np.broadcast_to(of_tasks, (seeds, tasks))).astype(float)
        interval = estimate([sums_of(row, samples) for row in hits])
        return interval, float(of_tasks.mean()) if about_these else rate

    about = "the rate on these tasks" if about_these else "the rate on tasks like these"
    shared = f"the same {tasks} tasks for all seeds"
    return Design(f"rate {rate:g}: {_seeds(seeds, 0)}, {shared}, {_samples(samples)}; {about}", draw)


def of_gap(high: float, low: float, seeds: int, tasks: int, samples: int, spread: float) -> Design:
    """The gap between two halves of the tasks."""
    signs = np.where(np.arange(tasks) % 2 == 0, 1.0, -1.0)

    def draw(rng: np.random.Generator) -> tuple[Estimate, float]:
        halves = [task_rates(rng, rate, seeds, tasks, spread) for rate in (high, low)]
        hits = rng.binomial(samples, np.where(signs > 0, *halves)).astype(float)
        return estimate([sums_of(row, samples, signs) for row in hits]), high - low

    name = f"gap {high:g} - {low:g}: {_seeds(seeds, spread)}, {tasks} tasks, {_samples(samples)}"
    return Design(name, draw)


def of_difference(
    high: float, low: float, seeds: int, tasks: int, samples: int, spread: float, *, paired: bool
) -> Design:
    """The difference of two arms, on tasks of their own or on the same ones.

    With the same tasks, the second arm's rate on each task is the first arm's times the ratio of the two mean rates.
    """

    def draw(rng: np.random.Generator) -> tuple[Estimate, float]:
        if paired:
            ours = task_rates(rng, high, seeds, tasks, spread)
            theirs = ours * (low / high)
        else:
            ours, theirs = (task_rates(rng, rate, seeds, tasks, spread) for rate in (high, low))
        arms = [[sums_of(row, samples) for row in rng.binomial(samples, true).astype(float)] for true in (ours, theirs)]
        if not paired:
            for sums in arms[1]:
                sums.by_task = {f"other {task}": row for task, row in sums.by_task.items()}
        return difference(arms[0], arms[1]), high - low

    tasks_of = "the same tasks" if paired else "tasks of their own"
    name = f"difference {high:g} - {low:g}: {_seeds(seeds, spread)}, {tasks} tasks, {_samples(samples)}, {tasks_of}"
    return Design(name, draw)


def of_mean(rate: float | None, tasks: int) -> Design:
    """``over_tasks``: the mean of a yes or no per task, or of a normal number if no rate is named."""

    def draw(rng: np.random.Generator) -> tuple[Estimate, float]:
        values = rng.normal(0.4, 0.3, tasks) if rate is None else (rng.random(tasks) < rate).astype(float)
        return over_tasks(values.tolist()), 0.4 if rate is None else rate

    what = "normal numbers, mean 0.4, deviation 0.3" if rate is None else f"yes or no, rate {rate:g}"
    return Design(f"over_tasks: {what}, {tasks} tasks", draw)


def _seeds(seeds: int, spread: float) -> str:
    plural = "1 seed" if seeds == 1 else f"{seeds} seeds"
    return plural if seeds == 1 else f"{plural} that {'differ' if spread else 'agree'}"


def _samples(samples: int) -> str:
    return "1 sample per task" if samples == 1 else f"{samples} samples per task"


DESIGNS = (
    of_rate(0.5, 1, 64, 8, 0),
    of_rate(0.05, 1, 256, 1, 0),
    of_rate(0.005, 1, 256, 1, 0),
    of_rate(0.95, 1, 512, 4, 0),
    of_rate(0.5, 2, 256, 4, 0),
    of_rate(0.5, 2, 256, 4, SEED_SPREAD),
    of_rate(0.005, 5, 256, 4, 0),
    of_rate(0.05, 5, 256, 4, SEED_SPREAD),
    of_rate(0.5, 5, 256, 4, SEED_SPREAD),
    of_rate(0.95, 10, 128, 4, SEED_SPREAD),
    of_shared_tasks(0.5, 5, 64, 8, about_these=True),
    of_shared_tasks(0.5, 5, 64, 8, about_these=False),
    of_gap(0.5, 0.05, 5, 256, 4, SEED_SPREAD),
    of_difference(0.5, 0.4, 1, 256, 1, 0, paired=True),
    of_difference(0.5, 0.4, 5, 128, 4, SEED_SPREAD, paired=True),
    of_difference(0.05, 0.02, 5, 128, 4, SEED_SPREAD, paired=False),
    of_mean(None, 30),
    of_mean(0.05, 100),
    of_mean(0.5, 64),
)


def simulated(number: int, chunk: int, draws: int) -> Part:
    """One chunk of a design."""
    design, rng = DESIGNS[number], np.random.default_rng([20261127, number, chunk])
    covered = below = above = unknown = 0
    width = 0.0
    for _ in range(draws):
        interval, truth = design.draw(rng)
        if interval.low is None or interval.high is None:
            unknown += 1
            continue
        low, high = float(interval.low), float(interval.high)
        width += high - low
        below += high < truth
        above += low > truth
        covered += low <= truth <= high
    return Part(design.name, chunk, draws, covered, below, above, unknown, width)


def parts(file: Path, draws: int) -> Iterator[Part]:
    """All chunks; those that are finished are read from the file."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    finished = {(part.design, part.chunk, part.draws): part for part in (Part(**json.loads(line)) for line in lines)}
    file.parent.mkdir(parents=True, exist_ok=True)
    for number, design in enumerate(DESIGNS):
        for chunk, start in enumerate(range(0, draws, CHUNK)):
            size = min(CHUNK, draws - start)
            part = finished.get((design.name, chunk, size))
            if part is None:
                part = simulated(number, chunk, size)
                with file.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(asdict(part)) + "\n")
            yield part


def row_of(design: Design, chunks: list[Part]) -> tuple[list[str], bool]:
    """The design's line of the table, and whether its coverage is below 95 % by more than the simulation's error."""
    draws = sum(part.draws for part in chunks)
    unknown = sum(part.unknown for part in chunks)
    intervals = draws - unknown
    covered = sum(part.covered for part in chunks)
    wilson = binomtest(covered, intervals).proportion_ci(LEVEL, method="wilson")
    misses = [sum(getattr(part, side) for part in chunks) / intervals for side in ("below", "above")]
    width = sum(part.width for part in chunks) / intervals
    cells = [
        design.name,
        f"{100 * covered / intervals:.1f} % ({100 * wilson.low:.1f} to {100 * wilson.high:.1f})",
        *(f"{100 * share:.1f} %" for share in misses),
        f"{width:.4f}",
        f"{unknown:,}",
    ]
    return cells, bool(wilson.high < LEVEL)


def page(by_design: dict[str, list[Part]], draws: int) -> Iterator[str]:
    """The lines of results/coverage.md."""
    yield f"# Coverage of the intervals\n\n`python benchmarks/coverage.py`\n\n{ABOUT.format(draws=draws)}\n"
    rows = [row_of(design, by_design[design.name]) for design in DESIGNS]
    columns = ["design", "coverage (95 % Wilson)", "interval below truth", "above truth", "mean width", "no interval"]
    yield table(columns, [cells for cells, _ in rows])
    short = [cells for cells, falls_short in rows if falls_short]
    yield "\n## Designs that miss 95 %\n"
    if not short:
        yield "None covers less than 95 % by more than the simulation's error."
    else:
        yield "These cover less than 95 %, by more than the simulation's error:\n"
        yield from (f"- {cells[0]}: {cells[1]}" for cells in short)


ABOUT = """\
Each line is one way of collecting data, simulated {draws:,} times. Coverage is the share of the 95 % intervals that
hold the true value, with the simulation's own error (Wilson's interval). An interval *below the truth* ends under it,
one *above the truth* starts over it; 2.5 % each would be even.

`estimate` and `difference` use a **hierarchical bootstrap with corrected spread**: 2,000 resamples draw seeds, then
tasks within each drawn seed, and keep all samples of a task together. The bootstrap gives the interval's shape, and its
spread is set to the t interval's over seeds or to that of the tasks alone, whichever is larger. If no resample differs
from another (every task says 0, or every task says 1), the interval is Wilson's with one observation per task.
`over_tasks` is Student's interval, whose end nearer to 0 never claims more than as many tasks can show.

Tasks differ with an intraclass correlation of 0.3 in every design. Seeds that *differ* have one of 0.05 (a standard
deviation of 0.11 around a rate of 0.5, and of 0.05 around a rate of 0.05); seeds that *agree* have 0."""


def main() -> None:
    """Simulate what is missing, and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--draws", type=int, default=10_000, help="data sets per design")
    parser.add_argument("--parts", type=Path, default=Path("runs/coverage.jsonl"), help="file of finished chunks")
    options = parser.parse_args()
    by_design: dict[str, list[Part]] = {}
    for part in parts(options.parts, options.draws):
        by_design.setdefault(part.design, []).append(part)
    RESULT.write_text("\n".join(page(by_design, options.draws)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
