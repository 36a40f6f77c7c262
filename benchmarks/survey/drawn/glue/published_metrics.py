"""Scorers of evaluation harnesses on one reply: lm-eval's filters and metrics, lighteval's metrics."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from sources import Anything, checkout, package, stub


def norquad(completion: str, answers: dict[str, list[str]]) -> float:
    """lm-eval's norquad: the F1 of its ``process_results``."""
    package("transformers", checkout("huggingface/transformers") / "src/transformers")  # 4.57 still has the metric
    stub("transformers.models", "transformers.models.bert", "transformers.utils")
    sys.modules["transformers.utils"].logging = Anything()  # type: ignore[attr-defined]
    module = importlib.import_module("lm_eval.tasks.noreval.norquad.utils")
    return float(module.process_results({"answers": answers}, [completion])["f1"])


def drop(completion: str, answers: list[list[str]]) -> float:
    """lm-eval's drop: the F1 of its ``process_results``."""
    module = importlib.import_module("lm_eval.tasks.drop.utils")
    return float(module.process_results({"answers": [tuple(answer) for answer in answers]}, [completion])["f1"])


def _exact(completion: str, reference: str, pattern: str, **options: Any) -> float:
    regex = importlib.import_module("lm_eval.filters.extraction").RegexFilter(regex_pattern=pattern)
    first = importlib.import_module("lm_eval.filters.selection").TakeFirstFilter()
    exact = importlib.import_module("lm_eval.api.metrics").exact_match_hf_evaluate
    [filtered] = first.apply(regex.apply([[completion]], [{}]), [{}])
    return float(exact([filtered], [reference], **options)["exact_match"])


def mgsm(completion: str, answer_number: int) -> float:
    """lm-eval's mgsm in English, ``strict-match``, with the options of its ``cot_yaml``."""
    pattern = "The answer is (\\-?[0-9\\.\\,]+)"
    return _exact(completion, str(answer_number), pattern, ignore_case=True, ignore_punctuation=True)


def gsm8k(completion: str, answer: str) -> float:
    """lm-eval's gsm8k, ``strict-match``, with the options of its ``gsm8k.yaml``."""
    ignored = [",", "\\$", "(?s).*#### ", "\\.$"]
    options: dict[str, Any] = {"regexes_to_ignore": ignored, "ignore_case": True, "ignore_punctuation": False}
    return _exact(completion, answer, "#### (\\-?[0-9\\.\\,]+)", **options)


def _lighteval(metric: str, completion: str, gold: str) -> float:
    sys.path.insert(0, str(checkout("latex2sympy2_extended")))  # the old version that lighteval wants
    metrics = importlib.import_module("lighteval.metrics.metrics").Metrics
    document = importlib.import_module("lighteval.tasks.requests").Doc(query="", choices=[gold], gold_index=0)
    reply = importlib.import_module("lighteval.models.model_output").ModelResponse(text=[completion])
    return float(metrics[metric].value.sample_level_fn.compute(doc=document, model_response=reply))


def lighteval_f1(completion: str, answer: str) -> float:
    """lighteval's ``f1_score``."""
    return _lighteval("f1_score", completion, answer)


def lighteval_expression(completion: str, answer: str) -> float:
    """lighteval's ``expr_gold_metric``."""
    return _lighteval("expr_gold_metric", completion, answer)
