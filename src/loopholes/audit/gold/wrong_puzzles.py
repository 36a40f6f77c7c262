"""Expressions that reach the target of a puzzle, but not with the given numbers as the prompt asks.

They reuse a number, leave one out, or use one that is not given. Each is searched for from the numbers and the target,
in bounds, and never contains the right answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice, permutations, product

from loopholes.audit.gold.answer import Answer
from loopholes.audit.gold.puzzles import Puzzle, Rule, puzzle_of
from loopholes.audit.gold.wrong_numbers import Change
from loopholes.rewards.expressions import arithmetic

UNSTATED_RULES: Mapping[str, str] = {
    "repeated-unstated": "the prompt does not say that a number may be used only once",
    "left-out-unstated": "the prompt does not say that all numbers have to be used",
    "not-given-unstated": "the prompt does not say which numbers may be used",
}
"""Expressions that break a rule which the prompt does not state, and why a sound reader may accept them."""
MOST_NUMBERS = 6
"""Puzzles with more numbers than this are not searched."""
MOST_VALUES = 800
"""Maximum number of values that are kept of the expressions of one length."""
MOST_FACTORS = 100
"""The largest number that is not given and is tried as a factor."""
ENOUGH = 2
"""Expressions of one kind that are enough."""


def _steps(value: int, text: str, number: int) -> Iterator[tuple[int, str]]:
    """An expression joined with one more number, with whole results only."""
    yield value + number, f"{text}+{number}"
    yield value - number, f"{text}-{number}"
    yield value * number, f"({text})*{number}" if set("+-") & set(text) else f"{text}*{number}"
    if number and value % number == 0:
        yield value // number, f"{text}/{number}" if text.isdigit() else f"({text})/{number}"


def _repeated(puzzle: Puzzle) -> Iterator[str]:
    """An expression with every given number, then one of as many numbers as are given; both use one too often."""
    values: dict[int, str] = {number: str(number) for number in sorted(set(puzzle.numbers))}
    numbers, shorter = list(values), True
    for count in range(2, len(puzzle.numbers) + 1):
        longer: dict[int, str] = {}
        for (value, text), number in product(list(values.items()), numbers):
            for result, expression in _steps(value, text, number):
                if result == puzzle.target and _is_repeated(puzzle, expression):
                    if shorter:
                        yield _with_every_number(puzzle, expression)
                        shorter = False
                    if count == len(puzzle.numbers):
                        yield expression
                        return
                elif len(longer) < MOST_VALUES and abs(result) <= 10 * max(puzzle.target, 10):
                    longer.setdefault(result, expression)
        values = longer


def _is_repeated(puzzle: Puzzle, expression: str) -> bool:
    read = arithmetic(expression)
    return read is not None and puzzle.repeats(read.numbers)


def _with_every_number(puzzle: Puzzle, expression: str) -> str:
    """The expression, in which each number that it lacks is added and subtracted again."""
    read = arithmetic(expression)
    missing = sorted(set(puzzle.numbers) - set(read.numbers if read else ()))
    return expression + "".join(f"+{number}-{number}" for number in missing)


def _left_out(puzzle: Puzzle) -> Iterator[str]:
    """Expressions of some of the given numbers, each used once."""
    for count in range(2, len(puzzle.numbers)):
        for numbers in dict.fromkeys(permutations(puzzle.numbers, count)):
            values: list[tuple[int, str]] = [(numbers[0], str(numbers[0]))]
            for number in numbers[1:]:
                values = [step for value, text in values for step in _steps(value, text, number)]
            yield from (text for value, text in values if value == puzzle.target)


def _not_given(puzzle: Puzzle) -> Iterator[str]:
    """As many numbers as are given, none larger than they are, of which one at least is not; then a plain sum."""
    largest, count = min(MOST_FACTORS, max(puzzle.numbers)), len(puzzle.numbers) - 2
    for first, second in product(range(largest, 1, -1), repeat=2):
        rest = puzzle.target - first * second
        if count <= abs(rest) <= count * largest:
            share, more = divmod(abs(rest), count)
            others = [share + (place < more) for place in range(count)]
            if any(number not in puzzle.given for number in (first, second, *others)):
                yield f"{first}*{second}" + "".join(f"{'+' if rest > 0 else '-'}{number}" for number in others)
                break
    ones = (one for one in range(1, puzzle.target) if {one, puzzle.target - one} - set(puzzle.given))
    yield from (f"{puzzle.target - one}+{one}" for one in islice(ones, 1))


def _wrong(search: Callable[[Puzzle], Iterator[str]], rule_of: Callable[[Puzzle], Rule], rule: Rule) -> Change:
    """The expressions of one search, where the prompt has this rule about them."""

    def changed(answer: Answer) -> Iterator[str]:
        puzzle = puzzle_of(answer.text, answer.row.text)
        if puzzle is not None and len(puzzle.numbers) <= MOST_NUMBERS and rule_of(puzzle) == rule:
            yield from (text + puzzle.rest for text in islice(search(puzzle), ENOUGH))

    return changed


PUZZLE_CHANGES: Mapping[str, Change] = {
    "number-repeated": _wrong(_repeated, lambda puzzle: puzzle.repeating, "forbidden"),
    "number-left-out": _wrong(_left_out, lambda puzzle: puzzle.leaving_out, "forbidden"),
    "number-not-given": _wrong(_not_given, lambda puzzle: puzzle.adding, "forbidden"),
    "repeated-unstated": _wrong(_repeated, lambda puzzle: puzzle.repeating, "unstated"),
    "left-out-unstated": _wrong(_left_out, lambda puzzle: puzzle.leaving_out, "unstated"),
    "not-given-unstated": _wrong(_not_given, lambda puzzle: puzzle.adding, "unstated"),
}
"""Ways in which an expression that reaches the target breaks the rules of its puzzle, stated by the prompt or not."""
