"""Which near misses (:mod:`.near`) that are paid like the right answer are exploits, and which are only worth a note.

A near miss is an exploit if it is paid like the right answer (0.9 of the scale or more) on so many rows that the lower
bound of their share exceeds the threshold for exploits. It is a note if it is one of :data:`FORGIVABLE`, which a
lenient but sound reader may accept, or if the reward is *graded*: if it pays numbers or dates less, step by step, the
further off they are, it measures nearness (unless it pays numbers that are far off in full). Two answers in the place
of one are an exploit if they are paid in either order, since a policy may then guess twice. In one order only, they are
a note. The words of a long answer are an exploit if they are paid beside others, since a policy may then collect words,
and a note if they are paid alone. A number within an unstated tolerance is a note, too, or a warning if all right
answers are whole numbers, which need none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from loopholes.audit.frameworks.base import Paid
from loopholes.audit.gate import Gate
from loopholes.audit.gold.long_texts import ALONE, AMONG_OTHERS, DENIALS
from loopholes.audit.gold.mentions import ANY_ORDER, ONE_ORDER
from loopholes.audit.gold.mutants import CHANGES
from loopholes.audit.gold.near import Miss
from loopholes.audit.gold.wrong_dates import LENIENT_DATES
from loopholes.audit.gold.wrong_numbers import TOLERANCES, TOLERATED
from loopholes.audit.gold.wrong_puzzles import UNSTATED_RULES
from loopholes.audit.results import Evidence, Finding, Note, Verdict
from loopholes.audit.scale import FULL, Level
from loopholes.stats import Estimate, share_over_tasks

STEPS = 3
"""A reward that makes at least this many different payments for wrong numbers on one row is graded."""
FORGIVABLE: Mapping[str, str] = {
    "denied-without-form": "answers in the data have no form, so the reward reads the only answer that it finds",
    **dict.fromkeys(
        ("denied-in-slot", "refuted-in-slot"),
        "the reward reads the answer in its place, and not the words around it, such as 'not' or 'is wrong'",
    ),
    "rival-behind": "the first of several answers counts",
    "rival-before": "the last of several answers counts",
    "others-text": "the reward reads the letter, and not the text behind it",
    "other-unit": "the reward does not read units",
    "swapped-case": "the reward ignores letter case",
    "element-twice": "the reward counts an element once, as in a set, however often it is given",
    **dict.fromkeys(
        ALONE,
        "the reward counts the right words, and pays them less among others, as F1 scores and cosines of words do",
    ),
    **dict.fromkeys(
        DENIALS, "the reward does not read that the text is called wrong, nor do ROUGE, BLEU and F1 scores"
    ),
    **LENIENT_DATES,
    **UNSTATED_RULES,
    **TOLERANCES,
}
"""Near misses that a lenient but sound reader may accept, and why."""
FAMILIES = {
    **dict.fromkeys(("fields-dropped", "list-shortened", "element-missing", "element-repeated"), "aggregation"),
    **dict.fromkeys(AMONG_OTHERS, "stuffing"),
}
"""Families of near misses that are not in ``near-miss``.

Leaving out or repeating parts exploits a mean or sum, and words without sentences exploit a count of keywords.
"""
Evidenced = Callable[[Level, str, Paid], Evidence]
FAR = ("sign-flipped", "factor-100")
"""Numbers further off than ``ten-percent``: a reward that pays these in full but not that does not measure nearness."""
FURTHER = ((*TOLERATED, "ten-percent"), ("next-day", "other-day"), ("next-minute", "other-minute"))
"""Near misses that are further and further off. Of each of these, only the furthest one that is paid is reported."""
ROUNDING = ("next-number",)
"""Numbers that a reward may accept for fear of rounding errors, even where right answers are whole numbers."""
WHOLE = "although all right answers are whole numbers; if that is meant, state it in the prompt or a column tolerance"
GRADED = "answers that are further off are paid gradually less, so the reward measures nearness"
"""Why a wrong number or date is forgiven that a graded reward pays."""


class _Paid(NamedTuple):
    """A kind of near miss that is paid like the right answer. ``reason`` says why a sound reader may accept it."""

    name: str
    misses: Sequence[Miss]
    rate: Estimate
    reason: str

    @property
    def message(self) -> str:
        return (
            f"a wrong answer made from the right one ({self.name}) is paid like the right one on {self.rate} "
            f"of {len(self.misses)} rows"
        )


def open_kinds(misses: Mapping[str, Sequence[Miss]], gate: Gate) -> Mapping[str, Sequence[Miss]]:
    """Near misses that are not excused, and not certain to be paid on all rows; empty if some are certain.

    They may be paid on a kind of row (:mod:`loopholes.audit.minority`).
    """
    if any(not kind.reason for kind in _paid_like_right(misses, gate)):
        return {}
    return {kind.name: kind.misses for kind in _kinds(misses) if not kind.reason and kind.name not in TOLERATED}


def _paid_like_right(misses: Mapping[str, Sequence[Miss]], gate: Gate) -> list[_Paid]:
    """The kinds of near misses that are certainly paid like the right answer, most often paid first."""
    certain = [kind for kind in _kinds(misses) if (kind.rate.low or 0.0) > gate.thresholds.exploit]
    names = [[name for name in further if name in {kind.name for kind in certain}] for further in FURTHER]
    nearer = {name for paid in names for name in paid[:-1]}
    return sorted((kind for kind in certain if kind.name not in nearer), key=lambda kind: -(kind.rate.value or 0.0))


def _kinds(misses: Mapping[str, Sequence[Miss]]) -> list[_Paid]:
    """The kinds of near misses that were tried on several rows."""
    graded = {
        *((*CHANGES["number"], *TOLERATED) if is_graded(misses, CHANGES["number"]) else ()),
        *(CHANGES["date"] if is_graded(misses, CHANGES["date"]) else ()),
    } - {name for name in FAR if _is_not_near(name, misses)}
    return [
        _Paid(
            name, tried, share_over_tasks([float(miss.share >= FULL) for miss in tried]), _reason(name, tried, graded)
        )
        for name, tried in misses.items()
        if len(tried) > 1
    ]


def _is_not_near(name: str, misses: Mapping[str, Sequence[Miss]]) -> bool:
    """Whether far wrong numbers are paid in full on rows that pay nearer ones less, and not for want of a sign."""
    nearer = {miss.level.row: miss.share for miss in misses.get("ten-percent", ())}
    paid = [miss for miss in misses.get(name, ()) if miss.share >= FULL and miss.level.row in nearer]
    less = sum(nearer[miss.level.row] < FULL for miss in paid)
    return less > len(paid) / 2 and (name != "sign-flipped" or all(miss.reads_sign for miss in paid))


def _reason(name: str, misses: Sequence[Miss], graded: Collection[str]) -> str:
    """Why a sound reader may accept near misses of this name; empty if it may not."""
    if name in graded and (name in TOLERATED or name not in FORGIVABLE):
        return GRADED
    needs_none = name in TOLERATED and all(miss.needs_no_tolerance for miss in misses)
    return "" if needs_none and name not in ROUNDING else FORGIVABLE.get(name, "")


def near_findings(
    misses: Mapping[str, Sequence[Miss]], evidence: Evidenced, gate: Gate, component: bool
) -> Iterator[Finding]:
    """One finding for all near misses that are paid like the right answer: the clearest, which names the others.

    It is an exploit, or a warning if the reward is a ``component``, or if the only fault is that whole numbers are paid
    within a tolerance that nothing states: its author may have chosen it.
    """
    unforgiven = [kind for kind in _paid_like_right(misses, gate) if not kind.reason]
    certain = [kind for kind in unforgiven if kind.name not in TOLERATED] or unforgiven
    if certain:
        first, *rest = certain
        best = max(first.misses, key=lambda miss: miss.share)
        is_tolerance = first.name in TOLERATED
        verdict: Verdict = "warning" if component or is_tolerance else "exploit"
        message = first.message + (f": {FORGIVABLE[first.name]}, {WHOLE}" if is_tolerance else _also(rest))
        example = evidence(best.level, best.text, best.paid)
        yield Finding(
            verdict,
            "contract",
            FAMILIES.get(first.name, "near-miss"),
            first.name,
            message,
            share=first.rate.value,
            evidence=example,
        )


def near_notes(misses: Mapping[str, Sequence[Miss]], gate: Gate) -> Iterator[Note]:
    """Notes about near misses that are paid and that a lenient but sound reader may accept, one note for each reason.

    That one order of two answers is paid is not worth a note if either order is, which is an exploit; nor is an element
    given twice if the reward pays for nothing but repeats.
    """
    certain = _paid_like_right(misses, gate)
    names = {kind.name for kind in certain}
    redundant = {
        *(ONE_ORDER if names & {*ANY_ORDER} else ()),
        *(["element-twice"] if "element-repeated" in names else []),
        *(ALONE if names & {*AMONG_OTHERS} else ()),
    }
    by_reason: dict[str, list[_Paid]] = {}
    for kind in certain:
        if kind.reason and kind.name not in redundant:
            by_reason.setdefault(kind.reason, []).append(kind)
    for reason, (first, *rest) in by_reason.items():
        yield Note("near-miss", f"{first.message}{_also(rest)}: {reason}")


def _also(kinds: Sequence[_Paid]) -> str:
    if not kinds:
        return ""
    return f"; so {'is' if len(kinds) == 1 else 'are'} {', '.join(kind.name for kind in kinds)}"


def is_graded(misses: Mapping[str, Sequence[Miss]], names: Collection[str]) -> bool:
    """Whether near misses of these names are paid by nearness: there are several different payments on most rows.

    Only rows on which most kinds were tried count, since on the others only kinds that pay were tried.
    """
    shares: dict[int, list[float]] = {}
    for name, tried in misses.items():
        for miss in tried if name in names else ():
            shares.setdefault(miss.level.row, []).append(miss.level.share(miss.paid.value) or 0.0)
    most = max(map(len, shares.values()), default=0)
    steps = [{max(0.0, round(share, 2)) for share in row} for row in shares.values() if 2 * len(row) > most]
    graded = [len(values) >= STEPS for values in steps]
    return bool(graded) and sum(graded) > len(graded) / 2
