"""Does the audit still find what it should? Twenty-four small rewards, audited live, against committed verdicts.

``rewards.py`` holds the rewards, ``cases.json`` the verdict that each should get, ``*.jsonl`` the rows. The rewards are
easy on purpose: they show whether this installation works, not how good the audit is. The *rates* show that: they were
measured on rewards that nobody tuned to, and committed as ``rates.json`` by the benchmark that measured them. The file
holds ``panel`` (the SHA-256 of the attacks), ``command`` (which measures the rates again) and ``rates``, a list of
``what``, ``count`` and ``of``.
"""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from loopholes.audit.engine import AuditConfig, audit
from loopholes.audit.results import Report
from loopholes.audit.rows import read_rows
from loopholes.audit.targets import target_of
from loopholes.cores import cores
from loopholes.numbers import Estimate
from loopholes.stats.quantiles import wilson

FOLDER = Path(__file__).parent
SECONDS = 30.0
"""Time limit of each audit. An audit takes a second or two; a slow machine may take longer."""
SEARCH_CALLS = 400


@dataclass(frozen=True)
class Case:
    """One reward, the file of its rows, and the verdict that the audit should reach.

    ``exploit`` says whether the reward can be gamed. ``family`` is a family of its exploits; None for a sound reward.
    """

    reward: str
    rows: str
    exploit: bool
    family: str | None


@dataclass(frozen=True)
class Outcome:
    """A case, and the families of the exploits that the audit found in it."""

    case: Case
    families: Sequence[str]

    @property
    def agrees(self) -> bool:
        """Whether the verdict is the committed one."""
        if self.case.family is not None and self.case.family not in self.families:
            return False
        return bool(self.families) == self.case.exploit


@dataclass(frozen=True)
class Rate:
    """How many of some rewards got a certain verdict, with a 95 % interval (Wilson)."""

    what: str
    count: int
    of: int

    @property
    def estimate(self) -> Estimate:
        """The rate over rewards."""
        low, high = wilson(self.count, self.of)
        return Estimate(self.count / self.of, low, high, self.of, 1)


@dataclass(frozen=True)
class Rates:
    """Committed rates, the hash of the attack ``panel`` that they were measured with, and the command to repeat it."""

    panel: str
    command: str
    rates: Sequence[Rate]


def cases() -> list[Case]:
    """The twenty-four rewards in the order in which they are audited."""
    return [Case(**record) for record in json.loads((FOLDER / "cases.json").read_text())]


def committed_rates(file: Path = FOLDER / "rates.json") -> Rates | None:
    """The committed rates; None if no benchmark has written any yet."""
    if not file.is_file():
        return None
    record = json.loads(file.read_text())
    return Rates(record["panel"], record["command"], [Rate(**rate) for rate in record["rates"]])


def run(selected: Sequence[Case], workers: int | None = None) -> Iterator[Outcome]:
    """Audit these rewards, one per core at a time, and yield the outcomes in order."""
    size = min(len(selected), workers or cores())
    with ProcessPoolExecutor(size, multiprocessing.get_context("spawn")) as pool:
        for case, families in zip(selected, pool.map(families_of, selected), strict=True):
            yield Outcome(case, families)


def families_of(case: Case) -> list[str]:
    """The families of the exploits that an audit of a case finds."""
    target = target_of([f"{__name__}.rewards:{case.reward}"], "plain", {})
    config = AuditConfig(seconds=SECONDS, search_calls=SEARCH_CALLS)
    report: Report = audit(target, read_rows(FOLDER / f"{case.rows}.jsonl"), config)
    return sorted({finding.family for finding in report.findings if finding.verdict == "exploit"})
