"""What ``loopholes study NAME --dry-run`` tells in a new folder: how long the mini policies take, by a finished study.

loopholes study all --out runs/study
python benchmarks/study_speeds.py runs/study > src/loopholes/studies/speeds.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from loopholes.studies.timing import KINDS, measured


def main() -> None:
    """Print seconds of one core by kind of run and game."""
    found: dict[str, dict[str, float]] = {}
    for (kind, game), rate in sorted(measured(Path(sys.argv[1])).items()):
        if kind in KINDS.values():
            found.setdefault(kind, {})[game] = float(f"{rate:.3g}")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
