"""What the audit finds in rewards with publicly reported loopholes, and its false alarms on sound rewards.

    python benchmarks/audit_fixtures.py --set blind_2                   # audits the rewards of one set
    python benchmarks/audit_fixtures.py --out results/audit-fixtures    # writes that .md and .json from the records
    python benchmarks/audit_fixtures.py --set blind_2 --rates           # writes the rates that the self-test prints

Five sets: ``seen`` and ``development``, which attacks and rules may be tuned on; ``unseen`` and ``blind``, whose misses
were read since and which are spent; and ``blind_2``, written by somebody who had not read the attacks, and audited for
the first time after they were frozen.

*Detected* is a vulnerable reward that the audit ends with an exploit for (exit status 1). For those of the family
*contract*, whose fault no completion exploits, a warning counts, too, unless the hardened twin draws the same. *Named*
is a detected one with a finding of its family, or of another that its author, before anything ran, called equally
right. A *false alarm* is an exploit found in a hardened twin or an honest reward.

Each audit is a line of the file of records, so that an interrupted run can continue. A line written by another version
of the audit (another hash of its sources) is not used again, unless ``--panel`` names that hash.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from loopholes.audit import AuditConfig, Report, audit, read_rows, target_of
from loopholes.audit.panel_hash import panel_hash
from loopholes.audit.selftest import FOLDER as SELFTEST
from loopholes.audit.verdicts import ORDER
from loopholes.cores import cores
from shares import share

sys.path.append(str(Path(__file__).parent / "rewards"))

from catalogue import ALL, FOLDER, SETS, Fixture

KEPT = ("name", "family", "also", "vulnerable", "half", "framework", "twin", "source", "note")
RECORDS = Path("runs/fixtures.jsonl")
Record = dict[str, Any]


def run(fixture: Fixture, seconds: float) -> Record:
    """Audit one reward."""
    rows = read_rows(FOLDER / "data" / fixture.data)
    target = target_of([f"{FOLDER / fixture.file}:{fixture.function}"], fixture.framework, {})
    report = audit(target, rows, AuditConfig(seconds=seconds))
    print(f"{fixture.name:34} {verdict(report):12} {exploits(report)}", file=sys.stderr, flush=True)
    findings = [{key: getattr(finding, key) for key in ("verdict", "family", "name", "message", "rows")}
                for finding in report.findings]  # fmt: skip
    return {
        **{key: getattr(fixture, key) for key in KEPT},
        "exit": report.exit_code(),
        "verdict": verdict(report),
        "findings": findings,
        "tried": report.coverage.tried,
        "seconds": report.coverage.seconds,
        "budget": seconds,
        "panel": panel_hash(),
    }


def verdict(report: Report) -> str:
    """The worst verdict of a report."""
    verdicts = {finding.verdict for finding in report.findings}
    return next((verdict for verdict in ORDER if verdict in verdicts), "pass")


def exploits(report: Report) -> str:
    """The exploits of a report on one line."""
    return "; ".join(f"{f.family}/{f.name}" for f in report.findings if f.verdict == "exploit")[:150]


def judged(records: Sequence[Record]) -> list[Record]:
    """The records with whether each was ``detected``, and with the right family ``named``."""
    excused = {
        record["twin"]: {finding["name"] for finding in record["findings"]}
        for record in records
        if not record["vulnerable"]
    }
    return [{**record, **_judged(record, excused.get(record["name"], set()))} for record in records]


def _judged(record: Record, excused: set[str]) -> dict[str, bool]:
    faults = [finding for finding in record["findings"] if finding["name"] not in excused]
    detected = record["exit"] == 1 or (record["family"] == "contract" and bool(faults))
    right = {record["family"], *record["also"]}
    return {"detected": detected, "named": detected and any(finding["family"] in right for finding in faults)}


def page(records: Sequence[Record]) -> Iterator[str]:
    """Detection and false alarms by set, then by family, then what was missed."""
    records = judged(records)
    yield (
        "| rewards | detected | with the family named | false alarms (twins, honest rewards) | sound ones with a "
        "warning | inconclusive |"
    )
    yield "|---|---|---|---|---|---|"
    for name in (*SETS, ""):
        members = [record for record in records if name in ("", record["half"])]
        bad, sound = ([record for record in members if record["vulnerable"] is kind] for kind in (True, False))
        if members and (name or len({record["half"] for record in members}) > 1):
            cells = (
                name or "all",
                *(share(sum(record[how] for record in bad), len(bad)) for how in ("detected", "named")),
                share(sum(record["exit"] == 1 for record in sound), len(sound)),
                share(sum(_warned(record) for record in sound), len(sound)),
                share(sum(record["exit"] == 7 for record in members), len(members)),
            )
            yield f"| {' | '.join(cells)} |"
    yield from ("", "| family | detected | with the family named |", "|---|---|---|")
    for family in sorted({record["family"] for record in records if record["vulnerable"]}):
        bad = [record for record in records if record["vulnerable"] and record["family"] == family]
        detected, named = (share(sum(record[how] for record in bad), len(bad)) for how in ("detected", "named"))
        yield f"| {family} | {detected} | {named} |"
    yield from ("", "Missed:", "")
    yield from (_missed(record) for record in records if record["vulnerable"] and not record["detected"])
    alarms = [record for record in records if not record["vulnerable"] and record["exit"] == 1]
    yield from ("", "False alarms:", "")
    yield from (f"- `{record['name']}` ({record['half']}): {_names(record)}" for record in alarms)


def _warned(record: Record) -> bool:
    return any(finding["verdict"] == "warning" for finding in record["findings"])


def _missed(record: Record) -> str:
    note = f"; {record['note']}" if record["note"] else ""
    said = _names(record) or "nothing found"
    return f"- `{record['name']}` ({record['family']}, {record['half']}{note}): exit {record['exit']}, {said}"


def _names(record: Record) -> str:
    return ", ".join(f"{finding['verdict']} {finding['family']}/{finding['name']}" for finding in record["findings"])


def rates(records: Sequence[Record], panel: str, sets: Sequence[str]) -> Record:
    """The rates of ``loopholes.audit.selftest``, with the panel and the command that measured them."""
    bad, sound = ([record for record in judged(records) if record["vulnerable"] is kind] for kind in (True, False))
    counted = (
        (
            "rewards with a reported loophole, written by somebody who had not read the attacks, that ended with an "
            "exploit",
            sum(record["detected"] for record in bad),
            len(bad),
        ),
        ("of these, with a finding of the right family", sum(record["named"] for record in bad), len(bad)),
        (
            "sound rewards (hardened twins and honest ones) that ended with an exploit",
            sum(record["exit"] == 1 for record in sound),
            len(sound),
        ),
    )
    command = f"python benchmarks/audit_fixtures.py {' '.join(f'--set {name}' for name in sets)}"
    listed = [{"what": what, "count": count, "of": of} for what, count, of in counted]
    return {"panel": panel, "command": command, "rates": listed}


def read(file: Path, panel: str) -> list[Record]:
    """The records of this panel in a file; the last of each reward counts."""
    lines = file.read_text().splitlines() if file.is_file() else []
    records = [record for record in map(json.loads, lines) if record["panel"] == panel]
    return list({(record["half"], record["name"]): record for record in records}.values())


def main() -> None:
    """Audit, count, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", choices=SETS, action="append", default=[])
    parser.add_argument("--name", action="append", default=[], help="only these rewards, audited anew")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--workers", type=int, default=cores())
    parser.add_argument("--panel", default=panel_hash(), help="hash of the audit that made the records to count")
    parser.add_argument("--records", type=Path, default=RECORDS)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--rates", action="store_true", help="write the rates of --set for the self-test")
    options = parser.parse_args()
    options.records.parent.mkdir(parents=True, exist_ok=True)
    done = {(record["half"], record["name"]) for record in read(options.records, options.panel)}
    chosen = [
        fixture
        for fixture in ALL
        if (fixture.name in options.name if options.name else (fixture.half, fixture.name) not in done)
        and fixture.half in options.set
    ]
    with ThreadPoolExecutor(options.workers) as pool, options.records.open("a") as file:
        for record in pool.map(lambda fixture: run(fixture, options.seconds), chosen):
            file.write(json.dumps(record) + "\n")
            file.flush()
    records = read(options.records, options.panel)
    lines = list(page(records))
    print("\n".join(lines))
    if options.out is not None:
        shown = [name for name in SETS if any(record["half"] == name for record in records)]
        sets = " ".join(f"--set {name}" for name in shown)
        command = f"`python benchmarks/audit_fixtures.py {sets} --seconds {options.seconds:g} --out {options.out}`"
        head = ["# Audits of rewards with reported loopholes", "", command, "", f"Panel `{options.panel}`.", ""]
        options.out.with_suffix(".md").write_text("\n".join([*head, *lines]) + "\n")
        options.out.with_suffix(".json").write_text(json.dumps(records, indent=1) + "\n")
    if options.rates:
        of_sets = [record for record in records if record["half"] in options.set]
        measured = rates(of_sets, options.panel, options.set)
        (SELFTEST / "rates.json").write_text(json.dumps(measured, indent=1) + "\n")


if __name__ == "__main__":
    main()
