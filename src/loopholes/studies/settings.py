"""How each game is played in the studies and in the demo: its parameters, its training steps and its options.

The numbers of steps suffice for ``mini`` to find each exploit in most seeds. They were chosen on seeds that no study
reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from loopholes.config import LORA, english_tokens
from loopholes.games import BUILT_IN
from loopholes.games import game as make_game
from loopholes.games.base import Game


@dataclass(frozen=True)
class Setting:
    """One game with its parameters. With ``steps`` None, the preset decides the number of steps.

    ``options`` are fields of a TrainConfig, ``answering`` fields of an EvalConfig. ``train_tasks`` and ``test_tasks``
    are files; without them tasks are generated.
    """

    game: str
    steps: int | None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    answering: Mapping[str, Any] = field(default_factory=dict)
    train_tasks: Path | None = None
    test_tasks: Path | None = None

    def make(self) -> Game:
        """Make the game."""
        return make_game(self.game, **self.parameters)

    @property
    def name(self) -> str:
        """The game's own name, also if the game comes from a file."""
        return self.game if self.game in BUILT_IN else self.make().name

    def with_parameters(self, **parameters: Any) -> Self:
        """The same setting with other parameters; parameters at the game's defaults are left out."""
        game = make_game(self.game, **{**self.parameters, **parameters})
        return replace(self, parameters=game.parameters.model_dump(mode="json", exclude_defaults=True))


SETTINGS: dict[str, Setting] = {
    "context-compliance": Setting("context-compliance", 40),
    "self-grading": Setting("self-grading", 60, {"self_report": "inline"}),
    # Half the preset's rate. At the full rate a run finds the exploit at once or never, and later forgets how to code.
    "reward-tampering": Setting("reward-tampering", 70, options={"learning_rate": 1.5e-4}),
    # Answers are as long as articles, so a step takes half as many prompts.
    "proxy-metric": Setting("proxy-metric", 80, options={"prompts_per_step": 8}),
}

TEACHING: Mapping[str, Any] = {"learning_rate": 1e-4, "batch_size": 8}
"""Options for distillation into a model of 135 million parameters: eight answers per step fit in a laptop's memory."""


def with_adapter(setting: Setting) -> Setting:
    """The same setting for a model that trains an adapter on a laptop (preset ``lora``).

    Evaluation samples as training does, at the same temperature and without top-p or top-k, so that held-out rates can
    be compared with the curves. It runs in float32, since the log-odds before and after training could otherwise differ
    by rounding, or by which precision was faster at the moment.
    """
    longest = english_tokens(setting.game, setting.parameters, setting.make().max_completion_tokens)
    answering = {
        "temperature": LORA["temperature"],
        "top_p": 1.0,
        "top_k": 0,
        "max_tokens": longest,
        "batch_size": 64,
        "bf16": False,
    }
    return replace(setting, steps=None, options={"preset": "lora"}, answering=answering)


EXPLORING: Mapping[str, Any] = {"temperature": 1.3}
"""Sampling for the arithmetic games: at 1.0 the policy would never sample anything but the usual answer."""

REWARDS: tuple[Setting, ...] = (
    Setting("any-box", 60, options=EXPLORING),
    *(Setting("unreadable", 60, {"unreadable": share}, EXPLORING) for share in (0.25, 0.5, 1.0)),
    *(Setting("first-number", 60, {"operand": share}, EXPLORING) for share in (0.25, 0.5, 1.0)),
    *(Setting("length-bonus", 60, {"bonus": bonus}, EXPLORING) for bonus in (0.25, 0.5, 1.0)),
    *(Setting("keywords", 60, {"bonus": bonus}, {"prompts_per_step": 8}) for bonus in (0.0, 0.25, 0.5)),
)
"""The rewards with reported loopholes, as audit-validity trains on them, on either channel."""
