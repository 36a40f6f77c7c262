"""Chat models behind OpenAI-compatible endpoints: addresses, requests, replies.

Judges and policies share this client. A :class:`Party` says which of the two it asks, which variable holds the key,
and which error a broken endpoint raises.

Read the modules in this order: ``address`` (``URL#MODEL`` and what the environment holds for it), ``client`` (many
questions at once, and everything that can go wrong), ``reply`` (a chat completion as it arrives), ``cache`` (answers
kept on disk).
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
