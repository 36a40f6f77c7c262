"""A served OpenEnv environment: one WebSocket session per episode.

HTTP's ``/reset`` and ``/step`` would not work, since each creates an environment of its own. OpenEnv's own collector of
evidence would take 0.2 s per episode, and has to know all actions in advance.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from loopholes.audit.episodes.playing import Step, start_of, text_of
from loopholes.audit.frameworks.base import Library, Rejected, Row
from loopholes.errors import ScoringError, UsageError

client, exceptions = Library("websockets.sync.client"), Library("websockets.exceptions")

SECONDS = 30.0
"""Default of ``timeout``, the time limit of an episode in seconds."""
FULL = "CAPACITY_REACHED"
PAUSE = 0.05  # seconds for the last episode's session to close


class ServedEnvironment:
    """An environment at an address. ``field`` is the field of its actions that takes a text.

    A server that is gone or stays full raises :class:`ScoringError`.
    """

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        self._url = url.rstrip("/")
        self._seconds = float(options.get("timeout") or SECONDS)
        action = _schema(self._url, self._seconds).get("action") or {}
        texts = [name for name, field in (action.get("properties") or {}).items() if _is_text(field)]
        fields = Fields("the server's action", texts, action.get("properties") or {}, action.get("required") or ())
        self.field = fields.choose(options.get("action_field"))
        self._session: Any = None
        self._deadline = 0.0

    @property
    def notes(self) -> list[str]:
        """Notes on how the environment is played."""
        return [
            f"a text is the {self.field} of an action; a row's columns seed and reset are passed to reset, with the "
            "row's number as the default seed",
            "NaN and infinite rewards are null on OpenEnv's wire, which means no reward",
            "the server is not restarted, so state that its first episodes leave behind goes unnoticed",
        ]

    @property
    def tools(self) -> list[dict[str, Any]]:
        """The environment's tools; always empty, since a server is not asked for them."""
        return []

    def reset(self, row: Row) -> str:
        """See :class:`~loopholes.audit.episodes.playing.Environment`."""
        return text_of(self.first_observation(row))

    def first_observation(self, row: Row) -> Mapping[str, Any]:
        """The first observation of a new session, as a record."""
        seed, more = start_of(row)
        data = {**more, "seed": seed, "episode_id": f"audit-{row.number}"}
        until = time.monotonic() + self._seconds
        while True:
            self.finish()
            self._session = self._connected()
            self._deadline = time.monotonic() + self._seconds
            try:
                return dict(self._exchange("reset", data).get("observation") or {})
            except _TurnedAway as error:
                if time.monotonic() > until:
                    raise ScoringError(
                        f"the server at {self._url} has no free session ({error}): let it serve more at once"
                    ) from error
            time.sleep(PAUSE)

    def step(self, action: str) -> Step:
        """See :class:`~loopholes.audit.episodes.playing.Environment`."""
        data = self._exchange("step", {self.field: action})
        return Step(text_of(data.get("observation")), data.get("reward"), data.get("done") is True)

    def finish(self) -> None:
        """End the session, to make room for another one."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _connected(self) -> Any:
        address = urlsplit(self._url)
        scheme = "wss" if address.scheme == "https" else "ws"
        url = urlunsplit((scheme, address.netloc, f"{address.path.rstrip('/')}/ws", "", ""))
        try:
            return client.connect(url, proxy=None, open_timeout=self._seconds, close_timeout=1, compression=None)
        except (OSError, exceptions.WebSocketException) as error:
            raise ScoringError(f"the server at {self._url} no longer answers ({error}): start it again") from error

    def _exchange(self, operation: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """The server's answer to a message; raises :class:`RuntimeError` if it is an error."""
        try:
            self._session.send(json.dumps({"type": operation, "data": data}, ensure_ascii=False))
            answer = json.loads(self._session.recv(timeout=max(0.0, self._deadline - time.monotonic())))
        except TimeoutError:
            raise TimeoutError(f"{operation} ended {self._seconds:g} s after the episode began, or never") from None
        except exceptions.ConnectionClosed as error:
            kind = _TurnedAway if operation == "reset" else RuntimeError
            raise kind(f"the server hung up at {operation}") from error
        content = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(content, dict) or answer.get("type") not in ("observation", "error"):
            raise RuntimeError(f"the server answered {operation} with something other than an observation")
        if answer["type"] == "error":
            raise (_TurnedAway if content.get("code") == FULL else RuntimeError)(
                f"{operation} failed ({content.get('code')})"
            )
        return content


class _TurnedAway(Exception):
    """No session was free: the server said so and hung up, or hung up right away."""


class Fields:
    """The fields of an action, one of which takes the completion."""

    def __init__(self, what: str, texts: Sequence[str], every: Collection[str], needed: Collection[str]) -> None:
        self._what = what
        self._texts = texts
        self._every = every
        self._needed = needed

    def choose(self, named: str | None) -> str:
        """The field that the user names, or the only text; raises :class:`UsageError` or :class:`Rejected`."""
        if named is not None and named not in self._every:
            raise UsageError(f"{self._what} has no {named}; it has: {', '.join(sorted(self._every)) or 'nothing'}")
        if named is None and len(self._texts) != 1:
            texts = ", ".join(self._texts) or "none"
            raise UsageError(f"action_field has to say which text of {self._what} is the completion; texts: {texts}")
        field = self._texts[0] if named is None else named
        rest = sorted(set(self._needed) - {field})
        if rest:
            raise Rejected(f"{self._what} also needs {', '.join(rest)}, which a completion cannot provide")
        return field


def _is_text(field: Mapping[str, Any]) -> bool:
    return field.get("type") == "string" and "enum" not in field and "const" not in field


def _schema(url: str, seconds: float) -> Mapping[str, Any]:
    """The server's schema of its actions; raises :class:`Rejected` if no server answers."""
    plain = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # like OpenEnv's collector, past every proxy
    try:
        with plain.open(f"{url}/schema", timeout=seconds) as answer:
            schema = json.load(answer)
    except (OSError, ValueError) as error:
        raise Rejected(f"no OpenEnv server answers at {url} ({error}): start it and name its address") from error
    return schema if isinstance(schema, dict) else {}
