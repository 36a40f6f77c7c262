"""The client of a game of Loopholes that is served by OpenEnv."""

from typing import Any

from openenv.core import EnvClient
from openenv.core.client_types import StepResult
from openenv.core.env_server.types import State

from loopholes.integrations.exported.openenv_models import GameAction, GameObservation


class GameEnv(EnvClient[GameAction, GameObservation, State]):
    """One episode is one task: ``reset(seed=..., split=...)``, then ``step(GameAction(text=...))`` until it is done."""

    def _step_payload(self, action: GameAction) -> dict[str, Any]:
        return {"text": action.text}

    def _parse_result(self, payload: dict[str, Any]) -> StepResult[GameObservation]:
        seen = payload.get("observation", {})
        reward, done = payload.get("reward"), payload.get("done", False)
        metadata = payload.get("metadata") or seen.get("metadata") or {}
        observation = GameObservation(
            prompt=seen.get("prompt", ""),
            messages=seen.get("messages", []),
            done=done,
            reward=reward,
            metadata=metadata,
        )
        return StepResult(observation=observation, reward=reward, done=done, metadata=metadata)

    def _parse_state(self, payload: dict[str, Any]) -> State:
        return State(episode_id=payload.get("episode_id"), step_count=payload.get("step_count", 0))
