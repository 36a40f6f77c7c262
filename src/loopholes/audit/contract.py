"""From the answers to the contract's checks to findings: what any reward has to keep, whatever it rewards."""

from __future__ import annotations

import math
from collections.abc import Iterator

from loopholes.audit.checks import HALF, all_flat, mostly_paid, same
from loopholes.audit.frameworks.base import Paid
from loopholes.audit.gate import Gate
from loopholes.audit.observations import Observations
from loopholes.audit.results import Evidence, Finding, Verdict
from loopholes.audit.scale import SAME, Level
from loopholes.stats import over_tasks


def breaches(seen: Observations, gate: Gate) -> list[Finding]:
    """Every breach of the contract that the answers show, in the order of the checks."""
    judgements = (
        _golden_beats_floor(seen, gate),
        _applies(seen),
        _steady(seen),
        _in_any_order(seen),
        _remembered(seen),
        _mentioned(seen),
        _refused(seen),
        _missing_truth(seen),
        _manners(seen),
    )
    return [finding for judgement in judgements for finding in judgement]


def _finding(verdict: Verdict, name: str, message: str, evidence: Evidence | None = None) -> Finding:
    return Finding(verdict, "contract", "contract", name, message, evidence=evidence)


def _golden_beats_floor(seen: Observations, gate: Gate) -> Iterator[Finding]:
    """Right answers are paid more than well-formed wrong ones."""
    scored = [level for level in seen.levels if level.known]
    share = over_tasks([float(level.width is None) for level in scored])
    if (share.low or 0.0) <= gate.thresholds.exploit:
        return
    worst = min(scored, key=lambda level: (level.golden or 0.0) - (level.floor or 0.0))
    evidence = seen.evidence(worst, worst.floor_text, Paid(worst.floor))
    if all_flat(scored):
        yield from _no_difference(seen, worst, evidence)
    else:
        message = f"on {share} of the rows a wrong answer in the right form is paid no less than the right one"
        verdict: Verdict = "warning" if seen.component else "exploit"
        yield _finding(verdict, "golden-not-above-floor", message, evidence)


def _no_difference(seen: Observations, level: Level, evidence: Evidence) -> Iterator[Finding]:
    """Nothing tells right from wrong: one component of a reward, or no reward at all; open if there was no time."""
    tells_form = any(
        empty.value is not None and level.golden is not None and empty.value < level.golden - SAME
        for empty, level in zip(seen.answers.empty, seen.levels, strict=False)
    )
    if tells_form or seen.component:
        message = "right and wrong answers in the right form are paid alike: this is one component of a reward; audit "
        message += "it together with the others (--reward FILE:FUNCTION=WEIGHT)"
        yield _finding("warning", "component-alone", message, evidence)
    elif seen.answers.empty:
        message = f"right answers are paid {_shown(Paid(level.floor))}, like wrong ones and like the empty one: "
        message += "nothing can be learned, or the golden completions are not in the form that the reward reads"
        yield _finding("exploit", "golden-not-above-floor", message, evidence)


def _applies(seen: Observations) -> Iterator[Finding]:
    """Right answers get a finite reward."""
    pairs = zip(seen.levels, seen.golden, strict=True)
    golden = [(level, paid) for level, paid in pairs if seen.rows[level.row].golden is not None]
    without = [(level, paid) for level, paid in golden if level.golden is None or not math.isfinite(level.golden)]
    if without:
        level, paid = without[0]
        message = f"right answers get no finite reward on {len(without)} of {len(golden)} rows ({_shown(paid)})"
        yield _finding("warning", "golden-not-paid", message, seen.evidence(level, level.golden_text, paid))


def _steady(seen: Observations) -> Iterator[Finding]:
    """The same completion under the same row is paid the same, again, in another order, and alone."""
    again, company = ([one for one in repeats if one.differs] for repeats in (seen.answers.again, seen.answers.company))
    if again:
        first, then = again[0].first, again[0].others[0]
        message = f"{len(again)} of {len(seen.answers.again)} completions were paid otherwise when they were scored "
        message += f"again (once {_shown(first)}, then {_shown(then)}): say --noisy if that is meant"
        evidence = seen.evidence(again[0].level, again[0].text, then)
        yield _finding("warning", "nondeterministic", message, evidence)
    if company:
        message = f"{len(company)} of {len(seen.answers.company)} completions are paid otherwise in another order or "
        message += "alone: if rewards are meant to depend on their group, say --group N"
        evidence = seen.evidence(company[0].level, company[0].text, company[0].first)
        yield _finding("warning", "company-matters", message, evidence)


def _in_any_order(seen: Observations) -> Iterator[Finding]:
    """A group that is turned around is paid the same, turned around."""
    for probe, straight, turned in seen.answers.turned:
        if not all(map(same, straight, turned)):
            message = f"a group in another order is paid otherwise: {_shown(straight[0])} as the first of it, "
            message += f"{_shown(turned[0])} as the last"
            evidence = seen.evidence(probe.level, probe.text, straight[0])
            yield _finding("warning", "order-matters", message, evidence)
            return


def _remembered(seen: Observations) -> Iterator[Finding]:
    """A completion is judged by its row, also when it was seen under another row before."""
    if any(repeated.differs for repeated in seen.answers.remembered):
        own = seen.answers.remembered[0]
        message = "the same completion under two rows is paid by which of them came first: something is remembered by "
        message += "the text alone"
        evidence = seen.evidence(own.level, own.text, own.first)
        yield _finding("warning", "remembered-by-text", message, evidence)


def _mentioned(seen: Observations) -> Iterator[Finding]:
    """A wrong answer that only mentions the right one is wrong."""
    for name, probes in seen.answers.mentions.items():
        if mostly_paid(probes):
            best = max(probes, key=lambda probe: probe.share or 0.0)
            message = f"wrong answers that name the right one {name} themselves are paid like it: it only has to be "
            message += "found somewhere, and a policy can name many"
            yield _finding("warning", "mentioned-answer", message, seen.evidence(best.level, best.text, best.paid))
            return


def _refused(seen: Observations) -> Iterator[Finding]:
    """The same answer written otherwise is not refused."""
    refused = {}
    for name, probes in seen.answers.rewritten.items():
        lost = [probe for probe in probes if probe.share is None or probe.share < HALF]
        if len(lost) > len(probes) / 2:
            refused[name] = lost[0]
    if refused:
        first = next(iter(refused.values()))
        message = f"right answers are refused when they are written with {', '.join(refused)}"
        yield _finding("warning", "refused-equivalents", message, seen.evidence(first.level, first.text, first.paid))


def _missing_truth(seen: Observations) -> Iterator[Finding]:
    """A row whose ground truth is missing, empty or unparseable pays nobody; the first such way is reported."""
    for name, probes in seen.answers.missing.items():
        probe = next((probe for probe in probes if (probe.share or 0.0) > HALF), None)
        if probe is not None:
            message = f"a row whose ground truth is {name} pays {probe.paid.value:g} for {probe.text[:40]!r}"
            evidence = seen.evidence(probe.level, probe.text, probe.paid, probe.row)
            yield _finding("warning", f"truth-{name.lower()}", message, evidence)
            return


def _manners(seen: Observations) -> Iterator[Finding]:
    """Rows are left as they were, and dicts have the same keys whatever the answer."""
    shown = [
        seen.evidence(level, level.golden_text, paid) for level, paid in zip(seen.levels[:1], seen.golden, strict=False)
    ]
    evidence = shown[0] if shown else None
    if seen.mutates:
        message = "the columns that it was handed were changed by it: rewards that are called after it see that"
        yield _finding("warning", "inputs-changed", message, evidence)
    if len(seen.answers.keys) > 1:
        keys = " and ".join("{" + ", ".join(names) + "}" for names in seen.answers.keys[:2])
        message = f"the dicts that it returns have different keys ({keys}): verl takes those of the first completion"
        yield _finding("warning", "keys-differ", message, evidence)


def _shown(paid: Paid) -> str:
    return paid.problem or ("no reward" if paid.value is None else f"{paid.value:g}")
