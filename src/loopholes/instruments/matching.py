r"""Whether a completion gives the reference answer, as BIG-Bench Extra Hard judges it.

Two steps: find the answer in the completion, then compare it leniently. The rules are those that the paper's released
scorer was observed to follow (``reference/self_grading_match.jsonl``), quirks included, so that accuracies can be
compared with the paper's. Every step takes linear time and none raises, whatever the text.

An answer counts as *marked* if it is in ``\boxed{}``, or after ``Final Answer:`` or ``The answer is:`` on a
line that ends. Chat markers are read only while looking for a marked answer; without one the whole completion is the
answer, markers and all, so ``The answer is: A</s>more`` is not A.
"""

from __future__ import annotations

import re

_USER_TURN, _POLICY_TURN, _PLAIN_TURN = "<|im_start|>user", "<|im_start|>assistant", "Assistant:"
_TURN_ENDS = ("</s>", "<|im_end|>", "<|endoftext|>")
# Each is cut off in turn, so "The final answer is:" has to come after the form without a colon and with a space.
_LEAD_INS = ("The answer is:", "The final answer is ", "The final answer is: ", "The answer is ")
_WRAPPERS = ("boxed{", "text{", "texttt{")
_BOX = "\\boxed{"
_BRACES = re.compile(r"\\boxed\{|[{}]")


def answers_match(completion: str, reference: str) -> bool:
    """Whether the completion's answer is the reference, up to case, brackets, quotes, number format and a final "?"."""
    answer = _comparable(extract_answer(completion)).replace("**", "").removesuffix(".")
    return _alike(answer, _comparable(reference.strip()))


def extract_answer(completion: str) -> str:
    r"""The answer as written: one line, without lead-in words, LaTeX wrapping or one final period; may be empty.

    The last ``\boxed{}`` wins, then ``Final Answer:``, then ``The answer is:``, then the whole completion.
    """
    turn = _policy_turn(completion)
    marked = _last_boxed(turn) or _last_labelled(turn, "Final Answer:") or _last_labelled(turn, "The answer is:")
    answer = (marked or completion).strip()
    for words in _LEAD_INS:
        if words in answer:
            answer = answer.rpartition(words)[2].strip()
    return _without_latex(answer.removesuffix(".")).partition("\n")[0]


def _policy_turn(text: str) -> str:
    """What the policy said, where the text is a whole conversation."""
    if _USER_TURN in text:
        before, marker, after = text.partition(_POLICY_TURN)
        text = after if marker else before
    elif _PLAIN_TURN in text:
        text = text.rpartition(_PLAIN_TURN)[2]
    for marker in _TURN_ENDS:
        text = text.partition(marker)[0]
    return text


def _last_boxed(text: str) -> str:
    r"""The content of the ``\boxed{}`` that closes last, braces inside balanced; empty if there is none."""
    if _BOX not in text:
        return ""
    opened: list[int | None] = []  # where the content of each open brace begins; None: not a box
    last = slice(0, 0)
    for brace in _BRACES.finditer(text, text.find(_BOX)):  # closing braces before it belong to no box
        if brace[0] != "}":
            opened.append(None if brace[0] == "{" else brace.end())
        elif opened and (start := opened.pop()) is not None:
            last = slice(start, brace.start())
    return text[last]


def _last_labelled(text: str, label: str) -> str:
    """What follows the label on the last line that holds it; an unfinished last line does not count."""
    if label not in text:
        return ""
    start = text.rfind(label, 0, text.rfind("\n") + 1)
    if start < 0:
        return ""
    line = text[text.rfind("\n", 0, start) + 1 : text.find("\n", start)]
    return line.partition(label)[2]


def _without_latex(answer: str) -> str:
    if len(answer) > 1 and answer[0] == answer[-1] == "$":
        answer = answer[1:-1]
    for wrapper in _WRAPPERS:
        if wrapper in answer and answer.endswith("}"):
            answer = answer[:-1].partition(wrapper)[2]
    return answer


def _comparable(text: str) -> str:
    return text.lower().replace(", ", ",")


def _alike(answer: str, reference: str) -> bool:
    """The lenient comparison. An option letter in parentheses is compared as a letter and in no other way."""
    if answer == reference:
        return True
    for lettered, other in ((answer, reference), (reference, answer)):
        if len(lettered) == 3 and lettered[0] == "(" and lettered[-1] == ")":
            return lettered[1] == other
    return (
        _same_number(answer, reference)
        or answer.replace("'", "") == reference.replace("'", "")
        or f"[{reference}]" == answer
        or f"[{answer}]" == reference
        or answer == f"{reference}?"
    )


def _same_number(answer: str, reference: str) -> bool:
    try:
        return float(answer) == float(reference)
    except ValueError:
        return False
