"""Policies by name: the minis in this package, models from disk or the hub, trained runs, scripts."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import get_args

from loopholes.errors import PolicyError, UnknownName, UsageError
from loopholes.policies.base import Policy, Sampling
from loopholes.policies.scripted import Demonstrator, ScriptedPolicy
from loopholes.records import Kind

__all__ = ["MINIS", "Policy", "Sampling", "ScriptedPolicy", "load_policy", "locate"]

MINIS = ("mini", "mini-llama")


def load_policy(
    name: str, *, game: Demonstrator | None = None, device: str | None = None, batch_size: int | None = None
) -> Policy:
    """The policy called ``name``.

    ``mini`` and ``mini-llama`` come with the package; ``scripted:honest``, ``scripted:exploiting`` and
    ``scripted:inept`` play ``game``; anything else is a run directory (its trained policy), the directory of a
    transformers checkpoint, or a model of the Hugging Face hub. ``device`` defaults to the first GPU if there is one;
    ``batch_size`` is how many completions are sampled at once. Raises :class:`UsageError` for a name that cannot be
    a policy here, :class:`PolicyError` for a checkpoint that cannot be used.
    """
    if name.startswith("scripted:"):
        return _scripted(name.removeprefix("scripted:"), game)
    location = locate(name)
    from loopholes.policies.checkpoints import load_local  # needs torch, which takes seconds to import

    return load_local(location, name=name, device=device, batch_size=batch_size)


def locate(name: str) -> str:
    """Where the checkpoint called ``name`` is: a directory, or a hub name if there is no such directory.

    Raises :class:`PolicyError` for a run that has not left a policy.
    """
    if name.startswith(("http://", "https://")):
        raise UsageError(
            f"{name} is an endpoint, and endpoints are not supported yet: give a model name or a directory"
        )
    if name in MINIS:
        return str(files("loopholes.minis") / name)
    if (Path(name) / "policy").is_dir():
        return str(Path(name) / "policy")
    if (Path(name) / "status.json").is_file():
        raise PolicyError(f"the run in {name} has no trained policy: a training run has one when it is finished")
    return name


def _scripted(kind: str, game: Demonstrator | None) -> Policy:
    for known in get_args(Kind):
        if kind == known:
            if game is None:
                raise UsageError(f"scripted:{kind} plays a game; say which one")
            return ScriptedPolicy(known, game)
    raise UnknownName("scripted policy", kind, list(get_args(Kind)))
