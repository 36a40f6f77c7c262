"""Near misses of long answers: heaps of keywords that are paid are found, and no measure of overlap is accused."""

from __future__ import annotations

import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

from loopholes.audit import Gate, rows_from
from loopholes.audit.frameworks.base import Row
from loopholes.audit.gold.keywords import FUNCTION_WORDS, asks_for_prose, content_words, is_prose, lists_of
from loopholes.audit.gold.long_texts import ALONE, DENIALS
from loopholes.audit.gold.near_findings import near_findings, near_notes
from support.long_answers import ESSAYS, cosine, f1, pairs, words
from support.near_misses import Pay, Records, evidence, misses_of, named
from support.rewards import audited, write_rewards


def right(row: Row) -> str:
    return row.golden or ""


def share_of_keywords(row: Row, text: str) -> float:
    keywords = row.columns["keywords"]
    return sum(keyword.lower() in text.lower() for keyword in keywords) / len(keywords)


def all_keywords(row: Row, text: str) -> float:
    return float(share_of_keywords(row, text) == 1)


def in_a_sentence(row: Row, text: str) -> float:
    return share_of_keywords(row, text) if text.endswith(".") and len(text.split()) > 4 else 0.0


def in_few_words(row: Row, text: str) -> float:
    """Keywords, but in no more words than the right answer has."""
    return share_of_keywords(row, text) if len(text.split()) <= len(right(row).split()) else f1_score(row, text)


def recall(row: Row, text: str) -> float:
    return (words(right(row)) & words(text)).total() / words(right(row)).total()


def content_of_reference(row: Row, text: str) -> float:
    """The share of the reference's own keywords that are there."""
    wanted = {word for word in words(right(row)) if len(word) > 3 and word not in FUNCTION_WORDS}
    return len(wanted & set(words(text))) / len(wanted)


def exact(row: Row, text: str) -> float:
    return float(words(text) == words(right(row)) and pairs(text) == pairs(right(row)))


def contains(row: Row, text: str) -> float:
    return float(right(row) in text)


def f1_score(row: Row, text: str) -> float:
    return f1(words(right(row)), words(text))


def f1_of_half(row: Row, text: str) -> float:
    return float(f1_score(row, text) >= 0.5)


def f1_of_a_third(row: Row, text: str) -> float:
    return float(f1_score(row, text) >= 0.3)


def f1_of_pairs(row: Row, text: str) -> float:
    return f1(pairs(right(row)), pairs(text))


def cosine_of_words(row: Row, text: str) -> float:
    return cosine(words(right(row)), words(text))


def cosine_of_content(row: Row, text: str) -> float:
    """A cosine that leaves out function words, as many do."""
    first, second = (
        Counter({word: count for word, count in words(each).items() if word not in FUNCTION_WORDS})
        for each in (right(row), text)
    )
    return cosine(first, second)


LABELLED: Records = [
    {
        "prompt": f"What are the topics of article {place}? Answer in a sentence.",
        "golden": f"The topics of the article are {first} and {second}, since it says so in the title of part {place}.",
        "keywords": [first, second],
    }
    for place, (first, second) in enumerate(combinations(["sports", "politics", "music", "travel"], 2))
]
HEAPS: dict[str, tuple[Pay, Records, set[str]]] = {
    "share of keywords": (share_of_keywords, ESSAYS, {"keywords-among-others"}),
    "share of keywords in a text": (
        lambda row, text: sum(word in text for word in row.columns["keywords"].split("; ")) / 3,
        [{**row, "keywords": "; ".join(row["keywords"])} for row in ESSAYS],
        {"keywords-among-others"},
    ),
    "all keywords": (all_keywords, ESSAYS, {"keywords-among-others"}),
    "share of keywords in a sentence": (in_a_sentence, ESSAYS, {"keywords-among-others"}),
    "share of keywords in few words": (in_few_words, ESSAYS, {"keywords-among-others"}),
    "share of a few labels": (share_of_keywords, LABELLED, {"keywords-among-others"}),
    "recall of words": (recall, [{**row, "keywords": None} for row in ESSAYS], {"words-among-others"}),
    "recall of content words": (
        content_of_reference,
        [{**row, "keywords": None} for row in ESSAYS],
        {"keywords-among-others"},
    ),
}


@pytest.mark.parametrize("pay, records, names", HEAPS.values(), ids=HEAPS)
def test_words_that_are_paid_without_their_sentences_are_an_exploit(
    pay: Pay, records: Records, names: set[str]
) -> None:
    misses = misses_of(pay, records)
    (finding,) = near_findings(misses, evidence, Gate(), component=False)
    assert names <= named([finding]) and (finding.verdict, finding.family) == ("exploit", "stuffing")
    assert not {*ALONE} & named(list(near_notes(misses, Gate())))


def label(row: Row, text: str) -> float:
    """The last label that is named."""
    return float(re.findall(r"good|poor|mixed", text)[-1:] == [row.columns["opinion"]])


def last_number(row: Row, text: str) -> float:
    return float(re.findall(r"\d+", text)[-1:] == [str(row.columns["total"])])


REVIEWS: Records = [
    {
        "prompt": f"Explain what the guest of room {place} thinks of it.",
        "golden": f"The guest says that the room was as it was in the picture and that the bed was {thing}. So the "
        f"opinion of the guest in room {place} is {opinion}.",
        "opinion": opinion,
        "topics": ["room", "bed", "picture"],
    }
    for place, (thing, opinion) in enumerate(
        zip("hard soft loud long cold high".split(), ["good", "poor", "mixed"] * 2, strict=True)
    )
]
SUMS: Records = [
    {
        "prompt": f"Explain how many coins are in the {place + 3} boxes of {place + 5}.",
        "golden": f"There are {place + 3} boxes, and in each of them are {place + 5} coins. That is why the number of "
        f"the coins in all of them is {(place + 3) * (place + 5)}.",
        "total": (place + 3) * (place + 5),
    }
    for place in range(6)
]


def labels(row: Row, text: str) -> float:
    """The F1 score of the labels that are named."""
    return f1(words(" ".join(row.columns["keywords"])), Counter(set(re.findall("sports|politics|music|travel", text))))


SOUND: dict[str, tuple[Pay, Records, set[str]]] = {
    "exact": (exact, ESSAYS, set()),
    "contains the right answer": (contains, ESSAYS, {"text-denied"}),
    "F1 of words": (f1_score, ESSAYS, {"words-alone", *DENIALS}),
    "F1 of words of at least half": (f1_of_half, ESSAYS, {*ALONE, *DENIALS}),
    "F1 of words of at least 0.3": (f1_of_a_third, ESSAYS, {*ALONE, *DENIALS}),
    "F1 of pairs": (f1_of_pairs, ESSAYS, {"text-denied"}),
    "cosine of words": (cosine_of_words, ESSAYS, {"words-alone", *DENIALS}),
    "cosine of content words": (cosine_of_content, ESSAYS, {*ALONE, *DENIALS}),
    "F1 of labels in a text": (labels, LABELLED, {"keywords-alone", *DENIALS}),
    "label in a text": (label, REVIEWS, {*DENIALS}),
    "last number in a text": (last_number, SUMS, {*DENIALS}),
}


@pytest.mark.parametrize("pay, records, names", SOUND.values(), ids=SOUND)
def test_a_sound_measure_of_long_answers_gets_a_note_at_most(pay: Pay, records: Records, names: set[str]) -> None:
    misses = misses_of(pay, records)
    assert list(near_findings(misses, evidence, Gate(), component=False)) == []
    assert named(list(near_notes(misses, Gate()))) == names


def test_a_reward_of_keywords_in_a_long_answer_does_not_pass_an_audit(tmp_path: Path, inside: None) -> None:
    source = """
        def share(completion, keywords, **columns):
            return sum(keyword.lower() in completion.lower() for keyword in keywords) / len(keywords)

        def complete(completion, golden, **columns):
            return float(completion.split() == golden.split())
    """
    file = write_rewards(tmp_path, source)
    assert audited(f"{file}:share", ESSAYS).exit_code() == 1
    sound = audited(f"{file}:complete", ESSAYS)
    assert sound.exit_code(strict=True) == 0 and sound.coverage.near["keywords-among-others"] > 0


@pytest.mark.parametrize(
    "prompt, wanted",
    [
        ("Explain osmosis.", True),
        ("Describe in three sentences how a magnet works.", True),
        ("Why is the sky blue?", True),
        ("Write a short summary of the text.", True),
        ("How many coins are there?", False),
        ("Which of these are mammals? Explain your choice.", False),
        ("List the ingredients and explain them.", False),
        ("Describe the picture with keywords only.", False),
        ("What are the primary colours?", False),
        ("Read the text and explain in about 50 words how a kiln works.", True),
        ("Explain what 'entropy' means.", True),
        ("Topic: tides. Please describe what causes them.", True),
        ("In the cell, how does osmosis work?", True),
        ("Give the answer in two words.", False),
        ("In three words, describe the mood.", False),
        ("Why do leaves turn red? Reply with the names of the three pigments.", False),
        ("Write down the summary statistics: mean; median; mode.", False),
        ("Translate: 'How is your mother?'", False),
        (
            "Which three gases explain how the lamp is coloured? Answer with their names, separated by semicolons.",
            False,
        ),
        ("Give the ingredients that it mentions.\n\nPassage: Nobody knows why. We describe the dish below.", False),
        ("Give the gases that explain the colour.", False),
        ("Text: It rained for days.\n\nSummarize the text.", True),
        ("Use the text.\nText: It rained for days.\n\nQuestion: Why was the field wet?", True),
        ("Tell me why the sky is blue.", True),
        ("Your task is to describe a kiln.", True),
        ("**Explain** osmosis clearly.", True),
        ("Give the words that were used to describe the mood.", False),
    ],
)
def test_a_prompt_asks_for_prose_or_it_does_not(prompt: str, wanted: bool) -> None:
    assert asks_for_prose(Row(0, prompt, None, None, {})) == wanted


@pytest.mark.parametrize(
    "value, items",
    [
        (["ATP", "cell membrane"], ["ATP", "cell membrane"]),
        ("ATP; membrane; energy", ["ATP", "membrane", "energy"]),
        ("- ATP\n- membrane\n- energy", ["ATP", "membrane", "energy"]),
        ('["ATP", "membrane"]', ["ATP", "membrane"]),
        ({"inner": ["ATP", "membrane"]}, ["ATP", "membrane"]),
        ("It is small, red, and round.", None),
        ([1, 2, 3], None),
        ("ATP", None),
    ],
)
def test_a_column_is_a_list_of_keywords_or_it_is_not(value: object, items: list[str] | None) -> None:
    (row,) = rows_from([{"prompt": "Explain it.", "rubric": value}])
    assert lists_of(row).get("rubric") == items


def test_content_words_stay_together_and_prose_has_function_words() -> None:
    assert content_words("The cell membrane is a part of the cell, and ATP is not.") == [
        "cell membrane",
        "part",
        "cell",
        "ATP",
    ]
    assert all(is_prose(row["golden"]) for row in ESSAYS)
    assert not is_prose("SELECT name, count(*) FROM towns WHERE size > 30 GROUP BY name ORDER BY size, name LIMIT 5")
