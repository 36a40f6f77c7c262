"""What a run depends on besides its configuration: the policy that it starts from and the tasks that it plays."""

from __future__ import annotations

import json
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, get_args

from loopholes.errors import DataError
from loopholes.files import jsonable
from loopholes.policies import kind_of, locate
from loopholes.policies.cards import fingerprint, model_type, prompt_style
from loopholes.policies.packaged import preset_of
from loopholes.records import PromptStyle, Split, task_to_json
from loopholes.studies.settings import Setting

GENERATED = 32  # tasks per split whose text identifies the generator of a world


@cache
def policy_digest(name: str) -> str:
    """The name of a policy, with a digest of its files if it has any."""
    return f"{name} {fingerprint(locate(name))}" if kind_of(name) is None else name


@cache
def policy_card(name: str) -> tuple[PromptStyle, str]:
    """The prompt style that a policy was made for, and its architecture."""
    location = locate(name)
    return prompt_style(location), model_type(location)


@cache
def takes_adapter(policy: str) -> bool:
    """Whether a policy is trained with an adapter (preset ``lora``)."""
    return preset_of(policy, locate(policy)) == "lora"


def world(setting: Setting, tasks: Path | None, prompts: PromptStyle) -> dict[str, Any]:
    """The game's parameters, including defaults, and a digest of its tasks: of the file, or of generated ones.

    Raises :class:`DataError` for a file that cannot be read.
    """
    chosen = setting.make().parameters
    parameters = chosen.identifying()
    if tasks is None:
        return {"parameters": parameters, "world": _world_digest(setting.game, chosen.model_dump_json(), prompts)}
    try:
        return {"parameters": parameters, "tasks": blake2b(tasks.read_bytes(), digest_size=16).hexdigest()}
    except OSError as error:
        raise DataError(f"{tasks} cannot be read: {(error.strerror or str(error)).lower()}") from error


@cache
def _world_digest(game: str, parameters: str, prompts: PromptStyle) -> str:
    """A digest of the first tasks of each split, so that a changed generator leads to different runs."""
    world = Setting(game, None, json.loads(parameters)).make()
    digest = blake2b(digest_size=16)
    for split in get_args(Split):
        for task in world.tasks(split, count=GENERATED, prompts=prompts):
            digest.update(json.dumps(jsonable(task_to_json(task)), sort_keys=True).encode())
    return digest.hexdigest()
