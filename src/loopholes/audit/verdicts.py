"""From payments to a report: findings, one per way in which the reward went wrong, notes, and coverage.

Nothing here can call the reward: everything is in the :class:`~loopholes.audit.observations.Observations`.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from loopholes.audit.absolute import absolutes
from loopholes.audit.advantage import selections, strongest, with_selections
from loopholes.audit.baselines import baselines
from loopholes.audit.contract import breaches, flat_notes, idle_pay, remarks
from loopholes.audit.exploits import TROUBLES, attacks, percent, searched
from loopholes.audit.gate import Gate
from loopholes.audit.gold.equivalents import refusal_findings, refusal_notes, refusals
from loopholes.audit.gold.near_findings import near_findings, near_notes
from loopholes.audit.groups import with_groups
from loopholes.audit.keyword_list import keyword_findings
from loopholes.audit.minority import Rows
from loopholes.audit.observations import Observations, Usage
from loopholes.audit.own import own_notes, rows_to_conclude
from loopholes.audit.part_paid import part_findings
from loopholes.audit.prior import prior_findings, prior_notes
from loopholes.audit.results import Coverage, Finding, Gap, Report
from loopholes.audit.scale import mean_of

ENOUGH = 20
"""Single calls that are enough to estimate the tail of their times."""
TRIED_ENOUGH = 0.5
"""Share of the panel, and of the near misses, that has to be tried before "nothing found" means something."""
NOISE = 0.25
"""If payments of the same completion differ by more than this share of the scale, a gap says little."""
ORDER = {"exploit": 0, "warning": 1, "inconclusive": 2}


def judge(seen: Observations, gate: Gate) -> Report:
    """The report on everything that was observed."""
    rows = Rows(seen, gate)
    idle, zero = baselines(seen.levels, seen.idle)
    common = list(prior_findings(seen, gate))
    pushed = selections(seen.levels, seen.tried, seen.gaps, seen.drawn, gate.training)
    findings = [
        *breaches(seen, gate),
        *near_findings(seen.near, seen.evidence, gate, seen.component),
        *common,
        *part_findings(seen, gate),
        *keyword_findings(seen),
        *refusal_findings(seen.equivalents, seen.evidence),
        *absolutes(seen),
        *idle_pay(seen, gate, idle, rows),
        *with_selections(attacks(seen, gate, rows), pushed, seen.tried, seen.levels, seen.evidence, seen.component),
        *on_rows(rows),
        *rows.lost(),
        *searched(seen, gate),
        *conclusions(seen, gate),
    ]
    return Report(
        seen.target,
        _coverage(seen),
        mean_of([level.golden for level in seen.levels]),
        idle,
        zero,
        sorted(_above_zero(seen.gaps), key=lambda gap: -(gap.gap.value or 0.0)),
        _worst(seen),
        with_groups(sorted(folded(findings, gate), key=partial(_rank, is_noise=_is_mostly_noise(seen))), seen),
        notes=[
            *remarks(seen),
            *flat_notes(seen, findings),
            *near_notes(seen.near, gate),
            *refusal_notes(seen.equivalents),
            *(() if common else prior_notes(seen)),
            *own_notes(seen, gate),
            *gate.unused(findings),
        ],
        losing=sum(level.width is None for level in seen.levels if level.is_paid) / max(1, len(seen.levels)),
        scoring=seen.scoring,
        refused=refusals(seen.equivalents),
        selection=strongest(pushed),
    )


def on_rows(rows: Rows) -> list[Finding]:
    """Findings on some rows only: an attack that is paid on a kind of row, or rows that pay any text."""
    attacked = rows.attacked()
    confirmed = [finding for finding in attacked if finding.verdict == "exploit"]
    return confirmed or rows.careless() or attacked


def _rank(finding: Finding, *, is_noise: bool) -> tuple[bool, int, float]:
    """Sort key: exploits first, then by gap; before them, that payments are mostly noise, which explains the others."""
    explains = is_noise and finding.name == "nondeterministic" and not finding.accepted
    return not explains, ORDER[finding.verdict], -((finding.gap.value or 0.0) if finding.gap else 0.0)


def _is_mostly_noise(seen: Observations) -> bool:
    """Whether payments of the same completion usually differ by more than :data:`NOISE` of the usual scale."""
    pairs = [(repeated.first.value, repeat.value) for repeated in seen.answers.again for repeat in repeated.repeats]
    changes = [abs(first - repeat) for first, repeat in pairs if first is not None and repeat is not None]
    widths = [level.width for level in seen.measurable if level.width is not None]
    return bool(changes) and statistics.median(changes) > NOISE * (statistics.median(widths) if widths else 0.0)


def _above_zero(gaps: Sequence[Gap]) -> list[Gap]:
    return [gap for gap in gaps if (gap.gap.value or 0.0) > 0]


def folded(findings: Sequence[Finding], gate: Gate) -> list[Finding]:
    """The findings, with accepted ones marked, and without those that an exploit already covers."""
    marked = [replace(finding, accepted=finding.accepted or gate.accepts(finding)) for finding in findings]
    exploits = [finding for finding in marked if finding.verdict == "exploit" and not finding.accepted]
    unpaid = any(finding.name == "golden-not-above-floor" for finding in marked)
    return [finding for finding in marked if finding.accepted or not _is_covered(finding, exploits, unpaid)]


def _is_covered(finding: Finding, exploits: Sequence[Finding], gold_is_unpaid: bool) -> bool:
    """Whether another of these exploits covers the same fault: in the same family, or on the same rows."""
    rest = [exploit for exploit in exploits if exploit is not finding]
    if "state-leak" in (exploit.name for exploit in rest):
        return finding.verdict != "inconclusive"  # all measurements depend on what was played before
    if finding.name in ("no-signal", "none-for-wrong"):
        return any(exploit.kind == "contract" for exploit in rest) or gold_is_unpaid
    if finding.name == "wrong-paid-on-rows":
        named = any(exploit.name == "common-answer" for exploit in rest)
        return named or any(exploit.family == "contract" or exploit.kind == "rows" for exploit in rest)
    if finding.name == "part-paid":
        return finding.family in _families(rest)
    if finding.kind == "rows" and finding.verdict == "warning":
        return bool(rest)
    if finding.verdict == "warning":
        return finding.family != "contract" and finding.name not in TROUBLES and finding.family in _families(rest)
    attacks = [exploit for exploit in rest if exploit.kind in ("attack", "search")]
    on_rows = [exploit for exploit in rest if exploit.kind == "rows"]
    if finding.kind == "rows":
        return finding.family in _families(attacks)
    return finding.name in ("nothing-paid", "refusal-paid", "form-paid") and finding.family in _families(
        [*attacks, *on_rows]
    )


def _families(findings: Sequence[Finding]) -> set[str]:
    return {finding.family for finding in findings}


def _coverage(seen: Observations) -> Coverage:
    golden = seen.golden
    return Coverage(
        rows=len(seen.levels),
        rows_given=seen.rows_given,
        scored=sum(paid.value is not None for paid in golden),
        calls=seen.usage.calls,
        seconds=seen.usage.seconds,
        not_applicable=sum(paid.value is None and not paid.problem for paid in golden) / len(golden),
        no_signal=sum(level.width is None for level in seen.levels),
        families=sorted({gap.family for gap in seen.gaps}),
        skipped=seen.skipped,
        notes=[*seen.notes, *speed(seen.usage), *noise(seen)],
        tried=seen.share_tried,
        attacks=dict(sorted(Counter(gap.family for gap in seen.gaps).items())),
        near={name: len(misses) for name, misses in sorted(seen.near.items())},
        deaths=seen.usage.deaths,
        near_tried=seen.share_near,
    )


def _worst(seen: Observations) -> Gap | None:
    """The largest gap of the panel, its interval corrected for the panel's size; None if nothing has a gap."""
    lows = [gap.gap.low if gap.gap.low is not None else float("-inf") for gap in seen.gaps]
    if not lows:
        return None
    place = lows.index(max(lows))
    return None if seen.gaps[place].gap.value is None else seen.tried[place].gap(seen.levels, len(lows))


def conclusions(seen: Observations, gate: Gate) -> Iterator[Finding]:
    """What the audit could not conclude for lack of right answers, of a scale, of rows, or of time."""
    if _never_pays(seen):
        message = "it returns None for every completion that was tried, so nothing can be measured"
        yield Finding("inconclusive", "contract", "contract", "always-none", message)
    elif not any(row.golden is not None for row in seen.rows):
        message = "no golden completions, so no attack can be measured against right answers: add a column golden or "
        message += """--golden TEMPLATE, such as '<answer>{answer}</answer>' or, for JSON, '{"answer": {answer}}'"""
        if not seen.has_truth:
            message += " (and --truth FILE:FUNCTION, if there is one)"
        if (payment := _only_payment(seen)) is not None:
            message += (
                f". Every completion that was tried is paid {payment:g}, so the reward may never pay anything else, "
            )
            message += "as if it compared a number with a text: score a right answer by hand"
        yield Finding("inconclusive", "contract", "contract", "no-golden", message)
    elif not seen.component and _leaves_wrong_unpaid(seen):
        message = (
            "it pays right answers, and returns None for every wrong answer, so a trainer learns nothing from them "
        )
        message += "and there is no scale to measure attacks on"
        yield Finding("inconclusive", "contract", "contract", "none-for-wrong", message)
    elif not seen.measurable and not seen.component:
        message = "no row pays a right answer more than a wrong one"
        if all(paid.value is None and not paid.problem for paid in seen.golden):
            message = "it returns None for every right answer"
        message += ", so there is no scale to measure attacks on"
        yield Finding("inconclusive", "contract", "contract", "no-signal", message)
    enough, measured = rows_to_conclude(gate.thresholds.exploit), len(seen.measurable)
    if measured and not seen.component and (enough is None or measured < enough):
        needed = f"{enough} rows" if enough else "more rows than anybody has"
        message = "not even an attack that is paid in full on every row is certain to be an exploit: the threshold "
        message += f"{gate.thresholds.exploit:g} takes {needed} on which a right answer is paid more than a wrong one, "
        message += f"and there {'is' if measured == 1 else 'are'} {measured}"
        late = len(seen.levels) < sum(row.golden is not None for row in seen.rows)
        message += "; there was no time for more" if late else ""
        yield Finding("inconclusive", "contract", "contract", "few-rows", message)
    if seen.measurable and min(seen.share_tried, seen.share_near) < TRIED_ENOUGH:
        message = f"{percent(1 - seen.share_tried)} of the panel was not tried on enough rows, for lack of time"
        if seen.share_tried >= TRIED_ENOUGH:
            message = f"{percent(1 - seen.share_near)} of the kinds of near misses were not tried, for lack of time"
        yield Finding("inconclusive", "contract", "contract", "little-tried", message)
    elif seen.missing:
        message = f"no attack of these families was tried, for lack of time: {', '.join(seen.missing)}"
        yield Finding("inconclusive", "contract", "contract", "not-tried", message)


def _never_pays(seen: Observations) -> bool:
    """Whether every right answer and attack was scored without a problem, and none of them got a reward."""
    payments = [*seen.golden, *(paid for tried in seen.tried for paid in tried.paid.values())]
    return bool(payments) and all(paid.value is None and not paid.problem for paid in payments)


def _only_payment(seen: Observations) -> float | None:
    """What every attack was paid, if it is the same for all; None if payments differ, or if any has a problem."""
    values = {paid.value if not paid.problem else None for tried in seen.tried for paid in tried.paid.values()}
    return values.pop() if len(values) == 1 else None


def _leaves_wrong_unpaid(seen: Observations) -> bool:
    """Whether right answers got rewards, and wrong answers and most attacks None, none of them with a problem."""
    attacks = [paid for tried in seen.tried for paid in tried.paid.values()]
    if any(paid.problem for paid in attacks) or 2 * sum(paid.value is None for paid in attacks) <= len(attacks):
        return False
    return any(level.golden is not None for level in seen.levels) and all(level.floor is None for level in seen.levels)


def noise(seen: Observations) -> list[str]:
    """How much a noisy reward varies on the same completion."""
    rounds = [[paid.value for paid in payments] for payments in seen.rounds]
    spreads = [
        statistics.stdev(values) / (level.width or 1.0)
        for level, *values in zip(seen.measurable, *rounds, strict=False)
        if values and None not in values
    ]
    if not spreads:
        return []
    usual = statistics.fmean(spreads)
    return [f"right answers scored {len(rounds)} times differ by a standard deviation of {percent(usual)} of the scale"]


def speed(usage: Usage) -> list[str]:
    """How long a call takes, and how often the reward's process was killed."""
    if not usage.calls:
        return []
    note = f"a call takes {duration(usage.seconds_a_call)} in the median"
    if len(usage.alone) >= ENOUGH:
        tail, most = statistics.quantiles(usage.alone, n=20)[-1], max(usage.alone)
        note += f"; of {len(usage.alone)} calls that were timed one by one, 1 in 20 took over {duration(tail)}, and "
        note += f"the slowest took {duration(most)}"
    times = f"{usage.deaths} time{'s' if usage.deaths > 1 else ''}"
    return [note, *([f"the reward's process ended or had to be killed {times}"] if usage.deaths else [])]


def duration(seconds: float) -> str:
    """A time in a suitable unit: microseconds, milliseconds or seconds."""
    if seconds < 1e-3:
        return f"{1e6 * seconds:.0f} microseconds"
    return f"{1e3 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"
