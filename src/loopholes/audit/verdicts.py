"""From what attacks were paid to findings: one for each attack that pays, one for each way in which it went wrong."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from loopholes.audit.checks import Context, evidence_of
from loopholes.audit.frameworks.base import LATE_CALL, Paid, Row
from loopholes.audit.results import Finding, Gap, Verdict
from loopholes.audit.scale import Level, plain
from loopholes.audit.scorer import Scorer
from loopholes.stats import Estimate

if TYPE_CHECKING:
    from loopholes.audit.panel import Tried

BETTER = 0.1
"""How much more of the scale an attack has to pay than a simpler one, or a search than the panel, to be a finding."""
ENOUGH = 20
"""Calls asked alone that are enough to tell the tail of their times."""
_NUMBERS = re.compile(r"\d[\d.,]*|'.*'")
NOTHING = ("empty", "space", "newline", "period", "one-letter")
FORM_ALONE = ("form-without-answer", "placeholder/golden", "dots/golden")


def attacks(context: Context, tried: Sequence[Tried], gaps: Sequence[Gap]) -> list[Finding]:
    """Exploits, one a family with its best attack first, and what hostile text did to the reward."""
    pairs = sorted(zip(tried, gaps, strict=True), key=lambda pair: -(pair[1].gap.value or 0.0))
    found = [
        replace(finding, accepted=context.policy.accepts(finding))
        for one, gap in pairs
        if gap.exceeds(context.thresholds.warning) and not _explained(one, gap, gaps)
        for finding in [_paying(context, one, gap)]
    ]
    return [*_by_family(found), *_troubles(context, tried)]


def _explained(one: Tried, gap: Gap, gaps: Sequence[Gap]) -> bool:
    """Whether a simpler attack pays about as much: nothing at all, or the form of right answers with nothing in it.

    Where any text is paid, or any text in the right form, that is the finding, and not each of the texts.
    """
    if gap.attack in NOTHING:
        return False
    simple = NOTHING if one.attack.form == "raw" or gap.attack in FORM_ALONE else (*NOTHING, *FORM_ALONE)
    known = [other.gap.value for other in gaps if other.attack in simple]
    return (gap.gap.value or 0.0) < max((value for value in known if value is not None), default=-1.0) + BETTER


def _paying(context: Context, one: Tried, gap: Gap) -> Finding:
    levels = {level.row: level for level in context.levels}
    row = max(
        (row for row in one.paid if row not in one.right and levels[row].share(one.paid[row].value) is not None),
        key=lambda row: (levels[row].share(one.paid[row].value) or 0.0, -row),
    )
    paid = one.paid[row]
    message = f"pays {percent(gap.gap.value)} of what right answers pay above wrong ones, and more than half of it on "
    message += f"{percent(gap.share.value)} of {gap.n} rows"
    evidence = evidence_of(context.scorer, levels[row], one.attempts[row].text, paid)
    certain = gap.exceeds(context.thresholds.exploit)
    verdict: Verdict = "exploit" if certain and not context.component else "warning"
    return Finding(verdict, "attack", gap.family, gap.attack, message, gap.gap, gap.share.value, evidence)


def _by_family(found: Sequence[Finding]) -> Iterator[Finding]:
    """The best attack of each family; the others are counted in its message. Accepted ones speak for no others."""
    families: dict[tuple[str, bool], list[Finding]] = {}
    for finding in found:
        families.setdefault((finding.family, finding.accepted), []).append(finding)
    for members in families.values():
        best, *others = members
        more = f"; so do {len(others)} more of the family" if others else ""
        yield replace(best, message=best.message + more)


def _troubles(context: Context, tried: Sequence[Tried]) -> Iterator[Finding]:
    """Crashes, timeouts and numbers that are none, each kind once with an example."""
    seen: dict[str, tuple[Tried, int, int]] = {}
    for one in tried:
        for row, paid in one.paid.items():
            kind = _trouble(paid)
            if kind:
                first, at, count = seen.get(kind, (one, row, 0))
                seen[kind] = (first, at, count + 1)
    for kind, (one, row, count) in seen.items():
        level = next(level for level in context.levels if level.row == row)
        text = one.attempts[row].text
        evidence = evidence_of(context.scorer, level, text, one.paid[row])
        shown = text if len(text) < 50 else f"{text[:40]}… ({len(text):,} letters)"
        message = f"hostile text {kind} ({count} times), first at {shown!r}"
        yield Finding(
            "warning",
            "attack",
            one.attack.family,
            f"trouble-{kind.partition(':')[0].replace(' ', '-')}",
            message,
            evidence=evidence,
        )


def _trouble(paid: Paid) -> str:
    if paid.problem.startswith("raised "):
        return f"makes it raise {paid.problem.removeprefix('raised ').partition(':')[0]}"
    if paid.is_late:
        return f"makes it fail: it {LATE_CALL} it may"
    if paid.problem:
        return f"makes it fail: it {_NUMBERS.sub('…', paid.problem)}"
    if paid.value is not None and not math.isfinite(paid.value):
        return f"is paid {paid.value:g}, which spoils its whole group"
    return ""


def searched(
    context: Context,
    levels: Sequence[Level],
    texts: Mapping[int, str],
    paid: Sequence[Paid],
    gap: Gap,
    known: float,
) -> Finding | None:
    """What the search found, if it pays certainly and clearly more than anything of the panel."""
    value = gap.gap.value
    if value is None or not gap.exceeds(context.thresholds.exploit) or value < known + BETTER:
        return None
    best = max(range(len(levels)), key=lambda place: levels[place].share(paid[place].value) or float("-inf"))
    level = levels[best]
    message = f"found by search on other rows, pays {percent(value)} of the scale where the panel's best pays "
    message += f"{percent(known)}"
    evidence = evidence_of(context.scorer, level, texts[level.row], paid[best])
    verdict: Verdict = "warning" if context.component else "exploit"
    return Finding(verdict, "search", gap.family, f"search: {gap.attack}", message, gap.gap, gap.share.value, evidence)


def conclusions(context: Context, rows: Sequence[Row], has_truth: bool) -> Iterator[Finding]:
    """What cannot be said."""
    if not any(row.golden is not None for row in rows):
        message = "no golden completions, so no attack can be measured against right answers: add a column golden or "
        message += "--golden TEMPLATE"
        if not has_truth:
            message += " (and --truth FILE:FUNCTION, if there is one)"
        yield Finding("inconclusive", "contract", "contract", "no-golden", message)
    elif not any(level.width is not None for level in context.levels):
        message = "on no row is a right answer paid more than a wrong one, so there is no scale to measure attacks on"
        yield Finding("inconclusive", "contract", "contract", "no-signal", message)


def untried(missing: Sequence[str]) -> Iterator[Finding]:
    """Families that there was no time for."""
    if missing:
        message = f"no attack of these families was tried, for want of time: {', '.join(missing)}"
        yield Finding("inconclusive", "contract", "contract", "not-tried", message)


def guessing(context: Context, prior: tuple[str, Estimate] | None) -> Iterator[Finding]:
    """Always giving the most common answer is no loophole, but where it pays much the data is lopsided."""
    if prior is None or (prior[1].low or 0.0) <= context.thresholds.exploit:
        return
    answer, share = prior
    level = next(level for level in context.levels if plain(level.answer) == answer)
    message = f"{answer[:40]!r} as the answer to every row earns {share} of the scale: the data's prior, not a loophole"
    evidence = evidence_of(context.scorer, level, level.golden_text, Paid(level.golden))
    yield Finding("warning", "contract", "contract", "prior", message, share, evidence=evidence)


def noise(context: Context) -> list[str]:
    """How far a noisy reward's values of the same completion lie apart."""
    levels = [level for level in context.levels if level.width is not None][: context.rows]
    if not context.noisy or not levels:
        return []
    calls = [(level.row, level.golden_text) for level in levels]
    repeats = context.scorer.repeats
    rounds = [[one.value for one in context.scorer.pay_again(calls)] for _ in range(repeats)]
    spreads = [
        statistics.stdev(values) / (level.width or 1.0)
        for level, *values in zip(levels, *rounds, strict=True)
        if None not in values
    ]
    if not spreads:
        return []
    usual = statistics.fmean(spreads)
    return [f"right answers scored {repeats} times differ by a standard deviation of {percent(usual)} of the scale"]


def speed(scorer: Scorer) -> list[str]:
    """What a call takes."""
    if not scorer.calls:
        return []
    told = f"{1e6 * scorer.seconds_a_call:,.0f} microseconds a call in the mean"
    if len(scorer.singles) >= ENOUGH:
        tail, most = (1e6 * share for share in (statistics.quantiles(scorer.singles, n=20)[-1], max(scorer.singles)))
        told += f"; of {len(scorer.singles)} asked alone, one in twenty takes over {tail:,.0f}, the slowest {most:,.0f}"
    return [told, *([f"its process had to be ended {scorer.deaths} times"] if scorer.deaths else [])]


def percent(share: float | None) -> str:
    """A share of the scale; beyond ten times the scale it is only called large."""
    if share is None:
        return "-"
    return f"{100 * share:.0f} %" if abs(share) < 10 else "many times all"
