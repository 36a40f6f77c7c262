"""Policies by name: the minis in this package, models from disk or the hub, trained runs, endpoints, scripts.

A kind of policy is one file of this folder. It declares ``PREFIX``, with which the names of its policies begin, and
``load(name, game)``, which gets the whole name; kinds without a prefix are checkpoints, which :func:`locate` finds.
``URL#MODEL`` is a model behind an OpenAI-compatible endpoint, which can be evaluated but not trained.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import ModuleType

from loopholes.endpoints import POLICY, is_address, parse_endpoint
from loopholes.errors import DataError, PolicyError, UsageError, closest
from loopholes.policies.base import Policy, Sampling
from loopholes.policies.hub import is_cached, is_reachable
from loopholes.policies.packaged import PACKAGED, advice, location_of
from loopholes.policies.scripted import Demonstrator, ScriptedPolicy
from loopholes.records import KINDS

__all__ = ["MINIS", "Policy", "Sampling", "ScriptedPolicy", "available", "kind_of", "load_policy", "locate"]

MINIS = ("mini", "mini-llama")
SCRIPTS = tuple(f"scripted:{kind}" for kind in KINDS)


def load_policy(
    name: str,
    *,
    game: Demonstrator | None = None,
    device: str | None = None,
    batch_size: int | None = None,
    bf16: bool | None = None,
    timeout: float | None = None,
) -> Policy:
    """The policy called ``name``.

    ``mini`` and ``mini-llama`` come with the package; ``smollm2`` is what ``loopholes fetch smollm2`` wrote into the
    cache, else the model of the hub; ``scripted:honest``, ``scripted:exploiting`` and ``scripted:inept`` play
    ``game``; ``URL#MODEL`` answers behind an endpoint; anything else is a run directory (its trained policy), the
    directory of a transformers checkpoint, or a model of the Hugging Face hub. ``device`` defaults to the first GPU if
    there is one; ``batch_size`` is how many completions are sampled at once; ``bf16`` says whether the weights are held
    in bfloat16, by default where that is faster; ``timeout`` is how many seconds an endpoint may take for one answer.
    Raises :class:`UsageError` for a name that cannot be a policy here, :class:`PolicyError` for a checkpoint that
    cannot be used.
    """
    if (kind := kind_of(name)) is not None:
        policy: Policy = kind.load(name, game)
        return policy
    if is_address(name):
        from loopholes.policies.endpoint import CONCURRENCY, TIMEOUT, EndpointPolicy

        endpoint = parse_endpoint(name, POLICY)
        return EndpointPolicy(endpoint, concurrency=batch_size or CONCURRENCY, timeout=timeout or TIMEOUT)
    location = available(name)
    from loopholes.policies.checkpoints import load_local  # needs torch, which takes seconds to import

    return load_local(location, name=name, device=device, batch_size=batch_size, bf16=bf16)


def locate(name: str) -> str:
    """Where the checkpoint called ``name`` is: a directory, or a hub name if there is no such directory.

    Raises :class:`PolicyError` for a run that has not left a policy, for a fetched model that is damaged, and for a
    name that is neither here nor on a hub, but resembles one of ours.
    """
    if is_address(name):
        raise UsageError(
            "an endpoint can be evaluated, but nothing else can be done with it: give a model name or a directory"
        )
    if name in MINIS:
        return str(files("loopholes.minis") / name)
    if name in PACKAGED:
        return location_of(PACKAGED[name])
    if (Path(name) / "policy").is_dir():
        return str(Path(name) / "policy")
    if (Path(name) / "status.json").is_file():
        raise PolicyError(
            f"the run in {name} has no trained policy, which only a finished training has: --resume finishes one"
        )
    if "/" not in name and not Path(name).exists() and (meant := closest(name, (*MINIS, *PACKAGED, *SCRIPTS))):
        raise PolicyError(f"there is no policy {name!r}; did you mean {meant!r}?")  # without asking the hub for it
    return name


def available(name: str) -> str:
    """What :func:`locate` returns, for a caller that loads the checkpoint next; needs no torch.

    Raises :class:`DataError` or :class:`PolicyError` if there is no such directory, and neither the hub nor its cache
    can have a model of that name.
    """
    location = locate(name)
    if Path(location).is_dir():
        return location
    if Path(location).exists():
        raise PolicyError(f"{name} is a file; give the directory of a checkpoint, or a model name")
    if location.count("/") > 1 or location.startswith((".", "/", "~")):
        raise DataError(f"there is no directory {name}")
    if not is_reachable() and not is_cached(location):
        raise PolicyError(
            f"{name!r} is not a directory, it is not in the hub's cache, and the hub cannot be reached{advice(name)}"
        )
    return location


def kind_of(name: str) -> ModuleType | None:
    """The kind of policy that a name belongs to; None for a checkpoint, which has no prefix."""
    return next((kind for kind in _kinds() if name.startswith(kind.PREFIX)), None)


@cache
def _kinds() -> tuple[ModuleType, ...]:
    """The modules of this folder that declare a prefix. They are read and not imported, since some need torch."""
    here = Path(__file__).parent
    names = [module.name for module in pkgutil.iter_modules([str(here)])]
    declared = [name for name in names if "\nPREFIX = " in (here / f"{name}.py").read_text(encoding="utf-8")]
    return tuple(importlib.import_module(f"{__name__}.{name}") for name in declared)
