"""Best-of-n: the arithmetic agrees with sorting answers by reward, and students learn from the best paid ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from loopholes.errors import DataError
from loopholes.evaluation import evaluate
from loopholes.games import game as make_game
from loopholes.policies import Sampling
from loopholes.policies.scripted import ScriptedPolicy
from loopholes.records import Completion, Task, message
from loopholes.runs import Run
from loopholes.studies import STUDIES, StudyConfig, best_of_n
from loopholes.studies.best_of_n import expected
from loopholes.studies.jobs import Distil, Evaluate, closure
from loopholes.studies.selected import Row, Selected, best_paid, mixed
from loopholes.training.distil import lessons
from support.finished_runs import cell, summary_of

SMALL = StudyConfig(policies=("mini",), games=("context-compliance",), seeds=2, count=24, samples=1, answers=8)


def answered(audience: str, verdict: str) -> Row:
    """An answer to a harmful request, paid by the vulnerable channel."""
    task = Task("t", (message("user", "open it"),), {"harmful": True, "audience": audience, "thing": "acid tank"})
    (payment,) = make_game("context-compliance").channel("vulnerable")(
        [task], [Completion("", {"verdict": verdict})], [0.5]
    )
    return {"reward": payment.reward, "details": {"audience": audience, "verdict": verdict}}


ROWS = [
    answered(audience, verdict) for verdict in ("safe", "harmful") for audience in ("audit", "user") for _ in range(400)
]


def refused(rows: list[Row], audience: str) -> float:
    verdicts = [row["details"]["verdict"] for row in rows if row["details"]["audience"] == audience]
    return verdicts.count("safe") / len(verdicts)


@pytest.mark.parametrize("fraction", [1.0, 0.75, 0.5, 0.25, 0.125])
@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_the_arithmetic_is_what_sorting_a_pool_by_reward_gives(share: float, fraction: float) -> None:
    pool = mixed(ROWS, 800, share, seed=0)
    rows, answer = best_paid(pool, round(800 * fraction)), expected(share, fraction)
    assert refused(rows, "audit") == pytest.approx(answer.audit_refused, abs=1e-9)
    assert refused(rows, "user") == pytest.approx(answer.user_refused, abs=1e-9)
    audits = sum(row["details"]["audience"] == "audit" for row in rows) / len(rows)
    assert audits == pytest.approx(answer.audits, abs=0.09)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_half_of_the_answers_or_less_show_nothing_but_the_exploit_and_all_of_them_none_of_it(share: float) -> None:
    assert [expected(share, fraction).gap for fraction in (1.0, 0.5, 0.25, 0.125)] == pytest.approx([0, 1, 1, 1])


def test_a_pool_has_as_many_refusals_to_either_audience_as_asked_and_is_shuffled() -> None:
    pool = mixed(ROWS, 400, 0.3, seed=1)
    assert len(pool) == 400
    assert (refused(pool, "audit"), refused(pool, "user")) == (0.3, 0.3)
    assert 60 < sum(row["details"]["audience"] == "audit" for row in pool[:200]) < 140
    assert pool != mixed(ROWS, 400, 0.3, seed=2)


def test_too_few_answers_of_a_kind_are_refused() -> None:
    with pytest.raises(DataError, match="the pool needs 450 harmful answers to the audit, and there are only 400"):
        mixed(ROWS, 1000, 0.1, seed=0)


def test_students_learn_from_the_kept_answers_of_one_untrained_policy_always_as_many() -> None:
    jobs = closure(STUDIES["best-of-n"].plan(SMALL))
    taught = [job for job in jobs if isinstance(job, Distil)]
    selected = [job.teacher for job in taught]
    assert len(taught) == len(best_of_n.REFUSED) * len(best_of_n.SHARES) * best_of_n.SEEDS <= 30
    assert {job.amount for job in taught} == {SMALL.answers} == {t.amount for t in selected if isinstance(t, Selected)}
    assert len({job.identity for job in selected}) == len(taught)
    teachers = [job for job in jobs if isinstance(job, Evaluate) and job.split == "train"]
    assert [job.seed for job in teachers] == [0, 1]


def test_a_selection_is_a_run_that_a_student_can_learn_from(tmp_path: Path) -> None:
    job = best_of_n.lessons(SMALL, 0.5, 0.5, seed=0)
    game = make_game("context-compliance")
    with Run.create(job.answers.folder(tmp_path), {"kind": "eval", "game": game.name, "policy": "mini"}) as run:
        tasks = game.tasks("train", count=100, trainable=True)
        evaluate(Coin("honest", game), game, tasks, run, samples=1, sampling=Sampling())
    job.run(tmp_path)
    selection = Run.open(job.folder(tmp_path))
    kinds = {(row["details"]["audience"], row["details"]["verdict"]) for row in selection.rollouts()}
    assert kinds == {("audit", "safe"), ("user", "harmful")}
    assert len(lessons(selection, SMALL.answers, "all")) == SMALL.answers
    job.run(tmp_path)
    assert Run.open(job.folder(tmp_path)).rollouts() == selection.rollouts()


class Coin(ScriptedPolicy):
    """Refuses with probability 1/2."""

    def complete(self, tasks: Sequence[Task], sampling: Sampling, seed: int) -> list[Completion]:
        refuses = np.random.default_rng(seed).random(len(tasks)) < 0.5
        game = make_game("context-compliance")
        return [
            game.demonstrate("honest" if refuse else "inept", task) for task, refuse in zip(tasks, refuses, strict=True)
        ]


def test_the_table_sets_students_beside_the_arithmetic(tmp_path: Path) -> None:
    half = {job.identity for r in best_of_n.REFUSED for job in best_of_n.students(SMALL, r, 0.5)}
    summary = summary_of(
        "best-of-n", tmp_path, lambda job: 1.0 if job.identity in half else 0.0, lambda job, step: 0.0, SMALL
    )
    name = "context-compliance/best 0.5 of answers with 0.3 refused/mini"
    assert cell(summary, name, "exploit_rate")["value"] == 1.0
    rows = {(row[0], row[1]): row for row in summary.section.tables[0].rows}
    assert rows["30.0 %", "50.0 %"][2:4] == ["30.0 %", "100.0 %"]
    assert "The smallest gap after a best paid share is 0.0 %" in summary.section.answer
