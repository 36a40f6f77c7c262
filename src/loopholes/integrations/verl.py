"""verl 0.9: a game as parquet files in its layout, and a ``compute_score`` for ``custom_reward_function``.

verl shows its reward function one answer, so two-pass self-grading cannot be played there, but ``--set
self_report=inline`` can.
"""

from __future__ import annotations

import io
import json
import math
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loopholes.errors import MissingExtra, ScoringError, UsageError
from loopholes.files import jsonable
from loopholes.integrations.packing import Package, exported, open_package, readme, refuse_other_version
from loopholes.integrations.scoring import Scoring, truth
from loopholes.records import Split, Task, task_from_json, task_to_json

PACKAGE, VERSION = "verl", "0.9"
TWO_PASS = False
USAGE = """
python -m verl.trainer.main_ppo algorithm.adv_estimator=grpo \\
    data.train_files=train.parquet data.val_files=test.parquet \\
    reward.custom_reward_function.path=compute_score.py ...
"""


def files(package: Package) -> Mapping[str, bytes]:
    """``train.parquet``, ``test.parquet``, ``compute_score.py`` and the game's settings."""
    return {
        "README.md": readme(package, "data and a reward for verl", USAGE),
        "compute_score.py": exported("verl_compute_score.py"),
        **{f"{split}.parquet": _parquet(package, split) for split in package.tasks},
        **{f"game/{name}": content for name, content in package.settings_files().items()},
    }


def row(task: Task, number: int, split: Split, game: str) -> dict[str, Any]:
    """A task in verl's layout; ``reward_model.ground_truth`` is the whole task, as JSON."""
    return {
        "data_source": f"loopholes/{game}",
        "prompt": [dict(turn) for turn in task.prompt],
        "ability": "reward-hacking",
        "reward_model": {"style": "rule", "ground_truth": json.dumps(jsonable(task_to_json(task)))},
        "extra_info": {"split": split, "index": number, "task": task.id},
    }


class ComputeScore:
    """verl's ``compute_score`` for the game in a folder. Called from several threads at once.

    verl does not number samples, so an audit draw depends on the seed, the worker, the task, the answer, and how often
    this worker has scored that answer before: equal answers in a group are audited independently.
    """

    def __init__(self, folder: Path) -> None:
        refuse_other_version(PACKAGE, VERSION)
        package = open_package(folder)
        self._name = package.game.name
        self._scoring = Scoring(package.game, package.channel, package.seed)
        self._seen: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    def __call__(
        self, data_source: str, solution_str: str, ground_truth: str, extra_info: Any = None, **_: Any
    ) -> dict[str, float]:
        """``score``, what the channel pays, with ``task_score`` and ``exploit`` beside it.

        Raises :class:`ScoringError` for an answer that cannot be paid, since verl cannot leave one out.
        """
        task = _task(ground_truth)
        observed, question = self._scoring.observe(task, solution_str)
        if question is not None:
            raise ScoringError(f"{self._name} asks its policy a second question, but verl has no turn for it")
        score = self._scoring.reward(task, observed, self._sample(task, solution_str))
        outcome = truth(self._scoring.measure(task, observed))
        return {"score": score, **{name: math.nan if value is None else value for name, value in outcome.items()}}

    def _sample(self, task: Task, text: str) -> str:
        """A name for this sample, unique within this worker."""
        with self._lock:
            self._seen[task.id, text] += 1
            return json.dumps([_worker(), task.id, text, self._seen[task.id, text]])


def _worker() -> str:
    """The name of the Ray actor that scores, which verl gives its reward workers; empty outside one."""
    ray = sys.modules.get("ray")
    if ray is None or not ray.is_initialized():
        return ""
    return str(ray.get_runtime_context().get_actor_name() or "")


def _task(ground_truth: str) -> Task:
    try:
        return task_from_json(json.loads(ground_truth))
    except (TypeError, ValueError) as error:
        raise UsageError(f"ground_truth is not a task of loopholes ({error}): score the exported parquet") from None


def _parquet(package: Package, split: Split) -> bytes:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError as error:
        raise MissingExtra("pyarrow", "parquet") from error
    rows = [row(task, number, split, package.game.name) for number, task in enumerate(package.tasks[split])]
    written = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), written)
    return written.getvalue()
