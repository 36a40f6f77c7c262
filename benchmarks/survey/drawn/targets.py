"""The drawn verifiers that can be audited: what is audited, under which framework, and on which rows.

Verifiers of reasoning-gym bring their own rows. NeMo-Gym's servers and inspect_evals' scorers are audited by their
frameworks, with rows of ours; the rest through a function of ``glue``, which calls the published code unchanged.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import rows_answers as answers
import rows_servers as servers

Row = dict[str, Any]
MATCH = r"^\(?\s*(1|2|3|TRUE|FALSE|IMPOSSIBLE|POSSIBLE)\s*\)?"  # of the task worldsense
MASS = r"\[ANSWER\][\s\n]*(-?\d+(?:\.\d+)?)"  # a number in ChemBench's tags


class Target(NamedTuple):
    """What ``loopholes audit`` is called with."""

    reward: str
    framework: str = "plain"
    rows: Callable[[Path], list[Row]] | None = None  # handed a folder for what rows need beside them
    direct: str = ""  # what is called directly where the framework does not get through to the published function


def _ours(make: Callable[..., list[Row]], *arguments: Any) -> Callable[[Path], list[Row]]:
    bound = partial(make, *arguments)
    return lambda _: bound()


def _server(name: str, kind: str, rows: Callable[[], list[Row]]) -> Target:
    return Target(f"NVIDIA-NeMo+Gym/resources_servers/{name}/app.py:{kind}ResourcesServer", "nemo_gym", _ours(rows))


def _spans(answer: str) -> dict[str, list[str]]:
    return {"text": [answer]}


def _only(answer: str) -> list[list[str]]:
    return [[answer]]


THINK = "<think>Step by step.</think>"
BOXED = "\\boxed{VALUE}"
TARGETS = {
    "areal clevr_count_70k": Target("published_answers.py:areal_clevr", rows=_ours(answers.counting)),
    "inspect-evals math.expression_exact_match": Target(
        "published_inspect.py:expression_exact_match",
        "inspect_ai",
        _ours(answers.computing, "target", "It takes two steps.\nANSWER: VALUE"),
    ),
    "nemo-gym asr_with_pc": _server("asr_with_pc", "ASRWithPC", servers.transcripts),
    "nemo-gym bunsenbench_chemistry_mcq": _server("bunsenbench_chemistry_mcq", "BunsenChem", answers.bunsen),
    "skyrl examples.multiply": Target("published_puzzles.py:multiply", rows=_ours(answers.multiplying)),
    "nemo-rl rewards.exact_answer_alphanumeric_reward": Target(
        "published_answers.py:nemo_rl_exact", rows=_ours(answers.short_answers)
    ),
    "reasoning360 gpqa": Target(
        "published_answers.py:reasoning360_gpqa",
        rows=_ours(answers.choices, "It follows.\nAnswer: LETTER", "ground_truth"),
    ),
    "inspect-evals worldsense.pattern_with_metadata": Target(
        f"published_inspect.py:pattern_with_metadata({MATCH!r})", "inspect_ai", _ours(answers.worlds)
    ),
    "lighteval f1_score": Target(
        "published_metrics.py:lighteval_f1", rows=_ours(answers.reading, "answer", str, "ANSWER")
    ),
    "reward-kit multiple_choice_math_reward": Target(
        "published_answers.py:reward_kit_choice", rows=_ours(answers.choices, "(LETTER)", "ground_truth")
    ),
    "reasoning-gym simple_geometry": Target("reasoning_gym:simple_geometry", ""),
    "reasoning-gym letter_jumble": Target("reasoning_gym:letter_jumble", ""),
    "skyrl sql": Target("published_programs.py:skyrl_sql", rows=servers.queries),
    "nemo-gym graphwalks": _server("graphwalks", "GraphWalks", servers.graphs),
    "nemo-gym calendar": _server("calendar", "Calendar", servers.calendars),
    "synlogic math_path": Target("published_puzzles.py:math_path", rows=_ours(servers.synlogic, "math_path")),
    "reward-kit evaluate_apps_solution": Target(
        "published_programs.py:reward_kit_apps", rows=_ours(servers.programs, "apps")
    ),
    "roll ifeval_rule": Target("published_answers.py:roll_ifeval", rows=_ours(answers.constraints)),
    "reasoning-gym advanced_geometry": Target("reasoning_gym:advanced_geometry", ""),
    "lm-eval norquad": Target("published_metrics.py:norquad", rows=_ours(answers.reading, "answers", _spans, "ANSWER")),
    "lm-eval mgsm": Target("published_metrics.py:mgsm", rows=_ours(answers.mgsm)),
    "nemo-gym format_verification": _server("format_verification", "FormatVerification", servers.formats),
    "open-instruct FlanVerifier": Target(
        "published_answers.py:open_instruct_flan", rows=_ours(answers.reading, "answer", str, "The answer is: ANSWER")
    ),
    "lm-eval drop": Target("published_metrics.py:drop", rows=_ours(answers.reading, "answers", _only, "ANSWER")),
    "reasoning-gym shortest_path": Target("reasoning_gym:shortest_path", ""),
    "lighteval expr_gold_metric": Target(
        "published_metrics.py:lighteval_expression", rows=_ours(answers.computing, "answer", f"So it is {BOXED}", True)
    ),
    "atropos drop_eval": Target(
        "published_answers.py:atropos_drop",
        rows=_ours(answers.reading, "answer", answers.drop_answer, f"{THINK}<answer>ANSWER</answer>"),
    ),
    "tunix math_rewards.math_reward": Target(
        "published_answers.py:tunix_math", rows=_ours(answers.computing, "answer", f"{THINK}{BOXED}")
    ),
    "synlogic space_reasoning_tree": Target(
        "published_puzzles.py:space_reasoning_tree", rows=_ours(servers.synlogic, "space_reasoning_tree")
    ),
    "synlogic norinori": Target("published_puzzles.py:norinori", rows=_ours(servers.norinori)),
    "areal countdown": Target("published_answers.py:areal_countdown", rows=_ours(answers.countdown)),
    "openai-evals basic.match": Target(
        "published_answers.py:openai_match", rows=_ours(answers.reading, "ideal", str, "ANSWER")
    ),
    "reward-kit schema_jaccard_reward": Target("published_tools.py:reward_kit_schema", rows=_ours(servers.tool_calls)),
    "lm-eval gsm8k.strict-match": Target("published_metrics.py:gsm8k", rows=_ours(answers.gsm8k)),
    "inspect-evals lab_bench.precision_choice": Target(
        "published_inspect.py:precision_choice", "inspect_ai", _ours(answers.choices, "ANSWER: LETTER", "target")
    ),
    "slime gpqa": Target("published_answers.py:slime_gpqa", rows=_ours(answers.choices, "Answer: LETTER", "label")),
    "gem game.Mastermind": Target("published_puzzles.py:mastermind", "gymnasium"),
    "atropos pydantic_schema_following": Target("published_answers.py:atropos_schema", rows=_ours(servers.schemas)),
    "inspect-evals chembench.pattern_mae": Target(
        f"published_inspect.py:pattern_mae({MASS!r})", "inspect_ai", _ours(answers.amounts)
    ),
    "nemo-gym citation_if": _server("citation_if", "CitationIf", servers.citations)._replace(
        direct="published_tools.py:citation_if"
    ),
    "reasoning360 cruxeval": Target("published_programs.py:reasoning360_cruxeval", rows=_ours(servers.outputs)),
    "nemo-gym math_advanced_calculations": Target(
        "published_tools.py:math_advanced_calculations", rows=_ours(servers.calculations)
    ),
    "nemo-gym workplace_assistant": Target("published_tools.py:workplace_assistant", rows=_ours(servers.workplace)),
    "nemo-gym iheval": _server("iheval", "IHEval", servers.hierarchy),
    "rllm code_reward.livecodebench": Target(
        "published_programs.py:rllm_livecodebench", rows=_ours(servers.programs, "lcb")
    ),
    "skywork-or1 deepscaler_math": Target(
        "published_answers.py:skywork_math", rows=_ours(answers.computing, "ground_truth", f"{THINK}{BOXED}")
    ),
    "reasoning-gym basic_arithmetic": Target("reasoning_gym:basic_arithmetic", ""),
    "reasoning-gym rubiks_cube": Target("reasoning_gym:rubiks_cube", ""),
    "nemo-gym ruler2": _server("ruler2", "Ruler2", servers.needles),
    "reasoning360 livebench.house_traversal": Target(
        "published_answers.py:reasoning360_house_traversal", rows=_ours(answers.houses)
    ),
}
