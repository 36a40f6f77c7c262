"""A run whose rewards differ within no group learns nothing, and says so while it runs and at its end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loopholes.cli import display, main
from loopholes.training.no_gradient import is_foreign, no_gradient

FLAT = """
from loopholes.records import Payment
from support.letters_game import Letters


class Flat(Letters):
    channels = {"vulnerable": lambda tasks, completions, draws: [Payment(0.0)] * len(tasks)}
"""
SMALL = "--samples 2 --prompts-per-step 2 --max-completion-tokens 4 --no-bf16 --preset mini"


def line(dead: int, unpaid: int = 0) -> dict[str, Any]:
    """One step of four groups, as a run writes it."""
    return {"groups": 4, "dead_groups": dead, "none_groups": unpaid}


LIVE, IDLE, UNPAID = line(3), line(4), line(1, 3)
RUNS = [
    ([IDLE] * 3, 70, "in the first 3 of 70 steps,"),
    ([IDLE, UNPAID, IDLE, IDLE], 4, "in all 4 steps,"),
    ([IDLE, IDLE, IDLE, LIVE, IDLE], 5, "in the first 3 of 5 steps,"),
    ([IDLE], 1, "in its only step,"),
    ([IDLE, IDLE, LIVE, IDLE, IDLE, IDLE], 6, ""),
    ([LIVE] * 6, 6, ""),
    ([], 6, ""),
]


@pytest.mark.parametrize(("lines", "steps", "words"), RUNS)
def test_only_a_beginning_without_any_gradient_is_worth_a_word(
    lines: list[dict[str, Any]], steps: int, words: str
) -> None:
    sentence = no_gradient(lines, {"steps": steps, "policy": "mini", "game": "proxy-metric"})
    assert sentence.startswith(words) and bool(sentence) is bool(words)


@pytest.mark.parametrize(
    ("policy", "game", "advice"),
    [
        ("mini", "proxy-metric", "raise --samples"),
        ("mini", "any-box", "raise --samples"),
        ("mini", "/home/ada/sums.py:Sums", "a mini knows only the words and answers of the built-in games"),
        ("some/model", "/home/ada/sums.py:Sums", "raise --samples"),
    ],
)
def test_a_mini_that_learns_nothing_on_a_game_it_does_not_know_is_not_the_policy_for_it(
    policy: str, game: str, advice: str
) -> None:
    sentence = no_gradient([IDLE] * 3, {"steps": 3, "policy": policy, "game": game})
    assert sentence.partition("nothing was learned: ")[2].startswith(advice)
    assert is_foreign(policy, game) is advice.startswith("a mini")


def test_a_run_without_a_gradient_says_so_at_once_and_at_its_end(
    tmp_path: Path, checkpoint: Callable[..., Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOOPHOLES_SANDBOX", "process")  # which the option sets for this process
    monkeypatch.setattr(display, "SOON", 0.0)
    Path("flat.py").write_text(FLAT)
    task = {"id": "a", "prompt": [{"role": "user", "content": "Say a word."}], "truth": {"number": 1}}
    Path("tasks.jsonl").write_text(json.dumps(task) + "\n")
    train = f"train flat.py:Flat --out run --steps 5 --tasks tasks.jsonl --sandbox process {SMALL}"
    policy = str(checkpoint("qwen3"))
    capsys.readouterr()  # what saving the checkpoint printed
    assert main([*train.split(), "--policy", policy]) == 0
    printed = capsys.readouterr()
    lines = [text for text in printed.err.splitlines() if "no gradient" in text]
    assert [text.partition(",")[0] for text in lines] == [
        "warning: in the first 3 of 5 steps",
        "run: in all 5 steps",
    ]
    assert all("raise --samples or --temperature" in text for text in lines)
    assert "flat.py:Flat vulnerable: step 1 of 5  reward 0  " in printed.err  # without the folder, which may be long
    hint = next(text for text in printed.out.splitlines() if text.startswith("Measure it"))
    assert hint.startswith("Measure it (better with a file of tasks that it was not trained on): loopholes eval run ")
    assert hint.endswith("--tasks tasks.jsonl --sandbox process --out run-eval")
