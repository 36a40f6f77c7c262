"""Writes the data of the development pairs, the same every time.

    python benchmarks/rewards/development/make_data.py [FOLDER]

Each file is JSON Lines: ``prompt`` (text, or a list of messages), the columns that the rewards take, and, in two sets
of three, ``golden``, a whole right completion.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from development import make_agents, make_answers, make_lists, make_programs, make_records

HERE = Path(__file__).parents[1] / "data" / "development"
SETS = {**make_answers.SETS, **make_lists.SETS, **make_records.SETS, **make_agents.SETS, **make_programs.SETS}


ONE_PROMPT = ("any_squares", "pangrams", "primes")
"""Sets whose rows share one prompt. In the others each prompt stands once."""


def text(name: str) -> str:
    """Return a data set as JSON Lines."""
    rows = SETS[name](random.Random(f"development {name}"))
    if name not in ONE_PROMPT:
        rows = list({json.dumps(row["prompt"]): row for row in rows}.values())
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def main() -> None:
    """Write all data sets."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    folder.mkdir(parents=True, exist_ok=True)
    for name in SETS:
        (folder / f"{name}.jsonl").write_text(text(name), encoding="utf-8")


if __name__ == "__main__":
    main()
