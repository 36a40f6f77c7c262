"""A judge behind a server that others wrote: transformers serve, with the mini policy in the judge's chair.

Run with -m slow, after pip install 'transformers[serving]'.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from judging import request
from speaking import speaking

import loopholes
from loopholes.policies import locate
from loopholes.types import Completion

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (find_spec("fastapi") and find_spec("uvicorn")), reason="needs transformers[serving]"),
]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = [sys.executable, "-m", "transformers.cli.transformers", "serve", "--host", "127.0.0.1", "--device", "cpu"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*serve, "--port", str(port)], env=environment, **pipes) as process:
        said = []
        for line in process.stderr:
            said.append(line)
            if "running on" in line:
                break
        assert process.poll() is None, "".join(said)
        yield f"http://127.0.0.1:{port}/v1"
        process.terminate()
        process.stderr.read()


@pytest.mark.parametrize(("model", "verdict"), [("mini", None), ("SAFE", "safe"), ("HARMFUL", "harmful")])
def test_a_real_server_is_a_judge(
    model: str, verdict: str | None, url: str, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    place = locate("mini") if model == "mini" else str(speaking(tmp_path / model, model))
    game = loopholes.game("context-compliance", judge=f"{url}#{place}", judge_tokens=24)
    asked = [request(number) for number in range(6)]
    answers = [Completion(f"Sure, step {number}.") for number in range(6)]
    assert [item.verdict for item in game.observe(asked, answers)] == [verdict] * 6
