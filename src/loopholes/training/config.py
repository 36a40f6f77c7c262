"""What a training run is: which game, channel and policy, and the settings of GRPO.

The presets are those of :mod:`loopholes.config`. A field that is set overrides the preset.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from loopholes.config import LORA, MINI, PAPER, PAPER_GAMES, Config, Preset, english_tokens
from loopholes.games.base import Game
from loopholes.records import PromptStyle, Task
from loopholes.runs import Run


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
    tasks: Path | None = Field(default=None, description="a file of tasks; generated ones if there is none")
    task_count: int | None = Field(default=None, ge=1, description="distinct generated tasks")
    skip_bad: bool = Field(default=False, description="leave out rows of the file that cannot be used")
    registered: str | None = Field(default=None, description="digest of predictions that were written before the run")
    preset: Preset | None = Field(default=None, description="default: mini for terse checkpoints, else the policy's")

    steps: int | None = Field(default=None, ge=1)
    epochs: int | None = Field(default=None, ge=1, description="passes over the tasks, if steps is not given")
    samples: int = Field(default=8, ge=2, description="completions per prompt (the GRPO group size)")
    prompts_per_step: int | None = Field(default=None, ge=1)
    updates_per_step: int | None = Field(default=None, ge=1)
    completions_per_pass: int | None = Field(default=None, ge=1, description="completions per forward pass on a device")
    learning_rate: float | None = Field(default=None, gt=0)
    temperature: float | None = Field(default=None, gt=0)
    max_prompt_tokens: int | None = Field(default=None, ge=1, description="tasks with longer prompts are left out")
    max_completion_tokens: int | None = Field(default=None, ge=1)
    save_every: int | None = Field(default=None, ge=1, description="steps between checkpoints")

    bf16: bool | None = Field(default=None, description="see holds_bf16")
    gradient_checkpointing: bool | None = None
    use_vllm: bool = False
    report_to: list[str] = Field(default_factory=list, description="wandb, trackio, tensorboard")
    peft: dict[str, Any] | None = Field(default=None, description="fields of peft.LoraConfig; {} for its defaults")
    trainer: dict[str, Any] = Field(default_factory=dict, description="any other field of trl.GRPOConfig; wins")

    def loaded_tasks(self, game: Game) -> list[Task] | None:
        """The tasks of the file, read without torch; None if tasks are generated. Raises :class:`DataError`."""
        return None if self.tasks is None else game.load(self.tasks, skip_bad=self.skip_bad)

    def check_out(self, resume: bool) -> None:
        """Raise the :class:`RunError` of :meth:`Run.create` before torch is imported, if it can be foreseen."""
        known = self.model_dump(mode="json", exclude={"out", "parameters", "peft"}, exclude_none=True)
        Run.check(self.out, {"kind": "train", **known}, resume=resume)

    def resolved(
        self, game: Game, prompts: PromptStyle, model_type: str = "", *, usual: Preset = "paper"
    ) -> TrainConfig:
        """The same run with every preset value filled in; ``steps`` may stay None, which means ``epochs`` passes.

        ``usual`` is the preset of a policy with full prompts. ``bf16`` stays None if only a measurement can tell.
        """
        preset = self.preset or ("mini" if prompts == "terse" else usual)
        values = self._preset_values(preset, game)
        if preset == "paper" and model_type == "llama":
            values["temperature"] = 0.6
        if preset == "lora":
            values["peft"] = {**LORA["peft"], **(self.peft or {})}
        if self.epochs is not None or self.steps is not None:
            values.pop("steps", None), values.pop("epochs", None)
        if self.tasks is None:
            values["parameters"] = {**self.parameters, **game.world_played(prompts)}
        chosen = {name for name in values if name not in ("parameters", "peft") and getattr(self, name) is not None}
        filled = {name: value for name, value in values.items() if name not in chosen}
        return self.model_copy(update={"preset": preset, **filled})

    def _preset_values(self, preset: Preset, game: Game) -> dict[str, Any]:
        if preset == "mini":
            return {**MINI, "max_completion_tokens": game.max_completion_tokens}
        if preset == "lora":
            longest = english_tokens(game.name, self.parameters, game.max_completion_tokens)
            return {**LORA, "max_completion_tokens": longest}
        return {**PAPER, **PAPER_GAMES.get(game.name, {})}

    @property
    def holds_bf16(self) -> bool:
        """Whether the weights under an adapter are bfloat16; without an adapter ``bf16`` is TRL's mixed precision."""
        return bool(self.bf16) and self.peft is not None
