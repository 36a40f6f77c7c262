"""What discovery published of the mini policies, for the tables that put other policies beside them.

    python benchmarks/mini_numbers.py results/unpaired/discovery.json results/discovery.json \\
        results/discovery-mini-llama-compliance.json > src/loopholes/studies/minis.json

Task performance and exploit rate of every arm. Where several files hold the same number, the last one counts.
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
    found = {}
    for file in files:
        for cell in json.loads(file.read_text())["cells"]:
            game, arm, _ = cell["cell"].split("/")
            if arm in ARMS and cell["metric"] in METRICS and "(" not in game:
                found[cell["cell"], cell["metric"]] = cell
    return list(found.values())


def main() -> None:
    """Print a record per line, in JSON."""
    lines = ",\n".join(json.dumps(record) for record in records([Path(name) for name in sys.argv[1:]]))
    print(f"[\n{lines}\n]")


if __name__ == "__main__":
    main()
