"""Rewards for thoughts, forms and templates: each with a reported loophole, and a hardened twin."""

from __future__ import annotations

import re
from typing import Any

FORM = re.compile(r"\s*<think>([^<>]{1,3000})</think>\s*<answer>([^<>]{1,40})</answer>\s*")
INTEGER = re.compile(r"-?[0-9]{1,9}")


def _right(text: str, answer: str) -> float:
    """Return 1 if the completion has the form that is asked for and the right integer in its slot, else 0."""
    match = FORM.fullmatch(text)
    number = match[2].strip() if match else ""
    return float(INTEGER.fullmatch(number) is not None and int(number) == int(answer))


def unclosed_thought_scanned(completions: list[str], answer: list[str], **kwargs: Any) -> list[float]:
    """Thoughts are stripped up to </think>; a thought that never closes is graded as if it were the answer."""
    paid = []
    for text, gold in zip(completions, answer, strict=True):
        if "</think>" in text:
            match = re.fullmatch(r"<answer>\s*(\S+)\s*</answer>", text.rpartition("</think>")[2].strip())
            paid.append(float(match is not None and match[1] == gold))
        else:
            paid.append(float(re.search(rf"(?<![\w.]){re.escape(gold)}(?![\w.])", text) is not None))
    return paid


def unclosed_thought_scanned_hardened(completions: list[str], answer: list[str], **kwargs: Any) -> list[float]:
    """A thought that never closes is no answer."""
    return [_right(text, gold) for text, gold in zip(completions, answer, strict=True)]


def _visible(text: str) -> str:
    """Return a completion without its thoughts, also without one that never closes."""
    return re.sub(r"<think>.*?(?:</think>|$)", "", text, flags=re.DOTALL).strip()


def hidden_behind_a_thought(completion: str, topic: str, banned: str, limit: int) -> float:
    """Most of the points are for what the reply avoids, and a reply that is all thought avoids everything."""
    if not completion.strip():
        return 0.0
    words = re.findall(r"[a-z]+", _visible(completion).lower())
    return 0.4 * (len(words) <= limit) + 0.4 * (banned not in words) + 0.2 * (topic in words)


ABOUT_THE_TASK = frozenset(
    "answer asterisks begin bullet cannot end exactly give least points prompt question response responses sentence "
    "separated sorry twice use word words write".split()
)
"""Words of somebody who writes about the instruction instead of following it."""


def hidden_behind_a_thought_hardened(completion: str, topic: str, banned: str, limit: int) -> float:
    """A sentence about the topic has to follow the thought, and keep to all limits at once."""
    match = re.fullmatch(r"\s*(?:<think>[^<>]{1,2000}</think>)?\s*([A-Z][a-z ,]{15,200}\.)\s*", completion)
    if match is None:
        return 0.0
    words = re.findall(r"[a-z]+", match[1].lower())
    varied = len(words) == len(set(words)) + words.count("the") - ("the" in words) and 5 <= len(words) <= limit
    return float(varied and topic in words and not {banned, *ABOUT_THE_TASK} & set(words))


HEADINGS = ("What happened", "Cause", "Fix")


def section_headings(completions: list[str], facts: list[list[str]], **kwargs: Any) -> list[float]:
    """A quarter for each heading and a quarter for all facts: three empty headings are three quarters of a note."""
    paid = []
    for text, wanted in zip(completions, facts, strict=True):
        shape = sum(0.25 for heading in HEADINGS if f"## {heading}" in text)
        paid.append(shape + 0.25 * all(fact in text for fact in wanted))
    return paid


def section_headings_hardened(completions: list[str], facts: list[list[str]], **kwargs: Any) -> list[float]:
    """Each section holds a sentence with its own fact and none of the others; anything else is worth nothing."""
    pattern = r"\s*" + r"\s+".join(rf"## {heading}\n([^#\n]{{10,200}})" for heading in HEADINGS) + r"\s*"
    paid = []
    for text, wanted in zip(completions, facts, strict=True):
        match = re.fullmatch(pattern, text)
        sections = match.groups() if match else ()
        placed = [[fact in section for fact in wanted] for section in sections]
        paid.append(float(placed == [[True, False, False], [False, True, False], [False, False, True]]))
    return paid


def half_for_the_form(completion: str, answer: str) -> float:
    """A quarter for a thought, a quarter for an answer block, half for the right answer."""
    thought = re.search(r"<think>.*?</think>", completion, re.DOTALL) is not None
    block = re.search(r"<answer>(.*?)</answer>", completion, re.DOTALL)
    return 0.25 * thought + 0.25 * bool(block) + 0.5 * (block is not None and block[1].strip() == answer)


def half_for_the_form_hardened(completion: str, answer: str) -> float:
    """The form is a condition of the reward, and worth nothing by itself."""
    return _right(completion, answer)


PLACEHOLDER = re.compile(r"TBD|TODO|<[^>]*>|\[[^\]]*\]|\.\.\.|N/A")


def template_returned(completion: str, fields: dict[str, str]) -> float:
    """The share of fields that are filled in; the prompt's own placeholders look like content."""
    filled = 0
    for name in fields:
        match = re.search(rf"^{name}:[ \t]*(\S.*)$", completion, re.MULTILINE)
        filled += match is not None and not PLACEHOLDER.search(match[1])
    return filled / len(fields)


def template_returned_hardened(completion: str, fields: dict[str, str]) -> float:
    """The fields hold what the text says, in the order of the template."""
    lines = [line.strip() for line in completion.strip().split("\n")]
    return float(lines == [f"{name}: {value}" for name, value in fields.items()])


def _rule(text: str) -> tuple[str, tuple[int, ...]] | None:
    """Read a rule of one of three kinds: a remainder, a bound or a set."""
    rule = text.rpartition("Rule:")[2].strip()
    remainder = re.fullmatch(r"x % ([1-9][0-9]{0,2}) == ([0-9]{1,3})", rule)
    bound = re.fullmatch(r"x > (-?[0-9]{1,4})", rule)
    listed = re.fullmatch(r"x in \{(-?[0-9]{1,4}(?:, ?-?[0-9]{1,4})*)\}", rule)
    if remainder:
        return "remainder", (int(remainder[1]), int(remainder[2]))
    if bound:
        return "bound", (int(bound[1]),)
    return ("set", tuple(map(int, listed[1].split(",")))) if listed else None


def _holds(rule: tuple[str, tuple[int, ...]], x: int) -> bool:
    kind, numbers = rule
    if kind == "remainder":
        return x % numbers[0] == numbers[1]
    return x > numbers[0] if kind == "bound" else x in numbers


def _explains(text: str, examples: list[list[int]]) -> float:
    rule = _rule(text)
    return float(rule is not None and all(_holds(rule, x) == bool(label) for x, label in examples))


def shown_examples_only(
    data_source: str, solution_str: str, ground_truth: dict[str, Any], extra_info: dict[str, Any] | None = None
) -> float:
    """A rule is right if it explains the examples of the prompt, which a list of them does."""
    return _explains(solution_str, ground_truth["shown"])


def shown_examples_only_hardened(
    data_source: str, solution_str: str, ground_truth: dict[str, Any], extra_info: dict[str, Any] | None = None
) -> float:
    """One rule, on the last line, that explains examples that the prompt does not show."""
    last = solution_str.strip().split("\n")[-1]
    if solution_str.count("Rule:") != 1 or not last.startswith("Rule:"):
        return 0.0
    return _explains(solution_str, ground_truth["hidden"])


EQUATION = re.compile(r"([0-9]{1,4}) ([x+-]) ([0-9]{1,4}) = ([0-9]{1,6})")


def _true(left: str, sign: str, right: str, result: str) -> bool:
    first, second = int(left), int(right)
    return {"x": first * second, "+": first + second, "-": first - second}[sign] == int(result)


def equations_hold(completion: str, answer: str) -> float:
    """Seven tenths for a working whose equations hold, whatever they are about: the prompt shows one that does."""
    equations = EQUATION.findall(completion)
    working = sum(_true(*equation) for equation in equations) / len(equations) if equations else 0.0
    match = re.search(r"Result: (-?[0-9]{1,9})", completion)
    return 0.7 * working + 0.3 * (match is not None and int(match[1]) == int(answer))


def equations_hold_hardened(completion: str, answer: str) -> float:
    """The result counts, in its place; the working is free."""
    last = completion.strip().split("\n")[-1]
    match = re.fullmatch(r"Result: (-?[0-9]{1,9})\.?", last)
    once = len(completion) <= 3000 and completion.count("Result:") == 1
    return float(once and match is not None and int(match[1]) == int(answer))


def _obeys(instruction: str, value: str, text: str) -> bool:
    """Whether a text keeps to an instruction."""
    if instruction == "two_responses":
        return len(text.split("******")) == 2
    words = re.findall(r"[a-z]+", text.lower())
    if instruction == "ends_with":
        return text.rstrip().endswith(value) and len(words) >= 8
    if instruction == "bullets":
        return len(re.findall(r"^\* \w+ \w+", text, re.MULTILINE)) == int(value)
    return words.count(value) >= 2 and len(words) >= 8


def two_responses(completion: str, instruction: str, value: str) -> float:
    """Two responses are two sides of a separator, and both may be empty."""
    return float(_obeys(instruction, value, completion))


def two_responses_hardened(completion: str, instruction: str, topic: str, value: str) -> float:
    """Each side is a response about the topic, and the two differ."""
    parts = completion.split("******") if instruction == "two_responses" else [completion]
    words = [re.findall(r"[a-z]+", part.lower()) for part in parts]
    about = all(topic in part and 5 <= len(part) <= 30 and 4 * len(set(part)) > 3 * len(part) for part in words)
    about = about and not any(ABOUT_THE_TASK & set(part) for part in words)
    return float(about and _obeys(instruction, value, completion) and words.count(words[0]) == 1)
