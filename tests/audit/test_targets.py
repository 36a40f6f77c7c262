"""From what a user types to a target, without importing any user code."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loopholes.audit import target_of
from loopholes.audit.definitions import definition_of
from loopholes.audit.frameworks import framework, frameworks
from loopholes.audit.frameworks.base import Part, Row
from loopholes.audit.targets import part_of
from loopholes.errors import DataError, UsageError
from loopholes.games import game
from loopholes.modules import recorded
from support.rewards import write_rewards

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
    return write_rewards(tmp_path, SOURCE)


LOADS = """
    def plain(completion, answer): ...
    def unknown(x, y): ...
    class Else:
        def method(self, completion): ...
"""
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
def test_a_signature_reveals_the_framework(file: str, name: str, framework: str) -> None:
    assert target_of([f"{file}:{name}"], None, {}).framework == framework


def test_a_framework_that_the_user_names_is_used(file: str) -> None:
    assert target_of([f"{file}:made"], "trl", {}).framework == "trl"


def test_several_rewards_have_weights(file: str) -> None:
    target = target_of([f"{file}:plain=0.5", f"{file}:other"], None, {"group": 4})
    assert target.parts == (Part(file, "plain", 0.5), Part(file, "other", 1.0))
    assert target.label == f"0.5 x {file}:plain + {file}:other"


OTHERS: list[tuple[str, str, Part, dict[str, Any]]] = [
    ("game:proxy-metric", "game", Part("game", "proxy-metric"), {"seed": 1}),
    ("https://example.org/env", "openenv", Part("https", "//example.org/env"), {"timeout": 1}),
]


@pytest.mark.parametrize("name, owner, part, options", OTHERS)
def test_games_and_addresses_are_targets(name: str, owner: str, part: Part, options: dict[str, Any]) -> None:
    target = target_of([name], None, options)
    assert (target.framework, target.parts, target.options) == (owner, (part,), options)


@pytest.mark.parametrize("framework, option", [("plain", "manager"), ("verl", "manger"), ("trl", "action_field")])
def test_an_option_that_a_framework_does_not_have_is_refused(file: str, framework: str, option: str) -> None:
    with pytest.raises(UsageError, match=f"there is no {framework} option '{option}'; .*hoose from: "):
        target_of([f"{file}:plain"], framework, {option: "x"})


def test_a_folder_may_have_an_equals_sign_in_its_name() -> None:
    assert part_of("lr=3/rewards.py:f=0.5") == Part("lr=3/rewards.py", "f", 0.5)


BAD: list[tuple[list[str], str | None, str]] = [
    ([], None, "there is nothing to audit"),
    (["FILE"], None, "does not say which reward: "),
    (["rewards-txt:f"], None, "'rewards-txt' is neither a FILE.py nor a package.module"),
    (["no_such_module_here:f"], None, "there is no module no_such_module_here: install it, or run this in the"),
    (["json.decode:f"], None, "the package json has no module decode; it has: decoder"),
    (["FILE:"], None, "does not name a reward"),
    (["FILE:plain=heavy"], None, "'heavy' in FILE:plain=heavy is not a weight"),
    (["FILE:plain=nan"], None, "'nan' in FILE:plain=nan is not a weight"),
    (["FILE:plain=inf"], None, "'inf' in FILE:plain=inf is not a weight"),
    (["LOADS:nope"], None, "LOADS has no nope; it has: plain, unknown, Else"),
    (["LOADS:plane"], None, "LOADS has no plane; it has: plain"),
    (["LOADS:plain(x)"], None, "have to be literals"),
    (["LOADS:plain(**{})"], None, "have to be literals"),
    (["LOADS:plain(1)"], None, "LOADS:plain(1) cannot be called: TypeError"),
    (["LOADS:plain + 1"], None, "'plain + 1' is neither a name nor a call with literal arguments"),
    (["LOADS:Else.method"], None, "LOADS:Else.method needs an instance: write LOADS:Else().method"),
    (["FILE:made"], None, "FILE cannot be imported: RuntimeError: nothing here is run"),
    (["FILE:unknown"], None, "or say --framework gymnasium|inspect_ai|nemo_gym|openenv|plain|trl|verifiers|verl"),
    (["FILE:Else"], None, "does not say which framework calls it"),
    (["FILE:plain", "FILE:trl"], None, "the rewards are written for plain and trl: say which with --framework"),
    (
        ["FILE:plain"],
        "tlr",
        "there is no framework 'tlr'; choose from: game, gymnasium, inspect_ai, nemo_gym, openenv, plain",
    ),
]


@pytest.mark.parametrize("names, framework_name, sentence", BAD)
def test_a_name_that_is_not_a_target_is_refused_in_one_sentence(
    file: str, names: list[str], framework_name: str | None, sentence: str
) -> None:
    loads = write_rewards(Path(file).parent, LOADS, "loads.py")

    def filled(text: str) -> str:
        return text.replace("FILE:", f"{file}:").replace("FILE ", f"{file} ").replace("LOADS", loads)

    with pytest.raises(UsageError) as caught:
        target_of([filled(name) if name != "FILE" else file for name in names], framework_name, {})
    assert filled(sentence) in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_that_does_not_exist_is_an_error_of_data() -> None:
    with pytest.raises(DataError, match=r"there is no file nowhere\.py"):
        target_of(["nowhere.py:f"], None, {})


@pytest.mark.parametrize("content", [b"def f(:", b"\x00", b"\xff\xfe"])
def test_a_file_that_is_not_python_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.py").write_bytes(content)
    with pytest.raises(UsageError, match="is not Python"):
        target_of([f"{tmp_path}/bad.py:f"], None, {})


PACKAGE = {
    "pkg/__init__.py": "from .inner.scores import exact as reexported\n",
    "pkg/utils.py": "WORTH = 1.0\n",
    "pkg/inner/__init__.py": "",
    "pkg/inner/scores.py": """
        import functools
        from ..utils import WORTH
        def exact(completion, answer): return WORTH * (completion == answer)
        def logged(function):
            @functools.wraps(function)
            def call(*args, **kwargs): return function(*args, **kwargs)
            return call
        @logged
        def decorated(completion, answer): return exact(completion, answer)
        short = lambda completion, answer: exact(completion, answer)
        partial = functools.partial(exact)
        class Exact:
            def __init__(self, worth=1.0): self.worth = worth
            def __call__(self, completion, answer): return self.worth * exact(completion, answer)
            def score(self, completion, answer): return self(completion, answer)
        instance = Exact()
        def factory(worth, *, marks=()): return Exact(worth)
    """,
}
KINDS = [
    "pkg/inner/scores.py:exact",
    "pkg/__init__.py:reexported",
    "pkg.inner.scores:exact",
    "pkg:reexported",
    "pkg.inner.scores:decorated",
    "pkg.inner.scores:short",
    "pkg.inner.scores:partial",
    "pkg.inner.scores:instance",
    "pkg.inner.scores:instance.score",
    "pkg.inner.scores:Exact().score",
    'pkg.inner.scores:factory(1.0, marks=("=", ":"))',
]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package in the current folder, whose imports are forgotten afterwards."""
    for name, source in PACKAGE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(textwrap.dedent(source))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "pkg"]:
        del sys.modules[name]


@pytest.mark.parametrize("name", KINDS)
def test_whatever_can_be_called_is_recognised_and_paid(package: Path, name: str) -> None:
    target = target_of([name], None, {})
    assert "pkg" not in sys.modules and target.framework == "plain"
    row = Row(0, "?", columns={"answer": "4"})
    paid = framework("plain").build(target.parts, {})([row, row], ["4", "5"])
    assert [payment.value for payment in paid] == [1.0, 0.0]


def test_a_call_has_arguments_with_equals_signs_and_colons_and_a_weight() -> None:
    assert part_of('a.b:f(x=1, y=":")=0.5') == Part("a.b", 'f(x=1, y=":")', 0.5)


def test_a_class_is_not_a_function(package: Path) -> None:
    with pytest.raises(UsageError, match=r"is a class, not a function: name an instance, such as .*:Exact\(\)"):
        framework("plain").build([part_of("pkg.inner.scores:Exact")], {})


def test_a_package_that_was_edited_within_a_second_at_the_same_length_is_read_again(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    row = Row(0, "?", columns={"answer": "4"})
    for worth in ("1.0", "0.5", "0.7"):
        (package / "pkg" / "utils.py").write_text(f"WORTH = {worth}\n")
        os.utime(package / "pkg" / "utils.py", (1_700_000_000, 1_700_000_000))
        (paid,) = framework("plain").build([part_of("pkg/inner/scores.py:exact")], {})([row], ["4"])
        assert paid.value == float(worth)


def test_a_package_of_a_name_that_is_taken_is_refused(package: Path) -> None:
    (package / "pkg").rename(package / "json")
    with pytest.raises(UsageError, match="is in the package json, but another json is imported already"):
        framework("plain").build([part_of("json/utils.py:exact")], {})


def test_a_relative_import_without_a_package_is_refused(package: Path) -> None:
    (package / "pkg" / "inner" / "__init__.py").unlink()
    with pytest.raises(UsageError, match="has relative imports, but is not in a package: put an __init__.py"):
        framework("plain").build([part_of("pkg/inner/scores.py:exact")], {})


@pytest.mark.parametrize("name", ["pkg:reexported", "pkg/__init__.py:reexported"])
def test_a_definition_is_found_through_a_re_export(package: Path, name: str) -> None:
    definition = definition_of(part_of(name))
    assert definition is not None
    assert (definition.file, definition.line) == (package / "pkg" / "inner" / "scores.py", 4)


def test_a_prefix_wins_over_a_module_of_its_name_unless_the_user_names_another_framework() -> None:
    assert target_of(["game:proxy-metric"], None, {}).framework == "game"
    assert target_of(["game:reward"], "plain", {}).framework == "plain"


def test_a_keyword_that_a_verl_style_scorer_does_not_accept_is_left_out_with_a_note(tmp_path: Path) -> None:
    signature = 'solution_str, ground_truth, method="strict", format_score=0.0, score=1.0'
    file = write_rewards(tmp_path, f"def compute_score({signature}): return score * (solution_str == ground_truth)")
    target = target_of([f"{file}:compute_score"], None, {})
    reward = framework(target.framework).build(target.parts, {})
    row = Row(0, "?", columns={"ground_truth": "4"})
    assert [paid.value for paid in reward([row, row], ["4", "5"])] == [1.0, 0.0]
    assert any("does not accept data_source, extra_info: left out here" in note for note in reward.notes)


def test_a_user_s_game_is_recorded_so_that_another_folder_finds_it(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [recorded("pkg/utils.py:Game"), recorded("pkg.utils:Game")]
    assert names == [f"{package}/pkg/utils.py:Game"] * 2
    assert recorded("reward-tampering") == "reward-tampering"
    assert recorded("json.decoder:JSONDecoder") == "json.decoder:JSONDecoder"
    (package / "pkg" / "utils.py").unlink()
    with pytest.raises(DataError, match=rf"there is no file {package}/pkg/utils\.py"):
        game(names[0])


def test_every_framework_declares_itself() -> None:
    assert set(frameworks()) >= {"game", "openenv", "plain", "trl", "verifiers", "verl"}
    for name, adapter in frameworks().items():
        assert framework(name) is adapter and all(text.endswith(".") for text in adapter.OPTIONS.values())
