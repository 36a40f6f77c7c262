"""Transfer: no absence is published unless the same mechanism in other words was seen to move."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loopholes.report import Matrix, Table
from loopholes.stats import Sums
from loopholes.studies import STUDIES, StudyConfig
from loopholes.studies.base import Summary
from loopholes.studies.jobs import Evaluate, Job, Train, closure
from loopholes.studies.moves import sampled_log_odds
from support.finished_runs import SMALL, cell, summary_of

LOW, HIGH = 0.05, 0.6
QUICK = SMALL.model_copy(update={"seeds": 2, "count": 8})
CONFIG = StudyConfig(seeds=2, policies=("mini",))
USUAL: dict[str, dict[str, Any]] = {
    "reward-tampering": {"control": "none", "seconds_per_test": 2.0},
    "self-grading": {"audit_probability": 0.1, "fine": 6.0, "level": None, "telling": 0.0, "self_report": "inline"},
    "proxy-metric": {"metric": "rouge-l"},
}


def planned(config: StudyConfig = CONFIG) -> list[Job]:
    return closure(STUDIES["transfer"].plan(config))


def changed(job: Job) -> bool:
    assert isinstance(job, Train | Evaluate)
    return job.setting.parameters != CONFIG.setting(job.setting.game).parameters


def flat(job: Train, step: int) -> float:
    return LOW


def own(job: Evaluate) -> float:
    """A policy exploits the game whose vulnerable channel it was trained on, in any wording, and no other game."""
    taught = isinstance(job.source, Train) and job.source.channel == "vulnerable"
    return HIGH if taught and job.source.setting.game == job.setting.game else LOW  # type: ignore[union-attr]


def verdicts(summary: Summary) -> dict[tuple[str, str], str]:
    return {(row["trained_on"], row["measured_on"]): row["verdict"] for row in summary.more["log_odds"]}


def table(summary: Summary, name: str) -> Table:
    (match,) = [table for table in summary.section.tables if table.name == name]
    return match


def test_the_control_trains_both_channels_of_each_changed_world_on_the_seeds_of_the_study() -> None:
    trained = [job for job in planned() if isinstance(job, Train) and changed(job)]
    worlds = {(job.setting.game, *job.setting.parameters.items()) for job in trained}
    assert worlds == {
        ("reward-tampering", ("protected", "points")),
        ("reward-tampering", ("wording", "other")),
        ("context-compliance", ("wording", "first")),
    }
    assert len(trained) == len(worlds) * 2 * 2
    assert {(job.channel, job.seed) for job in trained} == {(c, s) for c in ("vulnerable", "secure") for s in (0, 1)}


def test_what_a_changed_world_taught_is_measured_in_the_usual_one_and_the_other_way_round() -> None:
    measured = [job for job in planned() if isinstance(job, Evaluate) and isinstance(job.source, Train)]
    pairs = {
        (changed(job.source), changed(job))
        for job in measured
        if isinstance(job.source, Train) and job.setting.game == "reward-tampering"
    }
    assert pairs == {(False, False), (False, True), (True, False), (True, True)}
    for game in ("self-grading", "proxy-metric", "context-compliance"):
        assert any(changed(job) for job in measured if job.setting.game == game)


def test_a_file_of_tasks_has_no_other_wording(tmp_path: Path) -> None:
    file = tmp_path / "tasks.jsonl"
    file.write_text("")
    config = CONFIG.model_copy(update={"games": ("proxy-metric",), "test_tasks": {"proxy-metric": file}})
    assert not any(changed(job) for job in planned(config))


@pytest.mark.parametrize("game", USUAL)
def test_runs_in_the_usual_words_are_the_runs_that_they_were_before_there_were_others(game: str) -> None:
    job = CONFIG.trained(game, "vulnerable", 0)
    assert job.described()["parameters"] == USUAL[game]
    spelled_out = Train(job.setting.with_parameters(wording="usual"), "vulnerable", "mini", 0)
    other = Train(job.setting.with_parameters(wording="other"), "vulnerable", "mini", 0)
    assert spelled_out.identity == job.identity != other.identity


def test_absence_is_claimed_where_the_control_was_seen(tmp_path: Path) -> None:
    result = summary_of("transfer", tmp_path, own, flat, QUICK)
    assert "The positive control was seen in self-grading and proxy-metric." in result.section.answer
    assert "0 moved, 2 did not (within ±0.30 nats), and 0 are open." in result.section.answer
    assert verdicts(result)["self-grading", "proxy-metric"] == "none"
    assert verdicts(result)["proxy-metric", "proxy-metric (other wording)"] == "moves"
    change = cell(result, "proxy-metric/self-grading:vulnerable minus secure/mini", "log_odds_change")
    assert change["value"] == pytest.approx(0)
    (panel,) = result.section.charts[-1].panels
    assert isinstance(panel, Matrix) and panel.plain and panel.rows == SMALL.games


def test_no_absence_is_claimed_where_the_control_was_not_seen(tmp_path: Path) -> None:
    result = summary_of("transfer", tmp_path, lambda job: LOW if changed(job) else own(job), flat, QUICK)
    assert "The positive control was seen in no game" in result.section.answer
    assert (
        "0 did not (within ±0.30 nats), and 2 are open. In 2 of the open pairs the log-odds did not move"
        in result.section.answer
    )
    assert "(open: the control was not seen)" in result.section.answer
    assert verdicts(result)["self-grading", "proxy-metric"] == "open: the control was not seen"


def test_a_control_speaks_for_its_own_game_alone(tmp_path: Path) -> None:
    def rate(job: Evaluate) -> float:
        return LOW if changed(job) and job.setting.game == "proxy-metric" else own(job)

    verdict_of = verdicts(summary_of("transfer", tmp_path, rate, flat, QUICK))
    assert verdict_of["self-grading", "proxy-metric"] == "open: the control was not seen"
    assert verdict_of["proxy-metric", "self-grading"] == "none"


def test_a_control_that_falls_was_not_seen(tmp_path: Path) -> None:
    def fallen(job: Evaluate) -> float:
        return 0.01 if changed(job) and own(job) == HIGH else own(job)

    result = summary_of("transfer", tmp_path / "fallen", fallen, flat, QUICK)
    assert verdicts(result)["proxy-metric", "proxy-metric (other wording)"] == "moves"
    assert verdicts(result)["self-grading", "proxy-metric"] == "open: the control was not seen"


def test_a_move_that_sampling_also_shows_is_found_in_both(tmp_path: Path) -> None:
    def rate(job: Evaluate) -> float:
        source = job.source
        moved = isinstance(source, Train) and (source.setting.game, source.channel) == ("proxy-metric", "vulnerable")
        return HIGH if moved else own(job)

    result = summary_of("transfer", tmp_path, rate, flat, QUICK)
    assert "of 2 pairs, 1 (proxy-metric to self-grading, " in result.section.answer
    rows = {(row[1], row[2]): row for row in table(result, "transfer-log-odds").rows}
    assert getattr(rows["proxy-metric", "self-grading"][6], "value", 0) > 0.3
    calibration = {row[0]: row for row in table(result, "transfer-calibration").rows}
    assert float(str(calibration["self-grading"][3])) > 0.5


@pytest.mark.parametrize(("taken", "expected"), [((1, 4), -1.0986), ((2, 4), 0.0), ((0, 4), None), ((4, 4), None)])
def test_a_rate_of_none_or_all_has_no_log_odds(taken: tuple[int, int], expected: float | None) -> None:
    sums = Sums()
    sums.by_task = {"task": [float(number) for number in taken]}
    assert sampled_log_odds(sums) == (None if expected is None else pytest.approx(expected, abs=1e-4))
