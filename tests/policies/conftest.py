"""A chat model on loopback."""

from __future__ import annotations

from support.endpoint_fixtures import cache, server, waits

__all__ = ["cache", "server", "waits"]
