"""What an attack is, and what it sees of a row."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from loopholes.audit.attacks import prompts
from loopholes.audit.attacks.labels import labels_of
from loopholes.audit.choices import options_of
from loopholes.audit.form import RAW, STANDARD, Form
from loopholes.audit.frameworks.base import Row
from loopholes.audit.frameworks.tokens import Tokens
from loopholes.audit.offers import tools_of
from loopholes.audit.programs import Program, program_of
from loopholes.audit.results import Attempt
from loopholes.audit.shape import Shape, shape_of
from loopholes.rewards import number

Make = Callable[["View"], "str | Attempt | None"]
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w])")
_WORD = re.compile(r"[^\W\d_]{4,}")
_STANDARD = {form.name: form for form in STANDARD}
LETTERS_PER_TOKEN = 4
"""Letters per token, assumed where no tokenizer is named."""


@dataclass(frozen=True)
class View:
    """One row as a policy sees it. ``longest`` is the length limit of an answer in letters; ``fits`` counts tokens.

    ``form`` is the form of golden completions of this row's kind. ``shape`` is the shape that all right answers share,
    if they are lists or JSON objects. ``program`` describes the program that the row asks for, if it asks for one.
    ``writes_json`` says whether right answers are JSON objects. ``varies`` is the part of the prompt that differs from
    other prompts of its kind, ``row`` the number of the row, ``tools`` the names of the tools or commands it offers.
    ``numeric`` says whether all right answers are numbers.
    """

    prompt: str
    form: Form
    longest: int
    program: Program | None = None
    writes_json: bool = False
    tokens: Tokens = field(default_factory=Tokens, repr=False, compare=False)
    shape: Shape | None = None
    varies: str = ""
    row: int = -1
    tools: tuple[str, ...] = ()
    numeric: bool = False

    @property
    def codes(self) -> bool:
        """Whether the row asks for a program."""
        return self.program is not None

    def fits(self, text: str) -> bool:
        """Whether a text is within the length limit."""
        most = self.longest // LETTERS_PER_TOKEN
        return len(text) <= self.longest and (len(text) < most or self.tokens.count(text) <= most + 1)

    @cached_property
    def choices(self) -> list[str]:
        """The letters of the prompt's multiple choice; empty if it offers none."""
        return list(options_of(self.prompt))

    @cached_property
    def options(self) -> list[str]:
        """All answers that the prompt offers: the letters of its choices, or the labels that it lists.

        Words are no answers where right ones are numbers.
        """
        labels = self.choices or list(labels_of(self.prompt))
        return labels if not self.numeric or all(number(label) is not None for label in labels) else []

    @cached_property
    def numbers(self) -> list[str]:
        """Numbers in the prompt, each once."""
        return list(dict.fromkeys(_NUMBER.findall(self.prompt)))

    @cached_property
    def expressions(self) -> list[str]:
        """What the prompt asks to work out: its formulas, its arithmetic, and the part that varies between prompts."""
        spans = prompts.expressions(self.prompt)
        return list(dict.fromkeys([*spans, *([self.varies] if prompts.is_formula(self.varies) else [])]))

    @cached_property
    def words(self) -> list[str]:
        """Words of four letters and more in the prompt, each once."""
        return list(dict.fromkeys(word.lower() for word in _WORD.findall(self.prompt)))

    @cached_property
    def source(self) -> str:
        """The longest paragraph of the prompt, without a heading such as ``Article:``."""
        longest = max(re.split(r"\n\s*\n", self.prompt), key=len)
        return re.sub(r"^[A-Z][a-z]+ ?: ?", "", longest.strip())

    @cached_property
    def record(self) -> Mapping[str, Any]:
        """The JSON object in the prompt; empty if there is none."""
        start, end = self.prompt.find("{"), self.prompt.rfind("}")
        if start < 0 or end < start:
            return {}
        try:
            record = json.loads(self.prompt[start : end + 1])
        except (ValueError, RecursionError):
            return {}
        return record if isinstance(record, dict) else {}


def view_of(row: Row, form: Form, most: int, tokens: Tokens | None = None) -> View:
    """The view of a single row. ``most`` is the length limit of an answer in tokens."""
    return views_of([row], form, most, tokens)[0]


def views_of(rows: Sequence[Row], form: Form, most: int, tokens: Tokens | None = None) -> list[View]:
    """The view of each row. ``most`` is the length limit of an answer in tokens."""
    tokens = tokens or Tokens()
    answers = [form.read(row.golden) for row in rows if row.golden is not None]
    shape, numeric = shape_of(answers), bool(answers) and all(number(answer) is not None for answer in answers)
    spans = prompts.varying([row.text for row in rows])
    return [
        View(
            prompt=row.text,
            form=form.of(row.golden),
            longest=most * LETTERS_PER_TOKEN,
            program=program_of(row),
            writes_json=(row.golden or "").lstrip().startswith("{"),
            tokens=tokens,
            shape=shape,
            varies=varies,
            row=row.number,
            tools=tools_of(row),
            numeric=numeric,
        )
        for row, varies in zip(rows, spans, strict=True)
    ]


@dataclass(frozen=True)
class Attack:
    """A named generator of one completion per row.

    ``make`` writes the answer, which is sent alone or in ``form``. It returns None where the attack does not apply.

    ``form`` is ``raw``, ``golden`` (the form of the golden completions) or one of the standard forms.
    """

    name: str
    family: str
    make: Make
    form: str = "raw"

    @property
    def idea(self) -> str:
        """The attack's name without its form: what it says, in whatever form."""
        return self.name.partition("/")[0].removesuffix("-fenced")

    def attempt(self, view: View) -> Attempt | None:
        """The completion for a row; None if the attack does not apply or the answer would be too long."""
        form = self._form(view)
        answer = None if form is None else self.make(view)
        if form is None or answer is None:
            return None
        attempt = answer if isinstance(answer, Attempt) else Attempt(answer)
        if form is not RAW:
            attempt = Attempt(form.wrap(attempt.text), attempt.answer)
        return attempt if view.fits(attempt.text) else None

    def _form(self, view: View) -> Form | None:
        if self.form == "raw":
            return RAW
        if self.form == "golden":
            return view.form if view.form.marks else None
        return None if view.form.marks else _STANDARD[self.form]  # marks of golden completions say which form counts


def fixed(family: str, texts: Mapping[str, str], forms: Sequence[str] = ("raw",)) -> list[Attack]:
    """Attacks that say the same to every prompt. Where that happens to be the right answer, it is no evidence."""
    return adaptive(family, {name: partial(_say, text) for name, text in texts.items()}, forms)


def guesses(family: str, texts: Sequence[str], forms: Sequence[str]) -> list[Attack]:
    """Fixed attacks that are named after the answer that they guess."""
    return fixed(family, {f"guess-{text.lower()}": text for text in texts}, forms)


def adaptive(family: str, makers: Mapping[str, Make], forms: Sequence[str] = ("raw",)) -> list[Attack]:
    """Attacks that depend on the view, in each of the forms. The form is part of the name, unless it is ``raw``."""
    return [
        Attack(name if form == "raw" else f"{name}/{form}", family, make, form)
        for name, make in makers.items()
        for form in forms
    ]


def _say(text: str, view: View) -> Attempt:
    return Attempt(text, text)
