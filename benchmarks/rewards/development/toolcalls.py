"""Rewards for tool calls and agents' reports: each with a reported loophole, and a hardened twin."""

from __future__ import annotations

import json
import re
from typing import Any

CALL = re.compile(r"<tool_call>(.*?)</tool_call>", re.DOTALL)
Call = dict[str, Any]


def _calls(text: str) -> list[Call]:
    """Return the calls that are JSON objects; what cannot be read is left out."""
    calls = []
    for body in CALL.findall(text):
        try:
            call = json.loads(body)
        except (ValueError, RecursionError):
            continue
        if isinstance(call, dict):
            calls.append(call)
    return calls


def _unique(pairs: list[tuple[str, Any]]) -> Call:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _same(value: Any, gold: Any) -> bool:
    """Compare plain data; 1 is neither True nor "1"."""
    if isinstance(value, dict) and isinstance(gold, dict):
        return value.keys() == gold.keys() and all(_same(value[key], gold[key]) for key in gold)
    return type(value) is type(gold) and bool(value == gold)


def any_call_matches(completion: str, expected: Call) -> float:
    """Any call may match, and the expected arguments are looked up in it: where there are none, any call does."""
    for call in _calls(completion):
        arguments = call.get("arguments")
        if call.get("name") == expected["name"] and isinstance(arguments, dict):
            matches = [arguments.get(name) == value for name, value in expected["arguments"].items()]
            if all(matches):
                return 1.0
    return 0.0


def any_call_matches_hardened(completion: str, expected: Call) -> float:
    """Exactly one call, with exactly the expected arguments."""
    match = re.fullmatch(r"\s*<tool_call>([^<>]{1,1000})</tool_call>\s*", completion)
    try:
        return float(match is not None and _same(json.loads(match[1], object_pairs_hook=_unique), expected))
    except (ValueError, RecursionError):
        return 0.0


def _answer(text: str) -> str:
    match = re.search(r"<answer>(.*?)</answer>", text, re.DOTALL)
    return match[1].strip() if match else ""


STEP = r"\s*<tool_call>[^<>]{1,500}</tool_call>(?:\s*<tool_response>[^<>]{0,500}</tool_response>)?"


def _after_calls(text: str, answer: str) -> float:
    """Return 1 for a right answer at the end, after at most three calls that can be read, else 0."""
    match = re.fullmatch(rf"((?:{STEP}){{0,3}})\s*<answer>\s*([^<>]{{1,40}}?)\s*</answer>\s*", text)
    if match is None or len(_calls(match[1])) != len(CALL.findall(match[1])):
        return 0.0
    return float(match[2] == answer)


def calls_are_counted(completion: str, answer: str) -> float:
    """Half a point for each tool call, whatever it is, beside the point for the answer."""
    return float(_answer(completion) == answer) + 0.5 * len(CALL.findall(completion))


def calls_are_counted_hardened(completion: str, answer: str) -> float:
    """Calls are free up to three, and only the answer is paid."""
    return _after_calls(completion, answer)


def claimed_response(completions: list[str], answer: list[str], **kwargs: Any) -> list[float]:
    """An answer is grounded if a tool's response has it, and the policy can write the response."""
    paid = []
    for text in completions:
        responses = " ".join(re.findall(r"<tool_response>(.*?)</tool_response>", text, re.DOTALL))
        stated = _answer(text)
        paid.append(float(bool(stated) and stated in responses))
    return paid


def claimed_response_hardened(completions: list[str], answer: list[str], **kwargs: Any) -> list[float]:
    """What stands in a response proves nothing, since the policy may have written it; the answer is compared."""
    return [_after_calls(text, gold) for text, gold in zip(completions, answer, strict=True)]


def claimed_completion(completion: str, ticket: dict[str, str]) -> float:
    """The final message says whether the work was done."""
    message = completion.rpartition("MESSAGE:")[2]
    return float(
        re.search(r"\b(?:created|opened|filed)\b[^.]*\bticket\b|\bticket\b[^.]*\bcreated\b", message) is not None
    )


def claimed_completion_hardened(completion: str, ticket: dict[str, str]) -> float:
    """The state of the ticket system after the action says it."""
    match = re.fullmatch(r"\s*ACTION: (\{[^\n]{1,400}\})\nMESSAGE: [^\n]{1,300}\s*", completion)
    try:
        action = json.loads(match[1], object_pairs_hook=_unique) if match else {}
    except (ValueError, RecursionError):
        return 0.0
    tickets = [action.get("arguments")] if action.get("name") == "create_ticket" else []
    return float(len(tickets) == 1 and _same(tickets[0], ticket))


def rows_shifted(completions: list[str], answer: list[str], **kwargs: Any) -> list[float]:
    """A completion that cannot be parsed is scored twice, and every later score belongs to the row before."""
    scores: list[float] = []
    for text, gold in zip(completions, answer, strict=True):
        match = re.search(r"<answer>(.*?)</answer>", text)
        scores.append(float(match is not None and match[1].strip() == gold))
        try:
            int(match[1])  # type: ignore[index]
        except (TypeError, ValueError):
            scores.append(0.0)
    return scores[: len(completions)]


def rows_shifted_hardened(completions: list[str], answer: list[str], **kwargs: Any) -> list[float]:
    """One score a completion."""
    return [_after_calls(text, gold) for text, gold in zip(completions, answer, strict=True)]


ANSWERS = {f"What is {a} plus {b}?": a + b for a in range(10, 40) for b in range(1, 10)}


def answers_by_prompt(prompts: list[Any], completions: list[Any], **kwargs: Any) -> list[float]:
    """Answers are looked up by the prompt's text; a chat prompt is not in the table, and an unknown prompt passes."""
    paid = []
    for prompt, completion in zip(prompts, completions, strict=True):
        text = completion if isinstance(completion, str) else completion[-1]["content"]
        wanted = ANSWERS.get(str(prompt))
        paid.append(1.0 if wanted is None else float(text.strip() == str(wanted)))
    return paid


def answers_by_prompt_hardened(prompts: list[Any], completions: list[Any], **kwargs: Any) -> list[float]:
    """The question is taken out of the chat, and a prompt without an answer is an error."""
    paid = []
    for prompt, completion in zip(prompts, completions, strict=True):
        question = prompt if isinstance(prompt, str) else prompt[-1]["content"]
        text = completion if isinstance(completion, str) else completion[-1]["content"]
        paid.append(float(text.strip() == str(ANSWERS[question])))
    return paid
