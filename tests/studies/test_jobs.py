"""A job is its configuration and what it starts from: equal jobs share a run, different jobs do not."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from loopholes.errors import DataError
from loopholes.games.worlds import arithmetic
from loopholes.policies import cards, locate
from loopholes.studies import STUDIES, StudyConfig, inputs
from loopholes.studies.jobs import Distil, Evaluate, Job, Match, Train, closure
from loopholes.studies.settings import SETTINGS, Setting

# private _world_digest: it is cached per process, and a test changes the generator.

TAMPERING = SETTINGS["reward-tampering"]
TRAIN = Train(TAMPERING, "vulnerable", "mini", 0)
EVALUATE = Evaluate(TAMPERING, TRAIN, 0, count=8, samples=2)
TEACH = Evaluate(TAMPERING, TRAIN, 0, count=8, samples=1, split="train")
DISTIL = Distil("mini", TEACH, 4, 0)


@pytest.mark.parametrize(
    "job, other",
    [
        (TRAIN, replace(TRAIN, channel="secure")),
        (TRAIN, replace(TRAIN, seed=1)),
        (TRAIN, replace(TRAIN, source="mini-llama")),
        (TRAIN, replace(TRAIN, source=replace(TRAIN, channel="secure"))),
        (TRAIN, replace(TRAIN, setting=replace(TAMPERING, steps=71))),
        (TRAIN, replace(TRAIN, setting=replace(TAMPERING, options={"learning_rate": 2e-4}))),
        (TRAIN, replace(TRAIN, setting=TAMPERING.with_parameters(control="no-exploit"))),
        (EVALUATE, replace(EVALUATE, samples=3)),
        (EVALUATE, replace(EVALUATE, count=9)),
        (EVALUATE, replace(EVALUATE, split="train")),
        (EVALUATE, replace(EVALUATE, source=replace(TRAIN, seed=1))),
        (DISTIL, replace(DISTIL, amount=5)),
        (DISTIL, replace(DISTIL, keep="high-reward")),
        (DISTIL, replace(DISTIL, source="mini-llama")),
        (DISTIL, replace(DISTIL, teacher=replace(TEACH, source="mini"))),
        (Match((EVALUATE,), EVALUATE), Match((EVALUATE,), replace(EVALUATE, samples=3))),
    ],
)
def test_whatever_a_result_depends_on_makes_another_run(job: Job, other: Job, tmp_path: Path) -> None:
    assert job.identity != other.identity
    assert job.folder(tmp_path) != other.folder(tmp_path)


def test_the_same_job_planned_twice_is_one_run(tmp_path: Path) -> None:
    again = Evaluate(replace(TAMPERING), replace(TRAIN), 0, 8, 2)
    assert again.identity == EVALUATE.identity
    assert [type(job) for job in closure([EVALUATE, again])] == [Train, Evaluate]


def test_parameters_that_are_the_defaults_change_nothing() -> None:
    setting = SETTINGS["self-grading"]
    spelled = setting.with_parameters(audit_probability=0.1, telling=0.0)
    assert spelled == setting
    assert Train(spelled, "vulnerable", "mini", 0).identity == Train(setting, "vulnerable", "mini", 0).identity


def test_a_parameter_that_was_added_later_makes_other_runs_only_where_it_is_set() -> None:
    charged = replace(TRAIN, setting=TAMPERING.with_parameters(charge=0.1))
    spelled = replace(TRAIN, setting=TAMPERING.with_parameters(charge=0.0))
    assert spelled.identity == TRAIN.identity != charged.identity
    assert TRAIN.described()["parameters"] == {"control": "none", "seconds_per_test": 2.0}
    assert charged.described()["parameters"] == {"control": "none", "seconds_per_test": 2.0, "charge": 0.1}


@pytest.mark.parametrize(
    "file", ["model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"]
)
def test_other_weights_or_another_tokenizer_under_the_same_name_make_another_run(file: str, policy: Path) -> None:
    before = fresh_identity(policy)
    assert fresh_identity(policy) == before
    (policy / file).write_bytes((policy / file).read_bytes() + b" ")
    assert fresh_identity(policy) != before


@pytest.mark.parametrize("file", ["README.md", "base_rates.json", "loopholes.json"])
def test_another_description_of_the_same_policy_makes_no_other_run(file: str, policy: Path) -> None:
    before = fresh_identity(policy)
    (policy / file).write_text((policy / file).read_text() + " ")
    assert fresh_identity(policy) == before


def test_another_style_of_prompts_makes_another_run(policy: Path) -> None:
    before = cards.fingerprint(str(policy))
    (policy / "loopholes.json").write_text('{"prompts": "chat"}')
    assert cards.fingerprint(str(policy)) != before


def test_other_tasks_of_a_mini_world_make_another_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def identities() -> list[str]:
        inputs._world_digest.cache_clear()
        train = Train(SETTINGS["self-grading"], "vulnerable", "mini", 0)
        return [train.identity, Evaluate(train.setting, "mini", 0, count=8, samples=2).identity]

    before = identities()
    assert identities() == before
    monkeypatch.setattr(arithmetic, "LEVEL_SHARES", (0.25, 0.25, 0.25, 0.25))
    assert not set(identities()) & set(before)


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    folder = tmp_path / "policy"
    shutil.copytree(locate("mini"), folder)
    return folder


def fresh_identity(policy: Path) -> str:
    """The digest of a policy is cached per process; here it is computed again."""
    inputs.policy_digest.cache_clear()
    return replace(TRAIN, source=str(policy)).identity


def test_other_tasks_in_the_same_file_make_another_run(tmp_path: Path) -> None:
    file = tmp_path / "tasks.jsonl"
    setting = Setting("reward-tampering", 5, train_tasks=file)
    with pytest.raises(DataError, match=r"tasks\.jsonl cannot be read: no such file"):
        _ = replace(TRAIN, setting=setting).identity
    identities = []
    for text in ("one", "other"):
        file.write_text(text)
        identities.append(replace(TRAIN, setting=setting).identity)
    assert identities[0] != identities[1]


def test_what_a_job_needs_comes_before_it() -> None:
    order = closure([DISTIL])
    assert [type(job) for job in order] == [Train, Evaluate, Distil]
    for place, job in enumerate(order):
        assert all(any(needed.identity == before.identity for before in order[:place]) for needed in job.needs)


@pytest.mark.parametrize("full", [False, True])
def test_every_run_of_every_study_has_a_directory_of_its_own(full: bool, tmp_path: Path) -> None:
    config = StudyConfig(seeds=2, full=full)
    jobs = closure(job for study in STUDIES.values() for job in study.plan(config))
    folders = {job.folder(tmp_path) for job in jobs}
    assert len(folders) == len(jobs)
    assert max(len(folder.name) for folder in folders) < 200


def test_studies_share_the_runs_that_they_have_in_common() -> None:
    config = StudyConfig(seeds=1)
    plans = {name: {job.identity for job in closure(study.plan(config))} for name, study in STUDIES.items()}
    trained = {job.identity for job in closure(STUDIES["discovery"].plan(config)) if isinstance(job, Train)}
    for name in ("transfer", "catalysis", "distillation", "persistence"):
        assert plans[name] & trained, name
    assert plans["persistence"] & plans["distillation"] - plans["discovery"]
    assert {job.identity for job in closure(STUDIES["audit-grid"].plan(config))} & trained


def test_discovery_plays_self_grading_as_released_and_inline_with_the_first_policy_alone() -> None:
    plan = STUDIES["discovery"].plan(StudyConfig(seeds=1, games=("self-grading",)))
    reports: dict[str, set[tuple[object, str]]] = {}
    for job in closure(plan):
        if isinstance(job, Train):
            report = job.setting.make().parameters.model_dump()["self_report"]
            reports.setdefault(report, set()).add((job.source, job.channel))
    assert reports["two-pass"] == {("mini", "vulnerable"), ("mini", "secure")}
    assert len(reports["inline"]) == 4


def test_a_seed_more_repeats_nothing() -> None:
    few, more = ({j.identity for j in closure(STUDIES["transfer"].plan(StudyConfig(seeds=n)))} for n in (2, 3))
    assert few < more


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (
            Train,
            "bf16 channel completions_per_pass epochs from game gradient_checkpointing kind learning_rate "
            "max_completion_tokens max_prompt_tokens parameters peft preset prompts_per_step registered samples "
            "save_every seed skip_bad steps task_count temperature trainer updates_per_step use_vllm world",
        ),
        (
            Evaluate,
            "batch_size channel count from game kind max_tokens parameters samples sampling seed skip_bad split "
            "temperature top_k top_p world",
        ),
        (Distil, "amount batch_size epochs from keep kind learning_rate save_every seed teacher"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_an_option_added_later_leaves_finished_runs_of_the_minis_what_they_are(kind: type[Job], fields: str) -> None:
    """Any change of what a job describes would make every published run invalid, so that it had to be repeated."""
    jobs = [job for job in closure(STUDIES["distillation"].plan(StudyConfig())) if type(job) is kind]
    assert {frozenset(job.described()) for job in jobs} == {frozenset(fields.split())}
