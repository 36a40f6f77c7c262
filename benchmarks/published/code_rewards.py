"""Rewards that run programs: verl's prime_code, and open-r1's with a local provider in place of a remote one."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import Any

from math_rewards import Messages, open_r1
from sources import verl_score

SECONDS = 20.0


def verl_prime_code(solution_str: str, ground_truth: str) -> float:
    """verl's ``prime_code``, continuous, as its ``default_compute_score`` reads it: the share of tests passed."""
    return float(verl_score("prime_code").compute_score(solution_str, ground_truth, continuous=True)[0])


class LocalProvider:
    """Runs open-r1's evaluation scripts here; the script's last line is its reward, as in a notebook."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def execute_scripts(self, scripts: list[str], languages: list[str]) -> list[float]:
        """A reward for each script; 0 where it fails, as open-r1's providers have it."""
        return [self._reward(textwrap.dedent(script)) for script in scripts]

    @staticmethod
    def _reward(script: str) -> float:
        call = "evaluate_code(code_snippet, test_cases)"
        printing = call.join(script.rsplit(call, 1)).rstrip()
        printing = f"{printing[: -len(call)]}print({call})"
        try:
            process = subprocess.run([sys.executable, "-c", printing], capture_output=True, text=True, timeout=SECONDS)
            return float(process.stdout.strip().splitlines()[-1])
        except (subprocess.TimeoutExpired, ValueError, IndexError):
            return 0.0


def open_r1_code(completions: Messages, verification_info: list[dict[str, Any]], **_: Any) -> list[float]:
    """open-r1's ``code_reward``."""
    module = open_r1()
    module.get_provider = LocalProvider
    rewards: list[float] = module.code_reward(completions, verification_info=verification_info)
    return rewards
