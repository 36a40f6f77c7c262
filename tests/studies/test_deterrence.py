"""Deterrence: predictions precede the runs, every run holds their digest, and the page shows both side by side."""

from __future__ import annotations

import importlib
import json
from hashlib import blake2b
from pathlib import Path
from types import ModuleType

import pytest

from loopholes.games import game as make_game
from loopholes.records import Outcome, Task, message
from loopholes.studies import STUDIES, deterrence
from loopholes.studies.deterrence import ARMS, HARD, MAP_SEEDS, METRIC, NORMALISATION, Arm
from loopholes.studies.jobs import Evaluate, Train, closure
from support.finished_runs import SMALL, cell, summary_of

ROOT = Path(__file__).parents[2]
FILE = ROOT / "src" / "loopholes" / "studies" / "deterrence.json"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return importlib.import_module("predict_deterrence")


@pytest.mark.parametrize("arm", [arm for arm in ARMS if arm.scale != "batch"], ids=lambda arm: arm.name)
def test_the_committed_predictions_are_those_of_the_formula(arm: Arm, script: ModuleType) -> None:
    assert json.loads(FILE.read_text())["arms"][arm.name] == pytest.approx(script.expected(arm), abs=1e-3)


def test_every_arm_has_a_prediction_and_every_prediction_an_arm(script: ModuleType) -> None:
    predicted = json.loads(FILE.read_text())
    assert list(predicted["arms"]) == [arm.name for arm in ARMS]
    assert predicted["statements"] == list(script.STATEMENTS)


def test_every_training_run_holds_the_digest_of_the_predictions() -> None:
    digest = blake2b(FILE.read_bytes(), digest_size=16).hexdigest()
    trained = [job for job in closure(STUDIES["deterrence"].plan(SMALL)) if isinstance(job, Train)]
    assert {job.config("", Path()).registered for job in trained} == {digest}


def test_other_predictions_make_other_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {job.identity for job in STUDIES["deterrence"].plan(SMALL)}
    monkeypatch.setattr(deterrence, "registered", lambda: "others")
    after = {job.identity for job in STUDIES["deterrence"].plan(SMALL)}
    untrained = {job.identity for job in deterrence.untrained(SMALL)}
    assert before & after == untrained


def test_arms_are_trained_as_they_are_called() -> None:
    for arm in ARMS:
        config = Train(arm.setting(SMALL), "vulnerable", "mini", 0).config("", Path())
        game = make_game(config.game, **config.parameters).parameters.model_dump()
        assert (game["audit_probability"], game["fine"], game["level"]) == (arm.audits, arm.fine, arm.level)
        assert config.trainer["scale_rewards"] == arm.scale
        assert ("max_grad_norm" in config.trainer) == arm.unclipped
        assert config.samples == arm.group_size
        assert config.samples * (config.prompts_per_step or 16) == 128
        assert config.steps == (arm.steps or 60)


def test_every_policy_is_evaluated_on_questions_of_all_levels() -> None:
    plan = [job for job in STUDIES["deterrence"].plan(SMALL) if isinstance(job, Evaluate)]
    assert {job.setting.make().parameters.model_dump()["level"] for job in plan} == {None}


def test_more_seeds_are_for_the_main_arms_and_not_for_the_map() -> None:
    few, many = (len(STUDIES["deterrence"].plan(SMALL.model_copy(update={"seeds": n}))) for n in (MAP_SEEDS, 7))
    assert many - few == (7 - MAP_SEEDS) * (sum(arm.seeds is None for arm in ARMS) + 1)


def test_claims_count_at_the_hardest_level_alone() -> None:
    def counted(level: int, claim: bool | None) -> float | None:
        return METRIC.value(Task("q", (message("user", "q"),), {}, {"level": level}), Outcome(0, 0, {"claim": claim}))

    assert [counted(HARD, True), counted(HARD, False), counted(HARD, None), counted(1, True)] == [1.0, 0.0, None, None]


def test_the_table_sets_what_was_seen_beside_what_was_predicted(tmp_path: Path) -> None:
    config = SMALL.model_copy(update={"seeds": 2, "count": 8, "samples": 1})
    muted = {deterrence.evaluated(config, NORMALISATION[0], seed).identity for seed in range(2)}

    def rate(job: Evaluate) -> float:
        return 1.0 if job.identity in muted else 0.0

    summary = summary_of("deterrence", tmp_path, rate, lambda job, step: 0.0, config)
    table = summary.section.tables[0]
    rows = {str(row[0]): row for row in table.rows}
    group, none = rows[NORMALISATION[0].name], rows[NORMALISATION[2].name]
    assert (group[1], none[1]) == ("100.0 %", "0.0 %")
    place = list(table.columns).index("overclaims")
    assert [row[place].value for row in (group, none)] == [1.0, 0.0]  # type: ignore[union-attr]
    assert cell(summary, f"self-grading({NORMALISATION[0].name})/vulnerable/mini", "exploit_rate")["value"] == 1.0
    assert "train without dividing by the standard deviation" in summary.section.answer
    assert (
        "With undivided advantages and 10.0 % of the claims audited, the share of level-4 answers called right"
        in summary.section.answer
    )


def test_no_normalisation_is_advised_where_all_deter_alike(tmp_path: Path) -> None:
    config = SMALL.model_copy(update={"seeds": 2, "count": 8, "samples": 1})
    summary = summary_of("deterrence", tmp_path, lambda job: 0.5, lambda job, step: 0.0, config)
    assert "train without" not in summary.section.answer
