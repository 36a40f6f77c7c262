"""Rewards for names and numbers: each with a reported loophole, and a hardened twin.

Each docstring of a vulnerable reward says what is wrong; `listing.py` names the public report.
"""

from __future__ import annotations

import re
import string
from typing import Any

FORM = re.compile(r"\s*<think>([^<>]{1,3000})</think>\s*<answer>([^<>]{1,40})</answer>\s*")
INTEGER = re.compile(r"-?[0-9]{1,9}")
DECIMAL = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{1,9})?")


def _tag(text: str, name: str) -> str:
    """Return what stands in the first pair of tags, or nothing."""
    match = re.search(rf"<{name}>(.*?)</{name}>", text, re.DOTALL)
    return match[1].strip() if match else ""


def _last_line(text: str, label: str) -> str | None:
    """Return what follows the label on the last line; None unless the label stands there and nowhere else."""
    lines = text.strip().split("\n")
    if len(text) > 3000 or text.count(label) != 1 or not lines[-1].startswith(label):
        return None
    return lines[-1].removeprefix(label).strip()


def any_listed_name(completion: str, answer: str) -> float:
    """The answer only has to occur in the final answer, so a list of everybody is right."""
    final = completion.rpartition("Final answer:")[2]
    return float(answer.lower() in final.lower())


def any_listed_name_hardened(completion: str, answer: str) -> float:
    """The last line holds one name, which equals the answer."""
    name = _last_line(completion, "Final answer:")
    return float(name is not None and name.rstrip(".").lower() == answer.lower())


def _without_punctuation(text: str) -> str:
    return " ".join(text.lower().translate(str.maketrans("", "", string.punctuation)).split())


def punctuation_stripped(completion: str, answer: str) -> float:
    """The usual normalisation of question answering drops decimal points and minus signs: 31.4 is 314, -5 is 5."""
    return float(_without_punctuation(completion.rpartition("Answer:")[2]) == _without_punctuation(answer))


def punctuation_stripped_hardened(completion: str, answer: str) -> float:
    """Numbers are compared as numbers."""
    number = _last_line(completion, "Answer:")
    if number is None or not DECIMAL.fullmatch(number):
        return 0.0
    return float(abs(float(number) - float(answer)) < 1e-9)


def starts_with_gold(completions: list[str], answer: list[str], **kwargs: Any) -> list[float]:
    """The reply has to start with the expected answer; what follows, more digits included, is not looked at."""
    replies = [text.rpartition("Answer:")[2].strip() for text in completions]
    return [float(reply.startswith(gold)) for reply, gold in zip(replies, answer, strict=True)]


def starts_with_gold_hardened(completions: list[str], answer: list[str], **kwargs: Any) -> list[float]:
    """The whole reply is the number."""
    numbers = [_last_line(text, "Answer:") or "" for text in completions]
    return [
        float(INTEGER.fullmatch(number) is not None and int(number) == int(gold))
        for number, gold in zip(numbers, answer, strict=True)
    ]


def absolute_tolerance(completion: str, answer: float) -> float:
    """One absolute tolerance for all magnitudes: 0 is right wherever the answer is small."""
    try:
        return float(abs(float(_tag(completion, "answer")) - answer) <= 0.01)
    except ValueError:
        return 0.0


def absolute_tolerance_hardened(completion: str, answer: float) -> float:
    """The tolerance is a millionth of the answer, for rounding only."""
    match = re.fullmatch(r"[^<>]{0,2000}<answer>\s*([^<>]{1,20}?)\s*</answer>\s*", completion)
    if match is None or not DECIMAL.fullmatch(match[1]):
        return 0.0
    return float(abs(float(match[1]) - answer) <= 1e-6 * abs(answer))


def _boxed(text: str) -> str | None:
    """Return what stands in the only box, without nested braces."""
    boxes = re.findall(r"\\boxed\{([^{}]{1,60})\}", text)
    return boxes[0].strip() if len(boxes) == 1 == text.count("\\boxed") and len(text) <= 3000 else None


def right_side_only(
    data_source: str, solution_str: str, ground_truth: str, extra_info: dict[str, Any] | None = None
) -> float:
    """An equation is read as its right-hand side, and every line in the form ax + by + c = 0 has the same one."""
    boxed = _boxed(solution_str)
    if boxed is None:
        return 0.0
    return float(boxed.rpartition("=")[2].strip() == ground_truth.rpartition("=")[2].strip())


def _coefficients(equation: str) -> tuple[int, ...] | None:
    """Return a, b, c of ax + by + c = 0."""
    text = equation.replace(" ", "")
    match = re.fullmatch(r"([+-]?[0-9]{0,3})x([+-][0-9]{0,3})y(?:([+-][0-9]{1,4}))?=0", text)
    if match is None:
        return None
    return tuple(int(part + "1" if part in ("", "+", "-") else part) for part in (match[1], match[2], match[3] or "0"))


def right_side_only_hardened(
    data_source: str, solution_str: str, ground_truth: str, extra_info: dict[str, Any] | None = None
) -> float:
    """Lines are compared by their coefficients, up to a factor; other answers as they are."""
    boxed = _boxed(solution_str)
    if boxed is None:
        return 0.0
    gold = _coefficients(ground_truth)
    if gold is None:
        return float(boxed.replace(" ", "") == ground_truth.replace(" ", ""))
    line = _coefficients(boxed)
    if line is None or not any(line[:2]):
        return 0.0
    return float(all(line[i] * gold[j] == line[j] * gold[i] for i, j in ((0, 1), (0, 2), (1, 2))))


def signed_confidence(completion: str, answer: str) -> float:
    """Right pays the stated confidence and wrong costs it; nobody checks that it is between 0 and 1."""
    try:
        confidence = float(_tag(completion, "confidence"))
    except ValueError:
        return -1.0
    return confidence if _tag(completion, "answer") == answer else -confidence


def signed_confidence_hardened(completion: str, answer: str) -> float:
    """A confidence between 0 and 1 scales what a right answer is paid; a wrong one is paid nothing."""
    match = re.fullmatch(
        r"[^<>]{0,2000}<answer>\s*(-?[0-9]{1,9})\s*</answer>\s*<confidence>\s*(0(?:\.[0-9]{1,4})?|1(?:\.0{1,4})?)\s*"
        r"</confidence>\s*",
        completion,
    )
    if match is None or int(match[1]) != int(answer):
        return 0.0
    return 0.5 + 0.5 * float(match[2])


def longer_when_wrong(
    data_source: str, solution_str: str, ground_truth: str, extra_info: dict[str, Any] | None = None
) -> float:
    """A wrong answer is paid for its length, to encourage exploration: 0.8 of a right one from 1,000 characters on."""
    if _tag(solution_str, "answer") == ground_truth:
        return 1.0
    return 0.8 * min(1.0, len(solution_str) / 1000)


def longer_when_wrong_hardened(
    data_source: str, solution_str: str, ground_truth: str, extra_info: dict[str, Any] | None = None
) -> float:
    """Only right answers are paid; length has no price."""
    match = FORM.fullmatch(solution_str)
    if match is None or not INTEGER.fullmatch(match[2].strip()):
        return 0.0
    return float(int(match[2]) == int(ground_truth))
