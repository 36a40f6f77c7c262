"""The process that a user's reward runs in: it may hang, crash, end itself, or leave others behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from loopholes.audit import Target
from loopholes.audit.frameworks.base import Part, Row
from loopholes.audit.process import RewardProcess
from loopholes.audit.scorer import Scorer
from loopholes.audit.truth import truth_of
from loopholes.errors import UsageError
from loopholes.sandbox.inside.relatives import descendants
from support.processes import alive, wait_for_end
from support.rewards import InProcess, save_rows, sums, write_rewards

ROWS = [Row(number, f"{number}?", columns={"answer": str(number), "list": []}) for number in range(4)]
SOURCE = """
    import subprocess
    CALLS = []
    def plain(completion, answer):
        if completion == "hang":
            time.sleep(60)
        if completion == "die":
            os._exit(3)
        if completion == "raise":
            raise ValueError("no\\nreally")
        if completion == "eat":
            return float(len(bytearray(8 * 2**30)))
        if completion == "print":
            print("all over", flush=True); sys.stderr.write("the place"); os.write(1, b"x")
        return float(completion == answer)
    def batch(completions, answer, **kwargs):
        return [plain(*pair) for pair in zip(completions, answer)]
    def verl(data_source, solution_str, ground_truth, extra_info=None):
        return plain(solution_str, ground_truth)
    def counting(completion):
        CALLS.append(completion)
        return float(len(CALLS))
    def changing(completion, list):
        list.append(completion)
        return 1.0
    def parent(completion):
        if completion == "hang":
            child = subprocess.Popen(["sleep", "600"], start_new_session=True)
            open(os.path.join(os.path.dirname(__file__), "child"), "w").write(str(child.pid))
            time.sleep(60)
        return 1.0
    def later(completion):
        if completion == "end soon":
            import threading
            threading.Timer(0.05, os._exit, [0]).start()
        return 1.0
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_rewards(tmp_path_factory.mktemp("scorer"), SOURCE)


@contextmanager
def open_scorer(
    file: str,
    name: str,
    framework: str = "plain",
    *,
    kind: Callable[..., Any] = RewardProcess,
    rows: Sequence[Row] = ROWS,
    memory: float = 8.0,
    seconds_a_call: float = 0.5,
    **options: Any,
) -> Iterator[Scorer]:
    """A scorer for a function, in a process of its own or of another ``kind``."""
    with kind(Target(framework, (Part(file, name),)), memory=memory) as process:
        yield Scorer(process, rows, seconds_a_call=seconds_a_call, **options)


@pytest.fixture(scope="module")
def plain(file: str) -> Iterator[Scorer]:
    with open_scorer(file, "plain", memory=4.0) as scorer:
        yield scorer


FAULTS = [
    ("hang", "took longer than 0.5 s", 1),
    ("die", "ended the process that it ran in", 1),
    ("raise", "raised ValueError: no", 0),
    ("eat", "raised MemoryError", 0),
]


@pytest.mark.parametrize("text, problem, deaths", FAULTS, ids=[case[0] for case in FAULTS])
def test_a_call_that_fails_is_a_problem_and_the_others_are_paid(
    plain: Scorer, text: str, problem: str, deaths: int
) -> None:
    before = plain.deaths
    paid = plain.pay_now([(0, "0"), (1, "1"), (2, text), (3, "3"), (3, "4")])
    assert [payment.value for payment in paid] == [1.0, 1.0, None, 1.0, 0.0]
    assert [payment.problem.startswith(problem) for payment in paid] == [False, False, True, False, False]
    assert {payment.problem for payment in (*paid[:2], *paid[3:])} == {""}
    assert plain.deaths - before == deaths


def test_output_of_a_reward_disturbs_nothing(plain: Scorer, capfd: pytest.CaptureFixture[str]) -> None:
    assert [payment.value for payment in plain.pay_now([(0, "print"), (0, "0")])] == [0.0, 1.0]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "kind, text, problem",
    [(RewardProcess, "hang", "took longer than 0.5 s"), (InProcess, "raise", "raised ValueError: no")],
)
def test_only_the_completion_at_fault_is_a_problem_in_a_batch(
    file: str, kind: Callable[..., Any], text: str, problem: str
) -> None:
    with open_scorer(file, "batch", "trl", kind=kind) as scorer:
        paid = scorer.pay_now([(0, "0"), (1, text)])
    assert [payment.value for payment in paid] == [1.0, None]
    assert paid[0].problem == "" and paid[1].problem.startswith(problem)


def test_a_reward_that_depends_on_hashes_of_strings_is_paid_the_same_in_every_audit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    file = write_rewards(tmp_path, "def hashed(completion):\n    return float(hash(completion))")
    paid = []
    for _ in range(2):
        with open_scorer(file, "hashed") as scorer:
            paid.append(scorer.pay_now([(0, "a"), (1, "b")]))
    assert [payment.problem for payment in paid[0]] == ["", ""]
    assert paid[0] == paid[1]


def test_the_same_call_is_made_once_unless_it_is_repeated_on_purpose(file: str) -> None:
    with open_scorer(file, "counting") as scorer:
        first = scorer.pay([(0, "a"), (1, "a"), (0, "a")])
        again = scorer.pay([(1, "a"), (0, "a")])
        now = scorer.pay_now([(0, "a")])
        scorer.restart()
        fresh = scorer.pay_now([(0, "b")])
    assert [payment.value for payment in (*first, *again, *now, *fresh)] == [1.0, 2.0, 1.0, 2.0, 1.0, 3.0, 1.0]
    assert scorer.calls == 4


def test_columns_that_are_changed_are_noticed(file: str) -> None:
    with open_scorer(file, "changing") as scorer:
        assert not scorer.mutates
        scorer.pay([(0, "a")])
        assert scorer.mutates


def test_processes_that_a_hung_reward_started_end_with_it(file: str) -> None:
    """Also in a session of its own."""
    with open_scorer(file, "parent") as scorer:
        (paid,) = scorer.pay_now([(0, "hang")])
        child = int((Path(file).parent / "child").read_text())
        wait_for_end([child])
    assert paid.problem == "took longer than 0.5 s"


def test_the_process_is_gone_after_the_block(file: str) -> None:
    before = set(descendants(os.getpid()))
    with open_scorer(file, "plain") as scorer:
        scorer.pay([(0, "0")])
        started = set(descendants(os.getpid())) - before
        assert started
    assert not [process for process in started if alive(process)]


def test_a_process_that_ends_between_two_requests_is_started_again(file: str) -> None:
    before = set(descendants(os.getpid()))
    with open_scorer(file, "later") as scorer:
        scorer.pay_now([(0, "end soon")])
        processes, end = set(descendants(os.getpid())) - before, time.monotonic() + 5
        while all(map(alive, processes)) and time.monotonic() < end:
            time.sleep(0.01)
        assert not all(map(alive, processes))
        assert [payment.value for payment in scorer.pay_now([(0, "a"), (0, "b")])] == [1.0, 1.0]


REFUSED = [
    ("sys.exit(0)", "ends the interpreter when it is imported"),
    ("os._exit(0)", "ended the process that it ran in while it was loaded"),
    ("import nowhere_to_be_found", "No module named 'nowhere_to_be_found'; install it here, or audit with --with"),
    ("raise ValueError('not now')", "cannot be imported: ValueError: not now"),
    ("f = 4", "is of type int, and no function"),
    ("def g(completion): ...", "has no f; it has: g"),
    ("def f(): ...", "takes no completion"),
    ("def f(*, completion): ...", "takes no completion"),
]


@pytest.mark.parametrize("source, sentence", REFUSED)
def test_a_file_that_cannot_be_loaded_is_refused_in_one_sentence(tmp_path: Path, source: str, sentence: str) -> None:
    kind = RewardProcess if "exit" in source else InProcess
    with pytest.raises(UsageError) as caught, open_scorer(write_rewards(tmp_path, source), "f", kind=kind):
        pass
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


ANSWERS = [
    ("plain", "return 'good'", "returned the str 'good', not a number"),
    ("plain", "return [1.0]", "returned a list, not a number"),
    ("trl", "return 1.0", "returned a float, not a list of numbers"),
    ("trl", "return [1.0] * (len(texts) + 1)", "returned 2 rewards for 1 completions"),
    ("trl", "return ['1'] * len(texts)", "returned the str '1', not a number"),
]


@pytest.mark.parametrize("framework, body, sentence", ANSWERS)
def test_a_reward_that_no_trainer_could_use_is_refused(
    tmp_path: Path, framework: str, body: str, sentence: str
) -> None:
    head = "def f(completions, **kwargs):\n    texts = completions" if framework == "trl" else "def f(completion):"
    file = write_rewards(tmp_path, f"{head}\n    {body}")
    with pytest.raises(UsageError) as caught, open_scorer(file, "f", framework, kind=InProcess) as scorer:
        scorer.pay([(0, "a")])
    assert sentence in str(caught.value)


def test_a_target_without_rows_of_its_own_asks_for_data(file: str) -> None:
    target = Target("plain", (Part(file, "plain"),))
    with RewardProcess(target) as process, pytest.raises(UsageError, match="has no rows of its own: give --data"):
        process.own_rows()


BRINGING = """
def rows(parts, options):
    from loopholes.audit.frameworks.base import Row
    return [Row(0, "?", "yes", columns={"loaded": LOADED})]
class Reward:
    batched, notes = False, ()
    def __call__(self, rows, texts):
        from loopholes.audit.frameworks.base import Paid
        return [Paid(float(row.columns["loaded"] == LOADED and text == row.golden)) for row, text in zip(rows, texts)]
def build(parts, options):
    return Reward()
import os, time
LOADED = f"{os.getpid()} {time.time_ns()}"
"""


def test_the_process_that_lists_rows_scores_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This test's framework pays only under rows that its own process created."""
    (tmp_path / "bringing.py").write_text(BRINGING)
    (tmp_path / "sitecustomize.py").write_text(
        "import bringing\nfrom loopholes.audit import frameworks\nframeworks.framework = lambda name: bringing\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    with RewardProcess(Target("plain", (Part("", "f"),))) as process:
        rows = process.own_rows()
        paid = Scorer(process, rows).pay([(0, "yes"), (0, "no")])
    assert [payment.value for payment in paid] == [1.0, 0.0]


def test_the_truth_is_called_by_row_and_gives_no_score_where_it_fails(file: str) -> None:
    with truth_of(f"{file}:plain", ROWS) as truth:
        assert truth([ROWS[2], ROWS[1], ROWS[0]], ["2", "2", "raise"]) == [1.0, 0.0, None]


@pytest.mark.parametrize(
    "truth, sentence",
    [
        ("return 7.0 if completion == 'x' else 0.0", "returned 7: it must say how right from 0 to 1"),
        ("return -1.0", "returned -1: it must say"),
        ("return 1.0", "calls an empty completion right on each of"),
    ],
)
def test_a_truth_that_says_nothing_about_right_and_wrong_is_refused(tmp_path: Path, truth: str, sentence: str) -> None:
    written = write_rewards(tmp_path, f"def f(completion, **row): {truth}")
    with pytest.raises(UsageError, match=sentence), truth_of(f"{written}:f", ROWS) as tell:
        tell(ROWS[:1], ["x"])


def test_a_file_whose_import_never_ends_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loopholes.audit.process.SECONDS_TO_LOAD", 0.2)
    with (
        pytest.raises(UsageError, match="took longer than 0 s while it was loaded"),
        open_scorer(write_rewards(tmp_path, "time.sleep(60)\ndef f(completion): ..."), "f"),
    ):
        pass


def test_a_noisy_reward_is_scored_several_times_and_pays_its_mean(file: str) -> None:
    with open_scorer(file, "counting", repeats=3) as scorer:
        assert [paid.value for paid in scorer.pay([(0, "a"), (0, "b")])] == [3.0, 4.0]  # 1, 3, 5 and 2, 4, 6
        assert [paid.value for paid in scorer.pay([(0, "a")])] == [3.0]
        assert scorer.calls == 6


def test_a_failure_in_one_of_several_scorings_is_a_problem(file: str) -> None:
    with open_scorer(file, "plain", repeats=2) as scorer:
        raising, fine = scorer.pay([(0, "raise"), (0, "0")])
        assert raising.problem.startswith("raised ValueError: no (") and fine.problem == ""


def test_single_calls_are_timed_one_by_one(plain: Scorer) -> None:
    before = len(plain.singles)
    plain.pay_now([(0, "0")])
    plain.pay_now([(0, "0"), (1, "1")])
    assert len(plain.singles) == before + 1


FAULTY = """
    import asyncio, subprocess
    async def together(data_source, solution_str, ground_truth, extra_info=None):
        await asyncio.sleep(0.01)
        if solution_str == "die":
            os._exit(3)
        return 1.0
    def orphan(completion):
        if completion == "hang":
            subprocess.run("sleep 600 & echo $! > " + os.path.join(os.path.dirname(__file__), "orphan"), shell=True)
            time.sleep(60)
        return 1.0
    def odd(completion):
        return "much" if completion == "odd" else 1.0
    def forking(completion):
        if completion == "fork":
            os.fork()
        return float(completion == "fork")
    def multiplying(completion):
        os.fork()
        with open(os.path.join(os.path.dirname(__file__), "calls"), "a") as calls:
            calls.write("x")
        return 0.0
    def taking(completion, list):
        return float(list.pop())
    def waiting(completion):
        open(os.path.join(os.path.dirname(__file__), "worker"), "w").write(str(os.getpid()))
        time.sleep(60)
"""


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_rewards(tmp_path_factory.mktemp("faulty"), FAULTY)


def test_only_the_completion_at_fault_is_a_problem_among_those_that_are_awaited_together(faulty: str) -> None:
    columns = {"data_source": "sums", "ground_truth": "2"}
    rows = [Row(number, "?", columns=columns) for number in range(8)]
    with open_scorer(faulty, "together", "verl", rows=rows, seconds_a_call=2.0) as scorer:
        paid = scorer.pay_now([(number, "die" if number == 3 else "a") for number in range(8)])
    assert [payment.value for payment in paid] == [1.0, 1.0, 1.0, None, 1.0, 1.0, 1.0, 1.0]


def test_orphaned_processes_are_ended_too(faulty: str) -> None:
    with open_scorer(faulty, "orphan") as scorer:
        assert scorer.pay_now([(0, "hang")])[0].is_late
        left = int((Path(faulty).parent / "orphan").read_text())
        wait_for_end([left])


def test_a_value_that_is_not_a_number_is_a_problem_once_others_were_numbers(faulty: str) -> None:
    with open_scorer(faulty, "odd") as scorer:
        scorer.pay_now([(0, "a")])
        paid = scorer.pay_now([(0, "b"), (1, "odd"), (2, "c")])
    assert [payment.value for payment in paid] == [1.0, None, 1.0] and "returned the str 'much'" in paid[1].problem


def test_a_child_that_a_reward_left_behind_answers_nothing(faulty: str) -> None:
    with open_scorer(faulty, "forking") as scorer:
        first = scorer.pay_now([(0, "fork"), (1, "a")])
        then = scorer.pay_now([(0, "a"), (1, "fork"), (2, "a")])
    assert [payment.value for payment in (*first, *then)] == [1.0, 0.0, 0.0, 1.0, 0.0]


def test_a_child_that_a_reward_forked_takes_no_further_completion(faulty: str) -> None:
    """Eight completions would otherwise be looked at 510 times."""
    with open_scorer(faulty, "multiplying") as scorer:
        scorer.pay_now([(0, str(number)) for number in range(8)])
    assert len((Path(faulty).parent / "calls").read_text()) <= 2 * (1 + 8)


def test_a_column_that_a_reward_removes_is_back_in_the_next_call(faulty: str) -> None:
    rows = [Row(0, "?", columns={"list": [3]})]
    with open_scorer(faulty, "taking", rows=rows) as scorer:
        paid = scorer.pay_now([(0, "a"), (0, "b"), (0, "c")])
        assert [payment.value for payment in paid] == [3.0, 3.0, 3.0] and scorer.mutates


def test_an_impatient_request_ends_with_the_first_that_is_late(file: str) -> None:
    with open_scorer(file, "plain") as scorer:
        scorer.pay([(0, "0")])
        paid = scorer.pay([(0, "0"), (1, "1"), (2, "hang"), (3, "3")], patient=False)
        assert [payment.value for payment in paid] == [1.0, 1.0, None] and scorer.deaths == 1


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a reward ends after its call")
def test_a_reward_does_not_outlive_an_audit_that_was_killed(faulty: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "loopholes", "audit", f"{faulty}:waiting", "--framework", "plain"]
    command += ["--data", save_rows(tmp_path, sums()), "--call-seconds", "100"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as audit:
        pid_file = Path(faulty).parent / "worker"
        end = time.monotonic() + 60
        while not (pid_file.exists() and pid_file.read_text()) and time.monotonic() < end:
            time.sleep(0.05)
        audit.kill()
    wait_for_end([int(pid_file.read_text())])
