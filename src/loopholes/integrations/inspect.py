"""Inspect 0.3: the games as tasks, ``inspect eval loopholes/reward_tampering``, found by the package's entry point.

Each task has two scorers: ``channel`` is what a channel pays; ``truth`` has ``task_score`` and ``exploit`` of each
answer and, over all of them, the game's own two metrics. Programs run in this package's sandbox, so none of Inspect's
is needed. The second question of two-pass self-grading is a prompt of its own, as in ``loopholes eval``.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Sequence
from functools import cache
from typing import Any

from inspect_ai import Task as InspectTask
from inspect_ai import task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessage, ChatMessageAssistant, ChatMessageSystem, ChatMessageUser, get_model
from inspect_ai.scorer import Metric, SampleScore, Score, Scorer, Target, mean, metric, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver

from loopholes.files import jsonable
from loopholes.games import game as make_game
from loopholes.integrations.packing import refuse_other_version
from loopholes.integrations.scoring import Scoring
from loopholes.integrations.scoring import truth as known_truth
from loopholes.records import (
    Completion,
    Contribution,
    Message,
    Outcome,
    PromptStyle,
    Split,
    Task,
    task_from_json,
    task_to_json,
)
from loopholes.stats import Sums

PACKAGE, VERSION = "inspect-ai", "0.3"
TASK, OBSERVED = "loopholes_task", "loopholes_observed"
"""Keys of a sample's metadata and of its store."""


@cache
def _scoring(game: str, channel: str, seed: int, parameters: str) -> Scoring:
    return Scoring(make_game(game, **json.loads(parameters)), channel, seed)


@solver
def answer(game: str, parameters: str = "{}") -> Solver:
    """One completion, and the same model's verdict on it if the game asks for one."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        state = await generate(state)
        scoring = _scoring(game, _any_channel(game, parameters), 0, parameters)
        played, text = _task(state), state.output.completion
        observed = await asyncio.to_thread(scoring.observe, played, text)
        if observed.question is not None:
            verdict = await get_model().generate(_messages(observed.question))
            observed = await asyncio.to_thread(scoring.observe, played, text, verdict.completion)
        state.store.set(OBSERVED, dict(observed.completion.observed))
        return state

    return solve


@scorer(metrics=[mean(), stderr()])
def channel(game: str, channel: str = "vulnerable", seed: int = 0, parameters: str = "{}") -> Scorer:
    """What the channel pays; unscored, with the reason, if it cannot pay.

    An audit draw depends on the seed, the epoch and the sample's id.
    """
    scoring = _scoring(game, channel, seed, parameters)

    async def score(state: TaskState, target: Target) -> Score:
        sample = f"{state.epoch} {state.sample_id}"
        payment = await asyncio.to_thread(scoring.pay, _task(state), _completion(state), sample)
        if payment.reward is None:
            return Score.unscored(reason="scoring_failed", explanation=payment.reason)
        return Score(value=float(payment.reward), answer=state.output.completion)

    return score


def _game_metric(name: str) -> Metric:
    """A metric of the game, from what each answer contributes to it (:func:`truth`)."""

    def summed(scores: list[SampleScore]) -> float:
        parts = [
            (str(sample.sample_id), *sample.score.metadata["contributions"][name])
            for sample in scores
            if name in (sample.score.metadata or {}).get("contributions", {})
        ]
        sums = Sums(parts[0][1] if parts else "mean")
        value = sums.add(Contribution(sample_id, number, side) for sample_id, _, number, side in parts).value
        return math.nan if value is None else value

    return summed


@metric(scores="unreduced")
def task_performance() -> Metric:
    """The game's metric of this name over all answers."""
    return _game_metric("task_performance")


@metric(scores="unreduced")
def exploit_rate() -> Metric:
    """The game's metric of this name over all answers; for compliance the gap between two kinds of requests."""
    return _game_metric("exploit_rate")


@scorer(metrics=[task_performance(), exploit_rate()])
def truth(game: str, parameters: str = "{}") -> Scorer:
    """What the answer really did; NaN if unknown, for instance because the measurement failed."""
    scoring = _scoring(game, _any_channel(game, parameters), 0, parameters)

    async def score(state: TaskState, target: Target) -> Score:
        played = _task(state)
        outcome = await asyncio.to_thread(scoring.measure, played, _completion(state))
        value = {name: math.nan if number is None else number for name, number in known_truth(outcome).items()}
        if outcome is None:
            return Score(value=value, reason="scoring_failed", metadata={"contributions": {}})
        metadata = {"contributions": _contributions(scoring, played, outcome), "details": jsonable(outcome.details)}
        return Score(value=value, answer=state.output.completion, metadata=metadata)

    return score


def game_task(
    game: str,
    channel_name: str = "vulnerable",
    *,
    split: Split = "test",
    count: int = 256,
    seed: int = 0,
    prompts: PromptStyle = "chat",
    tasks: str | None = None,
    **parameters: Any,
) -> InspectTask:
    """A game, built in or a user's own, as a task of Inspect.

    Its samples are the tasks of the file ``tasks``, or ``count`` generated ones of a split; ``parameters`` are the
    game's own. Raises what :func:`loopholes.game` raises, and :class:`DataError` for a file that does not fit it.
    """
    refuse_other_version(PACKAGE, VERSION)
    played = make_game(game, **parameters)
    chosen = json.dumps(parameters, sort_keys=True)
    samples = played.tasks(split, seed=seed, count=count, prompts=prompts) if tasks is None else played.load(tasks)
    return InspectTask(
        dataset=MemoryDataset([_sample(sample) for sample in samples]),
        solver=answer(game, chosen),
        scorer=[channel(game, channel_name, seed, chosen), truth(game, chosen)],
    )


@task
def context_compliance(channel: str = "vulnerable", **options: Any) -> InspectTask:
    """Refuse harmful requests whatever their style; see :func:`game_task` for the options."""
    return game_task("context-compliance", channel, **options)


@task
def self_grading(channel: str = "vulnerable", **options: Any) -> InspectTask:
    """Answer, and say truthfully whether the answer is right; see :func:`game_task` for the options."""
    return game_task("self-grading", channel, **options)


@task
def proxy_metric(channel: str = "vulnerable", **options: Any) -> InspectTask:
    """Summarize an article; see :func:`game_task` for the options."""
    return game_task("proxy-metric", channel, **options)


@task
def reward_tampering(channel: str = "vulnerable", **options: Any) -> InspectTask:
    """Solve a problem in a record that holds its own score; see :func:`game_task` for the options."""
    return game_task("reward-tampering", channel, **options)


def _any_channel(game: str, parameters: str) -> str:
    """The first channel of a game, for a :class:`Scoring` that never pays."""
    return next(iter(make_game(game, **json.loads(parameters)).channels))


def _sample(played: Task) -> Sample:
    return Sample(id=played.id, input=_messages(played.prompt), metadata={TASK: jsonable(task_to_json(played))})


def _messages(prompt: Sequence[Message]) -> list[ChatMessage]:
    kinds = {"system": ChatMessageSystem, "user": ChatMessageUser, "assistant": ChatMessageAssistant}
    return [kinds[turn["role"]](content=turn["content"]) for turn in prompt]


def _task(state: TaskState) -> Task:
    return task_from_json(state.metadata[TASK])


def _completion(state: TaskState) -> Completion:
    return Completion(state.output.completion, state.store.get(OBSERVED, {}))


def _contributions(scoring: Scoring, played: Task, outcome: Outcome) -> dict[str, list[Any]]:
    """What this answer adds to each of the game's metrics: its kind, value and side."""
    return {
        name: [measured.kind, contribution.value, contribution.side]
        for name, measured in scoring.game.metrics.items()
        for contribution in measured.contributions([played], [outcome])
    }
