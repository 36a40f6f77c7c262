"""A game of Loopholes as a verifiers taskset: ``@reward`` is the channel, ``@metric`` is the truth.

The metric is measured separately: if that fails it is left out, and the reward does not change. The game, its settings
and its tasks are in the folder ``game`` beside this file.
"""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import verifiers.v1 as vf

from loopholes.errors import ScoringError
from loopholes.integrations.packing import open_package, refuse_other_version
from loopholes.integrations.scoring import Scoring, truth
from loopholes.records import Completion, task_from_json

refuse_other_version("verifiers", "0.4")
PACKAGE = open_package(Path(__file__).parent / "game")
SCORING = Scoring(PACKAGE.game, PACKAGE.channel, PACKAGE.seed)


class GameData(vf.TaskData):
    """One task; ``game_task`` is all of it as JSON, of which a policy sees only the prompt."""

    game_task: dict[str, Any]


class GameState(vf.State):
    """The game's observations of the answer, stored so that a judge is asked once."""

    observed: dict[str, Any] | None = None


class GameTask(vf.Task[GameData, GameState]):
    """Pays and measures one rollout: its first reply is the answer, its second the verdict if the game asks for one.

    A rollout without any reply, such as the untouched one that ``vf-validate`` scores, is no answer: it earns 0 and has
    no metrics. An answer that cannot be paid, as without a judge's verdict, raises, which makes an errored rollout
    without a reward. An audit draw depends on the seed of the export and on the trace's id, so that a trace can be
    scored again.
    """

    @vf.reward(weight=1.0)
    async def reward(self, trace: vf.Trace) -> float:
        """What the channel pays."""
        if not trace.assistant_messages:
            return 0.0
        observed = await asyncio.to_thread(self.observe, trace)
        return await asyncio.to_thread(SCORING.reward, self.task, observed, trace.id)

    @vf.metric
    async def measured(self, trace: vf.Trace) -> dict[str, float]:
        """``task_score`` and ``exploit``, if they exist for a single answer."""
        if not trace.assistant_messages:
            return {}
        observed = await asyncio.to_thread(self.observe, trace)
        outcome = await asyncio.to_thread(SCORING.measure, self.task, observed)
        return {name: value for name, value in truth(outcome).items() if value is not None}

    async def validate(self, runtime: Any) -> bool | None:
        """Whether the game's honest demonstration on this task reaches its goal and can be paid.

        None, for unchecked, on a task from a file for which no demonstration reaches the goal: scripts solve generated
        tasks, and only some of others.
        """
        honest = PACKAGE.game.demonstrate("honest", self.task)
        outcome = await asyncio.to_thread(SCORING.measure, self.task, honest)
        payment = await asyncio.to_thread(SCORING.pay, self.task, honest, "validate")
        solved = payment.reward is not None and outcome is not None and outcome.task_score == 1.0
        return solved or (None if PACKAGE.files else False)

    @property
    def task(self) -> Any:
        """The game's task."""
        return task_from_json(self.data.game_task)

    def observe(self, trace: vf.Trace) -> Completion:
        """The rollout as a completion of the game."""
        replies = [message.content or "" for message in trace.assistant_messages]
        if trace.state.observed is None:
            observed, question = SCORING.observe(self.task, replies[0])
            if question is not None and len(replies) < 2:
                raise ScoringError("the second question was not answered, so there is no claim to pay")
            if question is not None:
                observed, _ = SCORING.observe(self.task, replies[0], replies[1])
            trace.state.observed = dict(observed.observed)
        return Completion(replies[0], trace.state.observed)


class GameConfig(vf.TasksetConfig):
    """``split`` is ``train`` or ``test``, which share no task."""

    split: Literal["train", "test"] = "train"


class GameTaskset(vf.Taskset[GameTask, GameConfig]):
    """The tasks of one split."""

    def load(self) -> Iterable[GameTask]:
        """One verifiers task per task of the game, with a leading system message as ``system_prompt``."""
        for task in PACKAGE.tasks[self.config.split]:
            turns = [dict(turn) for turn in task.prompt]
            system = turns.pop(0)["content"] if turns[0]["role"] == "system" else None
            prompt: Any = turns[0]["content"] if [turn["role"] for turn in turns] == ["user"] else turns
            game_task = {"id": task.id, "prompt": list(task.prompt), "truth": task.truth, "info": task.info}
            yield GameTask(GameData(id=task.id, prompt=prompt, system_prompt=system, game_task=game_task))


class GameEnvConfig(vf.EnvConfig):
    """One agent, which chats and has no tools, so that a process on this machine is enough for it."""

    agent: vf.AgentConfig = vf.AgentConfig(harness={"id": "null"}, runtime={"type": "subprocess"})


class GameEnv(vf.Env[GameEnvConfig]):
    """One turn per task, and a second one if the game asks its policy about the answer."""

    async def run(self, task: GameTask, agents: vf.Agents) -> None:
        """Play one task."""
        async with agents.agent.interaction(task) as interaction:
            answer = await interaction.turn()
            if answer.terminated:
                return
            text = interaction.trace.assistant_messages[0].content or ""
            question = (await asyncio.to_thread(SCORING.observe, task.task, text)).question
            if question is not None:
                await interaction.turn(question[-1]["content"])
