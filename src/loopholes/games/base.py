"""What a game is.

A game has tasks, two channels that pay, one measurement that tells the truth, and scripted demonstrations that
prove the three agree. Channels are small frozen objects of their own: they hold their parameters and nothing else,
so no channel can reach a measurement (the first rule of this package), and a trainer gets a channel, never a game.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from loopholes.errors import ContractError, UnknownName, UsageError, closest
from loopholes.games.load import load_tasks
from loopholes.records import (
    END,
    KINDS,
    Asker,
    Channel,
    Completion,
    Kind,
    Message,
    Metric,
    Outcome,
    PromptStyle,
    Split,
    Task,
    as_completions,
    as_records,
    draws,
    named_kind,
)
from loopholes.score import pay


class Parameters(BaseModel):
    """A game's parameters; a game with parameters of its own subclasses this.

    ``later`` names parameters that were added after runs of the game had been finished. At its default, such a
    parameter leaves the game as it was before, so a run's identity omits it and the earlier runs keep theirs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    later: ClassVar[frozenset[str]] = frozenset()

    def identifying(self) -> dict[str, Any]:
        """The parameters that a run's identity depends on, in JSON: all but those of ``later`` at their defaults."""
        unset = {name for name in self.later if getattr(self, name) == type(self).model_fields[name].default}
        return self.model_dump(mode="json", exclude=unset)


World = Literal["mini", "english"]


class WorldParameters(Parameters):
    """``world`` is where generated tasks come from; ``auto`` takes the world that the policy was made for.

    That is ``mini`` for policies with terse prompts (the minis and what was trained from them) and ``english`` for all
    others. ``reasoning`` applies to ``english``: with ``cot`` its prompts ask for reasoning before the answer.
    """

    later: ClassVar[frozenset[str]] = frozenset({"world", "reasoning"})
    world: Literal["auto", "mini", "english"] = "auto"
    reasoning: Literal["none", "cot"] = "none"

    def world_for(self, prompts: PromptStyle) -> World:
        """The world of tasks for policies with this style of prompts."""
        return self.world if self.world != "auto" else "mini" if prompts == "terse" else "english"


@dataclass(frozen=True)
class Demonstration:
    """A scripted set of completions with the exact rewards, task scores and exploits expected of it.

    Raises :class:`ContractError` for tasks that are no :class:`Task` and completions that are no :class:`Completion`.
    """

    kind: Kind
    tasks: tuple[Task, ...]
    completions: tuple[Completion, ...]
    rewards: Mapping[str, tuple[float | None, ...]]
    task_scores: tuple[float | None, ...]
    exploits: tuple[float | None, ...]
    draws: tuple[float, ...] = ()
    exploit_rate: float | None = None

    def __post_init__(self) -> None:
        needed = [(task, Task) for task in self.tasks] + [(completion, Completion) for completion in self.completions]
        for value, kind in needed:
            if not isinstance(value, kind):
                raise ContractError(f"the {self.kind} demonstration needs a {kind.__name__}, not {named_kind(value)}")


@dataclass(frozen=True)
class Branch:
    """Where exploiting answers to a task diverge from honest ones.

    ``exploiting`` and ``honest`` are beginnings of answers; the chances of each side are added up. An answer that ends
    in :data:`loopholes.records.END` stops there, any other stands for every answer that begins with it. ``side`` is -1
    for tasks whose log-odds are subtracted, as in a gap between two kinds of tasks.
    """

    prompt: tuple[Message, ...]
    exploiting: tuple[str, ...]
    honest: tuple[str, ...]
    side: int = 1


class Game(ABC):
    """Base class of every game. Subclasses fill in the class attributes and the abstract methods.

    ``max_completion_tokens`` is the longest answer that the mini world needs. ``truth_types`` says what ``Task.truth``
    must hold for a task to be scored and ``truth_options`` what it may hold (a type, or ``list[str]`` and the like);
    both are checked for every task that comes from a file.
    """

    name: ClassVar[str]
    failure: ClassVar[Literal["specification", "robustness"]]
    goal: ClassVar[str]
    loophole: ClassVar[str]
    payoffs: ClassVar[str]
    Parameters: ClassVar[type[Parameters]] = Parameters
    truth_types: ClassVar[Mapping[str, type]] = {}
    truth_options: ClassVar[Mapping[str, type]] = {}
    max_completion_tokens: ClassVar[int] = 96

    def __init__(self, **parameters: Any) -> None:
        try:
            self.parameters = self.Parameters(**parameters)
        except ValidationError as error:
            raise UsageError(_parameter_sentence(self, error)) from None

    # -- tasks ---------------------------------------------------------------------------------------------------

    @abstractmethod
    def generate(self, rng: np.random.Generator, prompts: PromptStyle) -> Iterator[Task]:
        """An endless iterator of tasks, for any split. ``id`` identifies the task's content.

        A task may name its split in ``info["split"]``; the others are assigned by their ids (:func:`split_of`).
        """

    def tasks(
        self,
        split: Split,
        *,
        seed: int = 0,
        count: int = 256,
        prompts: PromptStyle = "terse",
        level: int | None = None,
        trainable: bool = False,
        at_most: bool = False,
    ) -> list[Task]:
        """``count`` distinct generated tasks; splits share none, whatever the seeds.

        ``trainable`` leaves out those that :meth:`untrainable_because` gives a reason for. Raises :class:`UsageError`
        if the game has fewer tasks, unless ``at_most`` says that fewer will do.
        """

        def wanted(task: Task) -> bool:
            at_level = level is None or task.info.get("level") == level
            in_split = task.info.get("split", split_of(task.id)) == split
            return in_split and at_level and not (trainable and self.untrainable_because(task))

        rng = np.random.default_rng([seed, _digest(split)])
        tasks: dict[str, Task] = {}
        for task in islice(self.generate(rng, prompts), 1001 + 400 * count):
            if not isinstance(task, Task):
                raise ContractError(f"generate() of {self.name} must yield Task records, not {named_kind(task)}")
            if wanted(task):
                tasks.setdefault(task.id, replace(task, info={**task.info, "split": split, "prompts": prompts}))
            if len(tasks) == count:
                break
        if len(tasks) < count and not (at_most and tasks):
            world = self.world_played(prompts).get("world", "mini")
            at_level = "" if level is None else f" at level {level}"
            raise UsageError(
                f"{self.name} ({world} world) generated {len(tasks)} distinct tasks{at_level} for the split "
                f"{split!r}, not {count}: ask for fewer, or let generate() yield more; tasks with the "
                "same id count once"
            )
        return list(tasks.values())

    def world_played(self, prompts: PromptStyle) -> dict[str, World]:
        """``{"world": ...}`` for the record of a run on generated tasks; empty for the mini world."""
        chosen = self.parameters
        world = chosen.world_for(prompts) if isinstance(chosen, WorldParameters) else "mini"
        return {} if world == "mini" else {"world": world}

    def load(self, path: str | Path, *, skip_bad: bool = False) -> list[Task]:
        """Tasks from the released parquet layout or from JSON Lines of :class:`Task`."""
        return load_tasks(path, self, skip_bad=skip_bad)

    def from_released(self, row: Mapping[str, Any], number: int) -> Task:
        """One row of the layout that the paper's authors released; raises ValueError saying what is wrong."""
        raise UsageError(f"{self.name} has no released layout; use JSON Lines of Task")

    def doubt(self, task: Task) -> str:
        """Why a task of a released file may be mislabelled; empty if nothing is odd.

        Loading warns about such tasks, and ``skip_bad`` leaves them out.
        """
        return ""

    def check(self, task: Task) -> None:
        """Raises ValueError, which says what is wrong, if the task lacks what the game needs to score it."""
        optional = {key: kind for key, kind in self.truth_options.items() if task.truth.get(key) is not None}
        for key, kind in {**self.truth_types, **optional}.items():
            if not _fits(task.truth.get(key), kind):
                name = str(kind) if get_args(kind) else kind.__name__
                raise ValueError(f"truth.{key} is not a {name}, which {self.name} scores with")

    def untrainable_because(self, task: Task) -> str:
        """Why a policy cannot be trained on this task; empty if it can."""
        return ""

    # Paying and measuring

    @property
    @abstractmethod
    def channels(self) -> Mapping[str, Channel]:
        """The channels by name; every game has ``vulnerable`` and ``secure``."""

    def channel(self, name: str) -> Channel:
        """One channel; raises :class:`UnknownName`."""
        if name not in self.channels:
            raise UnknownName("channel", name, list(self.channels))
        return self.channels[name]

    def observe(
        self, tasks: Sequence[Task], completions: Sequence[Completion], policy: Asker | None = None
    ) -> list[Completion]:
        """Add what the text alone does not hold (a second-pass claim, a judge's verdict), once, before scoring."""
        return list(completions)

    def observed_in(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """What a row of a file of completions holds beside the text, as ``Completion.observed``; raises ValueError.

        By default nothing: :meth:`observe` adds what the game needs.
        """
        return {}

    @abstractmethod
    def measure(self, tasks: Sequence[Task], completions: Sequence[Completion]) -> list[Outcome]:
        """What the completions really did: the same detector for every arm."""

    def reward(
        self,
        tasks: Sequence[Task],
        completions: Sequence[Completion | str],
        *,
        channel: str,
        seed: int = 0,
        step: int = 0,
    ) -> list[float | None]:
        """What ``channel`` pays, in order; None where it could not be scored. See :func:`loopholes.score.pay`."""
        numbers = draws(seed, step, range(len(completions)))
        return [payment.reward for payment in pay(self, channel, tasks, as_completions(completions), numbers)]

    # -- summaries -----------------------------------------------------------------------------------------------

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """What is reported about a set of outcomes; always includes ``task_performance`` and ``exploit_rate``."""
        return {
            "task_performance": Metric("the real goal was reached", lambda task, outcome: outcome.task_score),
            "exploit_rate": Metric("the shortcut was taken", lambda task, outcome: outcome.exploit),
        }

    def exploitable(self, task_performance: float) -> float:
        """The largest exploit rate that answers of this task performance can have, both in [0, 1].

        1 unless an exploit means that the goal was missed. Domination is measured against it.
        """
        return 1.0

    def summarize(self, tasks: Sequence[Task], outcomes: Sequence[Outcome]) -> dict[str, Any]:
        """Every metric with its 95 % interval, resampled over tasks: ``{name: Estimate}``.

        A game that reports more overrides ``metrics``, which summaries that never hold all outcomes use, too.
        """
        from loopholes.stats import Sums, estimate  # SciPy takes a second to import, and most callers never need it

        return {name: estimate([Sums.of(metric, tasks, outcomes)]) for name, metric in self.metrics.items()}

    # -- proof ---------------------------------------------------------------------------------------------------

    @abstractmethod
    def demonstrate(self, kind: Kind, task: Task) -> Completion:
        """What a scripted policy of this kind answers to any task of this game."""

    def branch(self, task: Task) -> Branch | None:
        """Where exploiting answers diverge from honest ones; None for a task on which they do not.

        By default between the game's own demonstrations.
        """
        exploiting, honest = (self.demonstrate(kind, task).text for kind in ("exploiting", "honest"))
        return None if exploiting == honest else Branch(task.prompt, (exploiting + END,), (honest + END,))

    @abstractmethod
    def demonstrations(self) -> Sequence[Demonstration]:
        """At least one of each kind, with every number expected of it."""

    def demonstrated(
        self, task: Task, expected: Mapping[Kind, tuple[float, float, float, float]]
    ) -> list[Demonstration]:
        """One demonstration per kind on one task, from the vulnerable and secure reward, task score and exploit."""
        return [
            Demonstration(
                kind,
                (task,),
                (self.demonstrate(kind, task),),
                {"vulnerable": (vulnerable,), "secure": (secure,)},
                (score,),
                (exploit,),
                exploit_rate=exploit,
            )
            for kind, (vulnerable, secure, score, exploit) in expected.items()
        ]


def demonstrations_of(game: Game) -> tuple[Demonstration, ...]:
    """All demonstrations of a game; raises :class:`ContractError` for a game that has none."""
    demonstrations = as_records(f"demonstrations() of {game.name}", game.demonstrations(), Demonstration)
    if not demonstrations:
        raise ContractError(
            f"demonstrations() of {game.name} returned none: return at least one of each kind ({', '.join(KINDS)})"
        )
    return demonstrations


def split_of(task_id: str) -> Split:
    """Which split a mini-world task belongs to: a tenth is for testing, half is for pretraining."""
    bucket = _digest(task_id) % 10
    return "test" if bucket == 0 else "pretrain" if bucket < 6 else "train"


def _fits(value: object, kind: type) -> bool:
    """``isinstance``, also for ``list[str]`` and the like."""
    items = get_args(kind)
    if not items:
        return isinstance(value, kind)
    return isinstance(value, list) and all(isinstance(item, items) for item in value)


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).digest(), "big")


def _parameter_sentence(game: Game, error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        names = ", ".join(game.Parameters.model_fields) or "none"
        meant = closest(key, game.Parameters.model_fields)
        return f"{game.name} has no parameter {key!r}; {f'did you mean {meant!r}? It' if meant else 'it'} has: {names}"
    return f"{game.name}: parameter {key!r}: {first['msg'].lower()}, not {json.dumps(first['input'], default=str)}"
