"""Forms in which a right answer may be written: those that a prompt asks for, then those that graders usually read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from loopholes.audit.form import THINKING
from loopholes.audit.frameworks.base import Row
from loopholes.audit.programs import Program, program_of
from loopholes.audit.templates import ANSWERING, HOLE, Template, elements_of, templates_of

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
_CALL_TAG = re.compile(r"<(\w*call\w*)>")
CALL_TAG = "tool_call"
"""Tag of a tool call in the chat templates of Hermes and Qwen models."""
_EMPTY = re.compile(
    r"(?<=[\[:,])\s*(?!(?:true|false|null)\b)(?:\.\.\.|…|<[^<>\n\"]{1,40}>|[A-Za-z][A-Za-z_ ]{0,30})(?=\s*[,\]}])"
)
"""A placeholder in the place of a JSON value."""


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
    own = templates_of(prompt)
    varying = [candidate for template in own if (candidate := _with_columns(template, row)) is not None]
    usual = sorted(USUAL, key=lambda template: not _is_named(template, prompt))
    templates = list(dict.fromkeys([*own, *map(Template, usual)]))
    forms = [*varying, *map(_plain, templates)]
    objects = [
        Candidate(f"the prompt's object with {HOLE} in it", _record),
        Candidate(HOLE, _structure),
        Candidate('{"answer": {answer}}', _object),
        *(
            _calls(tag, space)
            for tag in dict.fromkeys([*_CALL_TAG.findall(prompt)[:1], CALL_TAG])
            for space in ("\n", "")
        ),
    ]
    program = program_of(row)
    fences = [] if program is None else _fences(program)
    if "json" in prompt.lower() or _records(prompt):
        return [*objects, *fences, *forms]
    return [*fences, *forms, *objects]


def _plain(template: Template) -> Candidate:
    return Candidate(template.name, lambda row, answer: template.write(answer))


def _with_columns(template: Template, row: Row) -> Candidate | None:
    """A template whose words are partly the row's own, such as ``Answer: {answer} {unit}``.

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
            named = f"{{{name}}}".join(re.split(word, template.text))
            if named != template.text:
                names.append(name)
                template = template._replace(text=named)

    def written(row: Row, answer: str) -> str | None:
        values = {name: row.columns.get(name) for name in names}
        if not all(isinstance(value, str) for value in values.values()):
            return None
        text = template.text
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", str(value))
        return template._replace(text=text).write(answer)

    return Candidate(template.name, written) if names else None


def _fences(program: Program) -> list[Candidate]:
    """A bare program, one in a fence of its language, and one that continues the prompt."""
    return [
        _plain(Template(HOLE)),
        _plain(Template(f"```{program.language}\n{HOLE}\n```")),
        Candidate(f"the prompt, then {HOLE}", lambda row, answer: f"{row.text}{answer}"),
    ]


def _is_named(template: str, prompt: str) -> bool:
    """Whether the prompt contains all marks of a form."""
    marks = ("\\boxed", "<answer>", "<think>", "<reasoning>", "####", "[[", "**", "[ANSWER]", "```")
    own = [mark for mark in marks if mark in template]
    return bool(own) and all(mark in prompt for mark in own)


def _records(prompt: str) -> list[dict[str, Any]]:
    """The JSON objects in a prompt, at most four. Placeholders in them, such as ``AMOUNT`` or ``<city>``, are empty."""
    text = _EMPTY.sub("null", prompt)
    records: list[dict[str, Any]] = []
    decoder, place = json.JSONDecoder(), text.find("{")
    while place >= 0 and len(records) < 4:
        try:
            value, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            value, end = None, place + 1
        if isinstance(value, dict) and value:
            records.append(value)
        place = text.find("{", end)
    return records


def _record(row: Row, answer: str) -> str | None:
    """The prompt's last object, with the answer in an empty field or in one that is named like an answer."""
    records = _records(row.text[:LONGEST])
    if not records:
        return None
    record = records[-1]
    names = [name for name, value in record.items() if _is_empty(value) or ANSWERING.search(name)]
    empty = [name for name in names if _is_empty(record[name])]
    slot = (empty or names or list(record))[-1]
    return json.dumps({**record, slot: _like(record[slot], answer)}, ensure_ascii=False)


def _is_empty(value: Any) -> bool:
    return value in (None, "", "...", [], [None], ["..."])


def _structure(row: Row, answer: str) -> str | None:
    """The answer alone, if it is a JSON list or object: it needs no object around it."""
    return answer if isinstance(_value(answer), list | dict) else None


def _calls(tag: str, space: str) -> Candidate:
    """A tool call, or each of a list of calls, between these tags, with this white space inside them."""

    def written(row: Row, answer: str) -> str | None:
        value = _value(answer)
        calls = value if isinstance(value, list) else [value]
        are_objects = bool(calls) and all(isinstance(call, dict) and call for call in calls)
        texts = [json.dumps(call, ensure_ascii=False) for call in calls]
        return "\n".join(f"<{tag}>{space}{text}{space}</{tag}>" for text in texts) if are_objects else None

    return Candidate(f"<{tag}>{space}{HOLE}{space}</{tag}>", written)


def _object(row: Row, answer: str) -> str:
    return json.dumps({"answer": _value(answer)}, ensure_ascii=False)


def _like(example: Any, answer: str) -> Any:
    """An answer as the example shows it: a list if that is a list, of texts if its elements are texts."""
    value = _value(answer)
    if not isinstance(example, list) or isinstance(value, list | dict):
        return value
    are_texts = any(isinstance(element, str) for element in example)
    return [element if are_texts else _value(element) for element in elements_of(answer)]


def _value(answer: str) -> Any:
    """A number, list or object as itself, everything else as text."""
    try:
        return json.loads(answer)
    except (ValueError, RecursionError):
        return answer
