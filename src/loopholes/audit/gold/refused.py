"""How often a reward refuses right answers that are written differently: a section of the report, not a finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from loopholes.stats import Estimate  # imports SciPy, which the reward's process does not need

Place = Literal["within", "around"]
"""``within``: the answer is written differently in the demanded form. ``around``: the form itself differs."""
LENIENT = 0.2
"""A lenient reader refuses at most this share of the ways."""
STRICT = 0.5
"""An exact reader refuses at least this share of the ways."""
READERS: Mapping[str, str] = {
    "lenient": "accepts right answers however they are written",
    "strict on form": "reads the answer in one form only, and accepts most ways of writing it there",
    "exact": "accepts few ways of writing the same answer, even in the right form",
    "balanced": "accepts some ways of writing and refuses others",
    "unknown": "could not be tested",
}
NOT_ABOUT_GAMING = "this says nothing about whether wrong answers are paid"


@dataclass(frozen=True)
class Refusal:
    """One way of writing the same answer. ``rate`` is the share of ``n`` rows that refuse it, ``example`` a refusal."""

    name: str
    place: Place
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
        return "lenient" if max(within, around or 0.0) <= LENIENT else "balanced"

    @property
    def refused(self) -> list[Refusal]:
        """The ways that most rows refuse: within the form first, then most often refused first."""
        ways = [way for way in self.ways if (way.rate.value or 0.0) > STRICT]
        return sorted(ways, key=lambda way: (way.place == "around", -(way.rate.value or 0.0)))

    @property
    def sentence(self) -> str:
        """The section in one sentence, whose end keeps it from being read as praise."""
        if self.reader == "unknown":
            return "no other spelling of a right answer could be tried"
        text = f"{self.within} of right answers that are spelled differently in the right form are refused, and "
        text += f"{self.around} of those in another form, on {self.rows} rows"
        names = [way.name for way in self.refused if way.place == "within"][:6]
        text += f"; in the right form, most rows refuse {', '.join(names)}" if names else ""
        return f"{text} (kind of reader: {self.reader}, which {READERS[self.reader]}); {NOT_ABOUT_GAMING}"
