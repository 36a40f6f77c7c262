"""Forms in which a right answer may be written: those that a prompt asks for, then those that graders usually read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from loopholes.audit.form import SURENESS, THINKING
from loopholes.audit.frameworks.base import Row
from loopholes.audit.programs import Program, program_of

HOLE = "{answer}"
LONGEST = 20_000
"""Characters of a prompt that are searched."""
LONGEST_WORD = 30
"""Longest text of a column, in characters, that is looked for in the forms that a prompt shows."""
USUAL = (
    HOLE,
    f"\\boxed{{{HOLE}}}",
    f"<answer>{HOLE}</answer>",
    f"The answer is {HOLE}.",
    f"The answer is {HOLE}",
    f"{THINKING}\n#### {HOLE}",
    f"<think>{THINKING}</think>\n<answer>{HOLE}</answer>",
    f"<think>\n{THINKING}\n</think>\n<answer>\n{HOLE}\n</answer>",
    f"<reasoning>\n{THINKING}\n</reasoning>\n<answer>\n{HOLE}\n</answer>\n",
    f"<think>{THINKING}</think>\n{HOLE}",
    f"<think>{THINKING}</think>\nThe answer is \\boxed{{{HOLE}}}.",
    f"{THINKING}\nThe final answer is $\\boxed{{{HOLE}}}$.",
    f"Answer: {HOLE}",
    f"{THINKING}\nAnswer: {HOLE}",
    f"{THINKING}\nANSWER: {HOLE}",
    f"Final Answer: {HOLE}",
    f"({HOLE})",
    f"[[{HOLE}]]",
    f"**{HOLE}**",
    f"```\n{HOLE}\n```",
    f"[ANSWER]{HOLE}[/ANSWER]",
    f"<|begin_of_solution|>{HOLE}<|end_of_solution|>",
)
"""Forms that graders usually read, the simplest first."""
_TAGS = re.compile(r"<([A-Za-z_][\w-]{0,30})>(?:(?!</?\1>).){0,300}?</\1>", re.DOTALL)
_BRACKETS = re.compile(r"\[([A-Z_]{3,20})\](?:(?!\[/).){0,200}?\[/\1\]", re.DOTALL)
_MARKER = re.compile(r"(?i)\b((?:my |the )?(?:final )?answer(?: is)?\s?:)")
_QUOTED = re.compile(r"\"([^\"\n]{2,120})\"|`([^`\n]{2,120})`|'([^'\n]{2,120})'(?!\w)|“([^”\n]{2,120})”")
_PLACE = re.compile(
    r"\.\.\.|…|<[^<>/]{1,30}>|\[[^\[\]/]{1,30}\]|_{2,}|\{[A-Za-z _]{1,30}\}|\$[A-Z]+\b|\b[XN]\b"
    r"|\b(?:NUMBER|LETTER|ANSWER)\b"
)
_AFTER = re.compile(r"\b(?:after|behind|following|with|by) [\"'`]?([^\w\s\"'`.,()]{2,6})")
_DOUBLE = re.compile(r"(\[\[|<<|\{\{|\(\(|\*\*)[^\]>})*\n]{0,40}(\]\]|>>|\}\}|\)\)|\*\*)")
_ANSWERING = re.compile(r"answer|solution|result|response|output|final|label|class|choice|code|sql", re.IGNORECASE)


@dataclass(frozen=True)
class Candidate:
    """A form and its name. ``write`` maps a row and an answer to a completion, or None if that is impossible."""

    name: str
    write: Callable[[Row, str], str | None]

    @property
    def shown(self) -> str:
        """The name on one line."""
        return self.name.replace("\n", "\\n")


def candidates_of(row: Row) -> list[Candidate]:
    """Forms to try on this row's data, each once, the likeliest first."""
    prompt = row.text[:LONGEST]
    own = list(dict.fromkeys(_own_templates(prompt)))
    varying = [Candidate(*named) for template in own if (named := _with_columns(template, row)) is not None]
    usual = sorted(USUAL, key=lambda template: not _is_named(template, prompt))
    texts = list(dict.fromkeys([*own, *usual]))
    forms = [*varying, *(Candidate(text, partial(_written, text)) for text in texts)]
    objects = [Candidate(f"the prompt's object with {HOLE} in it", _record), Candidate('{"answer": {answer}}', _object)]
    program = program_of(row)
    fences = [] if program is None else _fences(program)
    if objects and ("json" in prompt.lower() or _records(prompt)):
        return [*objects, *fences, *forms]
    return [*fences, *forms, *objects]


def _written(template: str, row: Row, answer: str) -> str:
    return template.replace(HOLE, answer)


def _with_columns(template: str, row: Row) -> tuple[str, Callable[[Row, str], str | None]] | None:
    """A template whose words are partly the row's own, such as ``Answer: {answer} {unit}``, and how it is written.

    None if no short text of a column stands in it.
    """
    names = []
    for name, value in row.columns.items():
        if (
            isinstance(value, str)
            and 0 < len(value) <= LONGEST_WORD
            and name not in ("prompt", "answer", "golden", "floor")
        ):
            word = rf"(?<![\w{{]){re.escape(value)}(?![\w}}])"
            named = f"{{{name}}}".join(re.split(word, template))
            if named != template:
                names.append(name)
                template = named

    def written(row: Row, answer: str) -> str | None:
        values = {name: row.columns.get(name) for name in names}
        if not all(isinstance(value, str) for value in values.values()):
            return None
        text = template
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", str(value))
        return text.replace(HOLE, answer)

    return (template, written) if names else None


def _fences(program: Program) -> list[Candidate]:
    """A bare program, one in a fence of its language, and one that continues the prompt."""
    fenced = f"```{program.language}\n{HOLE}\n```"
    return [
        Candidate(HOLE, partial(_written, HOLE)),
        Candidate(fenced, partial(_written, fenced)),
        Candidate(f"the prompt, then {HOLE}", lambda row, answer: f"{row.text}{answer}"),
    ]


def _is_named(template: str, prompt: str) -> bool:
    """Whether the prompt contains all marks of a form."""
    marks = ("\\boxed", "<answer>", "<think>", "<reasoning>", "####", "[[", "**", "[ANSWER]", "```")
    own = [mark for mark in marks if mark in template]
    return bool(own) and all(mark in prompt for mark in own)


def _own_templates(prompt: str) -> Iterator[str]:
    """Templates that the prompt itself shows."""
    tags = list(dict.fromkeys(_TAGS.findall(prompt)))
    if tags:
        for between, inside in (("\n", ""), ("", ""), ("\n", "\n")):
            yield _tagged([(f"<{tag}>", f"</{tag}>", tag) for tag in tags], between, inside)
    brackets = list(dict.fromkeys(_BRACKETS.findall(prompt)))
    if brackets:
        yield _tagged([(f"[{name}]", f"[/{name}]", name) for name in brackets], "\n", "")
    for parts in _QUOTED.findall(prompt):
        yield from _of_quote(next(part for part in parts if part))
    for marker in dict.fromkeys(_MARKER.findall(prompt)):
        yield from (f"{marker} {HOLE}", f"{THINKING}\n{marker} {HOLE}")
    for sign in dict.fromkeys(_AFTER.findall(prompt)):
        yield f"{THINKING}\n{sign} {HOLE}"
    for opening, closing in dict.fromkeys(_DOUBLE.findall(prompt)):
        yield f"{opening}{HOLE}{closing}"


def _tagged(marks: list[tuple[str, str, str]], between: str, inside: str) -> str:
    """All parts in the prompt's order. The answer goes into the last part that is named like one."""
    answering = [number for number, (_, _, name) in enumerate(marks) if _ANSWERING.search(name)]
    slot = answering[-1] if answering else len(marks) - 1
    parts = []
    for number, (opening, closing, name) in enumerate(marks):
        text = HOLE if number == slot else "1.0" if SURENESS.search(name) else THINKING
        parts.append(f"{opening}{inside}{text}{inside}{closing}")
    return between.join(parts)


def _of_quote(text: str) -> Iterator[str]:
    """Forms from a quotation that ends with a colon, or that has a placeholder."""
    if text.rstrip().endswith(":"):
        yield from (f"{text.rstrip()} {HOLE}", f"{THINKING}\n{text.rstrip()} {HOLE}")
        return
    places = list(_PLACE.finditer(text))
    if places and len(text) > len(places[-1][0]):
        yield f"{text[: places[-1].start()]}{HOLE}{text[places[-1].end() :]}"


def _records(prompt: str) -> list[dict[str, Any]]:
    """The JSON objects in a prompt, at most four."""
    records: list[dict[str, Any]] = []
    decoder, place = json.JSONDecoder(), prompt.find("{")
    while place >= 0 and len(records) < 4:
        try:
            value, end = decoder.raw_decode(prompt, place)
        except (ValueError, RecursionError):
            value, end = None, place + 1
        if isinstance(value, dict) and value:
            records.append(value)
        place = prompt.find("{", end)
    return records


def _record(row: Row, answer: str) -> str | None:
    """The prompt's last object, with the answer in an empty field or in one that is named like an answer."""
    records = _records(row.text[:LONGEST])
    if not records:
        return None
    record = records[-1]
    names = [name for name, value in record.items() if value in (None, "", "...") or _ANSWERING.search(name)]
    empty = [name for name in names if record[name] in (None, "", "...")]
    slot = (empty or names or list(record))[-1]
    return json.dumps({**record, slot: _value(answer)}, ensure_ascii=False)


def _object(row: Row, answer: str) -> str:
    return json.dumps({"answer": _value(answer)}, ensure_ascii=False)


def _value(answer: str) -> Any:
    """A number, list or object as itself, everything else as text."""
    try:
        return json.loads(answer)
    except (ValueError, RecursionError):
        return answer
