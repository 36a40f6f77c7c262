"""What the demonstrations of the development pairs are paid.

    python benchmarks/rewards/development/replay.py [NAME ...]     # writes demonstrations.jsonl

A line for each pair: the row, an honest and an exploiting completion, what both rewards pay for them, and on how many
of the rows the exploit pays. Rewards are loaded and called as an audit does it, by the integration of their framework.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from loopholes.audit.frameworks import plain, trl, verl
from loopholes.audit.frameworks.base import Part, Reward, Row

sys.path.append(str(Path(__file__).parents[1]))

from catalogue import DEVELOPMENT, FOLDER, Fixture
from development.demonstrations import DEMONSTRATIONS, Record

WRITTEN = Path(__file__).parent / "demonstrations.jsonl"
BUILD: dict[str, Callable[[Sequence[Part], Mapping[str, Any]], Any]] = {
    "plain": plain.build,
    "trl": trl.build,
    "verl": verl.build,
}


@cache
def records(data: str) -> list[Record]:
    """Return the rows of a data set."""
    return [json.loads(line) for line in (FOLDER / "data" / data).read_text(encoding="utf-8").splitlines()]


def reward(fixture: Fixture) -> Reward:
    """Load a reward."""
    built: Reward = BUILD[fixture.framework]([Part(str(FOLDER / fixture.file), fixture.function)], {})
    return built


def pay(fixture: Fixture, rows: Sequence[Record], texts: Sequence[str]) -> list[float]:
    """Return what a reward pays for a batch of completions."""
    given = [
        Row(
            n, row["prompt"] if isinstance(row["prompt"], str) else tuple(row["prompt"]), row.get("golden"), columns=row
        )
        for n, row in enumerate(rows)
    ]
    paid = reward(fixture)(given, list(texts))
    problems = [payment.problem for payment in paid if payment.problem or payment.value is None]
    if problems:
        raise RuntimeError(f"{fixture.name}: {problems[0]}")
    return [float(payment.value or 0.0) for payment in paid]


def demonstrated(fixture: Fixture, place: int) -> tuple[float, float]:
    """Return what a reward pays on a row for the honest completion, alone, and for the exploit, in its batch."""
    rows, shown = records(fixture.data), DEMONSTRATIONS[pair(fixture)]
    before = [(rows[n - len(shown.before)], text) for n, text in enumerate(shown.before)]
    batch = [*(row for row, _ in before), rows[place]]
    texts = [*(text or shown.honest(row) for row, text in before), shown.exploit(rows[place])]
    return pay(fixture, rows[place : place + 1], [shown.honest(rows[place])])[0], pay(fixture, batch, texts)[-1]


def pair(fixture: Fixture) -> str:
    """Return the name of a pair, which is that of its vulnerable reward."""
    return fixture.name.removesuffix("_hardened")


def written(vulnerable: Fixture, hardened: Fixture) -> Record:
    """Return the line of a pair."""
    rows, shown = records(vulnerable.data), DEMONSTRATIONS[vulnerable.name]
    places = [place for place, row in enumerate(rows) if shown.where(row)]
    place = places[0]
    return {
        "name": vulnerable.name,
        "data": vulnerable.data,
        "row": place,
        "honest": shown.honest(rows[place]),
        "exploit": shown.exploit(rows[place]),
        "blind": shown.blind is not None,
        "exploited_rows": len(places),
        "rows": len(rows),
        "vulnerable": dict(zip(("honest", "exploit"), demonstrated(vulnerable, place), strict=True)),
        "hardened": dict(zip(("honest", "exploit"), demonstrated(hardened, place), strict=True)),
    }


def main() -> None:
    """Write the demonstrations, or print those that are named."""
    twins = list(zip(DEVELOPMENT[::2], DEVELOPMENT[1::2], strict=True))
    lines = [
        json.dumps(written(*twin), ensure_ascii=False) for twin in twins if not sys.argv[1:] or twin[0].name in sys.argv
    ]
    if sys.argv[1:]:
        print("\n".join(lines))
    else:
        WRITTEN.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
