"""How often a reward refuses right answers that are written otherwise: a section of the report, and no finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from loopholes.stats import Estimate  # with SciPy, which the process of a reward has no use for

Place = Literal["within", "around"]
"""``within``: the answer is written otherwise, in the demanded form. ``around``: the form itself differs."""
LENIENT = 0.2
"""Rate of refusal up to which a reader takes what people write."""
STRICT = 0.5
"""Rate of refusal from which it does not."""
READERS: Mapping[str, str] = {
    "lenient": "takes right answers however they are written",
    "strict on form": "reads the answer in one form only, and there takes most ways of writing it",
    "exact": "takes few ways of writing the same answer, even in the right form",
    "balanced": "takes some ways of writing and refuses others",
    "unknown": "could not be asked",
}


@dataclass(frozen=True)
class Refusal:
    """One way of writing the same answer. ``rate`` is the share of ``n`` rows that refused it, ``example`` one."""

    name: str
    place: Place
    n: int
    rate: Estimate
    example: str = ""


@dataclass(frozen=True)
class Refusals:
    """False negatives: mean rates of refusal over rows, with an interval over rows, and each way by itself.

    ``rows`` is the number of rows that had any equivalent; ``ways`` holds every way that was tried.
    """

    within: Estimate
    around: Estimate
    rows: int
    ways: Sequence[Refusal] = ()

    @property
    def reader(self) -> str:
        """What kind of reader it is: a key of :data:`READERS`."""
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
        """The ways that most rows refuse, the most refused first, those within the form before others."""
        ways = [way for way in self.ways if (way.rate.value or 0.0) > STRICT]
        return sorted(ways, key=lambda way: (way.place == "around", -(way.rate.value or 0.0)))

    @property
    def sentence(self) -> str:
        """The section in one sentence."""
        if self.reader == "unknown":
            return "no equivalent answers could be asked"
        text = f"{self.reader} reader ({READERS[self.reader]}): it refuses {self.within} of right answers that are "
        text += f"written otherwise in the same form, {self.around} of those in another form, on {self.rows} rows"
        names = [way.name for way in self.refused if way.place == "within"][:6]
        return text + (f"; in the form it refuses {', '.join(names)}" if names else "")
