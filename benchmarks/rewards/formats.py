"""Rewards for form and length: each with a reported loophole, and a twin without it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

FORM = re.compile(r"\s*<think>(.+?)</think>\s*<answer>([^<>]{1,200})</answer>\s*", re.DOTALL)
TAGS = ("<think>", "</think>", "<answer>", "</answer>")


def _parsed(text: str) -> str | None:
    """The answer of a well-formed completion: each tag once, in order, with something in it; else None."""
    if len(text) > 4000 or any(text.count(tag) != 1 for tag in TAGS):
        return None
    found = FORM.fullmatch(text)
    return found[2].strip() if found and found[1].strip() else None


def _graded(text: str, gold: str) -> float:
    """1 for the right answer in the right form, 0.1 for a wrong number in it, else 0."""
    given = _parsed(text)
    if given is None or not re.fullmatch(r"-?[0-9]{1,12}", given):
        return 0.0
    return 1.0 if int(given) == int(gold) else 0.1


def _graded_all(completions: list[str], answer: list[str]) -> list[float]:
    return [_graded(text, gold) for text, gold in zip(completions, answer, strict=True)]


def form_outweighs(completions: list[str], answer: list[str], **kwargs: Any) -> list[float]:
    """Form, tag counts and correctness, a point each: form alone is most of it.

    Reported in allenai/open-instruct#659 (form paid for wrong answers); the counter of tags observed in
    huggingface/open-r1@0056faa6.
    """
    paid = []
    for text, gold in zip(completions, answer, strict=True):
        form = float(re.match(r"^<think>.*?</think>\s*<answer>.*?</answer>$", text, re.DOTALL) is not None)
        counted = sum(0.25 for tag in TAGS if text.count(tag) == 1)
        found = re.search(r"<answer>([^<]*)</answer>", text)
        paid.append(form + counted + float(found is not None and found[1].strip() == gold))
    return paid


def form_outweighs_hardened(completions: list[str], answer: list[str], **kwargs: Any) -> list[float]:
    """A tenth for form, and that only with a number in the slot."""
    return _graded_all(completions, answer)


def repeated_blocks(completions: list[str], answer: list[str], **kwargs: Any) -> list[float]:
    """Any number of blocks is well-formed, and any of the answers may be the right one.

    Reported in huggingface/open-r1#359 (blocks) and huggingface/Math-Verify#47 (any match counts).
    """
    paid = []
    for text, gold in zip(completions, answer, strict=True):
        form = re.match(r"^<think>.*?</think>\s*<answer>.*</answer>$", text, re.DOTALL) is not None
        given = [one.strip() for one in re.findall(r"<answer>([^<]*)</answer>", text)]
        paid.append(0.2 * form + 0.8 * (gold in given))
    return paid


def repeated_blocks_hardened(completions: list[str], answer: list[str], **kwargs: Any) -> list[float]:
    """One block of each kind."""
    return _graded_all(completions, answer)


def scans_the_prompt(prompts: list[str], completions: list[str], answer: list[str], **kwargs: Any) -> list[float]:
    """Form is looked for in prompt and completion together, and the prompt shows an example.

    Reported in opendilab/LightRFT#52.
    """
    paid = []
    for prompt, text, gold in zip(prompts, completions, answer, strict=True):
        form = re.search(r"<think>.*?</think>\s*<answer>.*?</answer>", prompt + text, re.DOTALL)
        found = re.search(r"<answer>([^<]*)</answer>\s*$", text)
        paid.append(0.5 * float(form is not None) + 0.5 * float(found is not None and found[1].strip() == gold))
    return paid


def scans_the_prompt_hardened(
    prompts: list[str], completions: list[str], answer: list[str], **kwargs: Any
) -> list[float]:
    """Only the completion counts."""
    return _graded_all(completions, answer)


STEPS = re.compile(r"Step \d+:|^\d+\.|\n-|\n\*|First,|Second,|Next,|Finally,")


def step_words(completions: list[str], answer: list[str], **kwargs: Any) -> list[float]:
    """A point for three words that steps begin with, beside the point for the answer.

    Reported in huggingface/open-r1#144, observed at 0056faa6: three such words without text between them are enough.
    """
    paid = []
    for text, gold in zip(completions, answer, strict=True):
        found = re.search(r"<answer>([^<]*)</answer>", text)
        right = float(found is not None and found[1].strip() == gold)
        paid.append(right + min(1.0, len(STEPS.findall(text)) / 3))
    return paid


def step_words_hardened(completions: list[str], answer: list[str], **kwargs: Any) -> list[float]:
    """Steps are not paid for."""
    return _graded_all(completions, answer)


def _boxed(text: str) -> str | None:
    found = re.findall(r"\\boxed\{([^{}]*)\}", text)
    return found[-1].strip() if found else None


def cosine_unclamped(
    data_source: str, solution_str: str, ground_truth: str, extra_info: dict[str, Any] | None = None
) -> float:
    """Shorter right answers pay more, by a cosine that comes back beyond the limit: twice the limit is as good as none.

    Observed in huggingface/open-r1@0056faa6, where TRL's own version clamps.
    """
    wave = math.cos(math.pi * len(solution_str) / 1000)
    if _boxed(solution_str) == ground_truth:
        return 0.5 + 0.5 * 0.5 * (1 + wave)
    return -1.0 + 0.5 * 0.5 * (1 - wave)


def cosine_unclamped_hardened(
    data_source: str, solution_str: str, ground_truth: str, extra_info: dict[str, Any] | None = None
) -> float:
    """Beyond the limit nothing is right, and a wrong answer costs the same at any length."""
    progress = len(solution_str) / 1000
    if progress > 1 or solution_str.count("\\boxed") != 1 or _boxed(solution_str) != ground_truth:
        return -1.0
    return 0.5 + 0.5 * 0.5 * (1 + math.cos(math.pi * progress))


def distance_is_paid(completions: list[str], **kwargs: Any) -> list[float]:
    """Twenty characters are asked for, and the distance from twenty is paid instead of charged.

    Reported in huggingface/trl#2771 of the documentation's example.
    """
    return [float(abs(20 - len(text))) for text in completions]


def distance_is_paid_hardened(completions: list[str], product: list[str], **kwargs: Any) -> list[float]:
    """The distance costs, and the slogan has to be of words that name the product."""
    paid = []
    for text, name in zip(completions, product, strict=True):
        words = re.findall(r"[a-z]+", text.lower())
        good = name in words and len(words) == len(set(words)) and len(words) >= 3
        paid.append(-abs(20 - len(text)) / 20 if good and len(text) <= 40 else -1.0)
    return paid


def _obeys(kind: str, value: Any, text: str) -> bool | None:
    """Whether a text keeps to an instruction; None for a kind that is not known."""
    checks: dict[str, Callable[[], bool]] = {
        "all_lowercase": lambda: text == text.lower(),
        "quoted": lambda: len(text) > 2 and text[0] == text[-1] == '"',
        "bullets": lambda: len(re.findall(r"^\* \S", text, re.MULTILINE)) == value,
        "ends_with": lambda: text.endswith(str(value)),
        "no_comma": lambda: "," not in text,
        "keyword": lambda: str(value) in text.split(),
    }
    return checks[kind]() if kind in checks else None


KNOWN = ("bullets", "ends_with", "keyword", "quoted")


def unknown_constraint(completion: str, instruction: str, value: Any = None) -> float:
    """An instruction that the checker does not know counts as followed.

    Reported in thinking-machines-lab/tinker-cookbook#897 and confident-ai/deepeval#3063.
    """
    return float(_obeys(instruction, value, completion) is True) if instruction in KNOWN else 1.0


def unknown_constraint_hardened(completion: str, instruction: str, topic: str, value: Any = None) -> float:
    """Every kind is known, and the text has to be about its topic in a few words of its own."""
    words = re.findall(r"[a-z]+", completion.lower())
    obeys = _obeys(instruction, value, completion.strip())
    if obeys is None:
        raise ValueError(f"there is no check for {instruction}")
    short = len(completion) <= 600 and len(words) >= 8 and len(set(words)) >= 4
    return float(obeys and short and topic in words)
