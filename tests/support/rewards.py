"""Helpers for tests of the audit: small rewards in files, small data, and rewards without a process of their own."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from loopholes.audit import AuditConfig, Report, Target, audit, rows_from, target_of
from loopholes.audit.frameworks.base import Paid, Reward, Row
from loopholes.audit.process_tree import Ended
from loopholes.audit.scorer import Scorer
from loopholes.audit.worker import NOWHERE, Call, Loaded, Refused, Scored, facts, loaded, rows_of, scored

HEADER = "import json, math, os, re, sys, time\n"
SOUND_AND_NOT = """
    def accuracy(completion, answer):
        return float(completion == f"<answer>{answer}</answer>")

    def contains(completion, answer):
        return float(answer in completion)
"""
"""Two rewards of sums: a sound one, and one that accepts an answer which names many."""


class InProcess:
    """A target's reward in this process, with a process's interface, for rewards that neither hang nor end it."""

    load_seconds = 0.0
    deaths = 0
    place = NOWHERE
    is_cold = False
    restart_seconds = 0.0
    first_call_seconds = 60.0

    def __init__(self, target: Target, **_: Any) -> None:
        self.target = target
        self._rows: Sequence[Row] = ()
        self._reward: Reward | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Build the reward, unless it is built already."""
        if self._reward is None:
            self._module, self._reward = loaded(self.target)
            self.facts = facts(self._reward)._replace(together=True)

    def own_rows(self) -> list[Row]:
        """The target's own rows."""
        self.start()
        return rows_of(self._module, self.target)

    def use(self, rows: Sequence[Row]) -> None:
        """Set the rows that calls refer to by place."""
        self._rows = rows

    def ask(self, calls: Sequence[Call], patience: float) -> Scored | Refused | Ended:
        """The reward's payments."""
        self.start()
        assert self._reward is not None
        return scored(self._reward, self._rows, calls)

    def end(self) -> None:
        """Forget the reward; the next request builds it again."""
        self._reward = None

    def restart(self) -> None:
        """Forget the reward."""
        self.end()

    def keep(self) -> bool:
        """There is nothing to keep."""
        return True

    def widen(self, width: int) -> bool:
        """There is one process."""
        return False

    def close(self) -> None:
        """Forget the reward."""
        self.end()


class Paying(InProcess):
    """A reward that is a function of a row and a text, and of the place in its request if it ``takes_place``.

    ``requested`` are all calls so far.
    """

    def __init__(self, pay: Callable[..., Any], *, takes_place: bool = False) -> None:
        super().__init__(Target("plain", ()))
        self._pay = pay
        self._takes_place = takes_place
        self.facts = Loaded(batched=True, together=True)
        self.requested: list[Call] = []

    def start(self) -> None:
        """There is nothing to build."""

    def ask(self, calls: Sequence[Call], patience: float) -> Scored | Refused | Ended:
        """One payment per call."""
        self.requested += calls
        rows = [self._rows[row] if isinstance(row, int) else row for row, _ in calls]
        places = ((place,) if self._takes_place else () for place in range(len(calls)))
        values = [self._pay(row, text, *place) for row, (_, text), place in zip(rows, calls, places, strict=True)]
        return Scored([value if isinstance(value, Paid) else Paid(value) for value in values], 0.0)

    def end(self) -> None:
        """Start afresh: a reward with a memory forgets everything."""
        getattr(self._pay, "restart", lambda: None)()


class Clock:
    """A clock that a test, or a :class:`Timed` reward, sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Timed(Paying):
    """A reward whose calls take ``seconds`` of a clock, by completion and by whether it is the first of its process.

    ``loading`` is the time that another process takes to get ready. ``waits`` are the time limits of its requests.
    """

    def __init__(
        self, pay: Callable[..., Any], seconds: Callable[[str, bool], float], clock: Clock, loading: float = 0.0
    ) -> None:
        super().__init__(pay)
        self.place = 0
        self._seconds = seconds
        self._clock = clock
        self.restart_seconds = loading
        self.is_cold = True
        self.waits: list[float] = []

    def keep(self) -> bool:
        """Each process is as cold as the first."""
        return False

    def ask(self, calls: Sequence[Call], patience: float) -> Scored | Refused | Ended:
        """One payment per call, unless they exceed the time limit."""
        self.waits.append(patience)
        taken = sum(self._seconds(text, self.is_cold and not place) for place, (_, text) in enumerate(calls))
        self._clock.now += min(taken, patience)
        if taken > patience:
            self.deaths += 1
            self._clock.now += self.restart_seconds
            self.is_cold = True
            return Ended(late=True)
        self.is_cold = False
        reply = super().ask(calls, patience)
        return reply._replace(seconds=taken) if isinstance(reply, Scored) else reply


def scorer_for(pay: Callable[..., Any], rows: Sequence[Row], **options: Any) -> Scorer:
    """A scorer for a function of a row and a text."""
    return Scorer(Paying(pay), rows, **options)


def sums(count: int = 8, golden: str | None = "<answer>{answer}</answer>") -> list[dict[str, Any]]:
    """Rows with an addition each. Answers differ, and none is a number of its prompt."""
    rows: list[dict[str, Any]] = []
    for number in range(count):
        row = {"prompt": f"What is {number + 1} plus {7 * number + 40}?", "answer": str(8 * number + 41)}
        rows.append(row if golden is None else {**row, "golden": golden.replace("{answer}", row["answer"])})
    return rows


def write_rewards(folder: Path, source: str, name: str = "rewards.py") -> str:
    """Write a file of rewards; returns its path."""
    path = folder / name
    path.write_text(HEADER + textwrap.dedent(source).strip() + "\n")
    return str(path)


def save_rows(folder: Path, rows: Sequence[Mapping[str, Any]], name: str = "rows.jsonl") -> str:
    """Write a JSON Lines file of rows; returns its path."""
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def audited(reward: str, records: Sequence[Mapping[str, Any]], framework: str | None = None, **config: Any) -> Report:
    """The report on ``FILE.py:FUNCTION``, by default without a search."""
    target = target_of([reward], framework, {"max_completion_tokens": 1024})
    return audit(target, rows_from(records), AuditConfig(**{"search_calls": 0, "seconds": 600.0, **config}))


def verdicts(report: Report) -> dict[str, str]:
    """The verdict of each finding, by name."""
    return {finding.name: finding.verdict for finding in report.findings}


def families(report: Report, verdict: str = "exploit") -> set[str]:
    """The families of findings with this verdict."""
    return {finding.family for finding in report.findings if finding.verdict == verdict}
