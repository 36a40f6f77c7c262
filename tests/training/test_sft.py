"""Supervised fine-tuning: what is learned, in which order, and that a kill loses nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from loopholes.errors import DataError
from loopholes.policies import Sampling
from loopholes.policies.checkpoints import LocalPolicy
from loopholes.policies.tokens import encode_prompts
from loopholes.progress import Progress
from loopholes.records import Task, message
from loopholes.training import sft
from loopholes.training.sft import Example, finetune, length_grouped_order
from support.checkpoints import make_model, make_tokenizer

# private _Trainer, _encode: which tokens are learned from cannot be seen in a trained model


torch.set_num_threads(1)
WORDS = ["banana", "bread", "butter", "nothing", "correct", "answer", "letter", "word"]
EXAMPLES = [Example((message("user", f"Say {word}."),), f"{word} and {word}") for word in WORDS] * 8


def test_what_was_learned_is_what_generation_begins_with(tmp_path: Path) -> None:
    tokenizer, model = make_tokenizer("qwen3"), make_model("qwen3")
    finetune(model, tokenizer, EXAMPLES, tmp_path, epochs=15, batch_size=16, learning_rate=1e-2)
    tasks = [Task(word, (message("user", f"Say {word}."),)) for word in WORDS]
    policy = LocalPolicy(model, tokenizer, name="taught")
    answers = policy.complete(tasks, Sampling(temperature=0, max_tokens=40), seed=0)
    assert {answer.text for answer in answers} <= {f"{word} and {word}" for word in WORDS}
    assert not any(answer.truncated for answer in answers)  # the end of sequence was learned too


@pytest.mark.parametrize("family", ["qwen3", "llama"])
def test_the_tokens_learned_are_the_prompt_that_generation_sees_then_the_completion_then_the_end(family: str) -> None:
    tokenizer = make_tokenizer(family)
    ids, prompts = sft._encode(tokenizer, EXAMPLES[:1])
    template = tokenizer.apply_chat_template(list(EXAMPLES[0].prompt), add_generation_prompt=True, tokenize=True)
    seen = template["input_ids"]
    assert encode_prompts(tokenizer, [EXAMPLES[0].prompt]) == [seen]
    assert ids[0][: prompts[0]] == seen
    assert tokenizer.decode(ids[0][prompts[0] : -1]) == EXAMPLES[0].completion
    assert ids[0][-1] == tokenizer.eos_token_id


def test_the_loss_on_a_cpu_is_the_loss_of_trl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def losses(out: Path) -> list[float]:
        seen: list[Progress] = []
        finetune(make_model("qwen3"), make_tokenizer("qwen3"), EXAMPLES, out, batch_size=16, on_progress=seen.append)
        return [float(progress.numbers["loss"] or 0) for progress in seen]

    ours = losses(tmp_path / "ours")
    monkeypatch.delattr(sft._Trainer, "compute_loss")
    assert ours == pytest.approx(losses(tmp_path / "trl"), abs=2e-4)


def test_a_resumed_run_ends_with_the_weights_of_one_that_was_never_stopped(tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop(progress: Progress) -> None:
        if progress.done == 6:
            raise Stop

    settings: dict[str, Any] = {"epochs": 2, "batch_size": 16, "save_every": 4}
    tokenizer = make_tokenizer("qwen3")
    with pytest.raises(Stop):
        finetune(make_model("qwen3"), tokenizer, EXAMPLES, tmp_path / "a", on_progress=stop, **settings)
    resumed = finetune(make_model("qwen3", seed=5), tokenizer, EXAMPLES, tmp_path / "a", resume=True, **settings)
    whole = finetune(make_model("qwen3"), tokenizer, EXAMPLES, tmp_path / "b", **settings)
    first, second = (load_file(path / "model.safetensors") for path in (resumed, whole))
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_every_epoch_shows_every_row_once_in_full_batches_of_similar_length() -> None:
    lengths = np.random.default_rng(0).integers(10, 200, size=5000)
    order = length_grouped_order(lengths, 32, 3, seed=0)
    assert np.bincount(np.concatenate(order)).tolist() == [3] * 5000
    assert all(len(batch) == 32 for batch in order[:-1])
    padding = sum(int((lengths[batch].max() - lengths[batch]).sum()) for batch in order)
    assert padding / (3 * lengths.sum()) < 0.12  # unsorted: 0.9
    assert [batch.tolist() for batch in order] == [b.tolist() for b in length_grouped_order(lengths, 32, 3, seed=0)]
    tenths = [np.mean([lengths[batch].mean() for batch in part]) for part in np.array_split(np.array(order[:-1]), 10)]
    assert max(tenths) / min(tenths) < 1.4  # length does not go with the time of training


def test_an_example_longer_than_the_context_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="context is 16"):
        finetune(make_model("qwen3", context=16), make_tokenizer("qwen3"), EXAMPLES, tmp_path)


def test_an_empty_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="empty"):
        finetune(make_model("qwen3"), make_tokenizer("qwen3"), [], tmp_path)
