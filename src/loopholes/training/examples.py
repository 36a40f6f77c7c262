"""What supervised fine-tuning learns from; light enough to import anywhere."""

from __future__ import annotations

from typing import NamedTuple

from loopholes.types import Message


class Example(NamedTuple):
    """A prompt and the completion to be learned from it."""

    prompt: tuple[Message, ...]
    completion: str
