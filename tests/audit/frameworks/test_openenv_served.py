"""What an audit requests of an OpenEnv server, against recorded answers: no server, and no package, is needed."""

from __future__ import annotations

import io
import json
import sys
import urllib.request
from types import ModuleType
from typing import Any

import pytest

from loopholes.audit import target_of
from loopholes.audit.episodes.scripts import script
from loopholes.audit.frameworks import openenv
from loopholes.audit.frameworks.base import Paid, Row
from loopholes.errors import ScoringError, UsageError

SCHEMA = {"action": {"properties": {"message": {"type": "string"}, "metadata": {"type": "object"}}, "required": []}}
ANSWERS = {
    "reset": {"observation": {"echoed": "Say something."}, "reward": None, "done": False},
    "step": {"observation": {"echoed": "You said it."}, "reward": 0.25, "done": False},
}
"""What OpenEnv 0.10's server of its ``echo_env`` answers, by the type of message."""


class Server:
    """Answers from the record, and keeps what it was asked for."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.asked: list[Any] = []
        self.is_gone = False

    def open(self, url: str, timeout: float) -> io.BytesIO:
        """As ``urllib``'s opener does."""
        self.opened.append(url)
        if self.is_gone:
            raise OSError("Name or service not known")
        return io.BytesIO(json.dumps(SCHEMA).encode())

    def connect(self, url: str, **options: Any) -> Session:
        """As ``websockets.sync.client`` does."""
        self.opened.append(url)
        if self.is_gone:
            raise OSError("Name or service not known")
        return Session(self)


class Session:
    """One connection to the server."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def send(self, message: str) -> None:
        self._server.asked.append(json.loads(message))

    def recv(self, timeout: float) -> str:
        return json.dumps({"type": "observation", "data": ANSWERS[self._server.asked[-1]["type"]]})

    def close(self) -> None:
        self._server.asked.append("close")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server()
    client, exceptions = ModuleType("websockets.sync.client"), ModuleType("websockets.exceptions")
    client.connect = server.connect  # type: ignore[attr-defined]
    exceptions.WebSocketException = exceptions.ConnectionClosed = ConnectionError  # type: ignore[attr-defined]
    for module in (client, exceptions):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(urllib.request, "build_opener", lambda *handlers: server)
    return server


@pytest.mark.parametrize(
    "address, session", [("http://host:8000", "ws://host:8000/ws"), ("https://x/a/", "wss://x/a/ws")]
)
def test_an_episode_is_a_session_with_a_reset_and_steps(server: Server, address: str, session: str) -> None:
    (part,) = target_of([address], None, {}).parts
    reward = openenv.build([part], {"turns": 2})
    row = Row(7, "", columns={"seed": 3, "reset": {"level": 1}})
    assert reward([row], [script("a", "b")]) == [Paid(0.5, first_observation="Say something.")]
    assert server.opened == [f"{address.rstrip('/')}/schema", session]
    assert server.asked == [
        {"type": "reset", "data": {"level": 1, "seed": 3, "episode_id": "audit-7"}},
        {"type": "step", "data": {"message": "a"}},
        {"type": "step", "data": {"message": "b"}},
        "close",
    ]


def test_rows_are_resets_with_one_seed_each(server: Server) -> None:
    (part,) = target_of(["http://host:8000"], None, {}).parts
    assert [row.prompt for row in openenv.rows([part], {"rows": 2})] == ["Say something."] * 2
    assert [message["data"]["seed"] for message in server.asked if message != "close"] == [0, 1]


def test_an_address_that_cannot_be_reached_is_one_sentence(server: Server) -> None:
    (part,) = target_of(["http://host:8000"], None, {}).parts
    reward = openenv.build([part], {})
    server.is_gone = True
    with pytest.raises(ScoringError, match="http://host:8000 no longer answers .Name or service not known."):
        reward([Row(0, "")], ["a"])
    with pytest.raises(UsageError, match="no OpenEnv server answers at http://host:8000"):
        openenv.build([part], {})
