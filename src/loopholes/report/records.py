"""What a page is made of. Every number comes in ready; a page only shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from loopholes.stats import Estimate

if TYPE_CHECKING:
    from loopholes.games.base import Game

Quantity = Literal["reward", "task_performance", "exploit_rate"]


@dataclass(frozen=True, slots=True)
class Curve:
    """One training run. All sequences have one entry a logged step; None: not measured at that step.

    ``task_performance`` and ``exploit_rate`` are shares in [0, 1], ``reward`` is in the game's own units.
    """

    steps: Sequence[int]
    reward: Sequence[float | None]
    task_performance: Sequence[float | None]
    exploit_rate: Sequence[float | None]

    @classmethod
    def of(cls, metrics: Sequence[Mapping[str, Any]]) -> Curve:
        """From :meth:`loopholes.runs.Run.metrics`, whose lines may lack any of the three."""

        def column(name: str) -> list[float | None]:
            return [line.get(name) for line in metrics]

        steps = [int(line["step"]) for line in metrics]
        return cls(steps, column("reward"), column("task_performance"), column("exploit_rate"))


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
