"""Checked options, and the presets of training.

``paper`` is the set-up of the paper for real models; ``lora`` trains an adapter of a small real model on a CPU;
``mini`` is for the policies that ship with the package.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from loopholes.errors import UsageError, closest

Preset = Literal["mini", "lora", "paper"]


MINI: dict[str, Any] = {
    "prompts_per_step": 16,  # 128 completions per step
    "updates_per_step": 1,
    "completions_per_pass": 128,
    "learning_rate": 3e-4,
    "temperature": 1.0,
    "steps": 100,
    "save_every": 25,
    "bf16": False,  # no gain for minis on a CPU, and slower on a CPU without bfloat16
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


# Updates per step: prompts / minibatch of 32. The paper gives 2048 to 3072 answer tokens without saying which game has
# which; programs get the longer limit here.
PAPER_GAMES: dict[str, dict[str, Any]] = {
    "context-compliance": {"prompts_per_step": 64, "updates_per_step": 2, "epochs": 5},
    "self-grading": {"prompts_per_step": 64, "updates_per_step": 2, "epochs": 4},
    "proxy-metric": {"prompts_per_step": 96, "updates_per_step": 3, "epochs": 1},
    "reward-tampering": {"prompts_per_step": 32, "updates_per_step": 1, "epochs": 4, "max_completion_tokens": 3072},
}


LORA: dict[str, Any] = {
    "peft": {"r": 16, "lora_alpha": 32, "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj"]},
    "prompts_per_step": 8,  # 64 completions per step
    "updates_per_step": 1,
    "completions_per_pass": 8,
    "learning_rate": 1e-3,  # the better of two that were tried on seed 1000; see docs/real-models.md
    "temperature": 0.7,  # at 1.0 most answers of a model of 135 million parameters are noise
    "max_prompt_tokens": 1024,
    "steps": 30,
    "save_every": 10,
    "gradient_checkpointing": False,
}


# Longest answer in the English worlds, in tokens.
ENGLISH_TOKENS: dict[str, int] = {
    "context-compliance": 48,
    "self-grading": 128,
    "proxy-metric": 224,  # a copy of the longest report
    "reward-tampering": 128,
}
THOUGHTS = 128  # additional tokens for reasoning


def english_tokens(game: str, parameters: Mapping[str, Any], default: int) -> int:
    """The longest completion of a game in English, in tokens; ``default`` for a game other than the four."""
    return ENGLISH_TOKENS.get(game, default) + (THOUGHTS if parameters.get("reasoning") == "cot" else 0)


def option_value(text: str) -> Any:
    """The value that a text of an option stands for: what it is as JSON if it can be parsed so, else the text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def as_option(value: Any) -> str:
    """The text of an option that :func:`option_value` reads as this value."""
    return value if isinstance(value, str) and option_value(value) == value else json.dumps(value)


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
            if first["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
                raise UsageError(cls._unknown(*map(str, first["loc"]))) from None
            shown = json.dumps(first["input"], default=str)
            raise UsageError(f"{cls.kind} option {key!r}: {first['msg'].lower()}, not {shown}") from None

    @classmethod
    def _unknown(cls, *place: str) -> str:
        """That there is no such field, and what was probably meant; ``place`` may lead into a field, as thresholds."""
        *outer, name = place
        what, names = f"{cls.kind} option", [*cls.model_fields]
        if outer:
            kind = cls.model_fields[outer[0]].annotation
            what, names = outer[0].removesuffix("s"), [*getattr(kind, "__dataclass_fields__", ())]
        meant = closest(name, names)
        return f"there is no {what} {name!r}{f'; did you mean {meant!r}?' if meant else ''}"
