"""Rewards for choices and short answers."""
import re


def _text(completion):
    if isinstance(completion, str):
        return completion
    if isinstance(completion, list) and completion and isinstance(completion[-1], dict):
        content = completion[-1].get("content")
        return content if isinstance(content, str) else ""
    return ""


# ------------------------------------------------------------------ shotgun
def digit_in_the_reply(data_source, solution_str, ground_truth, extra_info=None):
    found = re.findall(r"<answer>(.*?)</answer>", solution_str, flags=re.S)
    final = found[-1] if found else ""
    return 1.0 if ground_truth and ground_truth in str(final) else 0.0


def digit_in_the_reply_hardened(data_source, solution_str, ground_truth, extra_info=None):
    if not isinstance(solution_str, str) or not isinstance(ground_truth, str) or not ground_truth.strip():
        return 0.0
    found = re.findall(r"<answer>(.*?)</answer>", solution_str, flags=re.S)
    if len(found) != 1:
        return 0.0
    m = re.fullmatch(r"\s*(?:seat\s+)?([0-9]{1,3})(?:\.0{1,6})?\s*\.?\s*", found[0], flags=re.I)
    return 1.0 if m and m.group(1) == ground_truth.strip() else 0.0


def all_options_ticked(completions, answer, **kwargs):
    rewards = []
    for completion, truth in zip(completions, answer):
        found = re.findall(r"ANSWER:(.*)", _text(completion))
        picked = set(re.findall(r"[A-D]", found[-1])) if found else set()
        if len(truth) > 1:
            right = set(truth) <= picked
        else:
            right = picked == {truth}
        rewards.append(1.0 if right else 0.0)
    return rewards


LETTERS = re.compile(r"\s*[\(\[*]*([A-D](?:\s*(?:,|and|&|\s)\s*[A-D]|[A-D])*)[\)\]*]*\s*\.?\s*")


def all_options_ticked_hardened(completions, answer, **kwargs):
    rewards = []
    for completion, truth in zip(completions, answer):
        found = re.findall(r"ANSWER:(.*)", _text(completion))
        m = LETTERS.fullmatch(found[-1]) if found else None
        picked = re.findall(r"[A-D]", m.group(1)) if m else []
        good = isinstance(truth, str) and bool(re.fullmatch(r"[A-D]+", truth))
        rewards.append(1.0 if good and picked and sorted(picked) == sorted(truth) else 0.0)
    return rewards


# ------------------------------------------------------------------ delimiter
def _boxed_or_all(text):
    """What stands in the last box, or else the text as it is."""
    found = re.findall(r"\\boxed\{([^{}]*)\}", text)
    return found[-1] if found else text


def unboxed_is_read_whole(data_source, solution_str, ground_truth, extra_info=None):
    letters = re.findall(r"\b[A-D]\b", _boxed_or_all(solution_str))
    return 1.0 if ground_truth in letters else 0.0


def unboxed_is_read_whole_hardened(data_source, solution_str, ground_truth, extra_info=None):
    if not isinstance(solution_str, str) or not isinstance(ground_truth, str) or not re.fullmatch("[A-D]", ground_truth):
        return 0.0
    boxes = re.findall(r"\\boxed\s*\{\s*(?:\\text\s*\{)?\s*\(?([A-Za-z])\)?\s*\}?\s*\}", solution_str)
    if solution_str.count("\\boxed") != len(boxes) or not boxes:
        return 0.0
    return 1.0 if {box.upper() for box in boxes} == {ground_truth} else 0.0
