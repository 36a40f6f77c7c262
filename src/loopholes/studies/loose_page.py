"""Loose runs of a game as a section of a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loopholes.games.base import Game
from loopholes.report.curves import CAPTION, WINDOW, learning_panels
from loopholes.report.elements import Cell, Chart, Curve, Role, Section, Table
from loopholes.report.numbers import percent, with_interval
from loopholes.stats import Estimate

ROLES: dict[str, Role] = {"base": "base", "vulnerable": "vulnerable", "secure": "secure"}
QUESTION = "What does a policy learn from a reward with this loophole, and would the task metric show it?"


@dataclass(frozen=True, slots=True)
class Arm:
    """One row of a game's table: ``base`` (untrained), ``vulnerable`` or ``secure``.

    ``estimates`` holds ``task_performance``, ``exploit_rate`` and whatever else the game measures on held-out tasks.
    ``curves`` holds one curve a seed. ``rollouts`` are rows as :meth:`loopholes.runs.Run.rollouts` gives them; a page
    shows a sample of them. ``first_appearance`` and ``domination`` are steps, None: not within the run.
    ``blind_spot`` is None where the question does not arise.
    """

    name: str
    estimates: Mapping[str, Estimate] = field(default_factory=dict)
    curves: Sequence[Curve] = ()
    rollouts: Sequence[Mapping[str, Any]] = ()
    first_appearance: int | None = None
    domination: int | None = None
    blind_spot: bool | None = None


@dataclass(frozen=True, slots=True)
class GameSection:
    """One game of a page. ``goal`` and ``loophole`` are one sentence each; ``command`` made these numbers."""

    name: str
    goal: str
    loophole: str
    arms: Sequence[Arm]
    command: str = ""

    @classmethod
    def of(cls, game: Game | type[Game], arms: Sequence[Arm], command: str = "") -> GameSection:
        """With the game's own words."""
        return cls(game.name, game.goal, game.loophole, arms, command)

    def arm(self, name: str) -> Arm | None:
        """The arm of this name, or None."""
        return next((arm for arm in self.arms if arm.name == name), None)


def game_section(section: GameSection) -> Section:
    """The three curves together, the held-out numbers of each arm, and what happened, in a sentence."""
    facts = {"Goal": section.goal, "Loophole": section.loophole}
    return Section(
        section.name,
        QUESTION,
        finding(section),
        charts=[_chart(section)] if any(arm.curves for arm in section.arms) else [],
        tables=[_table(section)] if section.arms else [],
        facts={term: words for term, words in facts.items() if words},
        command=section.command,
        rollouts={arm.name: arm.rollouts for arm in section.arms if arm.rollouts},
    )


def finding(section: GameSection) -> str:
    """What happened in this game, in a sentence."""
    base, trained = section.arm("base"), section.arm("vulnerable")
    if base is None or trained is None:
        return ""
    exploits, tasks = (_move(base, trained, metric) for metric in ("exploit_rate", "task_performance"))
    sentence = f"On the vulnerable reward, the exploit rate {exploits} and task performance {tasks}"
    closed = _of(section.arm("secure"), "exploit_rate")
    if closed is not None and closed.value is not None:
        sentence += f"; with the loophole closed, exploits ended at {with_interval(closed)}"
    unseen = " The task metric alone would not have shown it: the blind spot is open." if trained.blind_spot else ""
    return f"{sentence}.{unseen}"


def _move(before: Arm, after: Arm, metric: str) -> str:
    start, end = _of(before, metric), _of(after, metric)
    if end is None or end.value is None:
        return "is unknown"
    from_, to = percent(start.value if start else None), percent(end.value)
    return f"stayed at {with_interval(end)}" if from_ == to else f"went from {from_} to {with_interval(end)}"


def _of(arm: Arm | None, metric: str) -> Estimate | None:
    return None if arm is None else arm.estimates.get(metric)


def _chart(section: GameSection) -> Chart:
    trained = {arm.name: arm.curves for arm in section.arms if arm.curves}
    levels = {arm.name: arm.estimates for arm in section.arms if not arm.curves}
    marks = [
        (float(arm.first_appearance), f"{arm.name}: exploit appears at step {arm.first_appearance}")
        for arm in section.arms
        if arm.curves and arm.first_appearance is not None
    ]
    several = max(len(curves) for curves in trained.values()) > 1
    caption = CAPTION.format(window=WINDOW) + ("; bands are 95 % intervals over seeds." if several else ".")
    panels = learning_panels(trained, levels, ROLES, marks=marks)
    return Chart(f"{section.name}-curves", section.name, panels, caption)


def _table(section: GameSection) -> Table:
    metrics = _metrics(section)
    columns = ["arm", *(metric.replace("_", " ") for metric in metrics), "exploit appears", "dominates", "blind spot"]
    rows = [[arm.name, *(arm.estimates.get(m) for m in metrics), *_milestones(arm)] for arm in section.arms]
    return Table(f"{section.name}-arms", "On held-out tasks", columns, rows, f"Intervals: 95 %{_counted(section)}.")


def _metrics(section: GameSection) -> list[str]:
    names = dict.fromkeys(["task_performance", "exploit_rate"])
    for arm in section.arms:
        names.update(dict.fromkeys(arm.estimates))
    return [name for name in names if any(name in arm.estimates for arm in section.arms)]


def _milestones(arm: Arm) -> Sequence[Cell]:
    steps = [arm.first_appearance, arm.domination]
    return [*(_step(step) if arm.curves else None for step in steps), arm.blind_spot]


def _step(step: int | None) -> str:
    return "never" if step is None else f"step {step}"


def _counted(section: GameSection) -> str:
    """How much evidence the best measured arm rests on."""
    found = max((e for arm in section.arms for e in arm.estimates.values()), key=lambda e: e.n, default=None)
    if found is None or not found.n:
        return ""
    return f", from up to {found.n:,} tasks over {found.seeds} seed{'' if found.seeds == 1 else 's'} an arm"
