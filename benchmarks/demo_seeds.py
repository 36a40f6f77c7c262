"""The table and the figures of a finished demo, with every seed's own numbers beside the interval over all.

    loopholes demo --policy mini --seed 0 --seed 1 --seed 2 --out runs/mini
    python benchmarks/demo_seeds.py runs/mini --out results

Writes ``demo-POLICY.md``, ``demo-POLICY.json`` (the demo's summary) and one figure a game.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from loopholes.demo import TRIALS, Trial, read_section
from loopholes.report import Arm, GameSection, game_section, save_chart
from loopholes.stats import Estimate


def main() -> None:
    """Read the runs and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("results"))
    options = parser.parse_args()
    summary = json.loads((options.folder / "summary.json").read_text())
    policy, seeds = summary["policy"], summary["seeds"]
    lines = [f"# The demo over {len(seeds)} seeds: {policy}\n"]
    lines.append(f"`loopholes demo --policy {policy} {' '.join(f'--seed {seed}' for seed in seeds)}`\n")
    lines.append("Held-out tasks, temperature 1; 95 % intervals by resampling seeds and tasks; steps are medians.")
    lines.append("In brackets: each seed by itself, in order; steps of first appearance for the vulnerable arm.\n")
    lines.append("| game | channel | task performance | exploit rate | appears | dominates | blind spot |")
    lines.append("|---|---|---|---|---|---|---|")
    for trial in TRIALS:
        section = read_section(trial, policy, seeds, options.folder)
        single = [read_section(trial, policy, [seed], options.folder) for seed in seeds]
        lines += rows(trial, section, single)
        save_chart(game_section(section).charts[0], options.out / f"{trial.game}-{policy}.svg")
    (options.out / f"demo-{policy}.md").write_text("\n".join(lines) + "\n")
    shutil.copy(options.folder / "summary.json", options.out / f"demo-{policy}.json")


def rows(trial: Trial, section: GameSection, single: Sequence[GameSection]) -> list[str]:
    """One line an arm."""
    found = []
    for number, arm in enumerate(section.arms):
        alone = [one.arms[number] for one in single]
        rates = [rate(arm, alone, name) for name in ("task_performance", "exploit_rate")]
        steps = [
            step(arm.first_appearance, [one.first_appearance for one in alone], bool(arm.curves)),
            step(arm.domination, [one.domination for one in alone], bool(arm.curves)),
        ]
        opened = "" if arm.blind_spot is None else "yes" if arm.blind_spot else "no"
        cells = [trial.game if number == 0 else "", arm.name, *rates, *steps, opened]
        found.append(f"| {' | '.join(cells)} |")
    return found


def rate(arm: Arm, alone: Sequence[Arm], name: str) -> str:
    """The estimate over all seeds, then each seed's value."""
    own = ", ".join(percent(one.estimates[name]) for one in alone)
    return f"{arm.estimates[name]} ({own})" if len(alone) > 1 else str(arm.estimates[name])


def percent(estimate: Estimate) -> str:
    """A value alone."""
    return "–" if estimate.value is None else f"{100 * estimate.value:.0f}"


def step(median: int | None, alone: Sequence[int | None], trained: bool) -> str:
    """The median step, then each seed's."""
    if not trained:
        return ""
    own = ", ".join("–" if one is None else str(one) for one in alone)
    middle = "never" if median is None else str(median)
    return f"{middle} ({own})" if len(alone) > 1 else middle


if __name__ == "__main__":
    main()
