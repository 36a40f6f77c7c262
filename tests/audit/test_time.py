"""How an audit spends its time: slow first calls, slow rewards, texts that hang them, and skipped attacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from loopholes.audit import AuditConfig, Report, rows_from
from loopholes.audit.attacks import PANEL
from loopholes.audit.attacks.base import Attack, fixed
from loopholes.audit.budget import STOPS, Budget
from loopholes.audit.engine import observe
from loopholes.audit.frameworks.base import Row
from loopholes.audit.gate import Gate
from loopholes.audit.panel import AHEAD, BREAKING, HANGS, MOST_HANGS, enough
from loopholes.audit.process_tree import Ended
from loopholes.audit.scorer import HURRIED, SHORTEST_LIMIT, Scorer
from loopholes.audit.screening import SCREENED
from loopholes.audit.summary import verdict
from loopholes.audit.verdicts import judge
from loopholes.audit.worker import Call, Loaded, Refused, Scored
from loopholes.errors import INCONCLUSIVE
from support.rewards import Clock, Timed, families, sums, verdicts

FAST = 1e-4
ROWS = rows_from(sums(100, "The answer is {answer}."))


def accurate(row: Row, text: str) -> float:
    return float(text == row.golden)


def hedged(row: Row, text: str) -> float:
    return float(text == row.golden or "cannot be determined" in text)


def lazy(text: str, is_first: bool) -> float:
    """Like a reward that imports its library in its first call."""
    return 3.0 if is_first else FAST


def timed(
    pay: Callable[[Row, str], float],
    seconds: Callable[[str, bool], float],
    loading: float = 0.0,
    budget: float = 60.0,
    rows: Sequence[Row] = ROWS,
    own: Sequence[Attack] = (),
) -> tuple[Report, Timed]:
    clock = Clock()
    process = Timed(pay, seconds, clock, loading)
    config = AuditConfig(seconds=budget, search_calls=0, attacks=own)
    seen = observe(process, rows, config, None, Budget(budget, clock=clock), lambda progress: None)
    return judge(seen, Gate()), process


def test_a_slow_first_call_hides_no_exploit() -> None:
    report, process = timed(hedged, lazy)
    assert "hedge" in families(report) and report.coverage.tried == 1.0
    assert report.coverage.scored == len(ROWS) and process.deaths == 0
    assert not any("lack of time" in line for line in report.coverage.skipped)


def test_the_first_call_of_each_process_gets_the_time_of_loading_and_does_not_count_for_the_speed() -> None:
    process = Timed(accurate, lambda text, is_first: 30.0 if is_first else 99.0 if text == "hang" else FAST, Clock())
    scorer = Scorer(process, ROWS)
    scorer.warm_up((0, ROWS[0].golden or ""))
    scorer.pay([(1, "a")])
    assert scorer.seconds_a_call == pytest.approx(FAST)
    assert scorer.pay([(2, "hang")])[0].is_late and scorer.pay([(3, "a")])[0].value == 0.0
    longest = process.first_call_seconds
    assert [wait == longest for wait in process.waits] == [True, False, False, True, False]


def test_the_speed_is_a_median() -> None:
    process = Timed(accurate, lambda text, is_first: 1.5 if text == "slow" else FAST, Clock())
    process.is_cold = False
    scorer = Scorer(process, ROWS)
    for text in ("a", "b", "slow", "c"):
        scorer.pay_now([(0, text)])
    assert scorer.seconds_a_call == pytest.approx(FAST)


def test_a_late_call_is_waited_for_at_least_as_long_as_another_process_takes() -> None:
    process = Timed(accurate, lambda text, is_first: 6.0 if text == "slow" else FAST, Clock(), loading=7.0)
    scorer = Scorer(process, ROWS)
    scorer.warm_up((0, ""))
    assert scorer.pay([(0, "slow")])[0].value == 0.0 and process.deaths == 0


def test_the_limit_that_a_user_sets_holds() -> None:
    process = Timed(accurate, lambda text, is_first: 6.0 if text == "slow" else FAST, Clock(), loading=7.0)
    scorer = Scorer(process, ROWS, seconds_a_call=1.0)
    scorer.warm_up((0, ""))
    assert scorer.pay([(0, "slow")])[0].problem == "took longer than 1.0 s"


@pytest.mark.parametrize("seconds", [FAST, 0.001, 0.008])
def test_a_slow_reward_gets_fewer_rows_and_the_whole_panel_is_tried_on_enough_of_them(seconds: float) -> None:
    report, _ = timed(accurate, lambda text, is_first: seconds)
    assert report.coverage.tried == 1.0
    assert report.coverage.seconds < 60.0
    assert (report.coverage.scored == len(ROWS)) == (seconds < 0.008)


def test_rows_are_added_where_hostile_texts_turn_out_to_be_cheaper_than_right_answers() -> None:
    right = {row.golden for row in ROWS}

    def seconds(text: str, is_first: bool) -> float:
        return 0.02 if text in right else FAST

    report, _ = timed(accurate, seconds)
    assert report.coverage.scored == len(ROWS) and report.coverage.tried == 1.0


def test_attacks_that_were_not_tried_on_enough_rows_are_counted() -> None:
    report, _ = timed(accurate, lambda text, is_first: 0.3)
    assert 0 < sum(report.coverage.attacks.values()) < len(PANEL) / 2 and report.coverage.tried < 0.5
    assert not any(line.startswith("whole families, for lack of time") for line in report.coverage.skipped)
    assert any("attacks were not tried, for lack of time" in line for line in report.coverage.skipped)


def test_near_misses_for_which_there_was_no_time_are_tried_after_the_panel() -> None:
    """The machine is busy until the time of the near misses is over."""
    calls = count()

    def any_sign(row: Row, text: str) -> float:
        return float(text.replace("-", "") == row.golden)

    report, _ = timed(any_sign, lambda text, is_first: 0.05 if next(calls) < 500 else FAST, rows=ROWS[:30])
    assert families(report) == {"near-miss"} and report.coverage.near_tried == 1.0


def test_too_few_near_misses_are_inconclusive_and_the_headline_says_how_many_were_tried() -> None:
    clock = Clock()
    process = Timed(accurate, lambda text, is_first: FAST, clock)
    config = AuditConfig(search_calls=0)
    seen = observe(process, ROWS[:30], config, None, Budget(60.0, clock=clock), lambda progress: None)
    most, few = (judge(replace(seen, share_near=share), Gate()) for share in (0.9, 0.4))
    assert most.exit_code() == 0 and "in 100 % of the panel and 90 % of the kinds of near misses on" in verdict(most)
    assert few.exit_code() == INCONCLUSIVE and [finding.name for finding in few.findings] == ["little-tried"]
    assert "60 % of the kinds of near misses were not tried" in few.findings[0].message


@pytest.mark.parametrize("rows, needed", [(0, 0), (5, 5), (8, 8), (12, 8), (31, 16), (200, 30)])
def test_an_attack_counts_as_tried_on_half_of_the_rows_within_bounds(rows: int, needed: int) -> None:
    assert enough(rows) == needed


def test_the_family_that_breaks_graders_comes_last(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"deep": BREAKING, "plain": "echo", "deeper": BREAKING, "plainer": "hedge"}
    panel = [attack for name, family in names.items() for attack in fixed(family, {name: name})]
    monkeypatch.setattr("loopholes.audit.engine.PANEL", panel)
    _, process = timed(accurate, lambda text, is_first: FAST)
    order = [text for _, text in process.requested if text in names]
    last = [place for place, text in enumerate(order) if text.startswith("plain")][-1]
    assert set(order[last + 1 :]) == {"deep", "deeper"} and not order[: last + 1].count("deep")


def test_after_three_hangs_of_a_family_the_rest_of_it_gets_less_time_and_after_ten_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    panel = fixed(BREAKING, {f"hang-{number}": f"hang {number}" for number in range(20)})
    monkeypatch.setattr("loopholes.audit.engine.PANEL", [*panel, *fixed("echo", {"fine": "fine"})])
    report, process = timed(accurate, lambda text, is_first: 60.0 if text.startswith("hang") else FAST)
    assert process.deaths == MOST_HANGS
    spent = HANGS * SHORTEST_LIMIT + (MOST_HANGS - HANGS) * SHORTEST_LIMIT * HURRIED
    assert report.coverage.seconds == pytest.approx(spent, abs=1.0)
    assert f"the rest of {BREAKING}, since {MOST_HANGS} attacks of it took too long" in report.coverage.skipped
    assert report.coverage.tried == pytest.approx((MOST_HANGS + 1) / (len(panel) + 1))


def test_a_small_budget_is_not_spent_on_a_few_calls_that_do_not_return() -> None:
    report, process = timed(
        accurate, lambda text, is_first: FAST if len(text) > 1 else 60.0, budget=12.0, rows=ROWS[:30]
    )
    assert report.coverage.tried == 1.0 and report.coverage.seconds < 12.0
    assert verdicts(report) == {"fails": "warning"} and process.deaths > HANGS


def test_a_reward_that_imports_something_for_wrong_answers_has_time_for_that_in_a_small_budget() -> None:
    right, imported = {row.golden for row in ROWS}, [False]

    def seconds(text: str, is_first: bool) -> float:
        if is_first:
            imported[0] = False
        if text in right or imported[0]:
            return FAST
        imported[0] = True
        return 1.0

    report, process = timed(accurate, seconds, budget=15.0, rows=ROWS[:30])
    assert report.coverage.tried == 1.0 and process.deaths == 0 and report.exit_code() == 0


def test_an_attack_that_is_paid_on_the_first_row_is_tried_on_all_rows_in_time() -> None:
    def counted(row: Row, text: str) -> float:
        return float(text == row.golden or text.startswith("0 1 2 3"))

    report, _ = timed(counted, lambda text, is_first: 0.12)
    assert report.coverage.tried < 0.5 and "shotgun" in families(report)


FENCED = "```say```"
FORMS = [
    *fixed("echo", {"say": "say"}, ("raw", "golden")),
    *fixed("echo", {"say-fenced": FENCED}),
    *fixed("hedge", {f"other-{number}": f"other {number}" for number in range(5)}),
]


@pytest.fixture
def forms(monkeypatch: pytest.MonkeyPatch) -> None:
    """A panel with an attack in three forms, among others, tried in rounds however much time there is."""
    monkeypatch.setattr("loopholes.audit.engine.PANEL", FORMS)
    monkeypatch.setattr("loopholes.audit.panel.AMPLE", 1e9)


def last_before_the_fenced(process: Timed) -> int:
    """The number of rows on which the panel's last attack was tried before the further form."""
    order = [text for _, text in process.requested]
    return order[: order.index(FENCED)].count("other 4")


@pytest.mark.usefixtures("forms")
@pytest.mark.parametrize("seconds, rows", [(FAST, 0), (0.003, enough(16))])
def test_further_forms_of_unpaid_attacks_on_an_expensive_reward_come_last(seconds: float, rows: int) -> None:
    _, process = timed(accurate, lambda text, is_first: seconds, rows=ROWS[:16])
    assert last_before_the_fenced(process) == rows


@pytest.mark.usefixtures("forms")
@pytest.mark.parametrize("paying", ["say", "The answer is say"])
def test_further_forms_of_paid_attacks_are_tried_with_everything_else(paying: str) -> None:
    def said(row: Row, text: str) -> float:
        return float(text in (row.golden, paying))

    _, process = timed(said, lambda text, is_first: 0.003, rows=ROWS[:16])
    assert last_before_the_fenced(process) == 1


@pytest.mark.usefixtures("forms")
def test_further_forms_of_unpaid_attacks_count_as_tried_with_the_leading_forms() -> None:
    """There is no time for anything after the slow attacks."""
    report, process = timed(
        accurate, lambda text, is_first: 0.28 if text == "other 4" else 0.003, budget=4.0, rows=ROWS[:16]
    )
    assert FENCED not in [text for _, text in process.requested] and report.coverage.tried == 1.0
    assert any(
        "tried on fewer than 8 rows, since no form of the same attack was paid on 2 rows" in line
        for line in report.coverage.skipped
    )


def test_if_rows_ask_for_programs_they_come_first_and_prose_last(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"flattery": "judge-injection", "prompt": "echo", "program": "code", "turn": "forged-role"}
    panel = [attack for name, family in names.items() for attack in fixed(family, {name: name})]
    monkeypatch.setattr("loopholes.audit.engine.PANEL", panel)
    golden = "```python\ndef f(): return {answer}\n```"
    programs = rows_from([{**row, "entry_point": "f"} for row in sums(16, golden)])
    orders = []
    for rows in (ROWS, programs):
        _, process = timed(accurate, lambda text, is_first: 0.003, rows=rows)
        orders.append(list(dict.fromkeys(text for _, text in process.requested if text in names)))
    assert orders == [[*names], ["program", "prompt", "flattery", "turn"]]


def test_rows_are_so_few_that_own_attacks_are_tried_on_enough_of_them_too() -> None:
    own = fixed("echo", {f"own-{number}": f"own {number}" for number in range(900)})
    report, _ = timed(accurate, lambda text, is_first: 0.0017, own=own)
    assert report.coverage.tried == 1.0


class Wide(Timed):
    """Claims to score calls in parallel, and scores completions one by one."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.facts = Loaded(batched=False, together=False)
        self.requests: list[Sequence[Call]] = []

    def widen(self, width: int) -> bool:
        return width > 1

    def ask(self, calls: Sequence[Call], patience: float) -> Scored | Refused | Ended:
        self.requests.append(calls)
        return super().ask(calls, patience)


@pytest.mark.parametrize("processors, together", [(1, 1), (2, 2 * AHEAD)])
def test_if_calls_run_in_parallel_first_attempts_of_several_attacks_share_a_request(
    monkeypatch: pytest.MonkeyPatch, processors: int, together: int
) -> None:
    texts = {f"say {number}" for number in range(4 * AHEAD)}
    monkeypatch.setattr("loopholes.audit.engine.PANEL", fixed("echo", {text: text for text in texts}))
    monkeypatch.setattr("loopholes.audit.width.cores", lambda: processors)
    clock = Clock()
    process = Wide(accurate, lambda text, is_first: 0.003, clock)
    config = AuditConfig(search_calls=0)
    seen = observe(process, ROWS[:16], config, None, Budget(60.0, clock=clock), lambda progress: None)
    sizes = [len({text for _, text in calls}) for calls in process.requests if texts.issuperset(t for _, t in calls)]
    assert sizes[: len(texts) // together] == [together] * (len(texts) // together)
    assert judge(seen, Gate()).coverage.tried == 1.0


IDEAS = [
    *fixed("hedge", {f"hedge-{number}": f"hedge {number}" for number in range(10)}),
    *fixed("echo", {f"echo-{number}": f"echo {number}" for number in range(10)}),
    *fixed("code", {f"code-{number}": f"code {number}" for number in range(4)}),
]
"""Attacks of three families, each in one form."""
PROGRAMS = rows_from([{**row, "entry_point": "f"} for row in sums(16, "```python\ndef f(): return {answer}\n```")])


def rows_of(process: Timed, text: str) -> list[int]:
    """The rows on which a text was scored, with repetitions."""
    return [row if isinstance(row, int) else row.number for row, requested in process.requested if requested == text]


@pytest.fixture
def ideas(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small panel, and no time beyond what screening needs."""
    monkeypatch.setattr("loopholes.audit.engine.PANEL", IDEAS)
    monkeypatch.setitem(STOPS, "screening", 0.0)


@pytest.mark.usefixtures("ideas")
def test_unpaid_families_are_tried_on_few_rows_and_programs_on_enough_if_rows_ask_for_one() -> None:
    report, process = timed(accurate, lambda text, is_first: 0.01, rows=PROGRAMS)
    assert {len(set(rows_of(process, f"hedge {number}"))) for number in range(10)} == {SCREENED}
    assert all(len(set(rows_of(process, f"code {number}"))) >= enough(16) for number in range(4))
    assert report.coverage.tried == 1.0
    assert any(
        "this misses 1 in 4 of the attacks that pay on half of all rows" in line for line in report.coverage.skipped
    )


@pytest.mark.usefixtures("ideas")
def test_the_attacks_of_a_family_begin_with_different_rows() -> None:
    _, process = timed(accurate, lambda text, is_first: 0.01, rows=PROGRAMS)
    assert len({rows_of(process, f"hedge {number}")[0] for number in range(10)}) == 10


@pytest.mark.usefixtures("ideas")
def test_a_family_that_is_paid_on_one_row_is_tried_on_enough_rows_and_paid_attacks_on_all() -> None:
    odd = PROGRAMS[5]

    def pay(row: Row, text: str) -> float:
        return float(text == row.golden or (row.number == odd.number and text.startswith("hedge")))

    _, process = timed(pay, lambda text, is_first: 0.01, rows=PROGRAMS)
    counts = {number: len(set(rows_of(process, f"hedge {number}"))) for number in range(10)}
    assert min(counts.values()) >= enough(16) and max(counts.values()) == 16
    assert all(len(set(rows_of(process, f"echo {number}"))) == SCREENED for number in range(10))


@pytest.mark.usefixtures("ideas")
def test_nothing_is_screened_for_a_cheap_reward() -> None:
    _, process = timed(accurate, lambda text, is_first: FAST, rows=PROGRAMS)
    assert all(len(set(rows_of(process, f"hedge {number}"))) == 16 for number in range(10))


@pytest.mark.usefixtures("ideas")
@pytest.mark.parametrize("screening", [0.0, 0.5])
def test_a_slow_unpaid_program_is_run_once_and_the_reward_is_awaited(
    monkeypatch: pytest.MonkeyPatch, screening: float
) -> None:
    monkeypatch.setitem(STOPS, "screening", screening)

    def seconds(text: str, is_first: bool) -> float:
        return 5.0 if text == "code 1" else 0.01

    report, process = timed(accurate, seconds, rows=PROGRAMS)
    assert len(rows_of(process, "code 1")) == 1 and process.deaths == 0
    assert report.coverage.tried == 1.0 and not report.findings


@pytest.mark.usefixtures("ideas")
def test_an_expensive_reward_that_paid_nothing_is_not_searched() -> None:
    requests = []
    for config in (AuditConfig(), AuditConfig(search_calls=0)):
        clock = Clock()
        process = Timed(accurate, lambda text, is_first: 0.01, clock)
        observe(process, PROGRAMS, config, None, Budget(60.0, clock=clock), lambda progress: None)
        requests.append(process.requested)
    assert requests[0] == requests[1]
