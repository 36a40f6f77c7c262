"""From what a user types to a target, without importing anything of theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loopholes.audit import target_of
from loopholes.audit.frameworks.base import Part
from loopholes.audit.targets import part_of
from loopholes.errors import UsageError
from support.rewards import write

SOURCE = """
    raise RuntimeError("nothing here is run")
    from elsewhere import imported
    def plain(completion, answer): ...
    def other(response): ...
    def trl(completions, **kwargs): ...
    async def trl_async(prompts, completions, **kwargs): ...
    def by_ids(completion_ids, **kwargs): ...
    def verl(data_source, solution_str, ground_truth, extra_info=None): ...
    def keywords(*, solution_str, ground_truth, **rest): ...
    def unknown(x, y): ...
    class Quality(Rubric): ...
    class World(env.Environment[Any]): ...
    class Sums(verifiers.Taskset): ...
    class Else: ...
    made = partial(plain, answer="4")
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    return write(tmp_path, SOURCE)


FRAMEWORKS = {
    "plain": "plain",
    "other": "plain",
    "trl": "trl",
    "trl_async": "trl",
    "by_ids": "trl",
    "verl": "verl",
    "keywords": "verl",
    "Quality": "openenv",
    "World": "openenv",
    "Sums": "verifiers",
}


@pytest.mark.parametrize("name, framework", FRAMEWORKS.items())
def test_a_signature_tells_the_framework(file: str, name: str, framework: str) -> None:
    assert target_of([f"{file}:{name}"], None, {}).framework == framework


def test_a_framework_that_is_said_is_taken(file: str) -> None:
    assert target_of([f"{file}:made"], "trl", {}).framework == "trl"


def test_several_rewards_have_weights(file: str) -> None:
    target = target_of([f"{file}:plain=0.5", f"{file}:other"], None, {"group": 4})
    assert target.parts == (Part(file, "plain", 0.5), Part(file, "other", 1.0))
    assert target.label == f"0.5 x {file}:plain + {file}:other"


OTHERS: list[tuple[str, str, Part, dict[str, Any]]] = [
    ("game:proxy-metric", "game", Part("", "proxy-metric"), {"seed": 1}),
    ("https://example.org/env", "openenv", Part("https://example.org/env", ""), {"timeout": 1}),
]


@pytest.mark.parametrize("name, framework, part, options", OTHERS)
def test_games_and_addresses_are_targets(name: str, framework: str, part: Part, options: dict[str, Any]) -> None:
    target = target_of([name], None, options)
    assert (target.framework, target.parts, target.options) == (framework, (part,), options)


@pytest.mark.parametrize("framework, option", [("plain", "manager"), ("verl", "manger"), ("trl", "action_field")])
def test_an_option_that_a_framework_does_not_have_is_refused(file: str, framework: str, option: str) -> None:
    with pytest.raises(UsageError, match=f"there is no option of {framework} '{option}'; choose from: "):
        target_of([f"{file}:plain"], framework, {option: "x"})


def test_a_folder_may_have_an_equals_sign_in_its_name() -> None:
    assert part_of("lr=3/rewards.py:f=0.5") == Part("lr=3/rewards.py", "f", 0.5)


BAD: list[tuple[list[str], str | None, str]] = [
    ([], None, "there is nothing to audit"),
    (["FILE"], None, "does not name a reward: write"),
    (["rewards.txt:f"], None, "does not name a reward"),
    (["FILE:"], None, "does not name a reward"),
    (["FILE:plain=heavy"], None, "'heavy' in FILE:plain=heavy is no weight"),
    (["FILE:plain=nan"], None, "'nan' in FILE:plain=nan is no weight"),
    (["FILE:plain=inf"], None, "'inf' in FILE:plain=inf is no weight"),
    (["FILE:nope"], None, "FILE has no nope; it has: plain, other, trl"),
    (["nowhere.py:f"], None, "there is no file nowhere.py"),
    (["FILE:unknown"], None, "no signature that tells its framework: say --framework plain|trl"),
    (["FILE:imported"], None, "no signature that tells its framework"),
    (["FILE:made"], None, "no signature that tells its framework"),
    (["FILE:Else"], None, "no signature that tells its framework"),
    (["FILE:plain", "FILE:trl"], None, "the rewards are written for plain and trl: say which with --framework"),
    (["FILE:plain"], "tlr", "there is no framework 'tlr'; choose from: game, openenv, plain, trl, verifiers, verl"),
]


@pytest.mark.parametrize("names, framework, sentence", BAD)
def test_what_is_no_target_is_said_in_one_sentence(
    file: str, names: list[str], framework: str | None, sentence: str
) -> None:
    with pytest.raises(UsageError) as caught:
        target_of([name.replace("FILE", file) for name in names], framework, {})
    assert sentence.replace("FILE", file) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"def f(:", b"\x00", b"\xff\xfe"])
def test_a_file_that_is_not_python_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.py").write_bytes(content)
    with pytest.raises(UsageError, match="is not Python"):
        target_of([f"{tmp_path}/bad.py:f"], None, {})


def test_a_star_import_may_bring_any_name(tmp_path: Path) -> None:
    file = write(tmp_path, "from elsewhere import *")
    with pytest.raises(UsageError, match="no signature"):
        target_of([f"{file}:anything"], None, {})
    options: dict[str, Any] = {}
    assert target_of([f"{file}:anything"], "plain", options).framework == "plain"
