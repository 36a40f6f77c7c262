"""Stores a section as ``NAME.json`` with everything that its page needs, so that a page can be made without any run.

Schema 2 holds the section itself (question, answer, charts with their points, tables, facts, notes, command, sample of
rollouts) and the records for programs (cells, tests, config). Files of schema 1, which have no ``schema`` field, hold
no charts and no rollouts; their cells are shown as a table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from loopholes.errors import RunError
from loopholes.files import disk_errors, jsonable, read_json, replace_file
from loopholes.numbers import Estimate, Unit, step, written
from loopholes.report.elements import Cell, Section, Table

SCHEMA = 2
_DIGITS = 6
_SECTION = ("charts", "tables", "facts", "notes", "rollouts_total")


@dataclass(frozen=True)
class Stored:
    """A section from a file, with the schema of the file and its ``place`` on a page with several sections."""

    section: Section
    schema: int
    place: int


def write_section(file: Path, section: Section, place: int, more: Mapping[str, Any]) -> None:
    """Write ``NAME.json``; ``more`` are the records for programs. Raises :class:`RunError` if it cannot be written."""
    content = asdict(section)
    record = {
        "study": section.name,
        "schema": SCHEMA,
        "place": place,
        **{key: content[key] for key in ("question", "answer", "command")},
        **more,
        **{key: content[key] for key in _SECTION},
        **_by_prompt(section.rollouts),
    }
    record["charts"] = _rounded(record["charts"])
    with disk_errors(file):
        replace_file(file, _lines(jsonable(record)).encode())


def is_section(file: Path) -> bool:
    """Whether a file begins like ``NAME.json``."""
    with file.open("rb") as content:
        start = content.read(200).decode("utf-8", "replace")
    return re.match(rf'\s*{{\s*"study":\s*"{re.escape(file.stem)}"', start) is not None


def read_section(file: Path) -> Stored:
    """Read a section; raises :class:`RunError` if the file is damaged or has a later schema."""
    record = read_json(file)
    schema = record.get("schema", 1)
    if schema == 1:
        return Stored(_first_schema(file, record), 1, 0)
    if schema != SCHEMA:
        raise RunError(f"{file} has schema {schema!r}; this version of loopholes reads schema {SCHEMA} and older")
    try:
        content = {key: record[key] for key in (*_SECTION, "question", "answer", "command")}
        section = _adapter().validate_python({**content, "name": record["study"], "rollouts": _with_prompts(record)})
        return Stored(section, schema, int(record["place"]))
    except (ValidationError, KeyError, IndexError, TypeError, ValueError):
        raise RunError(f"{file} was edited or damaged; run the command that made it again") from None


@cache
def _adapter() -> TypeAdapter[Section]:
    return TypeAdapter(Section)


def _by_prompt(rollouts: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """Rollouts as a list, with each prompt stored once."""
    prompts: dict[str, int] = {}
    rows = [
        {"arm": arm, **row, "prompt": prompts.setdefault(str(row.get("prompt") or ""), len(prompts))}
        for arm, arm_rows in rollouts.items()
        for row in arm_rows
    ]
    return {"prompts": list(prompts), "rollouts": rows}


def _with_prompts(record: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    arms: dict[str, list[dict[str, Any]]] = {}
    for row in record["rollouts"]:
        rollout = {**row, "prompt": record["prompts"][row["prompt"]]}
        arms.setdefault(rollout.pop("arm"), []).append(rollout)
    return arms


def _rounded(value: Any) -> Any:
    """The same value with numbers rounded to six digits; no figure needs more."""
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list | tuple) else value


def _lines(record: Mapping[str, Any]) -> str:
    """JSON with one line per entry, and per item of a list of objects: small, and readable in a diff."""
    return "{\n" + ",\n".join(f"  {json.dumps(key)}: {_entry(value)}" for key, value in record.items()) + "\n}\n"


def _entry(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict | str):
        return "[\n" + ",\n".join(f"    {json.dumps(item, allow_nan=False)}" for item in value) + "\n  ]"
    return json.dumps(value, allow_nan=False)


# Schema 1

_STEPS = ("first_appearance", "domination", "half_life", "relapse_step")
_NUMBERS = ("area", "area_under_roc", "rank_correlation")


def _first_schema(file: Path, record: Mapping[str, Any]) -> Section:
    try:
        note = f"{file.name} was written by an older version without charts and completions; these need the runs."
        return Section(
            str(record["study"]),
            str(record["question"]),
            str(record["answer"]),
            tables=[_table_of_cells(str(record["study"]), record["cells"])],
            notes=[*map(str, record.get("notes", ())), note],
            command=str(record["command"]),
        )
    except (KeyError, TypeError, AttributeError):
        raise RunError(f"{file} was edited or damaged; run the command that made it again") from None


def _table_of_cells(name: str, cells: Sequence[Mapping[str, Any]]) -> Table:
    """One row per cell and one column per metric."""
    metrics = list(dict.fromkeys(cell["metric"] for cell in cells))
    rows: dict[str, dict[str, Cell]] = {}
    for cell in cells:
        rows.setdefault(cell["cell"], {})[cell["metric"]] = _shown(cell)
    columns = ["cell", *(metric.replace("_", " ") for metric in metrics)]
    return Table(name, "All numbers", columns, [[row, *map(numbers.get, metrics)] for row, numbers in rows.items()])


def _shown(cell: Mapping[str, Any]) -> Cell:
    metric, value = cell["metric"], cell["value"]
    if value is None:
        return None
    if metric == "blind_spot":
        return bool(value)
    if metric in _STEPS:
        return step(value)
    unit: Unit = "change" if metric.endswith("_change") else "number" if metric in _NUMBERS else "share"
    return written(Estimate(value, cell["low"], cell["high"], cell["n"], cell["seeds"]), unit)


def read_sections(folder: Path) -> list[Stored]:
    """Every ``NAME.json`` in a folder, ordered by their places."""
    return sorted(map(read_section, _files(folder)), key=lambda stored: (stored.place, stored.section.name))


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in sorted(folder.glob("*.json")) if is_section(file))
