"""Where an endpoint is, and its settings in the environment.

A name holds no secret, so that a run's configuration can hold it. The key of a party (``LOOPHOLES_JUDGE_KEY``,
``LOOPHOLES_POLICY_KEY``) is sent to its endpoint, whichever host that is on. Variables called ``OPENAI_...`` belong to
one host, that of ``OPENAI_BASE_URL`` or else api.openai.com. They are sent to no other host, although the ``openai``
client would send them.
"""

from __future__ import annotations

import os
import re
from ipaddress import IPv4Address, IPv6Address
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from loopholes.errors import LoopholesError, PolicyError, ScoringError, UsageError

OPENAI = "OPENAI_API_KEY"
HEADERS = {"OPENAI_ORG_ID": "OpenAI-Organization", "OPENAI_PROJECT_ID": "OpenAI-Project"}
CUSTOM = "OPENAI_CUSTOM_HEADERS"  # lines of NAME: VALUE
LONGEST_URL = 2048
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\.?", re.ASCII | re.IGNORECASE)
_BRACKETS = re.compile(r"\[[^\[\]]*\](?::\d*)?", re.ASCII)


class Endpoint(NamedTuple):
    """Where a chat model answers, and under which name: ``URL#MODEL``."""

    url: str
    model: str


class Party(NamedTuple):
    """The role of an endpoint: the variable of its key, the error that it raises if broken, and words for messages.

    ``questions`` ends the warning about questions that the endpoint declines.
    """

    title: str
    key: str
    error: type[LoopholesError]
    questions: str


JUDGE = Party("judge", "LOOPHOLES_JUDGE_KEY", ScoringError, "questions, which get no verdict")
POLICY = Party("policy", "LOOPHOLES_POLICY_KEY", PolicyError, "prompts, which are not scored")


def is_address(name: str) -> bool:
    """Whether a name means an endpoint."""
    return name.startswith(("http://", "https://"))


def parse_endpoint(name: str, party: Party) -> Endpoint:
    """The endpoint called ``URL#MODEL``.

    Raises :class:`UsageError`, which does not repeat a URL that may hold a password: names are written into runs.
    """
    url, _, model = name.partition("#")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise _unreadable(party) from None
    if "@" in parts.netloc or parts.query:
        raise UsageError(
            f"a {party.title}'s address is written into the run, so it may hold no user, password or query; put the "
            f"key into {party.key}"
        )
    if not host or not model:
        raise UsageError(f"{party.title} {name!r} does not say which model to ask; give https://HOST/v1#MODEL")
    if not _is_host(host, parts.netloc) or not name.isprintable() or " " in url or len(url) > LONGEST_URL:
        raise _unreadable(party)
    return Endpoint(url.rstrip("/"), model)


def _is_host(host: str, netloc: str) -> bool:
    """Whether such a host can exist: an impossible one fails only on the first request, with an unclear error."""
    try:
        if "[" in netloc:
            return bool(IPv6Address(host)) and _BRACKETS.fullmatch(netloc) is not None
        if host.replace(".", "").isdigit():
            return bool(IPv4Address(host))
    except ValueError:
        return False
    return _NAME.fullmatch(host) is not None


def _unreadable(party: Party) -> UsageError:
    return UsageError(
        f"{party.title} is not an address that can be asked; give https://HOST/v1#MODEL, where HOST is an IP address "
        "or a name of ASCII letters, digits and hyphens, in its xn-- form if it has others"
    )


def key_for(url: str, variable: str) -> str:
    """The key for an address, empty if there is none; ``variable`` holds the party's own.

    Raises :class:`UsageError` for a key that cannot be sent.
    """
    return _sendable(variable) or (_sendable(OPENAI) if _is_openai(url) else "")


def headers_for(url: str, key: str) -> dict[str, Any]:
    """Headers for an address that replace those of the client, as its ``default_headers``.

    Raises :class:`UsageError` for a variable whose value cannot be sent.
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
