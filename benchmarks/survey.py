"""Audits published rewards, and writes results/survey.md from what was found and what a reader judged of it.

    python benchmarks/survey.py WORK --sources DIR --python survey=PATH --python trl=PATH --python open-instruct=PATH

audits each target of ``benchmarks/survey`` that has no record in WORK yet, with the command's defaults, and then writes
results/survey.json and results/survey.md; ``--count`` only writes them. Targets are rewards that a framework's adapter
names (``named.toml``), rewards with a line of glue (``survey/manifest.toml``, and ``published/manifest.toml`` of an
earlier work), and packages that ``loopholes survey`` audits whole. ``--sources`` holds one checkout per repository,
called OWNER+NAME; ``--python`` is an interpreter for each environment that a source names.

``survey/judgements.jsonl`` has a line per exploit finding, judged by reading the source and by a direct call of the
published function (``survey/direct.py``): true, weak, by design or false.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shares import share

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "benchmarks" / "survey"
PUBLISHED = ROOT / "benchmarks" / "published"
LIMIT = 1200.0  # seconds of one audit, beyond its own budget
VERDICTS = ("true", "weak", "by design", "false")
FOUND, DONE, INCONCLUSIVE = 1, 0, 7
GYM = 105  # data sets of reasoning-gym 0.1.25, without composite, which joins others
UNTRIED = "not tried, for want of time"
Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """One published reward, and how ``loopholes audit`` is called on it.

    ``rows`` is the target of ``survey/rows.py`` or ``published/confirm.py`` that makes its rows, "" if it brings its
    own; ``places`` is the folder of the script that does.
    """

    name: str
    source: str
    version: str
    environment: str
    arguments: tuple[str, ...]
    rows: str = ""
    places: Path = FOLDER
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Package:
    """A package or a folder that ``loopholes survey`` audits whole."""

    source: str
    version: str
    environment: str
    name: str
    options: tuple[str, ...] = field(default=())


def read_toml(path: Path) -> dict[str, Any]:
    """A manifest."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def targets() -> list[Target]:
    """Every target that is audited alone, in the manifests' order."""
    return [*_named(), *_glued(), *_published()]


def _named() -> Iterator[Target]:
    """Targets that an adapter knows by name."""
    manifest = read_toml(FOLDER / "named.toml")
    for entry in manifest["target"]:
        source = manifest["source"][entry["source"]]
        yield Target(
            entry["name"],
            entry["source"],
            source["version"],
            source["environment"],
            tuple(entry["arguments"]),
            entry["name"] if "rows" in entry else "",
        )


def _glued() -> Iterator[Target]:
    """Targets that upstream.py loads."""
    manifest = read_toml(FOLDER / "manifest.toml")
    for entry in manifest["target"]:
        source = manifest["source"][entry["source"]]
        reward = f"{FOLDER / 'upstream.py'}:reward('{entry['name']}')"
        yield Target(
            entry["name"],
            entry["source"],
            source["version"],
            source.get("environment", "survey"),
            (reward, "--framework", "plain"),
            entry["name"],
        )


def _published() -> Iterator[Target]:
    """Targets of benchmarks/published, but for reasoning-gym, which is audited whole."""
    manifest = read_toml(PUBLISHED / "manifest.toml")
    for entry in manifest["target"]:
        if entry["source"] != "reasoning-gym":  # audited whole
            source = manifest["sources"][entry["source"]]
            name = {"nemo": "nemo-gym"}.get(entry["source"], entry["source"])
            in_package = entry["reward"].startswith("trl.")
            reward = entry["reward"] if in_package else str(PUBLISHED / entry["reward"])
            arguments = (reward, "--framework", entry["framework"])
            yield Target(
                entry["name"],
                name,
                source["version"],
                source["environment"],
                arguments,
                entry["name"],
                PUBLISHED,
            )


def packages() -> list[Package]:
    """What is audited whole."""
    entries = read_toml(FOLDER / "named.toml").get("package", [])
    return [
        Package(entry["source"], entry["version"], entry["environment"], entry["name"], tuple(entry.get("options", ())))
        for entry in entries
    ]


def environment(options: argparse.Namespace, places: Path) -> dict[str, str]:
    """What the processes that load a reward see."""
    sources = str(options.sources.resolve()) if options.sources else ""
    paths = [str(ROOT / "src"), str(places), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "SURVEY_SOURCES": sources,
        "PUBLISHED_SOURCES": sources,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
    }


def python_of(name: str, options: argparse.Namespace) -> str:
    """The interpreter of an environment."""
    return str(options.python.get(name, options.python.get("survey", sys.executable)))


def run(
    command: Sequence[str], options: argparse.Namespace, places: Path
) -> tuple[subprocess.CompletedProcess[str], float, float]:
    """A command's result, its wall-clock seconds and the CPU seconds of it and its children."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.run(
        command, env=environment(options, places), capture_output=True, text=True, timeout=LIMIT, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return process, round(time.perf_counter() - began, 1), round(cpu, 1)


def audited(target: Target, options: argparse.Namespace) -> Record:
    """Make a target's rows, audit it, and keep what was found."""
    record: Record = {"name": target.name, "source": target.source, "version": target.version}
    python = python_of(target.environment, options)
    arguments = [part.replace("SOURCES", str(options.sources)) for part in target.arguments]
    rows = options.work / "rows" / f"{target.name}.jsonl" if target.rows else None
    problem = _write_rows(target, python, rows, options) if rows else ""
    if problem:
        return {**record, "exit": 2, "problem": problem}
    if rows and arguments[1:2] == ["--framework"]:
        return {**record, **_audited_here(target, arguments[0], arguments[2], python, rows, options)}
    arguments += ["--data", str(rows)] if rows else []
    out = options.work / "findings" / target.name
    command = [sys.executable, "-m", "loopholes", "audit", *arguments, "--python", python, "--json", "--out", str(out)]
    command += ["--budget-seconds", str(options.seconds), "--rows", str(options.rows)]
    try:
        process, wall, cpu = run(command, options, target.places)
    except subprocess.TimeoutExpired:
        return {**record, "exit": 2, "problem": f"did not end within {LIMIT:.0f} s"}
    record |= {"exit": process.returncode, "wall": wall, "cpu": cpu}
    lines = process.stdout.strip().splitlines()
    if process.returncode not in (FOUND, DONE, INCONCLUSIVE) or not lines:
        return {**record, "problem": _without_folders(_last(process.stderr), options)}
    return {**record, **shortened(json.loads(lines[-1]))}


def _audited_here(
    target: Target, reward: str, framework: str, python: str, rows: Path, options: argparse.Namespace
) -> Record:
    """Audit a target as the command does, without starting another process for the audit itself."""
    from loopholes.audit.engine import AuditConfig
    from loopholes.audit.rows import read_rows
    from loopholes.audit.survey import folder_name, survey
    from loopholes.audit.targets import Runtime, target_of

    os.environ.update(environment(options, target.places))
    out = options.work / "findings" / target.name
    began, before = time.perf_counter(), _cpu()
    read = read_rows(rows, None)
    reward_target = target_of([reward], framework, {}, Runtime(Path(python)))
    config = AuditConfig(seconds=options.seconds, rows=options.rows)
    line = survey([reward_target], config, lambda process: read, out)[0]
    record: Record = {"exit": line.status, "wall": round(time.perf_counter() - began, 1)}
    record["cpu"] = round(_cpu() - before, 1)
    if line.problem:
        return {**record, "problem": _without_folders(line.problem, options)}
    report = out / folder_name(line.target) / "audit.json"
    return {**record, **shortened(json.loads(report.read_text(encoding="utf-8")))}


def _cpu() -> float:
    """CPU seconds of this process and of the children that it has waited for."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _write_rows(target: Target, python: str, rows: Path, options: argparse.Namespace) -> str:
    """Write the rows of a target; returns what went wrong, "" if nothing."""
    if rows.exists():
        return ""
    rows.parent.mkdir(parents=True, exist_ok=True)
    command = [python, str(target.places / "rows.py"), target.rows, str(rows)]
    if target.places == PUBLISHED:
        code = "import json, sys; from cases import ROWS; print('\\n'.join(map(json.dumps, ROWS[sys.argv[1]]())))"
        command = [python, "-c", code, target.rows]
    process, _, _ = run(command, options, target.places)
    if process.returncode:
        return f"no rows: {_last(process.stderr)}"
    if target.places == PUBLISHED:
        rows.write_text(process.stdout, encoding="utf-8")
    return ""


def _last(text: str) -> str:
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return " ".join(lines[-2:])[-400:] if lines else "no message"


def _without_folders(text: str, options: argparse.Namespace) -> str:
    """A message without the folders of this machine, since records are published."""
    for folder in (options.sources, FOLDER, PUBLISHED):
        text = text.replace(f"{folder}/", "")
    return text


def shortened(report: Mapping[str, Any]) -> Record:
    """What is kept of a report."""
    coverage = {key: report["coverage"][key] for key in ("rows", "calls", "seconds", "tried")}
    return {"findings": [_finding(finding) for finding in report["findings"]], "coverage": coverage}


def _finding(finding: Mapping[str, Any]) -> Record:
    evidence = finding.get("evidence") or {}
    kept = {key: finding[key] for key in ("verdict", "family", "name")}
    paid = {key: evidence.get(key) for key in ("row", "reward", "golden", "floor")}
    return {**kept, "message": finding["message"][:240], "completion": evidence.get("completion", "")[:160], **paid}


def surveyed(package: Package, options: argparse.Namespace) -> list[Record]:
    """Audit a package whole, and keep what was found of each target."""
    out = options.work / "packages" / package.source
    name = package.name.replace("SOURCES", str(options.sources))
    command = [sys.executable, "-m", "loopholes", "survey", name, "--out", str(out), *package.options]
    command += ["--python", python_of(package.environment, options), "--budget-seconds", str(options.seconds)]
    return of_folder(package, out, options, _clock(command, options))


def of_folder(package: Package, out: Path, options: argparse.Namespace, cpu: float = 0.0) -> list[Record]:
    """The records of a folder that ``loopholes survey`` wrote; its CPU seconds are shared out by wall-clock time."""
    lines = {line["target"]: line for line in read_lines(out / "survey.jsonl")}.values()
    total = sum(line["seconds"] for line in lines) or 1.0
    return [
        {
            "name": line["target"].replace(str(options.sources), "").lstrip("/"),
            "source": package.source,
            "version": package.version,
            "exit": line["status"],
            "wall": round(line["seconds"], 1),
            **({"cpu": round(cpu * line["seconds"] / total, 1)} if cpu else {}),
            **_of_package(line, out),
        }
        for line in lines
    ]


def earlier() -> Iterator[Record]:
    """What benchmarks/published.py found, as records of this survey."""
    versions = {target.name: (target.source, target.version) for target in _published()}
    gym = next(package for package in packages() if package.source == "reasoning-gym")
    for line in json.loads((ROOT / "results" / "published.json").read_text(encoding="utf-8")):
        name, audit = line["name"], line.get("audit", {})
        if name.startswith("reasoning-gym-"):
            name = f"reasoning_gym:{name.removeprefix('reasoning-gym-').replace('-', '_')}"
        source, version = versions.get(name, (gym.source, gym.version))
        if "findings" in audit:
            findings = [{**dict.fromkeys(("reward", "golden", "floor")), **finding} for finding in audit["findings"]]
            record = {"name": name, "source": source, "version": version, "exit": audit["exit"], "earlier": True}
            yield {**record, "wall": audit["wall"], "findings": findings, "coverage": audit["coverage"]}


def _clock(command: Sequence[str], options: argparse.Namespace) -> float:
    """CPU seconds of a survey; its lines are printed as they come."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment(options, FOLDER), check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _of_package(line: Mapping[str, Any], out: Path) -> Record:
    from loopholes.audit.survey import folder_name

    report = out / folder_name(line["target"]) / "audit.json"
    if line["problem"] or not report.exists():
        return {"problem": line["problem"] or "no report"}
    return shortened(json.loads(report.read_text(encoding="utf-8")))


def read_lines(path: Path) -> list[Record]:
    """The records of a file of JSON lines; none if there is no file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def exploits(record: Mapping[str, Any]) -> list[Record]:
    """The exploit findings of a target."""
    return [finding for finding in record.get("findings", ()) if finding["verdict"] == "exploit"]


def key_of(target: str, finding: Mapping[str, Any]) -> tuple[str, str]:
    """What a judgement is looked up by."""
    return target, f"{finding['family']}/{finding['name']}"


class Judgements:
    """What a reader judged of each exploit finding."""

    def __init__(self, lines: Sequence[Record]) -> None:
        self._lines = {(line["target"], line["finding"]): line for line in lines}

    def verdicts(self, records: Sequence[Record]) -> Counter[str]:
        """How many exploit findings of these targets were judged how."""
        return Counter(self.of(record["name"], finding) for record in records for finding in exploits(record))

    def of(self, target: str, finding: Mapping[str, Any]) -> str:
        """The verdict on a finding, "unread" if there is none."""
        return str(self._lines.get(key_of(target, finding), {}).get("verdict", "unread"))

    def reason(self, target: str, finding: Mapping[str, Any]) -> str:
        """Why it was judged so."""
        return str(self._lines.get(key_of(target, finding), {}).get("reason", ""))


def page(records: Sequence[Record], judgements: Judgements, telling: Sequence[Record]) -> str:
    """results/survey.md."""
    lines = ["# Audits of published rewards", "", *_summary(records, judgements), ""]
    lines += ["## By source", "", *_by_source(records, judgements), ""]
    lines += ["## The most telling findings", "", *_telling(telling), ""]
    lines += ["## Exploits", "", *_exploits(records, judgements), ""]
    lines += ["## Not audited", "", *_failed(records), ""]
    return "\n".join([*lines, "## Limits", "", LIMITS, ""])


ABOUT = """\
`loopholes audit` on {rewards} rewards of {sources} sources, which nobody here wrote. Written by `python
benchmarks/survey.py WORK --count` from the records in WORK (kept in `survey.json`) and
`benchmarks/survey/judgements.jsonl`. Recall: [survey-drawn.md](survey-drawn.md). Texts for the projects:
[survey-upstream.md](survey-upstream.md).

Of these audits, {earlier} are those of `benchmarks/published.py`, on 24 to 30 rows in 60 s; their loopholes were
confirmed by a direct call then ([published.md](published.md)). The others ran with `--rows 12 --seconds 240` (some with
120 or 30), reasoning-gym's with `loopholes survey reasoning_gym` on 24 rows; the completion of each of their exploits
was paid again by `benchmarks/survey/direct.py`, and every one was paid what the audit said. Each exploit was then read
against the source by one reader. The audits were run on two days with the panel as it was then; a false alarm that was
mended since still counts as one."""
LIMITS = """\
- **Rows.** reasoning-gym, the verifiers environments and NeMo-Gym's servers bring rows of their own (NeMo-Gym five
  each, which is too few for most exploits to be certain); all other rewards were given 8 to 30 rows of ours. Shares
  are shares of these rows.
- **Precision** is one reader's judgement, from the source and a direct call. *By design* is a reward that says that it
  pays so; *weak* says why next to the finding.
- **Recall** over whole packages is not known: what a reader who saw the source first would find is measured on
  verifiers that a seed drew, in [survey-drawn.md](survey-drawn.md).
- **Stand-ins.** Trainers, clients and loggers that stand beside a reward were replaced by stubs
  (`benchmarks/survey/manifest.toml` names them); the code that reads and compares a completion is the published one.
- **One idea, many findings.** A comparison by value pays the problem's own expression, and an equation for its right
  side, whether it calls math-verify or sympy itself. The count without the family *restate* says how much of
  what was judged true is something else.
- **Time.** An audit had a tenth of a core, the rest being taken by other work. Seconds are CPU seconds of the audit and
  what it started, without those of the earlier audits. A data set of reasoning-gym takes 2.3 CPU seconds in a survey
  (243.5 for all, with its page).
- **Read and not reported.** SynLogic's game_of_24 pays any expression of the given numbers; the audit has no attack
  that joins the prompt's numbers with operators. Its math_path evaluates the completed equation as Python and pays
  `(True)or(` in front of it ([survey-drawn.md](survey-drawn.md)).
- **Not covered:** judges and remote sandboxes (VLM-R1's `llm`, half of NeMo-Gym's servers, prime-environments), what
  fetches a metric from a hub at import (DeepEyes' agent.py), images and containers, games of several players
  (TextArena), Inspect's evals (their data come from a hub). NeMo-Gym's other servers and GEM's games are not among the
  targets.
- Snapshots are the newest that a public archive had on the day; upstream may have changed since.
- What pays in a function need not pay in training: a trainer may add a length penalty, or filter what it samples."""


def _summary(records: Sequence[Record], judgements: Judgements) -> list[str]:
    done = [record for record in records if "findings" in record]
    with_exploit = [record for record in done if exploits(record)]
    verdicts = judgements.verdicts(done)
    judged = sum(verdicts[verdict] for verdict in VERDICTS)
    paid, real = judged - verdicts["false"], verdicts["true"]
    restated = sum(judgements.of(r["name"], f) == "true" for r in done for f in exploits(r) if f["family"] == "restate")
    inconclusive = sum(record["exit"] == INCONCLUSIVE for record in done)
    counts = ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in (*VERDICTS, "unread") if verdicts[verdict])
    cpu = [record["cpu"] for record in done if "cpu" in record]
    before = sum("earlier" in record for record in done)
    refuted = sum(bool(exploits(r)) and _all(r, judgements, "false") for r in done)
    return [
        ABOUT.format(rewards=len(done), sources=len({record["source"] for record in done}), earlier=before),
        "",
        f"- rewards with an exploit: {share(len(with_exploit), len(done))}",
        f"- without an exploit, but inconclusive: {inconclusive}",
        f"- exploit findings: {sum(verdicts.values())} ({counts})",
        f"- precision, the completion being paid as reported: {share(paid, judged)}",
        f"- the same by reward, since one fault may have several findings: "
        f"{share(len(with_exploit) - refuted, len(with_exploit))}",
        f"- judged *true*, what a maintainer would mend: {share(real, judged)}",
        f"- judged *true*, without the family *restate*: {real - restated}",
        f"- rewards with a finding judged *true*: {share(_with(done, judgements, 'true'), len(done))}",
        f"- CPU seconds per audit: {_median(cpu):.1f} in the median, {sum(cpu):.0f} in all",
        f"- not tried, for want of time: {sum(r.get('problem') == UNTRIED for r in records)} of {len(records)}, with "
        f"reasoning-gym's {GYM} data sets",
        f"- could not be audited: {sum(r.get('problem', UNTRIED) != UNTRIED for r in records)}",
    ]


def _with(records: Sequence[Record], judgements: Judgements, verdict: str) -> int:
    return sum(any(judgements.of(r["name"], finding) == verdict for finding in exploits(r)) for r in records)


def _all(record: Record, judgements: Judgements, verdict: str) -> bool:
    return all(judgements.of(record["name"], finding) == verdict for finding in exploits(record))


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2] if values else 0.0


def _by_source(records: Sequence[Record], judgements: Judgements) -> list[str]:
    lines = [
        "| source | version | audited | not | with exploit | true, weak, by design, false | paid as reported | CPU s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for source in dict.fromkeys(record["source"] for record in records):
        here = [record for record in records if record["source"] == source]
        done = [record for record in here if "findings" in record]
        verdicts = judgements.verdicts(done)
        judged = sum(verdicts[verdict] for verdict in VERDICTS)
        cells = [
            source,
            here[0]["version"].replace("PyPI ", "")[:12],
            str(len(done)),
            str(len(here) - len(done)) if len(here) > len(done) else "",
            str(sum(bool(exploits(record)) for record in done) or ""),
            ", ".join(str(verdicts[verdict]) for verdict in VERDICTS) if judged else "",
            share(judged - verdicts["false"], judged) if judged else "",
            f"{sum(record.get('cpu', 0.0) for record in done):.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _telling(telling: Sequence[Record]) -> list[str]:
    lines = ["| where | completion | paid | the line that pays it |", "|---|---|---|---|"]
    for entry in telling:
        cells = [entry["where"], f"`{entry['completion']}`", entry["paid"], f"{entry['line']}: `{entry['words']}`"]
        lines.append(f"| {' | '.join(cell.replace('|', '¦') for cell in cells)} |")
    return lines


def _exploits(records: Sequence[Record], judgements: Judgements) -> list[str]:
    lines = ["| reward | finding | completion | paid (right, wrong) | verdict | why |", "|---|---|---|---|---|---|"]
    for record in records:
        for finding in exploits(record):
            paid = f"{_number(finding['reward'])} ({_number(finding['golden'])}, {_number(finding['floor'])})"
            cells = [record["name"], f"{finding['family']}/{finding['name']}", _code(finding["completion"]), paid]
            cells += [judgements.of(record["name"], finding), judgements.reason(record["name"], finding)]
            lines.append(f"| {' | '.join(cell.replace('|', '¦') for cell in cells)} |")
    return lines


def _number(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, int | float) else "–"


def _code(text: str) -> str:
    flat = " ".join(text.split())
    return f"`{flat[:70].replace('`', chr(39))}{'…' if len(flat) > 70 else ''}`" if flat else "(empty)"


def _failed(records: Sequence[Record]) -> list[str]:
    lines = ["| reward | source | why |", "|---|---|---|"]
    for record in records:
        if "findings" not in record:
            lines.append(f"| {record['name']} | {record['source']} | {record['problem'].replace('|', '¦')} |")
    return lines


def upstream_page(telling: Sequence[Record]) -> str:
    """results/survey-upstream.md."""
    lines = ["# Texts for the projects", "", "One for each of the most telling findings of [survey.md](survey.md)."]
    for entry in telling:
        lines += ["", f"## {entry['where']}", "", entry["text"].strip()]
    return "\n".join(lines) + "\n"


def _interpreter(text: str) -> tuple[str, str]:
    name, _, path = text.partition("=")
    return name, path


def arguments() -> argparse.Namespace:
    """What the command was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, nargs="?", default=Path("survey-work"), help="rows, findings and records")
    parser.add_argument("--sources", type=Path, metavar="DIR", help="folder of checkouts, called OWNER+NAME")
    parser.add_argument("--python", type=_interpreter, action="append", default=[], metavar="ENVIRONMENT=PATH")
    parser.add_argument("--seconds", type=float, default=60.0, help="budget of an audit; the default is the command's")
    parser.add_argument("--rows", type=int, default=200, help="rows of an audit at most; the default is the command's")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="audit these alone, in this order")
    parser.add_argument("--again", action="store_true", help="audit the targets of --only again")
    parser.add_argument("--package", nargs="+", default=[], metavar="SOURCE", help="audit these packages whole")
    parser.add_argument("--count", action="store_true", help="audit nothing, write the pages")
    parser.add_argument("--out", type=Path, default=ROOT / "results")
    options = parser.parse_args()
    options.python = dict(options.python)
    return options


def audit_all(options: argparse.Namespace) -> None:
    """Audit what has no record yet."""
    path = options.work / "records.jsonl"
    finished = {record["name"] for record in read_lines(path)}
    options.work.mkdir(parents=True, exist_ok=True)
    listed = {target.name: target for target in ([] if options.package and not options.only else targets())}
    for name in options.only or listed:
        if name in finished and not options.again:
            continue
        target = listed[name]
        shutil.rmtree(options.work / "findings" / name, ignore_errors=True)  # it may hold an earlier answer
        record = audited(target, options)
        _append(path, record)
        print(f"{target.name:40} {_shown(record)}", flush=True)
    for package in packages():
        if package.source in options.package:
            for record in surveyed(package, options):
                _append(path, record)


def _append(path: Path, record: Record) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record, ensure_ascii=False) + "\n")


def _shown(record: Record) -> str:
    found = [f"{finding['family']}/{finding['name']}" for finding in exploits(record)]
    return f"exit {record['exit']} cpu {record.get('cpu', 0.0):6} {record.get('problem', '')[:160]} {'; '.join(found)}"


def collected(path: Path) -> list[Record]:
    """The last record of each target; benchmarks/published.py's where there is none, and what has none at all."""
    latest = {record["name"]: record for record in [*earlier(), *read_lines(path)]}
    for target in targets():
        left = {"name": target.name, "source": target.source, "version": target.version, "exit": 2}
        latest.setdefault(target.name, {**left, "problem": UNTRIED})
    return sorted(latest.values(), key=lambda record: (record["source"], record["name"]))


def main() -> None:
    """Audit, count, write."""
    options = arguments()
    results = options.out / "survey.json"
    if not options.count:
        audit_all(options)
    if (options.work / "records.jsonl").exists():
        records = collected(options.work / "records.jsonl")
        results.write_text(json.dumps(records, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    records = json.loads(results.read_text(encoding="utf-8"))
    judgements, telling = Judgements(read_lines(FOLDER / "judgements.jsonl")), _telling_entries()
    (options.out / "survey.md").write_text(page(records, judgements, telling), encoding="utf-8")
    (options.out / "survey-upstream.md").write_text(upstream_page(telling), encoding="utf-8")


def _telling_entries() -> list[Record]:
    path = FOLDER / "telling.toml"
    return list(read_toml(path)["finding"]) if path.exists() else []


if __name__ == "__main__":
    main()
