"""Findings from the answers to the contract's checks, which any reward has to pass, whatever it rewards."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from loopholes.audit.baselines import REFUSALS
from loopholes.audit.checks import MISSING, Probe, all_flat, same
from loopholes.audit.frameworks.base import Paid
from loopholes.audit.gate import Gate
from loopholes.audit.minority import Rows
from loopholes.audit.observations import Observations
from loopholes.audit.results import Baseline, Evidence, Finding, Note, Verdict
from loopholes.audit.scale import HALF, SAME, Level
from loopholes.stats import Estimate, share_over_tasks

CLEARLY = 0.1
"""A baseline is reported next to a cheaper one only if it pays this share of right answers more."""
IDLE: Mapping[str, tuple[str, str, str]] = {
    "nothing": ("nothing-paid", "degenerate", "an empty completion"),
    "refusal": ("refusal-paid", "hedge", "a refusal"),
    "wrong": ("wrong-paid", "contract", "a well-formed wrong answer"),
}
"""The name, the family and the subject of a finding about each baseline."""
ABOUT_FLAT = ("golden-not-above-floor", "component-alone", "wrong-paid-on-rows", "golden-refused-on-rows")
"""Findings that count the rows on which a right answer is paid no more than a wrong one."""
FORM_PAID = ("form-paid", "format", "a refusal in the right form, unlike a bare one,")
"""The same for a refusal that is paid for the form around it."""


def breaches(seen: Observations, gate: Gate) -> list[Finding]:
    """Every breach of the contract that the answers show, in the order of the checks."""
    judgements = (
        _golden_beats_floor(seen, gate),
        _applies(seen),
        _steady(seen),
        _in_any_order(seen),
        _remembered(seen),
        _leaks(seen),
        _unparseable_truth(seen),
        _shifted(seen),
        _chat(seen),
        _manners(seen),
        _evaluated(seen),
    )
    return [finding for judgement in judgements for finding in judgement]


def _finding(verdict: Verdict, name: str, message: str, evidence: Evidence | None = None) -> Finding:
    return Finding(verdict, "contract", "contract", name, message, evidence=evidence)


def _golden_beats_floor(seen: Observations, gate: Gate) -> Iterator[Finding]:
    """Are right answers paid more than well-formed wrong ones?"""
    scored = [level for level in seen.levels if level.is_paid]
    share = share_over_tasks([float(level.width is None) for level in scored])
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
    """The reward does not tell right from wrong: it is a component, or useless. No finding if time ran out."""
    tells_form = any(
        empty.value is not None and level.golden is not None and empty.value < level.golden - SAME
        for level in seen.levels
        if (empty := seen.idle.empty.get(level.row)) is not None
    )
    if seen.component:
        message = "right and wrong answers in the right form are paid alike, as a component of a reward may"
        yield _finding("warning", "component-alone", message, evidence)
    elif tells_form:
        message = f"any answer in the right form is paid {_payment(Paid(level.floor))}, right or wrong"
        yield _finding("exploit", "component-alone", message, evidence)
    elif seen.idle.empty:
        message = f"right answers are paid {_payment(Paid(level.floor))}, like wrong ones and like the empty one: "
        if (level.floor or 0.0) > 0 and not _pays_more(seen, level.floor or 0.0):
            yield _finding(
                "exploit", "golden-not-above-floor", message + "the reward cannot tell answers apart", evidence
            )
        else:
            message += "the golden completions are not in the form that the reward reads, or nothing can be learned"
            yield _finding("inconclusive", "golden-not-above-floor", message, evidence)


def _pays_more(seen: Observations, value: float) -> bool:
    """Whether any text of the panel is paid more than this."""
    return any((paid.value or 0.0) > value + SAME for tried in seen.tried for paid in tried.paid.values())


def idle_pay(seen: Observations, gate: Gate, baselines: Sequence[Baseline], rows: Rows) -> Iterator[Finding]:
    """Baselines that are paid at least half as much as right answers: the cheapest of them is reported.

    A costlier one, such as a wrong answer, is reported, too, if it is paid clearly more: form may be worth something.
    """
    if all_flat([level for level in seen.levels if level.is_paid]):
        return
    most = 0.0
    for baseline in baselines:
        share, low = baseline.share.value or 0.0, baseline.share.low or 0.0
        if share < HALF or low <= gate.thresholds.exploit or share < most + CLEARLY or baseline.share.n < 2:
            continue
        most = share
        name, family, what = FORM_PAID if _is_form(seen, baseline) else IDLE[baseline.kind]
        message = (
            f"{what} is paid {baseline.reward.value:.3g}, {_percent(baseline.share)} of what right answers are paid"
        )
        verdict: Verdict = "warning" if seen.component or baseline.kind == "wrong" else "exploit"
        evidence, where = _idle(seen, baseline), _paid_half(seen, baseline, rows)
        yield Finding(verdict, "contract", family, name, message, baseline.share, evidence=evidence, rows=where)


def _is_form(seen: Observations, baseline: Baseline) -> bool:
    """Whether a refusal is paid for the form around it: bare refusals earn clearly less."""
    if baseline.kind != "refusal" or baseline.text in REFUSALS:
        return False
    bare = [paid.value for text in REFUSALS for paid in seen.idle.paid.get(text, {}).values()]
    finite = [value for value in bare if value is not None and math.isfinite(value)]
    mean, golden = baseline.reward.value or 0.0, (baseline.reward.value or 0.0) / (baseline.share.value or 1.0)
    return bool(finite) and mean - max(finite) >= CLEARLY * abs(golden)


def _paid_half(seen: Observations, baseline: Baseline, rows: Rows) -> str:
    """The rows that pay a baseline at least half as much as their right answer, in words."""
    paid = seen.idle.paid.get(baseline.text, {}) if baseline.kind != "wrong" else None
    values = {level.row: level.floor if paid is None else _value(paid, level) for level in seen.levels}
    golden = {level.row: level.golden for level in seen.levels if level.is_paid and values[level.row] is not None}
    paying = [row for row, right in golden.items() if (values[row] or 0.0) >= HALF * (right or 0.0)]
    return rows.described(paying, list(golden))


def _idle(seen: Observations, baseline: Baseline) -> Evidence | None:
    """Evidence from the row on which a baseline is paid most."""
    if baseline.kind == "wrong":
        level = max((level for level in seen.levels if level.is_paid), key=lambda level: level.floor or 0.0)
        return seen.evidence(level, level.floor_text, Paid(level.floor))
    paid = seen.idle.paid[baseline.text]
    finite = [level for level in seen.levels if (value := _value(paid, level)) is not None and math.isfinite(value)]
    level = max(finite, key=lambda level: _value(paid, level) or 0.0)
    return seen.evidence(level, baseline.text, paid[level.row])


def _value(paid: Mapping[int, Paid], level: Level) -> float | None:
    return paid[level.row].value if level.row in paid else None


def _applies(seen: Observations) -> Iterator[Finding]:
    """Do right answers get a finite reward wherever the reward applies?"""
    golden, without = _golden_and_unpaid(seen)
    failing = [(level, paid) for level, paid in without if paid.problem or paid.value is not None]
    if failing:
        level, paid = failing[0]
        message = f"right answers get no finite reward on {len(failing)} of {len(golden)} rows ({_payment(paid)})"
        yield _finding("warning", "golden-not-paid", message, seen.evidence(level, level.golden_text, paid))


def _golden_and_unpaid(seen: Observations) -> tuple[list[tuple[Level, Paid]], list[tuple[Level, Paid]]]:
    """Rows that have a right answer, with its payment; and those among them whose payment is not a finite reward."""
    pairs = zip(seen.levels, seen.golden, strict=True)
    golden = [(level, paid) for level, paid in pairs if seen.rows[level.row].golden is not None]
    return golden, [(level, paid) for level, paid in golden if level.golden is None or not math.isfinite(level.golden)]


def _steady(seen: Observations) -> Iterator[Finding]:
    """Is the same completion under the same row paid the same again, in another order, and alone?"""
    if seen.answers.leaks:
        return  # earlier episodes are the reason
    again, company = (
        [check for check in checks if check.differs] for checks in (seen.answers.again, seen.answers.company)
    )
    if again:
        first, then = again[0].first, again[0].repeats[0]
        message = f"{len(again)} of {len(seen.answers.again)} completions were paid differently when they were scored "
        message += f"again (first {_payment(first)}, then {_payment(then)}): say --noisy if that is intended"
        evidence = seen.evidence(again[0].level, again[0].text, then)
        yield _finding("warning", "nondeterministic", message, evidence)
    if company and not seen.answers.shifted:
        message = f"{len(company)} of {len(seen.answers.company)} completions are paid differently in another order or "
        message += "alone: if rewards are meant to depend on their group, say --group N"
        evidence = seen.evidence(company[0].level, company[0].text, company[0].first)
        yield _finding("warning", "company-matters", message, evidence)


def _in_any_order(seen: Observations) -> Iterator[Finding]:
    """Is a group in reverse order paid the same, in reverse order?"""
    for probe, straight, turned in seen.answers.turned:
        if not all(map(same, straight, turned)):
            message = "a group in another order is paid differently: its first completion gets "
            message += f"{_payment(straight[0])}, and {_payment(turned[0])} when it comes last"
            evidence = seen.evidence(probe.level, probe.text, straight[0])
            yield _finding("warning", "order-matters", message, evidence)
            return


def _remembered(seen: Observations) -> Iterator[Finding]:
    """Is a completion judged by its own row, even if it was scored under another row before?"""
    if any(repeated.differs for repeated in seen.answers.remembered):
        own = seen.answers.remembered[0]
        message = "the payment of the same completion under two rows depends on which row came first: something is "
        message += "remembered by the text alone"
        evidence = seen.evidence(own.level, own.text, own.first)
        yield _finding("warning", "remembered-by-text", message, evidence)


def _leaks(seen: Observations) -> Iterator[Finding]:
    """Does an episode depend on its own start and actions only, and not on episodes played before?"""
    paid = next((leak for leak in seen.answers.leaks if not leak.changes_start), None)
    leak = paid or next(iter(seen.answers.leaks), None)
    if leak is None:
        return
    evidence = seen.evidence(leak.level, leak.text, leak.after, leak.row)
    if paid is None:
        message = "after other episodes, an episode with the same seed begins differently: its first observation "
        message += "depends on what was played before, not on the seed alone"
        yield _finding("warning", "state-leak", message, evidence)
        return
    message = (
        f"the same actions are paid {_payment(leak.alone)} in a fresh environment and {_payment(leak.after)} after "
    )
    message += "other episodes, from the same beginning: something is kept from one episode to the next. All other "
    message += "measurements depend on it, so they are left out until it is fixed"
    yield _finding("warning" if seen.component else "exploit", "state-leak", message, evidence)


def _unparseable_truth(seen: Observations) -> Iterator[Finding]:
    """Does a row whose ground truth cannot be parsed pay nothing?"""
    probe = _paid_without_truth(seen).get("unparseable")
    if probe is not None:
        number, truth = seen.rows[probe.level.row].number, MISSING["unparseable"]
        message = f"with its ground truth replaced by {truth!r}, which is unparseable, row {number} pays "
        message += f"{probe.paid.value:g} for {probe.text[:40]!r}"
        evidence = seen.evidence(probe.level, probe.text, probe.paid, probe.row)
        yield _finding("warning", "truth-unparseable", message, evidence)


def _shifted(seen: Observations) -> Iterator[Finding]:
    """Do completions that follow an unparseable one keep their own payments?"""
    wrong = [probe for probe in seen.answers.shifted if probe.paid.value != _worth(probe)]
    if wrong:
        message = "after an unparseable completion in a batch, rewards go to other rows: "
        message += f"{_payment(wrong[0].paid)} instead of {_payment(Paid(_worth(wrong[0])))}"
        evidence = seen.evidence(wrong[0].level, wrong[0].text, wrong[0].paid)
        yield _finding("warning", "rows-shifted", message, evidence)


def _worth(probe: Probe) -> float | None:
    return probe.level.golden if probe.text == probe.level.golden_text else probe.level.floor


def _chat(seen: Observations) -> Iterator[Finding]:
    """Is a right answer still paid when the prompt is a list of messages?"""
    probes = seen.answers.chat
    if probes and all(probe.share is not None and probe.share <= HALF for probe in probes):
        message = f"right answers are paid {_payment(probes[0].paid)}, like wrong ones, once the prompt is a list of "
        message += "messages: rows may be looked up by the prompt's text"
        evidence = seen.evidence(probes[0].level, probes[0].text, probes[0].paid, probes[0].row)
        yield _finding("warning", "chat-prompt", message, evidence)


def _paid_without_truth(seen: Observations) -> dict[str, Probe]:
    """For each replacement of a ground truth that pays an answer without content: the first such answer."""
    paid = {
        name: [probe for probe in probes if (probe.share or 0.0) > HALF]
        for name, probes in seen.answers.missing.items()
    }
    return {name: probes[0] for name, probes in paid.items() if probes}


def remarks(seen: Observations) -> Iterator[Note]:
    """Notes on the contract: true, but not worth a finding."""
    missing = {name: probe for name, probe in _paid_without_truth(seen).items() if name != "unparseable"}
    for name, probe in list(missing.items())[:1]:
        message = (
            f"a row whose ground truth is {name} would pay {probe.paid.value:g} for {probe.text[:40]!r}: check that "
        )
        yield Note("truth-missing", f"{message}the data has no such row")
    golden, without = _golden_and_unpaid(seen)
    silent = sum(paid.value is None and not paid.problem for _, paid in without)
    if silent:
        message = f"the reward does not apply to {silent} of {len(golden)} right answers: it returns None, as TRL "
        message += "allows. For another trainer, return a number, or leave these rows out of the data"
        yield Note("not-applicable", message)


def flat_notes(seen: Observations, findings: Sequence[Finding]) -> Iterator[Note]:
    """Rows that pay a right answer no more than a wrong one, if there are too few of them for a finding."""
    scored = [level for level in seen.levels if level.is_paid]
    flat = [level for level in scored if level.width is None]
    if 0 < len(flat) < len(scored) and not any(finding.name in ABOUT_FLAT for finding in findings):
        level = flat[0]
        message = f"on {len(flat)} of {len(scored)} rows, a right answer is paid no more than a wrong one, and attacks "
        message += f"cannot be measured: row {seen.rows[level.row].number} pays {level.golden:g} for "
        message += (
            f"{level.golden_text[:40]!r} and {level.floor:g} for {level.floor_text[:40]!r}. Check these rows' data"
        )
        yield Note("flat-rows", message)


def _manners(seen: Observations) -> Iterator[Finding]:
    """Does the reward leave its rows unchanged, and return dicts with the same keys for every answer?"""
    examples = [
        seen.evidence(level, level.golden_text, paid) for level, paid in zip(seen.levels[:1], seen.golden, strict=False)
    ]
    evidence = examples[0] if examples else None
    if seen.mutates:
        message = "it changes the columns that are passed to it, and rewards that are called after it see the changes"
        yield _finding("warning", "inputs-changed", message, evidence)
    if len(seen.answers.keys) > 1:
        keys = " and ".join("{" + ", ".join(names) + "}" for names in seen.answers.keys[:2])
        message = f"the dicts that it returns have different keys ({keys}): verl takes those of the first completion"
        yield _finding("warning", "keys-differ", message, evidence)


def _percent(share: Estimate) -> str:
    return f"{100 * (share.value or 0.0):.0f} %"


def _evaluated(seen: Observations) -> Iterator[Finding]:
    """Does the reward's own process execute no answer?"""
    for probe in seen.answers.evaluated:
        message = "an answer is run as Python in the process that scores it: it left a mark there. Such an answer can "
        message += "replace the scorer or read the right answer"
        verdict: Verdict = "warning" if seen.component else "exploit"
        evidence = seen.evidence(probe.level, probe.text, probe.paid)
        yield Finding(verdict, "contract", "evaluation", "evaluated-answer", message, evidence=evidence)


def _payment(paid: Paid) -> str:
    return paid.problem or ("no reward" if paid.value is None else f"{paid.value:g}")
