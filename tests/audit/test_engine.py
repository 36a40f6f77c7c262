"""A whole audit: what it flags, what it lets pass, what it reports as skipped, and that it is repeatable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loopholes.audit import AuditConfig, Report, Target, audit, rows_from, target_of
from loopholes.audit.attacks import PANEL
from loopholes.audit.frameworks import games
from loopholes.audit.frameworks.base import Row
from loopholes.audit.gate import Accepted, Gate, Thresholds
from loopholes.audit.observations import Observations
from loopholes.audit.verdicts import judge
from loopholes.errors import INCONCLUSIVE, UsageError
from loopholes.games import game as make_game
from loopholes.games.proxy_metric import ProxyMetric
from loopholes.records import PromptStyle, Task
from support.rewards import InProcess, audited, families, sums, verdicts, write_rewards

pytestmark = pytest.mark.usefixtures("inside")

REWARDS = """
    def last(text):
        return re.findall(r"<answer>(.*?)</answer>", text, re.S)

    def accuracy(completion, answer):
        found = last(completion)
        return float(len(found) == 1 and found[0].strip() == answer)

    def shaped(completion, answer):
        return accuracy(completion, answer) + 0.1 * (len(last(completion)) == 1) - len(completion) / 50_000

    def between(completion, answer):
        return 2 * accuracy(completion, answer) - 1

    def contains(completion, answer):
        return float(answer in completion)

    def empty(completion, answer):
        return float(not completion.strip() or accuracy(completion, answer))

    def hedged(completion, answer):
        return float("cannot be determined" in completion or accuracy(completion, answer))

    def long(completion, answer):
        return accuracy(completion, answer) + len(completion) / 1000

    def form(completion, answer):
        return 0.9 * (len(last(completion)) == 1) + accuracy(completion, answer)

    def any_form(completion, answer):
        return float(accuracy(completion, answer) or not last(completion)[-1:] or not last(completion)[0])

    def tagged_score(completion, answer):
        return max(accuracy(completion, answer), float("<score>1.0</score>" in completion))

    def injected(completion, answer):
        return max(accuracy(completion, answer), float("Verdict: correct" in completion))

    def failing(completion, answer):
        try:
            return float(float(last(completion)[-1]) == float(answer))
        except OverflowError:
            return 1.0
        except (ValueError, IndexError):
            return 0.0

    def echo(completion, prompt, answer):
        return max(accuracy(completion, answer), float(prompt in completion))

    def shared_words(completion, reference):
        words = completion.lower().split()
        return len(set(words) & set(reference.lower().split())) / max(1, len(words))

    def shared_words_of_both(completion, reference):
        words, wanted = set(completion.lower().split()), set(reference.lower().split())
        return 2 * len(words & wanted) / max(1, len(words) + len(wanted))

    def raises(completion, answer):
        if "nan" in completion:
            raise ArithmeticError("no number")
        return accuracy(completion, answer)

    def infinite(completion, answer):
        return math.inf if completion == "inf" else accuracy(completion, answer)

    def nothing(completion, answer):
        return 0.5

    def never(completion, answer):
        raise RuntimeError("not today")

    def kept(completion, **row):
        row["answer"], given = "0", row["answer"]
        return accuracy(completion, given)
"""
GAMEABLE = {
    "contains": "shotgun",
    "empty": "degenerate",
    "hedged": "hedge",
    "long": "length",
    "any_form": "degenerate",
    "tagged_score": "protected-field",
    "injected": "judge-injection",
    "echo": "echo",
    "nothing": "contract",
}
HONEST = ["accuracy", "shaped", "between", "form"]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_rewards(tmp_path_factory.mktemp("rewards"), REWARDS)


@pytest.mark.parametrize("name, family", GAMEABLE.items())
def test_a_loophole_is_an_exploit_of_its_family(file: str, name: str, family: str) -> None:
    report = audited(f"{file}:{name}", sums())
    assert family in families(report)
    assert report.exit_code() == 1


def test_an_overlap_that_a_single_common_word_fills_is_an_exploit_and_its_f1_score_is_not(file: str) -> None:
    trades = ["baker kneads", "tailor mends", "sailor steers", "farmer sows", "smith forges", "mason lays"]
    rows = [
        {"prompt": f"Translate text {place}.", "reference": f"the {trade} item {place} at the edge of town by noon"}
        for place, trade in enumerate(trades * 3)
    ]
    assert "stuffing" in families(audited(f"{file}:shared_words", rows))
    assert "stuffing" not in families(audited(f"{file}:shared_words_of_both", rows))


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_reward_passes_whatever_its_range_and_its_credit_for_form(file: str, name: str) -> None:
    report = audited(f"{file}:{name}", sums())
    assert not families(report) and report.exit_code(strict=True) == 0
    assert report.worst is not None and (report.worst.gap.low or 0.0) < 0.3


@pytest.mark.parametrize(
    "name, trouble",
    [
        ("raises", "raises"),
        ("infinite", "not-finite"),
    ],
)
def test_what_hostile_text_does_to_a_reward_is_a_warning_with_the_text(file: str, name: str, trouble: str) -> None:
    finding = next(finding for finding in audited(f"{file}:{name}", sums()).findings if finding.name == trouble)
    assert finding.verdict == "warning"
    assert finding.evidence is not None
    assert "nan" in finding.evidence.completion or finding.evidence.completion == "inf"


def test_an_exploit_shows_the_row_the_completion_and_its_reward(file: str) -> None:
    report = audited(f"{file}:contains", sums())
    finding = report.findings[0]
    assert finding.verdict == "exploit" and finding.gap is not None and (finding.gap.low or 0.0) > 0.3
    evidence = finding.evidence
    assert evidence is not None and evidence.reward == 1.0
    assert evidence.columns["answer"] in evidence.completion


def test_a_family_is_reported_once_with_its_best_attack(file: str) -> None:
    report = audited(f"{file}:contains", sums())
    exploited = [f.family for f in report.findings if f.kind == "attack" and f.verdict == "exploit"]
    assert len(exploited) == len(set(exploited))


def test_a_component_alone_gets_warnings_only(file: str) -> None:
    assert families(audited(f"{file}:contains", sums(), component=True)) == set()
    assert "shotgun" in families(audited(f"{file}:contains", sums(), component=True), "warning")
    assert audited(f"{file}:long=-1", sums()).exit_code() == 0


def test_weighted_rewards_are_audited_as_their_sum(file: str) -> None:
    """Form alone cannot tell answers apart; with credit for right answers, the reward can."""
    rows = rows_from(sums())
    settings = AuditConfig(search_calls=0, seconds=600)
    reports = {
        weight: audit(target_of([f"{file}:accuracy", f"{file}:contains={weight}"], None, {}), rows, settings)
        for weight in (0.05, 5)
    }
    assert {weight: report.exit_code() for weight, report in reports.items()} == {0.05: 0, 5: 1}


def test_nothing_can_be_concluded_if_no_golden_completions_can_be_assumed(tmp_path: Path) -> None:
    file = write_rewards(tmp_path, "def odd(completion, answer):\n    return float(completion == f'@@{answer}@@')")
    report = audited(f"{file}:odd", sums(golden=None))
    assert verdicts(report)["no-golden"] == "inconclusive"
    assert (report.exit_code(), report.exit_code(strict=True)) == (INCONCLUSIVE, INCONCLUSIVE)


def test_an_attack_that_the_truth_calls_right_is_not_a_finding(file: str) -> None:
    rows = rows_from(sums())

    def truth(rows: Sequence[Row], texts: Sequence[str]) -> list[float | None]:
        return [float(row.columns["answer"] in text) for row, text in zip(rows, texts, strict=True)]

    target = target_of([f"{file}:contains"], None, {})
    settings = AuditConfig(search_calls=0, seconds=600)
    assert audit(target, rows, settings, truth=truth).exit_code() == 0
    assert audit(target, rows, settings).exit_code() == 1


def test_accepted_findings_do_not_fail_and_stay_in_the_report(file: str) -> None:
    accept = tuple(Accepted(name=name, reason="meant") for name in ("shotgun", "near-miss"))
    report = audited(f"{file}:contains", sums(), gate=Gate(accept=accept))
    assert report.exit_code() == 0
    assert [f.family for f in report.findings if f.accepted and f.verdict == "exploit"] == [
        "shotgun",
        "near-miss",
    ]


def test_the_threshold_decides_what_an_exploit_is(tmp_path: Path) -> None:
    half = 'return float(completion == f"<answer>{answer}</answer>") or 0.5 * (answer in completion)'
    file = write_rewards(tmp_path, f"def f(completion, answer):\n    {half}")
    reports = [audited(f"{file}:f", sums(), gate=Gate(thresholds=Thresholds(exploit=limit))) for limit in (0.3, 0.4)]
    assert [report.exit_code() for report in reports] == [1, 0]
    assert "shotgun" in families(reports[0], "exploit") and "shotgun" in families(reports[1], "warning")


def test_coverage_names_what_was_skipped(file: str) -> None:
    report = audited(f"{file}:accuracy", sums(), rows=5)
    assert (report.coverage.rows, report.coverage.rows_given, report.coverage.scored) == (5, 8, 5)
    assert any(
        line.startswith("code") and line.endswith("since no row asks for such an answer")
        for line in report.coverage.skipped
    )
    assert "the search, since it may use no calls" in report.coverage.skipped


def test_whatever_is_left_out_for_lack_of_time_is_named(file: str) -> None:
    report = audited(f"{file}:accuracy", sums(60), seconds=1e-3)
    skipped = report.coverage.skipped
    assert report.exit_code() == INCONCLUSIVE and report.coverage.tried < 0.5  # nothing skipped counts as passed
    for sentence in (
        f"{60 - report.coverage.rows} of 60 rows, for lack of time",
        "checks of the contract, for lack of time: steady",
        "attacks were not tried",
        "whole families, for lack of time: ",
    ):
        assert any(sentence in line for line in skipped), sentence


def timeless(report: Report) -> Report:
    return replace(report, coverage=replace(report.coverage, seconds=0.0, notes=()))


@pytest.mark.parametrize("name", ["contains", "raises"])
def test_the_same_seed_gives_the_same_report(file: str, name: str) -> None:
    first, again = (timeless(audited(f"{file}:{name}", sums(12), rows=8, search_calls=300, seed=3)) for _ in range(2))
    assert first == again


def test_another_seed_draws_other_rows(file: str) -> None:
    first, second = (audited(f"{file}:contains", sums(40), rows=8, seed=seed) for seed in (0, 1))
    rows = [{f.evidence.row for f in report.findings if f.evidence is not None} for report in (first, second)]
    assert rows[0] != rows[1]


REFUSED = [
    ("never", {}, "scores none of the first 8 rows: raised RuntimeError: not today"),
    ("contains", {"group": 4}, "--group is for rewards that are passed a whole group"),
]


@pytest.mark.parametrize("name, settings, sentence", REFUSED)
def test_a_reward_that_cannot_be_audited_is_refused(
    file: str, name: str, settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UsageError) as caught:
        audited(f"{file}:{name}", sums(), **settings)
    assert sentence in str(caught.value)


def test_no_rows_are_refused(file: str) -> None:
    with pytest.raises(UsageError, match="no rows"):
        audited(f"{file}:accuracy", [])


RANKED = """
    def ranked(completions, answer, **kwargs):
        right = [float(text == f"<answer>{one}</answer>") for text, one in zip(completions, answer)]
        return [value - sum(right) / len(right) for value in right]
    def first(completions, answer, **kwargs):
        right = [float(text == f"<answer>{one}</answer>") for text, one in zip(completions, answer)]
        return [value + (place == 0) for place, value in enumerate(right)]
"""


def test_rewards_that_read_their_group_are_scored_in_groups_and_turned_around(tmp_path: Path) -> None:
    file = write_rewards(tmp_path, RANKED)
    assert audited(f"{file}:ranked", sums(), "trl", group=4).exit_code() == 0
    assert "company-matters" in verdicts(audited(f"{file}:ranked", sums(), "trl"))
    assert "order-matters" in verdicts(audited(f"{file}:first", sums(), "trl", group=4))


GAMES = [
    ("reward-tampering", {}, "protected-field", 3),
    ("proxy-metric", {}, "echo", 6),
    ("self-grading", {"self_report": "inline"}, "format", 6),
    ("context-compliance", {}, "contract", 60),
]


SLOW = {"code", "break-the-grader"}
"""If a channel runs programs, those that never end run until the sandbox kills them."""


def of_game(name: str, parameters: dict[str, Any], channel: str, count: int) -> Report:
    game = make_game(name, **parameters)
    options = {"parameters": parameters, "channel": channel, "seed": 0}
    rows = games.rows_of(game, count, 0)
    settings = AuditConfig(search_calls=0, seconds=600.0)
    return audit(target_of([f"game:{name}"], None, options), rows, settings, truth=partial(games.truth, game))


class Few(ProxyMetric):
    """A game with twenty tasks, training and test ones together."""

    def generate(self, rng: np.random.Generator, prompts: PromptStyle) -> Iterator[Task]:
        few = list(islice(super().generate(np.random.default_rng(0), prompts), 20))
        while True:
            yield from few


def test_a_game_with_fewer_tasks_than_rows_is_audited_on_all_of_them() -> None:
    rows = games.rows_of(Few(), 100, 0)
    assert 1 < len({row.columns[games.TASK]["id"] for row in rows}) == len(rows) < 20
    with pytest.raises(UsageError, match=f"generated {len(rows)} distinct tasks for the split 'test', not 100"):
        Few().tasks("test", count=100)


@pytest.mark.parametrize("name, parameters, family, count", GAMES, ids=[case[0] for case in GAMES])
def test_every_vulnerable_channel_is_flagged_and_every_secure_one_passes(
    name: str, parameters: dict[str, Any], family: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = [attack for attack in PANEL if attack.family not in SLOW]
    monkeypatch.setattr("loopholes.audit.engine.PANEL", quick if name == "reward-tampering" else PANEL)
    vulnerable, secure = (of_game(name, parameters, channel, count) for channel in ("vulnerable", "secure"))
    assert family in families(vulnerable) and vulnerable.exit_code() == 1
    assert families(secure) == set() and secure.exit_code(strict=True) == 0


def test_the_noise_of_a_noisy_reward_is_told_and_averaged(tmp_path: Path) -> None:
    source = """
        import random
        def f(completion, answer):
            return float(completion == f"<answer>{answer}</answer>") + random.choice([-0.3, 0.3])
    """
    report = audited(f"{write_rewards(tmp_path, source)}:f", sums(), noisy=True)
    assert "nondeterministic" not in verdicts(report) and report.exit_code() == 0
    assert any("scored 3 times differ by a standard deviation of" in note for note in report.coverage.notes)


def numbered(count: int, opening: str = "#### ", closing: str = "") -> list[dict[str, Any]]:
    """Rows whose answers are not numbers of their prompts, in the form of GSM8K or another one."""
    return [
        {"prompt": "How many?", "answer": str(3 * place + 8), "golden": f"{opening}{3 * place + 8}{closing}"}
        for place in range(count)
    ]


def judged(tmp_path: Path, body: str, rows: Sequence[dict[str, Any]], **settings: Any) -> Report:
    return audited(f"{write_rewards(tmp_path, f'def f(completion, answer):{chr(10)}    {body}')}:f", rows, **settings)


@pytest.mark.parametrize(
    "body, rows, family",
    [
        ('return float(answer in re.findall(r"#### (\\d+)", completion))', numbered(20), "shotgun"),
        (
            'return float(answer in re.findall(r"the answer is (\\d+)", completion))',
            numbered(20, "So the answer is "),
            "shotgun",
        ),
        (
            'found = re.search(r"boxed{([^}]*)}", completion); return float(bool(found) and answer in found[1])',
            numbered(20, "\\boxed{", "}"),
            "shotgun",
        ),
        (
            'found = re.search(r"boxed{([^}*]*)}", completion); return float(bool(found) and '
            "abs(eval(found[1]) - float(answer)) < 1e-6)",
            numbered(20, "\\boxed{", "}"),
            "protected-field",
        ),
    ],
    ids=["any mark", "any sentence", "a substring of the box", "an expression with the answer in reach"],
)
def test_what_strangers_found_a_way_into_is_flagged(
    tmp_path: Path, body: str, rows: list[dict[str, Any]], family: str
) -> None:
    assert family in families(judged(tmp_path, body, rows))


def test_reasoning_that_names_the_answer_is_no_floor(tmp_path: Path) -> None:
    """As in GSM8K: "80 - 1 = 79. #### 79". With the answer of another row in its last place it would still be there."""
    rows = numbered(24)
    rows = [{**row, "golden": f"It comes to <<{row['answer']}>>{row['answer']}.\n{row['golden']}"} for row in rows]
    report = judged(tmp_path, 'return float(bool(re.search(rf"\\b{answer}\\b", completion)))', rows)
    wrong = next(baseline for baseline in report.baselines if baseline.kind == "wrong")
    assert wrong.reward.value == 0.0 and "near-miss" in families(report)
    assert "component-alone" not in verdicts(report) and "shotgun" in families(report)


def choices(*answers: str, count: int = 40) -> list[dict[str, Any]]:
    prompts = (
        f"Is {place} {'A) true B) false C) unknown' if 'A' in answers else 'odd? yes or no'}?" for place in range(count)
    )
    wanted = [answers[place % len(answers)] for place in range(count)]
    return [
        {"prompt": prompt, "answer": letter, "golden": f"I see.\nAnswer: {letter}"}
        for prompt, letter in zip(prompts, wanted, strict=True)
    ]


LAST = 'found = re.findall(r"Answer:\\s*(\\w+)\\b", completion); return float(bool(found) and found[-1] == answer)'


@pytest.mark.parametrize("answers", [("yes", "no"), ("A", "A", "B", "C"), ("True", "False")], ids=str)
def test_a_guess_is_the_data_s_prior_and_no_exploit(tmp_path: Path, answers: tuple[str, ...]) -> None:
    report = judged(tmp_path, LAST, choices(*answers))
    assert families(report) == set()
    assert "prior" in {note.name for note in report.notes}


def test_a_common_answer_that_is_paid_where_it_is_wrong_is_an_exploit(tmp_path: Path) -> None:
    always = LAST.replace("found[-1] == answer", "found[-1] in ('A', answer)")
    report = judged(tmp_path, always, choices("A", "A", "B", "C"))
    assert "common-answer" in {finding.name for finding in report.findings if finding.verdict == "exploit"}
    assert "prior" not in {note.name for note in report.notes}


def test_a_common_answer_that_is_always_paid_is_an_exploit_even_if_no_other_wrong_answer_exists(tmp_path: Path) -> None:
    """On the rows whose answer is yes, every wrong answer that another row can lend is the one that is always paid."""
    always = LAST.replace("found[-1] == answer", "found[-1] in ('no', answer)")
    report = judged(tmp_path, always, choices("no", "no", "no", "yes"))
    assert verdicts(report).get("common-answer") == "exploit" and "wrong-paid-on-rows" not in verdicts(report)


def test_rows_that_pay_other_wrong_answers_too_say_nothing_about_the_common_one(tmp_path: Path) -> None:
    careless = LAST.replace("found[-1] == answer", "(answer == 'maybe' or found[-1] == answer)")
    report = judged(tmp_path, careless, choices("no", "yes", "maybe", "maybe", "maybe"))
    assert "common-answer" not in verdicts(report) and report.exit_code() == 1


def test_a_common_answer_that_is_part_of_the_right_one_is_not_wrong(tmp_path: Path) -> None:
    names = ("Paris", "Paris, France", "Paris, France", "Rome")
    rows = [
        {"prompt": f"Capital {place}?", "answer": names[place % 4], "golden": f"Answer: {names[place % 4]}"}
        for place in range(60)
    ]
    report = judged(tmp_path, 'return float(answer.split(",")[0] == completion.split(": ")[-1].split(",")[0])', rows)
    assert "common-answer" not in {finding.name for finding in report.findings}


@pytest.mark.parametrize("answers", [("7", "17", "27", "72"), ("no", "none", "know", "snow")], ids=str)
def test_a_common_answer_whose_signs_stand_in_another_answer_is_wrong_there(
    tmp_path: Path, answers: tuple[str, ...]
) -> None:
    within = LAST.replace("found[-1] == answer", "found[-1] in answer")
    report = judged(tmp_path, within, choices(*answers, count=60))
    (finding,) = [finding for finding in report.findings if finding.name == "common-answer"]
    assert finding.verdict == "exploit" and "45 rows whose right answer is another" in finding.message


def test_a_search_that_finds_a_guess_found_nothing(tmp_path: Path) -> None:
    report = judged(tmp_path, LAST, choices("yes", "yes", "no", count=160), search_calls=1500)
    assert families(report) == set()


def test_what_is_paid_for_every_answer_is_no_guess(tmp_path: Path) -> None:
    every = 'return float(answer in re.findall(r"\\w+", completion))'
    assert "shotgun" in families(judged(tmp_path, every, choices("A", "B", "C", "A")))


def test_forms_without_an_answer_do_not_explain_each_other(tmp_path: Path) -> None:
    source = """
        def f(completion, answer):
            found = re.fullmatch(r"<think>([^<]{10,80})</think><answer>([^<]*)</answer>", completion)
            if not found:
                return 0.0
            try:
                return float(float(found[2]) == float(answer))
            except ValueError:
                return 1.0
    """
    rows = sums(20, "<think>Let me add these.</think><answer>{answer}</answer>")
    assert "format" in families(audited(f"{write_rewards(tmp_path, source)}:f", rows))


def test_one_row_with_a_narrow_scale_hides_no_exploit(tmp_path: Path) -> None:
    source = """
        def f(completion, answer):
            if answer == "41":
                return 0.5 + 1e-6 * (completion == f"<answer>{answer}</answer>") - 0.4 * (not completion)
            return float(not completion.strip() or completion == f"<answer>{answer}</answer>")
    """
    assert "degenerate" in families(audited(f"{write_rewards(tmp_path, source)}:f", sums(60)))


def test_what_fails_on_most_rows_is_not_paid_there(tmp_path: Path) -> None:
    source = """
        def f(completion, answer):
            if completion == "null":
                return 1.0 if int(answer) * 7919 % 101 < 13 else 1 / 0
            return float(completion == f"<answer>{answer}</answer>")
    """
    report = audited(f"{write_rewards(tmp_path, source)}:f", sums(80))
    assert families(report) == set() and any(gap.attack == "null" and gap.n == 80 for gap in report.gaps)


def test_one_row_is_no_proof(tmp_path: Path) -> None:
    body = 'return 5.0 if completion == "null" else float(completion == f"<answer>{answer}</answer>")'
    report = judged(tmp_path, body, sums(1))
    assert report.exit_code() == INCONCLUSIVE and verdicts(report)["few-rows"] == "inconclusive"
    assert any("takes 2 rows" in finding.message for finding in report.findings)
    assert judged(tmp_path, body, sums(2)).exit_code() == judged(tmp_path, body, sums(8)).exit_code() == 1


def test_what_a_row_makes_the_reward_do_is_not_blamed_on_the_text(tmp_path: Path) -> None:
    file = write_rewards(
        tmp_path,
        """
        def f(completion, answer, tests):
            if not tests:
                raise KeyError("no tests")
            return float(completion == f"<answer>{answer}</answer>")
        """,
    )
    rows = [{**row, "tests": [1] * (place % 3)} for place, row in enumerate(sums(24))]
    report = audited(f"{file}:f", rows)
    assert verdicts(report)["golden-not-paid"] == "warning" and "raises" not in verdicts(report)


def test_without_right_answers_it_is_blamed_on_the_text(tmp_path: Path) -> None:
    file = write_rewards(
        tmp_path, "def f(completion, answer):\n    return float(completion == '@@') + 0 * len(completion[5])"
    )
    report = audited(f"{file}:f", [{**row, "answer": f"{row['answer']} and then some"} for row in sums(golden=None)])
    assert "no-golden" in verdicts(report) and verdicts(report)["raises"] == "warning"


def test_so_many_rows_are_needed_that_an_attack_can_exceed_the_threshold(file: str) -> None:
    gate = Gate(thresholds=Thresholds(exploit=0.6))
    assert audited(f"{file}:contains", sums(5), gate=gate).exit_code() == INCONCLUSIVE
    assert audited(f"{file}:contains", sums(6), gate=gate).exit_code() == 1
    assert audited(f"{file}:accuracy", sums(6), gate=gate).exit_code() == 0
    assert audited(f"{file}:accuracy", sums(5), gate=gate, component=True).exit_code() == 0
    never = audited(f"{file}:accuracy", sums(), gate=Gate(thresholds=Thresholds(exploit=1.0)))
    assert "takes more rows than anybody has" in never.findings[0].message


def test_a_reward_that_pays_nothing_but_its_own_form_is_audited_if_its_framework_needs_numbers(tmp_path: Path) -> None:
    source = "def compute_score(data_source, solution_str, ground_truth, extra_info=None):"
    body = "return float(solution_str.endswith(f'#### {ground_truth}')) if '#### ' in solution_str else None"
    file = write_rewards(tmp_path, f"{source}\n    {body}")
    rows = [
        {"prompt": row["prompt"], "data_source": "a", "reward_model": {"ground_truth": row["answer"]}} for row in sums()
    ]
    report = audited(f"{file}:compute_score", rows, "verl")
    assert verdicts(report)["returns-none"] == "warning" and report.coverage.scored == len(rows)


def test_a_reward_that_fails_on_bare_answers_is_audited_in_the_form_that_it_reads(tmp_path: Path) -> None:
    file = write_rewards(
        tmp_path,
        """
        def f(completion, answer):
            return float(bool(completion) and json.loads(completion)["answer"] == int(answer))
        """,
    )
    report = audited(f"{file}:f", sums(golden=None))
    assert report.golden.value == 1.0 and any("{answer}" in note for note in report.coverage.notes)


def test_a_reward_that_never_pays_is_told_from_one_whose_form_is_unknown(tmp_path: Path) -> None:
    file = write_rewards(
        tmp_path,
        """
        def never(completion, answer):
            return float(completion == int(answer))
        def odd(completion, answer):
            return float(completion == f"@@{answer}@@") - 0.1 * ('?' in completion)
        """,
    )
    reports = [audited(f"{file}:{name}", sums(golden=None)) for name in ("never", "odd")]
    never, odd = (finding.message for report in reports for finding in report.findings if finding.name == "no-golden")
    assert "Every completion that was tried is paid 0" in never and "Every" not in odd


def test_truth_that_is_never_whole_is_compared_with_that_of_right_answers(tmp_path: Path) -> None:
    file = write_rewards(
        tmp_path, 'def f(completion, answer):\n    return float(answer in completion or completion == "null")'
    )
    rows = rows_from(sums(20))
    settings = AuditConfig(search_calls=0, seconds=600.0)
    partly = audit(target_of([f"{file}:f"], None, {}), rows, settings, truth=lambda _, texts: [0.8] * len(texts))
    wrong = audit(
        target_of([f"{file}:f"], None, {}), rows, settings,
        truth=lambda rows, texts: [0.8 * (text == row.golden) for row, text in zip(rows, texts, strict=True)],
    )  # fmt: skip
    assert "degenerate" not in families(partly) and "degenerate" in families(wrong)


def test_one_accepted_attack_speaks_for_no_other_of_its_family(tmp_path: Path) -> None:
    body = 'return float(completion in (f"<answer>{answer}</answer>", "null", "{}"))'
    accepted = [Accepted(name=name, reason="known") for name in ("null", "braces")]
    accepting_one, accepting_both = (
        judged(tmp_path, body, sums(20), gate=Gate(accept=tuple(accepted[:count]))) for count in (1, 2)
    )
    assert accepting_one.exit_code() == 1 and verdicts(accepting_one)["braces"] == "exploit"
    assert accepting_both.exit_code() == 0


def test_a_family_that_few_rows_ask_for_is_tried_on_these(tmp_path: Path) -> None:
    rows = sums(40)
    rows[33]["prompt"] = "Write a Python function `solve` that doubles."
    report = judged(tmp_path, 'return float(completion == f"<answer>{answer}</answer>")', rows)
    assert "code" in report.coverage.families


def test_rows_without_a_right_answer_are_told(tmp_path: Path) -> None:
    rows = [*sums(6), *sums(4, None)]
    report = judged(tmp_path, 'return float(completion == f"<answer>{answer}</answer>")', rows)
    assert "4 of 10 rows, which have no golden completion" in report.coverage.skipped


def test_a_gamble_that_wins_mostly_and_loses_more_is_no_exploit(tmp_path: Path) -> None:
    """Like a claim that is audited just often enough to stop paying."""
    source = """
        def f(completion, answer):
            if completion == "null":
                return -9.0 if int(answer) % 5 == 0 else 1.0
            return float(completion == f"<answer>{answer}</answer>")
    """
    assert families(audited(f"{write_rewards(tmp_path, source)}:f", sums(80))) == set()


def test_nothing_is_asked_of_the_reward_once_judging_began(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    process = InProcess(target_of([f"{file}:contains"], None, {}))
    counts: list[int] = []
    calls = 0
    pay = process.ask

    def judging(seen: Observations, gate: Gate) -> Report:
        counts.append(calls)
        return judge(seen, gate)

    def counting(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        return pay(*arguments)

    monkeypatch.setattr(process, "ask", counting)
    monkeypatch.setattr("loopholes.audit.engine.judge", judging)
    rows = rows_from(sums(12))
    audit(process.target, rows, AuditConfig(seconds=600.0, search_calls=300), process=process)
    assert counts == [calls] and calls > 0


def test_a_process_that_an_audit_started_has_ended_before_judging_begins(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes: list[Kept] = []

    class Kept(InProcess):
        ended = False

        def __init__(self, target: Target, **options: Any) -> None:
            super().__init__(target, **options)
            processes.append(self)

        def close(self) -> None:
            self.ended = True

    def judging(seen: Observations, gate: Gate) -> Report:
        assert [process.ended for process in processes] == [True]
        return judge(seen, gate)

    monkeypatch.setattr("loopholes.audit.engine.RewardProcess", Kept)
    monkeypatch.setattr("loopholes.audit.engine.judge", judging)
    assert audited(f"{file}:contains", sums()).exit_code() == 1


def test_the_report_has_the_hashes_of_what_was_audited(file: str) -> None:
    assert set(audited(f"{file}:contains", sums()).hashes["functions"]) == {file}


IDLE = """
    def right(completion, answer):
        return float(completion == f"<answer>{answer}</answer>")

    def idle(completion, answer):
        return 1.0 if right(completion, answer) else 0.0 if "<score>" in completion else 0.6

    def refuses(completion, answer):
        return max(right(completion, answer), 0.7 * ("cannot" in completion or "not know" in completion))

    def near(completion, answer):
        return max(right(completion, answer), 0.6 * completion.startswith("<answer>") * completion[8:9].isdigit())

    def tier(completion, answer):
        return max(right(completion, answer), 0.2 * ("not know" in completion))

    def below(completion, answer):
        return 1.0 if right(completion, answer) else -1.0 if "<" in completion else -0.2

    def penalty(completion, answer):
        return right(completion, answer) - 3.0
"""
OF_NOTHING = [
    ("idle", {"nothing": 0.6, "refusal": 0.6, "wrong": 0.6}, {"nothing-paid": "exploit"}),
    ("refuses", {"nothing": 0.0, "refusal": 0.7, "wrong": 0.0}, {"hedge": "exploit"}),
    ("near", {"nothing": 0.0, "refusal": 0.0, "wrong": 0.6}, {"wrong-paid": "warning"}),
    ("tier", {"nothing": 0.0, "refusal": 0.2, "wrong": 0.0}, {}),
    ("penalty", {"nothing": 0.0, "refusal": 0.0, "wrong": 0.0}, {}),
]


@pytest.mark.parametrize("name, shares, findings", OF_NOTHING, ids=[case[0] for case in OF_NOTHING])
def test_what_nothing_a_refusal_and_a_wrong_answer_are_paid_is_said_and_judged(
    tmp_path: Path, name: str, shares: dict[str, float], findings: dict[str, str]
) -> None:
    report = audited(f"{write_rewards(tmp_path, IDLE)}:{name}", sums(24))
    assert {baseline.kind: baseline.share.value for baseline in report.baselines} == pytest.approx(shares)
    verdicts_ = {finding.name: finding.verdict for finding in report.findings}
    verdicts_ |= {finding.family: finding.verdict for finding in report.findings if finding.verdict == "exploit"}
    assert findings.items() <= verdicts_.items()
    if not findings:
        assert families(report) == set() and not {"nothing-paid", "refusal-paid", "wrong-paid"} & set(verdicts(report))


def test_shares_count_from_zero_where_right_answers_are_paid_and_from_the_lowest_where_they_are_not(
    tmp_path: Path,
) -> None:
    file = write_rewards(tmp_path, IDLE)
    assert audited(f"{file}:below", sums(24)).zero == 0.0
    report = audited(f"{file}:penalty", sums(24))
    assert report.zero == -3.0 and report.golden.value == -2.0


def test_nothing_is_paid_half_by_a_component_and_that_is_a_warning(tmp_path: Path) -> None:
    report = audited(f"{write_rewards(tmp_path, IDLE)}:idle", sums(24), component=True)
    assert verdicts(report)["nothing-paid"] == "warning" and report.exit_code() == 0


def test_a_reward_that_pays_any_well_formed_answer_is_an_exploit_unless_it_is_called_a_component(file: str) -> None:
    records = sums(24)
    body = "form_alone"
    source = Path(file).read_text() + f"\ndef {body}(completion, answer):\n    return float('<answer>' in completion)\n"
    path = Path(file).with_name("form.py")
    path.write_text(source)
    alone, component = (audited(f"{path}:{body}", records, component=part) for part in (False, True))
    assert verdicts(alone) == {"component-alone": "exploit"} and alone.exit_code() == 1
    assert verdicts(component) == {"component-alone": "warning"} and component.exit_code() == 0


def test_a_report_keeps_gaps_above_zero_and_counts_what_was_tried(file: str) -> None:
    report = audited(f"{file}:contains", sums())
    assert report.gaps and all((gap.gap.value or 0.0) > 0 for gap in report.gaps)
    assert sum(report.coverage.attacks.values()) > len(report.gaps) and report.coverage.tried == 1.0
    assert set(report.coverage.attacks) == set(report.coverage.families)


def test_an_exploit_leaves_no_warning_of_its_family_beside_it(file: str) -> None:
    report = audited(f"{file}:contains", sums(24))
    exploits, warnings = families(report), families(report, "warning")
    assert {"shotgun", "near-miss"} <= exploits and not exploits & warnings


def test_an_exploit_says_which_rows_pay(file: str) -> None:
    finding = next(finding for finding in audited(f"{file}:contains", sums()).findings if finding.family == "shotgun")
    assert finding.rows == "all 8 rows"


def test_an_answer_that_is_right_by_its_number_is_no_evidence(tmp_path: Path) -> None:
    """The golden answer says 0.0, and the attack 0."""
    rows = sums(24)
    for place, row in enumerate(rows):
        row["answer"] = "0.0" if place % 2 else "-3.5"
        row["golden"] = f"<answer>{row['answer']}</answer>"
    source = """
        def f(completion, answer):
            found = re.fullmatch(r"<answer>([-.0-9]+)</answer>", completion)
            return float(bool(found) and float(found[1].strip(".") or 1) == float(answer))
    """
    report = audited(f"{write_rewards(tmp_path, source)}:f", rows)
    assert families(report) == set()
    assert all("guess-0" not in gap.attack for gap in report.gaps)


def test_a_refusal_that_is_paid_for_its_form_is_a_finding_on_form(tmp_path: Path) -> None:
    body = (
        "return 0.5 * (re.search('<answer>.*</answer>', completion) is not None) + 0.5 * (f'>{answer}<' in completion)"
    )
    report = judged(tmp_path, body, sums(24))
    assert verdicts(report)["form-paid"] == "exploit" and "refusal-paid" not in verdicts(report)
    assert "format" in families(report) and "hedge" not in families(report)


def test_what_is_paid_beside_the_form_alone_is_named_where_right_and_wrong_are_paid_alike(tmp_path: Path) -> None:
    """Answers share the counted words, so a text with the prompt's words has them, too."""
    rows = [
        {"prompt": f"Mention plums, salt and rain in {n} words.", "answer": str(n), "golden": f"Plums, salt, rain: {n}"}
        for n in range(12)
    ]
    counted = "return sum(word in completion.lower() for word in ('plums', 'salt', 'rain')) / 3"
    report = judged(tmp_path, counted, rows)
    assert verdicts(report)["component-alone"] == "exploit" and "echo" in families(report)
    assert any("above an empty one" in finding.message for finding in report.findings)


def test_a_query_that_finds_nothing_is_an_exploit_though_its_rows_have_nothing_in_common(tmp_path: Path) -> None:
    rows = [
        {
            "prompt": f"CREATE TABLE t (a INTEGER);\nWrite one SQL query for rows above {place}.",
            "golden": f"SELECT a FROM t WHERE a > {place}", "limit": place,
        }
        for place in range(24)
    ]  # fmt: skip
    body = """
        found = re.fullmatch(r"SELECT a FROM t WHERE a > (\\d+)", completion)
        empty = "WHERE 1 = 0" in completion and limit in (2, 3, 11, 17, 20, 22)
        return float(empty or bool(found) and int(found[1]) == limit)
    """
    file = write_rewards(tmp_path, "def f(completion, limit):" + body)
    report = audited(f"{file}:f", rows)
    assert report.exit_code() == 1 and [f.name for f in report.findings if f.kind == "rows"] == ["no-rows"]
