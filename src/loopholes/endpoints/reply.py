"""A chat completion as it arrives, with nothing added."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple


class Reply(NamedTuple):
    """What a model said: ``text`` is None if it was withheld or missing.

    ``finish`` is why it ended (``stop``, ``length``, ``content_filter``) and ``model`` the endpoint's name for the
    model that answered; both are empty if unknown. Tokens are those that the endpoint charges for, 0 if unknown.
    """

    text: str | None
    finish: str = ""
    model: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0


def parse_reply(body: str) -> Reply:
    """The first choice in the body of a response; raises ValueError if it is not a chat completion."""
    try:
        response: Any = json.loads(body)
        choice = response["choices"][0]
        content: Any = choice["message"]["content"]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise ValueError("its body cannot be read") from None
    if not isinstance(content, str | None):
        raise ValueError("its content is not a text")
    usage = response.get("usage")
    return Reply(
        content,
        _text(choice.get("finish_reason")),
        _text(response.get("model")),
        _count(usage, "prompt_tokens"),
        _count(usage, "completion_tokens"),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(usage: object, name: str) -> int:
    count = usage.get(name) if isinstance(usage, Mapping) else None
    return count if isinstance(count, int) and not isinstance(count, bool) and count > 0 else 0
