"""OpenEnv 0.10: a server, its client and ``openenv.yaml``, laid out as ``openenv init`` does; the channel pays.

Two-pass self-grading takes two steps: the first observation after an answer holds the game's question.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from loopholes.integrations.packing import Package, exported, readme
from loopholes.records import Completion
from loopholes.score import pay
from loopholes.version import __version__

PACKAGE, VERSION = "openenv", "0.10"
TWO_PASS = True
BUILD = """\
[project.scripts]
server = "{module}.server.app:main"

[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[tool.setuptools]
packages = ["{module}", "{module}.server"]
package-dir = {{ "{module}" = ".", "{module}.server" = "server" }}
package-data = {{ "{module}" = ["game/*", "openenv.yaml"] }}
"""
MANIFEST = """\
spec_version: 1
name: {module}
version: {version}
type: space
runtime: fastapi
app: server.app:app
port: 8000
validation:
  reward:
    range: {range}
    floor_margin: 0.1
  resources:
    cpu: 1.0
    memory_mb: 1024
    disk_mb: 1024
    episode_timeout_s: 60.0
  capabilities:
    verifier:
      kind: reward_channel
    declared_task_count: {{{counts}}}
  execution:
    kind: openenv_ws
    probe_path: {probe}
    dockerfile: server/Dockerfile
  types:
    tags: [reward-hacking, {tag}]
"""
INIT = '''\
"""The game {name} of Loopholes for OpenEnv."""

from .client import GameEnv
from .models import GameAction, GameObservation

__all__ = ["GameAction", "GameEnv", "GameObservation"]
'''
PROBE_PATH = "validation/runtime.json"
PROBE = {
    "plan_schema_version": "1",
    "reset": {"episode_id": "validation", "seed": 0},
    "actions": [{"text": "I do not know."}, {"text": "No."}],
}
"""The episode that ``openenv validate`` plays: an answer to any task, and a verdict on it if the game asks for one."""
SERVER_INIT = '"""The server of the environment."""\n'
DOCKERFILE = """\
FROM python:3.11-slim
WORKDIR /app/env
COPY . /app/env
RUN pip install --no-cache-dir .
ENV PYTHONPATH=/app/env
EXPOSE 8000
CMD ["uvicorn", "server.app:app", "--host", "0.0.0.0", "--port", "8000"]
"""


def files(package: Package) -> Mapping[str, bytes]:
    """A folder that is the environment's package: manifest, models, client, server and the game."""
    module = package.module
    manifest = MANIFEST.format(
        module=module,
        version=__version__,
        range=reward_range(package),
        counts=", ".join(f"{split}: {len(tasks)}" for split, tasks in package.tasks.items()),
        probe=PROBE_PATH,
        tag=package.game.name,
    )
    usage = "pip install .\nopenenv validate --skip-build .\npython -m server.app --port 8000\n"
    inside = {**package.settings_files(), **package.task_files()}
    return {
        "openenv.yaml": manifest.encode(),
        "pyproject.toml": package.project("-openenv", "openenv>=0.10,<0.11", BUILD.format(module=module)),
        PROBE_PATH: json.dumps(PROBE, indent=2).encode(),
        "README.md": readme(package, "an OpenEnv environment", usage),
        "__init__.py": INIT.format(name=package.game.name).encode(),
        "models.py": exported("openenv_models.py"),
        "client.py": _exported("openenv_client.py", module),
        "server/__init__.py": SERVER_INIT.encode(),
        "server/app.py": _exported("openenv_app.py", module),
        "server/game_environment.py": _exported("openenv_environment.py", module),
        "server/Dockerfile": DOCKERFILE.encode(),
        **{f"game/{name}": content for name, content in inside.items()},
    }


def reward_range(package: Package) -> list[float]:
    """The lowest and the highest reward of the game's scripts and of silence, audited or not, and of 0 and 1."""
    scripts = package.game.demonstrations()
    tasks = [task for script in scripts for task in script.tasks]
    completions = [completion for script in scripts for completion in script.completions]
    rewards = [0.0, 1.0]
    for answers in (completions, [Completion("")] * len(tasks)):
        for audit in (0.0, 1.0 - 2**-53):
            payments = pay(package.game, package.channel, tasks, answers, [audit] * len(tasks))
            rewards += [float(payment.reward) for payment in payments if payment.reward is not None]
    return [min(rewards), max(rewards)]


def _exported(name: str, module: str) -> bytes:
    """An exported file that imports its neighbours by their names in the exported package."""
    here = b"loopholes.integrations.exported.openenv_"
    places = {b"models": f"{module}.models".encode(), b"environment": f"{module}.server.game_environment".encode()}
    content = exported(name)
    for neighbour, place in places.items():
        content = content.replace(here + neighbour, place)
    return content
