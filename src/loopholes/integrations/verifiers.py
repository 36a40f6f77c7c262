"""verifiers 0.4 (its v1): a taskset package, laid out as ``vf-init`` does, with the channel as its reward.

Two-pass self-grading is played in two turns: the game's question is the second user message, so the policy sees its
first turn again when it answers, which the game's own second pass leaves out.
"""

from __future__ import annotations

from collections.abc import Mapping

from loopholes.integrations.packing import Package, exported, readme

PACKAGE, VERSION = "verifiers", "0.4"
TWO_PASS = True
BUILD = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[tool.hatch.build.targets.wheel]
packages = ["{module}"]
"""
USAGE = """\
pip install .
vf-validate {module} --runtime.type subprocess
vf-eval {module} -n 20 --model YOURS
"""
INIT = """\
from {module}.taskset import GameEnv, GameTaskset

__all__ = ["GameEnv", "GameTaskset"]
"""


def files(package: Package) -> Mapping[str, bytes]:
    """A folder to install with pip: ``pyproject.toml``, ``README.md`` and the package with its tasks."""
    module = package.module
    inside = {**package.settings_files(), **package.task_files()}
    return {
        "pyproject.toml": package.project("", "verifiers>=0.4,<0.5", BUILD.format(module=module)),
        "README.md": readme(package, "a verifiers taskset", USAGE.format(module=module)),
        f"{module}/__init__.py": INIT.format(module=module).encode(),
        f"{module}/taskset.py": exported("verifiers_taskset.py"),
        **{f"{module}/game/{name}": content for name, content in inside.items()},
    }
