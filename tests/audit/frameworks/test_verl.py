"""Our verl adapter on its own: bad input, options and messages; test_verl_managers.py compares it with verl."""

from __future__ import annotations

import math
import threading
from typing import Any

import pytest

from loopholes.audit.frameworks.base import Part, Rejected, Row
from loopholes.audit.frameworks.verl import MANAGERS, VerlReward, build
from loopholes.errors import UsageError
from support.framework_rewards import Written

# private _call: the event is put among the globals of the reward that was loaded


ROW = Row(0, "1+1?", columns={"data_source": "sums", "reward_model": {"ground_truth": "2"}, "extra_info": {"at": 1}})
SIGNATURE = "def reward(data_source, solution_str, ground_truth, extra_info):\n    "


def pay(parts: list[Part], *texts: str, row: Row = ROW, **options: Any) -> list[float | None]:
    return [payment.value for payment in build(parts, options)([row] * len(texts), texts)]


@pytest.mark.parametrize("missing", ["data_source", "reward_model"])
def test_a_column_that_verl_passes_and_the_data_lacks_is_named(missing: str, written: Written) -> None:
    columns = {name: value for name, value in ROW.columns.items() if name != missing}
    with pytest.raises(Rejected, match=rf"no column {missing}"):
        pay(written(SIGNATURE + "return 1.0"), "2", row=Row(0, "q", columns=columns))


def test_a_flat_ground_truth_does_as_well(written: Written) -> None:
    row = Row(0, "q", columns={"data_source": "sums", "ground_truth": "2"})
    assert pay(written(SIGNATURE + "return float(solution_str == ground_truth)"), "2", "3", row=row) == [1.0, 0.0]


def test_extra_info_that_is_not_a_record_is_refused(written: Written) -> None:
    row = Row(0, "q", columns={**ROW.columns, "extra_info": "{}"})
    with pytest.raises(Rejected, match="extra_info is a str"):
        pay(written(SIGNATURE + "return 1.0"), "2", row=row)


def test_no_other_call_sees_a_call_s_changes(written: Written) -> None:
    body = SIGNATURE + "ground_truth.pop()\n    extra_info['at'].append(1)\n    return len(extra_info['at'])"
    row = Row(0, "q", columns={"data_source": "s", "reward_model": {"ground_truth": [1]}, "extra_info": {"at": []}})
    assert pay(written(body), "a", "b", row=row) == [1.0, 1.0]
    assert row.columns["reward_model"] == {"ground_truth": [1]}


@pytest.mark.parametrize("value", ["'1.0'", "[1.0]", "(1.0, 2.0)", "object()", "1j"])
def test_a_value_that_is_not_a_number_is_refused(value: str, written: Written) -> None:
    with pytest.raises(Rejected, match="not a number"):
        pay(written(SIGNATURE + f"return {value}"), "2")


def test_an_object_whose_call_is_async_is_refused(written: Written) -> None:
    body = "class Caller:\n    async def __call__(self, **kwargs):\n        return 1.0\nreward = Caller()\n"
    with pytest.raises(Rejected, match="verl does not recognise .* as async"):
        pay(written(body), "2")


def test_the_remote_manager_accepts_no_async_function(written: Written) -> None:
    with pytest.raises(Rejected, match="remote"):
        pay(written("async " + SIGNATURE + "return 1.0"), "2", manager="remote")


def test_the_remote_manager_calls_on_a_main_thread(written: Written) -> None:
    body = SIGNATURE + "return float(threading.current_thread() is threading.main_thread())"
    assert pay(written(body), "2", manager="remote") == [1.0]
    assert pay(written(body), "2", manager="naive") == [0.0]


def test_a_late_call_pays_nothing_under_a_limited_rate_and_the_next_one_runs(written: Written) -> None:
    release = threading.Event()
    parts = written(SIGNATURE + "return 1.0 if solution_str != 'slow' else WAIT.wait() and 1.0")
    reward = VerlReward(parts[0], {"manager": "rate_limited", "timeout": 0.05})
    reward._call.__globals__["WAIT"] = release
    paid = reward([ROW] * 3, ["a", "slow", "b"])
    release.set()
    assert [payment.value for payment in paid] == [1.0, 0.0, 1.0]
    assert paid[1].problem == "took longer than 0.05 s"


def test_async_functions_keep_their_event_loop_from_batch_to_batch(written: Written) -> None:
    body = "import asyncio\nasync " + SIGNATURE
    body += "SEEN.append(asyncio.get_running_loop())\n    return float(SEEN[0] is SEEN[-1])"
    reward = build(written(body), {})
    assert [payment.value for _ in range(2) for payment in reward([ROW], ["a"])] == [1.0, 1.0]


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"manager": "batch"}, "no reward manager 'batch'; choose from: naive"),
        ({"manager": "dapo", "overlong_buffer": 9, "max_completion_tokens": 8}, "overlong_buffer lies between"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], sentence: str, written: Written) -> None:
    with pytest.raises(UsageError, match=sentence):
        build(written(SIGNATURE + "return 1.0"), options)


@pytest.mark.parametrize("weights", [(0.5,), (1.0, 1.0)])
def test_verl_takes_one_function_without_a_weight(weights: tuple[float, ...], written: Written) -> None:
    with pytest.raises(UsageError, match="one compute_score, without a weight"):
        build(written(*[SIGNATURE + "return 1.0"] * len(weights), weights=weights), {})


@pytest.mark.parametrize("manager", MANAGERS)
def test_a_note_says_what_a_manager_does(manager: str, written: Written) -> None:
    notes = build(written(SIGNATURE + "return 1.0"), {"manager": manager}).notes
    assert notes[0] == f"reward manager {manager}: {MANAGERS[manager]}"
    assert any("several threads" in note for note in notes) == (manager != "remote")


@pytest.mark.parametrize("value", ["math.nan", "math.inf", "-math.inf"])
def test_a_number_that_spoils_its_group_is_a_problem(value: str, written: Written) -> None:
    (paid,) = build(written(SIGNATURE + f"return {value}"), {})([ROW], ["2"])
    assert paid.value is not None and not math.isfinite(paid.value)
    assert paid.problem == f"returned {paid.value}"


def test_the_keys_of_a_record_are_reported(written: Written) -> None:
    (paid,) = build(written(SIGNATURE + "return {'score': 1, 'pred': '2'}"), {})([ROW], ["2"])
    assert (paid.value, paid.keys) == (1.0, ("pred", "score"))
