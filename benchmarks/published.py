"""What the audit reports on published reward functions: fifty with a known loophole, and others without one.

    python benchmarks/published.py --sources DIR --python published=PATH --python open-instruct=PATH --python trl=PATH

confirms each loophole by a direct call, audits each target with the command's defaults, and writes
results/published.json and .md. ``benchmarks/published/manifest.toml`` lists the targets; an *environment* of it is an
interpreter that has the reward's package and what ``pip install loopholes`` needs. ``--sources`` holds one checkout per
repository, called OWNER+NAME. A run is resumed from ``--work``, which has one line of JSON per target; ``--only`` takes
names, ``--again`` discards their lines first, ``--count`` audits nothing.

A loophole counts as *exploit* if its target has an exploit finding, as *warned* if it has only a warning of a family
that names the loophole, else as *silent*. It is confirmed if the completion that shows it is paid at least 0.3 of the
scale, from saying nothing to the golden completion, on half of the rows that it concerns.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shares import share

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "benchmarks" / "published"
LIMIT = 1800.0  # seconds of one audit or confirmation, beyond its own budget
Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """One published reward; ``hole`` is empty if no loophole is known."""

    name: str
    repository: str
    version: str
    environment: str
    reward: str
    framework: str
    hole: str = ""
    families: tuple[str, ...] = ()
    attack: str = ""
    rows: str = ""
    evidence: str = ""


def targets() -> list[Target]:
    """The manifest's targets, in its order."""
    manifest = tomllib.loads((FOLDER / "manifest.toml").read_text(encoding="utf-8"))
    return [_target(entry, manifest["sources"][entry["source"]]) for entry in manifest["target"]]


def _target(entry: Mapping[str, Any], source: Mapping[str, str]) -> Target:
    fields = {key: value for key, value in entry.items() if key not in ("source", "families")}
    return Target(**source, **fields, families=tuple(entry.get("families", ())))


def environment(options: argparse.Namespace) -> dict[str, str]:
    """The environment variables of processes that call a reward."""
    paths = [str(ROOT / "src"), str(FOLDER), os.environ.get("PYTHONPATH", "")]
    sources = {"PUBLISHED_SOURCES": str(options.sources.resolve())} if options.sources else {}
    return {**os.environ, **sources, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}


def confirm(target: Target, python: str, options: argparse.Namespace) -> Record:
    """Write the target's rows, and call the reward directly with the completions that show the loophole."""
    rows = options.work / f"{target.name}.jsonl"
    command = [python, str(FOLDER / "confirm.py"), target.name, target.reward, target.framework, str(rows)]
    process = subprocess.run(command, env=environment(options), capture_output=True, text=True, timeout=LIMIT)
    if process.returncode:
        return {"problem": (process.stderr.strip().splitlines() or ["no message"])[-1]}
    record: Record = json.loads(process.stdout.strip().splitlines()[-1])
    return record


def audit(target: Target, python: str, options: argparse.Namespace) -> Record:
    """Audit the target with the command's defaults."""
    name = target.reward if target.reward.partition(":")[0] == "trl.rewards" else str(FOLDER / target.reward)
    command = [python, "-m", "loopholes", "audit", name, "--framework", target.framework]
    command += ["--data", str(options.work / f"{target.name}.jsonl"), "--json"]
    command += ["--out", str(options.work / "findings" / target.name), "--budget-seconds", str(options.seconds)]
    began = time.perf_counter()
    process = subprocess.run(command, env=environment(options), capture_output=True, text=True, timeout=LIMIT)
    record = {"exit": process.returncode, "wall": round(time.perf_counter() - began, 1)}
    lines = process.stdout.strip().splitlines()
    if process.returncode not in (0, 1, 7) or not lines:
        return {**record, "problem": (process.stderr.strip().splitlines() or ["no message"])[-1]}
    report = json.loads(lines[-1])
    coverage = {key: report["coverage"][key] for key in ("rows", "rows_given", "calls", "seconds", "skipped")}
    return {**record, "findings": [_finding(finding) for finding in report["findings"]], "coverage": coverage}


def _finding(finding: Mapping[str, Any]) -> Record:
    completion = (finding.get("evidence") or {}).get("completion", "")
    kept = {key: finding[key] for key in ("verdict", "family", "name", "message")}
    return {**kept, "message": finding["message"][:300], "completion": completion[:200]}


def outcome(target: Target, record: Record) -> str:
    """exploit, warned or silent."""
    if "findings" not in record.get("audit", {}):
        return "not audited"
    findings = record["audit"]["findings"]
    if any(finding["verdict"] == "exploit" for finding in findings):
        return "exploit"
    named = any(finding["verdict"] == "warning" and _names(target, finding) for finding in findings)
    return "warned" if named else "silent"


def _names(target: Target, finding: Mapping[str, str]) -> bool:
    """Whether a finding's family or check names the target's loophole."""
    return not {finding["family"], f"{finding['family']}/{finding['name']}"}.isdisjoint(target.families)


def is_named(target: Target, record: Record) -> bool:
    """Whether an exploit finding is of a family that names the loophole."""
    findings = record.get("audit", {}).get("findings", [])
    return any(finding["verdict"] == "exploit" and _names(target, finding) for finding in findings)


def is_confirmed(record: Record) -> bool:
    """Whether the loophole pays on half of the rows that it concerns."""
    direct = record.get("direct", {})
    return bool(direct.get("concerned")) and 2 * direct["paid_rows"] >= direct["concerned"]


def summary(listed: Sequence[Target], records: Mapping[str, Record]) -> list[str]:
    """The counts."""
    audited = [target for target in listed if "findings" in records.get(target.name, {}).get("audit", {})]
    holes, sound = ([target for target in audited if bool(target.hole) is wanted] for wanted in (True, False))
    outcomes = [outcome(target, records[target.name]) for target in holes]
    named = sum(is_named(target, records[target.name]) for target in holes)
    alarms = [target.name for target in sound if outcome(target, records[target.name]) == "exploit"]
    claimed = outcomes.count("exploit") + len(alarms)
    with_hole = [target for target in listed if target.hole]
    confirmed = sum(is_confirmed(records.get(target.name, {})) for target in with_hole)
    lines = [
        f"- loopholes confirmed by a direct call: {confirmed} of {len(with_hole)}",
        f"- reported as an exploit: {share(outcomes.count('exploit'), len(holes))}"
        f", of these {named} with a family that names the loophole",
        f"- warned of: {share(outcomes.count('warned'), len(holes))}",
        f"- silent: {share(outcomes.count('silent'), len(holes))}",
        f"- targets with an exploit that have a known loophole: {share(outcomes.count('exploit'), claimed)}",
        f"- exploits reported where none is known: {share(len(alarms), len(sound))} {', '.join(alarms)}".rstrip(),
    ]
    failed = [target.name for target in listed if target not in audited]
    return [*lines, *([f"- not audited: {', '.join(failed)}"] if failed else [])]


def page(listed: Sequence[Target], records: Mapping[str, Record], seconds: float) -> str:
    """results/published.md."""
    lines = ["# Published reward functions with known loopholes", ""]
    lines += [f"`python benchmarks/published.py --seconds {seconds:g}`, with each environment's `--python`.", ""]
    lines += [*summary(listed, records), "", "## Loopholes", ""]
    lines += [
        "| target | what is wrong | attack | share paid, directly | verdict | findings |",
        "|---|---|---|---|---|---|",
    ]
    for target in listed:
        if target.hole:
            record = records.get(target.name, {})
            cells = [target.name, target.hole, target.attack, _share(record), outcome(target, record), _shown(record)]
            lines.append(f"| {' | '.join(cell.replace('|', '¦') for cell in cells)} |")
    lines += ["", "## Without a loophole that is known here", "", "| target | verdict | findings |", "|---|---|---|"]
    for target in listed:
        if not target.hole:
            record = records.get(target.name, {})
            lines.append(f"| {target.name} | {outcome(target, record)} | {_shown(record)} |")
    return "\n".join(lines) + "\n"


def _share(record: Record) -> str:
    direct = record.get("direct", {})
    if "problem" in direct or not direct.get("concerned"):
        return str(direct.get("problem", "–"))[:80]
    return f"{direct['share']:.2f} on {direct['concerned']} of {direct['rows']} rows"


def _shown(record: Record) -> str:
    report = record.get("audit", {})
    if "problem" in report:
        return f"exit {report['exit']}: {report['problem'][:80]}"
    worst = [f for f in report.get("findings", ()) if f["verdict"] in ("exploit", "warning", "inconclusive")]
    return "; ".join(f"{f['verdict'][0]} {f['family']}/{f['name']}" for f in worst[:4])


def read(path: Path) -> dict[str, Record]:
    """The records of earlier runs; the last line of each target counts."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {record["name"]: record for record in map(json.loads, lines)}


def run(target: Target, options: argparse.Namespace, record: Record) -> Record:
    """The parts that a target's record still lacks."""
    python = options.python.get(target.environment, options.python.get("", sys.executable))
    rows = options.work / f"{target.name}.jsonl"
    if "direct" not in record or not rows.exists():
        record = {**record, "name": target.name, "direct": confirm(target, python, options)}
    if not options.confirm and "audit" not in record and rows.exists():
        record = {**record, "audit": audit(target, python, options)}
    return record


def _interpreter(text: str) -> tuple[str, str]:
    name, equals, path = text.partition("=")
    return (name, path) if equals else ("", text)


def main() -> None:
    """Confirm, audit, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", type=Path, metavar="DIR", help="folder of checkouts, called OWNER+NAME")
    parser.add_argument("--python", type=_interpreter, action="append", default=[], metavar="[ENVIRONMENT=]PATH")
    parser.add_argument("--work", type=Path, default=Path("published-work"), help="rows, findings and records")
    parser.add_argument("--seconds", type=float, default=60.0, help="budget of an audit; the default is the command's")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME")
    parser.add_argument("--again", action="store_true", help="audit the targets of --only (or all) again")
    parser.add_argument("--confirm", action="store_true", help="confirm the loopholes, audit nothing")
    parser.add_argument("--count", action="store_true", help="write the pages from the records, call nothing")
    parser.add_argument("--out", type=Path, default=ROOT / "results")
    options = parser.parse_args()
    options.python = dict(options.python)
    options.work.mkdir(parents=True, exist_ok=True)
    listed, path = targets(), options.work / "records.jsonl"
    records = read(path)
    for target in [] if options.count else listed:
        if options.only and target.name not in options.only:
            continue
        before = records.get(target.name, {})
        if options.again:
            before = {key: value for key, value in before.items() if key != "audit"}
        record = run(target, options, before)
        if record != records.get(target.name):
            records[target.name] = record
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
        print(f"{target.name:42} {_share(record):28} {outcome(target, record):8} {_shown(record)}", flush=True)
    print("\n".join(summary(listed, records)))
    kept = [records[target.name] for target in listed if target.name in records]
    (options.out / "published.json").write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (options.out / "published.md").write_text(page(listed, records, options.seconds), encoding="utf-8")


if __name__ == "__main__":
    main()
