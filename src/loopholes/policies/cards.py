"""What a checkpoint says of itself, read without loading it."""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

from loopholes.errors import PolicyError

CARD = "loopholes.json"
WHOLE = 64 * 2**20  # bytes of a file up to which its content is hashed; of larger ones size and time must do


def read_card(location: str) -> dict[str, Any]:
    """What the checkpoint's ``loopholes.json`` says (``prompts``: the style of prompts it was made for), or nothing."""
    file = Path(location) / CARD
    if not file.is_file():
        return {}
    try:
        card: dict[str, Any] = json.loads(file.read_text())
    except ValueError as error:
        raise PolicyError(f"{file} is not JSON: {error}") from error
    return card


def model_type(location: str) -> str:
    """The architecture that a checkpoint directory names in its config.json; empty where that is not at hand."""
    file = Path(location) / "config.json"
    try:
        return str(json.loads(file.read_bytes()).get("model_type", "")) if file.is_file() else ""
    except ValueError as error:
        raise PolicyError(f"{file} is not JSON: {error}") from error


def fingerprint(location: str) -> str:
    """A digest of the files of a checkpoint directory; for a name of the hub, the name."""
    folder = Path(location)
    if not folder.is_dir():
        return location
    digest = blake2b(digest_size=16)
    for file in sorted(path for path in folder.iterdir() if path.is_file()):
        size = file.stat().st_size
        content = file.read_bytes() if size <= WHOLE else f"{size} {file.stat().st_mtime_ns}".encode()
        digest.update(json.dumps([file.name, blake2b(content, digest_size=16).hexdigest()]).encode())
    return digest.hexdigest()
