"""Comparisons of a completion with the right answer of its row, written with :mod:`loopholes.rewards`.

They are candidates: whether one accepts the audit's right answers is for :mod:`loopholes.audit.trials` to try.
"""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any, NamedTuple

from loopholes.audit.answers import TRUTHS
from loopholes.audit.gold.puzzles import puzzle_of
from loopholes.audit.programs import NAMES
from loopholes.audit.rows import PROMPTS
from loopholes.audit.scale import normalized
from loopholes.rewards import behind, boxed, final, items, makes_target, program, record, records, tagged
from loopholes.rewards.numbers import with_unit


class Place(NamedTuple):
    """A place that a reader of :mod:`loopholes.rewards` reads, and the marker or tag that it looks for, if any.

    Without a function, it is the whole text.
    """

    function: str
    read: Callable[[str], str | None]
    marker: str = ""

    def of(self, name: str) -> str:
        """The expression that reads a variable."""
        if not self.function:
            return name
        return f"{self.function}({name}, {json.dumps(self.marker)})" if self.marker else f"{self.function}({name})"


WHOLE = Place("", lambda text: text)
MARKERS = ("Final answer:", "Answer:", "The answer is")
MARKED = (
    Place("tagged", tagged),
    Place("boxed", boxed),
    Place("behind", behind),
    *(Place("behind", partial(behind, marker=marker), marker) for marker in MARKERS),
)
PLACES = (*MARKED, Place("final", final))
"""Places for the answer; those that need a mark come first."""
LETTERS = "ABCDEFGHIJ"
LONGEST = 60
"""Longest short answer in characters."""
NO_COLUMNS = frozenset((*PROMPTS, "golden", "floor", "completion", "completions", "texts", "pairs", "kwargs"))
"""Columns that are no right answers, and names that the code uses itself."""
_NAME = re.compile(r"«(\w+)»")
_TAG = re.compile(r"</(\w+)>")


class Right(NamedTuple):
    """A right answer: the columns and the prompt of its row, the whole completion, and the answer alone."""

    columns: Mapping[str, Any]
    completion: str
    answer: str
    prompt: str = ""


class Candidate(NamedTuple):
    """The functions that a comparison uses, and its expression. ``«completion»`` and ``«COLUMN»`` stand for values.

    ``is_share``: the value is a share of tests in [0, 1], and not whether the answer is right.
    """

    functions: tuple[str, ...]
    expression: str
    is_share: bool = False

    @property
    def columns(self) -> list[str]:
        """The columns that the expression uses, each once."""
        return [name for name in dict.fromkeys(_NAME.findall(self.expression)) if name != "completion"]

    def with_names(self, names: Mapping[str, str]) -> str:
        """The expression with these names for the completion and the columns."""
        return _NAME.sub(lambda match: names[match[1]], self.expression)


def comparisons(rights: Sequence[Right]) -> Iterator[Candidate]:
    """Comparisons that may fit all of these right answers, the most specific first."""
    if not rights:
        return
    puzzles = [puzzle_of(right.answer, right.prompt) for right in rights]
    if all(puzzles):
        if not any(puzzle.allows_more for puzzle in puzzles if puzzle):
            yield from _of_expressions(rights)
        return
    yield from _of_programs(rights)
    objects = [comparison for text, read in _objects(rights) for comparison in _of_objects(rights, text, read)]
    yield from objects
    for options in ("only=True", "any_order=True", "only=True, any_order=True"):
        for comparison in objects:
            if comparison.expression.startswith("fields("):
                yield comparison._replace(expression=f"{comparison.expression[:-1]}, {options})")
    yield from _of_lists_of_objects(rights)
    yield from _of_short_answers(rights)


def _of_expressions(rights: Sequence[Right]) -> Iterator[Candidate]:
    """The value and the numbers of an expression, if columns hold the target and the numbers that are given."""
    values = dict(_values(rights))
    targets = [name for name, column in values.items() if all(type(value) is int for value in column)]
    numbers = [name for name, column in values.items() if all(map(_is_whole, column))]
    for place in _places(rights):
        for target, given in product(targets, numbers):
            triples = zip(rights, values[target], values[given], strict=True)
            if all(makes_target(place.read(right.completion), *puzzle) for right, *puzzle in triples):
                expression = f"makes_target({place.of('«completion»')}, {target}, {given})"
                yield Candidate(("makes_target", place.function), expression)


def _values(rights: Sequence[Right]) -> Iterator[tuple[str, list[Any]]]:
    """The values of each column, and of each key of columns that hold objects, by their expressions."""
    for name, values in _columns(rights).items():
        yield f"«{name}»", values
        if all(isinstance(value, Mapping) for value in values):
            for key in values[0]:
                if all(key in value for value in values):
                    yield f"«{name}»[{json.dumps(key)}]", [value[key] for value in values]


def _is_whole(numbers: Any) -> bool:
    """Whether a value is a list of whole numbers."""
    return isinstance(numbers, list | tuple) and all(type(number) is int for number in numbers)


def _of_programs(rights: Sequence[Right]) -> Iterator[Candidate]:
    """The tests that a program passes, if columns hold the function's name, and pairs of arguments and results."""
    if any(program(right.completion) is None for right in rights):
        return
    columns = _columns(rights)
    names = [name for name in NAMES if all(isinstance(value, str) for value in columns.get(name, [None]))]
    for name, values in columns.items():
        for pairs, is_case in CASES.items():
            if names and all(isinstance(tests, list) and tests and all(map(is_case, tests)) for tests in values):
                passed = f"calls_passed(program(«completion»), «{names[0]}», {pairs.format(name)})"
                yield Candidate(("calls_passed", "program"), f"{passed} / len(«{name}»)", is_share=True)


def _is_pair(test: Any) -> bool:
    return isinstance(test, Sequence) and len(test) == 2 and isinstance(test[0], list | tuple)


def _is_record(test: Any) -> bool:
    return isinstance(test, Mapping) and {"args", "expected"} <= test.keys()


CASES = {"«{}»": _is_pair, '[(test["args"], test["expected"]) for test in «{}»]': _is_record}
"""Tests of a function in a column, by the expression for their pairs of arguments and expected value."""


def _objects(rights: Sequence[Right]) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    """Where right answers are JSON objects: the expression for their text, and the objects."""
    for place in (WHOLE, *_places(rights)):
        objects = [record(place.read(right.completion)) for right in rights]
        if all(objects) and place.function in ("", "tagged"):
            yield place.of("«completion»"), [value or {} for value in objects]


def _of_objects(rights: Sequence[Right], text: str, objects: Sequence[Mapping[str, Any]]) -> Iterator[Candidate]:
    """Comparisons of JSON objects: with a column that holds one, with one column per field, or of a single field."""
    reader = ["tagged"] if text.startswith("tagged(") else []
    for name, values in _columns(rights).items():
        if all(isinstance(value, Mapping) for value in values):
            yield Candidate(("fields", *reader), f"fields({text}, «{name}»)")
        elif all(isinstance(value, str) and value.lstrip().startswith("{") for value in values):
            yield Candidate(("fields", "record", *reader), f"fields({text}, record(«{name}»))")
    shared = set.intersection(*map(set, objects))
    sources = {key: source for key in objects[0] if key in shared and (source := _source(key, objects, rights))}
    if sources:
        pairs = ", ".join(f"{json.dumps(key)}: {source}" for key, source in sources.items())
        readers = [*(["record"] if "record(" in pairs else []), *reader]
        yield Candidate(("fields", *readers), f"fields({text}, {{{pairs}}})")
    if len(sources) == 1:
        ((key, source),) = sources.items()
        field = f"str((record({text}) or {{}}).get({json.dumps(key)}))"
        for function in ("same_number", "same_text"):
            yield Candidate(("record", function, *reader), f"{function}({field}, {source})")


def _of_lists_of_objects(rights: Sequence[Right]) -> Iterator[Candidate]:
    """Comparisons of several JSON objects, in a list or each between tags, with a column that lists them."""
    tags = dict.fromkeys(_TAG.findall(rights[0].completion))
    for tag in ("", *tags):
        if any(records(right.completion, tag) is None for right in rights):
            continue
        given = f"records(«completion», {json.dumps(tag)})" if tag else "records(«completion»)"
        for name, values in _columns(rights).items():
            golds = [f"records(«{name}»{mark})" for mark, read in _readings(tag) if all(map(read, values))]
            for gold in [f"«{name}»"] if all(map(_is_list_of_objects, values)) else golds:
                for order in ("", ", any_order=True"):
                    yield Candidate(("records", "same_records"), f"same_records({given}, {gold}{order})")


def _readings(tag: str) -> Iterator[tuple[str, Callable[[Any], bool]]]:
    """Ways in which the text of a column may hold objects, as an argument of the reader: in a list, or between tags."""
    yield "", lambda value: isinstance(value, str) and records(value) is not None
    if tag:
        yield f", {json.dumps(tag)}", lambda value: isinstance(value, str) and records(value, tag) is not None


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


SOURCES: Mapping[str, Callable[[Any], Any]] = {
    "«{}»": lambda value: value,
    "record(«{}»)": lambda value: record(value) if isinstance(value, str) else None,
    "[«{}»]": lambda value: [value],
}
"""Expressions for the value of a field, from a column: the value itself, JSON text, or the only element of a list."""


def _source(key: str, objects: Sequence[Mapping[str, Any]], rights: Sequence[Right]) -> str | None:
    """What states a field on all rows, as code: the column of its name, or else the first; None if there is none."""
    columns = sorted(_columns(rights).items(), key=lambda column: column[0] != key)
    stated = (
        source.format(name)
        for source, value_of in SOURCES.items()
        for name, values in columns
        if all(_is_same(value_of(value), fields[key]) for value, fields in zip(values, objects, strict=True))
    )
    return next(stated, None)


def _is_same(value: Any, wanted: Any) -> bool:
    return bool(value == wanted) or str(value) == str(wanted)


def _of_short_answers(rights: Sequence[Right]) -> Iterator[Candidate]:
    """Comparisons of letters, numbers, lists and texts, read from the place where all right answers are."""
    if any(len(right.answer) > LONGEST or "\n" in right.answer for right in rights):
        return
    for place in _places(rights):
        if not all(_reads(place.read, right.completion, right.answer) for right in rights):
            continue
        answer = place.of("«completion»")
        for functions, gold in _golds(rights):
            for compared, expression in _compared(answer, gold, rights):
                yield Candidate((*compared, place.function, *functions), expression)
        for name in _lists(rights):
            for same in ("same_list", "same_set"):
                yield Candidate((same, place.function), f"{same}({answer}, «{name}»)")


def _places(rights: Sequence[Right]) -> list[Place]:
    """Places for the answer, with the tags that all right answers have under other names."""
    names = dict.fromkeys(name for name in _TAG.findall(rights[0].completion) if name not in ("answer", "think"))
    tags = [Place("tagged", partial(tagged, name=name), name) for name in names]
    own = [place for place in tags if all(place.read(right.completion) is not None for right in rights)]
    return [*MARKED, *own, *PLACES[len(MARKED) :]]


def _compared(answer: str, gold: str, rights: Sequence[Right]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Expressions that compare an answer with a right one, as far as they may fit, each with the functions it uses."""
    answers = [right.answer for right in rights]
    if all(len(text) == 1 and text in LETTERS for text in answers):
        options = LETTERS[: max(4, LETTERS.index(max(answers)) + 1)]
        yield ("choice",), f'choice({answer}, "{options}") == {gold}'
    if all(with_unit(text)[0] is not None for text in answers):
        yield ("same_number",), f"same_number({answer}, {gold})"
    if any(len(items(text) or ()) > 1 for text in answers):
        yield from ((("items", same), f"{same}({answer}, items({gold}))") for same in ("same_list", "same_set"))
    yield ("same_text",), f"same_text({answer}, {gold})"


def _golds(rights: Sequence[Right]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Expressions for the right answer: a column that is equal to it, or what a reader reads in a column."""
    answers = [right.answer for right in rights]
    for name, values in _columns(rights).items():
        pairs = list(zip(map(str, values), answers, strict=True))
        if all(normalized(text) == normalized(answer) for text, answer in pairs):
            yield (), f"«{name}»"
        for place in MARKED:
            if all(_reads(place.read, text, answer) for text, answer in pairs):
                yield (place.function,), place.of(f"«{name}»")


def _lists(rights: Sequence[Right]) -> list[str]:
    """The columns that hold lists."""
    return [name for name, values in _columns(rights).items() if all(isinstance(value, list) for value in values)]


def _columns(rights: Sequence[Right]) -> dict[str, list[Any]]:
    """The values of each column that all rows have and that may hold the answer, those named like one first."""
    names = [name for name in rights[0].columns if _is_usable(name) and name not in NO_COLUMNS]
    return {
        name: [right.columns[name] for right in rights]
        for name in sorted(names, key=lambda name: name not in TRUTHS)
        if all(right.columns.get(name) is not None for right in rights)
    }


def _is_usable(name: str) -> bool:
    """Whether a parameter can have this name."""
    return name.isidentifier() and not keyword.iskeyword(name)


def _reads(read: Callable[[str], str | None], text: str, answer: str) -> bool:
    value = read(text)
    return value is not None and normalized(value) == normalized(answer)
