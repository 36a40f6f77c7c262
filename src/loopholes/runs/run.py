"""A run directory: written once, resumable, readable without this program.

::

    config.json        the full configuration, seed included
    environment.json   package versions, python, git commit, platform (environment.2.json after a resume elsewhere)
    metrics.jsonl      one JSON object per step
    rollouts/000012.parquet   every rollout of a step or of an evaluation batch: pandas.read_parquet("rollouts/")
    checkpoints/ policy/      the trainer's checkpoints and the final policy
    summary.json       the run's results, if they were written
    status.json        {"state", "step", "error", "started", "ended"}

Whole files are written under a temporary name and renamed, so a kill leaves the old file or the new one. Only
``metrics.jsonl`` grows in place; a last line cut short by a kill is ignored, and dropped on resuming.

Text is stored as it is, NUL included; only a lone surrogate, which has no UTF-8, is replaced by U+FFFD.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

from loopholes.errors import RunError
from loopholes.files import RESUME, Lock, check_folder, disk_errors, jsonable, read_json, replace_file, write_json
from loopholes.records import Completion, Message, Outcome, Payment, Task
from loopholes.runs.machine import describe_environment
from loopholes.runs.rollouts import encode_rollouts, read_rollouts

State = Literal["running", "finished", "failed", "interrupted"]


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a run. ``step`` is the last one logged (None: none yet); times are ISO 8601 in UTC."""

    state: State
    step: int | None = None
    error: str | None = None
    started: str | None = None
    ended: str | None = None


class Run:
    """One run directory. :meth:`create` gives a run to write, :meth:`open` one to read.

    As a context manager it records how it ended: ``finished``, ``interrupted`` on Ctrl-C, ``failed`` with the error's
    text.
    """

    def __init__(self, path: Path, config: dict[str, Any], lock: Lock | None = None) -> None:
        self.path = path
        self.config = config
        self._lock = lock
        self._status: Status | None = None  # what we wrote last: no other process writes while we hold the lock

    @classmethod
    def create(cls, path: str | Path, config: Mapping[str, Any], *, resume: bool = False) -> Run:
        """A new run to write, or with ``resume`` the existing one, to continue.

        A finished run that is resumed comes back closed, with ``status.state == "finished"``: there is nothing to do.
        Raises :class:`RunError` if the directory holds anything else, if its configuration differs (the first
        differing key is named), if it exists and ``resume`` is False, or if another process is writing it.
        """
        path = Path(path)
        with disk_errors(path, RESUME):
            _refuse_foreign(path)
            path.mkdir(parents=True, exist_ok=True)
            run = cls(path, jsonable(config), Lock(path))
            try:
                run._continue(resume) if _is_run(path) else run._begin()
            except BaseException:
                run.close()
                raise
        return run

    @classmethod
    def check(cls, path: Path, known: Mapping[str, Any], *, resume: bool = False) -> None:
        """Raise the :class:`RunError` of :meth:`create` early, before a policy is loaded, if it can be foreseen.

        ``known`` is the part of the configuration that is known already. A run that is being written may be that of
        this training's main process, so it is left to :meth:`create`.
        """
        with disk_errors(path, RESUME):
            _refuse_foreign(path)
            if _is_run(path) and not Lock.is_held(path):
                existing = cls.open(path)
                existing._refuse({key: existing.config.get(key) for key in known}, jsonable(known), resume)

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """A run to read, whatever its state; raises :class:`RunError` if there is none."""
        path = Path(path)
        if not _is_run(path):
            raise RunError(f"there is no run in {path} (it has no config.json and status.json)")
        return cls(path, read_json(path / "config.json"))

    @property
    def checkpoints(self) -> Path:
        """The folder of the trainer's checkpoints, which exists."""
        return self.path / "checkpoints"

    @property
    def policy(self) -> Path:
        """The folder of the final policy, which exists once it was saved."""
        return self.path / "policy"

    @property
    def status(self) -> Status:
        """The current state. A run that says it is running while no process writes it was interrupted."""
        if self._lock is not None and self._status is not None:
            return self._status
        file = self.path / "status.json"
        try:
            status = Status(**read_json(file)) if file.exists() else Status("running")
        except TypeError:
            raise RunError(f"{file} is not a run's status; the run was edited or damaged") from None
        if status.state == "running" and self._lock is None and not Lock.is_held(self.path):
            return replace(status, state="interrupted")
        return status

    @property
    def environment(self) -> dict[str, Any]:
        """The versions, commit and machine that the run was started with."""
        return read_json(self.path / "environment.json")

    @property
    def summary(self) -> dict[str, Any] | None:
        """What :meth:`write_summary` wrote, or None."""
        file = self.path / "summary.json"
        return read_json(file) if file.exists() else None

    def log_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Append one line. ``metrics`` holds an integer ``step``; numbers that are not finite become null."""
        step = int(metrics["step"])
        line = json.dumps(jsonable(metrics), allow_nan=False) + "\n"
        with self._writing(), (self.path / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(line)
        self._set_status(replace(self.status, step=step))

    def metrics(self) -> list[dict[str, Any]]:
        """Every line, in order, without a last one that was cut short."""
        file = self.path / "metrics.jsonl"
        lines = file.read_bytes().split(b"\n") if file.exists() else []
        rows = []
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                rows.append(dict(json.loads(line), step=int(json.loads(line)["step"])))
            except (ValueError, TypeError, KeyError):
                if number < len(lines):  # only the last line can have been cut short
                    raise RunError(f"line {number} of {file} is not one step's metrics: edited or damaged") from None
        return rows

    def write_rollouts(self, step: int, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write one step's rollouts, or one evaluation batch's, in one file; :func:`rollout_rows` makes the rows.

        A row has ``task`` and ``text``, and may have ``prompt``, ``reward`` (None with a ``reason``), ``task_score``,
        ``exploit``, ``details`` (a mapping), ``sample`` (default: its position) and ``truncated``. Raises
        :class:`RunError` if the step was written before.
        """
        file = self._rollout_file(step)
        if file.exists():
            raise RunError(f"{file} is there already; truncate_after({step - 1}) drops it")
        content = encode_rollouts(step, rows)
        with self._writing():
            file.parent.mkdir(exist_ok=True)
            replace_file(file, content)

    def rollout_steps(self) -> list[int]:
        """The steps whose rollouts are on disk, ascending."""
        return sorted(int(file.stem) for file in (self.path / "rollouts").glob("[0-9]*.parquet"))

    def rollouts(self, steps: Collection[int] | None = None) -> list[dict[str, Any]]:
        """Rows of all steps, or of those named, by step and position."""
        wanted = [step for step in self.rollout_steps() if steps is None or step in steps]
        return [row for step in wanted for row in read_rollouts(self._rollout_file(step))]

    def _rollout_file(self, step: int) -> Path:
        return self.path / "rollouts" / f"{step:06d}.parquet"

    def truncate_after(self, step: int) -> None:
        """Drop what was logged after ``step``, so that the run can continue from that step's checkpoint."""
        kept = [line for line in self.metrics() if line["step"] <= step]
        with self._writing():
            for later in self.rollout_steps():
                if later > step:
                    self._rollout_file(later).unlink()
            self._rewrite_metrics(kept)
        self._set_status(replace(self.status, step=kept[-1]["step"] if kept else None))

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Write ``summary.json``, replacing an existing one, since it is computed from the rest."""
        with self._writing():
            write_json(self.path / "summary.json", summary)

    def finish(self, state: State, error: str | None = None) -> None:
        """Record how the run ended and release it; nothing can be written afterwards."""
        self._set_status(replace(self.status, state=state, error=error, ended=_now()))
        self.close()

    def close(self) -> None:
        """Release the directory without recording how the run ended."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if self._lock is None:
            return
        try:
            if kind is None:
                self.finish("finished")
            elif issubclass(kind, KeyboardInterrupt):
                self.finish("interrupted")
            else:
                self.finish("failed", str(error) or kind.__name__)
        except RunError:
            if kind is None:  # the error being raised says more
                raise
        finally:
            self.close()

    def _begin(self) -> None:
        self.checkpoints.mkdir(exist_ok=True)
        write_json(self.path / "environment.json", describe_environment())
        write_json(self.path / "status.json", asdict(Status("running", started=_now())))
        write_json(self.path / "config.json", self.config)  # last: from here on it is a run

    def _continue(self, resume: bool) -> None:
        existing = Run.open(self.path)
        existing._refuse(existing.config, self.config, resume)
        if self.status.state == "finished":
            self.close()
            return
        earlier = [self.path / "environment.json", *sorted(self.path.glob("environment.[0-9]*.json"))]
        if all(read_json(file) != describe_environment() for file in earlier if file.exists()):
            write_json(self.path / f"environment.{len(earlier) + 1}.json", describe_environment())
        self.checkpoints.mkdir(exist_ok=True)
        self._rewrite_metrics(self.metrics())
        self._set_status(replace(self.status, state="running", error=None, ended=None))

    def _refuse(self, recorded: Mapping[str, Any], wanted: Mapping[str, Any], resume: bool) -> None:
        """Raise unless this run can be continued with the configuration that is wanted, as far as that is given."""
        key = _first_difference(recorded, wanted)
        if key is not None:
            raise RunError(f"{self.path} holds a run with another configuration ({key}); choose another --out")
        if not resume:
            state = "finished" if self.status.state == "finished" else "unfinished"
            then = "show it again" if state == "finished" else "go on with it"
            raise RunError(f"{self.path} holds this run, {state}: use --resume to {then}, or choose another --out")

    def _rewrite_metrics(self, lines: Sequence[Mapping[str, Any]]) -> None:
        text = "".join(json.dumps(line) + "\n" for line in lines)
        replace_file(self.path / "metrics.jsonl", text.encode())

    def _set_status(self, status: Status) -> None:
        with self._writing():
            write_json(self.path / "status.json", asdict(status))
        self._status = status

    @contextmanager
    def _writing(self) -> Iterator[None]:
        if self._lock is None:
            raise RunError(f"{self.path} is open for reading only; Run.create(..., resume=True) opens it for writing")
        with disk_errors(self.path, RESUME):
            yield


def rollout_rows(
    tasks: Sequence[Task],
    completions: Sequence[Completion],
    payments: Sequence[Payment],
    outcomes: Sequence[Outcome],
) -> list[dict[str, Any]]:
    """One row per completion for :meth:`Run.write_rollouts`; all four sequences have the same length."""
    return [
        {
            "task": task.id,
            "prompt": prompt_text(task.prompt),
            "text": completion.text,
            "reward": payment.reward,
            "reason": payment.reason,
            "task_score": outcome.task_score,
            "exploit": outcome.exploit,
            "details": outcome.details,
            "truncated": completion.truncated,
        }
        for task, completion, payment, outcome in zip(tasks, completions, payments, outcomes, strict=True)
    ]


def prompt_text(prompt: Sequence[Message]) -> str:
    """A prompt for reading: the content of its only turn, or every turn after its role."""
    if len(prompt) == 1:
        return prompt[0]["content"]
    return "\n\n".join(f"{turn['role']}: {turn['content']}" for turn in prompt)


def config_of(path: Path) -> dict[str, Any]:
    """The configuration of the run in a directory; empty if there is none yet."""
    return read_json(path / "config.json") if _is_run(path) else {}


def _first_difference(recorded: Any, wanted: Any, key: str = "") -> str | None:
    """The first key, dotted, whose values differ, with both values; None if none differ."""
    if isinstance(recorded, Mapping) and isinstance(wanted, Mapping):
        names = [*recorded, *(name for name in wanted if name not in recorded)]
        inner = (_first_difference(recorded.get(name), wanted.get(name), f"{key}.{name}".lstrip(".")) for name in names)
        return next((difference for difference in inner if difference), None)
    return None if recorded == wanted else f"{key}: {json.dumps(recorded)} there, {json.dumps(wanted)} asked for"


def _is_run(path: Path) -> bool:
    # Both: a directory with a model in it has a config.json too.
    return (path / "config.json").is_file() and (path / "status.json").is_file()


def _refuse_foreign(path: Path) -> None:
    """Raise unless a directory can be made here, or is here and holds nothing but a run."""
    check_folder(path)
    if path.exists() and not _is_run(path) and not all(_is_ours(entry.name) for entry in path.iterdir()):
        raise RunError(f"{path} holds files that are not a run's; choose another --out")


def _is_ours(name: str) -> bool:
    """Whether this may be left from a run that was killed before it had begun; ``config.json`` is written last."""
    return name in {".lock", "checkpoints", "environment.json", "status.json"} or name.endswith(".json.tmp")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
