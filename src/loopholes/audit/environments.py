"""The Python that a target runs in: the current one, one that the user names, or an environment built for it.

The requirements of frameworks conflict with each other, and Loopholes has none of them. A target whose package is not
installed is therefore audited in a virtual environment of its own, built by uv if there is uv, otherwise by ``venv``
and pip. It stays in the user's cache, under a hash of its requirements and of the Python, for later audits. The file
that is written last marks it as complete; an incomplete environment is built again.

The worker needs nothing there: :func:`command` starts it from this package's own source, which imports only the
standard library (``tests/test_architecture.py``).
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import NamedTuple

from loopholes.errors import DataError, RunError, UsageError
from loopholes.files import Lock, cache_folder, replace_file

Say = Callable[[str], None]
FOLDER = "environments"
"""The folder within the user's cache."""
WHOLE = "environment.json"
"""The file that is written last into an environment's folder. It lists what was installed."""
ALONE = " --no-deps"
"""Suffix of a requirement that is installed without its own requirements."""
OLDEST = (3, 11)
"""The oldest Python that the worker runs on."""
PATIENCE = 1800.0
"""Time to wait, in seconds, for another process that builds the same environment."""
LEFT_OUT = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV")
"""Environment variables that would make an installer read or write elsewhere."""
OF_PIP = {
    "index-url": "--index-url",
    "extra-index-url": "--extra-index-url",
    "find-links": "--find-links",
    "constraint": "--constraint",
    "no-index": "--no-index",
}
"""pip's settings for package sources, and uv's flags for them."""
CONFIGURED = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_CONFIG_FILE")
"""Environment variables that set uv's own package sources."""
REASONS = {
    r"do not match the hashes|hash mismatch": "a downloaded file does not match the index's hash",
    r"no space left|disk quota exceeded": "there is no space left on the disk",
    r"requires-python|requires a different python|requested python version": "it needs another version of Python",
    r"newconnectionerror|connection refused|name resolution|network is unreachable|timed out|error sending request|"
    r"failed to fetch|could not connect": "the package index cannot be reached",
    r"no matching distribution|no versions of|not found in the (package registry|provided package)": (
        "the package index does not have it"
    ),
}
"""Patterns in the output of installers, and what they mean."""
BOOT = """
import sys
from importlib.util import module_from_spec, spec_from_file_location
folder, module = sys.argv[1:3]
del sys.argv[1:3]
spec = spec_from_file_location("loopholes", folder + "/__init__.py", submodule_search_locations=[folder])
sys.modules["loopholes"] = package = module_from_spec(spec)
spec.loader.exec_module(package)
from importlib import import_module
import_module(module).main()
"""
"""Imports this package from its source, without the packages that are installed next to it."""


class Interpreter(NamedTuple):
    """A Python: its version, and its module search path."""

    version: tuple[int, int]
    path: tuple[str, ...]


def command(python: str, module: str) -> list[str]:
    """The command that runs ``main`` of a module of this package with a Python; empty for the current one."""
    return [python or sys.executable, "-c", BOOT, str(Path(__file__).parents[1]), module]


def named(path: Path) -> str:
    """The Python that a user names by its file or its environment's folder.

    Raises :class:`DataError` if there is no such file, :class:`UsageError` for a Python that does not do.
    """
    file = Path(os.path.abspath(path))  # not resolved: an environment's Python is a link
    if file.is_dir():
        file = file / "bin" / "python"
    if not file.is_file():
        raise DataError(f"--python names a Python or the folder of an environment, and there is no file {file}")
    interpreter(str(file))
    return str(file)


@cache
def interpreter(python: str) -> Interpreter:
    """A Python's version and path; raises :class:`UsageError` if it does not run or is too old for the worker."""
    if not python:
        return Interpreter(sys.version_info[:2], tuple(sys.path))
    ask = "import json, sys; print(json.dumps([sys.version_info[:2], sys.path]))"
    try:
        done = subprocess.run([python, "-I", "-c", ask], capture_output=True, check=True, timeout=60)
        version, path = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise UsageError(f"{python} is not a working Python: {str(error).splitlines()[0]}") from None
    if tuple(version) < OLDEST:
        raise UsageError(f"{python} is Python {version[0]}.{version[1]}, and an audit needs 3.11 or later")
    return Interpreter((version[0], version[1]), tuple(path))


def search_path(python: str) -> tuple[str, ...]:
    """The search path of a Python's modules; empty for the current Python, which knows its own."""
    return interpreter(python).path if python else ()


def version_in(python: str, package: str) -> str | None:
    """The installed version of a package in a Python; None if it is not installed."""
    return next((each.version for each in _installed(interpreter(python).path) if _is(each, package)), None)


def built(requirements: Sequence[str], say: Say) -> str:
    """The Python of an environment with these requirements, which is built first if necessary.

    ``say`` gets a sentence before anything is installed. Raises :class:`UsageError` in one sentence.
    """
    folder = cache_folder() / FOLDER / _key(requirements)
    python = folder / "venv" / "bin" / "python"
    try:
        if not _is_whole(folder):
            folder.mkdir(parents=True, exist_ok=True)
            lock = Lock(folder, PATIENCE)
            try:
                if not _is_whole(folder):
                    _build(folder, requirements, say)
            finally:
                lock.release()
    except RunError:
        raise UsageError(f"another process is building {folder}: wait until it is done") from None
    except OSError as error:
        raise UsageError(f"{folder} cannot be written ({error.strerror or error}): see LOOPHOLES_CACHE") from None
    return str(python)


def _key(requirements: Sequence[str]) -> str:
    """The name of an environment: a hash of its requirements and its Python."""
    base = [sys.implementation.cache_tag, platform.machine(), sys.base_prefix]
    return hashlib.sha256(json.dumps([sorted(requirements), base]).encode()).hexdigest()[:16]


def _is_whole(folder: Path) -> bool:
    return (folder / WHOLE).is_file() and (folder / "venv" / "bin" / "python").exists()


def _build(folder: Path, requirements: Sequence[str], say: Say) -> None:
    """Build the environment with the first installer that succeeds; raises the error of the last one."""
    (folder / WHOLE).unlink(missing_ok=True)
    venv, uv = folder / "venv", shutil.which("uv")
    for installer in (_uv, _pip) if uv else (_pip,):
        shutil.rmtree(venv, ignore_errors=True)
        say(f"installing {', '.join(requirements)} into {venv}, for this and later audits")
        try:
            installer(venv, requirements)
            break
        except UsageError as error:
            shutil.rmtree(venv, ignore_errors=True)
            if installer is _pip:
                raise
            say(f"{error}; trying pip")
    packages = sorted((each.name, each.version) for each in _installed(interpreter(_python(venv)).path))
    content = {"requirements": [*requirements], "packages": [f"{name}=={version}" for name, version in packages]}
    replace_file(folder / WHOLE, f"{json.dumps(content, indent=2)}\n".encode())


def _uv(venv: Path, requirements: Sequence[str]) -> None:
    _run(["uv", "venv", "--quiet", "--python", sys.executable, str(venv)], requirements)
    flags = [] if any(name in os.environ for name in CONFIGURED) else uv_flags(_pip_settings())
    _install(["uv", "pip", "install", "--quiet", "--python", _python(venv), *flags], requirements)


def _pip_settings() -> str:
    """pip's settings, one per line; empty if there is no pip."""
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True)
    return listed.stdout if listed.returncode == 0 else ""


def uv_flags(settings: str) -> list[str]:
    """uv's flags for pip's package sources, since uv does not read pip's configuration.

    ``settings`` are lines from ``pip config list``, ``SECTION.NAME='VALUE'``. If several sections set the same name,
    pip's environment variables take precedence over its file.
    """
    values: dict[str, str] = {}
    for line in sorted(settings.splitlines(), key=lambda line: (line.startswith(":env:"), line.startswith("install"))):
        name, is_set, value = line.partition("=")
        if is_set:
            values[name.rpartition(".")[2]] = str(ast.literal_eval(value))
    flags = []
    for name, flag in OF_PIP.items():
        places = values.get(name, "").split()
        if flag == "--no-index":
            flags += [flag] if places and places[0].lower() in ("1", "true", "yes", "on") else []
        else:
            flags += [part for place in places for part in (flag, place)]
    return ["--index-strategy", "unsafe-best-match", *flags] if flags else []


def _pip(venv: Path, requirements: Sequence[str]) -> None:
    """Install with this Python's own pip if it has one, which saves installing another."""
    has_pip = importlib.util.find_spec("pip") is not None
    _run([sys.executable, "-m", "venv", *(["--without-pip"] if has_pip else []), str(venv)], requirements)
    pip = [sys.executable, "-m", "pip", "--python", _python(venv)] if has_pip else [_python(venv), "-m", "pip"]
    _install([*pip, "--disable-pip-version-check", "install", "--no-input", "--retries", "1"], requirements)


def _install(install: Sequence[str], requirements: Sequence[str]) -> None:
    alone = [requirement.removesuffix(ALONE) for requirement in requirements if requirement.endswith(ALONE)]
    whole = [requirement for requirement in requirements if not requirement.endswith(ALONE)]
    if whole:
        _run([*install, *whole], whole)
    if alone:
        _run([*install, "--no-deps", *alone], alone)


def _run(arguments: Sequence[str], requirements: Sequence[str]) -> None:
    """Run an installer to its end; raises :class:`UsageError` with the reason in its output."""
    environment = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
    done = subprocess.run(
        arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", env=environment
    )
    if done.returncode:
        reason = reason_of(done.stdout + done.stderr)
        raise UsageError(
            f"{', '.join(requirements)} cannot be installed: {reason}. Install it yourself and name its Python with "
            "--python"
        )


def reason_of(output: str) -> str:
    """The reason why an installer failed, in a few words from its output."""
    for pattern, reason in REASONS.items():
        if re.search(pattern, output, re.IGNORECASE):
            return reason
    errors = [line for line in output.splitlines() if line.strip().lower().startswith("error")]
    lines = errors or output.strip().splitlines() or ["the installer says nothing"]
    return lines[-1].strip()[:200].rstrip(".")


def _python(venv: Path) -> str:
    return str(venv / "bin" / "python")


def _installed(path: Sequence[str]) -> list[Distribution]:
    return list(distributions(path=[*path]))


def _is(distribution: Distribution, package: str) -> bool:
    return _normal(distribution.name or "") == _normal(package)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def home_of(folder: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment variables of a target from a package index: its home is ``folder``, not the user's.

    Data sets and models that Hugging Face's libraries downloaded before are found in the user's cache.
    """
    users = environment.get("XDG_CACHE_HOME") or os.path.join(environment.get("HOME", ""), ".cache")
    hub = environment.get("HF_HOME") or os.path.join(users, "huggingface")
    return {**environment, "HOME": folder, "XDG_CACHE_HOME": os.path.join(folder, ".cache"), "HF_HOME": hub}
