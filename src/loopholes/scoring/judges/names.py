"""A judge's name: what it may be, and that it holds no secret."""

from __future__ import annotations

from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from loopholes.errors import UsageError


class Endpoint(NamedTuple):
    """Where a chat model answers, and under which name: ``URL#MODEL``."""

    url: str
    model: str


def parse_judge(name: str) -> Literal["rules"] | Endpoint | str:
    """``rules``, an :class:`Endpoint`, or the place of a local model.

    Raises :class:`UsageError`, which does not repeat a URL that may hold a password: names are written into runs.
    """
    if not name.startswith(("http://", "https://")):
        if not name.strip():
            raise UsageError("judge is empty; give rules, a model's directory or name, or https://HOST/v1#MODEL")
        return name
    url, _, model = name.partition("#")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise UsageError("judge is not an address that can be read; give https://HOST/v1#MODEL") from None
    if "@" in parts.netloc or parts.query:
        raise UsageError(
            "a judge's address is written into the run, so it may hold no user, password or query; put the key into "
            "LOOPHOLES_JUDGE_KEY"
        )
    if not host or not model:
        raise UsageError(f"judge {name!r} does not say which model to ask; give https://HOST/v1#MODEL")
    return Endpoint(url.rstrip("/"), model)
