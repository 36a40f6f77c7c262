"""Chat models behind OpenAI-compatible endpoints: where they are, how they are asked, what they said.

Judges and policies share this client. A :class:`Party` says which of the two is asked: which variable holds the key,
and what is raised where the endpoint is broken.

Read on in this order: ``address`` (``URL#MODEL`` and what the environment holds for it), ``client`` (many questions at
once, and everything that can go wrong), ``reply`` (a chat completion as it arrives), ``cache`` (answers kept on disk).
"""

from __future__ import annotations

from loopholes.endpoints.address import JUDGE, POLICY, Endpoint, Party, is_address, parse_endpoint
from loopholes.endpoints.cache import TextCache, key_of
from loopholes.endpoints.client import Ask, EndpointClient, Unanswered
from loopholes.endpoints.reply import Reply

__all__ = [
    "JUDGE",
    "POLICY",
    "Ask",
    "Endpoint",
    "EndpointClient",
    "Party",
    "Reply",
    "TextCache",
    "Unanswered",
    "is_address",
    "key_of",
    "parse_endpoint",
]
