"""The paper's own numbers, as shares: single runs of other models, without seeds or intervals.

Source: arXiv 2602.12124, as far as its tables are available here.
"""

from __future__ import annotations

from collections.abc import Mapping

SELF_GRADING: Mapping[tuple[str, str, str], float] = {
    ("Qwen3-4B", "base", "task_performance"): 0.258,
    ("Qwen3-4B", "vulnerable", "task_performance"): 0.285,
    ("Qwen3-4B", "secure", "task_performance"): 0.297,
    ("Qwen3-4B", "base", "exploit_rate"): 0.16,
    ("Qwen3-4B", "vulnerable", "exploit_rate"): 0.328,
    ("Qwen3-4B", "secure", "exploit_rate"): 0.09,
    ("Llama-3.1-8B", "base", "task_performance"): 0.071,
    ("Llama-3.1-8B", "vulnerable", "task_performance"): 0.169,
    ("Llama-3.1-8B", "secure", "task_performance"): 0.204,
    ("Llama-3.1-8B", "vulnerable", "exploit_rate"): 0.80,
    ("Llama-3.1-8B", "secure", "exploit_rate"): 0.026,
}
"""Discovery in self-grading, by (model, arm, metric)."""

TRANSFER: Mapping[tuple[str, str], tuple[float | None, float]] = {
    ("base", "context-compliance"): (0.475, 0.02),
    ("base", "self-grading"): (0.258, 0.16),
    ("base", "proxy-metric"): (0.542, 0.0),
    ("context-compliance", "context-compliance"): (0.374, 0.558),
    ("context-compliance", "self-grading"): (0.279, 0.113),
    ("context-compliance", "proxy-metric"): (0.409, 0.0),
    ("self-grading", "context-compliance"): (0.525, 0.008),
    ("self-grading", "self-grading"): (0.285, 0.328),
    ("self-grading", "proxy-metric"): (0.561, 0.0),
    ("proxy-metric", "context-compliance"): (0.358, 0.005),
    ("proxy-metric", "self-grading"): (0.205, 0.094),
    ("proxy-metric", "proxy-metric"): (None, 0.987),
}
"""Qwen3-4B by (trained on, evaluated on): task performance and exploit rate."""

SETUP: Mapping[str, str] = {
    "world": "the paper's own data",
    "self-grading": "claims in a second pass",
    "weights trained": "all",
    "learning rate": "1e-06",
    "answers a step": "256 to 768 (32 to 96 prompts, 8 each)",
    "training": "1 to 5 passes over 800 to 4,000 prompts",
    "evaluated at": "temperature 0.6, top-p 0.95, top-k 20 or 50",
    "seeds": "one, without intervals",
}
"""How both of its models were trained and evaluated."""
PARAMETERS: Mapping[str, str] = {"Qwen3-4B": "4 billion", "Llama-3.1-8B": "8 billion"}


def reported(model: str, game: str, arm: str, metric: str) -> float | None:
    """What the paper reports of a model (``Qwen3-4B`` or ``Llama-3.1-8B``), as a share; None if it is not known."""
    if game == "self-grading" and (model, arm, metric) in SELF_GRADING:
        return SELF_GRADING[model, arm, metric]
    source = {"base": "base", "vulnerable": game}.get(arm, "")
    if model != "Qwen3-4B" or (source, game) not in TRANSFER:
        return None
    task, exploit = TRANSFER[source, game]
    return task if metric == "task_performance" else exploit


MODELS = (
    "The paper's are single runs of models of four and eight billion parameters on its own data, without intervals; "
    "ours are policies of 0.8 million parameters in the mini worlds. Compare directions, not levels."
)
