"""Code that closes a finding, adapted to the audited reward so that it can be pasted.

The code is a comparison (:mod:`loopholes.audit.comparisons`) with the signature that the framework calls. Before it is
recommended, it is run here, since it is ours and none of the user's: it has to accept every right answer of the audit,
and to refuse the finding's completions. Of several that do, the one counts that accepts most of the other spellings of
right answers which the audited reward accepts. If none does, the finding has advice in words alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from loopholes.audit.comparisons import Comparison, Right, comparisons
from loopholes.audit.gold.near import FORGIVABLE, FULL
from loopholes.audit.observations import Observations
from loopholes.audit.results import Finding
from loopholes.rewards import program
from loopholes.rewards.remedies import GATED, PROGRAM, QUOTED, Remedy, remedy_for

HALF = 0.5
"""A completion that is paid at least this much is accepted."""
RIGHT = ("refused-equivalents",)
"""Findings whose completion is a right answer."""


class Case(NamedTuple):
    """A completion and its row: the columns, with what else the code is passed."""

    columns: Mapping[str, Any]
    text: str


class Cases(NamedTuple):
    """Completions that code has to accept, those that it has to refuse, and those that it had better accept."""

    right: Sequence[Case]
    wrong: Sequence[Case]
    spellings: Sequence[Case]


def with_snippets(findings: Sequence[Finding], seen: Observations) -> list[Finding]:
    """The findings with code that closes them; without code if none that was tried does."""
    rights = _rights(seen)
    return [replace(finding, snippet=_snippet(finding, seen, rights)) for finding in findings]


def _rights(seen: Observations) -> dict[int, Right]:
    """The right answers by row: those that are paid more than wrong ones, or all of them if none is."""
    levels = seen.measurable or [level for level in seen.levels if level.golden_text]
    return {level.row: Right(_columns(seen, level.row), level.golden_text, level.answer) for level in levels}


def _columns(seen: Observations, row: int) -> Mapping[str, Any]:
    """What code for the reward's framework is passed beside the completion."""
    columns = seen.rows[row].columns
    if seen.target.framework != "verl":
        return columns
    section = columns.get("reward_model")
    return {"ground_truth": (section if isinstance(section, Mapping) else columns).get("ground_truth")}


def _snippet(finding: Finding, seen: Observations, rights: Mapping[int, Right]) -> str:
    remedy = remedy_for(finding.family, finding.name)
    if remedy is None or not rights:
        return ""
    if remedy is QUOTED:  # a judge decides, so all that can be shown is how it is asked
        return _template(remedy, seen)
    if remedy is PROGRAM:
        return _template(remedy, seen) if all(program(right.completion) for right in rights.values()) else ""
    snippet = _closing(remedy, finding, seen, rights)
    if not snippet and not any("answer" in right.columns for right in rights.values()):
        named = {
            row: right._replace(columns={**right.columns, "answer": right.answer}) for row, right in rights.items()
        }
        snippet = _closing(remedy, finding, seen, named)
    return snippet


def _with_answer(right: Right) -> Right:
    """A right answer whose row has it in a column of its own."""
    return right._replace(columns={**right.columns, "answer": right.answer})


def _closing(remedy: Remedy, finding: Finding, seen: Observations, rights: Mapping[int, Right]) -> str:
    """The code that closes a finding and accepts most spellings of right answers; empty if none closes it."""
    cases = _cases(finding, seen, rights)
    scores: dict[str, int] = {}
    for comparison in comparisons(list(rights.values())):
        snippet = _written(remedy, comparison, seen)
        accepts = _accepts(snippet, seen)
        if all(map(accepts, cases.right)) and not any(map(accepts, cases.wrong)):
            scores[snippet] = sum(map(accepts, cases.spellings))
    return max(scores, key=lambda snippet: scores[snippet], default="")


def _cases(finding: Finding, seen: Observations, rights: Mapping[int, Right]) -> Cases:
    right = [Case(right.columns, right.completion) for right in rights.values()]
    shown = [Case(rights[row].columns, text) for row, text in _paid(finding, seen) if row in rights]
    spellings = [case for case in seen.equivalents if not case.refused and case.level.row in rights]
    accepted = [Case(rights[case.level.row].columns, case.text) for case in spellings]
    if finding.name in RIGHT:
        return Cases([*right, *shown], [], accepted)
    return Cases(right, shown, accepted)


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


def _written(remedy: Remedy, comparison: Comparison, seen: Observations) -> str:
    """The code: its imports, the signature that the framework calls, and what it returns."""
    functions, expression = comparison.functions, f"float({comparison.expression})"
    if remedy is GATED:
        functions, expression = (
            ("gated", *functions),
            f"gated({comparison.expression}, bonus=well_formed(«completion»))",
        )
    head, names, each = _signature(seen, comparison.columns)
    body = Comparison(functions, expression).with_names(names)
    imported = ", ".join(sorted(set(functions)))
    return f"from loopholes.rewards import {imported}\n{head}\n    return {f'[{body} {each}]' if each else body}"


def _template(remedy: Remedy, seen: Observations) -> str:
    """The code of a remedy as it stands, with the signature that the framework calls; what it lacks is the user's."""
    imported, _, last = remedy.snippet.splitlines()
    column = "ground_truth" if seen.target.framework == "verl" else "answer"
    head, names, each = _signature(seen, [column])
    expression = last.strip().removeprefix("return ").replace("answer", f"«{column}»")
    body = Comparison((), expression.replace("completion", "«completion»")).with_names(names)
    return f"{imported}\n{head}\n    return {f'[{body} {each}]' if each else body}"


def _signature(seen: Observations, columns: Sequence[str]) -> tuple[str, dict[str, str], str]:
    """A reward's signature, the names in it of the completion and of these columns, and the loop of a list."""
    if seen.target.framework == "verl":
        names = {"completion": "solution_str", "ground_truth": "ground_truth"}
        return "def compute_score(data_source, solution_str, ground_truth, extra_info=None):", names, ""
    parameters = ", ".join(columns)
    if seen.target.framework != "trl":
        names = {"completion": "completion", **dict(zip(columns, columns, strict=True))}
        return f"def reward(completion, {parameters}):", names, ""
    golds = ["gold"] if len(columns) == 1 else [f"gold_{name}" for name in columns]
    text = 'completion[0]["content"]' if seen.rows[0].is_chat else "completion"
    head = f"def reward(completions, {parameters}, **kwargs):\n    pairs = zip(completions, {parameters}, strict=True)"
    names = {"completion": text, **dict(zip(columns, golds, strict=True))}
    return head, names, f"for completion, {', '.join(golds)} in pairs"


def _accepts(snippet: str, seen: Observations) -> Callable[[Case], bool]:
    """Whether this code pays a completion, called as the reward's framework calls it. Code that raises does not."""
    names: dict[str, Any] = {"well_formed": lambda text: 0.0}
    exec(snippet, names)  # our own code, about the columns of the data
    function = names.get("reward") or names["compute_score"]

    def accepts(case: Case) -> bool:
        try:
            return bool(_called(function, case, seen) >= HALF)
        except Exception:  # a comparison that does not fit these values
            return False

    return accepts


def _called(function: Callable[..., Any], case: Case, seen: Observations) -> float:
    if seen.target.framework == "verl":
        return float(function("", case.text, case.columns["ground_truth"]))
    parameters = inspect.signature(function).parameters
    columns = {name: case.columns[name] for name in parameters if name in case.columns}
    if seen.target.framework != "trl":
        return float(function(case.text, **columns))
    completion = [{"role": "assistant", "content": case.text}] if seen.rows[0].is_chat else case.text
    return float(function([completion], **{name: [value] for name, value in columns.items()})[0])
