"""Policies: names, sampling, prompts that do not fit, and verdicts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from loopholes.errors import DataError, LoopholesError, PolicyError, UnknownName, UsageError
from loopholes.policies import Sampling, attention, load_policy, sampling
from loopholes.policies.checkpoints import LocalPolicy, load_local
from loopholes.policies.sampling import _generate_batch, _sample_batch, choose, sample
from loopholes.policies.yes_no import ModelAsker
from loopholes.records import Completion, Task, message
from loopholes.training.sft import Example, finetune
from support.checkpoints import make_model, make_tokenizer
from support.letters_game import Letters

# private _generate_batch: the plain way that sampling is compared with
# private _sample_batch: wrapped, to see the batches
# private _attention: replaced by what other devices do
# private _plain_attention: what they do


Checkpoint = Callable[..., Path]
torch.set_num_threads(1)
PROMPTS = [[5, 6, 7, 8], [9, 10], [5, 6, 7, 8], [11, 12, 13, 14, 15, 16, 17], [9, 10]]


@pytest.mark.parametrize("family", ["qwen3", "llama"])
def test_greedy_answers_are_those_of_transformers_generate(family: str) -> None:
    model = make_model(family).eval()
    greedy = Sampling(temperature=0, max_tokens=20)
    endless = sample(model, PROMPTS, greedy, ends=[], pad=0, seed=1)
    ends = [endless[3][6], endless[1][2]]
    ours = sample(model, PROMPTS, greedy, ends=ends, pad=0, seed=1)
    assert ours == _generate_batch(model, PROMPTS, greedy, ends, 0, torch.Generator())
    assert len({len(answer) for answer in ours}) > 1  # some rows end before others


def test_tokens_are_drawn_with_the_probabilities_of_the_model() -> None:
    logits = torch.tensor([[2.0, 1.0, 0.0, -1.0]]).repeat(50_000, 1)
    wanted = {
        Sampling(): [0.644, 0.237, 0.087, 0.032],
        Sampling(temperature=0.5): [0.865, 0.117, 0.016, 0.002],
        Sampling(top_k=2): [0.731, 0.269, 0.0, 0.0],
        Sampling(top_p=0.8): [0.731, 0.269, 0.0, 0.0],
        Sampling(temperature=0): [1.0, 0.0, 0.0, 0.0],
    }
    for settings, shares in wanted.items():
        drawn = choose(logits, settings, torch.Generator().manual_seed(0))
        assert (torch.bincount(drawn, minlength=4) / len(drawn)).tolist() == pytest.approx(shares, abs=0.01)


def test_weights_are_bfloat16_where_that_was_measured_to_be_faster_or_asked_for(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = str(checkpoint("llama"))
    for faster in (True, False):
        monkeypatch.setattr("loopholes.policies.precision.bf16_is_faster", lambda *shape, faster=faster: faster)
        assert load_local(place, name="small").bf16 is False  # small models stay as they are
        with monkeypatch.context() as large:
            large.setattr("loopholes.policies.precision.SMALL", 0)
            assert load_local(place, name="large").bf16 is faster
            assert load_local(place, name="large", bf16=not faster).bf16 is not faster


def test_weights_that_memory_has_no_room_for_are_one_sentence(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loopholes.policies.checkpoints.available_memory", lambda: 1000)
    with pytest.raises(PolicyError, match="weights of it take 0.0 GB of memory, and 0.0 GB are available"):
        load_local(str(checkpoint("llama")), name="it")


def test_a_token_of_a_large_vocabulary_is_where_the_running_sum_passes_the_number_drawn() -> None:
    torch.manual_seed(0)
    logits = torch.randn(200, 1000) * 5
    logits[:, ::3] = -torch.inf
    drawn = choose(logits, Sampling(), torch.Generator().manual_seed(7))
    uniform = torch.rand(200, 1, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    summed = logits.double().softmax(dim=-1).cumsum(dim=-1)
    assert torch.equal(drawn, torch.searchsorted(summed, uniform, right=True)[:, 0])


@pytest.mark.parametrize("numbers", ["flash", "plain"])
def test_chances_of_shared_prompts_are_those_of_the_model_reading_each_row_alone(
    numbers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model("llama").eval()
    if numbers == "plain":  # as on other devices
        monkeypatch.setattr(attention, "_attention", attention._plain_attention)
    groups = torch.tensor([0, 1, 0, 3, 2, 1])
    prompts = [[5, 6, 7, 8], [9, 10], [11, 12, 13, 14, 15, 16, 17], [18]]
    rows = [[*prompts[group]] for group in groups.tolist()]
    with attention.attending(model), torch.no_grad():
        reader = attention.PromptReader([len(prompt) for prompt in prompts])
        position = torch.tensor([[i for prompt in prompts for i in range(len(prompt))]])
        model(
            input_ids=torch.tensor([[token for prompt in prompts for token in prompt]]),
            position_ids=position,
            memory=reader,
            use_cache=False,
        )
        writer = attention.AnswerWriter(reader.layers, groups)
        for token in (20, 30, 40):
            if token == 40:
                writer.keep(torch.tensor([1, 2, 5]))
                rows = [rows[1], rows[2], rows[5]]
            position = torch.tensor([[len(row)] for row in rows])
            rows = [[*row, token + number] for number, row in enumerate(rows)]
            writer.next_token()
            tokens = torch.tensor([[row[-1]] for row in rows])
            seen = model(input_ids=tokens, position_ids=position, memory=writer, use_cache=False).logits
    alone = torch.stack([model(input_ids=torch.tensor([row])).logits[0, -1] for row in rows])
    assert torch.allclose(seen[:, 0], alone, atol=1e-5)


def test_a_batch_has_no_more_rows_than_its_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model("qwen3").eval()
    batches: list[int] = []

    def count(model: Any, prompts: Any, *rest: Any) -> Any:
        batches.append(len(prompts))
        return _sample_batch(model, prompts, *rest)

    monkeypatch.setattr(sampling, "_sample_batch", count)
    monkeypatch.setattr(sampling, "KEYS", 40 * attention.key_bytes(model.config, torch.float32))
    sample(model, PROMPTS, Sampling(max_tokens=12), ends=[], pad=0, seed=0)
    assert batches == [2, 2, 1]  # 2 + 24 tokens, 4 + 24, 7 + 12


def test_sampling_depends_on_its_seed_and_leaves_the_global_generator_alone() -> None:
    model = make_model("qwen3").eval()
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    answers = [
        sample(model, PROMPTS, Sampling(max_tokens=12), ends=[2], pad=0, seed=seed, batch_size=2) for seed in (1, 1, 2)
    ]
    assert answers[0] == answers[1] != answers[2]
    assert torch.equal(before, torch.random.get_rng_state())
    assert answers[0][0] != answers[0][2]  # two samples of one prompt are two samples


def test_completions_come_in_order_and_say_if_they_were_cut_short(checkpoint: Checkpoint) -> None:
    policy = load_policy(str(checkpoint("qwen3")))
    tasks = Letters().tasks("test", count=6)
    greedy = Sampling(temperature=0, max_tokens=8)
    together = policy.complete(tasks, greedy, seed=0)
    assert together == [policy.complete([task], greedy, seed=0)[0] for task in tasks]
    assert together[0].truncated
    assert policy.complete([], greedy, seed=0) == []
    assert policy.prompt_style == "chat"


def test_a_prompt_longer_than_the_context_is_named(checkpoint: Checkpoint) -> None:
    policy = load_policy(str(checkpoint("llama", context=64)))
    task = Task("long-one", (message("user", "Say " * 30),))
    with pytest.raises(PolicyError, match="'long-one'.* 20 .*context of 64"):
        policy.complete([task], Sampling(max_tokens=20), seed=0)


def _broken(kind: str, source: Path, place: Path) -> str:
    shutil.copytree(source, place)
    if kind == "no tokenizer":
        for file in place.glob("tokenizer*"):
            file.unlink()
    if kind == "no chat template":
        (place / "chat_template.jinja").unlink()
    if kind == "no weights":
        (place / "model.safetensors").unlink()
    if kind == "another architecture":
        settings = json.loads((place / "config.json").read_bytes())
        (place / "config.json").write_text(json.dumps({**settings, "architectures": ["BertForMaskedLM"]}))
    if kind == "unknown architecture":
        (place / "config.json").write_text(json.dumps({"model_type": "abacus"}))
    if kind == "bad card":
        (place / "loopholes.json").write_text("{")
    return str(place)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("no tokenizer", "has no tokenizer"),
        ("no chat template", "no chat template"),
        ("no weights", "cannot be loaded"),
        ("bad card", "not JSON"),
        ("another architecture", "is a BertForMaskedLM, which does not continue texts"),
        ("unknown architecture", "cannot be loaded"),
    ],
)
def test_a_broken_directory_is_one_sentence(kind: str, text: str, checkpoint: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=text) as caught:
        load_policy(_broken(kind, checkpoint("qwen3"), tmp_path / "broken"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        ("https://example.org/v1", UsageError, "which model to ask"),
        ("scripted:evil", UnknownName, "honest"),
        ("nobody/nothing-of-the-kind", PolicyError, "is not a directory"),
        ("not-a-model", PolicyError, "is not a directory"),
        ("not a name", PolicyError, "is not a directory"),
        ("./no/such/directory", DataError, "no directory"),
        (__file__, PolicyError, "is a file"),
    ],
)
def test_a_name_that_means_nothing_is_one_sentence(name: str, kind: type[LoopholesError], text: str) -> None:
    with pytest.raises(kind, match=text) as caught:
        load_policy(name, game=Letters())
    assert "\n" not in str(caught.value)


def test_the_card_says_which_prompts_a_checkpoint_was_made_for(checkpoint: Checkpoint, tmp_path: Path) -> None:
    shutil.copytree(checkpoint("qwen3"), tmp_path / "terse")
    (tmp_path / "terse" / "loopholes.json").write_text(json.dumps({"prompts": "terse"}))
    assert load_policy(str(tmp_path / "terse")).prompt_style == "terse"


def test_scripted_policies_follow_the_game_s_script() -> None:
    policy = load_policy("scripted:exploiting", game=Letters())
    assert policy.complete(Letters().tasks("test", count=2), Sampling(), seed=0) == [Completion("a a a")] * 2
    with pytest.raises(UsageError, match="which one"):
        load_policy("scripted:honest")


@pytest.mark.parametrize("family", ["qwen3", "llama"])
def test_the_verdict_in_the_logits_agrees_with_ten_greedy_tokens(family: str, tmp_path: Path) -> None:
    tokenizer, model = make_tokenizer(family), make_model(family)
    words = ["banana", "bread", "butter", "nothing", "letter", "word", "answer", "say"]

    def question(first: str, second: str) -> tuple[Any, ...]:
        return (message("user", f"Answer only Yes or No. {second} {first}"),)

    pairs = [(first, second) for first in words for second in words]
    examples = [Example(question(*pair), "Yes." if words.index(pair[0]) % 2 else "No.") for pair in pairs]
    finetune(model, tokenizer, examples, tmp_path, epochs=30, batch_size=16, learning_rate=5e-3)
    asker = ModelAsker(model.train(), tokenizer)
    prompts = [question(*pair) for pair in pairs]
    verdicts = asker.says_yes(prompts)
    assert 0 < sum(verdicts) < len(verdicts)
    assert model.training  # the asker puts the model back
    questions = [Task(str(number), prompt) for number, prompt in enumerate(prompts)]
    policy = LocalPolicy(model, tokenizer, name="taught")
    answers = policy.complete(questions, Sampling(temperature=0, max_tokens=10), seed=0)
    assert verdicts == [answer.text.lower().count("yes") > answer.text.lower().count("no") for answer in answers]


def test_a_question_longer_than_the_context_is_refused() -> None:
    asker = ModelAsker(make_model("qwen3", context=32), make_tokenizer("qwen3"))
    with pytest.raises(PolicyError, match="context of 32"):
        asker.says_yes([(message("user", "Is it correct? " * 20),)])
