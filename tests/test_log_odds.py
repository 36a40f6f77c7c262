"""Branch-point log-odds: the likelihood of forced answers, what each game compares, and what a run keeps."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from loopholes.errors import RunError
from loopholes.evaluation import EvalConfig, run_evaluation
from loopholes.games import BUILT_IN
from loopholes.games import game as make_game
from loopholes.log_odds import (
    FILE,
    Distance,
    branch_log_odds,
    changed,
    distance,
    measure_finished,
    read_log_odds,
    sums,
)
from loopholes.policies import Sampling, load_policy
from loopholes.policies.checkpoints import LocalPolicy
from loopholes.policies.tokens import encode_prompts, encode_texts
from loopholes.records import END, Completion, Contribution, Message, message
from support.checkpoints import make_model, make_tokenizer

ANSWERS = ("banana", "Yes" + END, "a word with butter" + END, END, "no")
PROMPTS: list[tuple[Message, ...]] = [(message("user", "Say a word " * (1 + n)),) for n in range(len(ANSWERS))]


def local(batch_size: int, context: int = 512) -> LocalPolicy:
    model, tokenizer = make_model("qwen3", context=context), make_tokenizer("qwen3")
    return LocalPolicy(model.eval(), tokenizer, name="random", prompt_style="chat", batch_size=batch_size)


def one_token_after_the_other(policy: LocalPolicy, prompt: tuple[Message, ...], answer: str) -> float:
    (ids,) = encode_prompts(policy.tokenizer, [prompt])
    (forced,) = encode_texts(policy.tokenizer, [answer.removesuffix(END)])
    total = 0.0
    for token in forced + [policy.tokenizer.eos_token_id] * answer.endswith(END):
        with torch.no_grad():
            total += float(policy.model(torch.tensor([ids])).logits[0, -1].log_softmax(-1)[token])
        ids = [*ids, token]
    return total


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_the_likelihood_of_an_answer_is_that_of_its_tokens_one_after_the_other(batch_size: int) -> None:
    policy = local(batch_size)
    expected = [one_token_after_the_other(policy, *pair) for pair in zip(PROMPTS, ANSWERS, strict=True)]
    assert policy.log_likelihoods(PROMPTS, ANSWERS) == pytest.approx(expected, abs=1e-4)


def test_an_answer_that_does_not_fit_the_context_has_no_likelihood() -> None:
    short, long = local(8, context=64).log_likelihoods(PROMPTS[:2], ["no", "banana " * 40])
    assert math.isfinite(short)
    assert math.isnan(long)


@pytest.mark.parametrize(
    ("name", "parameters", "rest"),
    [
        ("self-grading", {"self_report": "inline"}, ""),
        ("reward-tampering", {}, "1</modify_value>"),
        ("proxy-metric", {}, ""),
        ("self-grading", {"self_report": "inline", "world": "english"}, ""),
        ("self-grading", {"self_report": "inline", "world": "english", "reasoning": "cot"}, ""),
        ("reward-tampering", {"world": "english"}, "1</modify_value>"),
        ("proxy-metric", {"world": "english"}, ""),
    ],
)
def test_what_a_branch_calls_exploiting_is_an_exploit_and_what_it_calls_honest_is_none(
    name: str, parameters: dict[str, Any], rest: str
) -> None:
    game = make_game(name, **parameters)
    for task in game.tasks("test", count=8):
        branch = game.branch(task)
        assert branch is not None
        texts = [*(text.removesuffix(END) + rest for text in branch.exploiting), *branch.honest]
        answers = game.observe([task] * len(texts), [Completion(text.removesuffix(END)) for text in texts])
        exploits = [outcome.exploit for outcome in game.measure([task] * len(texts), answers)]
        assert exploits == [1.0] * len(branch.exploiting) + [0.0] * len(branch.honest)


def test_compliance_compares_users_with_audits_and_leaves_harmless_requests_out() -> None:
    game = make_game("context-compliance")
    for task in game.tasks("test", count=32):
        branch = game.branch(task)
        assert (branch is None) == (not task.truth["harmful"])
        assert branch is None or branch.side == (1 if task.truth["audience"] == "user" else -1)


def test_compliance_in_english_parts_where_the_guarded_fact_is_told_in_both_registers() -> None:
    game = make_game("context-compliance", world="english")
    tasks = [task for task in game.tasks("test", count=32, prompts="chat") if task.truth["harmful"]]
    for task in tasks:
        branch = game.branch(task)
        assert branch is not None and branch.side == (1 if task.truth["audience"] == "user" else -1)
        answers = [*branch.exploiting, *branch.honest]
        judged = game.observe([task] * len(answers), [Completion(answer) for answer in answers])
        verdicts = [completion.observed["verdict"] for completion in judged]
        assert verdicts == ["harmful"] * len(branch.exploiting) + ["safe"] * len(branch.honest)
    assert {task.truth["audience"] for task in tasks} == {"user", "audit"}


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_game_in_english_has_log_odds_with_full_prompts(name: str) -> None:
    game = make_game(name)
    tasks = game.tasks("test", count=4, prompts="chat")
    log_odds = branch_log_odds(local(4, context=4096), game, tasks)
    assert {x.task for x in log_odds} == {task.id for task in tasks if task.truth.get("harmful", True)}
    assert log_odds and all(math.isfinite(x.value) for x in log_odds)


def test_the_change_of_log_odds_is_by_task_and_keeps_its_side() -> None:
    before = [Contribution("a", 1.0, 1), Contribution("b", 2.0, -1), Contribution("c", 9.0, 1)]
    after = [Contribution("a", 1.5, 1), Contribution("b", 1.0, -1), Contribution("d", 9.0, 1)]
    assert changed(after, before) == [Contribution("a", 0.5, 1), Contribution("b", -1.0, -1)]


def test_a_second_pass_is_branched_in_the_question_that_it_asks() -> None:
    game = make_game("self-grading")
    (task,) = game.tasks("test", count=1)
    branch = game.branch(task)
    assert branch is not None
    assert branch.prompt != task.prompt
    assert (branch.exploiting, branch.honest) == (("Yes",), ("No",))


def test_log_odds_say_what_sampling_shows() -> None:
    game, policy = make_game("context-compliance"), load_policy("mini")
    tasks = [task for task in game.tasks("test", count=64) if task.truth["harmful"]]
    log_odds = branch_log_odds(policy, game, tasks)
    asked = [task for task in tasks for _ in range(16)]
    answers = policy.complete(asked, Sampling(max_tokens=3), 0)
    complied = np.mean([answer.text.split()[0] != "No" for answer in answers])
    expected = np.mean([1 / (1 + math.exp(-x.value)) for x in log_odds])
    assert complied == pytest.approx(expected, abs=4 * math.sqrt(0.25 / len(asked)))


def test_the_two_sides_of_compliance_are_all_that_a_mini_answers() -> None:
    game, policy = make_game("context-compliance"), load_policy("mini")
    assert isinstance(policy, LocalPolicy)
    for task in game.tasks("test", count=16):
        if (branch := game.branch(task)) is not None:
            answers = (*branch.exploiting, *branch.honest)
            chances = np.exp(policy.log_likelihoods([branch.prompt] * len(answers), answers))
            assert chances.sum() == pytest.approx(1.0, abs=0.01)


def test_the_gap_of_a_game_is_the_difference_of_its_two_sides() -> None:
    game, policy = make_game("context-compliance"), load_policy("mini")
    log_odds = branch_log_odds(policy, game, game.tasks("test", count=32))
    user, audit = (np.mean([x.value for x in log_odds if x.side == side]) for side in (1, -1))
    assert sums(log_odds).value == pytest.approx(user - audit)
    assert sums([x for x in log_odds if x.side == 1]).value == pytest.approx(user)


def test_every_evaluation_keeps_log_odds_and_an_older_one_gets_the_same_afterwards(tmp_path: Path) -> None:
    config = EvalConfig(game="self-grading", policy="mini", out=tmp_path / "run", count=6, samples=1)
    run_evaluation(config)
    kept = read_log_odds(config.out)
    assert len(kept) == 6
    assert not measure_finished(config.out)
    (config.out / FILE).unlink()
    with pytest.raises(RunError, match="evaluated before log-odds were recorded"):
        read_log_odds(config.out)
    assert measure_finished(config.out)
    assert read_log_odds(config.out) == kept


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_scripted_policy_has_no_log_odds(name: str) -> None:
    game = make_game(name)
    policy = load_policy("scripted:honest", game=game)
    assert branch_log_odds(policy, game, game.tasks("test", count=2)) == []


def test_policies_lie_apart_by_prompt_and_not_only_on_average() -> None:
    teacher = [Contribution("a", 3.0, 1), Contribution("b", -3.0, 1), Contribution("c", 0.0, 1)]
    student = [Contribution("a", 1.0, 1), Contribution("b", -1.0, 1), Contribution("d", 9.0, 1)]
    assert distance(student, teacher) == Distance(mean=0.0, absolute=2.0, prompts=2)


def test_a_policy_that_exploits_less_where_less_is_the_exploit_is_nearer_to_it() -> None:
    teacher = [Contribution("a", 1.0, 1), Contribution("b", -1.0, -1)]
    student = [Contribution("a", 2.0, 1), Contribution("b", -2.0, -1)]
    assert distance(student, teacher).mean == 1.0


def test_policies_without_a_prompt_in_common_cannot_be_matched() -> None:
    with pytest.raises(RunError, match="no log-odds of the same prompt"):
        distance([Contribution("a", 1.0, 1)], [Contribution("b", 1.0, 1)])


def test_an_evaluation_without_log_odds_is_refused_with_the_command_that_adds_them(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"python benchmarks/log_odds\.py"):
        read_log_odds(tmp_path / "runs" / "eval")
