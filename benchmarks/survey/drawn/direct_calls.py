"""Calls the drawn verifiers directly: what golden, empty and loophole completions are paid, one line of JSON each.

    PUBLISHED_SOURCES=DIR PYTHONPATH=src:benchmarks/survey/drawn/glue:benchmarks/published \\
        python benchmarks/survey/drawn/direct_calls.py ROWS_FOLDER [TARGET ...]

Rows are written to the folder first. NeMo-Gym's servers and Inspect's scorers are called as the audit's frameworks call
them, everything else straight.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import json
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from holes import HOLES
from loopholes.audit.frameworks import base, inspect_ai, nemo_gym
from targets import TARGETS, Target

NOTHING = ("", "I do not know.")  # the lower of the two is what saying nothing is paid
GLUE = Path(__file__).with_name("glue")
Row = dict[str, Any]
Pay = Callable[[Row, str], float]


def file_of(target: Target) -> str:
    """The target with the whole path of its file."""
    if target.framework == "nemo_gym":
        return f"{os.environ['PUBLISHED_SOURCES']}/{target.reward}"
    return str(GLUE / target.reward) if target.framework else target.reward


def rows_of(name: str, folder: Path) -> list[Row]:
    """The rows of a target, written to the folder; reasoning-gym's from its data set."""
    target = TARGETS[name]
    if target.rows is None:
        data = importlib.import_module("reasoning_gym").create_dataset(name.split()[1], seed=1, size=24)
        return [{"prompt": entry["question"], "golden": entry["answer"], "entry": entry} for entry in data]
    file = folder / f"{name.replace(' ', '-')}.jsonl"
    if not file.exists():
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in target.rows(folder)]
        file.write_text("".join(lines), encoding="utf-8")
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def payer(name: str) -> Pay:
    """How a target pays a row's completion; where it raises, it pays 0."""
    target = TARGETS[name]
    if not target.framework:
        data = importlib.import_module("reasoning_gym").create_dataset(name.split()[1], seed=1, size=24)
        return lambda row, text: float(data.score_answer(text, row["entry"]))
    source, _, symbol = (target.direct or file_of(target)).partition(".py:")
    if not target.direct and target.framework in ("nemo_gym", "inspect_ai"):
        framework: Any = nemo_gym if target.framework == "nemo_gym" else inspect_ai
        reward = framework.build([base.Part(f"{source}.py", symbol)], {})
        return lambda row, text: reward([base.Row(0, row["prompt"], columns=row)], [text])[0].value or 0.0
    function = getattr(importlib.import_module(Path(source).name), symbol)
    wanted = inspect.signature(function).parameters
    return lambda row, text: float(function(text, **{key: row[key] for key in wanted if key in row}))


def confirmed(name: str, folder: Path) -> dict[str, Any]:
    """Means over the rows, and the share of the scale that the loophole is paid on the rows that it concerns."""
    rows, pay = rows_of(name, folder), _quiet(payer(name))
    golden = [pay(row, row["golden"]) for row in rows]
    nothing = [min(pay(row, text) for text in NOTHING) for row in rows]
    record: Row = {"target": name, "rows": len(rows), "golden": _mean(golden), "nothing": _mean(nothing)}
    if name not in HOLES:
        return record
    shares, example = [], None
    for row, most, least in zip(rows, golden, nothing, strict=True):
        text = HOLES[name](row)
        if text is not None:
            scale = most if most == least else most - least  # where nothing is paid in full, the scale is from 0
            shares.append((pay(row, text) - (0.0 if most == least else least)) / scale if scale else 0.0)
            example = example if example is not None else text[-200:]
    paying = sum(share >= 0.3 for share in shares)
    return {**record, "concerned": len(shares), "share": _mean(shares), "paid_rows": paying, "example": example}


def _quiet(pay: Pay) -> Pay:
    def paid(row: Row, text: str) -> float:
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                value = pay(row, text)
        except Exception:
            return 0.0
        return value if math.isfinite(value) else 0.0

    return paid


def _mean(values: list[float]) -> float:
    return round(sum(values) / len(values), 3) if values else math.nan


def main() -> None:
    """Confirm the targets that are named, or all."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or TARGETS:
        if TARGETS[name].framework != "gymnasium":
            print(json.dumps(confirmed(name, folder)), flush=True)


if __name__ == "__main__":
    main()
