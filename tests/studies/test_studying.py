"""A small but real `loopholes study`: one game, two seeds, a few steps; killed, resumed, refused, reported."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape

from loopholes.cli import main
from loopholes.errors import PolicyError, RunError
from loopholes.files import Lock
from loopholes.runs import Run
from loopholes.studies import STUDIES, StudyConfig
from loopholes.studies.engine import Event, execute
from loopholes.studies.runner import opened, sections_of
from loopholes.studies.workers import LocalWorkers
from support.killed_job import Killed
from support.processes import children, wait_for_end
from support.serial import Serial

# private _workers: the process that a test kills during the study.


SMALL = "--policy mini --game context-compliance --seeds 2 --steps 4 --count 8 --samples 2".split()
CONFIG = StudyConfig(policies=("mini",), games=("context-compliance",), seeds=2, steps=4, count=8, samples=2)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an uninterrupted discovery study."""
    out = tmp_path_factory.mktemp("study")
    study(out)
    return out


def study(out: Path) -> None:
    """Do in this process what is left of a small discovery."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("loopholes.studies.workers.LocalWorkers", Serial)
        assert main(["study", "discovery", *SMALL, "--out", str(out)]) == 0


def shows(page: Path, answer: str) -> bool:
    """Whether a page has an answer, whose first sentence may stand apart."""
    text = page.read_text()
    return all(escape(sentence) in text for sentence in answer.split(". "))


def test_a_study_ends_in_a_summary_and_a_page(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = json.loads((whole / "discovery.json").read_text())
    assert record["answer"].startswith("Training on the vulnerable channel clearly raised the exploit rate in ")
    assert record["command"] == f"loopholes study discovery {' '.join(SMALL[4:6] + SMALL[:4] + SMALL[6:])}"
    cells = {(cell["cell"], cell["metric"]): cell for cell in record["cells"]}
    for arm in ("base", "vulnerable", "secure"):
        for metric in ("task_performance", "exploit_rate"):
            cell = cells[f"context-compliance/{arm}/mini", metric]
            assert cell["seeds"] == 2 and cell["n"] == 12 and -1 <= cell["value"] <= 1  # harmful tasks of 16; a gap
    assert shows(whole / "report.html", record["answer"])
    assert [section.answer for section in sections_of(whole)] == [record["answer"]]


def test_what_is_finished_is_not_run_again_and_says_the_same(whole: Path) -> None:
    before = (whole / "discovery.json").read_bytes()
    events: list[Event] = []
    with LocalWorkers(whole, 2) as workers:
        execute(STUDIES["discovery"].plan(CONFIG), whole, workers, events.append)
    assert events == []
    assert main(["study", "discovery", *SMALL, "--out", str(whole)]) == 0  # which begins no worker
    assert (whole / "discovery.json").read_bytes() == before


def test_a_dry_run_tells_what_is_done_and_writes_nothing(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["study", "discovery", *SMALL, "--out", str(whole), "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "study": "discovery", "runs": 10, "done": 10, "core_seconds_left": 0, "by_published_speeds": False,
    }  # fmt: skip
    more = [*SMALL, "--seeds", "3", "--out", str(whole), "--dry-run", "--json"]
    assert main(["study", "discovery", *more]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["runs"], plan["done"]) == (15, 10) and plan["core_seconds_left"] > 0
    assert main(["study", "discovery", *SMALL, "--out", str(tmp_path / "new"), "--dry-run", "--json"]) == 0
    new = json.loads(capsys.readouterr().out)
    assert new["core_seconds_left"] > 0 and new["by_published_speeds"]
    assert not (tmp_path / "new").exists()


def test_the_time_of_every_study_is_known_before_anything_ran(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["study", "all", "--out", str(tmp_path / "new"), "--dry-run", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["study"] for line in lines} == {name for name, study in STUDIES.items() if study.for_minis}
    assert all(line["core_seconds_left"] for line in lines)


def test_a_whole_study_is_summarized_again_without_running_anything(whole: Path, tmp_path: Path) -> None:
    before = (whole / "discovery.json").read_bytes()
    (whole / "discovery.json").unlink()
    assert main(["study", "discovery", *SMALL, "--out", str(whole), "--summarize"]) == 0
    assert (whole / "discovery.json").read_bytes() == before


def test_a_study_that_has_to_be_whole_says_how_much_is_missing(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (whole / "discovery.json").read_bytes()
    assert main(["study", "discovery", *SMALL, "--seeds", "3", "--out", str(whole), "--summarize"]) == 4
    assert "5 runs of discovery are not finished; it can only be summarized when all are" in " ".join(
        capsys.readouterr().err.split()
    )
    assert (whole / "discovery.json").read_bytes() == before


def test_a_report_of_a_study_is_the_study_s_page(whole: Path, tmp_path: Path) -> None:
    page, paper = tmp_path / "page.html", tmp_path / "paper"
    assert main(["report", str(whole), "--out", str(page), "--export", str(paper)]) == 0
    assert shows(page, json.loads((whole / "discovery.json").read_text())["answer"])
    assert {"discovery.csv", "discovery-context-compliance-mini.svg"} <= {file.name for file in paper.iterdir()}


def test_a_report_is_made_from_the_summaries_alone_without_runs_or_scipy(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "discovery.json").write_bytes((whole / "discovery.json").read_bytes())
    (tmp_path / "study.json").write_bytes((whole / "study.json").read_bytes())
    command = "import sys; sys.modules['scipy'] = None; from loopholes.cli import main; sys.exit(main(sys.argv[1:]))"
    pages = []
    for folder in (whole, tmp_path):
        page = tmp_path / "pages" / "study" / "report.html"
        words = ["report", str(folder), "--out", str(page)]
        subprocess.run([sys.executable, "-c", command, *words], check=True, capture_output=True)
        pages.append(page.read_text().replace(folder.name, "NAME"))
    assert pages[0] == pages[1]
    assert not (tmp_path / "runs").exists()


def test_a_report_of_older_summaries_replaces_no_page_that_has_charts(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = json.loads((whole / "discovery.json").read_text())
    older = {key: record[key] for key in ("study", "question", "answer", "command", "cells", "notes")}
    (tmp_path / "discovery.json").write_text(json.dumps(older))
    (tmp_path / "report.html").write_text("charts")
    assert main(["report", str(tmp_path)]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "holds summaries of an older version without charts" in said and "name another file with --out" in said
    assert (tmp_path / "report.html").read_text() == "charts"
    assert main(["report", str(tmp_path), "--out", str(tmp_path / "other.html")]) == 0
    assert shows(tmp_path / "other.html", record["answer"])


def test_a_killed_study_leaves_no_process_and_goes_on_to_the_same_numbers(whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(whole, out, symlinks=True)
    (out / "discovery.json").unlink()
    for run in [run for run in out.glob("runs/*-seed-1-*") if "vulnerable" in run.name]:
        shutil.rmtree(run)
    command = [sys.executable, "-m", "loopholes", "study", "discovery", *SMALL, "--workers", "1", "--json"]
    with subprocess.Popen([*command, "--out", str(out)], stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None
        while '"what": "step", "done": 2' not in killed.stdout.readline():
            assert killed.poll() is None
        workers = children(killed.pid)
        killed.send_signal(signal.SIGKILL)
    assert workers
    wait_for_end(workers)
    wait_for_lock(out)
    study(out)
    assert cells(out) == cells(whole)


def cells(out: Path) -> list[dict[str, Any]]:
    """The records of a study's summary."""
    records: list[dict[str, Any]] = json.loads((out / "discovery.json").read_text())["cells"]
    return records


def wait_for_lock(out: Path) -> None:
    """Wait until the killed process is gone."""
    end = time.monotonic() + 60
    while Lock.is_held(out) and time.monotonic() < end:
        time.sleep(0.1)


def test_a_worker_that_is_killed_is_replaced_and_its_run_goes_on(tmp_path: Path) -> None:
    first = Killed()
    second = Killed((first,))
    kinds: list[str] = []

    def kill_once(event: Event) -> None:
        kinds.append(event.kind)
        if event.progress is not None and event.progress.done == 3 and event.job == first:
            (worker,) = [candidate for candidate in workers._workers if candidate is not None]
            assert worker.process.pid is not None
            os.kill(worker.process.pid, signal.SIGKILL)

    with LocalWorkers(tmp_path, 2) as workers:
        execute([second], tmp_path, workers, kill_once)
    assert kinds.count("lost") == 1 and kinds.count("done") == 2
    for job, recorded in ((first, 3), (second, 0)):
        steps = [(line["step"], line["recorded"]) for line in Run.open(job.folder(tmp_path)).metrics()]
        assert steps == [(step, recorded if step > recorded else 0) for step in range(1, 7)]


# -- bad requests ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words, code, sentence",
    [
        (["nope"], 2, "there is no study 'nope'; choose from: all, audit-grid"),
        (["discovery", "--seeds", "0"], 2, "study option 'seeds': input should be greater than or equal to 1, not 0"),
        (["discovery", "--game", "nope"], 2, "there is no game 'nope'"),
        (["discovery", "--policy", "./nope"], 3, "there is no directory ./nope"),
        (["discovery", "--policy", "scripted:honest"], 2, "scripted:honest cannot be trained"),
        (["audit-grid", "--game", "proxy-metric"], 2, "audit-grid is about self-grading: add --game self-grading"),
        (["catalysis", "--game", "proxy-metric"], 2, "catalysis leads from one game to another"),
        (["discovery", "--threshold", "window=x"], 2, "study option 'thresholds.window'"),
        (["discovery", "--tasks", "self-grading=nope.jsonl"], 3, "nope.jsonl cannot be read"),
        (["discovery", "--workers", "2", "--cluster", "auto"], 2, "give only one of them"),
        (["real-model"], 2, "real-model needs a model that this project did not make, such as --policy"),
        (["discovery", "--summarize"], 4, "is not the folder of a study"),
    ],
)
def test_a_bad_request_is_one_sentence_before_anything_is_made(
    words: list[str], code: int, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["study", *words, "--out", str(out)]) == code
    said = capsys.readouterr().err
    assert sentence in " ".join(said.split()) and said.count("\n") == 1
    assert not list(out.glob("runs/*"))


def test_a_folder_of_another_version_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "study.json").write_text(json.dumps({"format": 1, "version": "0.0.9"}))
    with pytest.raises(RunError, match=r"holds a study of loopholes 0\.0\.9, and this is"), opened(tmp_path):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "study.json"]


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(RunError, match="holds files that do not belong to a study"), opened(tmp_path):
        pass
    file = tmp_path / "thesis.tex"
    with pytest.raises(RunError, match="is a file; choose another --out"), opened(file):
        pass


def test_two_studies_in_one_folder_at_once_are_refused(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(RunError, match="another process is writing"), opened(tmp_path):
        pass


def test_a_run_that_was_cut_off_is_named_and_nothing_is_overwritten(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "copy"
    shutil.copytree(whole, out, symlinks=True)
    rollouts = sorted(out.glob("runs/eval-*/rollouts/*.parquet"))[0]
    rollouts.write_bytes(rollouts.read_bytes()[:100])
    before = (out / "discovery.json").read_bytes()
    assert main(["study", "discovery", *SMALL, "--out", str(out)]) == 4
    assert "cannot be read as rollouts; the run was edited or damaged" in " ".join(capsys.readouterr().err.split())
    assert (out / "discovery.json").read_bytes() == before


def test_a_policy_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    from loopholes.studies.runner import check_policies

    (tmp_path / "policy").mkdir()
    with pytest.raises(PolicyError, match="has no tokenizer"):
        check_policies(StudyConfig(policies=(str(tmp_path / "policy"),)))
