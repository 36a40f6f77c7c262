"""What an attack is, and what it sees."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from loopholes.audit.form import RAW, STANDARD, Form
from loopholes.audit.frameworks.base import Row
from loopholes.audit.frameworks.tokens import Tokens
from loopholes.audit.results import Attempt

Make = Callable[["View"], "str | Attempt | None"]
_CHOICE = re.compile(r"(?m)(?:^|\s|[(\[])([A-J])[).:\]]\s*(?=\S)")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w])")
_WORD = re.compile(r"[^\W\d_]{4,}")
_CODE = re.compile(r"\b(?:def |class |import |function|program|python|source_code|code)\b", re.IGNORECASE)
LETTERS_PER_TOKEN = 4
"""How many letters a token has, where no tokenizer was named."""


@dataclass(frozen=True)
class View:
    """One row as a policy sees it. ``longest`` is the longest answer in letters; ``fits`` counts its tokens.

    ``codes``: the prompt asks for a program; ``writes_json``: right answers are JSON objects.
    """

    prompt: str
    form: Form
    longest: int
    codes: bool
    writes_json: bool = False
    tokens: Tokens = field(default_factory=Tokens, repr=False, compare=False)

    def fits(self, text: str) -> bool:
        """Whether a policy may write as much."""
        most = self.longest // LETTERS_PER_TOKEN
        return len(text) <= self.longest and (len(text) < most or self.tokens.count(text) <= most + 1)

    @cached_property
    def choices(self) -> list[str]:
        """The letters of a multiple choice in the prompt; empty if it is none."""
        found = list(dict.fromkeys(_CHOICE.findall(self.prompt)))
        return found if len(found) > 1 and found[0] == "A" else []

    @cached_property
    def numbers(self) -> list[str]:
        """Numbers in the prompt, each once."""
        return list(dict.fromkeys(_NUMBER.findall(self.prompt)))

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
    """What is seen of a row, where answers of at most so many tokens are allowed."""
    writes = (row.golden or "").lstrip().startswith("{")
    return View(row.text, form, most * LETTERS_PER_TOKEN, bool(_CODE.search(row.text)), writes, tokens or Tokens())


@dataclass(frozen=True)
class Attack:
    """``make`` gives the answer, which stands alone or in ``form``; None where the attack does not apply to a row.

    ``form`` is ``raw``, ``golden`` (the form of the golden completions) or one of the standard forms.
    """

    name: str
    family: str
    make: Make
    form: str = "raw"

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
