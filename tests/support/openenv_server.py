"""A user's OpenEnv environment, and a local server for it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from loopholes.modules import module_of
from support.frameworks import needs

OPENENV = needs("openenv")
"""Marks for test files that need OpenEnv."""
SOURCE = '''
from __future__ import annotations
import asyncio
from openenv.core.env_server.interfaces import Environment
from openenv.core.env_server.types import Action, Observation, State
from openenv.core.rubrics import Gate, Rubric, Sequential, TrajectoryRubric, WeightedSum


class Answer(Action):
    text: str

class Question(Observation):
    prompt: str = ""

class Exact(Rubric):
    def forward(self, action, observation):
        return float(action.text.strip() == observation.metadata["answer"])

class Brief(Rubric):
    async def forward(self, action, observation):
        return float(len(action.text) <= 8)

class Steps(TrajectoryRubric):
    def score_trajectory(self, trajectory):
        return float(len(trajectory))

    def compute_step_rewards(self):
        return [1.0] * len(self._trajectory)

class Returns(Rubric):
    def forward(self, action, observation):
        return {"nan": float("nan"), "none": None, "raises": None}[action.text] if action.text != "raises" else 1 / 0

class NeedsPrompt(Rubric):
    def forward(self, action, observation):
        return float(action.text in observation.prompt)

weighed = WeightedSum([Exact(), Brief()], [0.75, 0.25])
nested = WeightedSum([Steps(), Steps()], [0.5, 0.5])

def made():
    return Sequential(Gate(Exact()), Steps())

class Adding(Environment[Answer, Question, State]):
    """Pays for the sum of its seed with itself, and remembers its resets."""

    RESETS: list = []

    def __init__(self):
        super().__init__(rubric=weighed)
        self._seed = None

    def reset(self, seed=None, episode_id=None, twice=True):
        self.RESETS.append(seed)
        self._seed, self._twice = seed, twice
        return Question(prompt=f"{seed}+{seed}?")

    def step(self, action, timeout_s=None):
        raise RuntimeError("async only")

    async def step_async(self, action, timeout_s=None):
        if action.text == "crash":
            raise RuntimeError("the disk is full")
        if action.text == "linger":
            await asyncio.sleep(3)
        seed = self._seed
        if action.text != "on":
            self._seed = None
        seen = Question(prompt="", done=action.text != "on", metadata={"answer": str(seed * (1 + self._twice))})
        seen.reward = float("nan") if action.text == "nan" else await self._apply_rubric_async(action, seen)
        seen.metadata = {}
        return seen

    @property
    def state(self):
        return State(step_count=0)

class Corridor(Environment[Answer, Question, State]):
    """Three doors; each that is opened pays, and one who repeats what was shown is paid more."""

    EPISODES = 0

    def reset(self, seed=None, episode_id=None):
        Corridor.EPISODES += 1
        self._door, self._shown = 0, "door 0"
        return Question(prompt=self._shown)

    def step(self, action, timeout_s=None):
        reward = {"open": 0.25, self._shown: 1.0}.get(action.text)
        self._door += 1
        self._shown = f"door {self._door}"
        return Question(prompt=self._shown, done=self._door == 3, reward=reward)

    @property
    def state(self):
        return State(step_count=self._door)

class Counting(Corridor):
    def step(self, action, timeout_s=None):
        seen = super().step(action)
        seen.reward = 0.01 * Corridor.EPISODES
        return seen

class NeedsDocker(Environment[Answer, Question, State]):
    def __init__(self):
        raise RuntimeError("Docker is not running")
    reset = step = state = None
'''


def write_environment(folder: Path, source: str = SOURCE) -> str:
    """Write the user's file; returns its path."""
    path = folder / "adding.py"
    path.write_text(source, encoding="utf-8")
    return str(path)


@contextmanager
def served(file: str, name: str = "Adding") -> Iterator[tuple[str, Any]]:
    """The address of a server of one session at a time, and the module that it runs.

    The port listens before the server starts, so that no test has to wait.
    """
    import uvicorn
    from openenv.core.env_server.http_server import create_app

    module: Any = module_of(file)
    app = create_app(getattr(module, name), module.Answer, module.Question)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="websockets-sansio"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}", module
        finally:
            server.should_exit = True
            thread.join()
