"""verifiers 0.4 (its v1): a taskset package, laid out as ``vf-init`` does, with the channel as its reward.

Two-pass self-grading is played in two turns: the game's question is the second user message, so that the policy sees
its first turn again when it answers, which the game's own second pass leaves out.
"""

from __future__ import annotations

from collections.abc import Mapping

from loopholes.integrations.packing import Package, exported, readme
from loopholes.integrations.scoring import Scoring
from loopholes.version import __version__

PACKAGE, VERSION = "verifiers", "0.4"
TWO_PASS = True
PYPROJECT = """\
[project]
name = "{dashed}"
version = "{version}"
description = "{description}"
requires-python = ">=3.11"
dependencies = [{dependencies}]

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[tool.hatch.build.targets.wheel]
packages = ["{module}"]
"""
USAGE = """\
pip install .
vf-validate {module} --runtime.type subprocess{only}
vf-eval {module} -n 20 --model YOURS
"""
INIT = """\
from {module}.taskset import GameEnv, GameTaskset

__all__ = ["GameEnv", "GameTaskset"]
"""


def files(package: Package) -> Mapping[str, bytes]:
    """A folder to install with pip: ``pyproject.toml``, ``README.md`` and the package with its tasks."""
    module = f"loopholes_{package.slug}"
    project = PYPROJECT.format(
        dashed=module.replace("_", "-"),
        module=module,
        version=__version__,
        description=package.description,
        dependencies=package.dependencies("verifiers>=0.4,<0.5"),
    )
    only = " --only-gold  # an answer that says nothing passes, since it refuses" if _silence_passes(package) else ""
    usage = USAGE.format(module=module, only=only)
    inside = {**package.settings_files(), **package.task_files()}
    return {
        "pyproject.toml": project.encode(),
        "README.md": readme(package, "a verifiers taskset", usage),
        f"{module}/__init__.py": INIT.format(module=module).encode(),
        f"{module}/taskset.py": exported("verifiers_taskset.py"),
        **{f"{module}/game/{name}": content for name, content in inside.items()},
    }


def _silence_passes(package: Package) -> bool:
    """Whether an empty answer to some task is paid 1 or more, which the noop check of ``vf-validate`` calls invalid."""
    scoring = Scoring(package.game, package.channel, package.seed)
    silences = [(task, scoring.observe(task, "", verdict="")) for task in package.tasks["train"]]
    payments = [scoring.pay(task, silence.completion, task.id) for task, silence in silences]
    return any(payment.reward is not None and payment.reward >= 1 for payment in payments)
