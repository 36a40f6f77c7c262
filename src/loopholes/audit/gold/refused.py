"""How often a reward refuses right answers that are written differently: a section of the report, not a finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from loopholes.stats import Estimate  # imports SciPy, which the reward's process does not need

Scope = Literal["within", "around"]
"""``within``: the answer is written differently in the demanded form. ``around``: the form itself differs."""
LENIENT = 0.2
"""A lenient reader refuses at most this share of the ways."""
STRICT = 0.5
"""An exact reader refuses at least this share of the ways."""
USUAL = ("spaces", "own line", "thousands separators", "lower case", "capitalized")
"""Ways within the form that any reader should accept: if most rows refuse one, the audit warns.

If only spaces around a bare answer are refused, which models hardly write, a note is enough. A field of a JSON object
is not among them, since a sound reader may insist on its exact text.
"""
NAMED = 6
"""Maximum number of refused ways that a sentence names."""
READERS: Mapping[str, str] = {
    "lenient": "accepts right answers however they are written",
    "lenient in its form": "accepts them however they are written in the right form, and no other form was tried",
    "strict on form": "reads the answer in one form only, and accepts most ways of writing it there",
    "exact": "accepts few ways of writing the same answer, even in the right form",
    "balanced": "accepts some ways of writing and refuses others",
    "unknown": "could not be tested",
}
HEADING = "right answers in other spellings"
NOT_ABOUT_GAMING = "this says nothing about whether wrong answers are paid"


@dataclass(frozen=True)
class Refusal:
    """One way of writing the same answer. ``rate`` is the share of ``n`` rows that refuse it, ``example`` a refusal."""

    name: str
    place: Scope
    n: int
    rate: Estimate
    example: str = ""


@dataclass(frozen=True)
class Refusals:
    """False negatives: mean rates of refusal with intervals over rows, and the rate of each way.

    ``rows`` is the number of rows with at least one equivalent. ``ways`` holds every way that was tried.
    """

    within: Estimate
    around: Estimate
    rows: int
    ways: Sequence[Refusal] = ()

    @property
    def reader(self) -> str:
        """The kind of reader: a key of :data:`READERS`."""
        within, around = self.within.value, self.around.value
        if within is None:
            return "unknown"
        if within >= STRICT:
            return "exact"
        if around is not None and around >= STRICT:
            return "strict on form"
        if max(within, around or 0.0) > LENIENT:
            return "balanced"
        return "lenient" if around is not None else "lenient in its form"

    @property
    def refused(self) -> list[Refusal]:
        """The ways within the form that most rows refuse: those that any reader should accept, then most refused."""
        ways = [way for way in self._within if (way.rate.value or 0.0) > STRICT]
        return sorted(ways, key=lambda way: (way.name not in USUAL, -(way.rate.value or 0.0)))

    @property
    def avoidable(self) -> list[Refusal]:
        """The ways that any reader should accept and that certainly most rows refuse."""
        return [way for way in self.refused if way.name in USUAL and way.n > 1 and (way.rate.low or 0.0) > STRICT]

    @property
    def spellings(self) -> str:
        """Which ways within the form most rows refuse, and of how many; the finding and the section both say it so."""
        names = [way.name for way in self.refused]
        if not names:
            return f"most rows refuse none of {len(self._within)} spellings in the right form"
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        counted = f"{len(names)} of {len(self._within)} spellings in the right form"
        return f"most rows refuse {counted}: {', '.join(names[:NAMED])}{more}"

    @property
    def lines(self) -> list[str]:
        """The section in short sentences, the last of which keeps it from being read as praise."""
        if self.reader == "unknown":
            return ["no other spelling of a right answer could be tried"]
        rows = f"{self.rows} row{'' if self.rows == 1 else 's'}"
        return [
            f"in the right form, {self.within} are refused, on average over {rows}",
            *([] if self.around.value is None else [f"in another form, {self.around} are refused"]),
            self.spellings,
            f"the reader is {self.reader}: it {READERS[self.reader]}",
            NOT_ABOUT_GAMING,
        ]

    @property
    def sentence(self) -> str:
        """The heading and the lines as one text without the last full stop."""
        return ". ".join(f"{line[:1].upper()}{line[1:]}" for line in (HEADING, *self.lines))

    @property
    def _within(self) -> list[Refusal]:
        return [way for way in self.ways if way.place == "within"]
