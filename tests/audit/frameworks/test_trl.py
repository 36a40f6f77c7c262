"""Our TRL adapter calls rewards as TRL's own GRPOTrainer does: the same functions run under both.

TRL's side is ``GRPOTrainer._calculate_rewards`` itself, without a trainer around it, and a step of a real one.
"""

from __future__ import annotations

import gc
import importlib.metadata
import sys
from pathlib import Path
from typing import Any

import pytest

from loopholes.audit.frameworks.base import Paid, Rejected, Row, function
from loopholes.audit.frameworks.trl import TRL, TrlReward, build
from support.framework_rewards import CHAT, PLAIN, Theirs, Written, agree, reward_returning, values_of
from support.rewards import audited, sums, verdicts, write_rewards

# private _tokens: a reward does not show how it counts tokens


def test_it_is_the_minor_version_of_trl_that_was_compared() -> None:
    installed = importlib.metadata.version("trl")
    assert installed.startswith(f"{TRL}."), (
        f"TRL {installed} is installed, and {TRL} was compared: read GRPOTrainer._calculate_rewards again, mend "
        "integrations/trl.py where these tests fail, and set its TRL to the new minor version"
    )


GIVEN = """
def reward(**kwargs):
    SEEN.append(kwargs)
    return [0.0] * len(kwargs["prompts"])
"""


@pytest.mark.parametrize("rows", [PLAIN, CHAT], ids=["plain", "chat"])
def test_the_keywords_and_their_types_are_trls(rows: list[Row], theirs: Theirs, written: Written) -> None:
    more = {"prompt": "raw", "completion": "kept back", "completion_ids": [1], "level": 3, "empty": None}
    rows = [Row(row.number, row.prompt, columns={**row.columns, **more}) for row in rows]
    parts = written(GIVEN)
    call = function(parts[0])
    theirs([call], rows, ["a", "b"])
    TrlReward(parts)(rows, ["a", "b"])
    (other,), (ours,) = call.__globals__["SEEN"], sys.modules["loopholes_user_rewards_0"].SEEN
    assert ours.keys() == other.keys()
    plain = [key for key in ours if key not in ("completion_ids", "trainer_state", "log_extra", "log_metric")]
    assert {key: ours[key] for key in plain} == {key: other[key] for key in plain}
    assert [type(ids[0]) for ids in ours["completion_ids"]] == [type(ids[0]) for ids in other["completion_ids"]]
    assert ours["trainer_state"].save_to_json  # a TrainerState answers any access
    assert ours["log_extra"]("column", [1]) is None and ours["log_metric"]("name", 1.0) is None


@pytest.mark.parametrize("row", [PLAIN[0], CHAT[0]], ids=["plain", "chat"])
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
def test_the_keywords_are_those_of_a_real_step(row: Row, written: Written, tmp_path: Path) -> None:
    pytest.importorskip("trl")
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    from support.checkpoints import make_model, make_tokenizer

    seen: list[dict[str, Any]] = []

    def look(**kwargs: Any) -> list[float]:
        state = kwargs["trainer_state"]
        names = ("global_step", "epoch", "num_train_epochs", "is_world_process_zero")
        seen.append({**kwargs, "state": {name: getattr(state, name) for name in names}})
        return [0.0, 1.0]

    prompt = row.prompt if isinstance(row.prompt, str) else [*row.prompt]
    arguments = GRPOConfig(
        output_dir=str(tmp_path), max_steps=1, num_generations=2, per_device_train_batch_size=2, report_to=[],
        max_completion_length=2, use_cpu=True, bf16=False, save_strategy="no", disable_tqdm=True, logging_steps=2,
    )  # fmt: skip
    trainer = GRPOTrainer(
        make_model("qwen3"),
        look,
        args=arguments,
        train_dataset=Dataset.from_list([{"prompt": prompt, "solution": "2"}]),
        processing_class=make_tokenizer("qwen3"),
    )
    trainer.train()
    parts = written(GIVEN)
    TrlReward(parts)([row] * 2, ["a", "b"])
    (ours,) = sys.modules["loopholes_user_rewards_0"].SEEN
    real = seen[0]
    assert ours.keys() == real.keys() - {"state"}
    assert ours["prompts"] == real["prompts"]
    assert [type(text) for text in ours["completions"]] == [type(text) for text in real["completions"]]
    assert {name: getattr(ours["trainer_state"], name) for name in real["state"]} == real["state"]
    assert ours["trainer_state"].max_steps > 0  # schedules divide by it
    if row.is_chat:
        assert ours["completions"][0][0].keys() == real["completions"][0][0].keys()
        assert {turn["role"] for turn in real["completions"][0]} == {"assistant"}


WHERE = """
def reward(completions, **kwargs):
    thread = threading.current_thread()
    SEEN.append(thread is threading.main_thread() or thread.name)
    return [1.0] * len(completions)
"""
CALLABLES = {
    "sync": WHERE,
    "async": WHERE.replace("def", "async def"),
    "a partial of an async one": WHERE.replace("def reward(", "async def inner(bonus, ")
    + "reward = functools.partial(functools.partial(inner), 1.0)\n",
    "an object with an async call": WHERE.replace("def reward(", "async def inner(")
    + "class Caller:\n    async def __call__(self, **given):\n        return await inner(**given)\nreward = Caller()\n",
    "an object": WHERE.replace("def reward(", "def inner(")
    + "class Caller:\n    def __call__(self, **kwargs):\n        return inner(**kwargs)\nreward = Caller()\n",
}


@pytest.mark.parametrize("body", CALLABLES.values(), ids=CALLABLES)
def test_each_kind_of_function_runs_on_the_thread_that_trl_runs_it_on(
    body: str, theirs: Theirs, written: Written
) -> None:
    parts = written(body)
    call = function(parts[0])
    theirs([call], PLAIN, ["a", "b"])
    assert values_of(TrlReward(parts)(PLAIN, ["a", "b"]), 0) == [1.0, 1.0]
    seen = sys.modules["loopholes_user_rewards_0"].SEEN
    inner = getattr(call, "func", call)
    names = getattr(inner, "__globals__", None) or type(call).__call__.__globals__
    assert seen == names["SEEN"] and len(seen) == 1


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_a_coroutine_out_of_a_sync_function_is_refused_as_by_trl(theirs: Theirs, written: Written) -> None:
    parts = written("async def inner(**kwargs):\n    return [1.0, 1.0]\ndef reward(**kwargs):\n    return inner()\n")
    with pytest.raises(TypeError, match="coroutine"):
        theirs([function(parts[0])], PLAIN, ["a", "b"])
    gc.collect()  # theirs is not awaited; ours is closed
    with pytest.raises(Rejected, match="coroutine"):
        TrlReward(parts)(PLAIN, ["a", "b"])


CHANGES = """
def reward(completions, prompts, solution, **kwargs):
    completions[0], prompts[0], solution[0] = "changed", "changed", "changed"
    return [0.0, 0.0]
"""
TELLS = """
def reward(completions, prompts, solution, **kwargs):
    return [float(one == "changed") for one in (completions[0], (prompts[0], solution[0])[0])]
"""


@pytest.mark.parametrize("order", [(CHANGES, TELLS), (TELLS, CHANGES)], ids=["before", "behind"])
def test_the_next_function_sees_a_function_s_changes(order: tuple[str, str], theirs: Theirs, written: Written) -> None:
    parts = written(*order)
    other = theirs([function(part) for part in parts], PLAIN, ["a", "b"])
    paid = TrlReward(parts)(PLAIN, ["a", "b"])
    for place in range(2):
        assert values_of(paid, place) == [row[place] for row in other]


def test_async_functions_run_together_after_the_others(theirs: Theirs, written: Written) -> None:
    """The first async function waits for the second: in turn they would never end."""
    meet = """
import asyncio, builtins
builtins.loopholes_order = []
async def reward(completions, **kwargs):
    builtins.loopholes_order.append("waits")
    while "wakes" not in builtins.loopholes_order:
        await asyncio.sleep(0)
    return [float(len(builtins.loopholes_order))] * len(completions)
"""
    wakes = "import builtins\n" + reward_returning("[1.0, 1.0]", asynchronous=True).replace(
        "    return", "    builtins.loopholes_order.append('wakes')\n    return"
    )
    last = "import builtins\n" + reward_returning("[float(len(builtins.loopholes_order))] * 2")
    parts = written(meet, wakes, last)
    paid = TrlReward(parts)(PLAIN, ["a", "b"])
    other = theirs([function(part) for part in parts], PLAIN, ["a", "b"])
    assert [list(payment.parts) for payment in paid] == other == [[2.0, 1.0, 0.0]] * 2


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_an_exception_that_would_stop_the_training_is_a_problem_of_the_batch(
    asynchronous: bool, theirs: Theirs, written: Written
) -> None:
    parts = written(reward_returning("[1.0, 1.0]"), reward_returning("{}['boom']", asynchronous=asynchronous))
    with pytest.raises(KeyError, match="boom"):
        theirs([function(part) for part in parts], PLAIN, ["a", "b"])
    file = Path(parts[1].source)
    line = 1 + next(at for at, text in enumerate(file.read_text().splitlines()) if "boom" in text)
    problem = f"raised KeyError: 'boom' ({file.name}, line {line})"
    assert TrlReward(parts)(PLAIN, ["a", "b"]) == [Paid(None, problem)] * 2


@pytest.mark.parametrize("signature", ["completions", "completions, solution", "completions, prompts, trainer_state"])
def test_a_function_that_does_not_take_every_keyword_is_refused(
    signature: str, theirs: Theirs, written: Written
) -> None:
    parts = written(f"def reward({signature}):\n    return [1.0, 1.0]\n")
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        theirs([function(parts[0])], PLAIN, ["a", "b"])
    with pytest.raises(Rejected, match=r"reward does not take: '\w+': add \*\*kwargs"):
        TrlReward(parts)(PLAIN, ["a", "b"])


def test_a_column_that_a_function_needs_and_the_data_has_not_is_named(theirs: Theirs, written: Written) -> None:
    parts = written("def reward(completions, target, **kwargs):\n    return [1.0, 1.0]\n")
    with pytest.raises(TypeError, match="target"):
        theirs([function(parts[0])], PLAIN, ["a", "b"])
    with pytest.raises(Rejected, match="reward needs 'target', but row 0 has only the columns"):
        TrlReward(parts)(PLAIN, ["a", "b"])


@pytest.mark.parametrize("name", ["prompts", "completions"])
def test_a_column_with_the_name_of_a_keyword_is_refused(name: str, theirs: Theirs, written: Written) -> None:
    rows = [Row(0, "1+1?", columns={name: "x"})]
    parts = written(reward_returning("[1.0]"))
    with pytest.raises(TypeError, match="multiple values"):
        theirs([function(parts[0])], rows, ["a"])
    with pytest.raises(Rejected, match=f"a column is called {name}"):
        TrlReward(parts)(rows, ["a"])


def test_a_column_that_only_later_rows_have_is_dropped_and_one_that_they_lack_is_refused(
    theirs: Theirs, written: Written
) -> None:
    parts = written("def reward(completions, **kwargs):\n    return [float('more' in kwargs)] * len(completions)\n")
    bare, more = Row(0, "q", columns={}), Row(1, "q", columns={"more": 1})
    assert theirs([function(parts[0])], [bare, more], ["a", "b"]) == [[0.0], [0.0]]
    assert [payment.value for payment in TrlReward(parts)([bare, more], ["a", "b"])] == [0.0, 0.0]
    with pytest.raises(KeyError, match="more"):
        theirs([function(parts[0])], [more, bare], ["a", "b"])
    with pytest.raises(Rejected, match="row 0 has no more"):
        TrlReward(parts)([more, bare], ["a", "b"])


SHIPPED = {
    "think_format_reward": "think_format_reward",
    "get_repetition_penalty_reward": "get_repetition_penalty_reward(ngram_size=2, max_penalty=-1.0)",
    "get_soft_overlong_punishment": "get_soft_overlong_punishment(max_completion_len=12, soft_punish_cache=8)",
    "accuracy_reward": "accuracy_reward",
}
THOUGHTS = ["<think>one and one</think>2", "<think>a a a a a a a a a</think>", "2", "\\boxed{2}", "$2$", ""]


@pytest.mark.parametrize("name", SHIPPED)
def test_rewards_that_trl_ships_are_paid_as_by_trl(name: str, theirs: Theirs, written: Written) -> None:
    parts = written(f"from trl import rewards\nfrom trl.rewards import {name}\nreward = {SHIPPED[name]}\n")
    rows = [Row(number, CHAT[0].prompt, columns={"solution": "$2$"}) for number in range(len(THOUGHTS))]
    tokens = TrlReward(parts)._tokens
    call = function(parts[0])
    ids = [tokens.ids(text) for text in THOUGHTS]
    reward = (lambda **kwargs: call(**{**kwargs, "completion_ids": ids})) if "get_" in name else call
    other = [value for (value,) in theirs([reward], rows, THOUGHTS)]
    assert agree(values_of(TrlReward(parts)(rows, THOUGHTS), 0), other)
    assert len(set(other)) > 1


def test_a_group_of_one_is_refused() -> None:
    with pytest.raises(Exception, match="--group is at least 2"):
        build([], {"group": 1})


BY_PROMPT = """
    SUMS = {{f"What is {{n + 1}} plus {{7 * n + 40}}?": str(8 * n + 41) for n in range(40)}}
    def by_prompt(prompts, completions, **kwargs):
        return [float(SUMS.get({key}) == text.removeprefix("<answer>").removesuffix("</answer>"))
                for prompt, text in zip(prompts, completions)]
"""


@pytest.mark.parametrize("key, is_warned", [("str(prompt)", True), ("prompt", False)], ids=["missed", "raises"])
def test_rows_that_are_looked_up_by_a_prompt_which_may_be_a_chat_are_a_warning(
    tmp_path: Path, key: str, is_warned: bool
) -> None:
    file = write_rewards(tmp_path, BY_PROMPT.format(key=key))
    report = audited(f"{file}:by_prompt", sums(16), "trl")
    assert ("chat-prompt" in verdicts(report)) == is_warned
