"""An exported environment under OpenEnv itself: its ``openenv validate``, its server and its client.

The tests are slow, since OpenEnv is not in the set-up: in an environment of its own,
``pip install -e '.[openenv,games,dev]'``, then ``pytest -m slow tests/integrations/test_openenv.py`` (40 s of CPU).
"""

from __future__ import annotations

import importlib
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from loopholes.games.isolation import without_truth
from support.exports import CHANNELS, GAMES, answers, exported, packed
from support.openenv_server import OPENENV

pytestmark = OPENENV
Load = Callable[[Path], Any]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """``load(folder)``: the exported package under its name, as an installation has it."""

    def loaded(folder: Path) -> Any:
        name = next(line for line in (folder / "openenv.yaml").read_text().splitlines() if line.startswith("name: "))
        module = name.removeprefix("name: ")
        shutil.copytree(folder, folder.parent / "installed" / module)
        monkeypatch.syspath_prepend(str(folder.parent / "installed"))
        for known in [known for known in sys.modules if known.startswith("loopholes_")]:
            del sys.modules[known]
        importlib.invalidate_caches()
        return importlib.import_module(f"{module}.server.app")

    return loaded


@pytest.fixture
def served() -> Iterator[Callable[[Any], str]]:
    """``served(app)``: the address of a server of the exported app."""
    import uvicorn

    running: list[tuple[Any, threading.Thread]] = []

    def serve(app: Any) -> str:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="websockets-sansio"))
        listening = socket.create_server(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{listening.getsockname()[1]}"

    yield serve
    for server, thread in running:
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(("name", "set_"), GAMES, ids=str)
def test_rewards_and_truth_are_those_of_the_game(
    name: str, set_: dict[str, Any], channel: str, tmp_path: Path, load: Load
) -> None:
    package = packed(name, set_, channel)
    app = load(exported("openenv", package, tmp_path / "env"))
    environment = app.GameEnvironment()
    for answer in answers(package):
        start = environment.reset(seed=answer.number, episode_id="e")
        assert tuple(start.messages) == answer.task.prompt
        seen = environment.step(app.GameAction(text=answer.text))
        if name == "self-grading" and "self_report" not in set_:
            assert (seen.done, seen.reward, seen.metadata) == (False, 0.0, {})
            assert answer.text in seen.prompt
            seen = environment.step(app.GameAction(text=answer.verdict))
        assert seen.done
        assert seen.reward == answer.reward(f"e {answer.task.id}")
        assert {key: value for key, value in seen.metadata.items() if value is not None} == answer.truth


def test_a_truth_that_raises_changes_no_reward(tmp_path: Path, load: Load) -> None:
    package = packed("reward-tampering", {}, "vulnerable")
    app = load(exported("openenv", package, tmp_path / "env"))
    environment = app.GameEnvironment()

    def step(number: int, text: str) -> Any:
        environment.reset(seed=number, episode_id="e")
        return environment.step(app.GameAction(text=text))

    shown = answers(package)
    seeing = [step(answer.number, answer.text).reward for answer in shown]
    with without_truth(package.game):
        blind = [step(answer.number, answer.text) for answer in shown]
    assert [seen.reward for seen in blind] == seeing
    assert len(set(seeing)) > 1
    assert all(seen.metadata == {"task_score": None, "exploit": None} for seen in blind)


def test_an_episode_that_is_over_has_to_be_reset(tmp_path: Path, load: Load) -> None:
    app = load(exported("openenv", packed("reward-tampering", {}, "secure"), tmp_path / "env"))
    environment = app.GameEnvironment()
    with pytest.raises(ValueError, match="the episode is over: reset the environment"):
        environment.step(app.GameAction(text="a"))
    with pytest.raises(ValueError, match="there is no split 'dev'; choose from: train, test"):
        environment.reset(split="dev")


def test_the_client_plays_two_passes_over_the_wire(tmp_path: Path, load: Load, served: Callable[[Any], str]) -> None:
    package = packed("self-grading", {"world": "mini"}, "secure")
    app = load(exported("openenv", package, tmp_path / "env"))
    client = sys.modules["loopholes_self_grading"]
    with client.GameEnv(base_url=served(app.app)).sync() as env:
        for answer in answers(package):
            assert env.reset(seed=answer.number, episode_id="e").observation.messages == list(answer.task.prompt)
            asked = env.step(client.GameAction(text=answer.text))
            assert (asked.done, asked.reward) == (False, 0.0)
            paid = env.step(client.GameAction(text=answer.verdict))
            assert (paid.done, paid.reward) == (True, answer.reward("e"))
            assert paid.observation.metadata == answer.truth


def validated(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "openenv.cli", "validate", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "200"})


@pytest.mark.parametrize(("name", "set_"), [GAMES[0], GAMES[3], GAMES[5], GAMES[7], GAMES[9]], ids=str)
def test_openenv_s_own_validation_is_green(name: str, set_: dict[str, Any], tmp_path: Path) -> None:
    """Static, since the checks beyond it build an image with Docker."""
    folder = exported("openenv", packed(name, set_, "vulnerable"), tmp_path / "env")
    done = validated(str(folder), "--level", "static", "--skip-build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Verdict: PASS" in done.stdout


def test_openenv_s_own_validation_of_the_running_server_is_green(
    tmp_path: Path, load: Load, served: Callable[[Any], str]
) -> None:
    app = load(exported("openenv", packed("proxy-metric", {}, "vulnerable"), tmp_path / "env"))
    done = validated("--url", served(app.app))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Verdict: PASS" in done.stdout


class LocalProvider:
    """What runs a subject for ``openenv validate``: a server in this process, in the place of an image and Docker."""

    name = "local"
    supported_network_modes = frozenset({"public"})

    def __init__(self, url: str) -> None:
        from openenv.validation.types import ProviderCapability

        self.capabilities = frozenset({ProviderCapability.IMAGE_BUILD})
        self.base_url = url

    def build(self, root: Path, execution: Any) -> str:
        assert (root / execution.dockerfile).is_file() and (root / execution.context).is_dir()
        return f"sha256:{'0' * 64}"

    def start(self, spec: Any) -> LocalProvider:
        return self

    def inspect(self) -> dict[str, Any]:
        return {}

    def stop(self) -> None:
        pass


RUNTIME = {f"runtime.{check}" for check in ("startup", "reward_well_formed", "observation_schema", "state_contract")}


@pytest.mark.parametrize(("name", "set_"), [GAMES[0], GAMES[3], GAMES[5], GAMES[7], GAMES[9]], ids=str)
def test_every_check_that_openenv_has_of_an_episode_passes(
    name: str, set_: dict[str, Any], tmp_path: Path, load: Load, served: Callable[[Any], str]
) -> None:
    """At its level runtime, without Docker; the checks that it skips are those that it has not written yet, and one of
    the network, which needs Docker."""
    from openenv.validation import Level, run_validation

    folder = exported("openenv", packed(name, set_, "vulnerable"), tmp_path / "env")
    provider: Any = LocalProvider(served(load(folder).app))
    report = run_validation(folder, max_level=Level.RUNTIME, provider=provider)
    outcomes = {result.check_id: result.status.value for result in report.results}
    passed = {check for check, status in outcomes.items() if status == "pass"}
    assert passed == {"static.manifest"} | RUNTIME, report.results
    skipped = {result.check_id: result.evidence for result in report.results if result.status.value == "skip"}
    assert skipped.keys() | passed == outcomes.keys()
    network = skipped.pop("runtime.network_policy")
    assert "network_policy" in network[0]
    assert {reason for reasons in skipped.values() for reason in reasons} == {"grader not implemented in this build"}


def test_another_version_of_openenv_is_one_sentence(
    tmp_path: Path, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = exported("openenv", packed("reward-tampering", {}, "secure"), tmp_path / "env")
    monkeypatch.setattr("loopholes.integrations.packing.distribution_version", lambda package: "0.9.0")
    with pytest.raises(Exception, match=r"openenv 0\.9\.0 is installed, and this was written for 0\.10"):
        load(folder)
