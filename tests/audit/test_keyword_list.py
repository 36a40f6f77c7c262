"""A column's list of keywords that was assumed to be the right answer, where the prompts ask for sentences."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from support.long_answers import EXPLAINED
from support.rewards import audited, verdicts, write_rewards

pytestmark = pytest.mark.usefixtures("few_attacks")

REWARDS = """
    def split(rubric):
        return [item.strip().lower() for item in (rubric.split(";") if isinstance(rubric, str) else rubric)]

    def share(completion, rubric, **columns):
        items = split(rubric)
        return sum(item in completion.lower() for item in items) / len(items)

    def same(completion, rubric, **columns):
        return float(sorted(item.strip().lower() for item in re.split("[,;]", completion)) == sorted(split(rubric)))
"""


def rows(prompt: str, *, phrases: bool = False, joined: bool = True) -> list[dict[str, Any]]:
    """Rows with keywords alone, as a text or a list, and with longer ones if there are to be ``phrases``."""
    return [
        {
            "prompt": prompt.format(topic),
            "rubric": "; ".join(
                [f"{keyword} as a part of what {topic} is" if phrases else keyword for keyword in keywords]
            )
            if joined
            else keywords,
        }
        for topic, (_, keywords) in EXPLAINED.items()
    ]


@pytest.mark.parametrize("records", [rows("Explain {}."), rows("Why is there {}?", joined=False)], ids=["text", "list"])
def test_a_list_of_keywords_is_no_right_answer_to_a_prompt_that_asks_for_sentences(
    records: list[dict[str, Any]], tmp_path: Path, inside: None
) -> None:
    file = write_rewards(tmp_path, REWARDS)
    report = audited(f"{file}:share", records)
    assert verdicts(report)["keyword-list"] == "warning" and report.exit_code() == 1
    assert any(re.search(r"with rubric.* as the answer, such as '\w", note) for note in report.coverage.notes)
    assert verdicts(audited(f"{file}:same", records)) == {"keyword-list": "warning"}


def test_long_keywords_are_found_without_golden_completions(tmp_path: Path, inside: None) -> None:
    report = audited(f"{write_rewards(tmp_path, REWARDS)}:share", rows("Explain {}.", phrases=True))
    assert verdicts(report)["keyword-list"] == "warning" and report.exit_code() == 1


@pytest.mark.parametrize("prompt", ["List three things that belong to {}.", "Which keywords describe {}?", "{}:"])
def test_a_list_is_the_right_answer_to_a_prompt_that_asks_for_one(prompt: str, tmp_path: Path, inside: None) -> None:
    report = audited(f"{write_rewards(tmp_path, REWARDS)}:same", rows(prompt))
    assert verdicts(report) == {} and report.exit_code(strict=True) == 0
