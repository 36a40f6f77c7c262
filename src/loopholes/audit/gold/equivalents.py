"""How often a reward refuses right answers that are written differently.

Each way of writing (:mod:`loopholes.audit.gold.ways`) is tried on the rows where it applies. Refusing another *form* is
not a fault if the prompt demands one. The report says what kind of reader the reward is
(:mod:`loopholes.audit.gold.refused`), and warns only about a few spellings within the form.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from loopholes.audit.budget import LOOKED_AT, Budget
from loopholes.audit.form import Form
from loopholes.audit.frameworks.base import Paid
from loopholes.audit.gold.answer import answer_of
from loopholes.audit.gold.refused import Refusal, Refusals
from loopholes.audit.gold.ways import WAYS, equivalents
from loopholes.audit.results import Evidence, Finding, Note
from loopholes.audit.scale import HALF, SAME, Level, Truth
from loopholes.audit.scorer import Scorer
from loopholes.stats import share_over_tasks


class Equivalent(NamedTuple):
    """One equivalent of one row's answer, and its payment."""

    name: str
    level: Level
    text: str
    paid: Paid

    @property
    def refused(self) -> bool:
        """Whether it is paid less than half of the scale, or not at all."""
        share = self.level.share(self.paid.value)
        return share is None or share < HALF


def ask_equivalents(
    scorer: Scorer,
    levels: Sequence[Level],
    form: Form,
    budget: Budget,
    truth: Truth | None = None,
    *,
    rows: int = LOOKED_AT,
) -> tuple[list[Equivalent], list[str]]:
    """Score every equivalent on at most ``rows`` rows with a scale, row by row until time runs out.

    Returns the equivalents with their payments, and sentences about what was skipped. If there is a truth, equivalents
    that it calls less right than the golden completion are left out.
    """
    measurable = [level for level in levels if level.width is not None][:rows]
    answers = [(level, answer_of(scorer.rows[level.row], form)) for level in measurable]
    scored: list[Equivalent] = []
    for number_of_rows, (level, answer) in enumerate(answers):
        if budget.is_over("near"):
            left = len(answers) - number_of_rows
            return scored, [f"right answers in other spellings on {left} of {len(answers)} rows, for lack of time"]
        if answer is None:
            continue
        texts = called_right(scorer, level, dict(equivalents(answer)), truth)
        paid = scorer.pay([(level.row, text) for text in texts.values()])
        scored += [
            Equivalent(name, level, text, payment) for (name, text), payment in zip(texts.items(), paid, strict=True)
        ]
    return scored, []


def called_right(scorer: Scorer, level: Level, texts: Mapping[str, str], truth: Truth | None) -> Mapping[str, str]:
    """The texts, by name, that the truth calls as right as the golden completion; all if there is no truth."""
    if truth is None or not texts:
        return texts
    row = scorer.rows[level.row]
    right, *scores = truth([row] * (len(texts) + 1), [level.golden_text, *texts.values()])
    needed = (1.0 if right is None else right) - SAME
    pairs = zip(texts.items(), scores, strict=True)
    return {name: text for (name, text), score in pairs if score is not None and score >= needed}


def refusals(scored: Sequence[Equivalent]) -> Refusals:
    """Rates of refusal, averaged per row first and then over rows, so that a row with many ways counts once."""
    rates = {}
    for place in ("within", "around"):
        rows: dict[int, list[bool]] = defaultdict(list)
        for equivalent in scored:
            if WAYS[equivalent.name].place == place:
                rows[equivalent.level.row].append(equivalent.refused)
        rates[place] = share_over_tasks([sum(refused) / len(refused) for refused in rows.values()])
    return Refusals(
        rates["within"], rates["around"], len({equivalent.level.row for equivalent in scored}), list(_ways(scored))
    )


def _ways(scored: Sequence[Equivalent]) -> Iterator[Refusal]:
    for name, way in WAYS.items():
        same = [equivalent for equivalent in scored if equivalent.name == name]
        if same:
            refused = [equivalent for equivalent in same if equivalent.refused]
            rate = share_over_tasks([float(equivalent.refused) for equivalent in same])
            yield Refusal(name, way.place, len(same), rate, refused[0].text if refused else "")


def refusal_findings(
    scored: Sequence[Equivalent], evidence: Callable[[Level, str, Paid], Evidence]
) -> Iterator[Finding]:
    """A warning for spellings in the right form that any reader should accept and most rows refuse."""
    faults = _faults(scored)
    if faults and not _are_spaces(faults):
        first = faults[0]
        example = evidence(first.level, first.text, first.paid)
        names = ", ".join(fault.name for fault in faults)
        message = f"{refusals(scored).spellings}; any reader should accept {names}"
        yield Finding("warning", "contract", "contract", "refused-equivalents", message, evidence=example)


def refusal_notes(scored: Sequence[Equivalent]) -> Iterator[Note]:
    """A note instead of the warning, if only spaces around a bare answer are refused."""
    faults = _faults(scored)
    if faults and _are_spaces(faults):
        yield Note("refused-equivalents", refusals(scored).spellings)


def _faults(scored: Sequence[Equivalent]) -> list[Equivalent]:
    """An example of each way that any reader should accept and most rows refuse."""
    return [
        next(equivalent for equivalent in scored if equivalent.name == way.name and equivalent.refused)
        for way in refusals(scored).avoidable
    ]


def _are_spaces(faults: Sequence[Equivalent]) -> bool:
    """Whether only spaces at the ends of a whole completion are refused."""
    return all(fault.name == "spaces" and fault.text.strip() != fault.text for fault in faults)
