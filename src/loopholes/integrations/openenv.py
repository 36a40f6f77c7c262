"""OpenEnv 0.10: a server, its client and ``openenv.yaml``, laid out as ``openenv init`` does; the channel pays.

Two-pass self-grading takes two steps: the first observation after an answer holds the game's question.
"""

from __future__ import annotations

from collections.abc import Mapping

from loopholes.integrations.packing import Package, exported, readme
from loopholes.version import __version__

PACKAGE, VERSION = "openenv", "0.10"
TWO_PASS = True
PYPROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "{dashed}-openenv"
version = "{version}"
description = "{description}"
requires-python = ">=3.11"
dependencies = [{dependencies}]

[project.scripts]
server = "{module}.server.app:main"

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
  types:
    tags: [reward-hacking, {tag}]
"""
INIT = '''\
"""The game {name} of Loopholes for OpenEnv."""

from .client import GameEnv
from .models import GameAction, GameObservation

__all__ = ["GameAction", "GameEnv", "GameObservation"]
'''
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
    module = f"loopholes_{package.slug}"
    project = PYPROJECT.format(
        dashed=module.replace("_", "-"),
        module=module,
        version=__version__,
        description=package.description,
        dependencies=package.dependencies("openenv>=0.10,<0.11"),
    )
    counts = ", ".join(f"{split}: {len(tasks)}" for split, tasks in package.tasks.items())
    manifest = MANIFEST.format(module=module, version=__version__, counts=counts, tag=package.game.name)
    usage = "pip install .\nopenenv validate --skip-build .\npython -m server.app --port 8000\n"
    inside = {**package.settings_files(), **package.task_files()}
    return {
        "openenv.yaml": manifest.encode(),
        "pyproject.toml": project.encode(),
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


def _exported(name: str, module: str) -> bytes:
    """An exported file that imports its neighbours by their names in the exported package."""
    here = b"loopholes.integrations.exported.openenv_"
    places = {b"models": f"{module}.models".encode(), b"environment": f"{module}.server.game_environment".encode()}
    content = exported(name)
    for neighbour, place in places.items():
        content = content.replace(here + neighbour, place)
    return content
