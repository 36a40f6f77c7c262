"""Several JSON objects in one completion, each between the same tags, such as the tool calls of a model in one turn.

They are read as one list of objects, so that the near misses of lists apply, and are written between tags again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from loopholes.audit.gold.json_objects import loaded

_TAG = re.compile(r"<(?P<open>[\w|-]{1,40})>\s*(?=\{)|</(?P<close>[\w|-]{1,40})>")
_END = re.compile(r"(?:\s|<[^<>\s]{1,40}>)*")
_BETWEEN = re.compile(r"[\s\[,\]]*")


class Block(NamedTuple):
    """An object between tags: where it starts and ends in the completion, and its text between what is around it."""

    tag: str
    start: int
    end: int
    opening: str
    text: str
    closing: str


def list_of_blocks(completion: str) -> str:
    """The objects with which a completion ends, as the text of a JSON list; empty unless there are at least two.

    There may be nothing but white space between them, and only white space and marks of the end of a turn behind them.
    """
    blocks = _blocks(completion)
    values = [loaded(block.text) for block in blocks]
    are_objects = len(values) > 1 and all(isinstance(value, dict) and value for value in values)
    is_end = are_objects and _END.fullmatch(completion, blocks[-1].end) is not None
    return json.dumps(values, ensure_ascii=False) if is_end else ""


def with_blocks(completion: str, objects: str) -> str | None:
    """The completion with other objects, a JSON list, in place of its own; None if the text is no list of objects.

    An object that the completion has already is written as it is there, and others without white space if the first one
    is. If the list has a layout of its own, its objects are written in that.
    """
    values, blocks = loaded(objects), _blocks(completion)
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        return None
    first, second, *_ = blocks
    texts = list(_texts(objects))
    if objects == json.dumps(values, ensure_ascii=False):
        own = {json.dumps(loaded(block.text)): block.text for block in blocks}
        is_compact = first.text == json.dumps(loaded(first.text), ensure_ascii=False, separators=(",", ":"))
        if is_compact:
            texts = [json.dumps(value, ensure_ascii=False, separators=(",", ":")) for value in values]
        texts = [own.get(json.dumps(value), text) for value, text in zip(values, texts, strict=True)]
    between = completion[first.end : second.start]
    written = between.join(f"{first.opening}{text}{first.closing}" for text in texts)
    return completion[: first.start] + written + completion[blocks[-1].end :]


def _texts(objects: str) -> Iterator[str]:
    """The text of each object of a JSON list, as it is written there."""
    decoder, place = json.JSONDecoder(), 0
    while (match := _BETWEEN.match(objects, place)) and match.end() < len(objects):
        _, place = decoder.raw_decode(objects, match.end())
        yield objects[match.end() : place]


def _blocks(completion: str) -> list[Block]:
    """The last blocks of a completion that have one tag and only white space between them."""
    blocks: list[Block] = []
    opened: re.Match[str] | None = None
    for tag in _TAG.finditer(completion):
        if opened is None or tag["open"] == opened["open"]:
            opened = tag if tag["open"] else None
        elif tag["close"] == opened["open"]:
            inner = completion[opened.end() : tag.start()]
            text = inner.rstrip()
            block = Block(tag["close"], opened.start(), tag.end(), opened[0], text, f"{inner[len(text) :]}{tag[0]}")
            follows = blocks and block.tag == blocks[-1].tag and not completion[blocks[-1].end : block.start].strip()
            if not follows:
                blocks.clear()
            blocks.append(block)
            opened = None
    return blocks
