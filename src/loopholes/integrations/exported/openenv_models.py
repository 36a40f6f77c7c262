"""What a policy sends to a game of Loopholes and sees of it."""

from typing import Any

from openenv.core.env_server.types import Action, Observation
from pydantic import Field


class GameAction(Action):
    """An answer, or the verdict where the game asked about one."""

    text: str = Field(..., description="The completion")


class GameObservation(Observation):
    """What to answer next. The last observation of an episode has the reward, and the truth as ``metadata``.

    ``metadata`` then holds ``task_score`` and ``exploit``, null where they do not exist for a single answer, and
    ``reason`` where there is no reward.
    """

    prompt: str = Field(default="", description="The messages as one text")
    messages: list[dict[str, Any]] = Field(default_factory=list, description="The messages, as role and content")
