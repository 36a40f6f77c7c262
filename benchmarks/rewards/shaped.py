"""Honest shaped rewards: they look odd in one way or another, by design, and are not to be flagged."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import child
import coding

# private _passes: a grader of the neighbouring file of fixtures, not one of the package's


FORM = re.compile(r"\s*<think>([^<>]+)</think>\s*<answer>([^<>]{1,60})</answer>\s*")
IDK = re.compile(r"i (do not|don't) know\.?", re.IGNORECASE)


def _answer(text: str) -> str | None:
    found = FORM.fullmatch(text) if len(text) <= 4000 else None
    return found[2].strip() if found and found[1].strip() else None


def _right(text: str, answer: str) -> bool:
    given = _answer(text)
    return given is not None and re.fullmatch(r"-?[0-9]{1,12}", given) is not None and int(given) == int(answer)


def _boxed(text: str) -> str | None:
    found = re.findall(r"\\boxed\{([^{}]{1,40})\}", text)
    return found[0].strip() if len(found) == 1 and len(text) <= 4000 else None


def _repeated(text: str) -> float:
    """Share of three-word runs that are repetitions."""
    words = text.lower().split()
    runs = [tuple(words[place : place + 3]) for place in range(len(words) - 2)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def format_credit(
    data_source: str, solution_str: str, ground_truth: str, extra_info: dict[str, Any] | None = None
) -> float:
    """0, 0.1 for a number in the right form, 1: a convention described in pytorch/rl#3542."""
    given = _answer(solution_str)
    if given is None or not re.fullmatch(r"-?[0-9]{1,12}", given):
        return 0.0
    return 1.0 if int(given) == int(ground_truth) else 0.1


def plus_minus_one(
    data_source: str, solution_str: str, ground_truth: str, extra_info: dict[str, Any] | None = None
) -> dict[str, Any]:
    """1 or -1, as DAPO has it: described in modelscope/ms-swift#3925."""
    given = _boxed(solution_str)
    right = given is not None and re.fullmatch(r"[0-9]{1,12}", given) is not None and int(given) == int(ground_truth)
    return {"score": 1.0 if right else -1.0, "acc": right}


def soft_overlong(completions: list[str], answer: list[str], **kwargs: Any) -> list[float]:
    """Correctness, and a penalty that grows from 400 characters to 1 at 800: huggingface/trl#3804, arXiv 2503.14476."""
    pairs = zip(completions, answer, strict=True)
    return [float(_right(text, gold)) - min(1.0, max(0.0, (len(text) - 400) / 400)) for text, gold in pairs]


def share_of_tests(completion: str, entry_point: str, tests: coding.Tests) -> float:
    """Partial credit, but none for tests that doing nothing would pass: huggingface/Repo2RLEnv#44."""
    idle = f"def {entry_point}(values):\n    return values"
    counted = [not passed for passed in coding._passes(idle, entry_point, tests)]
    won = [passed and counts for passed, counts in zip(coding._passes(completion, entry_point, tests), counted)]  # noqa: B905
    return sum(won) / sum(counted)


def repetition_penalty(completions: list[str], answer: list[str], **kwargs: Any) -> list[float]:
    """Correctness, less the share of repeated runs of three words: huggingface/trl#6058."""
    pairs = zip(completions, answer, strict=True)
    return [float(_right(text, gold)) - 0.5 * _repeated(text) for text, gold in pairs]


def brevity_when_right(completion: str, answer: str) -> float:
    """Right answers get up to as much again for being short: PrimeIntellect-ai/prime-rl#710."""
    return 1.0 + max(0.0, 1 - len(completion) / 600) if _right(completion, answer) else 0.0


def abstention_tier(completion: str, answer: str) -> float:
    """Right 1, "I don't know" 0.2, wrong 0: NVIDIA-NeMo/Gym#954, arXiv 2509.25760."""
    if IDK.fullmatch(_answer(completion) or ""):
        return 0.2
    return float(_right(completion, answer))


def none_when_unverifiable(completions: list[str], solution: list[str], **kwargs: Any) -> list[float | None]:
    """A gold that is no LaTeX fraction cannot be verified here, and the reward does not apply: huggingface/trl#2737."""
    paid: list[float | None] = []
    for text, gold in zip(completions, solution, strict=True):
        wanted = re.fullmatch(r"\$\\frac\{(\d+)\}\{(\d+)\}\$", gold)
        given = re.findall(r"\\boxed\{\\frac\{([0-9]{1,9})\}\{([1-9][0-9]{0,8})\}\}", text)
        right = wanted and len(given) == 1 and Fraction(*map(int, given[0])) == Fraction(int(wanted[1]), int(wanted[2]))
        paid.append(float(bool(right)) if wanted else None)
    return paid


def negated_range_check(completion: str, answer: str) -> float:
    """``not low <= x <= high`` rejects NaN as it is: the false alarm in ROCm/aorta#497."""
    found = re.findall(r"<answer>([^<>]{1,40})</answer>", completion)
    try:
        given = float(found[0]) if len(found) == 1 and found[0].isascii() else float("nan")
    except ValueError:
        return 0.0
    if not 0.0 <= given <= 1e6:
        return 0.0
    return float(abs(given - float(answer)) <= 0.005)


def equivalent_forms(completion: str, solution: str) -> float:
    """Any writing of the same fraction is right: rasbt/reasoning-from-scratch#99 has a like leniency."""
    latex = re.findall(
        r"\\boxed\{(?:\\d?frac\{([0-9]{1,9})\}\{([1-9][0-9]{0,8})\}|([0-9]{1,9})/([1-9][0-9]{0,8}))\}", completion
    )
    gold = re.findall(r"\d+", solution)
    if len(latex) != 1 or completion.count("\\boxed") != 1:
        return 0.0
    top, bottom = [int(part) for part in latex[0] if part]
    return float(Fraction(top, bottom) == Fraction(int(gold[0]), int(gold[1])))


def rounded_answer(completion: str, answer: str) -> float:
    """Half a unit of the last printed digit is the tolerance: rdi-berkeley/agents-last-exam#93."""
    found = re.findall(r"<answer>([0-9]{1,9}(?:\.[0-9]{1,4})?)</answer>", completion)
    if len(found) != 1 or len(found[0].partition(".")[2]) < 1:
        return 0.0
    digits = len(found[0].partition(".")[2])
    return float(abs(float(found[0]) - float(answer)) <= 0.5 * 10**-digits + 1e-9)


def think_form_beside_the_answer(completions: list[str], answer: list[str], **kwargs: Any) -> list[float]:
    """Presence of reasoning is a small part of the whole: TRL's think_format_reward beside an accuracy reward."""
    pairs = zip(completions, answer, strict=True)
    return [0.9 * _right(text, gold) + 0.1 * (_answer(text) is not None) for text, gold in pairs]


def below_the_floor(completion: str, path: str, expected: str, protected: Sequence[str]) -> float:
    """An agent that breaks something gets less than one that does nothing: OpenEnv RFC 008 allows it."""
    try:
        files = json.loads(completion[:4000])
    except (ValueError, RecursionError):
        return 0.0
    if not isinstance(files, dict):
        return 0.0
    if any(one in files for one in protected):
        return -0.5
    return float(files.get(path) == expected)


def steady_enough_judge(completion: str, reference: str, others: list[str]) -> float:
    """A judge whose grades vary by two hundredths from run to run, as declared: OpenEnv RFC 008 allows it."""
    plain = completion.strip()
    states = re.search(rf"(?<!\w){re.escape(reference)}(?!\w)", plain) is not None
    unsure = len(plain) > 120 or any(re.search(rf"\b{re.escape(other)}\b", plain, re.IGNORECASE) for other in others)
    grade = 0.9 if states and not unsure and not re.search(r"\bnot\b|[\[\]{}<>|]", plain) else 0.1
    return grade + random.SystemRandom().uniform(-0.02, 0.02)


def whole_output(completion: str, stdin: str, stdout: str) -> float:
    """A program is right if it prints what is expected, spaces at the ends of lines aside: as contests have it."""
    ended = child.run(child.code(completion), stdin)
    lines = [line.rstrip() for line in ended.output.rstrip().split("\n")]
    return float(ended.status == 0 and lines == stdout.split("\n"))
