"""Audits the drawn verifiers one after another, with the command's defaults.

    PUBLISHED_SOURCES=DIR PYTHONPATH=src:benchmarks/survey/drawn/glue:benchmarks/published \\
        python benchmarks/survey/drawn/audits.py ROWS_FOLDER OUT.jsonl --python PYTHON TARGET ...

adds a line to OUT.jsonl for each target that has none yet. ``direct_calls.py`` writes the rows, and ``sum_up.py`` makes
the section. The sources lie in ``PUBLISHED_SOURCES``, one checkout per repository, called OWNER+NAME.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from direct_calls import file_of
from targets import TARGETS

Record = dict[str, Any]
LIMIT = 1200.0
"""Seconds after which an audit that does not end is ended."""


def command(name: str, rows: Path, findings: Path, python: str, seconds: float) -> list[str]:
    """How ``loopholes audit`` is called for a target."""
    target = TARGETS[name]
    reward = file_of(target)
    if target.framework == "plain":
        file, _, function = reward.partition(".py:")
        reward = f"{Path(file).with_name('loaded.py')}:loaded('{Path(file).name}', '{function}')"
    called = [sys.executable, "-m", "loopholes", "audit", reward, "--python", python, "--json"]
    called += ["--out", str(findings / name.replace(" ", "-")), "--budget-seconds", str(seconds)]
    if target.framework:
        called += ["--framework", target.framework]
    if target.rows is not None:
        called += ["--data", str(rows / f"{name.replace(' ', '-')}.jsonl")]
    return called


def audit(name: str, options: argparse.Namespace) -> Record:
    """One audit: its exit code, its findings, how much was tried, and the time it took."""
    began, spent = time.perf_counter(), _cpu()
    called = command(name, options.rows, options.out.with_suffix(""), options.python, options.seconds)
    process = subprocess.run(called, capture_output=True, text=True, timeout=LIMIT)
    record: Record = {"target": name, "exit": process.returncode, "budget": options.seconds}
    record.update(wall=round(time.perf_counter() - began, 1), cpu=round(_cpu() - spent, 1), load=os.getloadavg()[0])
    lines = process.stdout.strip().splitlines()
    if process.returncode not in (0, 1, 7) or not lines:
        return {**record, "problem": " ".join(process.stderr.split())[-400:]}
    report = json.loads(lines[-1])
    record["coverage"] = report["coverage"]
    return {**record, "findings": [_finding(finding) for finding in report["findings"]], "notes": report.get("notes")}


def _cpu() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def _finding(finding: Mapping[str, Any]) -> Record:
    evidence = finding.get("evidence") or {}
    kept = {key: finding[key] for key in ("verdict", "family", "name")}
    return {**kept, "message": finding["message"][:400], "completion": str(evidence.get("completion", ""))[:300]}


def main() -> None:
    """Run the audits that are missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("targets", nargs="*")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    audited = set()
    if options.out.exists():
        audited = {json.loads(line)["target"] for line in options.out.read_text(encoding="utf-8").splitlines()}
    for name in options.targets:
        if name not in audited:
            with options.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(audit(name, options), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
