"""What a checkpoint says about itself, read without loading it."""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

from loopholes.errors import PolicyError
from loopholes.records import PromptStyle

CARD = "loopholes.json"
LOADED = frozenset((".safetensors", ".bin", ".pt", ".json", ".jinja", ".model", ".txt", ".py"))
DESCRIPTIONS = frozenset((CARD, "base_rates.json"))  # files with such suffixes that are not loaded
WHOLE = 64 * 2**20  # files up to this many bytes are hashed by content, larger ones by size and time


def read_card(location: str) -> dict[str, Any]:
    """The checkpoint's ``loopholes.json`` (``prompts``: the style of prompts it was made for), or an empty mapping."""
    file = Path(location) / CARD
    if not file.is_file():
        return {}
    try:
        card: dict[str, Any] = json.loads(file.read_text())
    except ValueError as error:
        raise PolicyError(f"{file} is not JSON: {error}") from error
    return card


def prompt_style(location: str) -> PromptStyle:
    """The style of prompts that the checkpoint was made for; ``chat`` if it does not say."""
    style: PromptStyle = read_card(location).get("prompts", "chat")
    return style


def model_type(location: str) -> str:
    """The architecture that a checkpoint directory names in its config.json; empty if there is none."""
    file = Path(location) / "config.json"
    try:
        return str(json.loads(file.read_bytes()).get("model_type", "")) if file.is_file() else ""
    except ValueError as error:
        raise PolicyError(f"{file} is not JSON: {error}") from error


def fingerprint(location: str) -> str:
    """A digest of everything in a checkpoint directory that its answers depend on; for a hub name, the name.

    That is its weights, configuration, tokenizer, chat template, and the style of prompts on its card. Descriptions,
    such as a README or measured base rates, are left out: rewording them does not make another policy.
    """
    folder = Path(location)
    if not folder.is_dir():
        return location
    digest = blake2b(json.dumps(["prompts", prompt_style(location)]).encode(), digest_size=16)
    for file in sorted(path for path in folder.iterdir() if path.is_file() and _is_loaded(path)):
        size = file.stat().st_size
        content = file.read_bytes() if size <= WHOLE else f"{size} {file.stat().st_mtime_ns}".encode()
        digest.update(json.dumps([file.name, blake2b(content, digest_size=16).hexdigest()]).encode())
    return digest.hexdigest()


def _is_loaded(file: Path) -> bool:
    """Whether loading or prompting the policy reads this file."""
    return file.suffix in LOADED and file.name not in DESCRIPTIONS
