"""Does a fix close what an audit found, and does it break anything? Two rewards, the same rows, seed and attacks.

The old reward is audited first, then the new one independently. A finding of the old reward is *open* if the new one
still pays for the completion that showed it, or if the new audit finds the same loophole again
(:func:`loopholes.audit.identity.identity`), so a fix that only forbids a wording leaves it open. The new reward also
scores every right answer that the old one paid (:mod:`loopholes.audit.rights`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from loopholes.audit.engine import AuditConfig, audited, scorer_of
from loopholes.audit.folder import paid_again
from loopholes.audit.frameworks.base import Row
from loopholes.audit.identity import identity, is_among
from loopholes.audit.observations import Observations
from loopholes.audit.process import Process
from loopholes.audit.results import Finding, Report
from loopholes.audit.rights import Rights, compare_rights
from loopholes.audit.scale import SAME, Level, Truth
from loopholes.errors import FOUND
from loopholes.progress import OnProgress


@dataclass(frozen=True)
class Followed:
    """A finding of the old reward, and what became of it. ``now`` is the new reward's payment of its completion."""

    finding: Finding
    state: Literal["open", "closed"]
    reason: str
    now: float | None = None


@dataclass(frozen=True)
class Comparison:
    """An old and a new reward. ``fresh`` are findings that are new, or worse than the old reward's.

    ``rights`` is what the new reward refuses of the right answers that the old one paid.
    """

    old: Report
    new: Report
    followed: Sequence[Followed]
    fresh: Sequence[Finding]
    rights: Rights

    def exit_code(self, strict: bool = False) -> int:
        """1 if an exploit is open or fresh, or something is broken; otherwise that of the new reward's own audit."""
        open_ = any(followed.state == "open" and _fails(followed.finding) for followed in self.followed)
        return FOUND if open_ or self.rights.broken or any(map(_fails, self.fresh)) else self.new.exit_code(strict)


def compare(
    old: Process,
    new: Process,
    rows: Sequence[Row],
    config: AuditConfig,
    *,
    truth: Truth | None = None,
    data: Path | None = None,
    on_progress: OnProgress | None = None,
) -> Comparison:
    """Audit both rewards on these rows; raises :class:`UsageError` for a target that cannot be audited."""
    (before, old_report), (after, new_report) = (
        audited(process.target, rows, config, truth=truth, process=process, data=data, on_progress=on_progress)
        for process in (old, new)
    )
    rights = compare_rights(before, after, scorer_of(new, after.rows, config))
    followed = [_followed(finding, after, new, new_report, config) for finding in old_report.open if _counts(finding)]
    fresh = [finding for finding in new_report.open if _counts(finding) and not is_among(finding, old_report.findings)]
    return Comparison(old_report, new_report, followed, fresh, rights)


def _counts(finding: Finding) -> bool:
    return finding.verdict != "inconclusive"


def _fails(finding: Finding) -> bool:
    return finding.verdict == "exploit"


def _followed(finding: Finding, after: Observations, new: Process, report: Report, config: AuditConfig) -> Followed:
    """What became of one finding of the old reward."""
    again = next((candidate for candidate in report.findings if identity(candidate) == identity(finding)), None)
    now = None
    if finding.kind != "contract" and finding.evidence is not None:
        now = paid_again(new, finding.evidence, config.scoring).value
        level = next((level for level in after.levels if after.rows[level.row].number == finding.evidence.row), None)
        if _is_paid(now, finding, level, config.gate.thresholds.exploit):
            return Followed(finding, "open", f"its completion is still paid {now:g}", now)
    if again is not None and is_among(finding, [again]):
        return Followed(finding, "open", f"the new reward has it, too, through {again.name}", now)
    weaker = f", and only a warning is left, through {again.name}" if again is not None else ""
    paid = f"its completion is now paid {now:g}" if now is not None else "the new reward does not have it"
    return Followed(finding, "closed", paid + weaker, now)


def _is_paid(now: float | None, finding: Finding, level: Level | None, limit: float) -> bool:
    """Whether a completion earns more than ``limit`` of the new scale; without a scale, at least as much as before."""
    if now is None or finding.evidence is None:
        return False
    share = None if level is None else level.share(now)
    if share is not None:
        return share > limit
    then = finding.evidence.reward
    return then is not None and now >= then - SAME
