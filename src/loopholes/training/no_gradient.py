"""Notices a run that cannot learn, because its rewards differ within no group.

GRPO compares the completions of a group. If all of them are paid alike, their advantages are 0. A few such groups in a
step are normal, as when a task is too easy or too hard; a step in which every group is like that moves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

ENOUGH = 3
"""Number of steps without a gradient, at the beginning of a run, after which the user is warned."""
REMEDY = (
    "raise --samples or --temperature, choose tasks that the policy solves only sometimes, or look at what the channel "
    "pays for its answers"
)


def no_gradient(lines: Sequence[Mapping[str, Any]], steps: int) -> str:
    """What it means that a run began without a gradient, and what to do, from its lines of metrics so far.

    Empty if there was a gradient in one of its first steps. ``steps`` is the number of steps of the whole run.
    """
    idle = len(list(takewhile(_is_idle, lines)))
    if idle < min(ENOUGH, steps):
        return ""
    all_steps = f"all {steps} steps" if steps > 1 else "its only step"
    when = all_steps if idle == steps else f"the first {idle} of {steps} steps"
    return (
        f"in {when}, all completions of each group were paid alike, so there was no gradient and nothing was learned: "
        f"{REMEDY}"
    )


def _is_idle(line: Mapping[str, Any]) -> bool:
    return bool(line["dead_groups"] + line["none_groups"] == line["groups"])
