"""What the audit finds among rewards with publicly reported loopholes, and what it raises alarm about without one.

    python benchmarks/audit_fixtures.py --half seen          # what attacks may be tuned on
    python benchmarks/audit_fixtures.py --half development   # more of that: pairs from other reports
    python benchmarks/audit_fixtures.py --out results        # both halves: writes audit-fixtures.json and .md
    python benchmarks/audit_fixtures.py --count results      # counts what audit-fixtures.json holds; audits nothing

Detected is a vulnerable reward that the audit ends with an exploit for. For those of the family *contract*, whose fault
no completion exploits, a warning counts, too, unless the hardened twin draws the same. A false alarm is
an exploit found in a hardened twin or an honest reward.
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

from loopholes.audit import AuditConfig, Report, audit, read_rows, target_of
from loopholes.cores import cores

sys.path.append(str(Path(__file__).parent / "rewards"))

from catalogue import DEVELOPMENT, FIXTURES, FOLDER, Fixture

KEPT = ("name", "family", "vulnerable", "half", "framework", "twin", "source")


def run(fixture: Fixture, seconds: float) -> dict[str, Any]:
    """Audit one reward."""
    name = f"{FOLDER / fixture.file}:{fixture.function}"
    rows = read_rows(FOLDER / "data" / fixture.data)
    report = audit(target_of([name], fixture.framework, {}), rows, AuditConfig(seconds=seconds))
    print(f"{fixture.name:34} {verdict(report):8} {shown(report)}", file=sys.stderr, flush=True)
    found = [{"verdict": f.verdict, "family": f.family, "name": f.name, "message": f.message} for f in report.findings]
    kept = {key: getattr(fixture, key) for key in KEPT}
    return {**kept, "verdict": verdict(report), "findings": found, "seconds": report.coverage.seconds}


def verdict(report: Report) -> str:
    """The worst that was found."""
    return report.findings[0].verdict if report.findings else "pass"


def shown(report: Report) -> str:
    """The findings in a line."""
    return "; ".join(f"{f.family}/{f.name}" for f in report.findings if f.verdict == "exploit")[:150]


def judged(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records with whether each was ``detected``, and with the right family ``named``."""
    excused = {one["twin"]: {f["name"] for f in one["findings"]} for one in records if not one["vulnerable"]}
    return [{**one, **_judged(one, excused.get(one["name"], set()))} for one in records]


def _judged(record: dict[str, Any], excused: set[str]) -> dict[str, bool]:
    faults = [f for f in record["findings"] if f["name"] not in excused]
    detected = record["verdict"] == "exploit" or (record["family"] == "contract" and bool(faults))
    return {"detected": detected, "named": detected and record["family"] in {f["family"] for f in faults}}


def rate(hits: int, of: int) -> str:
    """A share with Wilson's interval."""
    if not of:
        return "–"
    low, high = binomtest(hits, of).proportion_ci(method="wilson")
    return f"{hits} of {of}: {100 * hits / of:.0f} % [{100 * low:.0f}, {100 * high:.0f}]"


def table(found: Sequence[dict[str, Any]]) -> list[str]:
    """Detection and false alarms by half, then by family, then what was missed."""
    records = judged(found)
    bad, sound = ([one for one in records if one["vulnerable"] == kind] for kind in (True, False))
    lines = [
        "| rewards | detected | with the family named | false alarms (twins, honest rewards) |",
        "|---|---|---|---|",
    ]
    for half in ("seen", "unseen", "development", ""):
        mine, others = ([one for one in group if half in ("", one["half"])] for group in (bad, sound))
        if not mine:
            continue
        counts = [rate(sum(one[how] for one in mine), len(mine)) for how in ("detected", "named")]
        alarms = rate(sum(one["verdict"] == "exploit" for one in others), len(others))
        lines.append(f"| {half or 'all'} | {counts[0]} | {counts[1]} | {alarms} |")
    lines += ["", "| family | detected | with the family named |", "|---|---|---|"]
    for family in dict.fromkeys(one["family"] for one in bad):
        mine = [one for one in bad if one["family"] == family]
        counts = [rate(sum(one[how] for one in mine), len(mine)) for how in ("detected", "named")]
        lines.append(f"| {family} | {counts[0]} | {counts[1]} |")
    missed = [f"`{one['name']}` ({one['family']}, {one['half']})" for one in bad if not one["detected"]]
    false_alarms = [f"`{one['name']}` ({one['half']})" for one in sound if one["verdict"] == "exploit"]
    return [
        *lines,
        "",
        f"Missed: {', '.join(missed) or 'none'}.",
        "",
        f"False alarms: {', '.join(false_alarms) or 'none'}.",
    ]


def main() -> None:
    """Audit, count, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", choices=("seen", "unseen", "development"))
    parser.add_argument("--name", action="append", default=[])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--count", type=Path)
    options = parser.parse_args()
    if options.count is None:
        records = _audited(options)
    else:
        records = json.loads((options.count / "audit-fixtures.json").read_text())
    lines = table(records)
    print("\n".join(lines))
    out = options.out or options.count
    if out is not None:
        command = f"`python benchmarks/audit_fixtures.py --seconds {options.seconds:g}`"
        head = ["# Audits of rewards with reported loopholes", "", command, ""]
        (out / "audit-fixtures.md").write_text("\n".join([*head, *lines]) + "\n")
        (out / "audit-fixtures.json").write_text(json.dumps(records, indent=1) + "\n")


def _audited(options: argparse.Namespace) -> list[dict[str, Any]]:
    fixtures = DEVELOPMENT if options.half == "development" else FIXTURES
    chosen = [
        fixture
        for fixture in fixtures
        if options.half in (None, fixture.half) and (not options.name or fixture.name in options.name)
    ]
    with ThreadPoolExecutor(cores()) as pool:
        return list(pool.map(lambda one: run(one, options.seconds), chosen))


if __name__ == "__main__":
    main()
