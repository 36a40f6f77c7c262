"""``loopholes audit``: its exit codes, its output, and one sentence for any mistake."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loopholes.audit import rows_from
from loopholes.audit.frameworks import plain
from loopholes.cli import main
from loopholes.cli.console import WIDTH
from loopholes.errors import BUG, INCONCLUSIVE, DataError, RunError, UsageError
from loopholes.version import documentation
from support.rewards import SOUND_AND_NOT, save_rows, sums, write_rewards

SOURCE = (
    SOUND_AND_NOT
    + """
    def hardened(completion, answer):
        from loopholes.rewards import same_number, tagged
        return float(same_number(tagged(completion), answer))

    def odd(completion, answer):
        return float(completion == f"~{answer[::-1]}~")

    def batch(completions, answer, **kwargs):
        return [accuracy(*pair) for pair in zip(completions, answer)]

    def strict(prompts, completions, answer):
        return [0.0] * len(completions)

    def few(completions, **kwargs):
        return [0.0]

    def verl(data_source, solution_str, ground_truth, extra_info=None):
        return 0.0

    def wants(completion, solution):
        return 0.0

    def nothing():
        return 0.0

    def says(completion):
        return "good"

    def raises(completion):
        raise RuntimeError("not today")

    def forgets(completion, answer):
        answer in completion

    def hangs(completion):
        time.sleep(60)

    def dies(completion):
        os._exit(0)

    def unclear(x, y):
        return 0.0

    value = 4.0
"""
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with rewards and data that are right, and wrong in every way; however long a command
    takes on a busy machine, it prints no progress, and lines are as wide wherever the tests run."""
    monkeypatch.setattr("loopholes.cli.display.SOON", math.inf)
    monkeypatch.setattr("loopholes.cli.console.stdout._width", WIDTH)  # private: Rich would read COLUMNS
    monkeypatch.chdir(tmp_path)
    write_rewards(tmp_path, SOURCE)
    Path("ends.py").write_text("def f(completion): ...\nraise SystemExit(0)\n")
    Path("broken.py").write_text("def f(:\n")
    save_rows(tmp_path, sums())
    save_rows(tmp_path, sums(golden=None), "bare.jsonl")
    save_rows(tmp_path, [{"answer": "4"}], "no-prompt.jsonl")
    save_rows(tmp_path, [], "empty.jsonl")
    Path("cut.jsonl").write_text(Path("rows.jsonl").read_text()[:-30])
    pq.write_table(pa.Table.from_pylist(sums(50)), "good.parquet")
    Path("cut.parquet").write_bytes(Path("good.parquet").read_bytes()[:-100])
    Path("bad.toml").write_text("[thresholds]\nexploit = 0\n")
    Path("broken.json").write_text("{")
    Path("old.json").write_text('{"format": 1}')
    Path("a-file").write_text("precious")
    Path("asleep.py").write_text("import time\ntime.sleep(600)\n\n\ndef f(completion): ...\n")
    return tmp_path


def run(command: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Exit status, standard output and standard error."""
    status = main(["audit", *command.split()])
    out, err = capsys.readouterr()
    return status, out, err


inside = pytest.mark.usefixtures("inside")
ENDS = "--data rows.jsonl --search-calls 0 --rows 4"
STATUSES = [
    (f"rewards.py:accuracy {ENDS}", 0),
    (f"rewards.py:contains {ENDS}", 1),
    (f"rewards.py:contains {ENDS} --component", 0),
    (f"rewards.py:contains {ENDS} --strict", 1),
    ("rewards.py:odd --data bare.jsonl --search-calls 0 --rows 4", INCONCLUSIVE),
    ("rewards.py:odd --data bare.jsonl --search-calls 0 --rows 4 --strict", INCONCLUSIVE),
    ("rewards.py:accuracy --data bare.jsonl --search-calls 0 --rows 4 --strict --golden <answer>{answer}</answer>", 0),
    (f"--reward rewards.py:accuracy=1 --reward rewards.py:contains=0.05 {ENDS}", 0),
    (f"rewards.py:contains {ENDS} --truth rewards.py:contains", 0),
    (f"rewards.py:batch {ENDS} --group 4", 0),
    ("game:self-grading --set self_report=inline --rows 4 --search-calls 0", 1),
    ("game:self-grading --set self_report=inline --channel secure --rows 4 --search-calls 0", 0),
]


@inside
@pytest.mark.parametrize("command, status", STATUSES)
def test_the_exit_code_depends_on_the_findings(
    folder: Path, command: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    exit_code, out, _ = run(f"{command} --json", capsys)
    assert exit_code == status
    assert json.loads(out)["status"] == status


def refused(command: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The exit code and the sentence of a refused command, which prints nothing else."""
    code, out, err = run(command, capsys)
    assert out == "" and len(err.strip().splitlines()) == 1 and "Traceback" not in err, err
    assert not Path("findings").exists()
    return code, err


BAD = [
    ("", "there is nothing to audit"),
    ("rewards.py:accuracy", "has no rows of its own: give --data"),
    ("rewards.py --data rows.jsonl", "rewards.py does not say which reward: rewards.py defines accuracy, "),
    ("nowhere.py:f --data rows.jsonl", "there is no file nowhere.py"),
    ("broken.py:f --data rows.jsonl", "broken.py is not Python"),
    ("rewards.py:nope --data rows.jsonl", "rewards.py has no nope; it has: accuracy, contains"),
    ("rewards.py:nope --framework trl --data rows.jsonl", "rewards.py has no nope; it has: accuracy, contains"),
    ("rewards.py:value --framework plain --data rows.jsonl", "is of type float, and no function"),
    (
        "rewards.py:unclear --data rows.jsonl",
        "the signature of rewards.py:unclear does not say which framework calls it",
    ),
    ("rewards.py:nothing --framework plain --data rows.jsonl", "takes no completion"),
    (
        "rewards.py:wants --data rows.jsonl",
        "has only the columns prompt, answer, golden: rename a column or a parameter",
    ),
    ("rewards.py:verl --data rows.jsonl", "the data has no column data_source"),
    ("rewards.py:strict --data rows.jsonl", "TRL calls with keywords that"),
    ("rewards.py:few --data rows.jsonl", "returned 1 rewards for 8 completions"),
    ("rewards.py:says --data rows.jsonl", "returned the str 'good', not a number"),
    ("rewards.py:raises --data rows.jsonl", "scores none of the first 8 rows: raised RuntimeError: not today"),
    ("rewards.py:accuracy --data nowhere.jsonl", "there is no file nowhere.jsonl"),
    ("rewards.py:accuracy --data /dev/null", "/dev/null is no regular file"),
    ("rewards.py:accuracy --data empty.jsonl", "empty.jsonl has no rows"),
    ("rewards.py:accuracy --data cut.jsonl", "line 8: not JSON"),
    ("rewards.py:accuracy --data cut.parquet", "cut.parquet cannot be read as parquet"),
    (
        "rewards.py:accuracy --data no-prompt.jsonl",
        "no-prompt.jsonl, line 1 has no column prompt or question or problem or instruction or input, only: answer",
    ),
    ("rewards.py:accuracy --data bare.jsonl --golden <a>{anwser}</a>", "--golden names none of its columns"),
    ("rewards.py:accuracy --data rows.jsonl --framework tlr", "there is no framework 'tlr'"),
    ("rewards.py:accuracy --data rows.jsonl --group 4", "--group is for rewards that are passed a whole group"),
    ("rewards.py:accuracy --data rows.jsonl --group 1", "--group"),
    ("rewards.py:accuracy --data rows.jsonl --truth nowhere.py:f", "there is no file nowhere.py"),
    ("rewards.py:accuracy --data rows.jsonl --truth rewards.py", "rewards.py defines accuracy, "),
    ("rewards.py:accuracy --data rows.jsonl --config bad.toml", "thresholds.exploit"),
    ("rewards.py:accuracy --data rows.jsonl --config nowhere.toml", "nowhere.toml cannot be read"),
    ("rewards.py:accuracy --data rows.jsonl --attacks nowhere.jsonl", "there is no file nowhere.jsonl"),
    ("rewards.py:accuracy --data rows.jsonl --attacks bad.toml", "bad.toml, line 1: not JSON"),
    ("rewards.py:accuracy --data rows.jsonl --set x", "--set takes KEY=VALUE"),
    ("rewards.py:accuracy --data rows.jsonl --rows 0", "--rows"),
    ("rewards.py:accuracy --data rows.jsonl --budget-seconds soon", "--budget-seconds"),
    ("rewards.py:accuracy --reward rewards.py:contains --data rows.jsonl", "give one TARGET"),
    ("--reward rewards.py:accuracy=x --data rows.jsonl", "'x' in rewards.py:accuracy=x is not a weight"),
    (
        "--reward rewards.py:accuracy --reward rewards.py:batch --data rows.jsonl",
        "the rewards are written for plain and trl: say which",
    ),
    ("rewards.py:verl=2 --data rows.jsonl", "verl takes one compute_score, without a weight"),
    ("game:nope", "there is no game 'nope'"),
    ("game:proxy-metric --channel nope", "there is no channel 'nope'; choose from: secure, vulnerable"),
    ("game:proxy-metric --truth x.py:f", "right answers and truth: leave --truth out"),
    ("game:proxy-metric --golden {answer}", "leave --golden out"),
    ("game:proxy-metric --set colour=red", "has no parameter 'colour'"),
    ("--framework game proxy-metric", "a game is named as game:NAME, not proxy-metric"),
    ("rewards.py:accuracy --data rows.jsonl --set manger=naive", "there is no plain option 'manger'"),
    ("rewards.py:accuracy --data rows.jsonl --call-seconds -30", "--call-seconds"),
    ("--replay nowhere.json", "there is no file nowhere.json"),
    ("--replay .", ". is a folder, and findings are scored again one by one: there is none in it"),
    ("--replay broken.json", "broken.json is not a file that an audit wrote"),
    ("--replay old.json", "old.json is without a schema, and this version reads schema 6: run the audit again"),
]
OF_FILES = {
    "there is no file nowhere.jsonl",
    "/dev/null is no regular file",
    "empty.jsonl has no rows",
    "there is no file nowhere.py",
    "line 8: not JSON",
    "cut.parquet cannot be read as parquet",
    "no-prompt.jsonl, line 1 has no column prompt or question or problem or instruction or input, only: answer",
    "thresholds.exploit",
    "bad.toml, line 1: not JSON",
    "nowhere.toml cannot be read",
    "there is no file nowhere.json",
    ". is a folder, and findings are scored again one by one: there is none in it",
    "broken.json is not a file that an audit wrote",
    "old.json is without a schema, and this version reads schema 6: run the audit again",
}
"""Sentences about the user's files."""


@inside
@pytest.mark.parametrize("command, sentence", BAD)
def test_bad_input_ends_with_the_code_of_its_error_and_one_sentence(
    folder: Path, command: str, sentence: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if "has no rows of its own" not in sentence:
        monkeypatch.setattr("loopholes.audit.scorer.Scorer", None)
    code, said = refused(command, capsys)
    assert sentence in said and code == (DataError if sentence in OF_FILES else UsageError).exit_code


WORSE = [
    ("ends.py:f --data rows.jsonl", "ends.py ends the interpreter when it is imported"),
    (
        "rewards.py:hangs --data rows.jsonl --call-seconds 0.1 --rows 2 --budget-seconds 6",
        "none of the first 2 rows: took longer than 0.1 s",
    ),
    ("rewards.py:dies --data rows.jsonl --rows 2", "none of the first 2 rows: ended the process that it ran in"),
    (
        "asleep.py:f --framework plain --data rows.jsonl --budget-seconds 1",
        "asleep.py:f took longer than 1 s while it was loaded",
    ),
]


@pytest.mark.parametrize("command, sentence", WORSE)
def test_a_reward_that_hangs_or_ends_its_process_is_a_usage_error(
    folder: Path, command: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = refused(command, capsys)
    assert sentence in said and code == UsageError.exit_code


@inside
def test_a_target_that_brings_rows_is_loaded_once(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[Any] = []
    build = plain.build

    def counted(parts: Any, options: Any) -> Any:
        loads.append(parts)
        return build(parts, options)

    monkeypatch.setattr(plain, "rows", lambda parts, options: rows_from(sums()), raising=False)
    monkeypatch.setattr(plain, "build", counted)
    code, out, _ = run("rewards.py:contains --search-calls 0 --json", capsys)
    assert code == 1 and json.loads(out)["coverage"]["rows"] == 8
    assert len(loads) == 1 + 1  # the contract's check for a memory needs a fresh process


@inside
def test_an_exploit_is_written_and_replays_until_the_function_is_fixed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = run(f"rewards.py:contains {ENDS} --json", capsys)
    names = sorted(path.name for path in Path("findings").iterdir())
    assert names[:2] == ["0001.json", "0002.json"] and names[-1] == "audit.json"
    assert json.loads(Path("findings/audit.json").read_text()) == json.loads(out)
    status, out, _ = run("--replay findings/0001.json --json", capsys)
    assert (status, json.loads(out)) == (1, {"name": "count", "then": 1.0, "now": 1.0, "problem": "", "same": True})
    write_rewards(folder, SOURCE.replace("float(answer in completion)", "float(answer == completion)"))
    status, out, _ = run("--replay findings/0001.json --json", capsys)
    assert (status, json.loads(out)) == (0, {"name": "count", "then": 1.0, "now": 0.0, "problem": "", "same": False})


@inside
def test_findings_of_a_fixed_reward_are_removed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(f"rewards.py:contains {ENDS}", capsys)
    exploits = len(list(Path("findings").glob("0*.json")))
    run(f"rewards.py:accuracy {ENDS}", capsys)
    left = [json.loads(path.read_text())["verdict"] for path in Path("findings").glob("0*.json")]
    assert "exploit" not in left and len(left) < exploits


@inside
def test_json_is_one_line_with_the_hashes_of_what_was_audited(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(f"rewards.py:contains {ENDS} --json --seed 3 --rows 5", capsys)
    (line,) = out.strip().splitlines()
    report = json.loads(line)
    assert report["coverage"]["rows"] == 5 and report["coverage"]["rows_given"] == 8
    assert set(report["functions"]) == {"rewards.py"} and len(report["data"]) == 64
    assert report["versions"]["loopholes"]


PAID = "a right answer is paid 1, an empty answer 0 % of that, a refusal 0 %, a well-formed wrong answer 0 %"
VERDICTS = {
    "contains": "EXPLOITABLE: 2 exploits (shotgun, near-miss)",
    "accuracy": "NO EXPLOIT FOUND in 100 % of the panel on 8 rows; 1 warning",
    "hardened": "NO EXPLOIT FOUND in 100 % of the panel on 8 rows",
}


@inside
@pytest.mark.parametrize("name, verdict", VERDICTS.items())
def test_the_verdict_comes_first_and_where_the_findings_are_last(
    folder: Path, name: str, verdict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = run(f"rewards.py:{name} --data rows.jsonl --search-calls 0", capsys)
    first, second, third, *middle, replay, page = out.strip().splitlines()
    assert (first, third) == (f"rewards.py:{name}", PAID) and second.startswith(verdict)
    assert page == "read it as a page: loopholes report findings" and all(len(line) <= 100 for line in middle)
    assert ("--replay findings/0001.json" in replay) is (name != "hardened")
    assert any(line.startswith("exploit: shotgun") for line in middle) is (name == "contains")
    assert any(re.fullmatch(r"  - near misses: \d+ kinds on \d+( to \d+)? rows each", line) for line in middle)
    headings = [line for line in middle if line in ("notes", "looked at")]
    assert headings == (["looked at"] if name == "hardened" else ["notes", "looked at"])


@inside
def test_the_assumed_form_follows_the_verdict_and_each_finding_names_its_page(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = run("rewards.py:contains --data bare.jsonl --search-calls 0", capsys)
    assert out.splitlines()[3].startswith("golden completions assumed: '{answer}'")
    assert out.count("golden completions assumed") == 1
    assert f"  read more: {documentation('docs/findings.md#shotgun')}\n" in out
    findings, _, after = out.partition("\nright answers in other spellings\n  - in the right form, ")
    assert "exploit: shotgun" in findings and "exploit:" not in after and "looked at" in after
    assert "of the way from wrong to right; the 95 % interval is widened" in " ".join(out.split())


@inside
def test_findings_that_replace_those_of_another_reward_are_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    audit = "--data rows.jsonl --rows 8 --search-calls 0 --out kept"
    assert "replaced" not in run(f"rewards.py:contains {audit}", capsys)[2]
    assert "replaced" not in run(f"rewards.py:contains {audit}", capsys)[2]
    said = run(f"rewards.py:accuracy {audit}", capsys)[2]
    assert "the findings of rewards.py:contains in kept are replaced by these; --out keeps both" in said


@inside
def test_exploits_of_a_baseline_are_not_called_absent(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = "rewards.py:contains --data rows.jsonl --search-calls 0"
    run(f"{command} --out earlier", capsys)
    status, out, _ = run(f"{command} --baseline earlier/audit.json", capsys)
    assert status == 0 and out.splitlines()[1].startswith("NO OTHER EXPLOIT FOUND than the 2 in the baseline in 100 %")


@inside
def test_a_reward_that_returns_nothing_is_reported_as_such(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run("rewards.py:forgets --data bare.jsonl --search-calls 0", capsys)
    assert "it returns None for every completion that was tried, so nothing can be measured" in " ".join(out.split())
    assert "what to do: return a number: look for a branch without a return statement" in " ".join(out.split())


@inside
@pytest.mark.parametrize(
    "command, line, why",
    [
        (
            "odd --data bare.jsonl",
            "INCONCLUSIVE: no right answer is known that is paid more than a wrong",
            "no right answer is known",
        ),
        (
            "accuracy --data rows.jsonl",
            "INCONCLUSIVE: no exploit found in 0 % of the panel on 8 rows, and too little",
            "there was not enough time",
        ),
    ],
    ids=["no golden", "no time"],
)
def test_an_inconclusive_audit_says_so_first_and_in_words_why_and_ends_with_7(
    folder: Path, command: str, line: str, why: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loopholes.audit.budget.Budget.is_over", lambda self, stage: stage in ("panel", "breaking"))
    status, out, _ = run(f"rewards.py:{command} --search-calls 0", capsys)
    assert status == INCONCLUSIVE and out.splitlines()[1].startswith(line)
    assert f"inconclusive: {why}" in out.splitlines() and "inconclusive: contract" not in out


@inside
def test_rows_without_a_scale_are_a_note_and_not_a_gap_of_the_audit(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_rows(folder, [*sums(), {**sums(1)[0], "prompt": "What is 1 plus 0?", "answer": "none"}], "odd-row.jsonl")
    status, out, _ = run("rewards.py:accuracy --data odd-row.jsonl --search-calls 0", capsys)
    notes, _, looked_at = out.partition("notes")[2].partition("looked at")
    assert status == 0 and "flat-rows: on 1 of 9 rows, a right answer is paid no more" in " ".join(notes.split())
    assert "no more than" not in looked_at


@inside
def test_sarif_is_written_beside(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("link.sarif").symlink_to("audit.sarif")
    status, out, _ = run(f"rewards.py:contains {ENDS} --json --sarif link.sarif", capsys)
    log = json.loads(Path("audit.sarif").read_text())
    assert Path("link.sarif").is_symlink()
    results = log["runs"][0]["results"]
    assert status == 1 and len(results) == len(json.loads(out)["findings"])
    assert results[0]["level"] == "error" and results[0]["ruleId"] == "shotgun"


@inside
@pytest.mark.parametrize(
    "where, sentence",
    [
        ("--out a-file", "a-file is a file; choose another --out"),
        ("--sarif a-file/audit.sarif", "there is no directory a-file to write audit.sarif into"),
        ("--sarif nowhere/audit.sarif", "there is no directory nowhere to write audit.sarif into"),
        ("--sarif a-folder", "a-folder is a directory, and --sarif names a file"),
        ("--markdown a-folder", "a-folder is a directory, and --markdown names a file"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_audited(
    folder: Path, where: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a-folder").mkdir()
    status, out, err = run(f"rewards.py:never_looked_at --data rows.jsonl {where}", capsys)
    assert (status, out, err.strip()) == (RunError.exit_code, "", sentence)
    assert Path("a-file").read_text() == "precious"


@inside
def test_an_accepted_finding_in_the_file_of_this_directory_no_longer_fails(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("shotgun", "near-miss")
    accepted = "".join(f'[[accept]]\nname = "{name}"\nreason = "meant"\n' for name in names)
    Path("loopholes-audit.toml").write_text(accepted)
    assert run(f"rewards.py:contains {ENDS}", capsys)[0] == 0


@pytest.mark.parametrize("traceback", [False, True])
def test_a_bug_of_ours_ends_with_70_and_says_how_to_see_it(
    folder: Path, traceback: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: Any, **named: Any) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("loopholes.audit.rows.read_rows", broken)
    if traceback:
        monkeypatch.setenv("LOOPHOLES_TRACEBACK", "1")
        with pytest.raises(ZeroDivisionError):
            run(f"rewards.py:contains {ENDS}", capsys)
        return
    status, _, err = run(f"rewards.py:contains {ENDS}", capsys)
    assert status == BUG
    assert "this is a bug in loopholes (ZeroDivisionError: ours): please report it" in err
    assert "LOOPHOLES_TRACEBACK=1" in err


def test_the_command_runs_as_a_program_and_explains_its_exit_statuses(folder: Path) -> None:
    command = [sys.executable, "-m", "loopholes", "audit"]
    finished = subprocess.run(
        [*command, "rewards.py:contains", *ENDS.split(), "--json"], capture_output=True, text=True
    )
    assert (finished.returncode, finished.stderr) == (1, finished.stderr)
    assert json.loads(finished.stdout)["findings"][0]["family"] == "shotgun" and "Traceback" not in finished.stderr
    help_text = subprocess.run([*command, "--help"], capture_output=True, text=True).stdout
    assert all(word in help_text for word in ("exit code", "inconclusive", "--replay", "--sarif", "--strict"))


@inside
def test_a_clean_audit_leaves_a_report_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(f"rewards.py:accuracy {ENDS} --json --out new", capsys)
    assert json.loads(Path("new/audit.json").read_text()) == json.loads(out)
    assert main(["report", "new", "--out", "page.html"]) == 0
    assert "audit: rewards.py:accuracy" in Path("page.html").read_text()


@inside
def test_foreign_files_are_refused_before_anything_is_audited(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("new").mkdir()
    Path("new/audit.json").write_text("{}")
    status, out, err = run("rewards.py:never_looked_at --data rows.jsonl --out new", capsys)
    assert (status, out) == (
        RunError.exit_code,
        "",
    ) and "new/audit.json was not written by an audit; choose another --out" in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is full")
@pytest.mark.parametrize("where, status", [(">&-", 0), ("> /dev/full", RunError.exit_code)])
def test_without_any_readable_result_no_exploit_is_claimed(folder: Path, where: str, status: int) -> None:
    command = f"{sys.executable} -m loopholes audit rewards.py:accuracy {ENDS} --json {where}"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert done.returncode == status and "Traceback" not in done.stderr and "bug" not in done.stderr
