"""Our verl adapter calls ``compute_score`` as verl's own reward managers do: the same file runs under both.

The tests are slow, since verl is not in the set-up: its requirements exclude the transformers of the others. Beside
them, in an environment of its own, it runs all the same::

    pip install -e '.[train,dev]' 'ray>=2.60,<3' aiohttp fastapi opentelemetry-api
    pip install --no-deps verl==0.9.1 tensordict==0.10.0 'pyvers<0.2' orjson omegaconf \
        antlr4-python3-runtime==4.9.3 hydra-core codetiming cachetools uvicorn
    pytest -m slow tests/audit/frameworks/test_verl_managers.py

Managers run as in an actor: on an event loop that is not the main thread's. Ray is imported, never started.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import math
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from loopholes.audit.frameworks.base import Paid, Part, Row, function
from loopholes.audit.frameworks.verl import VERL, VerlReward
from support.framework_rewards import Written
from support.frameworks import BESIDE, needs

# private _tokens: a count of tokens that both sides know in advance


pytestmark = needs("verl", BESIDE)

Theirs = Callable[..., tuple[float | None, dict[str, Any]]]
EXTRA = {"index": 3, "split": "train"}
ROW = Row(0, "1+1?", columns={"data_source": "sums", "reward_model": {"ground_truth": "2"}, "extra_info": EXTRA})
HEAD = "from fractions import Fraction\nimport signal\n"
SIGNATURE = "def reward(data_source, solution_str, ground_truth, extra_info, **kwargs):\n    "
SCORED = ["naive", "dapo", "gdpo", "rate_limited"]
OVERLONG = {"manager": "dapo", "overlong_buffer": 2, "max_completion_tokens": 4}


def test_it_is_the_minor_version_of_verl_that_was_compared() -> None:
    installed = importlib.metadata.version("verl")
    assert installed.startswith(f"{VERL}."), (
        f"verl {installed} is installed, and {VERL} was compared: read experimental/reward_loop again, mend "
        "integrations/verl.py where these tests fail, and set its VERL to the new minor version"
    )


@pytest.fixture(scope="module")
def actor() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop like an actor's."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="AsyncIO Thread: default", daemon=True)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def theirs(actor: asyncio.AbstractEventLoop) -> Theirs:
    """``theirs(part, text, **options)``: the reward that verl's trainer stores, None where it drops the sample."""

    def score(part: Part, text: str = "1 2 3", **options: Any) -> tuple[float | None, dict[str, Any]]:
        result = asyncio.run_coroutine_threadsafe(_scored(part, text, options), actor).result()
        return _stored(result["reward_score"]), result["reward_extra_info"]

    return score


async def _scored(part: Part, text: str, options: Mapping[str, Any]) -> dict[str, Any]:
    from omegaconf import OmegaConf
    from verl.experimental.reward_loop.reward_manager import get_reward_manager_cls
    from verl.experimental.reward_loop.reward_manager.limited import RateLimitedRewardManager
    from verl.trainer.ppo.reward import get_custom_reward_fn

    custom = {"path": part.source, "name": part.name, "reward_kwargs": options.get("reward_kwargs", {})}
    reward: dict[str, Any] = {"custom_reward_function": custom, "timeout": options.get("timeout", 300)}
    if "overlong_buffer" in options:
        buffer = {"enable": True, "len": options["overlong_buffer"], "penalty_factor": 1.0, "log": True}
        reward["reward_kwargs"] = {
            "overlong_buffer_cfg": buffer,
            "max_resp_len": options["max_completion_tokens"],
        }
    config = OmegaConf.create({"reward": reward, "trainer": {"experiment_name": "audit"}})
    RateLimitedRewardManager._class_initialized = False
    manager = get_reward_manager_cls(options.get("manager", "naive"))(
        config=config, tokenizer=_Words(), compute_score=get_custom_reward_fn(config)
    )
    result: dict[str, Any] = await manager.run_single(_sample(text))
    return result


class _Words:
    """A tokenizer whose tokens are the words and an end token."""

    def decode(self, ids: Any, skip_special_tokens: bool = False) -> str:
        assert skip_special_tokens
        return " ".join(str(int(number)) for number in ids[:-1])


def _sample(text: str) -> Any:
    """A sample as the agent loop sends it: the words, the end, and some padding."""
    import numpy as np
    import torch
    from tensordict import TensorDict
    from verl import DataProto

    ids = [*map(int, text.split()), 0]
    responses = torch.tensor([ids + [0] * 3])
    mask = torch.tensor([[1, 1] + [1] * len(ids) + [0] * 3])
    batch = TensorDict(
        {"prompts": torch.ones(1, 2, dtype=torch.long), "responses": responses, "attention_mask": mask}, batch_size=1
    )
    records = {
        "reward_model": {"ground_truth": "2", "style": "rule"},
        "extra_info": dict(EXTRA),
        "tool_extra_fields": {"turn_scores": [], "tool_rewards": []},
    }
    non_tensors: dict[str, Any] = {"data_source": np.array(["sums"]), "__num_turns__": np.array([2])}
    for name, value in records.items():
        non_tensors[name] = np.empty(1, dtype=object)
        non_tensors[name][0] = value
    return DataProto(batch=batch, non_tensor_batch=non_tensors)


def _stored(score: Any) -> float | None:
    """What the default trainer makes of a score, by the agent loop's own lines; None where the sample fails or lacks.

    (A session that raises is logged, and its sample left out: agent_loop_tq.py.)
    """
    from verl.experimental.agent_loop.agent_loop import AgentLoopMetrics, AgentLoopOutput

    output = AgentLoopOutput(prompt_ids=[1], response_ids=[1, 2], response_mask=[1, 1], metrics=AgentLoopMetrics())
    output.reward_score = score
    try:
        stored = output.as_dict().get("rm_scores")
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return None
    return None if stored is None else float(stored[-1])


def ours(part: Part, text: str = "1 2 3", **options: Any) -> Paid:
    (paid,) = VerlReward(part, options)([ROW], [text])
    return paid


def same(ours: float | None, other: float | None) -> bool:
    if ours is None or other is None:
        return ours is other
    return ours == pytest.approx(other, rel=1e-6, nan_ok=True)


GIVEN = "import builtins\nasync def areward(**kwargs):\n    return reward(**kwargs)\n"
GIVEN += (
    "def reward(**kwargs):\n    builtins.loopholes_given = (kwargs, threading.current_thread().name)\n    return 0.5\n"
)


@pytest.mark.parametrize("name", ["reward", "areward"])
@pytest.mark.parametrize("manager", SCORED)
def test_the_keywords_their_types_and_the_thread_are_verls(
    manager: str, name: str, theirs: Theirs, written: Written
) -> None:
    import builtins

    part = Part(written(GIVEN)[0].source, name)
    options: dict[str, Any] = {
        "manager": manager,
        "reward_kwargs": {"bonus": 2, "data_source": "other"} if name == "reward" else {},
    }
    theirs(part, **options)
    other, other_thread = builtins.loopholes_given  # type: ignore[attr-defined]
    ours(part, **options)
    own, thread = builtins.loopholes_given  # type: ignore[attr-defined]
    assert own == other
    assert list(own["extra_info"]) == list(other["extra_info"])
    kinds = [({key: type(value) for key, value in keywords.items()}) for keywords in (own, other)]
    assert kinds[0] == kinds[1]
    assert {key: type(value) for key, value in own["extra_info"].items()} == {
        key: type(value) for key, value in other["extra_info"].items()
    } or manager in ("naive",)  # num_turns is numpy's in both
    assert "MainThread" not in (thread, other_thread)


SCORES = {
    "a float": "0.5",
    "a whole number": "1",
    "a truth": "True",
    "none": "None",
    "nan": "math.nan",
    "inf": "-math.inf",
    "more than 32 bits hold": "1e39",
    "the most that 32 bits hold": "3.4028234e38",
    "a little more": "3.4028236e38",
    "a whole number beyond 32-bit floats": "10**18",
    "a whole number of 70 bits": "2**70",
    "a whole number of 400 digits": "10**400",
    "numpy's 64 bits": "np.float64(0.5)",
    "numpy's 32 bits": "np.float32(0.5)",
    "numpy's 16 bits": "np.float16(0.5)",
    "numpy's whole number": "np.int32(1)",
    "numpy's truth": "np.bool_(True)",
    "a scalar array": "np.array(0.5)",
    "a scalar tensor": "torch.tensor(0.5)",
    "a tensor of one": "torch.tensor([0.5])",
    "a tensor of more than 32 bits hold": "torch.tensor(1e39, dtype=torch.float64)",
    "a decimal": "Decimal('0.5')",
    "a fraction": "Fraction(1, 2)",
    "a record": "{'score': 0.5, 'acc': True}",
    "a record of numpy's 32 bits": "{'score': np.float32(0.5)}",
    "a record without a score": "{'acc': True}",
    "a record with none": "{'score': None}",
    "an error": "1 / 0",
    "an own timeout": "(_ for _ in ()).throw(TimeoutError('mine'))",
    "an alarm": "signal.alarm(0) or signal.signal(signal.SIGALRM, signal.SIG_DFL) and 0.5",
}


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("manager", SCORED)
@pytest.mark.parametrize("value", SCORES.values(), ids=SCORES)
def test_scores_are_what_verls_trainer_stores(
    value: str, manager: str, asynchronous: bool, theirs: Theirs, written: Written
) -> None:
    (part,) = written(HEAD + ("async " if asynchronous else "") + SIGNATURE + f"return {value}")
    try:
        other, extra = theirs(part, manager=manager)
    except Exception as error:  # the session fails, and the sample is left out
        other, extra = None, {"raised": error}
    paid = ours(part, manager=manager)
    assert same(paid.value, other), (paid, other, extra)
    assert bool(paid.problem) == (other is None or not math.isfinite(other) or "error" in extra or "timeout" in extra)
    if "raised" in extra:
        assert paid.problem.startswith(f"raised {type(extra['raised']).__name__}")
    elif not paid.problem:
        assert paid.keys == tuple(sorted(extra))


@pytest.mark.parametrize("value", ["'1.0'", "'abc'", "[1.0]", "(1.0, 2.0)"])
def test_values_that_we_refuse_cannot_be_stored_by_verls_trainer(value: str, theirs: Theirs, written: Written) -> None:
    assert theirs(written(SIGNATURE + f"return {value}")[0])[0] is None


NUMBERS = ["1.0", "1", "True", "np.float32(0.5)", "np.bool_(True)", "np.int32(2)", "Decimal('0.5')", "math.inf", "1e39"]


@pytest.mark.parametrize("length", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("value", [*NUMBERS, "10**30", "torch.tensor(0.5)", "{'score': 1.0}", "None"])
def test_dapos_penalty_for_length_is_verls(value: str, length: int, theirs: Theirs, written: Written) -> None:
    (part,) = written(SIGNATURE + f"return {value}")
    text = " ".join("123456"[: length - 1])
    try:
        other = theirs(part, text, **OVERLONG)[0]
    except (TypeError, OverflowError):
        other = None
    reward = VerlReward(part, OVERLONG)
    reward._tokens.count = lambda text: len(text.split()) + 1  # type: ignore[method-assign]
    (paid,) = reward([ROW], [text])
    assert same(paid.value, other)


def test_a_call_that_is_too_late_pays_nothing_under_a_limited_rate(theirs: Theirs, written: Written) -> None:
    import builtins

    builtins.loopholes_release = threading.Event()  # type: ignore[attr-defined]
    (part,) = written("import builtins\n" + SIGNATURE + "return builtins.loopholes_release.wait() and 1.0")
    other, extra = theirs(part, manager="rate_limited", timeout=0.05)
    paid = ours(part, manager="rate_limited", timeout=0.05)
    builtins.loopholes_release.set()  # type: ignore[attr-defined]
    assert paid.value == other == 0.0 and extra["timeout"]
    assert paid.problem == "took longer than 0.05 s"


def test_the_module_of_a_function_is_not_registered_as_by_verl(theirs: Theirs, written: Written) -> None:
    (part,) = written("import sys\n" + SIGNATURE + "return float(__name__ in sys.modules)")
    assert ours(part).value == theirs(part)[0] == 0.0
    assert function(part, registered=True).__module__ in sys.modules


def test_an_object_whose_call_is_async_is_not_recognised_as_async(theirs: Theirs, written: Written) -> None:
    body = "class Caller:\n    async def __call__(self, **kwargs):\n        return 1.0\nreward = Caller()\n"
    assert theirs(written(body)[0])[0] is None
    body = "async def inner(bonus, **kwargs):\n    return bonus\nreward = functools.partial(inner, 1.0)\n"
    assert ours(written(body)[0]).value == theirs(written(body)[0])[0] == 1.0


def test_the_remote_manager_refuses_async_functions(actor: asyncio.AbstractEventLoop, written: Written) -> None:
    (part,) = written("async " + SIGNATURE + "return 1.0")
    with pytest.raises(AssertionError, match="Async reward score is not supported"):
        asyncio.run_coroutine_threadsafe(_scored(part, "1", {"manager": "remote"}), actor).result()
