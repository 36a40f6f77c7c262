"""A policy behind a server that others wrote: transformers serve, with small models in the policy's chair.

Run with -m slow, after pip install 'transformers[serving]'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from loopholes.cli import main
from loopholes.errors import PolicyError
from loopholes.policies import locate
from loopholes.policies.packaged import PACKAGED
from loopholes.runs import Run
from support.one_word_model import one_word_checkpoint
from support.served_models import NEEDS_SERVER, served

pytestmark = NEEDS_SERVER
Evaluate = Callable[..., int]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("serve")) as address:
        yield address


@pytest.fixture
def evaluate(url: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Evaluate:
    """``evaluate(place, out, *options)``: the exit code for the model in this directory."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def run(place: str, out: Path, *options: str) -> int:
        return main(["eval", f"{url}#{place}", "--game", "all", "--out", str(out), "--samples", "1", *options])

    return run


def test_a_real_server_plays_all_games(evaluate: Evaluate, tmp_path: Path) -> None:
    place = str(one_word_checkpoint(tmp_path / "model", "Yes"))
    assert evaluate(place, tmp_path / "run", "--count", "2", "--max-tokens", "8") == 0
    grading = Run.open(tmp_path / "run" / "self-grading")
    assert [row["details"]["claim"] for row in grading.rollouts()] == [True, True]
    assert grading.summary is not None and grading.summary["usage"]["completion_tokens"] > 0


def test_a_model_that_the_server_has_not_is_one_sentence(
    evaluate: Evaluate, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = evaluate(str(tmp_path / "nobody"), tmp_path / "run", "--count", "1")
    assert code == PolicyError.exit_code and "see that it " in capsys.readouterr().err


@pytest.mark.skipif(not PACKAGED["smollm2"].place.is_dir(), reason="needs loopholes fetch smollm2")
def test_a_real_model_has_a_base_rate_in_every_game(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    command = ["eval", f"{url}#{locate('smollm2')}", "--game", "all", "--out", str(tmp_path / "run")]
    assert main([*command, "--count", "4", "--samples", "1", "--max-tokens", "64", "--timeout", "600"]) == 0
    for game in ("context-compliance", "self-grading", "proxy-metric", "reward-tampering"):
        summary = Run.open(tmp_path / "run" / game).summary
        assert summary is not None
        assert any(cell["metric"] == "exploit_rate" and cell["value"] is not None for cell in summary["cells"])
