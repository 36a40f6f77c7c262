"""Code that closes a finding, adapted to the audited reward so that it can be pasted.

The code is a comparison (:mod:`loopholes.audit.comparisons`) in a function with the reward's own name and parameters
(:mod:`loopholes.audit.signatures`). Before it is recommended, it is tried (:mod:`loopholes.audit.trials`): it has to
accept every right answer of the audit, and to refuse the scale's wrong answers and the finding's completions. Of
several that do, the one counts that accepts most of the other spellings of right answers which the audited reward
accepts, and fewest lists in an order that it refuses. For prose it has to accept them all, since only then was the
reward an exact comparison before. If none does, or if no time is left to run programs, the finding has advice in words
alone (:mod:`loopholes.audit.subjects`). So has every finding about a reward that asks a judge or compares queries,
which no code of ours replaces.

**What it replaces.** Of a sum of several functions, the code replaces one: the first, of those that pay the finding
most, with which the others no longer pay it. If there is none, it replaces them all. A single function may have terms
besides its comparison, which show in what it pays (:mod:`loopholes.audit.terms`); then the code is worth what the
comparison is, and says what to keep. If it pays answers that are partly right, the code says that it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from loopholes.audit.comparisons import Candidate, Right, comparisons
from loopholes.audit.frameworks.base import Paid
from loopholes.audit.gold.near_findings import FORGIVABLE
from loopholes.audit.hints import asks_judge
from loopholes.audit.observations import Observations
from loopholes.audit.results import Finding, Hint
from loopholes.audit.scale import FULL, HALF, SAME
from loopholes.audit.signatures import Signature, signatures_of
from loopholes.audit.subjects import Subject, advice_on, runs_queries, subject_of
from loopholes.audit.terms import amounts, has_terms
from loopholes.audit.trials import Case, Cases, Code, Replaced, Trials, Worth
from loopholes.rewards.remedies import remedy_for

RIGHT = ("refused-equivalents",)
"""Findings whose completion is a right answer."""
KEEP = "Replaces the comparison with the right answer: keep the other terms, and what they are worth."
MESSAGES = 'texts = [text if isinstance(text, str) else text[-1]["content"] for text in completions]'
"""The line that reads TRL's completions: texts, or lists of messages if the prompt is one."""
ONCE = "Takes any expression that has the value and uses each number exactly once."
WHOLE = "Pays a right answer in full and any other nothing: partial credit is gone."
WEIGHED = "Pays all right answers alike and any other nothing: multiply by what a right answer is worth on its row."
GATE = "Put the terms for form, length or keywords in the place of 0.0: they count with a right answer only."


def with_advice(
    findings: Sequence[Finding],
    seen: Observations,
    hints: Sequence[Hint] = (),
    has_time: Callable[[], bool] = lambda: True,
) -> list[Finding]:
    """The findings with advice that fits the right answers, and code that closes them if any that was tried does.

    Programs are run as long as ``has_time`` says so. All other code is tried in any case: that takes milliseconds.
    """
    suggestions = Suggestions(seen, asks_judge=asks_judge(hints), has_time=has_time)
    return [
        replace(finding, snippet=suggestions.closing(finding), advice=suggestions.advice(finding))
        for finding in findings
    ]


@dataclass(frozen=True)
class Suggestions:
    """Writes and tries code for the findings of one audit.

    ``asks_judge``: the source shows a judge that decides. ``has_time``: whether more programs may be run.
    """

    seen: Observations
    asks_judge: bool = False
    has_time: Callable[[], bool] = lambda: True

    def closing(self, finding: Finding) -> str:
        """The code that closes a finding and accepts most spellings of right answers; empty if none closes it."""
        remedy = remedy_for(finding.family, finding.name)
        if remedy is None or not self._rights or self.asks_judge or self._subject == "query" or self._is_overlap:
            return ""
        cases, is_gated = self._cases(finding), remedy.function == "gated" and self._has_terms
        for replaced in self._replaceable(cases.wrong):
            scores: dict[str, int] = {}
            for candidate in self._candidates(replaced.place):
                code = self._written(candidate, replaced, is_gated)
                if self._trials.closes(code, cases):
                    scores[code.source] = 0 if code.runs_programs else self._score(code, cases)
            best = max(scores, key=lambda snippet: scores[snippet], default="")
            if best and (self._subject != "prose" or scores[best] == len(cases.spellings)):
                return best
        return ""

    def _score(self, code: Code, cases: Cases) -> int:
        """How many of the spellings this code accepts, less the lists in an order that the audited reward refuses."""
        orders = [Case(case.level.row, case.text, case.paid) for case in self.seen.reordered if case.refused]
        loose = [case for case in orders if case.row in self._rights]
        accepted, too_many = (
            sum(self._trials.accepts(code, case) for case in tried) for tried in (cases.spellings, loose)
        )
        return accepted - too_many

    def advice(self, finding: Finding) -> str:
        """Advice in words that fits what the right answers are; empty if the advice on the family does."""
        return advice_on(finding, self._subject, runs=self._runs_queries, is_overlap=self._is_overlap)

    @cached_property
    def _runs_queries(self) -> bool:
        return self._subject == "query" and runs_queries(self.seen.target)

    @cached_property
    def _subject(self) -> Subject | None:
        return subject_of(self.seen)

    @cached_property
    def _is_overlap(self) -> bool:
        """Whether the reward pays in part for prose that is partly like the right one, and asks no judge about it."""
        return self._subject == "prose" and self._is_graded and not self._has_terms and not self.asks_judge

    @cached_property
    def _rights(self) -> dict[int, Right]:
        """The right answers by row: those that are paid more than wrong ones, or all of them if none is."""
        levels = self.seen.measurable or [level for level in self.seen.levels if level.golden_text]
        rows = self.seen.rows
        return {
            level.row: Right(self._columns(level.row), level.golden_text, level.answer, rows[level.row].text)
            for level in levels
        }

    @cached_property
    def _trials(self) -> Trials:
        return Trials(self.seen, self._rights, self.has_time)

    def _columns(self, row: int) -> Mapping[str, Any]:
        """What code for the reward's framework is passed beside the completion."""
        columns = self.seen.rows[row].columns
        if self.seen.target.framework != "verl":
            return columns
        section = columns.get("reward_model")
        return {"ground_truth": (section if isinstance(section, Mapping) else columns).get("ground_truth")}

    @cached_property
    def _signatures(self) -> list[Signature]:
        return signatures_of(self.seen.target)

    @cached_property
    def _paid(self) -> dict[tuple[int, str], Paid]:
        """What the audited reward paid, by row and completion."""
        seen = self.seen
        paid = {(row, tried.attempts[row].text): pay for tried in seen.tried for row, pay in tried.paid.items()}
        paid |= {(miss.level.row, miss.text): miss.paid for misses in seen.near.values() for miss in misses}
        paid |= {(case.level.row, case.text): case.paid for case in seen.equivalents}
        paid |= {(row, text): pay for text, by_row in seen.idle.paid.items() for row, pay in by_row.items()}
        return paid | {(level.row, level.golden_text): pay for level, pay in zip(seen.levels, seen.golden, strict=True)}

    def _case(self, row: int, text: str) -> Case:
        return Case(row, text, self._paid.get((row, text)))

    def _cases(self, finding: Finding) -> Cases:
        right = [self._case(row, answer.completion) for row, answer in self._rights.items()]
        shown = [self._case(row, text) for row, text in _paid(finding, self.seen) if row in self._rights]
        spellings = [
            Case(case.level.row, case.text, case.paid)
            for case in (*self.seen.equivalents, *self.seen.reordered)
            if not case.refused and case.level.row in self._rights
        ]
        return Cases([*right, *shown], [], spellings) if finding.name in RIGHT else Cases(right, shown, spellings)

    def _candidates(self, place: int) -> list[Candidate]:
        """The comparisons that a function can make, those first whose columns it has parameters for."""
        signature = self._signatures[place]
        usable = [
            candidate
            for candidate in comparisons(list(self._rights.values()))
            if {signature.completion, *signature.collectors}.isdisjoint(candidate.columns)
            and {"gated", *candidate.functions}.isdisjoint(
                (signature.name, *signature.collectors, *signature.taking(candidate.columns).parameters)
            )
        ]
        return sorted(usable, key=lambda candidate: not set(candidate.columns) <= {*signature.parameters})

    def _replaceable(self, wrong: Sequence[Case]) -> list[Replaced]:
        """What the code may replace: each function of a sum, those first that pay most for this, then all of them."""
        parts = self.seen.target.parts
        places = range(len(self._signatures))
        if len(places) == 1:
            return [Replaced(0, whole=True)]
        examples = [case.paid.parts if case.paid else () for case in wrong]
        example = next(filter(None, examples), (0.0,) * len(parts))
        order = sorted(places, key=lambda place: -parts[place].weight * (example[place] or 0.0))
        single = [Replaced(place, whole=False) for place in order] if all(examples) else []
        return [*single, Replaced(order[0], whole=True)]

    @cached_property
    def _is_graded(self) -> bool:
        """Whether the reward pays more than two different amounts: then it is more than a comparison."""
        return len(amounts(self._paid.values(), self.seen)) > 2

    @cached_property
    def _has_terms(self) -> bool:
        return self._is_graded and has_terms(self._paid.values(), self.seen)

    def _worth(self, replaced: Replaced, is_gated: bool) -> Worth:
        """What the code pays: as much as the audited function, if that pays all right answers alike."""
        seen, parts = self.seen, self.seen.target.parts
        if is_gated:
            return Worth(1.0, 0.0)
        if len(parts) > 1:
            paid = [] if replaced.whole else [pay.parts[replaced.place] for pay in seen.golden if pay.parts]
            return Worth(_common(paid) or 1.0, 0.0)
        weight = (parts[0].weight if parts else 1.0) or 1.0
        levels = seen.measurable
        right, wrong = _common([level.golden for level in levels]), _common([level.floor for level in levels])
        if self._is_graded or right is None or wrong is None:
            return Worth((_common([level.width for level in levels]) or weight) / weight, 0.0)
        return Worth(right / weight, wrong / weight)

    def _written(self, candidate: Candidate, replaced: Replaced, is_gated: bool) -> Code:
        """The code: its imports, the function's own signature, what it replaces, and what it returns."""
        worth = self._worth(replaced, is_gated)
        functions, expression = candidate.functions, worth.paying(candidate)
        if is_gated:
            functions, expression = ("gated", *functions), f"gated({candidate.expression}, bonus=0.0)"
        signature = self._signatures[replaced.place].taking(candidate.columns)
        names, lines, each = self._names(signature, candidate.columns)
        value = Candidate((), expression).with_names(names)
        remark = self._remark(replaced, is_gated, candidate.is_share)
        remark += [ONCE] if "makes_target" in candidate.functions else []
        source = "\n".join(
            [
                f"from loopholes.rewards import {', '.join(sorted(set(functions)))}",
                signature.head,
                *(f"    # {line}" for line in remark),
                *(f"    {line}" for line in lines),
                f"    return {f'[{value} {each}]' if each else value}",
            ]
        )
        return Code(source, signature, replaced, worth, candidate.is_share)

    def _remark(self, replaced: Replaced, is_gated: bool, is_share: bool) -> list[str]:
        """What the code replaces, in sentences; none if it is the whole reward."""
        parts = self.seen.target.parts
        if len(parts) > 1:
            names = [part.name for part in parts]
            if len(set(names)) < len(names):
                names = [part.label for part in parts]
            others = [name for place, name in enumerate(names) if place != replaced.place]
            kept = f"Replaces {names[replaced.place]}: keep {', '.join(others)}, and all weights."
            whole = f"Replaces the sum of {', '.join(names)}."
            return [whole if replaced.whole else kept, *([GATE] if is_gated else [])]
        if is_gated or self._has_terms:
            return [GATE if is_gated else KEEP]
        if is_share:
            return []
        if len({round(level.golden or 0.0, 6) for level in self.seen.measurable}) > 1:
            return [WEIGHED]
        return [WHOLE] if self._is_graded else []

    def _names(self, signature: Signature, columns: Sequence[str]) -> tuple[dict[str, str], list[str], str]:
        """The names of the completion and of these columns, the lines before the result, and the loop of a batch."""
        if signature.framework != "trl":
            return {"completion": signature.completion, **dict(zip(columns, columns, strict=True))}, [], ""
        golds = ["gold"] if len(columns) == 1 else [f"gold_{name}" for name in columns]
        lines = [MESSAGES, f"pairs = zip(texts, {', '.join(columns)}, strict=True)"]
        names = {"completion": "text", **dict(zip(columns, golds, strict=True))}
        return names, lines, f"for text, {', '.join(golds)} in pairs"


def _common(values: Sequence[float | None]) -> float | None:
    """The value that all of these are, rounded to six digits; None if they differ or are unknown."""
    first = next(iter(values), None)
    if first is None or any(value is None or abs(value - first) > SAME * max(1.0, abs(first)) for value in values):
        return None
    return float(f"{first:.6g}")


def _paid(finding: Finding, seen: Observations) -> Iterator[tuple[int, str]]:
    """The rows and completions that a finding is about: its example, and what else it says is paid."""
    if finding.evidence is not None:
        rows = (place for place, row in enumerate(seen.rows) if row.number == finding.evidence.row)
        yield from ((row, finding.evidence.completion) for row in rows)
    if finding.kind == "contract":
        misses = [miss for name, tried in seen.near.items() if name not in FORGIVABLE for miss in tried]
        is_near = finding.name in seen.near
        yield from ((miss.level.row, miss.text) for miss in misses if is_near and miss.share >= FULL)
    levels = {level.row: level for level in seen.measurable}
    for tried in seen.tried:
        if tried.attack.name == finding.name:
            for row, paid in tried.paid.items():
                if row in levels and row not in tried.right and (levels[row].share(paid.value) or 0.0) > HALF:
                    yield row, tried.attempts[row].text
