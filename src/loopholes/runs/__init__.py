"""Run directories: written once, resumable, readable without this program."""

from __future__ import annotations

from loopholes.runs.evaluations import read_evaluation, read_tasks
from loopholes.runs.run import Run, State, Status, config_of, prompt_text, rollout_rows

__all__ = ["Run", "State", "Status", "config_of", "prompt_text", "read_evaluation", "read_tasks", "rollout_rows"]
