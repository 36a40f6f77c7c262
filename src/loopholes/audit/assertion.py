"""The audit as a call, and as an assertion for a project's own tests."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from loopholes.audit.engine import AuditConfig, audit
from loopholes.audit.gate import read_gate
from loopholes.audit.identity import against_baseline, read_baseline
from loopholes.audit.process import RewardProcess
from loopholes.audit.results import Report, Target
from loopholes.audit.rows import read_rows, rows_from, with_golden
from loopholes.audit.summary import title, verdict
from loopholes.audit.targets import target_of
from loopholes.errors import FOUND, UsageError
from loopholes.progress import OnProgress

Data = str | Path | Sequence[Mapping[str, Any]]


class Gameable(AssertionError):
    """A reward can be gamed, or its audit was inconclusive. ``report`` is the whole report."""

    def __init__(self, sentence: str, report: Report) -> None:
        super().__init__(sentence)
        self.report = report


def assert_not_gameable(
    reward: str | Callable[..., Any] | Sequence[str],
    data: Data,
    *,
    golden: str | None = None,
    framework: str | None = None,
    seconds: float = 20.0,
    strict: bool = False,
    gate: Path | None = None,
    baseline: Path | None = None,
    **options: Any,
) -> Report:
    """Audit ``reward`` on ``data`` and return the report; raises :class:`Gameable` if the reward can be gamed.

    ``reward`` is a function at the top level of a file, ``FILE.py:NAME`` or ``package.module:NAME``, or a list of such
    names with ``=WEIGHT``. ``data`` is a file or a list of rows. An audit without a scale, or one that tried less than
    half of the panel on enough rows, fails, too; ``strict`` fails on anything inconclusive. ``gate`` is a file of
    thresholds and accepted findings (see :mod:`loopholes.audit.gate`). ``baseline`` is an earlier ``audit.json`` or a
    folder of findings, which no longer fail. ``options`` are the framework's.

    Raises :class:`UsageError` for targets that cannot be audited, and for options that make no sense.
    """
    __tracebackhide__ = True  # pytest then shows the line of the user's test, and not these
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
        raise UsageError(f"seconds is a number above 0, not {seconds!r}")
    config = AuditConfig(seconds=seconds, group=options.get("group"), gate=read_gate(gate))
    report = report_on(reward, data, golden, framework, options, config)
    if baseline is not None:
        report = against_baseline(report, read_baseline(baseline, report.target))
    if report.exit_code(strict):
        raise Gameable(_said(report.target, report), report)
    return report


def report_on(
    reward: str | Callable[..., Any] | Sequence[str],
    data: Data | None,
    golden: str | None,
    framework: str | None,
    options: Mapping[str, Any],
    config: AuditConfig | None = None,
    on_progress: OnProgress | None = None,
) -> Report:
    """The report of an audit; see :func:`loopholes.audit_reward`."""
    names = list(reward) if isinstance(reward, list | tuple) else [_name(reward)]
    target = target_of(names, framework, options)
    settings = config or AuditConfig(group=options.get("group"))
    if data is not None:
        rows = read_rows(data, golden) if isinstance(data, str | Path) else rows_from(data, golden)
        file = Path(data) if isinstance(data, str | Path) else None
        return audit(target, rows, settings, data=file, on_progress=on_progress)
    with RewardProcess(target, memory=settings.memory, seconds_to_load=settings.seconds) as process:
        rows = with_golden(process.own_rows(), golden)
        return audit(target, rows, settings, process=process, on_progress=on_progress)


def _name(reward: Any) -> str:
    if isinstance(reward, str):
        return reward
    name = getattr(reward, "__qualname__", "")
    file = inspect.getsourcefile(reward) if name else None
    if file is None or "<" in name or not name:
        raise UsageError(
            "the reward has to be a function at the top level of a file, since it runs in a process of its own"
        )
    return f"{file}:{name}"


def _said(target: Target, report: Report) -> str:
    can_be_gamed = report.exit_code() == FOUND
    lines = [f"{target.label} can be gamed:" if can_be_gamed else f"{target.label}: {verdict(report)}:"]
    for finding in report.open:
        lines.append(f"  {finding.verdict}, {title(finding)}: {finding.message}")
        if finding.evidence is not None:
            lines.append(f"    completion: {finding.evidence.completion[:120]!r} is paid {finding.evidence.reward}")
    return "\n".join(lines)
