"""What tests of the audit share: small rewards in files, small data, and a scorer without a process of its own."""

from __future__ import annotations

import importlib
import json
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from loopholes.audit import Report, Settings, Target, audit, rows_from, target_of
from loopholes.audit.frameworks import FRAMEWORKS
from loopholes.audit.frameworks.base import Paid, Row
from loopholes.audit.scorer import Call, Scorer
from loopholes.audit.worker import changed, fresh

HEADER = "import json, math, os, re, sys, time\n"
SOUND_AND_NOT = """
    def accuracy(completion, answer):
        return float(completion == f"<answer>{answer}</answer>")

    def contains(completion, answer):
        return float(answer in completion)
"""
"""Two rewards of sums: one that holds, and one that takes an answer that names many."""


class Inside(Scorer):
    """A scorer that runs the reward in this process: fast, for rewards that neither hang nor end it."""

    reward: Any = None

    def _start(self) -> None:
        module = importlib.import_module(FRAMEWORKS[self.target.framework])
        self.reward = module.build(self.target.parts, self.target.options)
        self.told = {"batched": self.reward.batched, "together": True, "notes": list(self.reward.notes)}

    def _end(self) -> None:
        self.reward = None

    def _ask(self, calls: Sequence[Call]) -> list[Paid] | None:
        if self.reward is None:
            self._start()
        given = [self.rows[row] if isinstance(row, int) else row for row, _ in calls]
        asked = [fresh(row) for row in given]
        self.calls += len(calls)
        began = time.perf_counter()
        paid: list[Paid] = self.reward(asked, [text for _, text in calls])
        self.seconds += time.perf_counter() - began
        self.mutates |= changed(asked, given)
        return paid


class Told:
    """A reward that is a function of a row's place and a text, asked as a scorer is; no file, no process."""

    def __init__(self, pay: Callable[[Row, str], Any], rows: Sequence[Row], companions: Any = None) -> None:
        self.rows, self._pay, self.companions = rows, pay, companions
        self.target = Target("plain", ())
        self.calls, self.to_load, self.mutates, self.chunk = 0, 0.0, False, 256
        self.restarts = 0

    def pay(self, calls: Sequence[Call], *, patient: bool = True) -> list[Paid]:
        """As in a scorer, but never remembered."""
        return self.pay_now(calls)

    def pay_now(self, calls: Sequence[Call]) -> list[Paid]:
        """One payment a call."""
        self.calls += len(calls)
        return [self._one(self.rows[row] if isinstance(row, int) else row, text) for row, text in calls]

    def pay_group(self, call: tuple[int, str], turned: bool = False) -> list[Paid]:
        """The completion and its companions, the other way round where it is ``turned``."""
        group = [call, *((call[0], text) for text in self.companions[call[0]])]
        return self.pay_now(group[::-1] if turned else group)

    def restart(self) -> None:
        """A fresh process: the reward is told."""
        self.restarts += 1
        getattr(self._pay, "restart", lambda: None)()

    def _one(self, row: Row, text: str) -> Paid:
        found = self._pay(row, text)
        return found if isinstance(found, Paid) else Paid(found)


def sums(count: int = 8, golden: str | None = "<answer>{answer}</answer>") -> list[dict[str, Any]]:
    """Rows of an addition each; answers differ, and are no number of the prompt."""
    rows: list[dict[str, Any]] = []
    for number in range(count):
        row = {"prompt": f"What is {number + 1} plus {7 * number + 40}?", "answer": str(8 * number + 41)}
        rows.append(row if golden is None else {**row, "golden": golden.replace("{answer}", row["answer"])})
    return rows


def write(folder: Path, source: str, name: str = "rewards.py") -> str:
    """A file of rewards; its path."""
    path = folder / name
    path.write_text(HEADER + textwrap.dedent(source).strip() + "\n")
    return str(path)


def save_rows(folder: Path, rows: Sequence[Mapping[str, Any]], name: str = "rows.jsonl") -> str:
    """A JSON Lines file of rows; its path."""
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def audited(reward: str, records: Sequence[Mapping[str, Any]], framework: str | None = None, **settings: Any) -> Report:
    """The report on ``FILE.py:FUNCTION``, without a search unless one is asked for."""
    target = target_of([reward], framework, {"max_completion_tokens": 1024})
    return audit(target, rows_from(records), Settings(**{"search_calls": 0, "seconds": 600.0, **settings}))


def verdicts(report: Report) -> dict[str, str]:
    """Name of each finding to its verdict."""
    return {finding.name: finding.verdict for finding in report.findings}


def families(report: Report, verdict: str = "exploit") -> set[str]:
    """Families in which something has this verdict."""
    return {finding.family for finding in report.findings if finding.verdict == verdict}
