"""SkyRL-Gym's environments: ``skyrl_gym:NAME``, the reward of the first step after ``init``.

As in SkyRL's generator, a new environment is created for each completion, with the row as its ``extras``. It gets the
prompt, and then the completion as its action. If the row has no ``reward_spec`` (or ``reward_model``), the column
``ground_truth`` or ``answer`` replaces it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loopholes.audit.frameworks.base import (
    COMMON,
    Library,
    Paid,
    Part,
    Rejected,
    Row,
    copied,
    payment,
    raised,
)
from loopholes.errors import UnknownName, UsageError

NAME = "skyrl_gym"
PACKAGE = "skyrl-gym"
EXTRA = None
REQUIREMENTS: Mapping[str, Sequence[str]] = {"skyrl_gym": ("skyrl-gym",)}
PREFIXES = ("skyrl_gym",)
recognises = None  # environments are named by the prefix only
OPTIONS = {**COMMON, "env_config": "A JSON object for the environment's env_config, read as SkyRL's configuration is."}
SPECS = ("reward_spec", "reward_model")
"""Columns from which an environment reads ``ground_truth``."""
ANSWERS = ("ground_truth", "answer", "solution")
"""Columns that replace a missing spec; the first that exists counts."""
ONE_STEP = "an episode that continues after the first action, of which only the first step is scored"
gym, registration = Library("skyrl_gym"), Library("skyrl_gym.envs.registration")
omegaconf = Library("omegaconf")  # which skyrl-gym requires


class SkyRLGymReward:
    """The reward of one step in an environment that is created for each completion."""

    batched = False

    def __init__(self, part: Part, options: Mapping[str, Any]) -> None:
        if part.name not in registration.registry:
            raise UnknownName("environment of skyrl-gym", part.name, members())
        self._part = part
        self._config = omegaconf.DictConfig(options.get("env_config") or {})
        self.not_covered: list[str] = []
        self.notes = ["an environment is created for each completion, with the row as its extras, and takes one step"]

    def __call__(self, rows: Sequence[Row], texts: Sequence[str]) -> list[Paid]:
        return [self._pay(row, text) for row, text in zip(rows, texts, strict=True)]

    def _pay(self, row: Row, text: str) -> Paid:
        prompt = [{"role": "user", "content": row.prompt}] if isinstance(row.prompt, str) else [*row.prompt]
        try:
            environment = gym.make(self._part.name, env_config=self._config, extras=_extras(row))
            environment.init([{**turn} for turn in prompt])
            step = environment.step(text)
            environment.close()
            if not step["done"] and not self.not_covered:
                self.not_covered.append(ONE_STEP)
            return payment(step["reward"], self._part.label)
        except Rejected:
            raise
        except Exception as error:
            return Paid(None, raised(error))


def _extras(row: Row) -> dict[str, Any]:
    """The extras of an environment: the row, with the ground truth where environments look for it."""
    extras: dict[str, Any] = {name: copied(value) for name, value in row.columns.items()}
    spec = next((extras[name] for name in SPECS if isinstance(extras.get(name), dict)), None)
    if spec is None:
        answer = next((extras[name] for name in ANSWERS if name in extras), None)
        spec = {} if answer is None else {"ground_truth": answer}
    return {**dict.fromkeys(SPECS, spec), "max_turns": 1, **extras}


def members() -> list[str]:
    """The names of all registered environments."""
    return sorted(gym.envs.registration.registry)


def build(parts: Sequence[Part], options: Mapping[str, Any]) -> SkyRLGymReward:
    """See :mod:`loopholes.audit.frameworks`."""
    if len(parts) != 1:
        raise UsageError("one environment of skyrl-gym at a time is audited")
    return SkyRLGymReward(parts[0], options)
