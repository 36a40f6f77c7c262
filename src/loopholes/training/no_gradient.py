"""Notices a run that cannot learn, because its rewards differ within no group.

GRPO compares the completions of a group. If all of them are paid alike, their advantages are 0. A few such groups in a
step are normal, as when a task is too easy or too hard; a step in which every group is like that moves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

from loopholes.games import BUILT_IN, REPORTED
from loopholes.policies import locate
from loopholes.policies.cards import prompt_style

ENOUGH = 3
"""Number of steps without a gradient, at the beginning of a run, after which the user is warned."""
REMEDY = (
    "raise --samples or --temperature, choose tasks that the policy solves only sometimes, or look at what the channel "
    "pays for its answers"
)
FOREIGN = (
    "a mini knows only the words and answers of the built-in games, so train a language model on this one, such as "
    "--policy smollm2"
)
"""What to do if a mini is trained on a game that is not among those that it knows."""


def no_gradient(lines: Sequence[Mapping[str, Any]], config: Mapping[str, Any]) -> str:
    """What it means that a run began without a gradient, and what to do, from its lines of metrics so far.

    Empty if there was a gradient in one of its first steps. ``config`` is the run's own record of its configuration.
    """
    steps: int = config["steps"]
    idle = len(list(takewhile(_is_idle, lines)))
    if idle < min(ENOUGH, steps):
        return ""
    all_steps = f"all {steps} steps" if steps > 1 else "its only step"
    when = all_steps if idle == steps else f"the first {idle} of {steps} steps"
    return (
        f"in {when}, all completions of each group were paid alike, so there was no gradient and nothing was learned: "
        f"{FOREIGN if is_foreign(config['policy'], config['game']) else REMEDY}"
    )


def is_foreign(policy: str, game: str) -> bool:
    """Whether a policy is a mini, and was not pretrained for this game."""
    return game not in (*BUILT_IN, *REPORTED) and prompt_style(locate(policy)) == "terse"


def _is_idle(line: Mapping[str, Any]) -> bool:
    return bool(line["dead_groups"] + line["none_groups"] == line["groups"])
