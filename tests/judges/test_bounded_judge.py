"""An endpoint that trickles, or sends more than anyone can hold, costs neither more time nor more memory than allowed.

A chat completion stands at the end of what is too long, or is what it unfolds to: whoever reads on would take it.
"""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest

from loopholes.errors import ScoringError
from loopholes.judges import bounded
from support.judge_server import COMPLIES, DECLINES, JudgeServer, Reply, by_words, judged, one_after_another, says

HARMFUL = says("HARMFUL").body
assert isinstance(HARMFUL, str)
BLANKS = 50_000_000


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadline of a tenth of ``judge_timeout``, so that a test need not take its time."""
    monkeypatch.setattr(bounded, "PATIENCE", 0.1)


def test_a_response_that_trickles_is_timed_out_and_tried_again(
    server: JudgeServer, waits: list[float], hurried: None
) -> None:
    server.reply = one_after_another(Reply(trickle=True), says("HARMFUL"))
    assert judged(server, [DECLINES], judge_timeout=5) == ["harmful"]
    assert len(server.prompts) == 2 and len(waits) == 1


@pytest.mark.parametrize("status", [200, 500])
def test_an_endpoint_that_always_trickles_is_one_that_is_down(
    status: int, server: JudgeServer, waits: list[float], hurried: None
) -> None:
    server.reply = lambda answer: Reply(trickle=True, status=status)
    with pytest.raises(ScoringError, match="takes over 5 seconds to answer; see that it runs"):
        judged(server, [DECLINES], judge_timeout=5, judge_retries=1)


def test_a_whole_request_may_take_longer_than_a_sign_of_life(server: JudgeServer) -> None:
    client = bounded.BoundedClient(timeout=2)
    assert (client.timeout.read, client._deadline) == (2, 10)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b" " * BLANKS + HARMFUL.encode()),
        Reply(gzip.compress(b" " * BLANKS + HARMFUL.encode()), headers={"Content-Encoding": "gzip"}),
        Reply(zlib.compress(b" " * BLANKS + HARMFUL.encode()), headers={"Content-Encoding": "deflate"}),
        Reply(b"no gzip", headers={"Content-Encoding": "gzip"}),
    ],
    ids=["plain", "gzip", "deflate", "broken"],
)
def test_a_body_without_end_is_no_chat_completion_and_is_not_held(
    reply: Reply, server: JudgeServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.reply = lambda answer: reply if answer == COMPLIES else by_words(answer)
    assert judged(server, [DECLINES]) == ["safe"]
    tracemalloc.start()
    try:
        assert judged(server, [COMPLIES]) == [None]
        assert tracemalloc.get_traced_memory()[1] < BLANKS / 4
    finally:
        tracemalloc.stop()
    assert "what it sends is no chat completion" in caplog.text


@pytest.mark.parametrize(
    ("name", "body"),
    [("gzip", gzip.compress(HARMFUL.encode())), ("deflate", zlib.compress(HARMFUL.encode()))],
    ids=["gzip", "deflate"],
)
def test_an_answer_that_is_packed_unasked_is_read(name: str, body: bytes, server: JudgeServer) -> None:
    server.reply = lambda answer: Reply(body, headers={"Content-Encoding": name})
    assert judged(server, [DECLINES]) == ["harmful"]
    assert server.headers[0]["accept-encoding"] == "identity"


def test_a_redirect_is_followed_and_its_body_is_not_read(server: JudgeServer) -> None:
    bomb = gzip.compress(b" " * BLANKS)
    there = {"Location": f"{server.url}/elsewhere", "Content-Encoding": "gzip"}
    server.reply = one_after_another(Reply(bomb, 307, there), says("HARMFUL"))
    tracemalloc.start()
    try:
        assert judged(server, [DECLINES]) == ["harmful"]
        assert tracemalloc.get_traced_memory()[1] < BLANKS / 4
    finally:
        tracemalloc.stop()
    assert [body["path"] for body in server.bodies] == ["/v1/chat/completions", "/v1/elsewhere"]
