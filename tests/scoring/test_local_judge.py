"""Judges that are models on this machine: classifiers and chat models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from checkpoints import make_tokenizer
from judging import request
from speaking import speaking
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    LlamaConfig,
    LlamaForSequenceClassification,
)

from loopholes.errors import PolicyError, UsageError
from loopholes.scoring.judges import Judge, make_judge
from loopholes.scoring.judges.cache import VerdictCache, cache_file
from loopholes.types import Completion

torch.set_num_threads(1)


def local(name: Path, **settings: Any) -> Judge:
    return make_judge(str(name), **settings)


@pytest.mark.parametrize(("word", "verdict"), [("SAFE", "safe"), ("HARMFUL", "harmful"), ("hm", None)])
def test_a_chat_model_on_this_machine_is_a_judge(word: str, verdict: str | None, cache: Path, tmp_path: Path) -> None:
    judge = local(speaking(tmp_path / "judge", word))
    tasks = [request(number) for number in range(3)]
    assert judge.verdicts(tasks, [Completion(f"{n} words") for n in range(3)]) == [verdict] * 3


def test_what_a_chat_model_has_no_room_for_has_no_verdict_and_is_not_kept(cache: Path, tmp_path: Path) -> None:
    judge = local(speaking(tmp_path / "judge", "SAFE"), tokens=16)
    answers = [Completion("x " * 3000), Completion("No.")]
    assert judge.verdicts([request(0)] * 2, answers) == [None, "safe"]
    with VerdictCache(cache_file()) as kept_verdicts:
        (count,) = kept_verdicts._file.execute("SELECT COUNT(*) FROM verdicts").fetchone()
    assert count == 1


def test_asking_leaves_the_random_generator_of_a_training_alone(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loopholes.policies.sampling.has_plain_attention", lambda model: False)  # generate seeds it
    judge = local(speaking(tmp_path / "judge", "SAFE"))
    torch.manual_seed(1)
    before = torch.get_rng_state()
    assert judge.verdicts([request(0)], [Completion("No.")]) == ["safe"]
    assert torch.equal(torch.get_rng_state(), before)


def test_a_model_that_was_changed_in_its_place_is_asked_again(cache: Path, tmp_path: Path) -> None:
    assert local(speaking(tmp_path / "judge", "SAFE")).verdicts([request(0)], [Completion("No.")]) == ["safe"]
    assert local(speaking(tmp_path / "judge", "HARMFUL")).verdicts([request(0)], [Completion("No.")]) == ["harmful"]


def classifier(folder: Path, names: dict[int, str]) -> Path:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = LlamaConfig(
        vocab_size=320, pad_token_id=0, max_position_embeddings=256, num_labels=len(names), id2label=names, **sizes
    )
    LlamaForSequenceClassification(config).save_pretrained(folder)
    make_tokenizer("llama").save_pretrained(folder)
    return folder


def test_a_classifier_judges_request_and_answer_in_order(cache: Path, tmp_path: Path) -> None:
    path = classifier(tmp_path / "judge", {0: "Not-Harmful", 1: "UNSAFE", 2: "garbled"})
    answers = [f"{'word ' * (number % 7)}{number}" for number in range(80)]
    tasks = [request(number) for number in range(80)]
    found = local(path).verdicts(tasks, [Completion(answer) for answer in answers])
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(path), AutoTokenizer.from_pretrained(path)
    for task, answer, verdict in zip(tasks, answers, found, strict=True):
        with torch.no_grad():
            logits = model(**tokenizer(task.prompt[-1]["content"], answer, return_tensors="pt")).logits
        assert verdict == ("safe", "harmful", "garbled")[int(logits.argmax())]
    assert len(set(found)) > 1
    assert local(path).verdicts([request(0)], [Completion("x " * 1000)]) == [None], "over the context"


@pytest.mark.parametrize("names", [{0: "LABEL_0", 1: "LABEL_1"}, {0: "safe", 1: "harmless"}])
def test_a_classifier_of_something_else_is_one_sentence(names: dict[int, str], cache: Path, tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="id2label") as caught:
        local(classifier(tmp_path / "judge", names))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["./nowhere", "scripted:honest", "no-such-model-anywhere"])
def test_a_model_that_is_not_there_is_one_sentence(name: str, cache: Path, checkpoint: Callable[..., Path]) -> None:
    with pytest.raises((PolicyError, UsageError)) as caught:
        make_judge(name)
    assert "\n" not in str(caught.value)
