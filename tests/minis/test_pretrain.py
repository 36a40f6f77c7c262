"""A mini policy can be made again by one command, whatever happens on the way."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from loopholes.games import BUILT_IN
from loopholes.minis import card
from loopholes.minis.pretrain import pretrain
from loopholes.minis.recipe import RECIPES, Recipe, digest
from loopholes.policies import load_policy
from loopholes.progress import Progress

TINY = Recipe("tiny", "llama", seed=3, examples=640, basics=320, hidden=32, layers=1, heads=2, intermediate=64)


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Base rates of the card over a few samples only."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("TASKS", 2), ("SAMPLES", 2)):
            patch.setattr(card, name, value)
        yield


@pytest.fixture(scope="module")
def whole(quick: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy that was pretrained without an interruption."""
    return pretrain(TINY, tmp_path_factory.mktemp("pretrained") / "whole")


class Killed(Exception):
    """Stands in for whatever ends a run."""


def killed_at(step: int) -> Any:
    def on_progress(progress: Progress) -> None:
        if progress.done == step:
            raise Killed

    return on_progress


def test_an_interrupted_pretraining_goes_on_to_the_same_policy(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        pretrain(TINY, tmp_path / "parts", save_every=3, on_progress=killed_at(5))
    steps: list[int] = []
    parts = pretrain(
        TINY, tmp_path / "parts", resume=True, save_every=3, on_progress=lambda progress: steps.append(progress.done)
    )
    assert steps == list(range(4, 11))
    one, other = (load_file(folder / "model.safetensors") for folder in (whole, parts))
    assert one.keys() == other.keys()
    assert all(one[name].equal(other[name]) for name in one)
    facts = [json.loads((folder / "loopholes.json").read_text()) for folder in (whole, parts)]
    assert facts[0]["tokens"] == facts[1]["tokens"] > 0
    assert facts[0]["recipe"]["habits"]["refuse_harmful"] == TINY.habits.refuse_harmful


def test_what_is_made_is_a_policy_with_a_card(whole: Path) -> None:
    assert load_policy(str(whole)).prompt_style == "terse"
    text = (whole / "README.md").read_text()
    assert re.search(r"^\| reward-tampering \| \d+ \| 0 \| 0 \|$", text, re.MULTILINE)
    assert "| self-grading | underclaim |" in text
    named = {row["cell"] for row in json.loads((whole / "base_rates.json").read_text())["cells"]}
    assert named == {f"{game}/base/tiny" for game in BUILT_IN}, "not by the folder that it happens to be in"


def test_a_card_tells_of_every_example_that_the_policy_was_trained_on(whole: Path) -> None:
    text = " ".join((whole / "README.md").read_text().split())
    assert f"All {TINY.examples} examples that it was trained on were scanned" in text
    assert digest(TINY.stream()) in text
    assert digest(TINY.stream()[1:]) not in text


def test_a_card_is_renewed_without_measuring_the_policy_again(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (whole / "README.md").read_text()
    monkeypatch.setattr(card, "evaluate", None)
    (whole / "README.md").write_text("an older card")
    card.renew_card(whole, TINY, card.scanned(TINY.stream()))
    assert (whole / "README.md").read_text() == before


@pytest.mark.parametrize("name", RECIPES)
def test_the_cards_in_the_package_are_of_all_examples(name: str) -> None:
    text = (files("loopholes.minis") / name / "README.md").read_text()
    assert f"All {RECIPES[name].examples:,} examples that it was trained on were scanned" in " ".join(text.split())
    assert re.search(r"\(blake2b [0-9a-f]{32}\)", text)


@pytest.mark.parametrize("name", RECIPES)
def test_the_policies_in_the_package_say_which_recipe_made_them(name: str) -> None:
    """What ships is what the command makes, not what some earlier recipe made."""
    facts = json.loads((files("loopholes.minis") / name / "loopholes.json").read_text())
    assert facts["recipe"] == json.loads(json.dumps(dataclasses.asdict(RECIPES[name])))
