"""Reward functions of other frameworks, called as those call them; each module is imported only when it is used.

:data:`FRAMEWORKS` says which module knows which framework. A module has ``build(parts, options)``, which loads a user's
reward in the process that it will run in and returns a :class:`loopholes.audit.frameworks.base.Reward`. Where a
framework brings data, ``rows(parts, options)`` are its rows. Where a reward pays for something that is not scored here,
its attribute ``not_covered`` says so, a sentence each; what it says may grow while the reward is used.
"""

from __future__ import annotations

FRAMEWORKS = {
    "plain": "loopholes.audit.frameworks.plain",
    "trl": "loopholes.audit.frameworks.trl",
    "verl": "loopholes.audit.frameworks.verl",
    "verifiers": "loopholes.audit.frameworks.verifiers",
    "openenv": "loopholes.audit.frameworks.openenv",
    "game": "loopholes.audit.frameworks.games",
}
"""Framework to module."""
EVERYWHERE = {"max_completion_tokens", "tokenizer", "group"}
OPTIONS = {
    "plain": EVERYWHERE,
    "trl": EVERYWHERE,
    "verl": EVERYWHERE | {"manager", "reward_kwargs", "overlong_buffer", "penalty_factor", "timeout"},
    "verifiers": EVERYWHERE | {"config", "rows", "golden"},
    "openenv": EVERYWHERE | {"action_field", "action", "environment", "timeout", "rows", "prompt_field"},
    "game": {"channel", "parameters", "seed"},
}
"""What each takes beside the functions; :func:`build` of its module says what it is for."""
