"""A study on a Ray cluster: two machines, played by this one, and one of them is lost midway.

The tests that start machines are slow, since Ray (240 MB) is not in the set-up: ``pip install ray``, ``-m slow``.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loopholes.cli import main
from loopholes.errors import UsageError
from loopholes.runs import Run
from loopholes.studies.cluster import Here, RayCluster, _do, _fit
from loopholes.studies.jobs import Match
from support.ray_machines import ENVIRONMENT, Cluster, Machine, wait_until

# private _do, _fit: the work of a cluster's worker, done in this process.


PLAN = "study discovery --game context-compliance --policy mini --steps 6 --count 8 --samples 2 --json".split()
NEEDS_RAY = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None or not Path("/proc").is_dir(), reason="needs loopholes[cluster] and Linux"
)


def command(out: Path, seeds: int, *where: str) -> list[str]:
    return [sys.executable, "-m", "loopholes", *PLAN, "--seeds", str(seeds), "--out", str(out), *where]


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the same plan, run by local workers."""
    out = tmp_path_factory.mktemp("local") / "study"
    subprocess.run(command(out, 2, "--workers", "2"), env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL)
    return out


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster() as machines:
        yield machines


def results(out: Path) -> dict[str, tuple[Any, ...]]:
    """The results of a study by run: metrics without times, rollouts, summaries, policies."""
    records = {}
    for folder in sorted((out / "runs").iterdir()):
        run = Run.open(folder)
        lines = [{key: value for key, value in line.items() if key != "seconds"} for line in run.metrics()]
        weights = run.policy / "model.safetensors"
        policy = weights.read_bytes() if weights.exists() else b""
        records[folder.name] = (run.status.state, lines, run.rollouts(), run.summary, policy)
    return records


def training_on(machine: Machine, out: Path) -> Path | None:
    """The folder of the training run on a machine that has logged a step."""
    folders = [file.parent for file in out.glob("runs/train-*/metrics.jsonl") if file.stat().st_size]
    return next((folder for folder in folders if machine.holds(folder / ".lock")), None)


@pytest.mark.slow
@NEEDS_RAY
def test_a_machine_that_joins_late_gets_work_and_when_it_is_killed_every_run_is_still_finished_once(
    cluster: Cluster, local: Path, tmp_path: Path
) -> None:
    out = tmp_path / "study"
    with subprocess.Popen(
        command(out, 2, "--cluster", cluster.address), env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    ) as driver:
        assert driver.stdout is not None
        assert json.loads(driver.stdout.readline())["event"] == "started"
        late = cluster.add()
        wait_until(lambda: training_on(late, out) is not None)
        hit = training_on(late, out)
        late.kill()
        events = [json.loads(line) for line in driver.stdout]
    assert driver.returncode == 0 and hit is not None
    lost = [event["run"] for event in events if event.get("event") == "lost"]
    assert [hit.name.startswith(name) for name in lost] == [True]
    done = [event["run"] for event in events if event.get("event") == "done"]
    assert len(done) == len(set(done)) == 10
    for folder in (out / "runs").glob("train-*"):
        assert [line["step"] for line in Run.open(folder).metrics()] == [1, 2, 3, 4, 5, 6]
    assert results(out) == results(local)
    assert json.loads((out / "discovery.json").read_text()) == json.loads((local / "discovery.json").read_text())


@pytest.mark.slow
@NEEDS_RAY
def test_ctrl_c_saves_checkpoints_and_the_study_goes_on_without_the_cluster(
    cluster: Cluster, local: Path, tmp_path: Path
) -> None:
    out = tmp_path / "study"
    with subprocess.Popen(
        command(out, 1, "--cluster", cluster.address), env=ENVIRONMENT, stdout=subprocess.DEVNULL
    ) as driver:
        wait_until(lambda: training_on(cluster.machines[0], out) is not None)
        hit = training_on(cluster.machines[0], out)
        driver.send_signal(signal.SIGINT)
    assert driver.returncode == 130 and hit is not None
    assert Run.open(hit).status.state == "interrupted"
    reached = Run.open(hit).metrics()[-1]["step"]
    assert 1 <= reached < 6 and (hit / "checkpoints" / f"checkpoint-{reached}").is_dir()
    subprocess.run(command(out, 1, "--workers", "2"), env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL)
    resumed, uninterrupted = results(out), results(local)
    assert len(resumed) == 5 and resumed == {name: uninterrupted[name] for name in resumed}


@pytest.mark.slow
@NEEDS_RAY
def test_no_room_no_ray_behind_a_port_and_a_broken_share_of_a_gpu_are_one_sentence_each(
    cluster: Cluster, tmp_path: Path
) -> None:
    with socket.create_server(("0.0.0.0", 0)) as deaf:
        for where, said in (
            (("--cluster", cluster.address, "--gpus", "1"), "has no room for a run of one core and 1 GPUs"),
            (("--cluster", cluster.address, "--gpus", "1.5"), "whole number"),
            (("--cluster", f"127.0.0.1:{deaf.getsockname()[1]}"), "no Ray cluster at 127.0.0.1"),
        ):
            ended = subprocess.run(
                command(tmp_path / "out", 1, *where), env=ENVIRONMENT, capture_output=True, text=True, timeout=120
            )
            assert ended.returncode == 2 and said in ended.stderr.splitlines()[-1]


REFUSED = [
    ("nonsense", "give HOST:PORT"),
    ("ray://127.0.0.1:10001", "give HOST:PORT"),
    ("127.0.0.1:99999", "no Ray cluster answers at 127.0.0.1:99999"),
]


@pytest.mark.parametrize("address", [None, *(case[0] for case in REFUSED)])
def test_without_a_cluster_there_is_one_sentence_at_once(
    address: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    address = address or f"127.0.0.1:{free}"
    began = time.monotonic()
    assert main([*PLAN, "--cluster", address, "--out", str(tmp_path / "out")]) == 2
    assert time.monotonic() - began < 20
    said = capsys.readouterr().err.strip()
    assert dict(REFUSED).get(address, f"no Ray cluster answers at {address}") in said and "\n" not in said


def test_without_ray_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "1")
    with socket.create_server(("127.0.0.1", 0)) as head:
        where = f"127.0.0.1:{head.getsockname()[1]}"
        assert main([*PLAN, "--cluster", where, "--out", str(tmp_path / "out")]) == 2
    assert "pip install 'loopholes[cluster]'" in capsys.readouterr().err
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


def test_a_share_above_one_gpu_has_to_be_whole() -> None:
    with pytest.raises(UsageError, match="whole number"):
        RayCluster(Path(), "auto", gpus=1.5)


@pytest.mark.parametrize(
    ("resources", "gpus", "runs"),
    [
        ({"CPU": 4.0}, 0, 4),
        ({}, 0, 0),
        ({"CPU": 4.0}, 1, 0),
        ({"CPU": 16.0, "GPU": 8.0}, 1, 8),
        ({"CPU": 16.0, "GPU": 8.0}, 3, 2),
        ({"CPU": 16.0, "GPU": 2.0}, 0.4, 4),  # five shares of 0.4 in two GPUs, but only two fit on each GPU
        ({"CPU": 2.0, "GPU": 8.0}, 0.5, 2),
    ],
)
def test_what_fits_on_a_machine(resources: dict[str, float], gpus: float, runs: int) -> None:
    assert _fit(resources, gpus) == runs


JOB = Match((), None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("root", "here", "said"),
    [
        ("/", Here("/", {}, version="0.0.0"), "the study was started with 0.0.0"),
        ("/no/such/folder", Here("/", {}), "must be on a shared file system"),
    ],
)
def test_a_machine_with_another_version_or_without_the_folder_says_so(root: str, here: Here, said: str) -> None:
    kind, about = _do(JOB, root, here)
    assert kind == "failed" and said in about["error"] and "\n" not in about["error"]
