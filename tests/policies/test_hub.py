"""A hub that cannot be reached is asked once; its cache still serves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from huggingface_hub import constants

from loopholes.cli import main
from loopholes.errors import PolicyError
from loopholes.policies import available
from loopholes.policies.hub import is_reachable

NOBODY = "http://127.0.0.1:1"  # a port that nothing listens to


@pytest.fixture(autouse=True)
def online(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The hub's client may ask, which the other tests forbid; its cache is empty."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "ENDPOINT", NOBODY)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A hub that has nothing."""

    class Nothing(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_error(404)

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Nothing) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        yield
        server.shutdown()


@pytest.mark.parametrize("reward", ["completion, answer", "completions, answer, **columns"])
def test_a_tokenizer_that_cannot_be_had_is_one_sentence(reward: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("rewards.py").write_text(f"def reward({reward}): ...\n")
    Path("rows.jsonl").write_text(json.dumps({"prompt": "What is 1 + 1?", "answer": "2"}) + "\n")
    command = "audit rewards.py:reward --data rows.jsonl --tokenizer nobody/nothing"
    assert main(command.split()) == PolicyError.exit_code
    assert capsys.readouterr().err == (
        "'nobody/nothing' is not a directory, it is not in the hub's cache, and the hub cannot be reached\n"
    )


@pytest.mark.parametrize("file", ["config.json", "adapter_config.json"])
def test_a_model_in_the_cache_needs_no_hub_which_is_asked_no_more(tmp_path: Path, file: str) -> None:
    model = tmp_path / "cache" / "models--nobody--small"
    for path, text in (("refs/main", "1"), (f"snapshots/1/{file}", "{}")):
        (model / path).parent.mkdir(parents=True, exist_ok=True)
        (model / path).write_text(text)
    assert available("nobody/small") == "nobody/small"
    assert constants.is_offline_mode()


@pytest.mark.usefixtures("hub")
def test_a_hub_that_answers_is_asked_for_the_model() -> None:
    assert is_reachable()
    assert available("nobody/small") == "nobody/small"
    assert not constants.is_offline_mode()
