"""reasoning-gym's data sets: ``reasoning_gym:NAME``, with entries that the data set generates and its own scorer.

The reward is ``score_answer(completion, entry)``. A data set generates prompts and right answers itself, so that the
golden completion of an entry is its ``answer``; where several answers are right, the scorer is asked about this one,
and an entry without an answer has none. Entries are made again of the seed and their number, so that a finding can be
replayed.
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
recognises = None  # a data set is named by the prefix alone
OPTIONS = {
    **COMMON,
    "config": "A JSON object for the data set's config; default: the data set's own defaults.",
    "seed": "The seed of the entries; default: 0.",
    "rows": "How many entries to generate; default: 64, or as many as take 10 seconds, but 8 at least.",
    "tag": "The tag that the answer stands in, such as answer: it is taken out with reasoning-gym's extract_answer.",
}
gym, utils = Library("reasoning_gym"), Library("reasoning_gym.utils")
COLUMNS = ("question", "answer", "metadata")
"""What an entry has."""
ROWS, FEWEST, SECONDS = 64, 8, 10.0
"""Entries to generate where nobody says how many; and seconds after which no more are, but for the fewest."""


class Entries:
    """The entries of one data set under one config, by their numbers; each is generated once."""

    def __init__(self, name: str, config: str, seed: int) -> None:
        known = gym.factory.DATASETS  # filled when the package is imported
        if name not in known:
            raise UnknownName("data set of reasoning-gym", name, sorted(known))
        try:
            self.dataset = gym.create_dataset(name, **{"seed": seed, **json.loads(config)})
        except Exception as error:
            raise UsageError(f"reasoning_gym:{name} cannot be made: it {raised(error)}") from error
        self._known: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}

    def entry(self, place: int) -> dict[str, Any]:
        """One entry as the data set made it."""
        return self._both(place)[0]

    def shown(self, place: int) -> dict[str, Any]:
        """The same as the columns of a row, in JSON."""
        return self._both(place)[1]

    def _both(self, place: int) -> tuple[dict[str, Any], dict[str, Any]]:
        if place not in self._known:
            entry = self.dataset[place]
            self._known[place] = entry, {name: in_json(entry.get(name)) for name in COLUMNS}
        return self._known[place]


class ReasoningGymReward:
    """What ``score_answer`` of a data set pays for a completion as the answer to an entry."""

    batched = False

    def __init__(self, entries: Entries, label: str, tag: str | None) -> None:
        self._entries = entries
        self._label = label
        self._tag = tag
        where = f"what stands in <{tag}>, as extract_answer reads it," if tag else "the whole completion"
        self.notes = [f"{where} is handed to score_answer; entries and right answers are the data set's own"]

    def __call__(self, rows: Sequence[Row], texts: Sequence[str]) -> list[Paid]:
        return [self._pay(row, text) for row, text in zip(rows, texts, strict=True)]

    def _pay(self, row: Row, text: str) -> Paid:
        entry, shown = copied(self._entries.entry(row.number)), self._entries.shown(row.number)
        for name in COLUMNS:
            if row.columns.get(name) != shown[name]:  # a check of the contract changed it
                entry[name] = row.columns.get(name)
        try:
            answer = utils.extract_answer(text, tag_name=self._tag) if self._tag else text
            return Paid(number(self._entries.dataset.score_answer(answer, entry), self._label))
        except Rejected:
            raise
        except Exception as error:
            return Paid(None, raised(error))


def in_json(value: Any) -> Any:
    """A value as JSON holds it: tuples and sets as lists, numbers of NumPy as numbers, and text for the rest."""
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
    """The entries that a target means, with those that this process generated already."""
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
    """Entries as rows, from number 0 on; raises :class:`UsageError` if the data set cannot generate one."""
    entries, tag, asked = entries_of(parts, options), options.get("tag"), options.get("rows")
    generated: list[Row] = []
    end = time.monotonic() + SECONDS
    for place in range(ROWS if asked is None else int(asked)):
        if asked is None and place >= FEWEST and time.monotonic() > end:
            break
        try:
            shown = entries.shown(place)
        except Exception as error:
            raise UsageError(f"{parts[0].label} cannot generate entry {place}: it {raised(error)}") from error
        answer = shown["answer"]
        golden = None if not isinstance(answer, str) else f"<{tag}>{answer}</{tag}>" if tag else answer
        generated.append(Row(place, str(shown["question"]), golden, columns=shown))
    return generated
