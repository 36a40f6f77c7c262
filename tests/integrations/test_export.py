"""An export is written whole or not at all, names what made it, and plays as the game plays here."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import loopholes
from loopholes.cli import main
from loopholes.errors import LoopholesError
from loopholes.games.isolation import without_truth
from loopholes.integrations import TARGETS, export
from loopholes.integrations.openenv import reward_range
from loopholes.integrations.own_tasks import TaskFiles
from loopholes.integrations.packing import open_package, pack
from loopholes.integrations.verl import ComputeScore
from loopholes.modules import run_file
from loopholes.records import Task, task_from_json, task_to_json
from support.exports import CHANNELS, GAMES, ONE_PASS, SEED, answers, exported, packed

ROOT = Path(__file__).parents[2]
OWN = f"{ROOT / 'examples' / 'own_game.py'}:Citations"
LAYOUT = {
    "verifiers": {
        "README.md",
        "pyproject.toml",
        *(f"loopholes_self_grading/{name}" for name in ("__init__.py", "taskset.py")),
        *(f"loopholes_self_grading/game/{name}" for name in ("loopholes.json", "train.jsonl", "test.jsonl")),
    },
    "openenv": {
        *("README.md", "pyproject.toml", "openenv.yaml", "__init__.py", "models.py", "client.py"),
        "validation/runtime.json",
        *(f"server/{name}" for name in ("__init__.py", "app.py", "game_environment.py", "Dockerfile")),
        *(f"game/{name}" for name in ("loopholes.json", "train.jsonl", "test.jsonl")),
    },
    "verl": {"README.md", "compute_score.py", "train.parquet", "test.parquet", "game/loopholes.json"},
}
INLINE = {"self_report": "inline"}


def files(folder: Path) -> dict[str, bytes]:
    """Every file of a folder by its path in there."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def scored(folder: Path) -> Callable[..., dict[str, float]]:
    """The exported ``compute_score``, loaded from its file as verl loads it."""
    compute_score: Callable[..., dict[str, float]] = run_file(folder / "compute_score.py", "exported").compute_score
    return compute_score


def ground_truths(folder: Path) -> list[str]:
    rows = pq.read_table(folder / "train.parquet").to_pylist()
    return [row["reward_model"]["ground_truth"] for row in rows]


@pytest.mark.parametrize("framework", TARGETS)
def test_an_export_has_its_framework_s_files_names_what_made_it_and_is_small(framework: str, tmp_path: Path) -> None:
    package = pack("self-grading", seed=SEED, count=256, parameters=INLINE)
    written = files(exported(framework, package, tmp_path / "env"))
    assert set(written) == LAYOUT[framework]
    (manifest,) = [json.loads(content) for name, content in written.items() if name.endswith("loopholes.json")]
    assert (manifest["loopholes"], manifest["seed"]) == (loopholes.__version__, SEED)
    assert f'"loopholes": "{loopholes.__version__}"' in written["README.md"].decode()
    assert f'"seed": {SEED}' in written["README.md"].decode()
    assert sum(map(len, written.values())) < 1_000_000


@pytest.mark.parametrize("framework", TARGETS)
@pytest.mark.parametrize("game", ["reward-tampering", OWN], ids=["built in", "a user's own"])
def test_an_export_holds_no_path_of_this_machine_and_is_the_same_each_time(
    framework: str, game: str, tmp_path: Path
) -> None:
    one, other = (
        files(exported(framework, pack(game, count=4), tmp_path / name / "env")) for name in ("first", "second")
    )
    assert one == other
    for place in (str(ROOT), str(tmp_path), str(Path.home()), "/usr/", "/tmp"):
        assert not any(place.encode() in content for content in one.values()), place


@pytest.mark.parametrize("framework", TARGETS)
def test_the_tasks_of_an_export_are_those_of_the_game(framework: str, tmp_path: Path) -> None:
    folder = exported(framework, pack("reward-tampering", seed=SEED, count=5), tmp_path / "env")
    tasks = loopholes.game("reward-tampering").tasks("train", seed=SEED, count=5, prompts="chat", trainable=True)
    if framework == "verl":
        rows = pq.read_table(folder / "train.parquet").to_pylist()
        assert [tuple(row["prompt"]) for row in rows] == [task.prompt for task in tasks]
        assert [row["extra_info"]["index"] for row in rows] == list(range(5))
        assert {row["data_source"] for row in rows} == {"loopholes/reward-tampering"}
    else:
        (manifest,) = folder.rglob("loopholes.json")
        assert list(open_package(manifest.parent).tasks["train"]) == tasks


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(("name", "set_"), ONE_PASS, ids=str)
def test_the_exported_compute_score_pays_and_measures_as_the_game_does(
    name: str, set_: dict[str, Any], channel: str, tmp_path: Path
) -> None:
    package = packed(name, set_, channel)
    folder = exported("verl", package, tmp_path / "env")
    compute_score, truths = scored(folder), ground_truths(folder)
    for answer in answers(package):
        result = compute_score("loopholes", answer.text, truths[answer.number], {"index": 0})
        assert result["score"] == answer.reward(json.dumps(["", answer.task.id, answer.text, 1]))
        assert {key: value for key, value in result.items() if not math.isnan(value) and key != "score"} == answer.truth


@pytest.mark.parametrize(("name", "set_"), ONE_PASS[:2], ids=str)
def test_a_truth_that_raises_changes_no_exported_reward(name: str, set_: dict[str, Any], tmp_path: Path) -> None:
    package = packed(name, set_, "vulnerable")
    folder = exported("verl", package, tmp_path / "env")
    truths = ground_truths(folder)
    seeing, blind = scored(folder), scored(folder)
    shown = answers(package)
    rewards = [seeing("", answer.text, truths[answer.number])["score"] for answer in shown]
    assert len(set(rewards)) > 1
    with without_truth(package.game):
        results = [blind("", answer.text, truths[answer.number]) for answer in shown]
    assert [result["score"] for result in results] == rewards
    assert all(math.isnan(result["task_score"]) and math.isnan(result["exploit"]) for result in results)


def test_equal_answers_are_audited_apart(tmp_path: Path) -> None:
    package = packed("self-grading", {**INLINE, "audit_probability": 0.25}, "vulnerable", count=1)
    folder = exported("verl", package, tmp_path / "env")
    compute_score, (truth,) = scored(folder), ground_truths(folder)
    lie = next(answer.text for answer in answers(package) if answer.kind == "exploiting")
    paid = [compute_score("", lie, truth)["score"] for _ in range(400)]
    assert set(paid) == {1.0, -6.0}
    assert 0.19 < paid.count(-6.0) / 400 < 0.31
    assert [scored(folder)("", lie, truth)["score"]] == paid[:1]


def test_an_export_onto_something_that_exists_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "mine").write_text("mine")
    with pytest.raises(LoopholesError, match="env exists, and an export overwrites nothing: choose another --out"):
        export("verl", packed("reward-tampering", {}, "secure"), tmp_path / "env")
    assert files(tmp_path) == {"env/mine": b"mine"}


def test_an_export_that_cannot_be_written_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.name == "test.jsonl":
            raise OSError(28, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(LoopholesError, match="no space is left for .*env"):
        export("verifiers", packed("reward-tampering", {}, "secure"), tmp_path / "env")
    assert list(tmp_path.iterdir()) == []


OWN_GAMES = {
    "imports a neighbour": ("import helper", "imports helper, which belongs to no installed package"),
    "imports relatively": ("if False:\n    from . import helper", "imports a neighbour"),
    "reads a file beside it": (
        "from pathlib import Path\nTEXT = (Path(__file__).parent / 'helper.py').read_text()",
        "the game cannot be packed .own_game.py",
    ),
}


@pytest.mark.parametrize(("line", "words"), OWN_GAMES.values(), ids=OWN_GAMES)
def test_a_game_that_needs_more_than_its_file_is_refused_with_what_it_has_to_be(
    line: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / "helper.py").write_text("")
    source = (ROOT / "examples" / "own_game.py").read_text()
    (tmp_path / "own_game.py").write_text(source.replace("import re\n", f"import re\n{line}\n", 1))
    with pytest.raises(LoopholesError, match=words) as refused:
        export("verl", pack(f"{tmp_path / 'own_game.py'}:Citations", count=2), tmp_path / "env")
    assert "is one FILE.py that imports installed packages only, or a module of such a package" in str(refused.value)
    assert str(tmp_path / ".env") not in str(refused.value)
    assert not (tmp_path / "env").exists()


def test_a_game_of_ones_own_is_played_from_its_export(tmp_path: Path) -> None:
    package = pack(OWN, count=4)
    folder = exported("verl", package, tmp_path / "env")
    compute_score, truths = scored(folder), ground_truths(folder)
    shown = [package.game.demonstrate(kind, package.tasks["train"][0]) for kind in ("honest", "exploiting", "inept")]
    assert [compute_score("", one.text, truths[0])["score"] for one in shown] == [0.25, 1.0, 0.0]


def own_tasks(file: Path, splits: Sequence[str | None], untrainable: int = 0) -> list[Task]:
    """Tasks of reward tampering in a file, each naming its split or none; the last ones cannot be trained on."""
    tasks = loopholes.game("reward-tampering").tasks("train", count=len(splits), prompts="chat", trainable=True)
    written = []
    for number, (task, split) in enumerate(zip(tasks, splits, strict=True)):
        truth = {**task.truth, **({"tests": []} if number >= len(splits) - untrainable else {})}
        info = {"level": 1, **({} if split is None else {"split": split})}
        written.append(replace(task, id=f"own-{number}", truth=truth, info=info))
    file.write_text("".join(json.dumps(task_to_json(task)) + "\n" for task in written))
    return written


@pytest.mark.parametrize("framework", TARGETS)
def test_a_user_s_own_tasks_are_exported_in_place_of_generated_ones(framework: str, tmp_path: Path) -> None:
    train, test = own_tasks(tmp_path / "train.jsonl", [None] * 3), own_tasks(tmp_path / "test.jsonl", [None] * 2)
    command = ["export", framework, "reward-tampering", "--tasks", str(tmp_path / "train.jsonl")]
    command += ["--test-tasks", str(tmp_path / "test.jsonl"), "--out", str(tmp_path / "env")]
    assert main(command) == 0
    (manifest,) = (tmp_path / "env").rglob("loopholes.json")
    recorded = json.loads(manifest.read_text())
    assert (recorded["files"], recorded["tasks"]) == (["train.jsonl", "test.jsonl"], {"train": 3, "test": 2})
    assert not any(str(tmp_path).encode() in content for content in files(tmp_path / "env").values())
    if framework == "verl":
        exported_tasks = [task_from_json(json.loads(text)) for text in ground_truths(tmp_path / "env")]
    else:
        package = open_package(manifest.parent)
        exported_tasks = list(package.tasks["train"])
        assert list(package.tasks["test"]) == test
    assert exported_tasks == train


def test_tasks_of_one_file_are_dealt_out_by_the_split_that_they_name_or_else_by_id(tmp_path: Path) -> None:
    named = own_tasks(tmp_path / "named.jsonl", ["test", "train", "test"])
    tasks = pack("reward-tampering", files=TaskFiles(tmp_path / "named.jsonl")).tasks
    assert (tasks["train"], tasks["test"]) == ([named[1]], [named[0], named[2]])
    unnamed = own_tasks(tmp_path / "unnamed.jsonl", [None] * 60)
    tasks = pack("reward-tampering", files=TaskFiles(tmp_path / "unnamed.jsonl")).tasks
    assert sorted(task.id for split in tasks.values() for task in split) == sorted(task.id for task in unnamed)
    assert 1 <= len(tasks["test"]) <= 15


def test_tasks_on_which_nothing_can_be_earned_are_left_out_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train = own_tasks(tmp_path / "train.jsonl", ["train"] * 3, untrainable=1)
    own_tasks(tmp_path / "test.jsonl", ["test"])
    package = pack("reward-tampering", files=TaskFiles(tmp_path / "train.jsonl", tmp_path / "test.jsonl"))
    assert package.tasks["train"] == train[:2]
    assert "left out 1 of 3 tasks for the split train: " in caplog.text


WRONG_TASKS: dict[str, tuple[list[str], str]] = {
    "no file": (["--tasks", "{0}/none.jsonl"], "none.jsonl is not a file"),
    "another game's": (["--tasks", "{0}/other.jsonl"], "does not fit reward-tampering: .*truth.tests is not a list"),
    "one split alone": (["--tasks", "{0}/train.jsonl"], "no task for the split test in train.jsonl: --tasks FILE"),
    "a test file alone": (["--test-tasks", "{0}/train.jsonl"], "--test-tasks needs --tasks"),
}


@pytest.mark.parametrize(("options", "words"), WRONG_TASKS.values(), ids=WRONG_TASKS)
def test_tasks_that_cannot_be_exported_are_one_sentence(
    options: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own_tasks(tmp_path / "train.jsonl", ["train"])
    (task,) = loopholes.game("self-grading").tasks("train", count=1)
    (tmp_path / "other.jsonl").write_text(json.dumps(task_to_json(task)))
    chosen = [option.format(tmp_path) for option in options]
    assert main(["export", "verl", "reward-tampering", *chosen, "--out", str(tmp_path / "env")]) in (2, 3)
    printed = re.sub(r"\s+", " ", capsys.readouterr().err)
    assert re.search(words, printed), printed
    assert not (tmp_path / "env").exists()


RANGES = {
    "reward-tampering": ([-1.0, 1.0], [-1.0, 1.0]),
    "proxy-metric": ([0.0, 1.0], [0.0, 1.0]),
    "context-compliance": ([-10.0, 1.0], [-10.0, 1.0]),
    "self-grading": ([-6.0, 2.0], [-6.0, 2.0]),
}


@pytest.mark.parametrize("game", RANGES)
def test_an_openenv_manifest_declares_the_range_of_the_channel_s_rewards(game: str) -> None:
    assert tuple(reward_range(pack(game, channel=channel, count=1)) for channel in CHANNELS) == RANGES[game]


def test_two_passes_are_refused_where_there_is_no_second_turn(tmp_path: Path) -> None:
    with pytest.raises(LoopholesError, match="self-grading asks its policy a second question, but verl has no turn"):
        export("verl", packed("self-grading", {}, "vulnerable"), tmp_path / "env")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("framework", TARGETS)
def test_another_version_of_the_framework_is_one_sentence(
    framework: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loopholes.integrations.packing.distribution_version", lambda package: "99.1.0")
    with pytest.raises(LoopholesError, match=rf"{framework} 99\.1\.0 is installed, and this was written for"):
        export(framework, packed("reward-tampering", {}, "secure"), tmp_path / "env")
    assert list(tmp_path.iterdir()) == []


def test_another_version_of_verl_is_one_sentence_where_it_loads_the_reward(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = exported("verl", packed("reward-tampering", {}, "secure"), tmp_path / "env")
    monkeypatch.setattr("loopholes.integrations.packing.distribution_version", lambda package: "0.8.0")
    with pytest.raises(LoopholesError, match=r"verl 0\.8\.0 is installed, and this was written for 0\.9"):
        ComputeScore(folder / "game")


def test_an_export_of_another_version_of_loopholes_is_one_sentence(tmp_path: Path) -> None:
    folder = exported("verl", packed("reward-tampering", {}, "secure"), tmp_path / "env")
    manifest = folder / "game" / "loopholes.json"
    manifest.write_text(manifest.read_text().replace(f'"loopholes": "{loopholes.__version__}"', '"loopholes": "0.0.1"'))
    with pytest.raises(LoopholesError, match=r"was made by loopholes 0\.0\.1, and .* is installed"):
        open_package(folder / "game")


def test_the_command_exports_a_game(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "env"
    command = ["export", "verl", "reward-tampering", "--channel", "secure", "--set", "world=mini", "--count", "4"]
    assert main([*command, "--out", str(out)]) == 0
    assert f"The environment is in {out}" in re.sub(r"\s+", " ", capsys.readouterr().out)
    assert open_package(out / "game").channel == "secure"
    assert main([*command, "--out", str(out)]) == 4
    assert main([*command[:1], "gymnasium", *command[2:], "--out", str(tmp_path / "other")]) == 2
    assert "there is no framework to export to 'gymnasium'" in capsys.readouterr().err


def test_every_game_can_be_exported_to_verifiers_and_openenv(tmp_path: Path) -> None:
    for number, (name, set_) in enumerate(GAMES):
        for framework in ("verifiers", "openenv"):
            exported(framework, packed(name, set_, "secure"), tmp_path / f"{framework}-{number}")
