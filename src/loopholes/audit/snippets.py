"""Code that closes a finding, adapted to the audited reward so that it can be pasted.

The family or name of a finding decides which function of :mod:`loopholes.rewards` closes it. The reward decides how
that function is called: where right answers stand, whether they are numbers, letters or texts, which column holds them,
and which framework calls it. A reader and a comparison are recommended only if they accept every right answer of the
audit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from loopholes.audit.observations import Observations
from loopholes.audit.results import Finding
from loopholes.audit.scale import normalized
from loopholes.rewards import behind, boxed, choice, final, number, same_text, tagged
from loopholes.rewards.remedies import Remedy, remedy_for

READERS: Mapping[str, Callable[[str], str | None]] = {
    "tagged": tagged,
    "boxed": boxed,
    "behind": behind,
    "final": final,
}
"""Readers of one place; those that need a mark come first."""
SHORT = ("tagged", "number", "choice", "behind", "final", "gated")
"""Functions of remedies that compare a short answer from one place."""
LETTERS = "ABCDEFGHIJ"
LONGEST = 60
"""Longest short answer in characters."""


class Names(NamedTuple):
    """A reward's definition, and its names for the completion and the right answer. ``each`` completes a list."""

    head: str
    text: str = "completion"
    gold: str = "answer"
    each: str = ""


def with_snippets(findings: Sequence[Finding], seen: Observations) -> list[Finding]:
    """The findings with code that closes them; without code if a remedy does not fit the answers."""
    return [replace(finding, snippet=_snippet(finding, seen)) for finding in findings]


def _snippet(finding: Finding, seen: Observations) -> str:
    remedy = remedy_for(finding.family, finding.name)
    if remedy is None:
        return ""
    answers = [level.answer for level in seen.levels if level.golden_text]
    imported, expression = _parts(remedy)
    if remedy.function in SHORT and answers:
        right = _right(seen, answers)
        if right is None:
            return ""
        imported, expression = right
        if remedy.function == "gated":
            expression = f"gated({expression.removeprefix('float(').removesuffix(')')}, bonus=well_formed(completion))"
            imported = ["gated", *imported]
    names = _names(seen, answers)
    expression = re.sub(r'(?<!")\bcompletion\b(?!")', lambda _: names.text, expression)
    expression = re.sub(r'(?<!")\banswer\b(?!")', names.gold, expression)
    body = f"[{expression} {names.each}]" if names.each else expression
    return f"from loopholes.rewards import {', '.join(sorted(imported))}\n{names.head}\n    return {body}"


def _parts(remedy: Remedy) -> tuple[list[str], str]:
    """The imports of a remedy, and the expression that it returns."""
    first, _, last = remedy.snippet.splitlines()
    return first.partition(" import ")[2].split(", "), last.strip().removeprefix("return ")


def _right(seen: Observations, answers: Sequence[str]) -> tuple[list[str], str] | None:
    """The imports and the comparison of a short answer, read from the place of all right answers; None if none fits."""
    if any(len(answer) > LONGEST or "\n" in answer or answer[:1] in ("{", "[") for answer in answers):
        return None
    texts = [(level.golden_text, level.answer) for level in seen.levels if level.golden_text]
    place = next((name for name, read in READERS.items() if all(_reads(read, *text) for text in texts)), None)
    if place is None:
        return None
    if all(len(answer) == 1 and answer in LETTERS for answer in answers):
        options = LETTERS[: max(4, LETTERS.index(max(answers)) + 1)]
        if all(choice(answer, options) == answer for answer in answers):
            return ["choice", place], f'float(choice({place}(completion), "{options}") == answer)'
    if all(number(answer) is not None for answer in answers):
        return ["same_number", place], f"float(same_number({place}(completion), answer))"
    if all(same_text(answer, answer) for answer in answers):
        return ["same_text", place], f"float(same_text({place}(completion), answer))"
    return None


def _reads(read: Callable[[str], str | None], text: str, answer: str) -> bool:
    value = read(text)
    return value is not None and normalized(value) == normalized(answer)


def _names(seen: Observations, answers: Sequence[str]) -> Names:
    column = _column(seen, answers)
    if seen.target.framework == "verl":
        head = "def compute_score(data_source, solution_str, ground_truth, extra_info=None):"
        return Names(head, "solution_str", "ground_truth")
    if seen.target.framework == "trl":
        text = 'completion[0]["content"]' if seen.rows[0].is_chat else "completion"
        head = f"def reward(completions, {column}, **kwargs):\n    pairs = zip(completions, {column}, strict=True)"
        return Names(head, text, "gold", "for completion, gold in pairs")
    return Names(f"def reward(completion, {column}):", gold=column)


def _column(seen: Observations, answers: Sequence[str]) -> str:
    """The column that holds exactly the right answers; ``answer`` if there is none."""
    rows = [seen.rows[level.row].columns for level in seen.levels if level.golden_text]
    for name in rows[0] if rows else ():
        values = [row.get(name) for row in rows]
        if name.isidentifier() and [str(value).strip() for value in values] == [answer.strip() for answer in answers]:
            return name
    return "answer"
