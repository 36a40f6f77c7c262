"""The actions and observations of a game of Loopholes."""

from typing import Any

from openenv.core.env_server.types import Action, Observation
from pydantic import Field


class GameAction(Action):
    """An answer, or the verdict on it if the game asked for one."""

    text: str = Field(..., description="The completion")


class GameObservation(Observation):
    """The next prompt. The last observation of an episode has the reward, and the truth as ``metadata``.

    ``metadata`` then holds ``task_score`` and ``exploit``, null if they do not exist for a single answer, and
    ``reason`` if there is no reward.
    """

    prompt: str = Field(default="", description="The messages as one text")
    messages: list[dict[str, Any]] = Field(default_factory=list, description="The messages, as role and content")
