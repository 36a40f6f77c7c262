"""Trials of suggested code on the completions of an audit: what it pays them, called as its framework calls it.

Code is ours and none of the user's, so it runs in this process. Programs among the completions run in a sandbox, each
once, as long as there is time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, NamedTuple

from loopholes.audit.comparisons import Candidate, Right
from loopholes.audit.frameworks.base import Paid
from loopholes.audit.observations import Observations
from loopholes.audit.scale import HALF, Level
from loopholes.audit.signatures import Signature

PROGRAMS = 2
"""Programs run in a sandbox, so only this many right and wrong ones are tried; honest wrong ones fail its tests."""


class Case(NamedTuple):
    """A completion and the place of its row. ``paid`` is its payment by the audited reward; None if unknown."""

    row: int
    text: str
    paid: Paid | None


class Cases(NamedTuple):
    """Completions that code has to accept, those that it has to refuse, and those that it had better accept."""

    right: Sequence[Case]
    wrong: Sequence[Case]
    spellings: Sequence[Case]


class Replaced(NamedTuple):
    """What the code replaces: the function at this ``place``, or all of them if it is ``whole``."""

    place: int
    whole: bool


class Worth(NamedTuple):
    """What code pays for a right and for a wrong answer."""

    right: float
    wrong: float

    def paying(self, candidate: Candidate) -> str:
        """The expression that pays for a comparison; a share of tests is paid that share of the way up."""
        if candidate.is_share:
            width = self.right - self.wrong
            scaled = candidate.expression if width == 1 else f"{width:.6g} * {candidate.expression}"
            return f"{self.wrong} + {scaled}" if self.wrong else scaled
        if (self.right, self.wrong) == (1.0, 0.0):
            return f"float({candidate.expression})"
        return f"{self.right} if {candidate.expression} else {self.wrong}"


class Code(NamedTuple):
    """A function that was written: its source, its signature, what it replaces and pays, and if it runs programs."""

    source: str
    signature: Signature
    replaced: Replaced
    worth: Worth
    runs_programs: bool


@dataclass(frozen=True)
class Trials:
    """What code pays the completions of one audit, whose right answers are ``rights``, by row.

    ``has_time`` says whether one more program may be run.
    """

    seen: Observations
    rights: Mapping[int, Right]
    has_time: Callable[[], bool]
    _functions: dict[str, Callable[..., Any] | None] = field(default_factory=dict, init=False)
    """The function that each source defines; None if it is no Python: no parameter can have the name of a column."""
    _values: dict[tuple[str, int, str], float | None] = field(default_factory=dict, init=False)
    """What code pays, by its source, the row and the completion."""

    def closes(self, code: Code, cases: Cases) -> bool:
        """Whether this code accepts all right answers and refuses the wrong ones; no if there was no time to try."""
        most = PROGRAMS if code.runs_programs else None
        floors = [] if code.runs_programs else self._floors
        accepts, pays = partial(self.accepts, code), partial(self._pays, code)
        try:
            return all(map(accepts, cases.right[:most])) and not (
                any(map(accepts, cases.wrong[:most])) or any(map(pays, floors))
            )
        except TimeoutError:
            return False

    def accepts(self, code: Code, case: Case) -> bool:
        """Whether a completion is paid with this code in place, in a sum together with all other functions."""
        if code.replaced.whole:
            return self._pays(code, case)
        value = self._value(code, case)
        total = None if value is None else self._total(value, code.replaced.place, case)
        share = self._levels[case.row].share(total)
        return share is not None and share >= HALF

    def _pays(self, code: Code, case: Case) -> bool:
        """Whether this code alone pays a completion."""
        value, worth = self._value(code, case), code.worth
        return value is not None and value - worth.wrong >= HALF * (worth.right - worth.wrong)

    def _value(self, code: Code, case: Case) -> float | None:
        """What this code pays, called as the reward's framework calls it; None if it fails.

        Raises TimeoutError if no time is left to run a program.
        """
        key = (code.source, case.row, case.text)
        if key not in self._values:
            if code.runs_programs and not self.has_time():
                raise TimeoutError("no time is left to run programs")
            self._values[key] = self._called(code, case)
        return self._values[key]

    def _called(self, code: Code, case: Case) -> float | None:
        function, columns = self._function(code), self.rights[case.row].columns
        if function is None:
            return None
        try:
            return code.signature.pay(function, case.text, columns, is_chat=self.seen.rows[0].is_chat)
        except Exception:  # a comparison that does not fit these values
            return None

    def _function(self, code: Code) -> Callable[..., Any] | None:
        if code.source not in self._functions:
            space: dict[str, Any] = {}
            with suppress(SyntaxError):
                exec(code.source, space)  # our own code, about the columns of the data
            self._functions[code.source] = space.get(code.signature.name)
        return self._functions[code.source]

    def _total(self, value: float, place: int, case: Case) -> float | None:
        """The sum of all functions with the code in the place of one; None if the others' payments are unknown."""
        if case.paid is None or not case.paid.parts:
            return None
        values = [value if at == place else paid or 0.0 for at, paid in enumerate(case.paid.parts)]
        return sum(part.weight * paid for part, paid in zip(self.seen.target.parts, values, strict=True))

    @cached_property
    def _levels(self) -> dict[int, Level]:
        return {level.row: level for level in self.seen.levels}

    @cached_property
    def _floors(self) -> list[Case]:
        """The wrong answers that the scale of each row begins at."""
        levels = [self._levels[row] for row in self.rights]
        return [Case(level.row, level.floor_text, None) for level in levels if level.floor is not None]
