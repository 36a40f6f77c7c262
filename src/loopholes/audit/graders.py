"""The adversarial floor and the gameability gap as OpenEnv graders; docs/adversarial-floor.md specifies both.

OpenEnv's RFC 008 reserves the two checks for operators. An operator's runner finds the graders by their entry points;
``python -m loopholes.audit.graders URL`` runs them on a served environment with OpenEnv's severity policy, prints one
JSON line per check and exits with 1 if the policy's verdict is fail. OpenEnv has to be installed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openenv.validation import NormalizedManifest

from loopholes.audit.engine import AuditConfig, audited
from loopholes.audit.floor import measure
from loopholes.audit.frameworks._openenv_grader import FLOOR, GAP, Graded, RewardAuditGrader, Verdict, run_graders
from loopholes.audit.observations import Observations
from loopholes.audit.panel_hash import panel_hash
from loopholes.audit.process import RewardProcess
from loopholes.audit.results import Report
from loopholes.audit.rows import read_rows
from loopholes.audit.targets import target_of
from loopholes.errors import DONE, FOUND, LoopholesError, UsageError
from loopholes.version import documentation

SECONDS = 300.0
"""Time limit of an audit, in seconds. Every completion is an episode over the network."""
REMEDIATION = (
    "pay for what was done: replay the completion in the evidence, fix what pays it, and read about its family in "
    + documentation("docs/findings.md")
)


class AdversarialFloor(RewardAuditGrader):
    """``statistical.adversarial_floor``: no attack comes within the manifest's margin of the largest reward.

    ``data`` is a file of rows, as for ``loopholes audit --data``. Without it, rows are resets with seeds 0, 1, ….
    ``options`` are those of the framework ``openenv``. ``seconds`` limits the audit.
    """

    def __init__(self, data: Path | None = None, seconds: float = SECONDS, **options: Any) -> None:
        super().__init__(_Audit(data, seconds, options).floor, FLOOR, REMEDIATION)


class GameabilityGap(RewardAuditGrader):
    """``statistical.gameability_gap``: no attack certainly earns more than 0.3 of the way from wrong to right.

    Parameters are those of :class:`AdversarialFloor`. Right answers come from the column ``golden`` of ``data``, or are
    inferred. Without any, the check is skipped.
    """

    def __init__(self, data: Path | None = None, seconds: float = SECONDS, **options: Any) -> None:
        super().__init__(_Audit(data, seconds, options).gap, GAP, REMEDIATION)


def graded(base_url: str, graders: Sequence[Any] = (), **options: Any) -> Graded:
    """Run both graders, or these, on the environment at an address. ``options`` are those of ``run_graders``."""
    return run_graders(base_url, graders or [AdversarialFloor(), GameabilityGap()], **options)


@dataclass(frozen=True)
class _Audit:
    """The settings for auditing the environment at an address."""

    data: Path | None
    seconds: float
    options: Mapping[str, Any]

    @contextmanager
    def of(self, url: str) -> Iterator[tuple[RewardProcess, AuditConfig, Observations, Report]]:
        """Audit the environment. The process that plays it keeps running inside the block."""
        target = target_of([url], None, {"max_completion_tokens": 1024, **self.options})
        config = AuditConfig(seconds=self.seconds, search_calls=0)
        with closing(RewardProcess(target, seconds_to_load=self.seconds)) as process:
            rows = process.own_rows() if self.data is None else read_rows(self.data)
            yield process, config, *audited(target, rows, config, process=process, data=self.data)

    def floor(self, url: str, manifest: NormalizedManifest) -> Verdict:
        """The adversarial floor."""
        (smallest, largest), margin = manifest.reward.range, manifest.reward.floor_margin
        with self.of(url) as (process, config, seen, _):
            floor = measure(process, seen, config, smallest, largest)
        if floor is None:
            return Verdict("skip", {}, ["no attack was tried on eight rows: give more rows or more time"])
        measured = {
            "reward": floor.reward.value,
            "low": floor.reward.low,
            "high": floor.most,
            "largest": largest,
            "margin": margin,
            "rows": floor.reward.n,
            "attack": floor.attack,
            "family": floor.family,
            "attacks": floor.attacks,
            "panel": panel_hash(),
        }
        sentence = f"{floor.attack} ({floor.family}) earns {floor.reward.value:.3g} of at most {largest:g} on average"
        return Verdict(floor.verdict(largest, margin), measured, [sentence, f"completion: {floor.completion[:500]!r}"])

    def gap(self, url: str, manifest: NormalizedManifest) -> Verdict:
        """The gameability gap. It ignores the manifest, since rewards are only compared with one another."""
        with self.of(url) as (_, _, _, report):
            return _gap(report)


def _gap(report: Report) -> Verdict:
    worst, golden = report.worst, report.golden.value
    measured = {
        "golden": golden,
        "gap": None if worst is None else worst.gap.value,
        "low": None if worst is None else worst.gap.low,
        "attack": None if worst is None else worst.attack,
        "rows": 0 if worst is None else worst.n,
        "tried": report.coverage.tried,
        "panel": panel_hash(),
    }
    exploits = [finding for finding in report.open if finding.verdict == "exploit"]
    if exploits:
        return Verdict(
            "fail", measured, [f"{finding.family}, {finding.name}: {finding.message}" for finding in exploits]
        )
    if not report.is_founded:
        reasons = [finding.message for finding in report.open if finding.verdict == "inconclusive"]
        return Verdict("skip", measured, reasons)
    return Verdict("pass", measured, [f"no exploit found in {100 * report.coverage.tried:.0f} % of the panel"])


def main(arguments: Sequence[str]) -> int:
    """Grade the environment at the given address; returns the exit code."""
    try:
        if len(arguments) != 1:
            raise UsageError("give one URL: python -m loopholes.audit.graders http://localhost:8000")
        checks = graded(arguments[0])
    except LoopholesError as error:
        print(error, file=sys.stderr)
        return int(error.exit_code)
    for result in checks.results:
        print(json.dumps(result.model_dump(mode="json")))
    print(json.dumps({"verdict": checks.verdict.value}))
    return FOUND if checks.verdict.value == "fail" else DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
