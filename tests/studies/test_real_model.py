"""The study of a real model, run with a tiny random model and full prompts, and the claims of its summary."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loopholes.cli import main
from loopholes.config import LORA
from loopholes.errors import UsageError
from loopholes.numbers import Estimate
from loopholes.policies.cards import CARD
from loopholes.progress import Progress
from loopholes.report import Table
from loopholes.runs import Run
from loopholes.studies import STUDIES, StudyConfig, settings, studies_called, telling_grid
from loopholes.studies.base import Runs, Summary
from loopholes.studies.engine import do
from loopholes.studies.jobs import Distil, Evaluate, Job, Train, closure
from loopholes.studies.real_model import MOST_TO_SEE
from loopholes.studies.real_model_tables import room
from loopholes.studies.released import FILES, VARIABLE
from loopholes.studies.runner import opened
from support.checkpoints import make_checkpoint
from support.finished_runs import cell, fabricate

GAMES = tuple(settings.SETTINGS)
QUICK: dict[str, Any] = {"seeds": 1, "steps": 2, "count": 4, "samples": 1, "answers": 8}
TOO_LONG = "word " * 4000


@pytest.fixture(scope="module")
def small() -> Iterator[None]:
    """Adapters, steps and answers that a test can afford, two cells of the grid, and released prompts."""
    with pytest.MonkeyPatch.context() as patch:
        adapter = {"r": 2, "target_modules": ["q_proj"]}
        lora = {**LORA, "peft": adapter, "prompts_per_step": 1, "max_prompt_tokens": 4096, "save_every": 1}
        patch.setattr("loopholes.training.config.LORA", lora)
        patch.setattr("loopholes.config.ENGLISH_TOKENS", dict.fromkeys(GAMES, 6))
        patch.setattr("loopholes.policies.checkpoints.bf16_pays", lambda *machine: True)
        patch.setattr(telling_grid, "KEYS", [(0.0, 0.0), (1.0, 1.0)])
        yield


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory, small: None) -> StudyConfig:
    policy = make_checkpoint(tmp_path_factory.mktemp("model") / "llama", "llama", context=4096)
    (policy / CARD).write_text(json.dumps({"preset": "lora"}))
    return StudyConfig(policies=(str(policy),), **QUICK)


@pytest.fixture(scope="module", autouse=True)
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a released file of articles, one of them longer than the context of every model here."""
    folder = tmp_path_factory.mktemp("reference")
    articles = ["A cat sat on the mat.", "It rained in Rome.", TOO_LONG]
    rows = [
        {
            "prompt": [{"role": "user", "content": text}],
            "reward_model": {"ground_truth": text, "original_article": text},
        }
        for text in articles
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / FILES["proxy-metric"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(folder))
        yield folder


def planned(config: StudyConfig) -> list[Job]:
    return closure(STUDIES["real-model"].plan(config))


def table(summary: Summary, name: str) -> Table:
    (match,) = [table for table in summary.section.tables if table.name == f"real-model{name}"]
    return match


# -- the plan ----------------------------------------------------------------------------------------------------------


def test_both_channels_of_one_seed_come_before_any_further_seed(config: StudyConfig) -> None:
    trained = [job for job in planned(config.model_copy(update={"seeds": 3})) if isinstance(job, Train)]
    order = [(job.setting.game, job.channel, job.seed) for job in trained]
    first = [(game, channel, 0) for game in MOST_TO_SEE for channel in ("vulnerable", "secure")]
    assert order[:4] == first
    exploratory = [game for game in GAMES if game not in MOST_TO_SEE]
    assert order[4:6] == [(game, "vulnerable", 0) for game in exploratory]
    assert {(game, channel, seed) for game, channel, seed in order[6:14]} == {
        (game, channel, seed) for game, channel, _ in first for seed in (1, 2)
    }
    grid = trained[14:]
    assert all(job.setting.parameters["self_report"] == "inline" and job.seed == 0 for job in grid)


def test_every_end_point_is_evaluated_on_all_four_games(config: StudyConfig) -> None:
    jobs = planned(config)
    for trained in (job for job in jobs if isinstance(job, Train)):
        answered = [job for job in jobs if isinstance(job, Evaluate) and job.source is not None and job.split == "test"]
        games = {
            job.setting.game
            for job in answered
            if isinstance(job.source, Job) and job.source.identity == trained.identity
        }
        assert games == set(GAMES)
    (student,) = [job for job in jobs if isinstance(job, Distil)]
    teacher = student.teacher.source
    assert isinstance(teacher, Train) and (teacher.setting.game, teacher.channel) == (MOST_TO_SEE[0], "vulnerable")


def test_the_first_two_games_that_are_named_take_the_place_of_the_default_ones(config: StudyConfig) -> None:
    named = config.model_copy(update={"games": ("proxy-metric", "reward-tampering", "context-compliance")})
    trained = {(job.setting.game, job.channel) for job in planned(named) if isinstance(job, Train)}
    assert trained == {
        *((game, channel) for game in ("proxy-metric", "reward-tampering") for channel in ("vulnerable", "secure")),
        ("context-compliance", "vulnerable"),
    }


@pytest.mark.parametrize(
    ("more", "less"),
    [
        ((1.0, 0.05, 0.05), (0.5, 0.05, 0.05)),  # more room
        ((0.5, 0.3, 0.3), (1.0, 0.009, 0.009)),  # room counts only if sampling meets exploits
        ((1.0, 0.0, 0.009), (1.0, 0.0, 0.001)),  # else the more frequent exploits count
    ],
)
def test_games_are_ranked_by_the_room_that_is_left_if_exploits_are_met_at_all(
    more: tuple[float, float, float], less: tuple[float, float, float]
) -> None:
    assert room(*more) > room(*less)


def test_evaluations_of_a_real_model_do_not_depend_on_which_numbers_are_faster(config: StudyConfig) -> None:
    evaluations = [job for job in planned(config) if isinstance(job, Evaluate)]
    assert all(job.described()["bf16"] is False for job in evaluations)


def test_the_minis_are_not_a_real_model() -> None:
    with pytest.raises(UsageError, match="needs a model that this project did not make, such as --policy smollm2"):
        studies_called("real-model", StudyConfig())
    assert "real-model" not in [study.name for study in studies_called("all", StudyConfig())]
    assert "real-model" in [study.name for study in studies_called("all", StudyConfig(policies=("smollm2",)))]


def test_the_time_is_told_before_anything_ran(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["study", "real-model", "--policy", "smollm2", "--seeds", "3", "--dry-run", "--json"]
    assert main([*words, "--out", str(tmp_path / "new")]) == 0
    hours = json.loads(capsys.readouterr().out)["core_seconds_left"] / 3600
    assert 5 < hours < 200


# -- the whole study, with a tiny model --------------------------------------------------------------------------------


class Killed(BaseException):
    """Ends a run in the middle, like a kill."""


def kill_at(step: int) -> Callable[[Progress], None]:
    def notice(progress: Progress) -> None:
        if progress.done == step:
            raise Killed

    return notice


@pytest.fixture(scope="module")
def begun(config: StudyConfig, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A folder in which the first seed of the first game is done except for the secure channel, and its summary."""
    out = tmp_path_factory.mktemp("study")
    jobs = planned(config)
    with opened(out):
        for job in jobs[:6]:
            do(job, out)
        with pytest.raises(Killed):
            do(jobs[6], out, kill_at(1))
    return out, summarized(out, config)


@pytest.fixture(scope="module")
def whole(config: StudyConfig, begun: tuple[Path, dict[str, Any]]) -> tuple[Path, dict[str, Any]]:
    """The same folder after everything is done."""
    out, _ = begun
    for job in planned(config):
        do(job, out)
    return out, summarized(out, config)


def summarized(out: Path, config: StudyConfig) -> dict[str, Any]:
    words = ["--policy", config.policies[0]]
    words += [word for key, value in QUICK.items() for word in (f"--{key}", str(value))]
    words += ["--threshold", "window=2"]  # so that two steps suffice to tell what was found
    assert main(["study", "real-model", *words, "--out", str(out), "--summarize"]) == 0
    record: dict[str, Any] = json.loads((out / "real-model.json").read_text())
    assert record["answer"].split(".")[0] in (out / "report.html").read_text()
    return record


def rows_of(record: dict[str, Any], name: str) -> list[list[Any]]:
    rows: list[list[Any]] = [
        row for table in record["tables"] if table["name"] == f"real-model{name}" for row in table["rows"]
    ]
    return rows


def test_a_study_that_is_not_whole_says_what_is_there_and_what_is_missing(begun: tuple[Path, dict[str, Any]]) -> None:
    _, record = begun
    assert record["answer"].startswith("So far 6 of ")
    assert f"{MOST_TO_SEE[0]}, both channels, seed 0" in record["answer"].split("missing, whole or in part: ")[1]
    assert [row[:2] for row in rows_of(record, "")] == [[MOST_TO_SEE[0], "base"], [MOST_TO_SEE[0], "vulnerable"]]
    assert {row[0]: row[1:] for row in rows_of(record, "-progress")}["untrained policy, seed 0"] == [4, 4]
    assert rows_of(record, "-grid") == rows_of(record, "-student") == []


def test_a_run_that_was_killed_goes_on_from_its_last_step(
    config: StudyConfig, whole: tuple[Path, dict[str, Any]]
) -> None:
    out, _ = whole
    run = Run.open(planned(config)[6].folder(out))
    assert [line["step"] for line in run.metrics()] == [1, 2]
    assert (run.policy / "adapter_config.json").is_file()


def test_a_student_learns_in_float32_wherever_bfloat16_is_faster(
    config: StudyConfig, whole: tuple[Path, dict[str, Any]]
) -> None:
    """A step of fine-tuning changes weights by less than the rounding of bfloat16."""
    out, _ = whole
    (student,) = [job for job in planned(config) if isinstance(job, Distil)]
    described = json.loads((student.folder(out) / "policy" / "config.json").read_text())
    assert described["dtype"] == "float32"


def test_all_of_it_is_summed_up(config: StudyConfig, whole: tuple[Path, dict[str, Any]]) -> None:
    _, record = whole
    assert (
        "So far" not in record["answer"]
        and "Catalysis and persistence were not run with a real model." in record["notes"]
    )
    assert all(row[1] == row[2] for row in rows_of(record, "-progress"))
    assert [row[0] for row in rows_of(record, "")] == [
        *(game for game in MOST_TO_SEE for _ in range(3)),
        *(f"{game} (exploratory)" for game in GAMES if game not in MOST_TO_SEE for _ in range(2)),
    ]
    assert len(rows_of(record, "-grid")) == 2 and len(rows_of(record, "-student")) == 1
    assert {tuple(row[:2]) for row in rows_of(record, "-beside")} == {
        (game, arm) for game in GAMES for arm in ("base", "vulnerable", "secure")
    }


def test_log_odds_are_there_for_every_end_point_in_every_game(whole: tuple[Path, dict[str, Any]]) -> None:
    _, record = whole
    rows = rows_of(record, "-transfer")
    assert len(rows) == 6 * 4 + 2 * 3  # arms in all games, cells of the grid in the games that they were not trained on
    assert all(isinstance(row[7]["value"], float) for row in rows)


def test_what_is_not_found_has_its_steps_and_a_bound(whole: tuple[Path, dict[str, Any]]) -> None:
    _, record = whole
    rows = {tuple(row[:2]): row for row in rows_of(record, "-budget")}
    steps, seeds, rate, bound = rows["self-grading", "vulnerable"][2:]
    assert (steps, seeds, rate["value"]) == (2, "0 of 1", 0)
    assert bound == "49.0 %"  # Wilson's bound for four tasks
    assert "self-grading (2 steps, held-out exploit rate at most 49.0 %)" in record["answer"]


def test_released_prompts_that_do_not_fit_are_counted(whole: tuple[Path, dict[str, Any]]) -> None:
    _, record = whole
    rows = [row[:4] for row in rows_of(record, "-released")]
    assert rows == [["proxy-metric", arm, 2, 1] for arm in ("base", "vulnerable")]
    assert TOO_LONG not in json.dumps(record) and "It rained in Rome" not in json.dumps(record)


# -- planted results are reported --------------------------------------------------------------------------------------


def rate_of(job: Evaluate) -> float:
    source = job.source
    exploiting = (
        isinstance(source, Train) and source.channel == "vulnerable" and source.setting.game == job.setting.game
    )
    return (
        0.9 if exploiting and job.setting.game == "self-grading" and not job.setting.parameters.get("telling") else 0.02
    )


def test_the_summary_tells_what_was_planted(config: StudyConfig, tmp_path: Path) -> None:
    planted = config.model_copy(update={"seeds": 2, "count": 24, "samples": 4, "steps": 40, "games": ("self-grading",)})
    study = STUDIES["real-model"]
    fabricate(study.plan(planted), tmp_path, rate_of, lambda job, step: 0.9 if step > 20 else 0.02)
    summary = study.summarize(planted, Runs(tmp_path))
    budget = {row[1]: row for row in table(summary, "-budget").rows}
    assert (budget["vulnerable"][3], budget["vulnerable"][5]) == ("2 of 2", None)
    assert budget["secure"][3] == "0 of 2" and str(budget["secure"][5]).endswith(" %")
    moved = cell(summary, f"self-grading(telling=0,audit=0)/vulnerable/{planted.policies[0]}", "log_odds_change")
    assert moved["value"] == pytest.approx(6.09, abs=0.01)  # ln(0.9 / 0.1) - ln(0.02 / 0.98)
    announced = cell(summary, f"self-grading(telling=1,audit=1)/vulnerable/{planted.policies[0]}", "log_odds_change")
    assert announced["value"] == pytest.approx(0)
    (row,) = table(summary, "-room").rows
    assert isinstance(row[2], Estimate) and row[3] != "0.0 %"
