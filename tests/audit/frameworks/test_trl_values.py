"""Our TRL adapter reads and sums return values as TRL's own GRPOTrainer does, which stores 32-bit floats."""

from __future__ import annotations

import inspect
import math
import textwrap
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from loopholes.audit.frameworks.base import Rejected, function
from loopholes.audit.frameworks.trl import TrlReward
from support.framework_rewards import PLAIN, Theirs, Written, agree, reward_returning, values_of

TAKEN = {
    "floats": "[0.5, 1.0]",
    "whole numbers and truths": "[1, True]",
    "a tuple": "(1.0, 0.0)",
    "a generator": "(1.0 for _ in completions)",
    "none": "[None, 1.0]",
    "only none": "[None, None]",
    "nan": "[math.nan, 1]",
    "none and nan": "[None, float('nan')]",
    "none among truths": "[True, None]",
    "inf": "[math.inf, -math.inf]",
    "more than 32 bits hold": "[1e39, -1e39]",
    "the most that 32 bits hold": "[3.4028234e38, 3.4028236e38]",
    "a huge whole number": "[10**30, 2**70]",
    "an array": "np.array([1.0, 0.5])",
    "an array of whole numbers": "np.array([1, 0])",
    "numpy's numbers": "[np.float32(0.3), np.float64(0.1)]",
    "numpy's truths": "[np.bool_(True), np.bool_(False)]",
    "a tensor": "torch.tensor([1.0, 0.5])",
    "a column": "torch.tensor([[1.0], [0.5]])",
    "tensors": "[torch.tensor(1.0), torch.tensor(0.5)]",
    "a tensor and none": "[torch.tensor(1.0), None]",
    "tensors of one": "[torch.tensor([1.0]), torch.tensor([0.5])]",
    "decimals": "[Decimal('1.5'), Decimal(0)]",
    "0.1": "[0.1, 0.30000000000000004]",
}


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("value", TAKEN.values(), ids=TAKEN)
@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad")
def test_a_value_that_trl_accepts_is_the_same_number(
    value: str, asynchronous: bool, theirs: Theirs, written: Written
) -> None:
    parts = written(reward_returning(value, asynchronous=asynchronous))
    other = theirs([function(parts[0])], PLAIN, ["a", "b"])
    assert agree(values_of(TrlReward(parts)(PLAIN, ["a", "b"]), 0), [value for (value,) in other])


REFUSED = {
    "too few": "[1.0]",
    "too many": "[1.0, 1.0, 1.0]",
    "a number": "1.0",
    "a scalar tensor": "torch.tensor(1.0)",
    "nothing": "None",
    "texts": "['1.0', '0.0']",
    "a text": "'ab'",
    "a text as long": "'12'",
    "bytes in a list": "[b'1', b'0']",
    "records": "[{'score': 1}, {'score': 0}]",
    "a record": "{'a': 1.0, 'b': 2.0}",
    "complex numbers": "[1j, 0]",
    "lists of one": "[[1.0], [0.5]]",
    "objects": "[object(), object()]",
}


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("value", REFUSED.values(), ids=REFUSED)
def test_a_value_that_trl_cannot_accept_is_refused(
    value: str, asynchronous: bool, theirs: Theirs, written: Written
) -> None:
    parts = written(reward_returning(value, asynchronous=asynchronous))
    with pytest.raises((TypeError, ValueError, RuntimeError, OverflowError)):
        theirs([function(parts[0])], PLAIN, ["a", "b"])
    with pytest.raises(Rejected, match=r"rewards_0\.py:reward returned"):
        TrlReward(parts)(PLAIN, ["a", "b"])


def test_a_number_that_no_float_holds_stops_the_training_and_is_a_problem(theirs: Theirs, written: Written) -> None:
    parts = written(reward_returning("[10**400, 0]"))
    with pytest.raises(OverflowError):
        theirs([function(parts[0])], PLAIN, ["a", "b"])
    assert {payment.problem for payment in TrlReward(parts)(PLAIN, ["a", "b"])} == {
        "raised OverflowError: int too large to convert to float"
    }


@pytest.mark.parametrize("value", ["{0: 1.0, 1: 0.0}", "{0.5, 1.0}", "b'12'"], ids=["keys", "a set", "bytes"])
def test_a_value_that_trl_accepts_silently_though_nobody_means_it_is_refused(
    value: str, theirs: Theirs, written: Written
) -> None:
    parts = written(reward_returning(value))
    assert len(theirs([function(parts[0])], PLAIN, ["a", "b"])) == 2
    with pytest.raises(Rejected, match="not a list of numbers"):
        TrlReward(parts)(PLAIN, ["a", "b"])


PARTLY = ["[1.0, None]", "[0.5, 0.25]", "[math.nan, math.nan]", "[math.inf, 1.0]", "[3e38, -3e38]"]


@pytest.mark.parametrize("weights", [(1, 1), (0.2, -1.0), (0.0, 1.0), (10, 10)], ids=str)
@pytest.mark.parametrize("second", PARTLY)
@pytest.mark.parametrize("first", PARTLY)
def test_functions_are_summed_by_weight_as_trl_sums_them(
    first: str, second: str, weights: tuple[float, float], theirs: Theirs, written: Written
) -> None:
    import torch

    parts = written(reward_returning(first), reward_returning(second, asynchronous=True), weights=weights)
    rewards = torch.tensor(theirs([function(part) for part in parts], PLAIN, ["a", "b"]))
    total = aggregated(rewards, weights)
    ours = [math.nan if payment.value is None else payment.value for payment in TrlReward(parts)(PLAIN, ["a", "b"])]
    assert agree(ours, total)


def aggregated(rewards: Any, weights: Sequence[float]) -> list[float]:
    """TRL's own lines of ``_generate_and_score_completions``, from the functions' values to rewards."""
    import torch
    from trl import GRPOTrainer

    source = inspect.getsource(GRPOTrainer._generate_and_score_completions)
    lines = source.splitlines()
    first = next(number for number, line in enumerate(lines) if "unscorable_mask = torch.isnan" in line)
    last = next(number for number, line in enumerate(lines) if number > first and "rewards[unscorable_mask]" in line)
    block = [line for line in lines[first : last + 1] if "multi_objective_aggregation" not in line]
    names: dict[str, Any] = {
        "torch": torch,
        "self": SimpleNamespace(reward_weights=torch.tensor([float(weight) for weight in weights])),
        "rewards_per_func": rewards,
        "device": "cpu",
    }
    exec("\n".join(textwrap.dedent(line).strip() for line in block), names)
    total: list[float] = names["rewards"].tolist()
    return total
