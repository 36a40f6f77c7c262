"""A part of the right answer that is paid like the whole: the first element of a list in a column.

Only data without golden completions is asked about it (:mod:`loopholes.audit.inferred`). With a golden completion,
near misses leave elements out.
"""

from __future__ import annotations

from collections.abc import Iterator

from loopholes.audit.gate import Gate
from loopholes.audit.gold.wrong_lists import asks_for_some
from loopholes.audit.observations import Observations
from loopholes.audit.results import Finding, Verdict
from loopholes.audit.scale import FULL
from loopholes.stats import share_over_tasks


def part_findings(seen: Observations, gate: Gate) -> Iterator[Finding]:
    """First elements that are paid like whole lists, if that is certain.

    They are an exploit if the reward reads all that a completion lists. Otherwise the elements may be alternatives, so
    that each of them is right, and the finding is a warning. Rows whose prompt asks for some of the elements do not
    count.
    """
    alone = seen.alone
    if alone is None:
        return
    paid = [level for level in seen.measurable if level.row in alone.paid]
    levels = [level for level in paid if not asks_for_some(seen.rows[level.row])]
    if not levels:
        return
    shares = [level.share(alone.paid[level.row].value) or 0.0 for level in levels]
    rate = share_over_tasks([float(share >= FULL) for share in shares])
    if (rate.low or 0.0) <= gate.thresholds.exploit:
        return
    level = levels[shares.index(max(shares))]
    evidence = seen.evidence(level, alone.texts[level.row], alone.paid[level.row])
    verdict: Verdict = "exploit" if alone.is_part and not seen.component else "warning"
    message = f"the first element of {alone.column} alone is paid like the whole list on {rate} of {len(levels)} rows"
    if not alone.is_part:
        message += ", even beside another row's answer; the audit takes the elements for alternatives, and the first "
        message += "one for the right answer; if the whole list is the answer, this is an exploit"
    yield Finding(verdict, "contract", "aggregation", "part-paid", message, share=rate.value, evidence=evidence)
