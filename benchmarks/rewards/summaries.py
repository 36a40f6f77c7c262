"""Rewards for prose: each with a reported loophole, and a twin without it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def _common(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(second) + 1)
    for one in first:
        before = 0
        for place, other in enumerate(second):
            before, row[place + 1] = row[place + 1], before + 1 if one == other else max(row[place + 1], row[place])
    return row[-1]


def _rouge_l(text: str, reference: str) -> float:
    """ROUGE-L F1 of two texts, without stemming."""
    given, gold = _words(text)[:400], _words(reference)
    common = _common(given, gold)
    return 2 * common / (len(given) + len(gold)) if common else 0.0


def _runs(words: Sequence[str], size: int) -> list[tuple[str, ...]]:
    return [tuple(words[place : place + size]) for place in range(len(words) - size + 1)]


def _copied(text: str, source: str, size: int = 6) -> float:
    """Share of the runs of words in a text that stand in the source."""
    runs, there = _runs(_words(text), size), set(_runs(_words(source), size))
    return sum(run in there for run in runs) / len(runs) if runs else 0.0


def _repeats(text: str, size: int = 3) -> float:
    """Share of the runs of words in a text that are repetitions."""
    runs = _runs(_words(text), size)
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def _concise(text: str, article: str) -> bool:
    """At most two sentences' worth, and little of it copied."""
    return 6 <= len(_words(text)) <= 40 and _copied(text, article) <= 0.5 and _repeats(text) <= 0.2


def rouge_of_the_article(completion: str, article: str) -> float:
    """ROUGE-L of the summary against the article.

    Reported in HLTCHKUST/sensational_headline#4; also the reward of arXiv 2602.12124.
    """
    return _rouge_l(completion, article)


def rouge_of_the_article_hardened(completion: str, article: str, reference: str) -> float:
    """Against a reference that is held back, above what the article itself would get; copies count nothing."""
    if not _concise(completion, article):
        return 0.0
    base = 0.5
    return max(0.0, (_rouge_l(completion, reference) - base) / (1 - base))


def quiz_on_a_copy(completions: list[str], quiz: list[list[str]], **kwargs: Any) -> list[float]:
    """Share of the quiz about the article that the text answers, at any length.

    Reported in the course "Reinforcement Fine-Tuning LLMs with GRPO", lesson "Reward hacking".
    """
    return [sum(one in text for one in asked) / len(asked) for text, asked in zip(completions, quiz, strict=True)]


def quiz_on_a_copy_hardened(
    completions: list[str], quiz: list[list[str]], article: list[str], **kwargs: Any
) -> list[float]:
    """Only a short text of its own words can be a summary."""
    paid = []
    for text, asked, source in zip(completions, quiz, article, strict=True):
        answered = sum(re.search(rf"\b{re.escape(one)}\b", text) is not None for one in asked) / len(asked)
        paid.append(answered if _concise(text, source) else 0.0)
    return paid


def phrase_and_length(completion: str, topic: str) -> float:
    """Fifty characters and one phrase are a full answer.

    Reported in InternLM/WildClawBench#24.
    """
    return float(len(completion) >= 50 and topic in completion.lower())


def phrase_and_length_hardened(completion: str, article: str, quiz: list[str]) -> float:
    """Several facts, in a short text of its own words."""
    return quiz_on_a_copy_hardened([completion], [quiz], [article])[0]


def length_bonus(completion: str, topic: str) -> float:
    """On the topic, the more words the better, up to eighty.

    Repetition is reported as a way to farm such rewards in huggingface/trl#6058.
    """
    return min(1.0, len(completion.split()) / 80) if topic in completion.lower() else 0.0


def length_bonus_hardened(completion: str, facts: list[str]) -> float:
    """Facts in sentences; length has no price of its own."""
    return _covered(completion, facts)


def _covered(text: str, facts: list[str]) -> float:
    """Share of the facts that have a sentence with no more than two of them and enough words around."""
    sentences = [one for one in re.split(r"(?<=[.!?])\s+", text) if len(_words(one)) >= 8]
    if not 3 <= len(sentences) <= 12 or len(text) > 1500 or _repeats(text) > 0.1:
        return 0.0
    told: set[str] = set()
    for sentence in sentences:
        here = [fact for fact in facts if re.search(rf"\b{re.escape(fact)}\b", sentence)]
        if 2 * len(here) <= len(_words(sentence)) // 2:
            told.update(here)
    return len(told) / len(facts)


def keyword_bonus(completions: list[str], facts: list[list[str]], **kwargs: Any) -> list[float]:
    """A point for each reference noun in the text, half a point less for each that is missing.

    Reported in unslothai/unsloth#2690.
    """
    return [
        sum(1.0 if fact in text else -0.5 for fact in wanted) for text, wanted in zip(completions, facts, strict=True)
    ]


def keyword_bonus_hardened(completions: list[str], facts: list[list[str]], **kwargs: Any) -> list[float]:
    """Nouns count in sentences only."""
    return [_covered(text, wanted) for text, wanted in zip(completions, facts, strict=True)]
