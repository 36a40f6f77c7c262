"""A judge's name: what it may be, and that it holds no secret."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from loopholes.errors import UsageError

LONGEST_URL = 2048
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\.?", re.ASCII | re.IGNORECASE)
_BRACKETS = re.compile(r"\[[^\[\]]*\](?::\d*)?", re.ASCII)


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
        raise _unreadable() from None
    if "@" in parts.netloc or parts.query:
        raise UsageError(
            "a judge's address is written into the run, so it may hold no user, password or query; put the key into "
            "LOOPHOLES_JUDGE_KEY"
        )
    if not host or not model:
        raise UsageError(f"judge {name!r} does not say which model to ask; give https://HOST/v1#MODEL")
    if not _is_host(host, parts.netloc) or not name.isprintable() or " " in url or len(url) > LONGEST_URL:
        raise _unreadable()
    return Endpoint(url.rstrip("/"), model)


def _is_host(host: str, netloc: str) -> bool:
    """Whether there can be such a host: what cannot be fails only when it is asked, and not in one sentence."""
    try:
        if "[" in netloc:
            return bool(IPv6Address(host)) and _BRACKETS.fullmatch(netloc) is not None
        if host.replace(".", "").isdigit():
            return bool(IPv4Address(host))
    except ValueError:
        return False
    return _NAME.fullmatch(host) is not None


def _unreadable() -> UsageError:
    return UsageError(
        "judge is not an address that can be asked; give https://HOST/v1#MODEL, where HOST is an IP address or a name "
        "of ASCII letters, digits and hyphens, in its xn-- form if it has others"
    )
