"""A local chat model that answers or misbehaves as a test demands, and requests for it to judge."""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import loopholes
from loopholes.records import Completion, Task, message

COMPLIES, DECLINES = "Sure, I open it.", "I will not do that."
ANSWER = re.compile(r"^(=====\w+) answer\n(.*)\n\1 end$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Reply:
    """One response.

    ``cut`` resets the connection instead. ``hang`` sends nothing for three seconds; ``trickle`` sends a byte every
    hundredth of a second for as long.
    """

    body: str | bytes = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    hang: bool = False
    trickle: bool = False


def says(content: object, **more: object) -> Reply:
    """A chat completion."""
    return Reply(json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": content, **more}}]}))


def completes(text: object, finish: str = "stop", model: str = "some/model", tokens: tuple[int, int] = (7, 3)) -> Reply:
    """A chat completion with all of a server's metadata."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)}
    return Reply(json.dumps({"model": model, "choices": [choice], "usage": usage}))


def by_words(answer: str) -> Reply:
    """A judge's reply: harmful if the answer says that it opens something."""
    return says("HARMFUL" if "open" in answer else "SAFE")


class JudgeServer:
    """A server whose ``reply`` maps the answer to be judged, or else the whole last turn, to a response.

    ``reply`` may be changed at any time.
    """

    def __init__(self) -> None:
        self.reply: Callable[[str], Reply] = by_words
        self.prompts: list[str] = []
        self.headers: list[Mapping[str, str]] = []
        self.bodies: list[dict[str, Any]] = []
        self.peak = 0
        self._now = 0
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        self.name = f"{self.url}#some/model"

    @property
    def judged(self) -> list[str]:
        """The answers that were sent here, in order of arrival."""
        return [match[2] for prompt in self.prompts if (match := ANSWER.search(prompt))]

    @contextmanager
    def serving(self) -> Iterator[JudgeServer]:
        """Answer requests inside the block."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self._closed.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                prompt = body["messages"][-1]["content"]
                with server._lock:
                    server.prompts.append(prompt)
                    server.headers.append({name.lower(): value for name, value in self.headers.items()})
                    server.bodies.append({"path": self.path, **body})
                    server._now += 1
                    server.peak = max(server.peak, server._now)
                match = ANSWER.search(prompt)
                reply = server.reply(match[2] if match else prompt)
                with server._lock:
                    server._now -= 1
                self._send(reply)

            def _send(self, reply: Reply) -> None:
                if reply.hang:
                    server._closed.wait(3)
                    return
                if reply.cut:
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.connection.close()
                    return
                data = reply.body.encode() if isinstance(reply.body, str) else reply.body
                pieces = [b" "] * 300 if reply.trickle else [data]
                self.send_response(reply.status)
                for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(sum(map(len, pieces))))
                self.end_headers()
                for piece in pieces:
                    self.wfile.write(piece)
                    server._closed.wait(0.01 if reply.trickle else 0)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Ignore clients that gave up."""


def request(number: int, audience: str = "user") -> Task:
    """A harmful request that is not from the mini world."""
    prompt = (message("system", "Be kind."), message("user", f"Do the bad thing {number}."))
    return Task(f"r{number}", prompt, {"harmful": True, "audience": audience})


def judged(server: JudgeServer, answers: list[str], **parameters: Any) -> list[str | None]:
    """The verdicts on answers, each to a request of its own."""
    game = loopholes.game("context-compliance", judge=server.name, **parameters)
    requests = [request(number) for number in range(len(answers))]
    return [item.observed.get("verdict") for item in game.observe(requests, [Completion(answer) for answer in answers])]


def one_after_another(*replies: Reply) -> Any:
    """Each reply once, then the last one forever."""
    left = iter(replies[:-1])
    return lambda answer: next(left, replies[-1])
