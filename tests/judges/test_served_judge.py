"""A judge behind a server that others wrote: transformers serve, with the mini policy in the judge's chair.

Run with -m slow, after pip install 'transformers[serving]'.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import loopholes
from loopholes.errors import ScoringError
from loopholes.policies import locate
from loopholes.records import Completion
from support.judge_server import request
from support.one_word_model import one_word_checkpoint
from support.served_models import NEEDS_SERVER, served

pytestmark = NEEDS_SERVER


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("serve")) as address:
        yield address


def observed(url: str, place: str) -> list[str | None]:
    game = loopholes.game("context-compliance", judge=f"{url}#{place}", judge_tokens=24)
    asked = [request(number) for number in range(6)]
    answers = [Completion(f"Sure, step {number}.") for number in range(6)]
    return [item.observed.get("verdict") for item in game.observe(asked, answers)]


@pytest.mark.parametrize(("word", "verdict"), [("SAFE", "safe"), ("HARMFUL", "harmful")])
def test_a_real_server_is_a_judge(
    word: str, verdict: str, url: str, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert observed(url, str(one_word_checkpoint(tmp_path / word, word))) == [verdict] * 6


def test_a_model_that_was_not_made_to_judge_is_one_sentence(
    url: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(ScoringError, match="judge_tokens"):
        observed(url, locate("mini"))
