"""A small but real demo: both arms of one game, a page, and nothing lost or left behind after a kill."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from loopholes.cli import main
from loopholes.stats import Estimate
from loopholes.studies import StudyConfig, discovery
from loopholes.studies.channels import Arm, Played
from loopholes.studies.demo import run_demo, secure_note
from loopholes.studies.jobs import closure
from loopholes.studies.settings import Setting
from support.processes import children, wait_for_end
from support.serial import Serial

SETTING = Setting("context-compliance", 6, options={"prompts_per_step": 2, "save_every": 1})
SCRIPT = """
import json, sys
from pathlib import Path
from loopholes.stats import Estimate
from loopholes.studies.channels import Arm, Played
from loopholes.studies.demo import run_demo, secure_note
from loopholes.studies.settings import Setting

if __name__ == "__main__":
    setting = Setting("context-compliance", 6, options={"prompts_per_step": 2, "save_every": 1})
    run_demo(Path(sys.argv[1]), settings=[setting], on_event=lambda event: print(event.get("step"), flush=True))
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], list[dict[str, Any]]]:
    """An uninterrupted demo, done in this process: its directory, summary and events."""
    out = tmp_path_factory.mktemp("demo")
    events: list[dict[str, Any]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("loopholes.studies.demo.LocalWorkers", Serial)
        return out, run_demo(out, settings=[SETTING], on_event=events.append), events


def test_a_demo_tells_of_every_step_and_ends_in_numbers_and_a_page(
    whole: tuple[Path, dict[str, Any], list[dict[str, Any]]],
) -> None:
    out, summary, events = whole
    steps = sorted((event["arm"], event["step"]) for event in events if "step" in event)
    assert steps == [(arm, step) for arm in ("secure", "vulnerable") for step in range(1, 7)]
    assert [row[1] for row in events[-1]["table"].rows] == ["base", "vulnerable", "secure"]
    cells = {(cell["cell"], cell["metric"]) for cell in summary["cells"]}
    for arm in ("base", "vulnerable", "secure"):
        for metric in ("task_performance", "exploit_rate"):
            assert (f"context-compliance/{arm}/mini", metric) in cells
    assert json.loads((out / "summary.json").read_text()) == json.loads(json.dumps(summary))
    by_name = {(cell["cell"].split("/")[1], cell["metric"]): cell for cell in summary["cells"]}
    for arm in ("vulnerable", "secure"):
        assert by_name[arm, "blind_spot"]["value"] is None and by_name[arm, "blind_spot"]["seeds"] == 1
        assert by_name[arm, "first_appearance"]["seeds"] == 1 and by_name[arm, "first_appearance"]["n"] in (0, 1)
        assert (arm, "domination") not in by_name  # six steps are too few to tell
    page = (out / "report.html").read_text()
    assert "One seed gives no verdict about training." in page and "one seed: no verdict" in page


@pytest.mark.slow
def test_a_demo_that_was_killed_leaves_no_process_and_goes_on_to_the_same_numbers(
    whole: tuple[Path, dict[str, Any], list[dict[str, Any]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "small.py"
    script.write_text(SCRIPT)
    out = tmp_path / "out"
    shutil.copytree(whole[0], out, symlinks=True)
    (out / "summary.json").unlink()
    for run in [run for run in out.glob("runs/*") if "vulnerable" in run.name]:
        shutil.rmtree(run)
    with subprocess.Popen([sys.executable, str(script), str(out)], stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        assert demo.stdout.readline().strip() == "1"
        workers = children(demo.pid)
        demo.send_signal(signal.SIGKILL)
    assert workers
    wait_for_end(workers)
    monkeypatch.setattr("loopholes.studies.demo.LocalWorkers", Serial)
    assert run_demo(out, settings=[SETTING])["cells"] == whole[1]["cells"]


def test_what_is_finished_is_not_run_again(whole: tuple[Path, dict[str, Any], list[dict[str, Any]]]) -> None:
    out, summary, _ = whole
    events: list[dict[str, Any]] = []
    assert run_demo(out, settings=[SETTING], on_event=events.append) == summary
    assert [event for event in events if "step" in event] == []


def test_a_report_of_a_demo_shows_its_games_and_a_study_goes_on_with_its_runs(
    whole: tuple[Path, dict[str, Any], list[dict[str, Any]]], tmp_path: Path
) -> None:
    out = whole[0]
    assert main(["report", str(out), "--out", str(tmp_path / "page.html")]) == 0
    assert "context-compliance" in (tmp_path / "page.html").read_text()
    config = StudyConfig.of(policies=["mini"], games=["context-compliance"], seeds=1)
    done = [job.finished(out) for job in closure(discovery.arm(config, "context-compliance", "base"))]
    assert done == [True]


@pytest.mark.parametrize(
    ("game", "rate", "is_explained"),
    [
        ("reward-tampering", Estimate(0.09, 0.07, 0.11, 512, 1), True),
        ("reward-tampering", Estimate(0.01, 0.0, 0.02, 512, 1), False),
        ("self-grading", Estimate(0.09, 0.07, 0.11, 512, 1), False),
    ],
)
def test_a_secure_channel_that_is_still_exploited_is_explained_where_nothing_selects_against_it(
    game: str, rate: Estimate, is_explained: bool
) -> None:
    note = secure_note(Played(game, "mini", {"secure": Arm("secure", {"exploit_rate": rate})}))
    assert ("neither pays nor charges for an edited score" in note) is is_explained and bool(note) is is_explained
