"""The front door: what ``loopholes`` exports is there, documented, cheap to import, and enough for the examples."""

from __future__ import annotations

import ast
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_origin

import pytest

import loopholes
from loopholes.errors import RunError, UnknownName, UsageError
from support.rewards import SOUND_AND_NOT, save_rows, sums, write_rewards

# private _MODULES: the modules that the package says are public
CHECKOUT = Path(__file__).parents[1]
INIT = ast.parse(Path(loopholes.__file__).read_text(encoding="utf-8"))
HEAVY = ("torch", "transformers", "trl", "pandas", "scipy", "numpy", "matplotlib", "pydantic", "typer", "rich")
MODULES = set(loopholes._MODULES)


def imported_by(code: str) -> set[str]:
    """The top-level packages that a fresh interpreter has imported after some code."""
    lines = f"import json, sys\n{code}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


def seen_by_type_checkers() -> Iterator[tuple[str, str]]:
    """Module and name of every import that only type checkers see."""
    block = next(node for node in INIT.body if isinstance(node, ast.If))
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        yield from ((str(node.module), alias.asname or alias.name) for alias in node.names)


PLACES = {name: place for place, name in seen_by_type_checkers() if place != "loopholes"}
"""Where each public name is defined, as type checkers see it."""


def test_importing_the_package_imports_nothing_heavy() -> None:
    assert imported_by("import loopholes").isdisjoint(HEAVY)


def test_looking_at_every_public_name_imports_neither_torch_nor_pandas() -> None:
    look = "import loopholes\nfor name in dir(loopholes): getattr(loopholes, name)"
    assert imported_by(look).isdisjoint({"torch", "transformers", "trl", "pandas"})


def test_the_exported_names_are_about_thirty_and_sorted() -> None:
    assert loopholes.__all__ == sorted(loopholes.__all__)
    assert 25 <= len(loopholes.__all__) <= 35


def test_nothing_else_is_public() -> None:
    assert {name for name in dir(loopholes) if not name.startswith("_")} == {*loopholes.__all__, *MODULES}
    stored = {name for name, value in vars(loopholes).items() if name[0] != "_" and not inspect.ismodule(value)}
    assert stored == {"TYPE_CHECKING", "annotations", "on_first_use"}, "a public name is imported, never kept"


@pytest.mark.parametrize("name", loopholes.__all__)
def test_a_public_name_is_the_object_of_that_name_where_it_is_defined(name: str) -> None:
    value = getattr(loopholes, name)
    if get_origin(value) is None:
        assert (value.__module__, value.__name__) == (PLACES[name], name)
    assert vars(sys.modules[PLACES[name]])[name] is value


@pytest.mark.parametrize("name", loopholes.__all__)
def test_a_public_name_is_never_hidden_by_a_module_of_that_name(name: str) -> None:
    folder = Path(loopholes.__file__).parent
    assert not (folder / name).exists() and not (folder / f"{name}.py").exists()


@pytest.mark.parametrize("name", [name for name in loopholes.__all__ if get_origin(getattr(loopholes, name)) is None])
def test_a_public_name_is_documented(name: str) -> None:
    value = getattr(loopholes, name)
    text = vars(value).get("__doc__") if isinstance(value, type) else inspect.getdoc(value)
    assert text and not text.startswith(f"{name}("), "a data class without a docstring gets its signature"
    assert text.splitlines()[0].endswith((".", ":", ",")) or len(text.splitlines()) > 1


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_public_module_is_an_attribute_and_documented(name: str) -> None:
    module = getattr(loopholes, name)
    assert module is sys.modules[f"loopholes.{name}"]
    assert inspect.getdoc(module)


def test_type_checkers_see_what_is_exported() -> None:
    assert {name for place, name in seen_by_type_checkers() if place == "loopholes"} == MODULES
    assert PLACES.keys() == set(loopholes.__all__)


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'loopholes' has no attribute 'audits'"):
        loopholes.audits  # type: ignore[attr-defined] # noqa: B018


def test_the_documentation_lists_every_public_name_and_module() -> None:
    text = (CHECKOUT / "docs" / "api.md").read_text(encoding="utf-8")
    names, modules = text.split("## Public modules")
    listed = [name for row in re.findall(r"^\| (`.*?) \|", names, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)]
    assert sorted(listed) == loopholes.__all__
    assert set(re.findall(r"^\| `loopholes\.(\w+)` \|", modules, re.MULTILINE)) == MODULES


@pytest.mark.parametrize("file", sorted((CHECKOUT / "examples").glob("*.py")), ids=lambda file: file.stem)
def test_an_example_imports_from_the_front_door_alone(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert all(alias.name == "loopholes" or "loopholes" not in alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and str(node.module).startswith("loopholes"):
            assert node.module == "loopholes"
            assert {alias.name for alias in node.names} <= {*loopholes.__all__, *MODULES}


def test_the_documents_show_public_imports_alone() -> None:
    shown = re.compile(r"^\s*(?:from|import) (loopholes[\w.]*)", re.MULTILINE)
    files = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
    for file in files:
        for module in shown.findall(file.read_text(encoding="utf-8")):
            assert module == "loopholes" or module.split(".")[1] in MODULES, f"{file.name}: {module}"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> loopholes.Run:
    """A small evaluation of a scripted policy."""
    out = tmp_path_factory.mktemp("api") / "run"
    return loopholes.evaluate("scripted:honest", "proxy-metric", out=out, count=4, samples=1)


def test_an_evaluation_returns_its_finished_run(run: loopholes.Run) -> None:
    assert run.status.state == "finished" and run.summary is not None
    cells = {cell["metric"]: cell["value"] for cell in run.summary["cells"]}
    assert cells["exploit_rate"] == 0 and cells["task_performance"] > 0.9


def test_the_page_of_a_folder_and_its_figures_are_written(run: loopholes.Run, tmp_path: Path) -> None:
    page = loopholes.write_report(run.path, out=tmp_path / "page.html", figures=tmp_path / "figures")
    assert page == tmp_path / "page.html" and "proxy-metric" in page.read_text(encoding="utf-8")
    assert any((tmp_path / "figures").iterdir())
    with pytest.raises(RunError):
        loopholes.write_report(tmp_path / "figures")


@pytest.mark.filterwarnings("ignore")  # TRL's own
def test_training_returns_its_finished_run(tmp_path: Path) -> None:
    steps: list[int] = []
    run = loopholes.train(
        "self-grading",
        out=tmp_path / "run",
        steps=1,
        samples=2,
        prompts_per_step=2,
        parameters={"self_report": "inline"},
        on_progress=lambda progress: steps.append(progress.done),
    )
    assert (run.status.state, run.config["channel"], steps) == ("finished", "vulnerable", [1])
    assert len(run.metrics()) == 1 and run.metrics()[0]["reward"] is not None


def test_an_option_that_does_not_exist_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no training option 'step'; did you mean 'steps'"):
        loopholes.train("self-grading", out=tmp_path / "run", step=3)
    with pytest.raises(UnknownName, match="there is no channel 'safe'"):
        loopholes.train("self-grading", out=tmp_path / "run", channel="safe")
    with pytest.raises(UnknownName, match="there is no study 'discoveries'"):
        loopholes.study("discoveries", out=tmp_path / "study")
    assert not any(tmp_path.iterdir())


@pytest.mark.usefixtures("inside")
def test_an_audit_returns_its_report(tmp_path: Path) -> None:
    file = write_rewards(tmp_path, SOUND_AND_NOT)
    report = loopholes.audit_reward(f"{file}:contains", save_rows(tmp_path, sums()))
    assert report.exit_code() == 1
    assert ("exploit", "shotgun") in {(finding.verdict, finding.family) for finding in report.findings}
    assert loopholes.audit_reward(f"{file}:accuracy", sums()).exit_code() == 0


def test_a_game_is_exported_into_a_new_folder_alone(tmp_path: Path) -> None:
    folder = loopholes.export("verifiers", "reward-tampering", out=tmp_path / "env", count=2, prompts="terse")
    assert (folder / "pyproject.toml").is_file()
    with pytest.raises(RunError, match="overwrites nothing"):
        loopholes.export("verifiers", "reward-tampering", out=folder)
