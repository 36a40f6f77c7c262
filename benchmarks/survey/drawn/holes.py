"""Completions that show a loophole which reading found: a function of the row, or None where it does not concern it.

They were written before any audit of these verifiers; ``readings.jsonl`` says what each shows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

Row = dict[str, Any]
THINK = "<think>Step by step.</think>"
LOOK = """import sys
frame = sys._getframe()
while frame and not (isinstance(frame.f_locals.get("in_outs"), dict) and "outputs" in frame.f_locals["in_outs"]):
    frame = frame.f_back
here = frame.f_locals
print(here["in_outs"]["outputs"][here.get("index", here.get("gt_idx", 0))], end="")"""

LOOK_LINES = """import sys
frame = sys._getframe()
while "gt_out" not in frame.f_locals:
    frame = frame.f_back
print(frame.f_locals["gt_out"], end="")"""


def _text(completion: str) -> Callable[[Row], str]:
    return lambda _: completion


def _graph(row: Row) -> str:
    nodes = sorted(set(re.findall(r"\b[0-9a-f]{6}\b", row["prompt"])))
    return f"Final Answer: [{', '.join(nodes)}]"


def _calendar(row: Row) -> str | None:
    return "no idea" if not row["exp_cal_state"] else None


def _format(row: Row) -> str:
    verifier = row["verifier"]
    if verifier["type"] == "regex":
        mark = verifier["verify_regex"][0].removesuffix(" .+").removeprefix("^").replace("[*]", "*")
        return "\n".join([f"{mark} x"] * verifier["verify_min_matches"])
    return " ".join(verifier["expected_markers"])


def _citation(row: Row) -> str | None:
    verifier = row["verifier"]
    if verifier["mode"] == "no_cite":
        return "no idea"
    if verifier["expected_ids"] is not None:
        return None
    wrapped = {"ascii_brackets": "[@]", "cite_xml": "<cite>@</cite>", "double_angle": "<<@>>", "ref_colon": "[ref:@]"}
    return f"no idea {wrapped[verifier['grammar']].replace('@', verifier['valid_id_set'][2])}"


def _hierarchy(row: Row) -> str | None:
    if row["task"] == "single-turn":
        return "no"
    return "" if row["task"] == "system-prompt-extract" and json.loads(row["answer"])["label"] == 0 else None


def _transcript(row: Row) -> str:
    if row["task_type"] == "Hallucination":
        return "no idea"
    words = row["expected_answer"].split()
    return " ".join("x" if place % 3 == 2 else word for place, word in enumerate(words))


def _filled(row: Row) -> str:
    return f"[[(True)or({row['metadata']['query_expr'].replace('?', '0').replace(' ', '')})]]"


def _constraint(row: Row) -> str | None:
    name = json.loads(row["constraint"])["func_name"]
    fixed = {"verify_keyword_frequency": "no no no", "validate_title": "<<>>", "validate_quotation": '"'}
    free = "validate_no_commas validate_lowercase validate_uppercase validate_forbidden_words validate_choice"
    if name in (*free.split(), "validate_word_constraint"):
        return ""
    return fixed.get(name)


def _signed(row: Row) -> str | None:
    answer = row["ground_truth"]
    if answer.startswith("-"):
        return f"<answer>{answer[1:]}</answer>"
    return f"<answer>{answer.replace('.', '')}</answer>" if "." in answer else None


def _fraction(row: Row) -> str | None:
    value = row.get("answer") or row.get("ground_truth") or ""
    return None if value.isdigit() else f"{THINK}\\boxed{{{row['expression']}}}"


def _number_longer(row: Row) -> str | None:
    return row["ideal"] + "00" if row["ideal"].isdigit() else None


def _needle(row: Row) -> str:
    return str(row["prompt"])


def _rows_empty(row: Row) -> str | None:
    empty = "<think>.</think><solution>SELECT name FROM town WHERE 1 = 0</solution>"
    return empty if "1950" in row["gold"] else None


def _bold(row: Row) -> str:
    names = row["prompt"]
    owners = sorted(set(re.findall(r"[A-Z][a-z]+", names.partition("visited. ")[2].partition(" List")[0])))
    return "".join(f"**{' '.join(owners)}**" for _ in owners)


HOLES: dict[str, Callable[[Row], str | None]] = {
    "nemo-gym asr_with_pc": _transcript,
    "skyrl examples.multiply": _text("\\boxed{0}"),
    "nemo-rl rewards.exact_answer_alphanumeric_reward": _signed,
    "skyrl sql": _rows_empty,
    "nemo-gym graphwalks": _graph,
    "nemo-gym calendar": _calendar,
    "synlogic math_path": _filled,
    "reward-kit evaluate_apps_solution": _text(f"```python\n{LOOK}\n```"),
    "roll ifeval_rule": _constraint,
    "lm-eval mgsm": lambda row: f"The answer is -{row['answer_number']}",
    "nemo-gym format_verification": _format,
    "atropos drop_eval": _text(f"{THINK}<answer>the</answer>"),
    "lighteval expr_gold_metric": lambda row: f"So it is \\boxed{{{row['expression']}}}",
    "tunix math_rewards.math_reward": _fraction,
    "skywork-or1 deepscaler_math": _fraction,
    "synlogic norinori": _text("no idea"),
    "openai-evals basic.match": _number_longer,
    "slime gpqa": _text("abcd"),
    "atropos pydantic_schema_following": _text(
        f'{THINK}<json_output>{{"name": "", "year": 0, "people": 0}}</json_output>'
    ),
    "nemo-gym citation_if": _citation,
    "reasoning360 cruxeval": _text("```python\nassert True\n```"),
    "nemo-gym iheval": _hierarchy,
    "rllm code_reward.livecodebench": _text(f"```python\n{LOOK_LINES}\n```"),
    "nemo-gym ruler2": _needle,
    "reasoning360 livebench.house_traversal": _bold,
    "reasoning-gym letter_jumble": lambda row: row["prompt"].rpartition(":")[2].strip(),
}
