"""Loopholes: do language models learn to exploit your reward? Games, training, measurement and audit.

Each name below is imported when it is first used, so that ``import loopholes`` takes no torch, pandas or SciPy. The
packages in ``_MODULES`` are public, too. docs/api.md lists everything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopholes.lazy import on_first_use
from loopholes.version import __version__ as __version__

if TYPE_CHECKING:
    from loopholes import audit as audit
    from loopholes import errors as errors
    from loopholes import instruments as instruments
    from loopholes import integrations as integrations
    from loopholes import policies as policies
    from loopholes import rewards as rewards
    from loopholes import sandbox as sandbox
    from loopholes.api import audit_reward, evaluate, export, study, train, write_report
    from loopholes.audit.assertion import assert_not_gameable
    from loopholes.audit.engine import AuditConfig
    from loopholes.audit.results import Finding, Report
    from loopholes.errors import LoopholesError
    from loopholes.evaluation import EvalConfig
    from loopholes.games import game
    from loopholes.games.base import Demonstration, Game, Parameters
    from loopholes.numbers import Estimate
    from loopholes.records import (
        Channel,
        Completion,
        Kind,
        Metric,
        Outcome,
        Payment,
        PromptStyle,
        Task,
        draws,
        message,
    )
    from loopholes.runs.run import Run
    from loopholes.score import measure, pay
    from loopholes.studies.base import StudyConfig, Summary
    from loopholes.training.config import TrainConfig

__all__ = [
    "AuditConfig",
    "Channel",
    "Completion",
    "Demonstration",
    "Estimate",
    "EvalConfig",
    "Finding",
    "Game",
    "Kind",
    "LoopholesError",
    "Metric",
    "Outcome",
    "Parameters",
    "Payment",
    "PromptStyle",
    "Report",
    "Run",
    "StudyConfig",
    "Summary",
    "Task",
    "TrainConfig",
    "assert_not_gameable",
    "audit_reward",
    "draws",
    "evaluate",
    "export",
    "game",
    "measure",
    "message",
    "pay",
    "study",
    "train",
    "write_report",
]
_PLACES = {
    "api": ["audit_reward", "evaluate", "export", "study", "train", "write_report"],
    "audit.assertion": ["assert_not_gameable"],
    "audit.engine": ["AuditConfig"],
    "audit.results": ["Finding", "Report"],
    "errors": ["LoopholesError"],
    "evaluation": ["EvalConfig"],
    "games": ["game"],
    "games.base": ["Demonstration", "Game", "Parameters"],
    "numbers": ["Estimate"],
    "records": [
        *("Channel", "Completion", "Kind", "Metric", "Outcome", "Payment", "PromptStyle", "Task", "draws", "message"),
    ],
    "runs.run": ["Run"],
    "score": ["measure", "pay"],
    "studies.base": ["StudyConfig", "Summary"],
    "training.config": ["TrainConfig"],
}
_MODULES = ("audit", "errors", "instruments", "integrations", "policies", "rewards", "sandbox")


if not TYPE_CHECKING:  # for type checkers a name that does not exist is an error
    __getattr__ = on_first_use(__name__, _PLACES, _MODULES)


def __dir__() -> list[str]:
    return sorted([*__all__, *_MODULES, *(name for name in globals() if name.startswith("__"))])
