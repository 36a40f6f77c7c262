"""What an attack is, and what it sees."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from loopholes.audit.attacks import prompts
from loopholes.audit.choices import options_of
from loopholes.audit.form import RAW, STANDARD, Form
from loopholes.audit.frameworks.base import Row
from loopholes.audit.frameworks.tokens import Tokens
from loopholes.audit.offers import tools_of
from loopholes.audit.programs import Program, program_of
from loopholes.audit.results import Attempt
from loopholes.audit.shape import Shape, shape_of

Make = Callable[["View"], "str | Attempt | None"]
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w])")
_WORD = re.compile(r"[^\W\d_]{4,}")
LETTERS_PER_TOKEN = 4
"""How many letters a token has, where no tokenizer was named."""


@dataclass(frozen=True)
class View:
    """One row as a policy sees it. ``longest`` is the longest answer in letters; ``fits`` counts its tokens.

    ``form`` is that of golden completions of this row's kind, ``shape`` that of all right answers which are lists or
    JSON objects. ``program`` is what the row asks for, if it asks for one; ``writes_json``: right answers are JSON
    objects. ``varies`` is the part of the prompt in which it differs from others of its kind, and ``row`` its number.
    ``tools`` are the names of the tools or commands that the row offers.
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

    @property
    def codes(self) -> bool:
        """Whether the row asks for a program."""
        return self.program is not None

    def fits(self, text: str) -> bool:
        """Whether a policy may write as much."""
        most = self.longest // LETTERS_PER_TOKEN
        return len(text) <= self.longest and (len(text) < most or self.tokens.count(text) <= most + 1)

    @cached_property
    def choices(self) -> list[str]:
        """The letters of a multiple choice in the prompt; empty if it is none."""
        return list(options_of(self.prompt))

    @cached_property
    def options(self) -> list[str]:
        """All answers that the prompt offers: the letters of its choices, or the words that it lists."""
        return self.choices or prompts.options(self.prompt)

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
        """The longest paragraph of the prompt, behind a heading such as ``Article:``."""
        longest = max(re.split(r"\n\s*\n", self.prompt), key=len)
        return re.sub(r"^[A-Z][a-z]+ ?: ?", "", longest.strip())

    @cached_property
    def record(self) -> Mapping[str, Any]:
        """The JSON object in the prompt; empty if there is none."""
        start, end = self.prompt.find("{"), self.prompt.rfind("}")
        if start < 0 or end < start:
            return {}
        try:
            found = json.loads(self.prompt[start : end + 1])
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


def view_of(row: Row, form: Form, most: int, tokens: Tokens | None = None) -> View:
    """What is seen of a row by itself, where answers of at most so many tokens are allowed."""
    return views_of([row], form, most, tokens)[0]


def views_of(rows: Sequence[Row], form: Form, most: int, tokens: Tokens | None = None) -> list[View]:
    """What is seen of each row, where answers of at most so many tokens are allowed."""
    tokens = tokens or Tokens()
    shape = shape_of([form.read(row.golden) for row in rows if row.golden is not None])
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
        )
        for row, varies in zip(rows, spans, strict=True)
    ]


@dataclass(frozen=True)
class Attack:
    """``make`` gives the answer, which stands alone or in ``form``; None where the attack does not apply to a row.

    ``form`` is ``raw``, ``golden`` (the form of the golden completions) or one of the standard forms.
    """

    name: str
    family: str
    make: Make
    form: str = "raw"

    @property
    def idea(self) -> str:
        """What it says, in whatever form: its name without the form."""
        return self.name.partition("/")[0].removesuffix("-fenced")

    def attempt(self, view: View) -> Attempt | None:
        """The completion for a row; None where the attack does not apply or the answer would be too long."""
        made = self.make(view)
        if made is None:
            return None
        attempt = made if isinstance(made, Attempt) else Attempt(made)
        form = self._form(view)
        if form is None:
            return None
        text = attempt.text if form is RAW else form.wrap(attempt.text)
        return Attempt(text, attempt.answer) if view.fits(text) else None

    def _form(self, view: View) -> Form | None:
        if self.form == "raw":
            return RAW
        if self.form == "golden":
            return view.form if view.form.marks else None
        if view.form.marks:  # golden completions say which form counts
            return None
        return next(form for form in STANDARD if form.name == self.form)


def fixed(family: str, texts: Mapping[str, str], forms: Sequence[str] = ("raw",)) -> list[Attack]:
    """Attacks that say the same whatever the prompt; where that is the right answer, it is no evidence."""
    return made(family, {name: partial(_say, text) for name, text in texts.items()}, forms)


def guesses(family: str, texts: Sequence[str], forms: Sequence[str]) -> list[Attack]:
    """The same, named after the answer that they guess."""
    return fixed(family, {f"guess-{text.lower()}": text for text in texts}, forms)


def made(family: str, makers: Mapping[str, Make], forms: Sequence[str] = ("raw",)) -> list[Attack]:
    """Attacks that look at the prompt, in each of the forms; one in a form is named after it."""
    return [
        Attack(name if form == "raw" else f"{name}/{form}", family, make, form)
        for name, make in makers.items()
        for form in forms
    ]


def _say(text: str, view: View) -> Attempt:
    return Attempt(text, text)
