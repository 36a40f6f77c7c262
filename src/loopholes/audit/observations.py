"""Everything that was asked of one reward, before anything is concluded from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from loopholes.audit.advantage import Drawn
from loopholes.audit.baselines import Idle
from loopholes.audit.checks import Answers
from loopholes.audit.frameworks.base import Paid, Row
from loopholes.audit.gold.equivalents import Equivalent
from loopholes.audit.gold.near import Miss
from loopholes.audit.panel import Tried
from loopholes.audit.results import Evidence, Gap, Scoring, Target
from loopholes.audit.scale import Level
from loopholes.audit.search import Climbed


@dataclass(frozen=True)
class Usage:
    """What the asking took. ``calls`` of the reward, their median in seconds, and the seconds of those asked ``alone``.

    ``seconds`` is the time of the whole audit, ``deaths`` how often the reward's process had to be ended.
    """

    calls: int
    seconds: float
    seconds_a_call: float
    alone: Sequence[float] = ()
    deaths: int = 0


@dataclass(frozen=True)
class Observations:
    """The payments of one audit, in the order in which they were asked for.

    ``golden`` are the payments of right answers, row by row as in ``levels``. ``tried`` and ``gaps`` are the panel's,
    one gap per attack; ``missing`` the families of which nothing was tried. ``priors``: what each common answer is paid
    as the answer to every row that has a scale. ``rounds``: right answers of a noisy reward, again and again.
    ``skipped`` says what was left out, ``notes`` how the framework's handling is modelled. ``idle`` is what texts that
    answer nothing are paid, ``share_tried`` the share of the panel that was tried on enough rows.
    ``own`` are the names of the user's attacks, which are among those tried.
    ``near`` are near misses of the right answer by their names, ``equivalents`` right answers written otherwise,
    ``drawn`` what attacks on a random reward are paid in many scorings.
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
    priors: Mapping[str, Sequence[Paid]]
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
    near: Mapping[str, Sequence[Miss]] = field(default_factory=dict)
    equivalents: Sequence[Equivalent] = ()
    own: Sequence[str] = ()
    drawn: Drawn = field(default_factory=dict)

    @property
    def measurable(self) -> list[Level]:
        """The rows on which right answers are paid more than wrong ones."""
        return [level for level in self.levels if level.width is not None]

    def evidence(self, level: Level, text: str, paid: Paid, row: Row | None = None) -> Evidence:
        """One row, or another ``row`` in its place, a completion, what it was paid, and what stood beside it."""
        row = row or self.rows[level.row]
        company = tuple(self.companions[level.row]) if self.companions is not None else ()
        return Evidence(
            row.number, row.prompt, row.columns, text, paid.value, paid.problem, level.golden, level.floor, company
        )
