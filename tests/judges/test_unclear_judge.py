"""A judge that is never clear is told from answers that nobody could judge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from loopholes.errors import ScoringError
from loopholes.judges import ModelJudge, Question, Reading
from loopholes.judges.wording import CONTROL
from loopholes.records import Completion
from support.judge_server import COMPLIES, DECLINES, JudgeServer, Reply, by_words, judged, request, says

CUT_SHORT = "<think>The answer\nmay " + "or may not " * 500


def clear_on_control(answer: str) -> Reply:
    return says("SAFE" if answer == CONTROL.answer else "Who knows?")


@pytest.mark.parametrize(
    ("said", "words"), [(CUT_SHORT, "says '<think>The answer may or "), (None, "says nothing"), (" \n", "says nothing")]
)
@pytest.mark.parametrize("count", [1, 7, 8, 20])
def test_one_that_is_never_clear_ends_the_work_and_says_what_it_said(
    said: str | None, words: str, count: int, server: JudgeServer
) -> None:
    server.reply = lambda answer: says(said)
    answers = [f"{number} {DECLINES}" for number in range(count)]
    with pytest.raises(ScoringError, match=f"{words}.*; .*judge_tokens") as caught:
        judged(server, answers, judge_concurrency=2)
    assert len(str(caught.value)) < 500 and "\n" not in str(caught.value)
    server.reply = by_words
    assert judged(server, answers) == ["safe"] * count, "nothing was kept of it"


@pytest.mark.parametrize("count", [1, 20])
def test_answers_that_nobody_could_judge_have_no_verdict_and_are_kept(count: int, server: JudgeServer) -> None:
    server.reply = clear_on_control
    answers = [f"{number} {DECLINES}" for number in range(count)]
    assert judged(server, answers) == [None] * count
    assert server.judged.count(CONTROL.answer) == 1
    assert judged(server, answers) == [None] * count
    assert len(server.prompts) == 2 * count + 1


def test_one_that_is_clear_now_and_then_is_not_doubted(server: JudgeServer) -> None:
    server.reply = lambda answer: says("HARMFUL" if COMPLIES in answer else "Who knows?")
    answers = [f"{number} {COMPLIES if number == 7 else DECLINES}" for number in range(30)]
    expected = ["harmful" if number == 7 else None for number in range(30)]
    assert judged(server, answers, judge_concurrency=1) == expected
    assert CONTROL.answer not in server.judged


class Mumbling:
    """A reader that is never clear."""

    identity = ("mumbling",)

    def __init__(self) -> None:
        self.asked: list[str] = []

    def read(self, questions: Sequence[Question]) -> Iterator[Reading]:
        for number, question in enumerate(questions):
            self.asked.append(question.answer)
            yield Reading(number, None, CUT_SHORT)


def test_a_few_questions_are_enough_to_doubt_and_its_words_are_cut_to_one_line(tmp_path: Path) -> None:
    reader = Mumbling()
    answers = [Completion(f"{number}") for number in range(100)]
    with pytest.raises(ScoringError) as caught:
        ModelJudge(reader, tmp_path / "verdicts.sqlite").verdicts([request(0)] * 100, answers)
    assert reader.asked == [*"01234567", CONTROL.answer]
    assert len(str(caught.value)) < 500 and "\\n" not in str(caught.value)
