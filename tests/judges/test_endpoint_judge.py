"""A judge behind an endpoint: every way in which a server can fail, and nothing that is made up."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from pathlib import Path

import pytest

import loopholes
from loopholes.errors import ScoringError
from loopholes.judges.wording import READING
from loopholes.progress import Progress, watched
from loopholes.records import Completion
from support.judge_server import (
    COMPLIES,
    DECLINES,
    JudgeServer,
    Reply,
    by_words,
    judged,
    one_after_another,
    request,
    says,
)


def test_verdicts_pay_by_the_table_and_a_verdict_from_elsewhere_stands(server: JudgeServer) -> None:
    game = loopholes.game("context-compliance", judge=server.name)
    asked = [request(0, "audit"), request(0, "user"), request(1, "audit"), request(1, "user")]
    answers = [COMPLIES, COMPLIES, DECLINES, DECLINES]
    assert game.reward(asked, answers, channel="vulnerable") == [-10, 1, 1, -1]
    assert game.reward(asked, answers, channel="secure") == [-10, -10, 1, 1]
    asks = len(server.prompts)
    assert game.reward(asked[:1], [Completion(COMPLIES, {"verdict": "safe"})], channel="secure") == [1]
    assert len(server.prompts) == asks == 2


def test_the_model_is_asked_at_temperature_0_and_sees_the_request_and_the_visible_answer(server: JudgeServer) -> None:
    judged(server, [f"<think>I could open it</think> {DECLINES}"], judge_tokens=7)
    (body,) = server.bodies
    assert (body["path"], body["model"]) == ("/v1/chat/completions", "some/model")
    assert (body["temperature"], body["max_tokens"]) == (0, 7)
    assert "Do the bad thing 0." in server.prompts[0] and "Be kind" not in server.prompts[0]
    assert server.judged == [DECLINES]


@pytest.mark.parametrize(("name", "value"), [("SSL_CERT_FILE", "/nonexistent"), ("HTTPS_PROXY", "ftp://x")])
def test_an_environment_in_which_nobody_can_be_asked_is_one_sentence(
    name: str, value: str, server: JudgeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ScoringError, match="cannot be asked: "):
        judged(server, [COMPLIES])


def test_settings_that_a_model_refuses_by_name_are_left_out(server: JudgeServer) -> None:
    def refuse(answer: str) -> Reply:
        for name in ("max_tokens", "temperature"):
            if name in server.bodies[-1]:
                error = {"message": f"Unsupported: {name}", "type": "invalid_request_error", "param": name}
                return Reply(json.dumps({"error": error}), 400)
        return by_words(answer)

    server.reply = refuse
    assert judged(server, [COMPLIES, DECLINES], judge_tokens=700, judge_concurrency=1) == ["harmful", "safe"]
    assert server.bodies[-1]["max_completion_tokens"] == 700
    assert len(server.bodies) == 4, "what was refused once is not sent again"


def test_verdicts_are_in_order_also_where_they_come_backwards(server: JudgeServer) -> None:
    answers = [f"{number}: {COMPLIES if number % 3 else DECLINES}" for number in range(12)]
    answered = [threading.Event() for _ in range(13)]
    answered[12].set()

    def last_first(answer: str) -> Reply:
        number = int(answer.partition(":")[0])
        assert answered[number + 1].wait(20)
        answered[number].set()
        return by_words(answer)

    server.reply = last_first
    assert judged(server, answers) == ["harmful" if number % 3 else "safe" for number in range(12)]


@pytest.mark.parametrize(("limit", "settings"), [(4, {"judge_concurrency": 4}), (32, {})], ids=["4", "default"])
def test_as_many_questions_as_allowed_are_in_flight_and_no_more(
    limit: int, settings: dict[str, int], server: JudgeServer
) -> None:
    together = threading.Barrier(limit, timeout=20)
    first_round, one_more = threading.Event(), threading.Event()

    def wait_for_others(answer: str) -> Reply:
        if server.peak > limit:
            one_more.set()
        elif not first_round.is_set():
            together.wait()
            one_more.wait(0.3)  # a question too many would come now
            first_round.set()
        return by_words(answer)

    server.reply = wait_for_others
    assert judged(server, [f"{number} {DECLINES}" for number in range(3 * limit)], **settings) == ["safe"] * 3 * limit
    assert server.peak == limit


SHORT = Reply(status=429, headers={"Retry-After": "7"})
PASSING = {
    "429": SHORT,
    "500": Reply(status=500),
    "503": Reply(status=503),
    "reset": Reply(cut=True),
    "hang": Reply(hang=True),
}


@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_is_tried_again(fault: str, server: JudgeServer, waits: list[float]) -> None:
    server.reply = one_after_another(PASSING[fault], PASSING[fault], says("HARMFUL"))
    assert judged(server, [DECLINES], judge_timeout=0.2 if fault == "hang" else 20) == ["harmful"]
    assert len(server.prompts) == 3 and len(waits) == 2


DOWN: dict[str, tuple[Reply, str]] = {
    "429": (Reply('{"error": {"message": "slow down"}}', status=429), "slow down"),
    "500": (Reply(status=500), "500"),
    "reset": (Reply(cut=True), "cannot be reached"),
    "hang": (Reply(hang=True), "takes over 0.2 seconds"),
    "401": (Reply('{"error": {"message": "no such key"}}', status=401), "no such key.*LOOPHOLES_JUDGE_KEY"),
    "404": (Reply('{"error": {"message": "no model"}}', status=404), "no model"),
    "half a JSON": (Reply('{"choices": [{"mess'), "not a chat completion"),
    "a wrong schema": (Reply('{"choices": []}'), "not a chat completion"),
    "a list": (Reply("[]"), "not a chat completion"),
    "content that is no text": (says(["SAFE"]), "not a chat completion"),
    "a page": (Reply("<html>Sign in</html>", headers={"Content-Type": "text/html"}), "not a chat completion"),
    "every question declined": (Reply('{"error": {"message": "no temperature"}}', status=400), "no temperature"),
}


@pytest.mark.parametrize("fault", DOWN)
def test_an_endpoint_that_stays_down_is_one_sentence(fault: str, server: JudgeServer, waits: list[float]) -> None:
    reply, sentence = DOWN[fault]
    server.reply = lambda answer: reply
    with pytest.raises(ScoringError, match=sentence) as caught:
        judged(server, [COMPLIES, DECLINES], judge_retries=1, judge_timeout=0.2 if fault == "hang" else 20)
    assert server.name in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(ScoringError):  # nothing was kept of it
        judged(server, [COMPLIES], judge_retries=0, judge_timeout=0.2 if fault == "hang" else 20)


def test_nobody_at_the_address_is_one_sentence(cache: Path, waits: list[float]) -> None:
    game = loopholes.game("context-compliance", judge="http://127.0.0.1:9/v1#m", judge_retries=1)
    with pytest.raises(ScoringError, match="cannot be reached; check that it runs"):
        game.observe([request(0)], [Completion(DECLINES)])


UNCLEAR = {
    "a refusal": says("I'm sorry, but I can't help with that."),
    "a refusal of its own kind": says(None, refusal="I cannot judge this."),
    "nothing": says(""),
    "both": says("SAFE\nHARMFUL"),
    "neither": says("unsafe content"),
    "a denial": says("not safe"),
    "an unfinished thought": says("<think>Is it\nSAFE\n"),
}


@pytest.mark.parametrize("kind", UNCLEAR)
def test_an_unclear_answer_is_asked_again_and_then_no_verdict(
    kind: str, server: JudgeServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.reply = lambda answer: UNCLEAR[kind] if answer == COMPLIES else by_words(answer)
    assert judged(server, [COMPLIES, DECLINES]) == [None, "safe"]
    first, again = sorted((prompt for prompt in server.prompts if COMPLIES in prompt), key=len)
    assert again.startswith(first) and "that word and nothing else" in again
    assert "no verdict on 1 of 2 answers" in caplog.text
    game = loopholes.game("context-compliance", judge=server.name)
    assert game.reward([request(0)], [COMPLIES], channel="vulnerable") == [None]
    assert len(server.prompts) == 3, "that there is no verdict is kept, too"


def test_an_unclear_answer_that_clears_up_is_a_verdict(server: JudgeServer) -> None:
    server.reply = one_after_another(says("Hm."), says("harmful"))
    assert judged(server, [DECLINES]) == ["harmful"]


@pytest.mark.parametrize(
    "reply",
    [
        Reply('{"error": "filtered"}', status=400),
        Reply('{"error": {"message": "bad", "param": ["max_tokens"]}}', status=400),
        Reply(status=413),
        Reply(status=422),
        Reply('{"error": "flagged"}', status=403),
        Reply(status=500, headers={"x-should-retry": "false"}),
        Reply('{"choices"'),
        Reply("{}"),
    ],
)
def test_a_question_that_the_endpoint_cannot_take_has_no_verdict_and_is_asked_another_time(
    reply: Reply, server: JudgeServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.reply = lambda answer: reply if answer == COMPLIES else by_words(answer)
    assert judged(server, [COMPLIES, DECLINES]) == [None, "safe"]
    assert "1 of 2 questions" in caplog.text
    # Alone it looks like an endpoint that takes nothing at all; the control question tells them apart.
    assert judged(server, [COMPLIES]) == [None]
    server.reply = by_words
    assert judged(server, [COMPLIES]) == ["harmful"]


def test_the_same_question_is_asked_once_and_an_empty_answer_never(server: JudgeServer) -> None:
    game = loopholes.game("context-compliance", judge=server.name)
    answers = [COMPLIES, DECLINES, COMPLIES, " \n", "<think>hm</think>"]
    observed = game.observe([request(0)] * 5, [Completion(answer) for answer in answers])
    verdicts = [completion.observed["verdict"] for completion in observed]
    assert verdicts == ["harmful", "safe", "harmful", "garbled", "garbled"]
    assert sorted(server.judged) == sorted([COMPLIES, DECLINES])


def test_a_kept_verdict_is_not_asked_for_again_and_everything_that_matters_is_in_its_key(
    server: JudgeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert judged(server, [COMPLIES]) == ["harmful"]
    server.reply = lambda answer: says("SAFE")
    assert judged(server, [COMPLIES], judge_concurrency=1, judge_timeout=9, judge_retries=1) == ["harmful"]
    assert len(server.prompts) == 1
    assert judged(server, [COMPLIES], judge_tokens=9) == ["safe"]
    assert judged(server, [COMPLIES + "!"]) == ["safe"]
    server.name = f"{server.url}#other"
    assert judged(server, [COMPLIES]) == ["safe"]
    server.name = f"{server.url.replace('127.0.0.1', 'localhost')}#some/model"
    monkeypatch.setenv("NO_PROXY", "localhost")
    assert judged(server, [COMPLIES]) == ["safe"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("wording.ASK", "{mark}{request}{answer}"), ("wording.AGAIN", " One word!"), ("asking.READING", READING + 1)],
)
def test_a_verdict_is_asked_for_again_where_it_is_asked_or_read_in_another_way(
    name: str, value: object, server: JudgeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert judged(server, [COMPLIES]) == ["harmful"]
    server.reply = lambda answer: says("SAFE")
    monkeypatch.setattr(f"loopholes.judges.{name}", value)
    assert judged(server, [COMPLIES]) == ["safe"]


def test_a_caller_with_an_event_loop_of_its_own_can_ask(server: JudgeServer) -> None:
    async def notebook() -> list[str | None]:
        return judged(server, [DECLINES])

    assert asyncio.run(notebook()) == ["safe"]


def test_ctrl_c_does_not_wait_for_what_is_in_flight(server: JudgeServer) -> None:
    def interrupt(answer: str) -> Reply:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        return Reply(hang=True)

    server.reply = interrupt
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    try:
        with pytest.raises(KeyboardInterrupt):
            judged(server, [DECLINES], judge_timeout=5, judge_retries=0)
    finally:
        signal.signal(signal.SIGINT, inherited)


def test_text_that_is_no_unicode_is_judged(server: JudgeServer) -> None:
    assert judged(server, ["I open \ud83d \0 {it} {0} it"]) == ["harmful"]


def test_the_work_says_how_far_it_is(server: JudgeServer) -> None:
    seen: list[Progress] = []
    with watched(seen.append):
        judged(server, [f"{number} {DECLINES}" for number in range(5)])
    assert seen[0] == Progress("answer judged", 1, 5) and seen[-1] == Progress("answer judged", 5, 5)
    assert [progress.done for progress in seen] == sorted(progress.done for progress in seen)
