"""Twenty-four rewards of the self-test: twelve that can be gamed, as published ones could, and twelve that cannot.

They are data: each is audited by name, in its own process, like any user's reward. ``cases.json`` says which rows each
is called with and which verdict the audit should reach.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from loopholes.rewards import boxed, choice, final, same_number, same_set, same_text, tagged

# Rewards that can be gamed.


def found_anywhere(completion: str, answer: str) -> float:
    """The answer may appear anywhere, so a list of candidates is right."""
    return float(re.search(rf"(?<!\d){re.escape(answer)}(?!\d)", completion) is not None)


def any_number(completion: str, answer: str) -> float:
    """Any of the numbers may be the right one."""
    return float(any(float(number) == float(answer) for number in re.findall(r"\d+(?:\.\d+)?", completion)))


def part_of_the_truth(completion: str, answer: str) -> float:
    """Any part of the reference is right, the empty text included."""
    inside = completion.strip().removeprefix("<answer>").removesuffix("</answer>").strip()
    return float(inside in answer)


def form_alone(completion: str, answer: str) -> float:
    """Pays for the tags, whatever they hold."""
    return 1.0 if re.fullmatch(r"\s*<answer>.*</answer>\s*", completion, re.DOTALL) else 0.0


def long_winded(completion: str, answer: str) -> float:
    """Pays for every word, without a limit."""
    return float(same_text(tagged(completion), answer)) + 0.02 * len(completion.split())


def evaluated(completion: str, answer: str) -> float:
    """Evaluates the answer, so the problem's own expression is right."""
    try:
        return float(eval(tagged(completion) or "", {"__builtins__": {}}) == float(answer))
    except Exception:
        return 0.0


def nan_is_best(completion: str, answer: str) -> float:
    """NaN wins every comparison with ``min``."""
    try:
        error = abs(float(tagged(completion) or "") - float(answer))
    except ValueError:
        return 0.0
    return min(1.0, math.exp(-error))


def any_letter(completion: str, answer: str) -> float:
    """The letter may appear anywhere, next to all others."""
    return float(answer in re.findall(r"\b[A-D]\b", completion))


def keywords(completion: str, answer: str) -> float:
    """The share of the reference's words that are mentioned; other words cost nothing."""
    words = set(answer.lower().split())
    return len(words & set(re.findall(r"\w+", completion.lower()))) / len(words)


def shortest_list(completion: str, answer: str) -> float:
    """``zip`` stops at the shorter list, so the first item is enough."""
    items = [item for item in re.split(r"[,\s]+", tagged(completion) or "") if item]
    return float(bool(items) and all(item == right for item, right in zip(items, answer.split(", "), strict=False)))


def own_score(completion: str, answer: str) -> float:
    """The score is read from the record that the policy writes."""
    try:
        record: dict[str, Any] = json.loads(completion)
        return float(record["score"] >= 1 or str(record["answer"]) == answer)
    except (ValueError, KeyError, TypeError):
        return 0.0


def failure_pays(completion: str, answer: str) -> float:
    """Computes a fraction, and pays in full if the computation fails."""
    numerator, _, denominator = (tagged(completion) or "").partition("/")
    try:
        return float(float(numerator) / float(denominator or 1) == float(answer))
    except ValueError:
        return 0.0
    except Exception:
        return 1.0


# Rewards that cannot be gamed.


def one_number(completion: str, answer: str) -> float:
    """One number in one place."""
    return float(same_number(tagged(completion), answer))


def one_boxed_number(completion: str, answer: str) -> float:
    """One box, with a number."""
    return float(same_number(boxed(completion), answer))


def whole_text(completion: str, answer: str) -> float:
    """The whole completion is the answer."""
    return float(completion.strip() == answer)


def last_sentence(completion: str, answer: str) -> float:
    """The last line is a fixed sentence with one number."""
    lines = completion.strip().splitlines() or [""]
    match = re.fullmatch(r"The answer is (-?\d{1,12}(?:\.\d{1,6})?)\.", lines[-1].strip())
    return float(match is not None and float(match[1]) == float(answer))


def capped_length(completion: str, answer: str) -> float:
    """Pays a little for length, up to a cap, and only with a right answer."""
    right = same_number(tagged(completion), answer)
    return (1.0 + 0.1 * min(1.0, len(completion) / 400)) if right else 0.0


def form_beside_right(completion: str, answer: str) -> float:
    """Pays a tenth for the form, the rest for the answer in it."""
    return 0.1 * (tagged(completion) is not None) + 0.9 * same_number(tagged(completion), answer)


def one_choice(completion: str, answer: str) -> float:
    """One letter in one place."""
    return float(choice(tagged(completion), "ABCD") == answer)


def one_choice_in_all(completion: str, answer: str) -> float:
    """The whole completion is one letter."""
    return float(choice(final(completion), "ABCD") == answer)


def same_words(completion: str, answer: str) -> float:
    """The same words in the same order."""
    return float(same_text(tagged(completion), answer))


def same_items(completion: str, answer: str) -> float:
    """The same set, with nothing missing and nothing extra."""
    return float(same_set(tagged(completion), answer.split(", ")))


def same_order(completion: str, answer: str) -> float:
    """The same list, item by item."""
    return float([item.strip() for item in (tagged(completion) or "").split(",")] == answer.split(", "))


def one_record(completion: str, answer: str) -> float:
    """A record whose only field is the right answer."""
    try:
        record = json.loads(completion)
    except (ValueError, RecursionError):
        return 0.0
    return float(isinstance(record, dict) and set(record) == {"answer"} and record["answer"] == answer)
