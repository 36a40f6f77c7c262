"""Rewards for records in JSON: each with a reported loophole, and a hardened twin."""

from __future__ import annotations

import json
import math
from typing import Any

Record = dict[str, Any]


def _json(text: str) -> Any:
    """Read JSON leniently: None if it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _unique(pairs: list[tuple[str, Any]]) -> Record:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _strict(text: str) -> Any:
    """Read JSON without repeated keys, NaN and infinities; None if it is none."""
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_constant) if len(text) <= 4000 else None
    except (ValueError, RecursionError):
        return None


def _same(value: Any, gold: Any) -> bool:
    """Compare plain data; 1 is not True and not "1", but 1 is 1.0."""
    if isinstance(gold, bool) or isinstance(value, bool):
        return value is gold
    if isinstance(gold, int | float) and isinstance(value, int | float):
        return math.isfinite(value) and abs(value - gold) < 0.005
    if isinstance(gold, list) and isinstance(value, list):
        return len(value) == len(gold) and all(map(_same, value, gold))
    if isinstance(gold, dict) and isinstance(value, dict):
        return value.keys() == gold.keys() and all(_same(value[key], gold[key]) for key in gold)
    return type(value) is type(gold) and bool(value == gold)


def absent_on_both_sides(completion: str, expected: Record) -> float:
    """A field that is absent in the document and in the reply is a match, and most fields of some documents are."""
    record = _json(completion)
    if not isinstance(record, dict):
        return 0.0
    matches = [bool(record.get(name) == value) for name, value in expected.items()]
    return sum(matches) / len(matches)


def absent_on_both_sides_hardened(completion: str, expected: Record) -> float:
    """All stated fields have to be right, and none may be invented; absent ones earn nothing."""
    record = _strict(completion)
    if not isinstance(record, dict) or not record.keys() <= expected.keys():
        return 0.0
    return float(all(_same(record.get(name), value) for name, value in expected.items()))


def only_returned_fields(completions: list[str], expected: list[Record], **kwargs: Any) -> list[float]:
    """The score is averaged over the fields that came back, so that leaving the hard ones out makes it perfect."""
    paid = []
    for text, gold in zip(completions, expected, strict=True):
        record = _json(text)
        if not isinstance(record, dict) or not record:
            paid.append(0.0)
            continue
        paid.append(sum(gold.get(name) == value for name, value in record.items()) / len(record))
    return paid


def only_returned_fields_hardened(completions: list[str], expected: list[Record], **kwargs: Any) -> list[float]:
    """All fields have to be right."""
    return [float(_same(_strict(text), gold)) for text, gold in zip(completions, expected, strict=True)]


def zipped_items(completions: list[str], items: list[list[Record]], **kwargs: Any) -> list[float]:
    """Items are compared in pairs as far as both lists go: an empty list agrees with every other."""
    paid = []
    for text, gold in zip(completions, items, strict=True):
        listed = _json(text)
        paid.append(float(isinstance(listed, list) and all(a == b for a, b in zip(listed, gold, strict=False))))
    return paid


def zipped_items_hardened(completions: list[str], items: list[list[Record]], **kwargs: Any) -> list[float]:
    """As many items as there are, all of them right."""
    return [float(_same(_strict(text), gold)) for text, gold in zip(completions, items, strict=True)]


def unparsed_fields_dropped(completion: str, expected: Record) -> float:
    """A field that is no number has no error, and the mean goes over the others."""
    record = _json(completion)
    if not isinstance(record, dict) or record.get("order") != expected["order"]:
        return 0.0
    scores = [1.0]
    for name in ("net", "tax", "gross"):
        try:
            scores.append(max(0.0, 1 - abs(float(record[name]) - expected[name]) / expected[name]))
        except (KeyError, TypeError, ValueError):
            scores.append(math.nan)
    scored = [score for score in scores if not math.isnan(score)]
    return sum(score > 0.995 for score in scored) / len(scored)


def unparsed_fields_dropped_hardened(completion: str, expected: Record) -> float:
    """A field that cannot be read is wrong."""
    return float(_same(_strict(completion), expected))


def own_summary_counts(completion: str, truths: list[bool]) -> float:
    """The score is read from the summary that the reply gives of itself."""
    record = _json(completion)
    try:
        return min(1.0, float(record["summary"]["confirmed"]) / float(record["summary"]["total"]))
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return 0.0


def own_summary_counts_hardened(completion: str, truths: list[bool]) -> float:
    """The verdicts themselves are compared; the summary is only for readers."""
    record = _strict(completion)
    if (
        not isinstance(record, dict)
        or record.keys() != {"checks", "summary"}
        or not isinstance(record["summary"], dict)
    ):
        return 0.0
    return float(_same(record["checks"], truths) and _same(record["summary"].get("total"), len(truths)))


def unweighted_component(completion: str, answer: int, weights: dict[str, float]) -> float:
    """A component without a weight does not count, and some rows have no weight for the answer."""
    record = _json(completion)
    shaped = isinstance(record, dict) and set(record) == {"answer", "reason"}
    scores = {"form": float(shaped), "answer": float(isinstance(record, dict) and record.get("answer") == answer)}
    weighted = {name: weights[name] for name in scores if name in weights}
    return sum(weight * scores[name] for name, weight in weighted.items()) / sum(weighted.values())


def unweighted_component_hardened(completion: str, answer: int, weights: dict[str, float]) -> float:
    """The answer always counts; weights that leave it out are not used."""
    record = _strict(completion)
    shaped = isinstance(record, dict) and record.keys() == {"answer", "reason"} and isinstance(record["reason"], str)
    return float(shaped and _same(record["answer"], answer))
