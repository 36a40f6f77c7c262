"""The names of tools and commands that a row offers in its prompt or its columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from loopholes.audit.frameworks.base import Row

COLUMNS = ("tools", "tool_names", "available_actions", "available_commands", "admissible_commands")
"""Columns that list tools or commands: as texts, as records with a name, or as OpenAI functions."""
LONGEST = 20_000
"""Characters of a prompt that are searched."""
MOST = 20
"""Maximum number of names per row."""
_TOOL = re.compile(r'"name"\s*:\s*"([A-Za-z_][\w.-]{0,60})"|^\s*[-*]\s*`?([a-z_]\w{2,60})\(', re.MULTILINE)
_COMMAND = re.compile(
    r"`([a-z_]\w{1,40})(?=[ (\[<{`])"  # in backticks, alone or with arguments
    r"|^\s*[-*]\s*([a-z_]\w{1,40})(?=\s*(?:[:(\[<{]|$|-\s))"  # at the beginning of an item
    r"|\b([a-z_]\w{1,40})(?=\[[^\]\n]{0,40}\])",  # with arguments in brackets
    re.MULTILINE,
)
_LIST = re.compile(r"(?i)\b(?:commands|actions|tools)\b[^:\n]{0,40}:[ \t]*([^\n]{1,400})")
_WORD = re.compile(r"[`'\"\s]*([A-Za-z_][\w.-]{0,40})")


def tools(prompt: str) -> list[str]:
    """Tools that a prompt describes as JSON or as calls in a list, each once."""
    return _once(name for names in _TOOL.findall(prompt[:LONGEST]) for name in names)


def tools_of(row: Row) -> tuple[str, ...]:
    """The tools and commands of a row: from its columns, or else everything that its prompt seems to offer."""
    listed = _once(name for column in COLUMNS for name in _names(row.columns.get(column)))
    return tuple(listed or _once([*tools(row.text), *_commands(row.text[:LONGEST])]))


def _commands(prompt: str) -> Iterator[str]:
    for listed in _LIST.findall(prompt):
        words = [_WORD.match(item) for item in re.split(r",|;|\bor\b|\band\b", listed)]
        yield from (word[1] for word in words if word)
    yield from (name for names in _COMMAND.findall(prompt) for name in names)


def _names(value: Any) -> Iterator[str]:
    for item in value if isinstance(value, list | tuple) else ():
        if isinstance(item, Mapping):
            item = item.get("name") or (item.get("function") or {}).get("name")
        if isinstance(item, str):
            yield item


def _once(names: Any) -> list[str]:
    return list(dict.fromkeys(name for name in names if name))[:MOST]
