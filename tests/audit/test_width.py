"""Expensive rewards score calls in parallel: payments, blame and counts are the same as one by one."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from loopholes.audit import Target
from loopholes.audit.checks import Answers, Repeated
from loopholes.audit.frameworks.base import Paid, Part, Row
from loopholes.audit.process import RewardProcess
from loopholes.audit.scale import Level
from loopholes.audit.scorer import Scorer
from loopholes.audit.width import widen
from support.rewards import write_rewards

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a reward is not forked")
ROWS = [Row(number, f"{number}?", columns={"answer": str(number)}) for number in range(4)]
LEVELS = [Level(number, 1.0, 0.0, "-", str(number), str(number)) for number in range(4)]
SOURCE = """
    THREADS = []
    def plain(completion, answer):
        if completion == "hang":
            time.sleep(60)
        if completion == "die":
            os._exit(3)
        if completion == "raise":
            raise ValueError("no")
        return "much" if completion == "odd" else float(completion == answer)
    def process(completion, answer):
        return float(os.getpid())
    def batch(completions, answer, **kwargs):
        return [float(os.getpid()) for _ in completions]
    def threaded(completion, answer):
        import threading
        if not THREADS:
            THREADS.append(threading.Thread(target=time.sleep, args=(60,), daemon=True))
            THREADS[0].start()
        return float(os.getpid())
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_rewards(tmp_path_factory.mktemp("width"), SOURCE)


@contextmanager
def warm(file: str, name: str, framework: str = "plain") -> Iterator[Scorer]:
    """A scorer for a function, which has made its first call."""
    with RewardProcess(Target(framework, (Part(file, name),))) as process:
        scorer = Scorer(process, ROWS, seconds_a_call=0.5)
        scorer.warm_up((0, "0"))
        scorer.pay_now([(0, "0")])
        yield scorer


def steady(first: float = 1.0, later: float = 1.0) -> Answers:
    """The answers of a reward that paid each right answer ``first``, and then ``later``."""
    repeats = [Repeated(level, level.golden_text, Paid(first), [Paid(later)]) for level in LEVELS]
    return Answers(again=repeats, company=repeats, remembered=repeats[:2])


@pytest.fixture(autouse=True)
def every_reward_is_expensive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loopholes.audit.width.EXPENSIVE", 0.0)


ENDS = [
    ["0", "1", "2", "3", "0"],
    ["0", "die", "2", "3", "0"],
    ["0", "1", "2", "die", "0"],
    ["die", "1", "2", "die", "die"],
    ["0", "1", "2", "raise", "hang"],
    ["hang", "1", "2", "3", "hang"],
    ["odd", "1", "3", "3", "0"],
    ["0", "1", "2", "odd", "0"],
    ["1", "hang"],
]


@pytest.mark.parametrize("patient", [True, False])
@pytest.mark.parametrize("texts", ENDS, ids=" ".join)
def test_payments_blame_counts_and_deaths_are_the_same_as_one_by_one(
    file: str, texts: Sequence[str], patient: bool
) -> None:
    calls = [(number % 4, text) for number, text in enumerate(texts)]
    outcomes = []
    for width in (1, 2, 3):
        with warm(file, "plain") as scorer:
            widen(scorer, steady(), width=2)
            assert scorer.widen(width) == (width > 1)
            paid = scorer.pay_now(calls, patient=patient)
            outcomes.append((paid, scorer.calls, scorer.deaths, scorer.pay_now([(1, "1"), (2, "2")])))
    assert outcomes[1:] == outcomes[:1] * 2


def test_the_calls_of_a_request_are_shared_by_as_many_processes(file: str) -> None:
    with warm(file, "process") as scorer:
        assert scorer.widen(3)
        assert len({paid.value for paid in scorer.pay_now([(0, str(number)) for number in range(7)])}) == 3
        assert len({paid.value for paid in scorer.pay_now([(0, "a"), (0, "b")])}) == 2


@pytest.mark.parametrize("name, framework", [("batch", "trl"), ("threaded", "plain")])
def test_batched_rewards_and_those_that_cannot_be_forked_are_scored_one_by_one(
    file: str, name: str, framework: str
) -> None:
    with warm(file, name, framework) as scorer:
        assert not scorer.widen(2) and scorer.width == 1
        assert len({paid.value for paid in scorer.pay_now([(0, "a"), (0, "b"), (0, "c")])}) == 1


UNSURE = {
    "unsteady": steady(later=0.5),
    "not asked whether it remembers": Answers(again=steady().again, company=steady().company),
    "paid otherwise at once": steady(0.5, 0.5),
}


@pytest.mark.parametrize("answers", UNSURE.values(), ids=UNSURE)
def test_a_reward_that_is_not_known_to_be_steady_is_scored_one_by_one(file: str, answers: Answers) -> None:
    with warm(file, "plain") as scorer:
        widen(scorer, answers, width=2)
        assert scorer.width == 1


def test_a_steady_reward_is_scored_in_parallel_only_if_that_is_worth_it(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with warm(file, "plain") as scorer:
        widen(scorer, steady(), width=1)
        assert scorer.width == 1
        monkeypatch.setattr("loopholes.audit.width.EXPENSIVE", 60.0)
        widen(scorer, steady(), width=2)
        assert scorer.width == 1
        monkeypatch.setattr("loopholes.audit.width.EXPENSIVE", 0.0)
        widen(scorer, steady(), width=2)
        assert scorer.width == 2
