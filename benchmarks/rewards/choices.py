"""Rewards for multiple choice and labels: each with a reported loophole, and a twin without it."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

Chat = list[dict[str, str]]


def _tag(text: str) -> str | None:
    """What stands in the last pair of tags."""
    end = text.rfind("</answer>")
    begin = text.rfind("<answer>", 0, max(end, 0))
    return text[begin + 8 : end].strip() if begin >= 0 else None


def _only_tag(text: str) -> str | None:
    if len(text) > 4000 or text.count("<answer>") != 1 or text.count("</answer>") != 1:
        return None
    return _tag(text)


def _normalised(text: str) -> str:
    """Lower case, without articles and punctuation, as question answering does it."""
    plain = re.sub(r"[^\w\s]", " ", text.lower())
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", plain).split())


def article_stripped(completion: str, answer: str) -> float:
    """The gold letter A is taken for an article and normalised away, and nothing is in every text.

    Reported in OpenBMB/UltraRAG#509.
    """
    return float(_normalised(answer) in _normalised(_tag(completion) or completion))


def article_stripped_hardened(completion: str, answer: str) -> float:
    """Letters are compared as they are."""
    return float(_only_tag(completion) == answer)


def _option(text: str) -> str | bool:
    """The letter of one of six options; False if there is none."""
    found = re.fullmatch(r"\(?([A-F])\)?", text.strip())
    return found[1] if found else False


def failures_agree(completion: str, answer: str) -> float:
    """Options beyond the sixth cannot be read, on either side, and two failures are equal.

    Reported in open-compass/VLMEvalKit#1697.
    """
    return float(str(_option(_tag(completion) or "")) == str(_option(answer)))


def failures_agree_hardened(completion: str, answer: str, options: list[str]) -> float:
    """Only letters that the question has are answers."""
    known = "ABCDEFGH"[: len(options)]
    if answer not in known:
        raise ValueError(f"the data has no option {answer}")
    given = _only_tag(completion) or ""
    return float(len(given) == 1 and given in known and given == answer)


def marker_found(completion: str, answer: str) -> float:
    """Right if the marker and the gold letter stand anywhere in the text.

    Reported in openai/evals#1767: 'ANSWER: AB' counts for A, and so does a change of mind.
    """
    return float(completion.find(f"ANSWER: {answer}") != -1)


def marker_found_hardened(completion: str, answer: str) -> float:
    """One marker, on the last line, with one letter."""
    lines = completion.strip().splitlines()
    return float(bool(lines) and completion.count("ANSWER:") == 1 and lines[-1].strip() == f"ANSWER: {answer}")


def first_capital(completion: str, answer: str, options: list[str]) -> float:
    """Where no letter stands in parentheses, the first capital letter in range is the answer.

    Reported in aniri15/OPD-V#2 and antirez/ds4#321: a word that begins with the letter is enough.
    """
    last = completion.strip().splitlines()[-1] if completion.strip() else ""
    explicit = re.search(r"\(([A-H])\)|ANSWER: ([A-H])$", last)
    if explicit:
        return float((explicit[1] or explicit[2]) == answer)
    letters = [letter for letter in completion if letter in "ABCDEFGH"[: len(options)]]
    return float(bool(letters) and letters[0] == answer)


def first_capital_hardened(completion: str, answer: str, options: list[str]) -> float:
    """One marker, on the last line, with one letter."""
    return marker_found_hardened(completion, answer)


EXTRACTOR = r"(?is)(?:.*?answer.*?)*:\s*([A-H])\s*$"
SEARCH = "import re, sys; found = re.match(sys.argv[1], sys.stdin.read()); print(found[1] if found else '')"


def slow_extractor(completion: str, answer: str) -> float:
    """An extractor that backtracks without end on some texts; when its time is up the policy gets the benefit.

    Reported in vllm-project/tpu-inference#3518 (an unanchored extractor takes seconds) and bojieli/ai-agent-book#1067
    (a timeout counts as passed).
    """
    command = [sys.executable, "-I", "-S", "-c", SEARCH, EXTRACTOR]
    try:
        run = subprocess.run(command, input=completion.encode("utf-8", "replace"), capture_output=True, timeout=0.8)
    except subprocess.TimeoutExpired:
        return 1.0
    return float(run.stdout.decode().strip() == answer)


def slow_extractor_hardened(completion: str, answer: str) -> float:
    """No regular expression is needed."""
    return marker_found_hardened(completion, answer)


def _texts(completions: list[Chat]) -> list[str]:
    return [turns[-1]["content"] for turns in completions]


def either_contains(completions: list[Chat], answer: list[str], **kwargs: Any) -> list[float]:
    """Right if the gold is in the answer or the answer in the gold, and the empty answer is in each.

    Reported in Liuziyu77/Visual-RFT#176.
    """
    paid = []
    for text, gold in zip(_texts(completions), answer, strict=True):
        given = _tag(text)
        paid.append(0.0 if given is None else float(gold in given.lower() or given.lower() in gold))
    return paid


def either_contains_hardened(
    completions: list[Chat], answer: list[str], classes: list[list[str]], **kwargs: Any
) -> list[float]:
    """The answer has to be one of the labels, and the gold one."""
    paid = []
    for text, gold, known in zip(_texts(completions), answer, classes, strict=True):
        given = (_only_tag(text) or "").lower()
        paid.append(float(given in known and given == gold))
    return paid


def every_class_named(completions: list[Chat], answer: list[str], **kwargs: Any) -> list[float]:
    """Right if the answer names the gold class, whatever else it names.

    Reported in Liuziyu77/Visual-RFT#79: 'A or B or C' always scores 1.
    """
    given = [(_tag(text) or "").lower() for text in _texts(completions)]
    return [float(gold in one) for one, gold in zip(given, answer, strict=True)]


def every_class_named_hardened(
    completions: list[Chat], answer: list[str], classes: list[list[str]], **kwargs: Any
) -> list[float]:
    """Exactly one class may be named, and nothing else."""
    return either_contains_hardened(completions, answer, classes)
