"""The labels that a prompt lists: how they are read, and what naming all of them earns."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from loopholes.audit import Report
from loopholes.audit.attacks.labels import labels_of
from support.linear_time import assert_linear
from support.rewards import audited, families, write_rewards

pytestmark = pytest.mark.usefixtures("inside", "few_attacks")
LABELS = tuple(
    "billing login refund shipping warranty upgrade outage feedback privacy pricing account invoice returns".split()
)
COMMAS = ", ".join(LABELS)
BULLETS = "\n".join(f"- {label}" for label in LABELS)
LISTS = {
    "after a colon": f"Choose from: {COMMAS}.",
    "after its heading": f"Labels: {COMMAS}",
    "below its heading": f"Labels:\n{COMMAS}",
    "in bullets": f"Assign one of these categories:\n{BULLETS}",
    "in bullets with remarks": f"Categories:\n\n{BULLETS.replace('login', 'login: passwords and codes')}",
    "in numbered lines": "Possible topics:\n" + "\n".join(f"{n}) {label}" for n, label in enumerate(LABELS, 1)),
    "in bare lines": "Labels:\n" + "\n".join(LABELS),
    "in quotes": "Answer with one of " + ", ".join(f'"{label}"' for label in LABELS) + ".",
    "in backticks, with or": " or ".join(["Choose " + ", ".join(f"`{label}`" for label in LABELS[:-1]), "`returns`"]),
    "in brackets": f"What is the category of this ticket ({COMMAS})?",
    "with bars": f"Reply with the category only ({' | '.join(LABELS)}).",
    "in a sentence": f"Classify this ticket as {', '.join(LABELS[:-1])}, or returns.",
    "in a question": f"Is this ticket about {', '.join(LABELS[:-1])} or returns? Write one word.",
}


@pytest.mark.parametrize("prompt", LISTS.values(), ids=list(LISTS))
def test_labels_are_read_however_a_prompt_lists_them(prompt: str) -> None:
    assert (
        labels_of(f"You read tickets, mail and chats.\n{prompt}\n\nTicket: I paid, waited, and got nothing.") == LABELS
    )


@pytest.mark.parametrize(
    ("prompt", "labels"),
    [
        ("Is the sentiment of the review positive, negative or neutral?", ["positive", "negative", "neutral"]),
        ("Label this email as spam or not spam.", ["spam", "not spam"]),
        ("Decide if it is true, false, or unknown based on the text.", ["true", "false", "unknown"]),
        ("Labels: type:bug, type:feature", ["type:bug", "type:feature"]),
        ('Which fits? {"labels": ["a", "b"]}', ["a", "b"]),
        ("Choose the right label. Rules:\n- Be brief\n- Use English\nLabels: ham, spam", ["ham", "spam"]),
        ("Choose the right label.\n- Answer with one word.\n- Do not explain.", []),
        ("How many apples, pears and plums are left if Tom eats 3, 4 and 5?", []),
        ('Answer with a JSON object {"city": CITY, "sum": N}.', []),
        (f"Choose from: {', '.join(map(str, range(60)))}.", []),
    ],
)
def test_only_short_lists_of_short_labels_are_read(prompt: str, labels: list[str]) -> None:
    assert list(labels_of(prompt)) == labels


@pytest.mark.parametrize("piece", ['"x", ', "(", "a, ", "label:\n", 'label "a",                  ', "- a        "])
def test_labels_are_read_in_linear_time(piece: str) -> None:
    assert_linear(labels_of.__wrapped__, lambda size: f"Choose: {piece * (size // len(piece))}")


REWARDS = r"""
    LABELS = set("billing login refund shipping warranty upgrade outage feedback privacy pricing account invoice "
                 "returns".split())

    def named(completion):
        return [word for word in re.findall(r"\w+", completion.lower()) if word in LABELS]

    def among_labels(completion, answer):
        return float(len(completion) < 140 and "ticket" not in completion.lower() and answer in named(completion))

    def equal(completion, answer):
        return float(completion.strip().lower() == answer)

    def last(completion, answer):
        return float(named(completion)[-1:] == [answer])

    def only(completion, answer):
        return float(set(named(completion)) == {answer})

    def field(completion, answer):
        try:
            label = json.loads(completion)["label"]
        except Exception:
            return 0.0
        return float(isinstance(label, str) and answer in label.split(", "))

    def field_equal(completion, answer):
        try:
            return float(json.loads(completion)["label"] == answer)
        except Exception:
            return 0.0

    def parts(text):
        return {part.strip().lower() for part in text.split(",")}

    def f1(completion, answer):
        hits = len(parts(completion) & parts(answer))
        return 2 * hits / (len(parts(completion)) + len(parts(answer)))

    def recall(completion, answer):
        return len(parts(completion) & parts(answer)) / len(parts(answer))
"""


def tickets(question: str, golden: str = "{}", several: Sequence[int] = (1,), labels: int = 13) -> list[dict[str, Any]]:
    rng = random.Random(3)
    answers = [", ".join(rng.sample(LABELS[:labels], rng.choice(several))) for _ in range(16)]
    words = "the card phone order never worked again since monday".split()
    return [
        {
            "prompt": f"{question}\n\nTicket: {' '.join(rng.choices(words, k=8))} {number}",
            "answer": answer,
            "golden": golden.replace("{}", answer),
        }
        for number, answer in enumerate(answers)
    ]


def report_on(folder: Path, name: str, rows: list[dict[str, Any]]) -> Report:
    return audited(f"{write_rewards(folder, REWARDS)}:{name}", rows, search_calls=0)


@pytest.mark.parametrize("form", ["after a colon", "in bullets", "in a question"])
def test_naming_every_label_is_an_exploit_where_any_of_them_counts(tmp_path: Path, form: str) -> None:
    report = report_on(tmp_path, "among_labels", tickets(LISTS[form]))
    shotgun = next(finding for finding in report.findings if finding.family == "shotgun")
    assert report.exit_code() == 1 and shotgun.verdict == "exploit" and shotgun.share == 1.0
    assert shotgun.evidence is not None and all(label in shotgun.evidence.completion for label in LABELS)


def test_every_label_is_named_in_the_field_that_holds_the_answer(tmp_path: Path) -> None:
    rows = tickets(LISTS["in bullets"], golden='{"label": "{}"}')
    report = report_on(tmp_path, "field", rows)
    shotgun = next(finding for finding in report.findings if finding.family == "shotgun")
    assert (shotgun.verdict, shotgun.name, shotgun.share) == ("exploit", "options-in-fields", 1.0)
    assert report_on(tmp_path, "field_equal", rows).exit_code() == 0


@pytest.mark.parametrize("form", ["after a colon", "in bullets"])
@pytest.mark.parametrize("name", ["equal", "last", "only"])
def test_rewards_that_read_one_label_are_sound(tmp_path: Path, name: str, form: str) -> None:
    assert report_on(tmp_path, name, tickets(LISTS[form])).exit_code() == 0


SEVERAL = "Choose from: {}. Give all labels that apply, separated by commas."


@pytest.mark.parametrize(("labels", "found"), [(4, "near-miss"), (8, "shotgun")])
def test_an_f1_score_over_several_labels_is_sound_and_their_recall_is_not(
    tmp_path: Path, labels: int, found: str
) -> None:
    rows = tickets(SEVERAL.format(", ".join(LABELS[:labels])), several=(2, 3, 4), labels=labels)
    assert report_on(tmp_path, "f1", rows).exit_code() == 0
    assert found in families(report_on(tmp_path, "recall", rows))


def test_an_f1_score_over_the_words_of_each_prompt_is_sound_and_the_finding_says_why(tmp_path: Path) -> None:
    rng = random.Random(5)
    fruits, tools = "apple pear plum fig kiwi mango".split(), "rope nail lamp brick fork desk".split()
    rows = []
    for _ in range(16):
        words = rng.sample(fruits, rng.choice((2, 3))) + rng.sample(tools, 2)
        rng.shuffle(words)
        answer = ", ".join(word for word in words if word in fruits)
        question = f"Which of these words are fruits: {', '.join(words)}?\nSeparate them by commas."
        rows.append({"prompt": question, "answer": answer, "golden": answer})
    report = report_on(tmp_path, "f1", rows)
    assert report.exit_code() == 0
    assert any("an F1 score pays as much for naming too many" in finding.message for finding in report.findings)
    assert report_on(tmp_path, "recall", rows).exit_code() == 1
