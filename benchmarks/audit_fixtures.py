"""What the audit finds among rewards with publicly reported loopholes, and what it raises alarm about without one.

    python benchmarks/audit_fixtures.py --half seen          # what attacks may be tuned on
    python benchmarks/audit_fixtures.py --out results        # both halves: writes audit-fixtures.json and .md

Detected is a vulnerable reward that the audit ends with an exploit for. For those of the family *contract*, whose fault
no completion exploits, a warning counts, too. A false alarm is an exploit found in a hardened twin or an honest reward.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from scipy.stats import binomtest

from loopholes.audit import Report, Settings, audit, read_rows, target_of
from loopholes.machine import cores

sys.path.append(str(Path(__file__).parent / "rewards"))

from catalogue import FIXTURES, FOLDER, Fixture


def run(fixture: Fixture, seconds: float) -> dict[str, Any]:
    """Audit one reward."""
    name = f"{FOLDER / fixture.file}:{fixture.function}"
    rows = read_rows(FOLDER / "data" / fixture.data)
    report = audit(target_of([name], fixture.framework, {}), rows, Settings(seconds=seconds))
    print(f"{fixture.name:34} {verdict(report):8} {shown(report)}", file=sys.stderr, flush=True)
    found = [{"verdict": f.verdict, "family": f.family, "name": f.name, "message": f.message} for f in report.findings]
    kept = {key: getattr(fixture, key) for key in ("name", "family", "vulnerable", "half", "framework", "source")}
    return {**kept, "verdict": verdict(report), "findings": found, "seconds": report.coverage.seconds}


def verdict(report: Report) -> str:
    """The worst that was found."""
    return report.findings[0].verdict if report.findings else "pass"


def shown(report: Report) -> str:
    """The findings in a line."""
    return "; ".join(f"{f.family}/{f.name}" for f in report.findings if f.verdict == "exploit")[:150]


def detected(record: dict[str, Any]) -> bool:
    """Whether a vulnerable reward was found out."""
    return record["verdict"] == "exploit" or (record["family"] == "contract" and record["verdict"] == "warning")


def named(record: dict[str, Any]) -> bool:
    """Whether the family of its loophole was named, too."""
    return detected(record) and any(f["family"] == record["family"] for f in record["findings"])


def rate(hits: int, of: int) -> str:
    """A share with Wilson's interval."""
    if not of:
        return "–"
    low, high = binomtest(hits, of).proportion_ci(method="wilson")
    return f"{hits} of {of}: {100 * hits / of:.0f} % [{100 * low:.0f}, {100 * high:.0f}]"


def table(records: Sequence[dict[str, Any]]) -> list[str]:
    """Detection and false alarms by half, then by family, then what was missed."""
    bad, sound = ([one for one in records if one["vulnerable"] == kind] for kind in (True, False))
    lines = [
        "| rewards | detected | with the family named | false alarms (twins, honest rewards) |",
        "|---|---|---|---|",
    ]
    for half in ("seen", "unseen", ""):
        mine, others = ([one for one in group if half in ("", one["half"])] for group in (bad, sound))
        if not mine:
            continue
        counts = [rate(sum(map(test, mine)), len(mine)) for test in (detected, named)]
        alarms = rate(sum(one["verdict"] == "exploit" for one in others), len(others))
        lines.append(f"| {half or 'all'} | {counts[0]} | {counts[1]} | {alarms} |")
    lines += ["", "| family | detected | with the family named |", "|---|---|---|"]
    for family in dict.fromkeys(one["family"] for one in bad):
        mine = [one for one in bad if one["family"] == family]
        counts = [rate(sum(map(test, mine)), len(mine)) for test in (detected, named)]
        lines.append(f"| {family} | {counts[0]} | {counts[1]} |")
    missed = [f"`{one['name']}` ({one['family']}, {one['half']})" for one in bad if not detected(one)]
    alarms = [f"`{one['name']}` ({one['half']})" for one in sound if one["verdict"] == "exploit"]
    return [*lines, "", f"Missed: {', '.join(missed) or 'none'}.", "", f"False alarms: {', '.join(alarms) or 'none'}."]


def main() -> None:
    """Audit, count, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", choices=("seen", "unseen"))
    parser.add_argument("--name", action="append", default=[])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    chosen = [
        one for one in FIXTURES if options.half in (None, one.half) and (not options.name or one.name in options.name)
    ]
    with ThreadPoolExecutor(cores()) as pool:
        records = list(pool.map(lambda one: run(one, options.seconds), chosen))
    lines = table(records)
    print("\n".join(lines))
    if options.out is not None:
        head = ["# Audits of rewards with reported loopholes", "", "`python benchmarks/audit_fixtures.py`", ""]
        (options.out / "audit-fixtures.md").write_text("\n".join([*head, *lines]) + "\n")
        (options.out / "audit-fixtures.json").write_text(json.dumps(records, indent=1) + "\n")


if __name__ == "__main__":
    main()
