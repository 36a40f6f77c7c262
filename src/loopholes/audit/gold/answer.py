"""The right answer of one row, read from its golden completion: its kind, and its place.

Attacks never see this. It serves the checks that start from the right answer: near misses (:mod:`.near`), equivalents
(:mod:`.equivalents`) and wrong answers for the floor (:mod:`.mutants`).
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import accumulate
from typing import Any, Literal

from loopholes.audit.answers import TRUTHS
from loopholes.audit.choices import options_of
from loopholes.audit.form import RAW, Form
from loopholes.audit.frameworks.base import Row
from loopholes.audit.gold.dates import moment_of
from loopholes.audit.gold.json_objects import record_of, structure_of, value_at, with_value_in
from loopholes.audit.gold.lines import graded_line, is_list_by_line, short_lines
from loopholes.audit.gold.puzzles import puzzle_of
from loopholes.audit.gold.tagged_calls import list_of_blocks, with_blocks
from loopholes.audit.gold.tolerances import estimate_bound, stated_tolerance
from loopholes.rewards.numbers import number, with_unit

Kind = Literal[
    "number", "choice", "date", "expression", "list", "ranking", "call", "lines", "record", "program", "text", "long"
]
LONGEST = 80
"""Longest text, in characters, that counts as a short answer and not as an essay."""
MOST_BRACES = 64
"""Maximum number of places at which a JSON object is looked for in a text."""
_FENCE = re.compile(r"```[\w+-]*\n(.*?)```", re.DOTALL)
_KEY = re.compile(r"[\"']\s*:")
_PROBE = "probe"
_SEPARATOR = re.compile(r"\s*,\s*(?:and\s+)?|\s+and\s+|\s*;\s*")
_RANKING = re.compile(r"[^<>→,;\n]+(?P<by> ?(?:->|→|>|<) ?)[^<>→,;\n]+(?:(?P=by)[^<>→,;\n]+)+")
"""At least three elements, and signs that say how they are ordered."""
_CALL = re.compile(r"[A-Za-z_][\w.]*\(([^()]*)\)")
"""A call such as ``set(hall.radio, low)``, whose commas separate its arguments."""


@dataclass(frozen=True)
class Answer:
    """The right answer of one row. ``text`` is the answer alone, ``golden`` the whole completion in its ``form``.

    An answer may be one field of a JSON object: then ``whole`` is the object, and ``path`` the keys that lead to it. Or
    it is ``in_blocks``: a list of objects, each of which stands between tags of its own in the completion.
    """

    row: Row
    form: Form
    golden: str
    text: str
    kind: Kind
    path: tuple[str, ...] = ()
    whole: Answer | None = None
    in_blocks: bool = False

    @property
    def has_form(self) -> bool:
        """Whether marks, tags or a JSON object around the answer say where it is."""
        return bool(self.form.marks or self.path or self.in_blocks)

    @cached_property
    def value(self) -> Fraction | None:
        """The value of a number, without its unit."""
        return with_unit(self.text)[0]

    @cached_property
    def tolerance(self) -> Fraction | None:
        """How far from this number an answer may be, as its row states; None if any estimate will do, or no number."""
        return None if self.value is None else stated_tolerance(self.row, self.value)

    @cached_property
    def bound(self) -> Fraction | None:
        """How far off the row of an estimate allows it to be; None without such a bound, or if it is no estimate."""
        return None if self.value is None else estimate_bound(self.row, self.value)

    @cached_property
    def items(self) -> list[str]:
        """The elements of a list, or the arguments of a call."""
        return elements_of(self.text, self.kind)

    @cached_property
    def options(self) -> Mapping[str, str]:
        """The prompt's choices, from letter to text."""
        return options_of(self.row.text)

    @cached_property
    def record(self) -> Mapping[str, Any]:
        """The answer as a JSON object or a list of objects, with the objects that it holds as text; else empty."""
        return structure_of(self.text)

    @cached_property
    def program(self) -> str:
        """The Python source of the answer; empty if it is not a program."""
        return program_of(self.text) or ""

    @cached_property
    def _start(self) -> int | None:
        """Where the answer starts in the golden completion: the last place that the form reads."""
        for start in reversed(_places(self.text, self.golden)):
            probe = f"{self.golden[:start]}{_PROBE}{self.golden[start + len(self.text) :]}"
            if not self.form.marks or self.form.read(probe) == _PROBE:
                return start
        return None

    def placed(self, other: str) -> str | None:
        """The golden completion with another answer in place of this one; None if its place is unknown."""
        if self.whole is not None:
            return self.whole.placed(self.written(other))
        if self.in_blocks:
            return with_blocks(self.golden, other)
        if self._start is None:
            return None
        return f"{self.golden[: self._start]}{other}{self.golden[self._start + len(self.text) :]}"

    def written(self, other: str) -> str:
        """Another answer as the form takes it: as it is, or in the JSON object whose field this answer is."""
        return other if self.whole is None else with_text(self.whole.text, self.path, other)

    def replaced(self, other: str) -> str | None:
        """The golden completion with another answer wherever it names this one, since reasoning often names it, too."""
        if self.whole is not None or self.in_blocks:
            return self.placed(other)
        alone = rf"(?<!\w)(?<!\d[.,])(?<![-−+]){re.escape(self.text)}(?!\w|[.,]\d)"
        completion = re.sub(alone, lambda _: other, self.golden) if self.text else self.golden
        if completion != self.golden and (not self.form.marks or self.form.read(completion) == other.strip()):
            return completion
        return self.placed(other)


def _places(part: str, text: str) -> list[int]:
    """Where a part starts in a text, wherever it stands in it; nowhere if it is empty."""
    ends = accumulate(len(before) + len(part) for before in text.split(part)[:-1]) if part else ()
    return [end - len(part) for end in ends]


Write = Callable[[Answer], "str | None"]
"""A way to write an answer; None for answers to which it does not apply."""


def answer_of(row: Row, form: Form) -> Answer | None:
    """The right answer of a row; None if the row has no golden completion, or an empty one."""
    golden = row.golden
    if not golden or not golden.strip():
        return None
    form = form.of(golden)
    if blocks := list_of_blocks(golden):
        return Answer(row, form, golden, blocks, "record", in_blocks=True)
    text = form.read(golden)
    if text == golden.strip() and not _is_structured(text):
        text = _object_at_end(text) or next(_named(row, golden), text)
    if "\n" in text and not _is_structured(text):
        text = graded_line(text, row) or text
    return Answer(row, form, golden, text, kind_of(text, row)) if text else None


def lines_around(answer: Answer) -> list[Answer]:
    """The whole golden completion as a list by line, if its labelled form reads only one of the lines; else empty."""
    text = answer.golden.strip()
    is_list = answer.form.labelled and is_list_by_line(text, answer.row)
    return [Answer(answer.row, RAW, answer.golden, text, "lines")] if is_list else []


def _object_at_end(text: str) -> str:
    """The JSON object that a text ends with; empty if it does not end with one."""
    end = text.rstrip().removesuffix("```").rstrip()
    starts = [match.start() for match in re.finditer(r"\{", end)][:MOST_BRACES] if end.endswith("}") else []
    return next((end[start:] for start in starts if record_of(end[start:])), "")


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
    return bool(structure_of(text)) or program_of(text) is not None


def kind_of(text: str, row: Row) -> Kind:
    """The kind of an answer, judged by its text and the choices in the prompt."""
    if structure_of(text):
        return "record"
    if program_of(text) is not None:
        return "program"
    options = options_of(row.text)
    if re.fullmatch(r"\(?[A-J]\)?", text) and (text.strip("()") in options or not options):
        return "choice"
    if moment_of(text) is not None:
        return "date"
    if "\n" not in text.strip() and with_unit(text)[0] is not None:
        return "number"
    if puzzle_of(text, row.text) is not None:
        return "expression"
    if "\n" in text or len(text) > LONGEST:
        return "lines" if is_list_by_line(text, row) else "long"
    call = _CALL.fullmatch(text)
    if call is not None and len(items_of(call[1])) > 1:
        return "call"
    if len(items_of(text)) > 1:
        return "ranking" if _RANKING.fullmatch(text) else "list"
    return "text"


def elements_of(text: str, kind: Kind) -> list[str]:
    """The elements of a list of this kind: its lines, or what its commas separate; of a call, its arguments."""
    call = _CALL.fullmatch(text) if kind == "call" else None
    return short_lines(text) if kind == "lines" else items_of(text if call is None else call[1])


def items_of(text: str) -> list[str]:
    """The elements of a list such as ``1, 2``, ``[1, 2]``, ``{1, 2}``, ``plums and salt`` or ``A > B > C``.

    A text with records is one element, since its commas separate their fields as well.
    """
    inner = text.strip()
    for opening, closing in (("[", "]"), ("\\{", "\\}"), ("{", "}"), ("(", ")")):
        if inner.startswith(opening) and inner.endswith(closing):
            inner = inner[len(opening) : -len(closing)]
    ranking = _RANKING.fullmatch(inner)
    parts = _SEPARATOR.split(inner.strip()) if ranking is None else inner.split(ranking["by"])
    items = [item.strip() for item in parts if item.strip()]
    return items if all(len(item.split()) <= 3 and not _KEY.search(item) for item in items) else [text]


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


def same_value(first: str, second: str) -> bool:
    """Whether two texts are the same number; False if either is not a number."""
    return number(first) is not None and number(first) == number(second)


def with_text(text: str, path: Sequence[str], other: str) -> str:
    """The text of a JSON object with another answer at the end of a path of keys, and otherwise as it is written.

    Where the right answer is a number, so is the other one if it can be; a list stays a list.
    """
    right = value_at(structure_of(text), path)
    value: Any = [_like(right[0], item) for item in items_of(other)] if isinstance(right, list) else _like(right, other)
    return with_value_in(text, path, value)


def _like(right: Any, other: str) -> Any:
    """An answer as a JSON value: a number if the right one is a number and this is one, otherwise text."""
    if isinstance(right, str):
        return other
    try:
        value = json.loads(other)
    except (ValueError, RecursionError):
        return other
    return value if isinstance(value, int | float) and not isinstance(value, bool) else other
