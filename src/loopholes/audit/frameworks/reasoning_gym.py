"""reasoning-gym's data sets: ``reasoning_gym:NAME``, with generated entries and the data set's own scorer.

The reward is ``score_answer(completion, entry)``. A data set generates prompts and right answers itself, so the golden
completion of an entry is its ``answer``, even if other answers are right as well; entries without an answer have none.
The seed and the number of an entry determine it, so that a finding can be replayed.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from loopholes.audit.frameworks.base import COMMON, Library, Paid, Part, Rejected, Row, copied, number, raised
from loopholes.errors import UnknownName, UsageError

NAME = "reasoning_gym"
PACKAGE = "reasoning-gym"
EXTRA = None
REQUIREMENTS: Mapping[str, Sequence[str]] = {"reasoning_gym": ("reasoning-gym",)}
PREFIXES = ("reasoning_gym",)
recognises = None  # data sets are named by the prefix only
KEEPS_ROWS = True  # some data sets generate an entry in half a second, and scoring needs it again
OPTIONS = {
    **COMMON,
    "config": "A JSON object for the data set's config; default: the data set's own defaults.",
    "seed": "The seed of the entries; default: 0.",
    "rows": "How many entries to generate; default: 64, or as many as take 10 seconds, but at least 8.",
    "tag": "The tag around the answer, such as answer: reasoning-gym's extract_answer reads it.",
}
gym, utils = Library("reasoning_gym"), Library("reasoning_gym.utils")
COLUMNS = ("question", "answer", "metadata")
"""The fields of an entry."""
ROWS, FEWEST, SECONDS = 64, 8, 10.0
"""Default number of entries; their minimum; and the time in seconds after which only the minimum is generated."""


class Entries:
    """The entries of a data set under a config, by number. Each is generated once."""

    def __init__(self, name: str, config: str, seed: int) -> None:
        datasets = gym.factory.DATASETS  # filled when the package is imported
        if name not in datasets:
            raise UnknownName("data set of reasoning-gym", name, sorted(datasets))
        try:
            self.dataset = gym.create_dataset(name, **{"seed": seed, **json.loads(config)})
        except Exception as error:
            raise UsageError(f"reasoning_gym:{name} cannot be created: it {raised(error)}") from error
        self._generated: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}

    def entry(self, place: int) -> dict[str, Any]:
        """An entry as the data set generates it."""
        return self._both(place)[0]

    def columns(self, place: int) -> dict[str, Any]:
        """An entry as the columns of a row, in JSON types."""
        return self._both(place)[1]

    def _both(self, place: int) -> tuple[dict[str, Any], dict[str, Any]]:
        if place not in self._generated:
            entry = self.dataset[place]
            self._generated[place] = entry, {name: in_json(entry.get(name)) for name in COLUMNS}
        return self._generated[place]


class ReasoningGymReward:
    """The reward of ``score_answer`` for a completion as the answer to an entry."""

    batched = False

    def __init__(self, entries: Entries, label: str, tag: str | None) -> None:
        self._entries = entries
        self._label = label
        self._tag = tag
        where = f"the text in <{tag}>, as extract_answer reads it," if tag else "the whole completion"
        self.notes = [f"{where} is passed to score_answer; entries and right answers are the data set's own"]

    def __call__(self, rows: Sequence[Row], texts: Sequence[str]) -> list[Paid]:
        return [self._pay(row, text) for row, text in zip(rows, texts, strict=True)]

    def _pay(self, row: Row, text: str) -> Paid:
        entry, original = copied(self._entries.entry(row.number)), self._entries.columns(row.number)
        for name in COLUMNS:
            if row.columns.get(name) != original[name]:  # a check of the contract changed it
                entry[name] = row.columns.get(name)
        try:
            answer = utils.extract_answer(text, tag_name=self._tag) if self._tag else text
            return Paid(number(self._entries.dataset.score_answer(answer, entry), self._label))
        except Rejected:
            raise
        except Exception as error:
            return Paid(None, raised(error))


def in_json(value: Any) -> Any:
    """A value in JSON types: tuples and sets as lists, NumPy's numbers as numbers, anything else as text."""
    if isinstance(value, str | bool | int | None):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): in_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [in_json(item) for item in (sorted(value, key=str) if isinstance(value, set | frozenset) else value)]
    return in_json(value.tolist()) if hasattr(value, "tolist") else str(value)


@lru_cache(4)
def _entries(name: str, config: str, seed: int) -> Entries:
    return Entries(name, config, seed)


def entries_of(parts: Sequence[Part], options: Mapping[str, Any]) -> Entries:
    """The entries of a target, including those that this process has generated already."""
    if len(parts) != 1:
        raise UsageError("one data set of reasoning-gym at a time is audited")
    config = options.get("config") or {}
    if not isinstance(config, Mapping):
        raise UsageError(f"config takes a JSON object, not {config!r}")
    return _entries(parts[0].name, json.dumps(config, sort_keys=True), int(options.get("seed") or 0))


def members() -> list[str]:
    """The names of all data sets."""
    return sorted(gym.factory.DATASETS)


def build(parts: Sequence[Part], options: Mapping[str, Any]) -> ReasoningGymReward:
    """See :mod:`loopholes.audit.frameworks`."""
    return ReasoningGymReward(entries_of(parts, options), parts[0].label, options.get("tag"))


def rows(parts: Sequence[Part], options: Mapping[str, Any]) -> list[Row]:
    """The first entries as rows; raises :class:`UsageError` if the data set cannot generate one."""
    entries, tag, count = entries_of(parts, options), options.get("tag"), options.get("rows")
    generated: list[Row] = []
    end = time.monotonic() + SECONDS
    for place in range(ROWS if count is None else int(count)):
        if count is None and place >= FEWEST and time.monotonic() > end:
            break
        try:
            columns = entries.columns(place)
        except Exception as error:
            raise UsageError(f"{parts[0].label} cannot generate entry {place}: it {raised(error)}") from error
        answer = columns["answer"]
        golden = None if not isinstance(answer, str) else f"<{tag}>{answer}</{tag}>" if tag else answer
        generated.append(Row(place, str(columns["question"]), golden, columns=columns))
    return generated
