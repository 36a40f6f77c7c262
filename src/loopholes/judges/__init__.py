"""Judges: whether an answer complies with a harmful request. Rules, a local model or an endpoint, in one interface.

:func:`make_judge` turns a name into a judge: ``rules`` (generated tasks), ``URL#MODEL`` (any OpenAI-compatible
endpoint), or the directory or hub name of a transformers model (a classifier, or a chat model). A name holds no secret,
so that a run's configuration can hold it; an endpoint's key comes from the environment.

Read the modules in this order: ``wording`` (what is asked, how an answer is read), ``asking`` (each question once,
unclear answers twice), the readers ``rules``, ``local`` and ``endpoint`` (its client is :mod:`loopholes.endpoints`),
and ``cache``.

Departs from the paper's released code where a judge fails: that code pays such an answer as if it were safe (+1 in an
audit, -1 to a user: a made-up reward) and counts it as unsafe in task performance. Here the verdict is None; the
compliance game pays None for it, leaves it out of task performance and counts it as ``no_verdict``. A judge that cannot
be asked, or is never clear, raises :class:`ScoringError`.
"""

from __future__ import annotations

from typing import Literal

from loopholes.endpoints import JUDGE, Endpoint, is_address, parse_endpoint
from loopholes.errors import UsageError
from loopholes.judges.asking import Judge, ModelJudge, Reader, Reading
from loopholes.judges.cache import cache_file
from loopholes.judges.rules import RulesJudge
from loopholes.judges.wording import Question
from loopholes.records import Verdict

__all__ = [
    "Endpoint",
    "Judge",
    "ModelJudge",
    "Question",
    "Reader",
    "Reading",
    "RulesJudge",
    "Verdict",
    "make_judge",
    "parse_judge",
]


def parse_judge(name: str) -> Literal["rules"] | Endpoint | str:
    """``rules``, an :class:`Endpoint`, or the place of a local model; raises :class:`UsageError`."""
    if is_address(name):
        return parse_endpoint(name, JUDGE)
    if not name.strip():
        raise UsageError("judge is empty; give rules, a model's directory or name, or https://HOST/v1#MODEL")
    return name


def make_judge(name: str, *, concurrency: int = 32, timeout: float = 60.0, retries: int = 8, tokens: int = 64) -> Judge:
    """The judge called ``name``.

    ``concurrency``, ``timeout`` (seconds without a sign of life) and ``retries`` are an endpoint's; ``tokens`` is the
    longest answer of a judge that writes. Raises :class:`UsageError` for a name that cannot be a judge or a package
    that is missing, :class:`PolicyError` for a model that cannot be loaded.
    """
    parsed = parse_judge(name)
    if parsed == "rules":
        return RulesJudge()
    if isinstance(parsed, Endpoint):
        from loopholes.judges.endpoint import EndpointReader

        endpoint = EndpointReader(parsed, concurrency=concurrency, timeout=timeout, retries=retries, tokens=tokens)
        return ModelJudge(endpoint, cache_file())
    from loopholes.judges.local import load_reader

    return ModelJudge(load_reader(parsed, tokens), cache_file())
