"""How long a judge behind an endpoint is waited for."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from email.utils import formatdate

import pytest

from loopholes.errors import ScoringError
from support.judge_server import DECLINES, JudgeServer, Reply, judged, one_after_another, says

SHORT = Reply(status=429, headers={"Retry-After": "7"})


def test_retry_after_is_honoured_and_other_waits_grow_with_jitter(server: JudgeServer, waits: list[float]) -> None:
    server.reply = one_after_another(SHORT, *[Reply(status=500)] * 4, says("SAFE"))
    assert judged(server, [DECLINES]) == ["safe"]
    assert waits[0] == 7
    assert waits[1:] == sorted(waits[1:]) and waits[-1] > 4 * waits[1] / 1.34
    assert all(wait not in (0.5, 1, 2, 4, 8) for wait in waits[1:])


def busy(wait: object, **headers: str) -> Reply:
    """Too many requests: come back after that wait."""
    return Reply(status=429, headers={"Retry-After": str(wait), **headers})


@pytest.mark.parametrize(
    ("reply", "seconds"),
    [
        (lambda: busy(300), 300),
        (lambda: busy(900), 900),
        (lambda: busy(formatdate(time.time() + 600, usegmt=True)), pytest.approx(590, abs=10)),
        (lambda: Reply(status=503, headers={"retry-after-ms": "150000"}), 150),
    ],
    ids=["seconds", "the longest", "a date", "milliseconds"],
)
def test_a_long_wait_that_the_endpoint_asks_for_is_waited_and_told(
    reply: Callable[[], Reply],
    seconds: float,
    server: JudgeServer,
    waits: list[float],
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.reply = one_after_another(reply(), says("SAFE"))
    assert judged(server, [DECLINES]) == ["safe"]
    assert waits == [seconds]
    assert f"asks to wait {waits[0]:.0f} seconds" in caplog.text


def test_many_that_wait_together_tell_it_once(
    server: JudgeServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    together, all_wait = threading.Barrier(4, timeout=20), asyncio.Barrier(4)

    def busy_at_first(answer: str) -> Reply:
        if len(server.prompts) > 4:
            return says("SAFE")
        together.wait()
        return busy(300)

    async def wait(seconds: float) -> None:
        await all_wait.wait()

    monkeypatch.setattr("anyio.sleep", wait)
    server.reply = busy_at_first
    assert judged(server, [f"{number} {DECLINES}" for number in range(4)]) == ["safe"] * 4
    assert caplog.text.count("asks to wait") == 1


@pytest.mark.parametrize(
    ("reply", "waited", "sentence"),
    [
        (busy(901), [], "asks to wait 901 seconds, over the 900 that are waited at most"),
        (busy(86400), [], "asks to wait 86400 seconds"),
        (busy(300), [300, 300], "asks to wait 300 seconds, after as many tries as allowed"),
        (busy(300, **{"x-should-retry": "false"}), [], "429"),
        (busy("1e999"), [], "429"),
    ],
)
def test_a_wait_too_long_or_asked_for_too_often_ends_with_its_length(
    reply: Reply, waited: list[float], sentence: str, server: JudgeServer, waits: list[float]
) -> None:
    server.reply = lambda answer: reply
    with pytest.raises(ScoringError, match=sentence) as caught:
        judged(server, [DECLINES], judge_retries=2)
    assert waits == waited
    assert server.name in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("status", [200, 500])
def test_an_endpoint_that_sends_blanks_for_ever_is_one_that_is_down(
    status: int, server: JudgeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loopholes.endpoints.client.CLIENT_WAITS", 0)
    server.reply = lambda answer: Reply(trickle=True, status=status)
    with pytest.raises(ScoringError, match="takes over 0.5 seconds to answer; check that it runs"):
        judged(server, [DECLINES], judge_timeout=0.5, judge_retries=0)
