"""What the environment holds for an endpoint, and to which host it may go.

``LOOPHOLES_JUDGE_KEY`` is the judge's, whoever that is. What is called ``OPENAI_…`` belongs to one host, that of
``OPENAI_BASE_URL`` or else api.openai.com, and goes to no other, although the ``openai`` client would send it.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from loopholes.errors import UsageError

OWN = "LOOPHOLES_JUDGE_KEY"
OPENAI = "OPENAI_API_KEY"
HEADERS = {"OPENAI_ORG_ID": "OpenAI-Organization", "OPENAI_PROJECT_ID": "OpenAI-Project"}
CUSTOM = "OPENAI_CUSTOM_HEADERS"  # lines of NAME: VALUE


def key_for(url: str) -> str:
    """The key for an address, empty if there is none; raises :class:`UsageError` for what cannot be sent."""
    return _sendable(OWN) or (_sendable(OPENAI) if _is_openai(url) else "")


def headers_for(url: str, key: str) -> dict[str, Any]:
    """What is to be sent to an address instead of what the client would send, as its ``default_headers``.

    Raises :class:`UsageError` for a variable that holds what cannot be sent.
    """
    from openai import omit

    authorization = {"Authorization": f"Bearer {key or 'none'}"}
    custom = [line.partition(":")[0].strip() for line in os.environ.get(CUSTOM, "").split("\n") if ":" in line]
    if not _is_openai(url):
        others = [name for name in custom if name.lower() != "authorization"]
        return {**dict.fromkeys([*HEADERS.values(), *others], omit), **authorization}
    _sendable(CUSTOM, lines=True)
    ids = {header: _sendable(name) or omit for name, header in HEADERS.items()}
    return {**ids, **(authorization if key else {})}


def _is_openai(url: str) -> bool:
    try:
        return (
            urlsplit(os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com").hostname == urlsplit(url).hostname
        )
    except ValueError:
        return False


def _sendable(variable: str, *, lines: bool = False) -> str:
    value = os.environ.get(variable, "").strip()
    if not value.isascii() or not all(line.isprintable() for line in (value.split("\n") if lines else [value])):
        raise UsageError(f"{variable} holds signs that cannot be sent to an endpoint; set it again")
    return value
