"""Calls one published reward directly: writes its rows, and what golden, empty and loophole completions are paid.

    PUBLISHED_SOURCES=DIR python benchmarks/published/confirm.py TARGET FILE.py:NAME FRAMEWORK rows.jsonl

prints one line of JSON. ``benchmarks/published.py`` runs it under the interpreter that has the reward's package.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import io
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cases import HOLES, ROWS

NOTHING = ("", "I do not know.")  # the lower of the two is what saying nothing is paid

Row = dict[str, Any]
Pay = Callable[[Row, str], float]


def imported(target: str) -> Callable[..., Any]:
    """The reward that FILE.py:NAME, package.module:NAME or a NAME(literals) after the colon names."""
    module_name, name = target.split(":", 1)
    module = importlib.import_module(Path(module_name).stem if module_name.endswith(".py") else module_name)
    call = ast.parse(name, mode="eval").body
    if isinstance(call, ast.Call):
        function = getattr(module, ast.unparse(call.func))
        keywords = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords if keyword.arg}
        made: Callable[..., Any] = function(*(ast.literal_eval(value) for value in call.args), **keywords)
        return made
    reward: Callable[..., Any] = getattr(module, name)
    return reward


def payer(function: Callable[..., Any], framework: str) -> Pay:
    """How the framework calls the reward, one completion at a time; None and an exception pay 0."""

    def pay(row: Row, completion: str) -> float:
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                value = _call(function, framework, row, completion)
            return 0.0 if value is None or not math.isfinite(value) else float(value)
        except Exception:
            return 0.0

    return pay


def _call(function: Callable[..., Any], framework: str, row: Row, completion: str) -> Any:
    columns = {key: value for key, value in row.items() if key not in ("golden", "prompt")}
    if framework == "trl":
        lists = {key: [value] for key, value in columns.items()}
        return function(completions=[[{"role": "assistant", "content": completion}]], **lists)[0]
    if framework == "verl":
        return function(solution_str=completion, ground_truth=row["reward_model"]["ground_truth"])
    wanted = inspect.signature(function).parameters
    return function(completion, **{key: value for key, value in columns.items() if key in wanted})


def confirmed(target: str, rows: list[Row], pay: Pay) -> dict[str, Any]:
    """Means over the rows, and the share of the scale that the loophole is paid on the rows that it concerns."""
    golden = [pay(row, row["golden"]) for row in rows]
    nothing = [min(pay(row, text) for text in NOTHING) for row in rows]
    record: dict[str, Any] = {"rows": len(rows), "golden": _mean(golden), "nothing": _mean(nothing)}
    if target not in HOLES:
        return record
    shares, example = [], None
    for row, most, least in zip(rows, golden, nothing, strict=True):
        shown = HOLES[target](row)
        if shown is None or most <= least:
            continue
        texts = [shown] if isinstance(shown, str) else shown
        paid = [pay(row, text) for text in texts][-1]
        shares.append((paid - least) / (most - least))
        example = example or texts[-1][:200]
    paid_rows = sum(share >= 0.3 for share in shares)
    return {**record, "concerned": len(shares), "share": _mean(shares), "paid_rows": paid_rows, "example": example}


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def main() -> None:
    """Write the rows and print the record."""
    target, name, framework, file = sys.argv[1:]
    rows = ROWS[target]()
    Path(file).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    print(json.dumps(confirmed(target, rows, payer(imported(name), framework))))


if __name__ == "__main__":
    main()
