"""The right answer of one row, read from its golden completion: its kind, and its place.

Attacks never see this. It serves the checks that start from the right answer: near misses (:mod:`.near`), equivalents
(:mod:`.equivalents`) and wrong answers for the floor (:mod:`.mutants`).
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal

from loopholes.audit.answers import TRUTHS
from loopholes.audit.choices import options_of
from loopholes.audit.form import Form
from loopholes.audit.frameworks.base import Row
from loopholes.rewards.numbers import number, with_unit

Kind = Literal["number", "choice", "list", "record", "program", "text", "long"]
LONGEST = 80
"""Longest text, in characters, that counts as a short answer and not as an essay."""
_FENCE = re.compile(r"```[\w+-]*\n(.*?)```", re.DOTALL)
_PROBE = "probe"
_SEPARATOR = re.compile(r"\s*,\s*(?:and\s+)?|\s+and\s+|\s*;\s*")


@dataclass(frozen=True)
class Answer:
    """The right answer of one row. ``text`` is the answer alone, ``golden`` the whole completion in its ``form``."""

    row: Row
    form: Form
    golden: str
    text: str
    kind: Kind

    @cached_property
    def value(self) -> Fraction | None:
        """The value of a number, without its unit."""
        return with_unit(self.text)[0]

    @cached_property
    def items(self) -> list[str]:
        """The elements of a list."""
        return items_of(self.text)

    @cached_property
    def options(self) -> Mapping[str, str]:
        """The prompt's choices, from letter to text."""
        return options_of(self.row.text)

    @cached_property
    def record(self) -> Mapping[str, Any]:
        """The answer as a JSON object; empty if it is not one."""
        return record_of(self.text)

    @cached_property
    def program(self) -> str:
        """The Python source of the answer; empty if it is not a program."""
        return program_of(self.text) or ""

    @cached_property
    def _start(self) -> int | None:
        """Where the answer starts in the golden completion: the last place that the form reads."""
        places = [match.start() for match in re.finditer(re.escape(self.text), self.golden)] if self.text else []
        for start in reversed(places):
            probe = f"{self.golden[:start]}{_PROBE}{self.golden[start + len(self.text) :]}"
            if not self.form.marks or self.form.read(probe) == _PROBE:
                return start
        return None

    def placed(self, other: str) -> str | None:
        """The golden completion with another answer in place of this one; None if its place is unknown."""
        if self._start is None:
            return None
        return f"{self.golden[: self._start]}{other}{self.golden[self._start + len(self.text) :]}"

    def replaced(self, other: str) -> str | None:
        """The golden completion with another answer wherever it names this one, since reasoning often names it, too."""
        alone = rf"(?<!\w)(?<!\d[.,])(?<![-−+]){re.escape(self.text)}(?!\w|[.,]\d)"
        completion = re.sub(alone, lambda _: other, self.golden) if self.text else self.golden
        if completion != self.golden and (not self.form.marks or self.form.read(completion) == other.strip()):
            return completion
        return self.placed(other)


def answer_of(row: Row, form: Form) -> Answer | None:
    """The right answer of a row; None if the row has no golden completion, or an empty one."""
    golden = row.golden
    if not golden or not golden.strip():
        return None
    form = form.of(golden)
    text = form.read(golden)
    if text == golden.strip() and not _is_structured(text):
        text = next(_named(row, golden), text)
    return Answer(row, form, golden, text, _kind(text, row)) if text else None


def _named(row: Row, golden: str) -> Iterator[str]:
    """Values of the row's truth that the golden completion contains as separate words."""
    columns = [*TRUTHS, *(name for name in row.columns if name not in TRUTHS and name.endswith(("answer", "truth")))]
    section = row.columns.get("reward_model")
    values = [row.columns.get(name) for name in columns]
    values += [section.get("ground_truth")] if isinstance(section, Mapping) else []
    for value in values:
        written = str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
        if written and re.search(rf"(?<!\w){re.escape(written)}(?!\w|[.,]\d)", golden):
            yield written


def _is_structured(text: str) -> bool:
    return bool(record_of(text)) or program_of(text) is not None


def _kind(text: str, row: Row) -> Kind:
    if record_of(text):
        return "record"
    if program_of(text) is not None:
        return "program"
    options = options_of(row.text)
    if re.fullmatch(r"\(?[A-J]\)?", text) and (text.strip("()") in options or not options):
        return "choice"
    if with_unit(text)[0] is not None:
        return "number"
    if "\n" in text or len(text) > LONGEST:
        return "long"
    return "list" if len(items_of(text)) > 1 else "text"


def items_of(text: str) -> list[str]:
    """The elements of a list such as ``1, 2``, ``[1, 2]``, ``{1, 2}`` or ``plums and salt``."""
    inner = text.strip()
    for opening, closing in (("[", "]"), ("\\{", "\\}"), ("{", "}"), ("(", ")")):
        if inner.startswith(opening) and inner.endswith(closing):
            inner = inner[len(opening) : -len(closing)]
    items = [item for item in _SEPARATOR.split(inner.strip()) if item]
    return items if all(len(item.split()) <= 3 for item in items) else [text]


def program_of(text: str) -> str | None:
    """The Python source in a text: its last fenced block, or all of it if it defines or imports something."""
    blocks = _FENCE.findall(text)
    source = blocks[-1] if blocks else text
    if not blocks and not re.search(r"(?m)^(?:def |class |import |from |async def )", source):
        return None
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return source if tree.body else None


def record_of(text: str) -> dict[str, Any]:
    """A text read as a JSON object; empty if it is not one."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def same_value(first: str, second: str) -> bool:
    """Whether two texts are the same number; False if either is not a number."""
    return number(first) is not None and number(first) == number(second)
