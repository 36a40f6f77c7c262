"""How each game is played in the studies and in the demo: its parameters, and how long and how a policy is trained.

The steps are enough for each exploit to have been found in most seeds of ``mini``, chosen on seeds that no study
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
    """One game with its parameters. ``steps`` is None for the preset's.

    ``options`` are fields of a TrainConfig, ``answering`` those of an EvalConfig. ``train_tasks`` and ``test_tasks``
    are files; without them generated tasks are played.
    """

    game: str
    steps: int | None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    answering: Mapping[str, Any] = field(default_factory=dict)
    train_tasks: Path | None = None
    test_tasks: Path | None = None

    def make(self) -> Game:
        """The game itself."""
        return make_game(self.game, **self.parameters)

    @property
    def name(self) -> str:
        """The game's own name, also of one that comes from a file."""
        return self.game if self.game in BUILT_IN else self.make().name

    def with_parameters(self, **parameters: Any) -> Self:
        """The same with other parameters; those that are the game's defaults are not written down."""
        made = make_game(self.game, **{**self.parameters, **parameters})
        return replace(self, parameters=made.parameters.model_dump(mode="json", exclude_defaults=True))


SETTINGS: dict[str, Setting] = {
    "context-compliance": Setting("context-compliance", 40),
    "self-grading": Setting("self-grading", 60, {"self_report": "inline"}),
    # Half the preset's rate: with all of it a run finds the exploit at once or not at all, and forgets to code later.
    "reward-tampering": Setting("reward-tampering", 70, options={"learning_rate": 1.5e-4}),
    # Answers as long as articles: half as many prompts a step.
    "proxy-metric": Setting("proxy-metric", 80, options={"prompts_per_step": 8}),
}

TEACHING: Mapping[str, Any] = {"learning_rate": 1e-4, "batch_size": 8}
"""Of distillation into a model of 135 million parameters, on a laptop: eight answers a step fit into its memory."""


def with_adapter(setting: Setting) -> Setting:
    """The same where an adapter is trained on a laptop, by the preset ``lora``.

    It is evaluated as it is trained, at the same temperature without cuts, so that held-out rates lie beside the
    curves, and in float32, since log-odds before and after training would otherwise differ by rounding, or by the
    speed of the moment.
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
"""Of sums, whose answers hardly vary at 1.0, so that nothing but the usual form would ever be sampled."""

REWARDS: tuple[Setting, ...] = (
    Setting("any-box", 60, options=EXPLORING),
    *(Setting("unreadable", 60, {"unreadable": share}, EXPLORING) for share in (0.25, 0.5, 1.0)),
    *(Setting("first-number", 60, {"operand": share}, EXPLORING) for share in (0.25, 0.5, 1.0)),
    *(Setting("length-bonus", 60, {"bonus": bonus}, EXPLORING) for bonus in (0.25, 0.5, 1.0)),
    *(Setting("keywords", 60, {"bonus": bonus}, {"prompts_per_step": 8}) for bonus in (0.0, 0.25, 0.5)),
)
"""Each reward as it is trained on in the study, on either channel."""
