"""The published numbers of the mini policies from discovery, for tables that compare other policies with them.

    python benchmarks/mini_numbers.py results/unpaired/discovery.json results/discovery.json \\
        results/discovery-mini-llama-compliance.json > src/loopholes/studies/minis.json

Task performance and exploit rate of every arm. If several files hold the same number, the last one counts.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

ARMS = ("base", "vulnerable", "secure")
METRICS = ("task_performance", "exploit_rate")


def records(files: Sequence[Path]) -> list[dict[str, object]]:
    """The cells of games as they are usually played, each once."""
    latest = {}
    for file in files:
        for cell in json.loads(file.read_text())["cells"]:
            game, arm, _ = cell["cell"].split("/")
            if arm in ARMS and cell["metric"] in METRICS and "(" not in game:
                latest[cell["cell"], cell["metric"]] = cell
    return list(latest.values())


def main() -> None:
    """Print a record per line, in JSON."""
    lines = ",\n".join(json.dumps(record) for record in records([Path(name) for name in sys.argv[1:]]))
    print(f"[\n{lines}\n]")


if __name__ == "__main__":
    main()
