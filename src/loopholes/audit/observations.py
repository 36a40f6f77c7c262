"""Everything that was observed about one reward, before anything is concluded from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from loopholes.audit.advantage import Drawn
from loopholes.audit.baselines import Idle
from loopholes.audit.checks import Answers
from loopholes.audit.frameworks.base import Paid, Row
from loopholes.audit.gold.equivalents import Equivalent
from loopholes.audit.gold.near import Miss
from loopholes.audit.inferred import Alone
from loopholes.audit.overlap import Overlap
from loopholes.audit.panel import Tried
from loopholes.audit.results import Evidence, Gap, Scoring, Target
from loopholes.audit.scale import Level, Prior
from loopholes.audit.search import Climbed


@dataclass(frozen=True)
class Usage:
    """The cost of an audit: ``calls`` of the reward, their median time, and the times of single calls (``alone``).

    ``seconds`` is the time of the whole audit, ``deaths`` how often the reward's process ended or was killed.
    """

    calls: int
    seconds: float
    seconds_a_call: float
    alone: Sequence[float] = ()
    deaths: int = 0


@dataclass(frozen=True)
class Observations:
    """The payments of one audit.

    - ``golden``: payments of right answers, in the order of ``levels``.
    - ``tried``, ``gaps``: the panel's attacks and their gaps, in the same order; ``missing``: families never tried.
    - ``own``: names of the user's attacks, which are among those tried.
    - ``share_tried``: the share of the panel that was tried on enough rows; ``share_near``: that of the kinds of near
      misses that apply which were tried.
    - ``priors``: each common answer, as the answer to every row.
    - ``rounds``: repeated payments of right answers by a noisy reward.
    - ``idle``: payments of texts that answer nothing.
    - ``near``: near misses of the right answer, by name; ``further``: those on further rows, of near misses that only
      some rows pay; ``equivalents``: right answers written differently.
    - ``reordered``: lists in reverse order, which may be right as well.
    - ``alone``: first elements of lists that are paid like the whole lists; None if there are none.
    - ``assumed``: the column that right answers were assumed from; empty if the data has its own.
    - ``drawn``: payments of attacks on a random reward in many scorings.
    - ``skipped``: what was left out, in sentences; ``notes``: how the framework's behaviour is modelled.
    """

    target: Target
    rows: Sequence[Row]
    rows_given: int
    scoring: Scoring
    levels: Sequence[Level]
    golden: Sequence[Paid]
    answers: Answers
    tried: Sequence[Tried]
    gaps: Sequence[Gap]
    missing: Sequence[str]
    climbed: Climbed | None
    priors: Mapping[str, Prior]
    rounds: Sequence[Sequence[Paid]]
    skipped: Sequence[str]
    usage: Usage
    companions: Sequence[Sequence[str]] | None = None
    component: bool = False
    mutates: bool = False
    has_truth: bool = False
    notes: Sequence[str] = field(default=())
    idle: Idle = field(default_factory=Idle)
    share_tried: float = 1.0
    share_near: float = 1.0
    near: Mapping[str, Sequence[Miss]] = field(default_factory=dict)
    further: Mapping[str, Sequence[Miss]] = field(default_factory=dict)
    equivalents: Sequence[Equivalent] = ()
    reordered: Sequence[Equivalent] = ()
    own: Sequence[str] = ()
    drawn: Drawn = field(default_factory=dict)
    alone: Alone | None = None
    assumed: str = ""

    @property
    def measurable(self) -> list[Level]:
        """The rows on which right answers are paid more than wrong ones."""
        return [level for level in self.levels if level.width is not None]

    @cached_property
    def overlap(self) -> Overlap:
        """What an F1 score of several right elements explains."""
        return Overlap.of(self.levels, self.rows)

    def evidence(self, level: Level, text: str, paid: Paid, row: Row | None = None) -> Evidence:
        """Evidence: a row (or ``row`` in its place), a completion, its payment, and the rest of its group."""
        row = row or self.rows[level.row]
        company = tuple(self.companions[level.row]) if self.companions is not None else ()
        return Evidence(
            row.number, row.prompt, row.columns, text, paid.value, paid.problem, level.golden, level.floor, company
        )
