"""Reward functions of other frameworks, called as those call them; each module is imported only when it is used.

:data:`FRAMEWORKS` says which module knows which framework. A module has ``build(parts, options)``, which loads a user's
reward in the process that it will run in and returns a :class:`loopholes.integrations.base.Reward`. Where a framework
brings data, ``rows(parts, options)`` are its rows. Where a reward pays for something that is not scored here, its
attribute ``not_covered`` says so, a sentence each; what it says may grow while the reward is used.
"""

from __future__ import annotations

FRAMEWORKS = {
    "plain": "loopholes.integrations.plain",
    "trl": "loopholes.integrations.trl",
    "verl": "loopholes.integrations.verl",
    "verifiers": "loopholes.integrations.verifiers",
    "openenv": "loopholes.integrations.openenv",
    "game": "loopholes.integrations.games",
}
"""Framework to module."""
