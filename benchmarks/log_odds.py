"""Adds branch-point log-odds to evaluations that were finished without them, and prints those of a whole folder.

python benchmarks/log_odds.py runs/study

Writes ``log_odds.jsonl`` into each finished evaluation that has none, from the policy that it evaluated. Prints a line
of JSON per evaluation: the mean in nats (the gap, in a game of two kinds of tasks), beside the sampled exploit rate.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from loopholes.games import game as make_game
from loopholes.log_odds import measure_finished, read_log_odds, sums
from loopholes.runs import Run
from loopholes.runs.evaluations import TASKS, read_evaluation
from loopholes.stats import Sums


def main() -> None:
    """Process a study's folder."""
    for file in sorted(Path(sys.argv[1]).glob(f"runs/*/{TASKS}")):
        run = Run.open(file.parent)
        if run.status.state != "finished" or run.config.get("split") != "test":
            continue
        measure_finished(run.path)
        metric = make_game(str(run.config["game"]), **run.config["parameters"]).metrics["exploit_rate"]
        sampled = Sums.of(metric, *read_evaluation(run.path)).value
        log_odds = sums(read_log_odds(run.path)).value
        print(json.dumps({"run": run.path.name, "log_odds": log_odds, "exploit_rate": sampled}), flush=True)


if __name__ == "__main__":
    main()
