"""Puts readings, direct calls, audits and judgements together: drawn.jsonl, and the section results/survey-drawn.md.

    python benchmarks/survey/drawn/sum_up.py AUDITS.jsonl   # writes both

A loophole counts as found if an exploit finding of its audit shows it, as warned if a warning does. ``judgements.toml``
says for each exploit finding whether it is true, weak, by design or false, and which finding shows the loophole.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[2]))

from shares import share

Record = dict[str, Any]
FOLDER = Path(__file__).parent
ROOT = Path(__file__).parents[3]
DRAWN = FOLDER.parent / "drawn.jsonl"
SECTION = ROOT / "results" / "survey-drawn.md"
KINDS = ("blind", "gold-aware")
VERDICTS = ("true", "weak", "by design", "false")


def lines(file: Path) -> list[Record]:
    """The records of a file of JSON Lines."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def merged(audits: Path) -> list[Record]:
    """One record per drawn verifier, in the order of the draw."""
    direct = {record["target"]: record for record in lines(FOLDER / "confirmed.jsonl")}
    last: dict[str, Record] = {}
    for audit in lines(audits):  # a later audit stands for an earlier one, of which the record keeps the exit code
        earlier = last.get(audit["target"])
        first = {"first": {key: earlier[key] for key in ("exit", "cpu", "wall")}} if earlier else {}
        last[audit["target"]] = audit | first
    judged = tomllib.loads((FOLDER / "judgements.toml").read_text(encoding="utf-8"))
    records = []
    for reading in lines(FOLDER / "readings.jsonl"):
        name = reading["verifier"]
        record = {**reading, "outcome": "not auditable"}
        if name in last:
            judgement = judged.get(name, {})
            record |= {"direct": _without(direct.get(name, {})), "audit": _without(last[name]), **judgement}
            record["outcome"] = outcome(record)
            if record["outcome"] == "found":
                record["named"] = not {record["shown"], *record["shown"].split("/")}.isdisjoint(record["families"])
        records.append(record)
    return records


def _without(record: Record) -> Record:
    return {key: value for key, value in record.items() if key not in ("target", "notes", "coverage")}


def outcome(record: Record) -> str:
    """found, warned, missed, reported (an exploit where reading saw no loophole) or silent."""
    exploits = [finding for finding in record["audit"].get("findings", ()) if finding["verdict"] == "exploit"]
    if record["loophole"] is None:
        return "reported" if exploits else "silent"
    shown = record.get("shown")
    return "missed" if shown is None else "found" if shown in {_name(finding) for finding in exploits} else "warned"


def _name(finding: Record) -> str:
    return f"{finding['family']}/{finding['name']}"


def _recall(records: Sequence[Record], *outcomes: str) -> str:
    return share(sum(record["outcome"] in outcomes for record in records), len(records))


def _row(record: Record) -> str:
    direct, audit = record.get("direct", {}), record.get("audit", {})
    paid = direct and record["loophole"]
    payment = f"{direct['share']:.2f} on {direct['concerned']} of {direct['rows']}" if paid else ""
    exploits = ", ".join(_name(finding) for finding in audit.get("findings", ()) if finding["verdict"] == "exploit")
    cells = [
        record["verifier"],
        record["loophole"] or "none seen",
        payment,
        str(audit.get("exit", "–")),
        record["outcome"],
    ]
    return "| " + " | ".join([*cells, exploits, f"{audit.get('cpu', 0):.0f}" if audit else "–"]) + " |"


def section(records: Sequence[Record]) -> list[str]:
    """The lines of results/survey-drawn.md."""
    audited = [record for record in records if "audit" in record]
    known = [record for record in audited if record["loophole"]]
    judged = [judgement for record in audited for judgement in record.get("exploits", {}).values()]
    correct = [judgement for judgement in judged if judgement["verdict"] != "false"]
    exploited = [record["exploits"].values() for record in audited if record.get("exploits")]
    right = sum(all(judgement["verdict"] != "false" for judgement in findings) for findings in exploited)
    text = (FOLDER / "section.md").read_text(encoding="utf-8")
    numbers = {
        "AUDITED": str(len(audited)),
        "KNOWN": str(len(known)),
        "FOUND": _recall(known, "found"),
        "NAMED": share(sum(record.get("named", False) for record in known), len(known)),
        "FIRST": share(sum(r["outcome"] == "found" and "first" not in r["audit"] for r in known), len(known)),
        "WARNED": _recall(known, "warned"),
        "MISSED": _recall(known, "missed"),
        "BY_AUDIT": share(right, len(exploited)),
        "PRECISION": share(len(correct), len(judged)),
        "STRICT": share(sum(judgement["verdict"] == "true" for judgement in judged), len(judged)),
        "CPU": f"{sum(record['audit']['cpu'] for record in audited):.0f}",
    }
    for kind in KINDS:
        of_kind = [record for record in known if record["kind"] == kind]
        numbers[f"FOUND_{kind.upper()}"] = _recall(of_kind, "found")
    for place, value in numbers.items():
        text = text.replace(f"{{{place}}}", value)
    sources = sorted({record["verifier"].split()[0] for record in records})
    tables = {"SOURCES": [_source(source, records) for source in sources], "VERIFIERS": [_row(r) for r in records]}
    tables["EXPLOITS"] = [line for record in audited for line in _judged(record)]
    tables["MISSES"] = [
        f"| {record['verifier']} | {record['miss']} | {record['attack']} |" for record in known if "miss" in record
    ]
    for place, rows in tables.items():
        text = text.replace(f"{{{place}}}", "\n".join(rows))
    return text.splitlines()


def _source(source: str, records: Sequence[Record]) -> str:
    drawn = [record for record in records if record["verifier"].split()[0] == source]
    audited = [record for record in drawn if "audit" in record]
    known = [record for record in audited if record["loophole"]]
    judged = [judgement for record in audited for judgement in record.get("exploits", {}).values()]
    right = sum(judgement["verdict"] != "false" for judgement in judged)
    cells = [source, len(drawn), len(audited), len(known), _recall(known, "found"), share(right, len(judged))]
    return "| " + " | ".join(map(str, cells)) + " |"


def _judged(record: Record) -> list[str]:
    return [
        f"| {record['verifier']} | {name} | {judgement['verdict']} | {judgement['reason']} |"
        for name, judgement in record.get("exploits", {}).items()
    ]


def main() -> None:
    """Write both files."""
    records = merged(Path(sys.argv[1]))
    DRAWN.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
    SECTION.write_text("\n".join(section(records)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
