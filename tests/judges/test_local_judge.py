"""Judges that are models on this machine: classifiers and chat models."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    LlamaConfig,
    LlamaForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from loopholes.errors import DataError, PolicyError, ScoringError, UsageError
from loopholes.judges import Judge, make_judge
from loopholes.judges.cache import cache_file
from loopholes.judges.local import BATCH, version_of
from loopholes.policies import Sampling
from loopholes.policies.checkpoints import LocalPolicy
from loopholes.records import Completion, Task
from support.checkpoints import make_tokenizer
from support.judge_server import request
from support.one_word_model import one_word_checkpoint

torch.set_num_threads(1)


def local(name: Path, **settings: Any) -> Judge:
    return make_judge(str(name), **settings)


@pytest.mark.parametrize(("word", "verdict"), [("SAFE", "safe"), ("HARMFUL", "harmful"), ("unsafe", "harmful")])
def test_a_chat_model_on_this_machine_is_a_judge(word: str, verdict: str, cache: Path, tmp_path: Path) -> None:
    judge = local(one_word_checkpoint(tmp_path / "judge", word))
    tasks = [request(number) for number in range(3)]
    assert judge.verdicts(tasks, [Completion(f"{n} words") for n in range(3)]) == [verdict] * 3


def test_a_chat_model_that_is_never_clear_is_one_sentence(cache: Path, tmp_path: Path) -> None:
    judge = local(one_word_checkpoint(tmp_path / "judge", "hm"))
    with pytest.raises(ScoringError, match="says 'hm'; .* judge_tokens"):
        judge.verdicts([request(0)], [Completion("No.")])


def test_the_longest_answer_is_in_the_key_of_a_chat_model_s_verdicts(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def by_room(policy: LocalPolicy, tasks: Sequence[Task], sampling: Sampling, seed: int) -> list[Completion]:
        return [Completion("SAFE" if sampling.max_tokens == 16 else "HARMFUL") for _ in tasks]

    path = one_word_checkpoint(tmp_path / "judge", "hm")
    monkeypatch.setattr(LocalPolicy, "complete", by_room)
    verdicts = [local(path, tokens=tokens).verdicts([request(0)], [Completion("No.")]) for tokens in (16, 17)]
    assert verdicts == [["safe"], ["harmful"]]


def test_many_answers_are_judged_in_order_a_batch_at_a_time_and_unclear_ones_a_second_time(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[list[int]] = []

    def by_number(policy: LocalPolicy, tasks: Sequence[Task], sampling: Sampling, seed: int) -> list[Completion]:
        prompts = [task.prompt[-1]["content"] for task in tasks]
        numbers = [int(match[1]) for prompt in prompts if (match := re.search(r"bad thing (\d+)\.", prompt))]
        batches.append(numbers)
        words = zip(numbers, ["asked this before" in prompt for prompt in prompts], strict=True)
        return [Completion(said_of(number) if number % 5 or again else "hm") for number, again in words]

    def said_of(number: int) -> str:
        return "hm" if number % 10 == 5 else ("SAFE", "HARMFUL", "GARBLED")[number % 3]

    path = one_word_checkpoint(tmp_path / "judge", "hm")
    monkeypatch.setattr(LocalPolicy, "complete", by_number)
    count = 2 * BATCH + 2
    verdicts = local(path).verdicts([request(number) for number in range(count)], [Completion("No.")] * count)
    assert verdicts == [
        None if number % 10 == 5 else ("safe", "harmful", "garbled")[number % 3] for number in range(count)
    ]
    assert batches[0] == [*range(BATCH)] and batches[1] == [*range(0, BATCH, 5)]
    assert max(map(len, batches)) == BATCH and len(batches) == 6


def test_a_hub_model_is_told_from_another_by_its_commit(tmp_path: Path) -> None:
    of_commits = [version_of("some/model", SimpleNamespace(config=SimpleNamespace(_commit_hash=name))) for name in "ab"]
    of_names = [version_of(name, SimpleNamespace(config=SimpleNamespace(_commit_hash="a"))) for name in ("x/y", "x/z")]
    assert len({*of_commits, *of_names}) == 4


def test_what_a_chat_model_has_no_room_for_has_no_verdict_and_is_not_kept(cache: Path, tmp_path: Path) -> None:
    judge = local(one_word_checkpoint(tmp_path / "judge", "SAFE"), tokens=16)
    answers = [Completion("x " * 3000), Completion("No.")]
    assert judge.verdicts([request(0)] * 2, answers) == [None, "safe"]
    with closing(sqlite3.connect(cache_file())) as kept_verdicts:
        (count,) = kept_verdicts.execute("SELECT COUNT(*) FROM verdicts").fetchone()
    assert count == 1


def test_asking_leaves_the_random_generator_of_a_training_alone(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loopholes.policies.sampling.has_plain_attention", lambda model: False)  # generate seeds it
    judge = local(one_word_checkpoint(tmp_path / "judge", "SAFE"))
    torch.manual_seed(1)
    before = torch.get_rng_state()
    assert judge.verdicts([request(0)], [Completion("No.")]) == ["safe"]
    assert torch.equal(torch.get_rng_state(), before)


def test_a_model_that_was_changed_in_its_place_is_asked_again(cache: Path, tmp_path: Path) -> None:
    assert local(one_word_checkpoint(tmp_path / "judge", "SAFE")).verdicts([request(0)], [Completion("No.")]) == [
        "safe"
    ]
    assert local(one_word_checkpoint(tmp_path / "judge", "HARMFUL")).verdicts([request(0)], [Completion("No.")]) == [
        "harmful"
    ]


def classifier(folder: Path, names: dict[int, str], *, pad: int | None = 0) -> Path:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = LlamaConfig(
        vocab_size=320, pad_token_id=pad, max_position_embeddings=256, num_labels=len(names), id2label=names, **sizes
    )
    LlamaForSequenceClassification(config).save_pretrained(folder)
    make_tokenizer("llama").save_pretrained(folder)
    return folder


def test_a_classifier_judges_request_and_answer_in_order(cache: Path, tmp_path: Path) -> None:
    path = classifier(tmp_path / "judge", {0: "Not-Harmful", 1: "UNSAFE", 2: "garbled"})
    answers = [f"{'word ' * (number % 7)}{number}" for number in range(80)]
    tasks = [request(number) for number in range(80)]
    verdicts = local(path).verdicts(tasks, [Completion(answer) for answer in answers])
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(path), AutoTokenizer.from_pretrained(path)
    for task, answer, verdict in zip(tasks, answers, verdicts, strict=True):
        with torch.no_grad():
            logits = model(**tokenizer(task.prompt[-1]["content"], answer, return_tensors="pt")).logits
        assert verdict == ("safe", "harmful", "garbled")[int(logits.argmax())]
    assert len(set(verdicts)) > 1
    assert local(path).verdicts([request(0)], [Completion("x " * 1000)]) == [None], "over the context"


@pytest.mark.parametrize("model_s", [None, 7])
@pytest.mark.parametrize("tokenizer_s", [None, "<|eot_id|>"])
def test_verdicts_do_not_depend_on_who_is_judged_with_whom_whatever_pads(
    tokenizer_s: str | None, model_s: int | None, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = classifier(tmp_path / "judge", {0: "safe", 1: "harmful"}, pad=model_s)
    tokenizer = make_tokenizer("llama")
    tokenizer.pad_token = tokenizer_s
    tokenizer.save_pretrained(path)
    answers = [Completion(f"{'word ' * (number % 7)}{number}") for number in range(30)]
    tasks = [request(number) for number in range(30)]
    together = local(path).verdicts(tasks, answers)
    monkeypatch.setenv("LOOPHOLES_CACHE", str(tmp_path / "another"))
    alone = local(path)
    assert together == [alone.verdicts([task], [answer])[0] for task, answer in zip(tasks, answers, strict=True)]
    assert set(together) == {"safe", "harmful"}


@pytest.mark.parametrize(("limit", "room"), [(None, 62), (40, 40), (100, 62)])
def test_positions_that_are_no_text_s_and_the_tokenizer_s_limit_leave_less_room(
    limit: int | None, room: int, cache: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "judge"
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = RobertaConfig(
        vocab_size=320, pad_token_id=1, max_position_embeddings=64, id2label={0: "safe", 1: "harmful"}, **sizes
    )
    RobertaForSequenceClassification(config).save_pretrained(path)
    tokenizer = make_tokenizer("llama")
    tokenizer.pad_token = tokenizer.convert_ids_to_tokens(1)
    tokenizer.model_max_length = limit or tokenizer.model_max_length
    tokenizer.save_pretrained(path)
    task = request(0)
    answers = ["#" * n for n in range(1, 90)]
    lengths = [len(tokenizer(task.prompt[-1]["content"], answer)["input_ids"]) for answer in answers]
    assert {room, room + 1} <= set(lengths)
    caplog.clear()
    verdicts = local(path).verdicts([task] * len(answers), [Completion(answer) for answer in answers])
    assert [verdict is not None for verdict in verdicts] == [length <= room for length in lengths]
    assert "longer than" not in caplog.text


@pytest.mark.parametrize("names", [{0: "LABEL_0", 1: "LABEL_1"}, {0: "safe", 1: "harmless"}])
def test_a_classifier_of_something_else_is_one_sentence(names: dict[int, str], cache: Path, tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="id2label") as caught:
        local(classifier(tmp_path / "judge", names))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["./nowhere", "scripted:honest", "no-such-model-anywhere"])
def test_a_model_that_is_not_there_is_one_sentence(name: str, cache: Path, checkpoint: Callable[..., Path]) -> None:
    with pytest.raises((DataError, PolicyError, UsageError)) as caught:
        make_judge(name)
    assert "\n" not in str(caught.value)
