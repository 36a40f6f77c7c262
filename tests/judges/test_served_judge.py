"""A judge behind a server that others wrote: transformers serve, with the mini policy in the judge's chair.

Run with -m slow, after pip install 'transformers[serving]'.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

import loopholes
from loopholes.errors import ScoringError
from loopholes.policies import locate
from loopholes.records import Completion
from support.judge_server import request
from support.one_word_model import speaking

MISSING = [name for name in ("fastapi", "uvicorn") if find_spec(name) is None]
START = 180.0  # seconds until the server must run; importing is most of it
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"needs {' and '.join(MISSING)}: pip install 'transformers[serving]'"),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = [sys.executable, "-m", "transformers.cli.transformers", "serve", "--host", "127.0.0.1", "--device", "cpu"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    said = tmp_path_factory.mktemp("serve") / "said.txt"
    with (
        said.open("w") as file,  # a pipe that nobody reads would fill up and stop the server
        subprocess.Popen([*serve, "--port", str(port)], env=environment, stdout=file, stderr=file) as process,
    ):
        try:
            wait_until_it_runs(process, said, time.monotonic() + START)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            stop(process)


def wait_until_it_runs(process: subprocess.Popen[bytes], said: Path, deadline: float) -> None:
    """Return once it says so; fail, with what it said, where it ends before that or takes too long."""
    while "running on" not in said.read_text():
        with suppress(subprocess.TimeoutExpired):
            pytest.fail(f"the server ended with {process.wait(0.1)}: {said.read_text()}")
        if time.monotonic() > deadline:
            pytest.fail(f"the server takes too long to start: {said.read_text()}")


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()


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
    assert observed(url, str(speaking(tmp_path / word, word))) == [verdict] * 6


def test_a_model_that_was_not_made_to_judge_is_one_sentence(
    url: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(ScoringError, match="judge_tokens"):
        observed(url, locate("mini"))
