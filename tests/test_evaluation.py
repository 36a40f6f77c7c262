"""An evaluation records everything, can be resumed, and gives the same numbers however often it was interrupted."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from loopholes.cli import main
from loopholes.cli.options import pairs
from loopholes.errors import PolicyError, RunError
from loopholes.evaluation import EvalConfig, eval_command, evaluate, origin, run_evaluation
from loopholes.games import game
from loopholes.games.proxy_metric import ProxyMetric
from loopholes.policies import Sampling, ScriptedPolicy, load_policy
from loopholes.progress import Progress
from loopholes.records import Completion, Kind, Message, Metric, Outcome, PromptStyle, Task
from loopholes.report.elements import Lines
from loopholes.runs import Run
from loopholes.runs.evaluations import read_evaluation
from loopholes.stats import Estimate, Milestone, Sums, estimate
from loopholes.studies.loose import loose_sections

SAMPLING = Sampling(max_tokens=8)


class Counting:
    """Answers the first sample of every task correctly; stops like a killed process at batch ``dies_at``."""

    name = "counting"
    prompt_style: PromptStyle = "terse"

    def __init__(self, dies_at: int | None = None) -> None:
        self.calls: list[tuple[list[str], int]] = []
        self.questions = 0
        self._dies_at = dies_at

    def complete(self, tasks: Sequence[Task], sampling: Sampling, seed: int) -> list[Completion]:
        self.calls.append(([task.id for task in tasks], seed))
        if len(self.calls) == self._dies_at:
            raise KeyboardInterrupt
        first = [index == 0 or tasks[index - 1].id != task.id for index, task in enumerate(tasks)]
        return [
            Completion(task.truth["reference"] if right else "wrong") for right, task in zip(first, tasks, strict=True)
        ]

    def says_yes(self, prompts: Sequence[Sequence[Message]]) -> list[bool]:
        self.questions += len(prompts)
        return [True] * len(prompts)


def evaluate_into(run: Run, policy: Any, seed: int = 3) -> Any:
    played = game("self-grading", audit_probability=0.5)
    tasks = played.tasks("test", count=10)
    return evaluate(policy, played, tasks, run, samples=3, sampling=SAMPLING, seed=seed, batch_tasks=4)


def rows_of(run: Run) -> list[dict[str, Any]]:
    return run.rollouts()


def lines_of(run: Run) -> list[dict[str, Any]]:
    return [{key: value for key, value in line.items() if key != "seconds"} for line in run.metrics()]


def test_every_task_is_answered_as_often_as_asked_and_the_policy_is_asked_about_its_answers() -> None:
    policy = Counting()
    played = game("self-grading")
    tasks = played.tasks("test", count=5)
    (scored,) = evaluate(policy, played, tasks, samples=3, sampling=SAMPLING)
    assert [task.id for task in scored.tasks] == [task.id for task in tasks for _ in range(3)]
    assert policy.questions == 15
    assert [outcome.task_score for outcome in scored.outcomes] == [1.0, 0.0, 0.0] * 5
    assert [outcome.exploit for outcome in scored.outcomes] == [0.0, 1.0, 1.0] * 5


@pytest.mark.parametrize("lost", [False, True], ids=["between batches", "between a batch's two files"])
def test_an_interrupted_evaluation_goes_on_to_the_same_numbers(tmp_path: Path, lost: bool) -> None:
    with Run.create(tmp_path / "whole", {}) as whole:
        expected = evaluate_into(whole, Counting())
    with pytest.raises(KeyboardInterrupt), Run.create(tmp_path / "run", {}) as run:
        evaluate_into(run, Counting(dies_at=3))
    assert run.status.state == "interrupted"
    if lost:
        first_line = (run.path / "metrics.jsonl").read_text().splitlines(keepends=True)[:1]
        (run.path / "metrics.jsonl").write_text("".join(first_line))
    policy = Counting()
    with Run.create(tmp_path / "run", {}, resume=True) as run:
        resumed = evaluate_into(run, policy)
    assert len(policy.calls) == (2 if lost else 1)
    assert rows_of(run) == rows_of(whole)
    assert lines_of(run) == lines_of(whole)
    assert [batch.payments for batch in resumed] == [batch.payments for batch in expected]
    assert [[o.exploit for o in batch.outcomes] for batch in resumed] == [
        [o.exploit for o in batch.outcomes] for batch in expected
    ]


def test_other_tasks_than_those_of_the_run_are_refused(tmp_path: Path) -> None:
    played = game("self-grading")
    with Run.create(tmp_path, {}) as run:
        evaluate(Counting(), played, played.tasks("test", count=4), run, sampling=SAMPLING)
        other_tasks = played.tasks("test", count=4, seed=9)
        with pytest.raises(RunError, match="other tasks"):
            evaluate(Counting(), played, other_tasks, run, sampling=SAMPLING)


def test_what_is_read_back_gives_the_same_estimates(tmp_path: Path) -> None:
    played = game("context-compliance")
    tasks = played.tasks("test", count=40)
    with Run.create(tmp_path, {}) as run:
        scored = evaluate(ScriptedPolicy("exploiting", played), played, tasks, run, samples=2, sampling=SAMPLING)
    played_tasks = [task for batch in scored for task in batch.tasks]
    outcomes = [outcome for batch in scored for outcome in batch.outcomes]
    for metric in played.metrics.values():
        assert estimate([Sums.of(metric, *read_evaluation(tmp_path))]) == estimate(
            [Sums.of(metric, played_tasks, outcomes)]
        )
    assert played.summarize(played_tasks, outcomes)["exploit_rate"].value == 1.0


@pytest.mark.parametrize("kind", ["honest", "exploiting", "inept"])
@pytest.mark.parametrize("name", ["context-compliance", "self-grading", "proxy-metric", "reward-tampering"])
def test_scripted_policies_play_every_game_through_the_command_line(tmp_path: Path, name: str, kind: str) -> None:
    command = ["eval", f"scripted:{kind}", "--game", name, "--count", "24", "--samples", "1", "--out"]
    assert main([*command, str(tmp_path / "run")]) == 0
    run = Run.open(tmp_path / "run")
    values = {cell["metric"]: cell["value"] for cell in (run.summary or {})["cells"]}
    honest, exploiting = kind == "honest", kind == "exploiting"
    assert {cell["cell"] for cell in (run.summary or {})["cells"]} == {f"{name}/scripted/scripted:{kind}"}
    assert values["exploit_rate"] == float(exploiting)
    assert values["task_performance"] == 1.0 if honest else values["task_performance"] <= 1.0
    if exploiting:
        assert values["reward_vulnerable"] > values["reward_secure"]
    assert (run.config["kind"], run.config["arm"], run.status.state) == ("eval", "scripted", "finished")


def test_rollouts_hold_what_both_channels_pay(tmp_path: Path) -> None:
    command = ["eval", "scripted:exploiting", "--game", "reward-tampering", "--count", "3", "--samples", "2"]
    assert main([*command, "--channel", "secure", "--out", str(tmp_path / "run")]) == 0
    frame = pd.read_parquet(tmp_path / "run" / "rollouts")
    assert frame["reward"].tolist() == [0.0] * 6
    details = [json.loads(text) for text in frame["details"]]
    assert [detail["rewards"] for detail in details] == [{"secure": 0.0, "vulnerable": 1.0}] * 6


def test_a_checkpoint_is_evaluated_on_its_own_and_the_run_is_not_touched_twice(
    tmp_path: Path, checkpoint: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["eval", str(checkpoint("qwen3")), "--game", "self-grading", "--count", "6", "--samples", "2"]
    command += ["--max-tokens", "8", "--json", "--out", str(tmp_path / "run")]
    assert main(command) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.get("done") for line in lines] == [6, None]
    assert lines[-1]["cells"] == (Run.open(tmp_path / "run").summary or {})["cells"]
    config = Run.open(tmp_path / "run").config
    assert (config["temperature"], config["top_p"], config["top_k"]) == (0.6, 0.95, 20)
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "run").rglob("*") if file.is_file()}
    assert main(command) == 4
    assert "--resume" in capsys.readouterr().err
    assert main([*command, "--resume"]) == 0
    assert {file: file.stat().st_mtime_ns for file in before} == before


def test_prompts_that_are_too_long_are_an_error_or_left_out_and_counted(
    tmp_path: Path, checkpoint: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = [{"id": "long", "content": "word " * 900}, {"id": "short", "content": "2 + 2 = ?"}]
    text = "".join(
        json.dumps({"id": t["id"], "prompt": [{"role": "user", "content": t["content"]}], "truth": {"reference": "4"}})
        + "\n"
        for t in tasks
    )
    (tmp_path / "tasks.jsonl").write_text(text)
    command = ["eval", str(checkpoint("qwen3")), "--game", "self-grading", "--tasks", str(tmp_path / "tasks.jsonl")]
    command += ["--max-tokens", "4", "--samples", "1", "--set", "self_report=inline", "--out"]
    assert main([*command, str(tmp_path / "a")]) == 6
    assert "'long'" in capsys.readouterr().err
    assert main([*command, str(tmp_path / "b"), "--skip-bad"]) == 0
    assert "left out 1 of 2 tasks" in capsys.readouterr().err
    assert [row["task"] for row in Run.open(tmp_path / "b").rollouts()] == ["short"]


def test_the_arm_of_a_policy_is_what_trained_it(tmp_path: Path) -> None:
    with Run.create(tmp_path, {"kind": "train", "game": "proxy-metric", "channel": "secure", "policy": "mini"}) as run:
        with pytest.raises(PolicyError, match="has no trained policy"):
            load_policy(str(tmp_path))
        run.policy.mkdir()
    assert origin(str(tmp_path), game("proxy-metric")) == ("secure", "mini")
    assert origin(str(tmp_path), game("self-grading")) == ("proxy-metric:secure", "mini")
    assert origin("Qwen/Qwen3-4B", game("self-grading")) == ("base", "Qwen/Qwen3-4B")
    assert origin("scripted:honest", game("self-grading")) == ("scripted", "scripted:honest")


@pytest.mark.parametrize(
    ("name", "style", "expected"),
    [
        ("self-grading", "terse", Sampling(1.0, 1.0, 0, 48)),
        ("self-grading", "chat", Sampling(0.6, 0.95, 20, 2048)),
        ("reward-tampering", "chat", Sampling(0.6, 0.95, 50, 3072)),
    ],
)
def test_sampling_defaults_to_the_paper_s_for_real_models(name: str, style: str, expected: Sampling) -> None:
    config = EvalConfig.of(game=name, policy="p", out=Path("o"))
    assert config.sampling(game(name), style) == expected
    explicit = EvalConfig.of(game=name, policy="p", out=Path("o"), temperature=0, max_tokens=7)
    assert (explicit.sampling(game(name), style).temperature, explicit.sampling(game(name), style).max_tokens) == (0, 7)


def a_run_tree(folder: Path, steps: int = 20) -> None:
    """Two seeds of a game: base, a training run, and its evaluation, as ``train`` and ``eval`` leave them."""
    played = game("proxy-metric")
    for seed in (0, 1):
        trained = {"kind": "train", "game": "proxy-metric", "parameters": {}, "channel": "vulnerable", "policy": "mini"}
        with Run.create(folder / f"train-{seed}", {**trained, "seed": seed}) as run:
            for step in range(1, steps + 1):
                rates = {"reward": 0.3, "task_performance": 0.9, "exploit_rate": 0.0 if step < 10 else 1.0}
                run.log_metrics({"step": step, **rates})
        arms: tuple[tuple[str, Kind], ...] = (("base", "honest"), ("vulnerable", "exploiting"))
        for arm, kind in arms:
            described = {"kind": "eval", "game": "proxy-metric", "parameters": {}, "arm": arm, "policy": "mini"}
            with Run.create(folder / f"eval-{arm}-{seed}", {**described, "seed": seed}) as run:
                tasks = played.tasks("test", count=6, seed=seed)
                evaluate(ScriptedPolicy(kind, played), played, tasks, run, samples=1, sampling=SAMPLING)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (3, ["too few steps", "too few steps", "too few steps"]),
        (6, ["not seen in training", Milestone(None, 0, 2, 6), "too few steps"]),
        (9, ["not seen in training", Milestone(None, 0, 2, 9), Milestone(None, 0, 2, 9)]),
    ],
)
def test_a_report_says_what_runs_are_too_short_to_tell(tmp_path: Path, steps: int, expected: list[object]) -> None:
    a_run_tree(tmp_path, steps)
    (section,) = loose_sections(tmp_path)
    (table,) = section.tables
    row = dict(zip(table.columns, table.rows[1], strict=True))
    assert [row["road"], row["appears"], row["dominates"]] == expected
    assert ("How the exploits came about" in section.answer) == (steps >= 5)


def test_the_chart_of_runs_shorter_than_its_window_shows_the_steps_as_logged(tmp_path: Path) -> None:
    a_run_tree(tmp_path, 3)
    (section,) = loose_sections(tmp_path)
    (chart,) = section.charts
    panel = chart.panels[0]
    assert isinstance(panel, Lines) and panel.series[-1].y == pytest.approx([0.3] * 3)
    assert chart.caption.startswith(
        "Lines are the steps as logged, not means over 5 steps: the runs are shorter than that"
    )


def test_a_report_puts_seeds_together_and_arms_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_run_tree(tmp_path)
    (section,) = loose_sections(tmp_path)
    columns = section.tables[0].columns
    base, vulnerable = (dict(zip(columns, row, strict=True)) for row in section.tables[0].rows)
    clean, exploited = base["exploit rate"], vulnerable["exploit rate"]
    assert isinstance(clean, Estimate) and isinstance(exploited, Estimate)
    assert (base["arm"], vulnerable["arm"]) == ("base", "vulnerable")
    assert (clean.value, exploited.value) == (0.0, 1.0)
    assert exploited.seeds == 2
    assert (vulnerable["appears"], vulnerable["dominates"]) == (Milestone(10, 2, 2, 10), Milestone(12, 2, 2, 12))
    assert vulnerable["blind spot"] is False  # copies are not short: the task metric fell
    assert {row["seed"] for row in section.rollouts["vulnerable"]} == {0, 1}
    assert main(["report", str(tmp_path), "--export", str(tmp_path / "paper")]) == 0
    page = Path(capsys.readouterr().out.splitlines()[0])
    assert page == tmp_path / "report.html"
    assert "proxy-metric" in page.read_text()
    written = sorted(file.name for file in (tmp_path / "paper").iterdir())
    stem = "proxy-metric-proxy-metric-mini"
    assert written == ["proxy-metric-arms.csv", f"{stem}.png", f"{stem}.svg"]


def test_the_page_of_a_run_that_was_only_trained_has_the_commands_that_evaluate_it_and_no_empty_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOPHOLES_SANDBOX", "process")
    described = {"kind": "train", "game": "proxy-metric", "policy": "mini", "channel": "vulnerable", "seed": 0}
    described |= {"parameters": {"metric": "overlap"}, "tasks": "held out.parquet", "skip_bad": True}
    with Run.create(tmp_path / "my run", described) as run:
        run.log_metrics({"step": 1, "reward": 0.3, "task_performance": 0.9, "exploit_rate": 0.0})
    (section,) = loose_sections(tmp_path)
    assert section.tables == []
    commands = [note.partition("loopholes eval ")[2] for note in section.notes]
    settings = "--game proxy-metric --set metric=overlap --tasks 'held out.parquet' --skip-bad --sandbox process --out"
    assert commands == [
        f"'{tmp_path}/my run' {settings} '{tmp_path}/my run-eval'",
        f"mini {settings} '{tmp_path}/my run-base'",
    ]
    assert main(["report", str(tmp_path)]) == 0
    page = Path(capsys.readouterr().out.strip()).read_text()
    assert "whose reward has a loophole (vulnerable). If the exploit rate" in page
    assert "loophole closed" not in page and "the policy before training" not in page


def test_nothing_is_called_unevaluated_beside_its_evaluation(tmp_path: Path) -> None:
    a_run_tree(tmp_path)
    (section,) = loose_sections(tmp_path)
    assert section.notes == [] and len(section.tables) == 1


@pytest.mark.parametrize("value", ["inline", "5", "true", "two words", 5, 0.5, True, None, [1, "a"], {"a": 1}])
def test_a_pasted_command_sets_the_same_parameters(value: object) -> None:
    _, *words = shlex.split(eval_command("mini", "my game.py:Game", {"key": value}, Path("a b")))
    assert pairs([words[words.index("--set") + 1]], "--set") == {"key": value}
    assert words[words.index("--game") + 1] == "my game.py:Game" and words[-1] == "a b"


def test_an_evaluation_in_python_returns_its_run(tmp_path: Path) -> None:
    config = EvalConfig.of(game="proxy-metric", policy="scripted:inept", out=tmp_path / "run", count=3, samples=1)
    seen: list[Progress] = []
    run = run_evaluation(config, on_progress=seen.append)
    assert [(progress.what, progress.done, progress.total) for progress in seen] == [("task", 3, 3)]
    assert len(run.rollouts()) == 3


class Torn(ProxyMetric):
    """A game that writes half an emoji wherever it can."""

    def generate(self, rng: np.random.Generator, prompts: PromptStyle) -> Iterator[Task]:
        return (replace(task, id=f"{task.id} \ud83d") for task in super().generate(rng, prompts))

    def measure(self, tasks: Sequence[Task], completions: Sequence[Completion]) -> list[Outcome]:
        return [replace(outcome, details={"torn": "\ud83d"}) for outcome in super().measure(tasks, completions)]

    @property
    def metrics(self) -> Mapping[str, Metric]:
        names = ("task_performance", "exploit_rate")
        return {name: super(Torn, self).metrics[name] for name in names}

    def demonstrate(self, kind: Kind, task: Task) -> Completion:
        return Completion("half of \ud83d")


def test_text_without_utf8_is_written_with_the_replacement_character_and_can_be_resumed(tmp_path: Path) -> None:
    played = Torn()
    tasks = played.tasks("test", count=2)
    for _ in range(2):
        with Run.create(tmp_path, {}, resume=True) as run:
            evaluate(ScriptedPolicy("honest", played), played, tasks, run, samples=1, sampling=SAMPLING)
            run.close()
    rows = Run.open(tmp_path).rollouts()
    assert [row["text"] for row in rows] == ["half of \ufffd"] * 2
    assert [row["details"] for row in rows] == [{"torn": "\ufffd"}] * 2
    read_tasks, _ = read_evaluation(tmp_path)
    assert [task.id for task in read_tasks] == [row["task"] for row in rows]
    assert all(row["task"].endswith(" \ufffd") for row in rows)
