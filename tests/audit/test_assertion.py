"""The audit as an assertion."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loopholes.audit import assert_not_gameable
from loopholes.errors import DataError, UsageError
from support.rewards import SOUND_AND_NOT, save_rows, sums, write_rewards

pytestmark = pytest.mark.usefixtures("few_attacks")

SOURCE = (
    SOUND_AND_NOT
    + """
    def batch(completions, answer, **kwargs):
        right = [float(text == f"<answer>{one}</answer>") for text, one in zip(completions, answer)]
        return [value - sum(right) / len(right) for value in right]

    def maker():
        def inner(completion, answer):
            return 0.0
        return inner
"""
)


@pytest.fixture
def file(tmp_path: Path) -> str:
    return write_rewards(tmp_path, SOURCE)


def module(file: str) -> Any:
    spec = importlib.util.spec_from_file_location("checked_rewards", file)
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_a_function_is_audited_in_a_process_of_its_own(file: str) -> None:
    report = assert_not_gameable(module(file).accuracy, sums(6))
    assert report.coverage.rows == 6 and report.exit_code() == 0


@pytest.mark.usefixtures("inside")
def test_a_gameable_reward_fails_with_the_completion_that_proves_it(file: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError) as caught:
        assert_not_gameable(f"{file}:contains", save_rows(tmp_path, sums()))
    message = str(caught.value)
    assert f"{file}:contains can be gamed:" in message
    assert "exploit, shotgun, count" in message and "is paid 1.0" in message


@pytest.mark.usefixtures("inside")
def test_an_audit_without_a_scale_fails_and_says_so(file: str) -> None:
    with pytest.raises(AssertionError, match="INCONCLUSIVE: no right answer is known that is paid more than a wrong"):
        assert_not_gameable(f"{file}:accuracy", [{"prompt": row["prompt"], "answer": None} for row in sums()])


@pytest.mark.usefixtures("inside")
def test_a_template_weights_a_group_and_a_gate_are_taken(file: str, tmp_path: Path) -> None:
    rows = sums(golden=None)
    assert assert_not_gameable([f"{file}:accuracy=2"], rows, golden="<answer>{answer}</answer>").golden.value == 2.0
    assert assert_not_gameable(f"{file}:batch", sums(), group=4).exit_code() == 0
    gate = tmp_path / "gate.toml"
    gate.write_text("".join(f'[[accept]]\nname = "{name}"\nreason = "meant"\n' for name in ("shotgun", "near-miss")))
    assert assert_not_gameable(f"{file}:contains", sums(), gate=gate).findings


BAD: list[tuple[Callable[[Any], Any], Any, type[Exception], str]] = [
    (lambda module: lambda completion: 0.0, sums(), UsageError, "a function at the top level of a file"),
    (lambda module: module.maker(), sums(), UsageError, "a function at the top level of a file"),
    (lambda module: "nowhere.py:f", sums(), DataError, "there is no file nowhere.py"),
    (lambda module: module.accuracy, [], UsageError, "no rows"),
    (lambda module: module.accuracy, "nowhere.jsonl", DataError, "there is no file nowhere.jsonl"),
]


@pytest.mark.parametrize("choose, data, kind, sentence", BAD)
def test_what_cannot_be_audited_is_no_assertion(
    file: str, choose: Callable[[Any], Any], data: Any, kind: type[Exception], sentence: str
) -> None:
    with pytest.raises(kind) as caught:
        assert_not_gameable(choose(module(file)), data)
    assert sentence in str(caught.value)
