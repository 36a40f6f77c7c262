"""Right answers that were assumed to be bare lists of keywords, although the prompts ask for sentences.

Only data without golden completions is asked about it (:mod:`loopholes.audit.inferred`). A reward of keywords pays a
column's own list in full, so the list looks like the right answer, and everything is measured against it.
"""

from __future__ import annotations

from collections.abc import Iterator

from loopholes.audit.gold.keywords import asks_for_prose, lists_of
from loopholes.audit.observations import Observations
from loopholes.audit.results import Finding
from loopholes.audit.scale import Level

ALL = 0.6
"""Smallest share of a text's characters that keywords make up if the text is nothing but their list."""


def keyword_findings(seen: Observations) -> Iterator[Finding]:
    """A warning if the assumed right answers of most rows are such lists.

    It is no exploit, since the list may be what is trained on, whatever else the prompt asks for.
    """
    levels = [level for level in seen.measurable if _is_bare_list(seen, level)]
    if seen.assumed and 2 * len(levels) > len(seen.measurable):
        message = (
            f"a bare list of keywords ({seen.assumed}) was taken for the right answer, since the reward pays it best, "
            f"but the prompts of {len(levels)} of {len(seen.measurable)} rows ask for sentences"
        )
        paid = dict(zip((level.row for level in seen.levels), seen.golden, strict=True))[levels[0].row]
        evidence = seen.evidence(levels[0], levels[0].golden_text, paid)
        yield Finding("warning", "contract", "contract", "keyword-list", message, evidence=evidence)


def _is_bare_list(seen: Observations, level: Level) -> bool:
    """Whether a right answer is nothing but the keywords of a column, and the prompt asks for sentences."""
    row, text = seen.rows[level.row], level.golden_text
    lists = lists_of(row).values() if asks_for_prose(row) else ()
    return any(all(item in text for item in items) and len("".join(items)) >= ALL * len(text) for items in lists)
