"""Measures, from a finished study, the speeds by which ``loopholes study NAME --dry-run`` estimates times.

    loopholes study all --out runs/study
    python benchmarks/study_speeds.py mini runs/study
    loopholes study real-model --policy smollm2 --seeds 3 --count 128 --answers 256 --out runs/real-model
    python benchmarks/study_speeds.py smollm2 runs/real-model

Replaces the entry of that policy in ``src/loopholes/studies/speeds.json``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from loopholes.studies.timing import KINDS, measured

FILE = Path(__file__).parents[1] / "src" / "loopholes" / "studies" / "speeds.json"


def main() -> None:
    """Write seconds of one core by policy, kind of run and game."""
    policy, folder = sys.argv[1], Path(sys.argv[2])
    rates: dict[str, dict[str, float]] = {}
    for (kind, game), rate in sorted(measured(folder).items()):
        if kind in KINDS.values():
            rates.setdefault(kind, {})[game] = float(f"{rate:.3g}")
    FILE.write_text(json.dumps({**json.loads(FILE.read_text()), policy: rates}, indent=2) + "\n")


if __name__ == "__main__":
    main()
