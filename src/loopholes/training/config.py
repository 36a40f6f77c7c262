"""What a training run is: which game, channel and policy, and how GRPO is set.

Two presets. ``paper`` is the set-up of the paper (SPEC, "Training set-up of the paper") for real models; ``mini`` is
for the policies that ship with the package. A field that is given wins over the preset.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from loopholes.errors import UsageError
from loopholes.games.base import Game, PromptStyle

Preset = Literal["mini", "paper"]

MINI: dict[str, Any] = {
    "prompts_per_step": 16,  # 128 completions a step
    "updates_per_step": 1,
    "completions_per_pass": 128,
    "learning_rate": 3e-4,
    "temperature": 1.0,
    "steps": 100,
    "save_every": 25,
    "bf16": False,  # no gain on a CPU, and a loss where the CPU has no bfloat16
    "gradient_checkpointing": False,
}
PAPER: dict[str, Any] = {
    "prompts_per_step": 64,
    "updates_per_step": 2,
    "completions_per_pass": 8,
    "learning_rate": 1e-6,
    "temperature": 1.0,
    "max_prompt_tokens": 1024,
    "max_completion_tokens": 2048,
    "epochs": 4,
    "save_every": 10,
    "bf16": True,
    "gradient_checkpointing": True,
}
# Updates a step: prompts / minibatch of 32. The paper gives 2048 to 3072 answer tokens and not which game has which;
# programs get the longer one here.
PAPER_GAMES: dict[str, dict[str, Any]] = {
    "context-compliance": {"prompts_per_step": 64, "updates_per_step": 2, "epochs": 5},
    "self-grading": {"prompts_per_step": 64, "updates_per_step": 2, "epochs": 4},
    "proxy-metric": {"prompts_per_step": 96, "updates_per_step": 3, "epochs": 1},
    "reward-tampering": {"prompts_per_step": 32, "updates_per_step": 1, "epochs": 4, "max_completion_tokens": 3072},
}


class Config(BaseModel):
    """Options of one run; a field that is unknown or out of range is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: ClassVar[str]

    @classmethod
    def of(cls, **fields: Any) -> Self:
        """A configuration; raises :class:`UsageError` in one sentence."""
        try:
            return cls(**fields)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            shown = json.dumps(first["input"], default=str)
            raise UsageError(f"{cls.kind} option {key!r}: {first['msg'].lower()}, not {shown}") from None


class TrainConfig(Config):
    """One training run, complete: what ``config.json`` of its run directory holds.

    A *step* is one round: ``prompts_per_step`` prompts are answered ``samples`` times each by the current policy, paid,
    and learned from in ``updates_per_step`` optimizer updates of equal size. Fields that are None come from ``preset``;
    :meth:`resolved` fills them in.
    """

    kind: ClassVar[str] = "training"

    game: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    channel: str = "vulnerable"
    policy: str = "mini"
    out: Path
    seed: int = Field(default=0, ge=0)
    tasks: Path | None = Field(default=None, description="a file of tasks; the mini world if there is none")
    task_count: int | None = Field(default=None, ge=1, description="distinct tasks of the mini world")
    skip_bad: bool = Field(default=False, description="leave out rows of the file that cannot be used")
    preset: Preset | None = Field(default=None, description="default: mini for terse checkpoints, else paper")

    steps: int | None = Field(default=None, ge=1)
    epochs: int | None = Field(default=None, ge=1, description="passes over the tasks, where steps is not given")
    samples: int = Field(default=8, ge=2, description="completions a prompt: the group")
    prompts_per_step: int | None = Field(default=None, ge=1)
    updates_per_step: int | None = Field(default=None, ge=1)
    completions_per_pass: int | None = Field(default=None, ge=1, description="on a device at once, in one pass")
    learning_rate: float | None = Field(default=None, gt=0)
    temperature: float | None = Field(default=None, gt=0)
    max_prompt_tokens: int | None = Field(default=None, ge=1, description="tasks with longer prompts are left out")
    max_completion_tokens: int | None = Field(default=None, ge=1)
    save_every: int | None = Field(default=None, ge=1, description="steps between checkpoints")

    bf16: bool | None = None
    gradient_checkpointing: bool | None = None
    use_vllm: bool = False
    report_to: list[str] = Field(default_factory=list, description="wandb, trackio, tensorboard")
    peft: dict[str, Any] | None = Field(default=None, description="fields of peft.LoraConfig; {} for its defaults")
    trainer: dict[str, Any] = Field(default_factory=dict, description="any other field of trl.GRPOConfig; wins")

    def resolved(self, game: Game, prompts: PromptStyle, model_type: str = "") -> TrainConfig:
        """The same run with every preset value filled in; ``steps`` may stay None, which means ``epochs`` passes."""
        preset = self.preset or ("mini" if prompts == "terse" else "paper")
        values = dict(MINI) if preset == "mini" else {**PAPER, **PAPER_GAMES.get(game.name, {})}
        if preset == "mini":
            values["max_completion_tokens"] = game.max_completion_tokens
        elif model_type == "llama":
            values["temperature"] = 0.6
        if self.epochs is not None or self.steps is not None:
            values.pop("steps", None), values.pop("epochs", None)
        given = {name for name in values if getattr(self, name) is not None}
        filled = {name: value for name, value in values.items() if name not in given}
        return self.model_copy(update={"preset": preset, **filled})
