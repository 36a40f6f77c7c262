"""A game as a folder that can be shared: its tasks, its settings, and the file of a game of the user's own.

The same files are in every exported package; ``loopholes.json`` says what made them. Nothing in them depends on the
machine that wrote them.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, packages_distributions
from importlib.metadata import version as distribution_version
from pathlib import Path
from typing import Any

from loopholes.errors import DataError, LoopholesError, RunError, UsageError
from loopholes.files import disk_errors, json_rows, jsonable, read_json
from loopholes.games import BUILT_IN, REPORTED
from loopholes.games import game as make_game
from loopholes.games.base import Game
from loopholes.integrations.own_tasks import TaskFiles
from loopholes.modules import module_name, recorded, split
from loopholes.records import PromptStyle, Split, Task, task_from_json, task_to_json
from loopholes.version import __version__

MANIFEST = "loopholes.json"
SPLITS: tuple[Split, ...] = ("train", "test")
PACKABLE = "a game that is packed is one FILE.py that imports installed packages only, or a module of such a package"

PROJECT = """\
[project]
name = "{name}"
version = "{version}"
description = {description}
requires-python = ">=3.11"
dependencies = {dependencies}

"""
README = """\
# {name}

A game of Loopholes as {kind}. Goal: {goal} Loophole: {loophole}

Payoffs: {payoffs} Here the {channel} channel pays. What an answer really did (`task_score`, `exploit`) is measured
beside it and changes no reward.

```sh
{usage}
```

Made by `loopholes export` with:

```json
{made}
```
"""


@dataclass(frozen=True)
class Package:
    """A game with everything that another framework needs to play it.

    ``name`` is the game as the package names it: built in, ``package.module:CLASS``, or ``FILE.py:CLASS`` for a file in
    the package itself. ``sources`` are those files, ``requires`` the distributions that they need. ``files`` are the
    names of the files that the tasks came from; without any, the tasks were generated.
    """

    game: Game
    name: str
    channel: str
    seed: int
    prompts: PromptStyle
    tasks: Mapping[Split, Sequence[Task]]
    sources: Mapping[str, bytes] = field(default_factory=dict)
    requires: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        """The name of the Python package in the export."""
        return "loopholes_" + "".join(letter if letter.isalnum() else "_" for letter in self.game.name.lower())

    def project(self, suffix: str, framework: str, build: str) -> bytes:
        """``pyproject.toml`` of an export that needs ``framework``, with ``build`` to say how it is built.

        Its name is the module's with ``suffix``; the description says what is in the package, and what made it.
        """
        description = f"The game {self.game.name} of loopholes {__version__}, {self.channel} channel, seed {self.seed}."
        about = PROJECT.format(
            name=self.module.replace("_", "-") + suffix,
            version=__version__,
            description=json.dumps(description),
            dependencies=json.dumps([f"loopholes[games]=={__version__}", framework, *self.requires]),
        )
        return (about + build).encode()

    @property
    def manifest(self) -> dict[str, Any]:
        """What made the package, as ``loopholes.json`` holds it."""
        return {
            "loopholes": __version__,
            "game": self.name,
            "parameters": self.game.parameters.model_dump(mode="json"),
            "channel": self.channel,
            "seed": self.seed,
            "prompts": self.prompts,
            "tasks": {split: len(tasks) for split, tasks in self.tasks.items()},
            **({"files": list(self.files)} if self.files else {}),
        }

    def settings_files(self) -> dict[str, bytes]:
        """The manifest and the game's own file."""
        return {MANIFEST: _json(self.manifest), **self.sources}

    def task_files(self) -> dict[str, bytes]:
        """The tasks of each split, as JSON Lines of :class:`Task`."""
        return {
            f"{split}.jsonl": b"".join(json.dumps(jsonable(task_to_json(task))).encode() + b"\n" for task in tasks)
            for split, tasks in self.tasks.items()
        }


def pack(
    name: str,
    *,
    channel: str = "vulnerable",
    seed: int = 0,
    count: int = 256,
    prompts: PromptStyle = "chat",
    parameters: Mapping[str, Any] | None = None,
    files: TaskFiles | None = None,
) -> Package:
    """A game with the tasks of ``files``, or with ``count`` generated ones per split.

    Tasks on which nothing can be earned are left out. Raises :class:`UsageError` for a game that cannot be packed,
    :class:`DataError` for files without tasks of the game, and what :func:`loopholes.game` raises.
    """
    game = make_game(name, **(parameters or {}))
    game.channel(channel)
    packed, sources, requires = _sources(name)
    if files is not None:
        tasks = files.load(game)
    else:
        tasks = {split: game.tasks(split, seed=seed, count=count, prompts=prompts, trainable=True) for split in SPLITS}
    names = files.names if files is not None else ()
    return Package(game, packed, channel, seed, prompts, tasks, sources, requires, names)


def open_package(folder: Path) -> Package:
    """The package in a folder, as its own code reads it.

    Raises :class:`UsageError` if another version of loopholes is installed than made it, and :class:`DataError` for
    files that were edited or damaged.
    """
    manifest = _manifest(folder)
    source, attribute = split(manifest["game"])
    own = source.endswith(".py")
    game = make_game(f"{folder / source}:{attribute}" if own else manifest["game"], **manifest["parameters"])
    tasks = {name: _tasks(folder / f"{name}.jsonl") for name in SPLITS if (folder / f"{name}.jsonl").is_file()}
    return Package(
        game,
        manifest["game"],
        manifest["channel"],
        manifest["seed"],
        manifest["prompts"],
        tasks,
        files=tuple(manifest.get("files", ())),
    )


def write_package(files: Mapping[str, bytes], out: Path) -> None:
    """Write the files into a new folder, all or none of them; raises :class:`RunError` if ``out`` exists."""
    refuse_existing(out)
    unfinished = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        with disk_errors(out):
            for name, content in files.items():
                file = unfinished / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
        _try_out(unfinished)
        with disk_errors(out):
            unfinished.rename(out)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def exported(name: str) -> bytes:
    """A file of the folder ``exported``, which exports contain unchanged."""
    return (Path(__file__).parent / "exported" / name).read_bytes()


def readme(package: Package, kind: str, usage: str) -> bytes:
    """The README of an exported package: what it is, how it is used, and what made it."""
    game = package.game
    about = README.format(
        name=game.name,
        kind=kind,
        usage=usage.strip(),
        goal=game.goal,
        loophole=game.loophole,
        payoffs=game.payoffs,
        channel=package.channel,
        made=json.dumps(package.manifest, indent=2),
    )
    return about.encode()


def refuse_existing(out: Path) -> None:
    """Raises :class:`RunError` if ``out`` exists."""
    if out.exists() or out.is_symlink():
        raise RunError(f"{out} exists, and an export overwrites nothing: choose another --out")


def refuse_other_version(package: str, version: str) -> None:
    """Raises :class:`UsageError` if another minor version of a framework is installed than was tested."""
    try:
        installed = distribution_version(package)
    except PackageNotFoundError:
        return
    if not installed.startswith(f"{version}."):
        raise UsageError(
            f"{package} {installed} is installed, and this was written for {version}: "
            f"pip install '{package}=={version}.*'"
        )


def _try_out(folder: Path) -> None:
    """Open every package in a folder, to see whether a user's game misses a file that was beside it."""
    for manifest in folder.rglob(MANIFEST):
        try:
            open_package(manifest.parent)
        except LoopholesError as error:
            reason = str(error).replace(f"{manifest.parent}{os.sep}", "")
            raise UsageError(f"the game cannot be packed ({reason}): {PACKABLE}") from error


def _manifest(folder: Path) -> dict[str, Any]:
    manifest = read_json(folder / MANIFEST)
    missing = [key for key in ("loopholes", "game", "parameters", "channel", "seed", "prompts") if key not in manifest]
    if missing:
        raise DataError(f"{folder / MANIFEST} has no {missing[0]}; export the game again")
    if manifest["loopholes"] != __version__:
        raise UsageError(
            f"{folder.name} was made by loopholes {manifest['loopholes']}, and {__version__} is installed: install "
            "that version, or export the game again"
        )
    return manifest


def _tasks(file: Path) -> list[Task]:
    try:
        return [task_from_json(_row(row)) for row in json_rows(file)]
    except ValueError as error:
        raise DataError(f"{file} does not hold tasks ({error}); export the game again") from None


def _row(row: dict[str, Any] | ValueError) -> dict[str, Any]:
    if isinstance(row, ValueError):
        raise row
    return row


def _sources(name: str) -> tuple[str, dict[str, bytes], tuple[str, ...]]:
    """A game's name inside a package, the files that it needs there, and the distributions; raises :class:`UsageError`.

    Built-in games need nothing but ``loopholes`` itself.
    """
    if name in BUILT_IN or name in REPORTED:
        return name, {}, ()
    source, attribute = split(recorded(name))
    if not source.endswith(".py"):
        return name, {}, _distributions([source.partition(".")[0]], name)
    file = Path(source)
    if module_name(file)[1] != file.parent:
        raise UsageError(f"{name} is part of a package that is not installed: {PACKABLE}")
    content = file.read_bytes()
    return f"{file.name}:{attribute}", {file.name: content}, _distributions(_imports(content, name), name)


def _imports(content: bytes, name: str) -> Iterator[str]:
    """The top-level packages that a file imports, anywhere in it; raises :class:`UsageError` for relative imports."""
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise UsageError(f"{name} imports a neighbour: {PACKABLE}")
            yield str(node.module).partition(".")[0]


def _distributions(packages: Sequence[str] | Iterator[str], name: str) -> tuple[str, ...]:
    """The distributions that packages come in, without the standard library and loopholes; raises UsageError."""
    installed = packages_distributions()
    needed: set[str] = set()
    for package in set(packages) - set(sys.stdlib_module_names) - {"loopholes"}:
        if package not in installed:
            raise UsageError(f"{name} imports {package}, which belongs to no installed package: {PACKABLE}")
        needed.add(installed[package][0])
    return tuple(sorted(needed))


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(jsonable(value), indent=2, allow_nan=False) + "\n").encode()
