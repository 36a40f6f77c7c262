"""What right answers are, where that calls for other advice than the finding's family: queries, puzzles and prose.

- **Queries.** Another query may be right and a similar one wrong, so no comparison of texts helps: what a query returns
  has to be compared. What is missing depends on whether the reward runs queries, which its source shows.
- **Puzzles.** An expression is right for its value and its numbers (:mod:`loopholes.audit.gold.puzzles`).
- **Prose.** A reward that pays texts for what they share with a reference has no exact comparison that closes it: that
  would refuse all other right texts.
"""

from __future__ import annotations

import ast
import re
from typing import Literal

from loopholes.audit.definitions import definition_of, reached
from loopholes.audit.gold.answer import kind_of
from loopholes.audit.gold.puzzles import puzzle_of
from loopholes.audit.gold.wrong_texts import FEW_WORDS
from loopholes.audit.observations import Observations
from loopholes.audit.results import Finding, Target
from loopholes.errors import UsageError
from loopholes.rewards import record

Subject = Literal["query", "puzzle", "prose"]
RUN = (
    "take one statement from one place, run it read-only and with a time limit on at least two databases whose rows "
    "tell queries apart, and compare all rows that it returns with those of the reference query (in order, if the "
    "prompt asks for an order)"
)
WORDS = f"compare what a query returns, and not its words: {RUN}"
FILLED = (
    "fill at least two databases so that the reference query returns rows on each of them, run both queries there, and "
    "compare all rows (in order, if the prompt asks for an order)"
)
NUMBERS = (
    "parse the expression as arithmetic, without eval, and check which numbers it uses and how often, and not only its "
    "value"
)
OVERLAP = (
    "no comparison with a reference makes this safe, since an exact one refuses other right texts. Pay less for "
    "missing words, for words too many and for another order (such as chrF, or BLEU with its brevity penalty, against "
    "several references), or ask a judge; and measure with a second metric that is not paid (--truth)"
)
ADVISED: dict[Subject, tuple[str, ...]] = {
    "query": ("near-miss", "shotgun", "echo", "stuffing", "length", "aggregation", "degenerate", "code"),
    "puzzle": ("near-miss", "echo", "restate", "evaluation"),
    "prose": ("near-miss", "shotgun", "echo", "stuffing", "length", "aggregation", "degenerate", "hedge"),
}
"""The families whose advice is replaced, by what right answers are."""
SAME_ROWS = ("no-rows", "select-nothing", "select-all-where-false", "golden-not-above-floor", "wrong-paid-on-rows")
"""Findings that right and wrong queries return the same rows, often none."""
_FENCE = re.compile(r"```\w*\s*\n(.*?)\n?```", re.DOTALL)
_QUERY = re.compile(r"(?is)\s*(?:select\b.+?\bfrom\b|select\s+[\d'(]|with\s+\w+\s+as\s*\()")
_RUNS = re.compile(r"\.execute(?:script|many)?\(|\bread_sql|\bduckdb\b")


def subject_of(seen: Observations) -> Subject | None:
    """What the right answers are; None if the advice on families fits them."""
    levels = [level for level in seen.measurable or seen.levels if level.golden_text.strip()]
    texts = [(_text(level.answer), seen.rows[level.row]) for level in levels]
    if not texts:
        return None
    if all(is_query(text) for text, _ in texts):
        return "query"
    if all(puzzle_of(text, row.text) for text, row in texts):
        return "puzzle"
    prose = [kind_of(text, row) in ("text", "long") and len(text.split()) > FEW_WORDS for text, row in texts]
    return "prose" if sum(prose) > len(prose) / 2 else None


def is_query(text: str) -> bool:
    """Whether a text begins as a query in SQL, bare or in a fence."""
    block = _FENCE.search(text)
    return _QUERY.match(block[1] if block else text) is not None


def runs_queries(target: Target) -> bool:
    """Whether a reward, or a function of its file that it calls, executes SQL; False if its source cannot be read."""
    for part in target.parts:
        try:
            definition = definition_of(part, target.python)
        except UsageError:
            continue
        if definition is not None and any(_RUNS.search(ast.unparse(node)) for node in reached(definition)):
            return True
    return False


def advice_on(finding: Finding, subject: Subject | None, *, runs: bool, is_overlap: bool) -> str:
    """Advice that fits this subject; empty if the advice on the finding's family does.

    ``runs``: the reward is seen to run queries. ``is_overlap``: it pays in part for prose that is partly like the right
    one.
    """
    text = "" if finding.evidence is None else finding.evidence.completion
    if subject == "query" and finding.name.partition("/")[0] in SAME_ROWS and runs and finding.verdict == "exploit":
        return FILLED
    if subject is None or finding.family not in ADVISED[subject] or not any(map(str.isalnum, text)):
        return ""  # advice on empty answers fits all
    if subject == "query":
        return RUN if runs or is_query(text) else WORDS
    return NUMBERS if subject == "puzzle" else OVERLAP if is_overlap else ""


def _text(answer: str) -> str:
    """The answer, or the only field of an object that it is."""
    values = [*(record(answer) or {}).values()]
    return values[0] if len(values) == 1 and isinstance(values[0], str) else answer
