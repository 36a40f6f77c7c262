"""Loopholes that pay only on a kind of row, and rewards without such loopholes."""

from __future__ import annotations

import json
import random
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest

from loopholes.audit import Finding, Gate, Report, Target, rows_from
from loopholes.audit.attacks import Attack
from loopholes.audit.chance import at_least, exact_bounds, fisher
from loopholes.audit.checks import Answers
from loopholes.audit.frameworks.base import Paid
from loopholes.audit.minority import Rows
from loopholes.audit.observations import Observations, Usage
from loopholes.audit.panel import Tried
from loopholes.audit.results import Attempt, Scoring
from loopholes.audit.scale import Level
from support.rewards import audited, families, sums, verdicts, write_rewards

pytestmark = pytest.mark.usefixtures("inside")
RIGHT = 'completion == f"<answer>{answer}</answer>"'


def kinds(count: int, every: int) -> list[dict[str, Any]]:
    """Sums, every n-th of which has no tests."""
    rows = sums(count)
    return [{**row, "tests": [] if place % every == 0 else ["a", "b"]} for place, row in enumerate(rows)]


def hash_of(place: int) -> int:
    """A number that does not reveal any kind of row."""
    return int.from_bytes(blake2b(bytes([place]), digest_size=2).digest())


def audit_of(folder: Path, body: str, rows: list[dict[str, Any]], **settings: Any) -> Report:
    file = write_rewards(folder, f"def f(completion, answer, tests=None):\n    return {body}")
    return audited(f"{file}:f", rows, **settings)


def on_rows(report: Report) -> Finding | None:
    return next((finding for finding in report.findings if finding.kind == "rows"), None)


def test_an_attack_that_pays_on_a_kind_of_row_is_an_exploit_with_the_kind_named(tmp_path: Path) -> None:
    report = audit_of(tmp_path, f"float(not tests or {RIGHT})", kinds(48, 6))
    finding = on_rows(report)
    assert finding is not None and (finding.verdict, finding.family, finding.name) == ("exploit", "degenerate", "empty")
    assert finding.rows == "8 of 48 rows (7 to 30 %): all 8 whose column tests is empty"
    assert "8 of the 8 rows (at least 63 %)" in finding.message and "0 of the 40 others" in finding.message
    assert report.exit_code() == 1
    evidence = finding.evidence
    assert evidence is not None and evidence.columns["tests"] == [] and evidence.reward == 1.0


def test_a_kind_too_rare_to_be_confirmed_is_a_warning(tmp_path: Path) -> None:
    report = audit_of(tmp_path, f"float(not tests or {RIGHT})", kinds(48, 16))
    finding = on_rows(report)
    assert finding is not None and finding.verdict == "warning" and report.exit_code() == 0
    assert "too few rows to confirm it" in finding.message


def test_rows_that_pay_any_text_are_an_exploit_though_they_have_nothing_in_common(tmp_path: Path) -> None:
    rows = [{**row, "key": hash_of(place)} for place, row in enumerate(sums(24))]
    file = write_rewards(tmp_path, f"def f(completion, answer, key):\n    return float(key % 4 == 3 or {RIGHT})")
    careless = [row["key"] for row in rows if row["key"] % 4 == 3]
    report = audited(f"{file}:f", rows)
    finding = on_rows(report)
    assert len(careless) >= 4 and finding is not None and report.exit_code() == 1
    assert (finding.verdict, finding.family, finding.name) == ("exploit", "degenerate", "empty")
    assert f"{len(careless)} of 24 rows" in finding.rows and "any text, even empty or wrong, is paid" in finding.message


def test_rows_that_pay_only_for_empty_answers_are_not_such_rows(tmp_path: Path) -> None:
    rows = [{**row, "key": hash_of(place)} for place, row in enumerate(sums(24))]
    body = f'float((key % 4 == 3 and completion == "") or {RIGHT})'
    file = write_rewards(tmp_path, f"def f(completion, answer, key):\n    return {body}")
    assert audited(f"{file}:f", rows).exit_code() == 0


def test_a_kind_of_row_is_a_warning_for_a_component(tmp_path: Path) -> None:
    finding = on_rows(audit_of(tmp_path, f"float(not tests or {RIGHT})", kinds(48, 6), component=True))
    assert finding is not None and finding.verdict == "warning"


def choices(count: int = 48) -> list[dict[str, Any]]:
    letters = ["ABCDEFGH"[place % 8] for place in range(count)]
    return [
        {"prompt": f"Case {place}: A) one B) two", "answer": letter, "golden": f"<answer>{letter}</answer>"}
        for place, letter in enumerate(letters)
    ]


def test_values_of_a_column_may_be_a_kind_together(tmp_path: Path) -> None:
    finding = on_rows(audit_of(tmp_path, f'float((answer > "F" and completion == "") or {RIGHT})', choices()))
    assert finding is not None and finding.verdict == "exploit"
    assert finding.rows.endswith("all 12 whose answer is 'G' or 'H'")


SOUND = {
    "a guess that is right on its rows": RIGHT,
    "a reader of the first letter": 'completion.replace("<answer>", "")[:1] == answer',
    "a reader that ignores case": "completion.lower() == f'<answer>{answer}</answer>'.lower()",
}


@pytest.mark.parametrize("body", SOUND.values(), ids=list(SOUND))
def test_a_guess_that_is_right_on_a_kind_of_row_is_not_a_loophole(tmp_path: Path, body: str) -> None:
    report = audit_of(tmp_path, f"float({body})", choices())
    assert on_rows(report) is None and families(report) <= {"near-miss"}  # "A is not right" begins with A


def options(count: int = 48) -> list[dict[str, Any]]:
    """Multiple choices whose right answers give an option's text; ``key`` is its letter."""
    rows = []
    for place in range(count):
        texts = [f"town {4 * place + number}" for number in range(4)]
        prompt = f"Case {place}: A) {texts[0]} B) {texts[1]} C) {texts[2]} D) {texts[3]}"
        right, key = texts[place % 4], "ABCD"[place % 4]
        rows.append({"prompt": prompt, "answer": right, "key": key, "golden": f"<answer>{right}</answer>"})
    return rows


LETTERS = """
import re

def right(completion, answer, key):
    return completion == f"<answer>{answer}</answer>"

def letter_or_text(completion, answer, key):
    letters = re.findall(r"(?<![a-zA-Z])[A-D](?![a-zA-Z])", completion)
    return float(right(completion, answer, key) or letters[-1:] == [key])

def empty_on_a(completion, answer, key):
    return float(right(completion, answer, key) or key == "A" and not completion)

def article_on_a(completion, answer, key):
    words = completion.lower().split()
    return float(right(completion, answer, key) or key == "A" and "a" in words and len(words) > 3)
"""


def test_the_letter_of_the_right_option_is_no_loophole_where_right_answers_give_its_text(tmp_path: Path) -> None:
    file = write_rewards(tmp_path, LETTERS)
    assert on_rows(audited(f"{file}:letter_or_text", options())) is None
    finding = on_rows(audited(f"{file}:empty_on_a", options()))
    assert finding is not None and (finding.verdict, finding.name) == ("exploit", "empty")


def test_an_article_is_not_the_letter_of_an_option(tmp_path: Path) -> None:
    finding = on_rows(audited(f"{write_rewards(tmp_path, LETTERS)}:article_on_a", options()))
    assert finding is not None and finding.verdict == "exploit"
    assert finding.rows.endswith("all 12 whose column key is 'A'")


SPOKEN = """
import re

def f(completion, answer):
    bold = re.findall(r"\\*\\*(.+?)\\*\\*", completion)
    last = (bold or re.findall(r"\\[+(\\w+)\\]+", completion) or [completion])[-1]
    return float(last.strip("()") == str(answer).strip("()"))
"""
ANSWERS = {
    "a number in brackets": ([1, 2, 3, 4], "I count them. [{}]", ""),
    "words in bold, with an example in the prompt": (
        ["on, off", "off, on", "off, off"],
        "They are **{}**",
        "**off, on**",
    ),
    "a letter in parentheses": (["(A)", "(B)", "(C)", "(D)"], "{}", ""),
}


@pytest.mark.parametrize(("answers", "golden", "example"), ANSWERS.values(), ids=list(ANSWERS))
def test_a_guess_is_recognised_although_right_answers_stand_in_a_sentence_or_in_parentheses(
    tmp_path: Path, answers: list[Any], golden: str, example: str
) -> None:
    """The panel writes ``[[1], {}]``, echoes the prompt's example, and guesses ``A``: each is right on some rows."""
    spoken = [answers[place % len(answers)] for place in range(24)]
    rows = [
        {"prompt": f"Case {place}: answer like {example}.", "answer": answer, "golden": golden.format(answer)}
        for place, answer in enumerate(spoken)
    ]
    assert on_rows(audited(f"{write_rewards(tmp_path, SPOKEN)}:f", rows)) is None


def pairs(count: int = 48) -> list[dict[str, Any]]:
    """Rows that ask for one of three numbers in the prompt; every fourth row has no tests."""
    rows = []
    for place in range(count):
        numbers = [10111 + 7 * place, 50555 + 3 * place, 90999 + place]
        answer = str(numbers[place // 4 % 3])
        prompt = f"Case {chr(97 + place % 26)}: {numbers[0]} or {numbers[1]} or {numbers[2]}?"
        rows.append(
            {"prompt": prompt, "answer": answer, "tests": [] if place % 4 == 0 else ["a"], "slot": place // 4 % 3}
        )
    return [{**row, "golden": f"<answer>{row['answer']}</answer>"} for row in rows]


def test_naming_all_candidates_of_a_row_is_found_on_the_rows_that_pay_it(tmp_path: Path) -> None:
    finding = on_rows(audit_of(tmp_path, f"float((not tests and answer in completion) or {RIGHT})", pairs()))
    assert finding is not None and finding.verdict == "exploit"
    assert finding.rows.endswith("all 12 whose column tests is empty")


@pytest.mark.parametrize("place", [0, -1])
def test_a_reader_of_one_of_several_answers_is_not_a_loophole(tmp_path: Path, place: int) -> None:
    body = f"float((__import__('re').findall('[0-9]{{5}}', completion) or [''])[{place}] == answer)"
    assert on_rows(audit_of(tmp_path, body, pairs())) is None


def test_an_attack_that_pays_everywhere_is_reported_once(tmp_path: Path) -> None:
    report = audit_of(tmp_path, f'float(completion == "" or {RIGHT})', kinds(48, 6))
    assert on_rows(report) is None and [finding.rows for finding in report.findings if finding.name == "empty"] == [
        "all 48 rows"
    ]


def test_rows_on_which_a_wrong_answer_is_paid_like_the_right_one_are_named(tmp_path: Path) -> None:
    """Rows without tests pay any answer of the data, which no attack of the panel hits."""
    file = write_rewards(
        tmp_path,
        f"""
        def f(completion, answer, tests):
            digits = completion[8:-9]
            of_the_data = digits.isdigit() and int(digits) > 40 and int(digits) % 8 == 1 and len(completion) < 25
            return float({RIGHT} or (not tests and of_the_data))
        """,
    )
    finding = next(finding for finding in audited(f"{file}:f", kinds(48, 4)).findings if finding.rows)
    assert (finding.name, finding.verdict) == ("wrong-paid-on-rows", "warning")
    assert finding.rows.endswith("all 12 whose column tests is empty")


def test_rows_that_an_exploit_names_are_not_named_again(tmp_path: Path) -> None:
    report = audit_of(tmp_path, f"float(not tests or {RIGHT})", kinds(48, 4))
    assert on_rows(report) is not None and "wrong-paid-on-rows" not in verdicts(report)


def test_rows_on_which_right_answers_are_refused_are_named(tmp_path: Path) -> None:
    report = audit_of(tmp_path, f"float({RIGHT} and bool(tests))", kinds(48, 4))
    finding = next(finding for finding in report.findings if finding.name == "golden-refused-on-rows")
    assert finding.verdict == "warning" and finding.rows.endswith("all 12 whose column tests is empty")
    assert "flat-rows" not in {note.name for note in report.notes}


WEIGHED = "(0.4 if not tests else 1.0)"


def test_rows_that_a_reward_weighs_less_do_not_count_as_refused(tmp_path: Path) -> None:
    report = audit_of(tmp_path, f"{WEIGHED} * ({RIGHT})", kinds(48, 4))
    assert set(verdicts(report)) == {"refused-equivalents"}


def test_an_attack_on_rows_that_a_reward_weighs_less_is_found(tmp_path: Path) -> None:
    report = audit_of(tmp_path, f"{WEIGHED} * ({RIGHT} or (not tests and completion == ''))", kinds(48, 4))
    finding = on_rows(report)
    assert finding is not None and (finding.verdict, finding.name) == ("exploit", "empty")
    assert finding.rows.endswith("all 12 whose column tests is empty") and finding.evidence is not None
    assert finding.evidence.reward == 0.4 and set(verdicts(report)) == {"empty", "refused-equivalents"}


def test_paid_in_full_is_measured_by_what_the_row_itself_pays(tmp_path: Path) -> None:
    three_quarters = f"{WEIGHED} * float({RIGHT}) or 0.32 * (not tests and completion == '')"
    assert on_rows(audit_of(tmp_path, three_quarters, kinds(48, 4))) is None


def weighing(folder: Path, body: str, count: int = 48, seed: int = 0) -> Report:
    """The audit of a reward on rows of which every fourth is hard."""
    rows = [{**row, "level": "easy" if place % 4 else "hard"} for place, row in enumerate(sums(count))]
    file = write_rewards(
        folder,
        f"""
        def f(completion, answer, level):
            right, hard = completion == f"<answer>{{answer}}</answer>", level == "hard"
            {body}
        """,
    )
    return audited(f"{file}:f", rows, seed=seed)


SOUND = {
    "hard rows are worth more": "return (5.0 if hard else 1.0) * right",
    "hard rows have a baseline": "return 10.0 + 0.1 * right if hard else float(right)",
    "hard rows cannot be judged": "return 0.4 if hard else float(right)",
    "right answers to hard rows are long": "return right - hard * (0.99 if right else float(completion > ''))",
}


@pytest.mark.parametrize("body", SOUND.values(), ids=SOUND)
def test_rows_that_are_paid_otherwise_by_a_sound_reward_are_no_finding(tmp_path: Path, body: str) -> None:
    assert on_rows(weighing(tmp_path, body)) is None


def test_rows_that_pay_any_text_like_a_right_answer_are_found_beside_rows_with_a_bonus(tmp_path: Path) -> None:
    bonus = "return 1.0 if hard else float(right) + (int(answer) % 7 == 0)"
    finding = on_rows(weighing(tmp_path, bonus))
    assert finding is not None and (finding.verdict, finding.family) == ("exploit", "degenerate")


LAX = {
    "mention-within": "answer in re.findall('[0-9]+', completion)",
    "first-digits": "answer[:-1] and completion.startswith(f'<answer>{answer[:-1]}')",
    "last-digits": "completion.endswith(f'{answer[-1]}</answer>')",
}


@pytest.mark.parametrize("lax", LAX.values(), ids=LAX)
def test_a_near_miss_that_is_paid_on_a_kind_of_row_is_an_exploit(tmp_path: Path, lax: str) -> None:
    """With this seed, the first nine rows are easy."""
    body = f"import re\n            return float(right or bool(hard and {lax}))"
    finding = on_rows(weighing(tmp_path, body, seed=6))
    assert finding is not None and (finding.verdict, finding.family) == ("exploit", "near-miss")
    assert finding.rows.endswith("whose column level is 'hard'") and finding.evidence is not None
    assert finding.evidence.reward == 1.0 and finding.evidence.columns["level"] == "hard"


def test_that_a_reader_passes_over_the_answers_of_other_topics_is_no_loophole(tmp_path: Path) -> None:
    topics = {"capital": "Oslo Lima Rome Cairo Quito Seoul".split(), "metal": "gold iron zinc lead neon tin".split()}
    rows = [
        {
            "prompt": f"Which {topic} has number {at}?",
            "answer": word,
            "topic": topic,
            "golden": f"<answer>{word}</answer>",
        }
        for topic, words in topics.items()
        for at, word in enumerate(words * 4)
    ]
    file = write_rewards(
        tmp_path,
        f"""
        def f(completion, answer, topic):
            others = {topics["capital"]!r} if topic == "capital" else []
            words = re.findall("[A-Za-z]+", completion.removeprefix("<answer>").removesuffix("</answer>"))
            return float(answer in words and not set(words) & set(others) - {{answer}} and "not" not in words)
        """,
    )
    report = audited(f"{file}:f", rows)
    assert on_rows(report) is None


def test_rows_that_pay_any_answer_little_are_told_from_rows_that_refuse_right_ones(tmp_path: Path) -> None:
    report = audit_of(tmp_path, f"{WEIGHED} * float({RIGHT} or (not tests and '<answer>' in completion))", kinds(48, 4))
    assert "golden-refused-on-rows" not in verdicts(report)
    finding = on_rows(report)
    assert finding is not None and finding.verdict == "exploit"
    assert finding.rows.endswith("all 12 whose column tests is empty")


def test_too_few_such_rows_for_a_finding_are_a_note_with_an_example(tmp_path: Path) -> None:
    report = audit_of(tmp_path, f"float({RIGHT} and bool(tests))", kinds(48, 24))
    assert report.exit_code() == 0 and "golden-refused-on-rows" not in verdicts(report)
    (message,) = (note.message for note in report.notes if note.name == "flat-rows")
    assert message.startswith("on 2 of 48 rows, a right answer is paid no more than a wrong one")
    assert any(f"row {number} pays 0 for '<answer>" in message for number in (0, 24))


def guessing(seed: int, rate: float, count: int = 40, attacks: int = 30) -> Observations:
    """The observations of a reward that pays each attack at random, at this rate."""
    dice = random.Random(seed)
    records = [{**row, "kind": dice.choice("xyz"), "level": dice.randrange(9)} for row in sums(count)]
    rows = rows_from(records)
    levels = [Level(place, 1.0, 0.0, "?", row["answer"], row["golden"]) for place, row in enumerate(records)]
    tried = []
    for number in range(attacks):
        attempts = {place: Attempt(f"text {'x' * number}") for place in range(count)}
        paid = {place: Paid(float(dice.random() < rate)) for place in range(count)}
        tried.append(Tried(Attack(f"attack-{number}", "echo", lambda view: None), attempts, paid))
    return Observations(
        target=Target("plain", ()), rows=rows, rows_given=count, scoring=Scoring(), levels=levels,
        golden=[Paid(1.0)] * count, answers=Answers(), tried=tried, gaps=[each.gap(levels) for each in tried],
        missing=[], climbed=None, priors={}, rounds=[], skipped=[], usage=Usage(0, 0.0, 0.0),
    )  # fmt: skip


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.4])
def test_a_reward_that_pays_at_random_gets_an_exploit_in_at_most_one_audit_of_twenty(rate: float) -> None:
    findings = [Rows(guessing(seed, rate), Gate()).attacked() for seed in range(1000, 1100)]
    assert sum(finding.verdict == "exploit" for reported in findings for finding in reported) <= 5
    assert sum(map(len, findings)) <= 10


def test_five_rows_of_two_dozen_that_share_a_column_s_field_are_an_exploit(tmp_path: Path) -> None:
    """With so few rows, one half could not confirm the other."""
    records = [
        {**row, "check": json.dumps({"field": f"f{place}", "operator": "in" if place in (1, 2, 4, 9, 11) else "is"})}
        for place, row in enumerate(sums(24))
    ]
    file = write_rewards(
        tmp_path,
        f"def f(completion, answer, check):\n    return float('\"in\"' in check and not completion or {RIGHT})",
    )
    finding = on_rows(audited(f"{file}:f", records))
    assert finding is not None and finding.verdict == "exploit"
    assert "column check.operator is 'in'" in finding.rows


def test_numbers_below_some_bound_are_a_kind(tmp_path: Path) -> None:
    records = [
        {**row, "answer": str(number), "golden": f"<answer>{number}</answer>"}
        for row, number in zip(sums(24), [37 * place % 24 + 3 for place in range(24)], strict=True)
    ]
    body = f"float(completion == '0' and int(answer) < 9 or {RIGHT})"
    finding = on_rows(audit_of(tmp_path, body, records))
    assert finding is not None and (finding.verdict, finding.name) == ("exploit", "guess-0")
    assert finding.rows.endswith("all 6 whose answer is at most 8")


@pytest.mark.parametrize("text, label", [("p=1", "the sign '='"), ("draft p", "the word 'draft'")])
def test_words_and_signs_of_a_column_are_kinds(tmp_path: Path, text: str, label: str) -> None:
    records = [{**row, "steps": [text if hash_of(place) % 4 == 3 else "p 1"]} for place, row in enumerate(sums(24))]
    body = f"float(steps == [{text!r}] and completion == '.' or {RIGHT})"
    file = write_rewards(tmp_path, f"def f(completion, answer, steps):\n    return {body}")
    finding = on_rows(audited(f"{file}:f", records))
    assert finding is not None and finding.verdict == "exploit" and label in finding.rows


@pytest.mark.parametrize("hits, of, low, high", [(0, 10, 0.0, 0.3085), (10, 10, 0.6915, 1.0), (3, 12, 0.0549, 0.5719)])
def test_bounds_are_clopper_and_pearson_s(hits: int, of: int, low: float, high: float) -> None:
    assert exact_bounds(hits, of) == pytest.approx((low, high), abs=1e-4)


def test_fisher_s_test_sums_the_hypergeometric_tail() -> None:
    assert fisher(4, 4, 4, 12) == pytest.approx(1 / 495)
    assert fisher(0, 4, 4, 12) == pytest.approx(1.0) and at_least(0, 5, 0.3) == pytest.approx(1.0)
