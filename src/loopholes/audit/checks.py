"""What any reward has to keep, whatever it rewards: right above wrong, the same for the same, and a number for each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from loopholes.audit.equivalent import EQUIVALENT
from loopholes.audit.form import Form
from loopholes.audit.frameworks.base import Paid, Row
from loopholes.audit.gate import Policy, Thresholds
from loopholes.audit.results import Evidence, Finding, Verdict
from loopholes.audit.scale import SAME, Level, plain
from loopholes.audit.scorer import Scorer
from loopholes.stats import over_tasks

LOOKED_AT = 16
"""Rows that checks of a function's manners look at."""
LONG_LOAD = 5.0
"""Seconds of loading beyond which the reward is not loaded again for a check."""
TRUTHS = (
    "answer",
    "ground_truth",
    "solution",
    "target",
    "label",
    "reference",
    "expected",
    "gold",
    "tests",
    "test_cases",
)
"""Columns that hold what is right."""
MENTIONS: Mapping[str, Callable[[Level, Form], str]] = {
    "before": lambda level, form: f"It is not {level.answer}.\n{level.floor_text}",
    "behind": lambda level, form: f"{level.floor_text}\nIt is not {level.answer}.",
    "within": lambda level, form: form.wrap(
        f"{form.read(level.floor_text)} {level.answer} {form.read(level.floor_text)}"
    ),
}
"""Ways in which a wrong answer names the right one, beside another in the last."""
MISSING: Mapping[str, Any] = {"None": None, "empty": "", "unparseable": "???"}


@dataclass(frozen=True)
class Context:
    """What the checks look at: ``rows`` rows. ``noisy``: the user says that the reward is not deterministic."""

    scorer: Scorer
    levels: Sequence[Level]
    form: Form
    policy: Policy = field(default_factory=Policy)
    rows: int = LOOKED_AT
    noisy: bool = False
    component: bool = False

    @property
    def thresholds(self) -> Thresholds:
        """From when on something counts."""
        return self.policy.thresholds

    def finding(
        self,
        verdict: Verdict,
        name: str,
        message: str,
        level: Level | None = None,
        text: str = "",
        paid: Paid | None = None,
    ) -> Finding:
        """A finding of the contract, with the row on which it shows."""
        evidence = None if level is None else evidence_of(self.scorer, level, text, paid)
        return Finding(verdict, "contract", "contract", name, message, evidence=evidence)


def evidence_of(scorer: Scorer, level: Level, text: str, paid: Paid | None, row: Row | None = None) -> Evidence:
    """One row, or another ``row`` in its place, a completion, what it was paid, and what stood beside it."""
    row = row or scorer.rows[level.row]
    reward, problem = (paid.value, paid.problem) if paid is not None else (None, "")
    company = tuple(scorer.companions[level.row]) if scorer.companions is not None else ()
    return Evidence(row.number, row.prompt, row.columns, text, reward, problem, level.golden, level.floor, company)


def check(context: Context, late: Callable[[], bool]) -> tuple[list[Finding], list[str]]:
    """Every check but those that the panel's answers tell, and what was left out of them.

    A reward that was seen to be noisy is not asked what no noisy reward can keep.
    """
    findings: list[Finding] = []
    skipped = []
    for one in CHECKS:
        name = f"the contract's check: {one.__name__.replace('_', ' ')}"
        if context.scorer.companions is not None and one in ALONE:
            skipped.append(f"{name}, which needs rewards that do not read their group")
        elif late():
            skipped.append(f"{name}, for want of time")
        else:
            noisy = context.noisy or any(found.name == "nondeterministic" for found in findings)
            findings += one(replace(context, noisy=noisy))
    return findings, skipped


def golden_beats_floor(context: Context) -> Iterator[Finding]:
    """Right answers are paid more than well-formed wrong ones."""
    known = [level for level in context.levels if level.known]
    if not known:
        return
    losing = [level for level in known if level.width is None]
    worst = min(known, key=lambda level: (level.golden or 0.0) - (level.floor or 0.0))
    paid = Paid(worst.floor)
    share = over_tasks([float(level.width is None) for level in known])
    if (share.low or 0.0) <= context.thresholds.exploit:
        return
    if len(losing) == len(known) and all(abs((one.golden or 0) - (one.floor or 0)) <= SAME for one in known):
        yield _no_difference(context, worst, paid)
    else:
        message = f"on {share} of the rows a wrong answer in the right form is paid no less than the right one"
        verdict: Verdict = "warning" if context.component else "exploit"
        yield context.finding(verdict, "golden-not-above-floor", message, worst, worst.floor_text, paid)


def _no_difference(context: Context, level: Level, paid: Paid) -> Finding:
    """Nothing tells right from wrong: one component of a reward, or no reward at all."""
    empty = context.scorer.pay([(one.row, "") for one in context.levels])
    tells_form = any(
        one.value is not None and level.golden is not None and one.value < level.golden - SAME
        for one, level in zip(empty, context.levels, strict=True)
    )
    if tells_form or context.component:
        message = (
            "right and wrong answers in the right form are paid alike: this is one component of a reward; audit it "
        )
        message += "together with the others (--reward FILE:FUNCTION=WEIGHT)"
        return context.finding("warning", "component-alone", message, level, level.floor_text, paid)
    message = (
        f"right answers are paid {_shown(paid)}, like wrong ones and like the empty one: nothing can be learned, or "
    )
    message += "the golden completions are not in the form that the reward reads"
    return context.finding("exploit", "golden-not-above-floor", message, level, level.floor_text, paid)


def steady(context: Context) -> Iterator[Finding]:
    """The same completion under the same row is paid the same, again, in another order, and alone."""
    calls = _calls(context)
    if context.scorer.companions is not None:
        yield from _equivariant(context, calls)
    if context.noisy or context.scorer.companions is not None:
        return
    first, again = context.scorer.pay_now(calls), context.scorer.pay_now(calls)
    differing = [place for place, pair in enumerate(zip(first, again, strict=True)) if not _same(*pair)]
    if differing:
        place = differing[0]
        message = f"{len(differing)} of {len(calls)} completions were paid otherwise when they were scored again "
        message += f"(once {_shown(first[place])}, then {_shown(again[place])}): say --noisy if that is meant"
        yield context.finding("warning", "nondeterministic", message, *_at(context, calls, place), again[place])
        return
    yield from _company(context, calls, first)


def _company(context: Context, calls: Sequence[tuple[int, str]], paid: Sequence[Paid]) -> Iterator[Finding]:
    """Neither the order of a batch nor what else stands in it matters."""
    backwards = context.scorer.pay_now(calls[::-1])[::-1]
    alone = [context.scorer.pay_now([call])[0] for call in calls[: context.rows]]
    others = [[backwards[place], *alone[place : place + 1]] for place in range(len(calls))]
    differing = [place for place, one in enumerate(paid) if not all(_same(one, other) for other in others[place])]
    if differing:
        place = differing[0]
        message = (
            f"{len(differing)} of {len(calls)} completions are paid otherwise in another order or alone: if rewards "
        )
        message += "are meant to depend on their group, say --group N"
        yield context.finding("warning", "company-matters", message, *_at(context, calls, place), paid[place])


def _at(context: Context, calls: Sequence[tuple[int, str]], place: int) -> tuple[Level | None, str]:
    return _level_of(context, calls[place][0]), calls[place][1]


def _equivariant(context: Context, calls: Sequence[tuple[int, str]]) -> Iterator[Finding]:
    """A group that is turned around is paid the same, turned around."""
    for call in calls:
        straight, turned = context.scorer.pay_group(call), context.scorer.pay_group(call, turned=True)
        if not all(_same(one, other) for one, other in zip(straight, turned[::-1], strict=True)) and not context.noisy:
            message = f"a group in another order is paid otherwise: {_shown(straight[0])} as the first of it, "
            message += f"{_shown(turned[-1])} as the last"
            yield context.finding(
                "warning", "order-matters", message, _level_of(context, call[0]), call[1], straight[0]
            )
            return


def cached_text(context: Context) -> Iterator[Finding]:
    """A completion is judged by its row, also when it was seen under another row before."""
    scorer = context.scorer
    levels = [level for level in context.levels if level.known][: context.rows]  # what is remembered hides the scale
    pair = next(((a, b) for a, b in pairwise(levels) if plain(a.answer) != plain(b.answer)), None)
    if pair is None or context.noisy or scorer.to_load > LONG_LOAD:
        return
    mine, other = pair
    first, second = (mine.row, mine.golden_text), (other.row, mine.golden_text)
    here, there = (scorer.pay_now([call])[0] for call in (first, second))
    scorer.restart()
    there_first, here_last = (scorer.pay_now([call])[0] for call in (second, first))
    if not (_same(here, here_last) and _same(there, there_first)):
        message = "the same completion under two rows is paid by which of them came first: something is remembered by "
        message += "the text alone"
        yield context.finding("warning", "remembered-by-text", message, mine, mine.golden_text, here_last)


def mentioned(context: Context) -> Iterator[Finding]:
    """A wrong answer that only mentions the right one is wrong."""
    levels = [level for level in context.levels if level.width is not None and 0 < len(level.answer) < 40]
    levels = [level for level in levels if level.answer != level.golden_text.strip()][: context.rows]
    for name, way in MENTIONS.items():
        texts = [way(level, context.form) for level in levels]
        paid = context.scorer.pay([(level.row, text) for level, text in zip(levels, texts, strict=True)])
        shares = [level.share(one.value) or 0.0 for level, one in zip(levels, paid, strict=True)]
        if levels and sum(share > 0.5 for share in shares) > len(levels) / 2:
            best = max(range(len(levels)), key=shares.__getitem__)
            message = (
                f"wrong answers that name the right one {name} themselves are paid like it: it only has to be found "
            )
            message += "somewhere, and a policy can name many"
            yield context.finding("warning", "mentioned-answer", message, levels[best], texts[best], paid[best])
            return


def equivalents(context: Context) -> Iterator[Finding]:
    """The same answer written otherwise is not refused."""
    levels = [level for level in context.levels if level.width is not None][: context.rows]
    refused: dict[str, tuple[Level, str, Paid]] = {}
    for name, write in EQUIVALENT.items():
        tried = [(level, _rewritten(level, write)) for level in levels]
        calls = [(level, text) for level, text in tried if text is not None and text != level.golden_text]
        paid = context.scorer.pay([(level.row, text) for level, text in calls])
        lost = [
            (level, text, one)
            for (level, text), one in zip(calls, paid, strict=True)
            if (share := level.share(one.value)) is None or share < 0.5
        ]
        if len(lost) > len(calls) / 2:
            refused[name] = lost[0]
    if refused:
        level, text, one = next(iter(refused.values()))
        message = f"right answers are refused when they are written with {', '.join(refused)}"
        yield context.finding("warning", "refused-equivalents", message, level, text, one)


def _rewritten(level: Level, write: Callable[[str], str | None]) -> str | None:
    answer = write(level.answer)
    if answer is None or not level.answer or level.answer not in level.golden_text or "\n" in level.answer:
        return None
    head, _, tail = level.golden_text.rpartition(level.answer)
    return f"{head}{answer}{tail}"


def missing_truth(context: Context) -> Iterator[Finding]:
    """A row whose ground truth is missing, empty or unparseable pays nobody; told once, with the first such way."""
    level = next((level for level in context.levels if level.width is not None), None)
    if level is None or context.scorer.target.framework == "game":
        return
    row = context.scorer.rows[level.row]
    words = ["", "None", "null", "I do not know.", context.form.wrap(""), context.form.wrap("None")]
    for name, value in MISSING.items():
        altered = _without_truth(row, value)
        if altered is None:
            return
        tries = list(dict.fromkeys(words))
        paid = context.scorer.pay_now([(altered, text) for text in tries])
        for text, one in zip(tries, paid, strict=True):
            share = level.share(one.value)
            if share is not None and share > 0.5:
                message = f"a row whose ground truth is {name} pays {one.value:g} for {text[:40]!r}"
                finding = context.finding("warning", f"truth-{name.lower()}", message, level, text, one)
                yield replace(finding, evidence=evidence_of(context.scorer, level, text, one, altered))
                return


def _without_truth(row: Row, value: Any) -> Row | None:
    """The row with its ground truth replaced; None if it has no column that looks like one."""
    columns = dict(row.columns)
    found = [name for name in TRUTHS if name in columns]
    for name in found:
        columns[name] = value
    section = columns.get("reward_model")
    if isinstance(section, Mapping) and "ground_truth" in section:
        columns["reward_model"] = {**section, "ground_truth": value}
        found.append("reward_model")
    return replace(row, columns=columns) if found else None


def manners(context: Context) -> Iterator[Finding]:
    """Rows are left as they were, and dicts have the same keys whatever the answer."""
    level = context.levels[0] if context.levels else None
    text = level.golden_text if level else ""
    paid = context.scorer.pay([(level.row, text)])[0] if level else None
    if context.scorer.mutates:
        message = "the columns that it was handed were changed by it: rewards that are called after it see that"
        yield context.finding("warning", "inputs-changed", message, level, text, paid)
    keys = {one.keys for one in context.scorer.pay(_calls(context)) if one.keys}
    if len(keys) > 1:
        shown = " and ".join("{" + ", ".join(one) + "}" for one in sorted(keys)[:2])
        message = f"the dicts that it returns have different keys ({shown}): verl takes those of the first completion"
        yield context.finding("warning", "keys-differ", message, level, text, paid)


def applies(context: Context) -> Iterator[Finding]:
    """Right answers get a finite reward."""
    levels = [level for level in context.levels if context.scorer.rows[level.row].golden is not None]
    without = [level for level in levels if level.golden is None or not math.isfinite(level.golden)]
    if without:
        paid = context.scorer.pay([(without[0].row, without[0].golden_text)])[0]
        message = f"right answers get no finite reward on {len(without)} of {len(levels)} rows ({_shown(paid)})"
        yield context.finding("warning", "golden-not-paid", message, without[0], without[0].golden_text, paid)


CHECKS = (
    golden_beats_floor,
    applies,
    steady,
    cached_text,
    mentioned,
    equivalents,
    missing_truth,
    manners,
)
ALONE = (cached_text, missing_truth)
"""Checks of completions without their group."""


def _calls(context: Context) -> list[tuple[int, str]]:
    levels = context.levels[: context.rows]
    found = [(level.row, level.golden_text) for level in levels] + [(level.row, level.floor_text) for level in levels]
    return list(dict.fromkeys([*found, *((level.row, "") for level in levels)]))


def _level_of(context: Context, row: int) -> Level | None:
    return next((level for level in context.levels if level.row == row), None)


def _same(one: Paid, other: Paid) -> bool:
    if one.value is None or other.value is None or math.isnan(one.value) or math.isnan(other.value):
        return (one.value is None) == (other.value is None)
    return one.value == other.value or abs(one.value - other.value) <= SAME * max(1.0, abs(one.value))


def _shown(paid: Paid) -> str:
    return paid.problem or ("no reward" if paid.value is None else f"{paid.value:g}")
