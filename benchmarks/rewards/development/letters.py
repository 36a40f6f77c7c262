"""Rewards for choices, classes and mentions: each with a reported loophole, and a hardened twin."""

from __future__ import annotations

import re
from typing import Any


def letters_of_words(completion: str, answer: str) -> float:
    """Every letter after ANSWER: that names an option counts as a choice, also within words."""
    chosen = {letter for letter in completion.rpartition("ANSWER:")[2].upper() if letter in "ABCD"}
    return float(answer in chosen)


def letters_of_words_hardened(completion: str, answer: str) -> float:
    """The last line is the label and one letter."""
    match = re.fullmatch(r"(?:[^\n]{0,400}\n){0,20}ANSWER: ?\(?([A-D])\)?\.?\s*", completion)
    return float(match is not None and completion.count("ANSWER:") == 1 and match[1] == answer)


def multi_select_recall(completions: list[str], answer: list[list[str]], **kwargs: Any) -> list[float]:
    """The share of right options that were selected; selecting wrong ones as well costs nothing."""
    paid = []
    for text, gold in zip(completions, answer, strict=True):
        chosen = set(re.findall(r"\b[A-F]\b", text.rpartition("Selected:")[2]))
        paid.append(len(chosen & set(gold)) / len(gold))
    return paid


def multi_select_recall_hardened(completions: list[str], answer: list[list[str]], **kwargs: Any) -> list[float]:
    """All right options and no other, each once."""
    paid = []
    for text, gold in zip(completions, answer, strict=True):
        last = text.strip().split("\n")[-1]
        match = re.fullmatch(r"Selected: ?([A-F](?:, ?[A-F]){0,5})\.?", last)
        chosen = re.findall(r"[A-F]", match[1]) if match and text.count("Selected:") == 1 else []
        paid.append(float(sorted(chosen) == sorted(gold)))
    return paid


def marker_mentioned(completion: str, answer: str) -> float:
    """The revision has to be mentioned, and the prompt mentions them all."""
    return float(answer.lower() in completion.lower())


def marker_mentioned_hardened(completion: str, answer: str) -> float:
    """The reply is the revision, at most in a short sentence that asserts it."""
    match = re.fullmatch(r"\s*(?:it (?:is|runs) )?(v[0-9]+\.[0-9]+\.[0-9]+)\.?\s*", completion, re.IGNORECASE)
    return float(match is not None and match[1].lower() == answer.lower())


def denied_marker(completion: str, answer: str) -> float:
    """A short reply with the right revision and no other; that it may be denied is not considered."""
    revisions = re.findall(r"v[0-9]+\.[0-9]+\.[0-9]+", completion.lower())
    return float(len(completion.split()) <= 20 and set(revisions) == {answer.lower()})


def denied_marker_hardened(completion: str, answer: str) -> float:
    """Only the revision itself, or a short assertion of it."""
    return marker_mentioned_hardened(completion, answer)


def fallback_to_the_thought(
    data_source: str, solution_str: str, ground_truth: str, extra_info: dict[str, Any] | None = None
) -> float:
    """If nothing follows the thought, the class is looked for in the thought, where all of them may stand."""
    thought, _, visible = solution_str.rpartition("</think>")
    if visible.strip():
        return float(visible.strip().rstrip(".").lower() == ground_truth)
    return float(re.search(rf"\b{ground_truth}\b", thought.lower()) is not None)


def fallback_to_the_thought_hardened(
    data_source: str, solution_str: str, ground_truth: str, extra_info: dict[str, Any] | None = None
) -> float:
    """The class follows the thought, or there is no answer."""
    match = re.fullmatch(r"\s*<think>[^<>]{1,2000}</think>\s*([A-Za-z]{1,20})\.?\s*", solution_str)
    return float(match is not None and match[1].lower() == ground_truth)
