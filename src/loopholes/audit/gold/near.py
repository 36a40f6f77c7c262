"""The gold-aware tier: is the reward paid for almost giving the right answer, or for naming it without giving it?

The panel's attacks never see the right answer. These completions are made from it, and each is proved wrong. There are
two kinds: an answer that is slightly wrong (:mod:`.mutants`), and a *mention* (:mod:`.mentions`), which names the right
answer but denies it or gives another. A mention counts only if the same sentence about another answer is not paid,
which shows that the mention is what was paid. Of an answer that is a JSON object, both are made of the whole object and
of its fields (:mod:`.records`).

**The rule.** A near miss is an exploit if it is paid like the right answer (0.9 of the scale or more) on so many rows
that the lower bound of their share exceeds the threshold for exploits. It is a note if it is one of :data:`FORGIVABLE`,
which a lenient but sound reader may accept, or if the reward is *graded*: if it pays numbers or dates less, step by
step, the further off they are, it measures nearness. Two answers in the place of one are an exploit if they are paid in
either order, since a policy may then guess twice. In one order only, they are a note. A number within an unstated
tolerance is a note, too, or a warning if all right answers are whole numbers, which need none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from loopholes.audit.budget import Budget
from loopholes.audit.form import Form
from loopholes.audit.frameworks.base import Paid
from loopholes.audit.gate import Gate
from loopholes.audit.gold.answer import Answer, answer_of, lines_around
from loopholes.audit.gold.lines import short_lines
from loopholes.audit.gold.mentions import ANY_ORDER, MENTIONS, ONE_ORDER, UNCONTROLLED, Mention
from loopholes.audit.gold.mutants import CHANGES, wrong_answers
from loopholes.audit.gold.records import MOST_PARTS, parts_of
from loopholes.audit.gold.wrong_dates import LENIENT_DATES
from loopholes.audit.gold.wrong_numbers import TOLERANCES, TOLERATED, is_whole
from loopholes.audit.gold.wrong_puzzles import UNSTATED_RULES
from loopholes.audit.gold.wrong_records import PARTWISE
from loopholes.audit.gold.wrong_texts import ABBREVIATIONS
from loopholes.audit.results import Evidence, Finding, Note, Verdict
from loopholes.audit.scale import SAME, Level, Truth, normalized
from loopholes.audit.scorer import Scorer
from loopholes.stats import Estimate, share_over_tasks

LOOKED_AT = 16
"""Maximum number of rows on which near misses are tried."""
FIRST = 4
"""Rows on which a near miss is tried first. It is tried on more only if it pays on one of them."""
VARIANTS = 2
"""Maximum number of wrong answers of one kind on one row, except for objects, of which every part is tried."""
FULL = 0.9
"""A near miss that earns at least this share of the scale is paid like the right answer."""
HALF = 0.5
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
    **LENIENT_DATES,
    **UNSTATED_RULES,
    **TOLERANCES,
}
"""Near misses that a lenient but sound reader may accept, and why."""
FAMILIES = dict.fromkeys(("fields-dropped", "list-shortened", "element-missing", "element-repeated"), "aggregation")
"""Families of near misses that are not in ``near-miss``: leaving out or repeating parts exploits a mean or sum."""
Evidenced = Callable[[Level, str, Paid], Evidence]
FURTHER = ((*TOLERATED, "ten-percent"), ("next-day", "other-day"), ("next-minute", "other-minute"))
"""Near misses that are further and further off. Of each of these, only the furthest one that is paid is reported."""
ROUNDING = ("next-number",)
"""Numbers that a reward may accept for fear of rounding errors, even where right answers are whole numbers."""
WHOLE = "although all right answers are whole numbers; if that is meant, state it in the prompt or a column tolerance"
GRADED = "answers that are further off are paid gradually less, so the reward measures nearness"
"""Why a wrong number or date is forgiven that a graded reward pays."""
NAMES = tuple(dict.fromkeys((*MENTIONS, *(name for changes in (*CHANGES.values(), TOLERATED) for name in changes))))
"""The name of every near miss."""


@dataclass(frozen=True)
class Miss:
    """One near miss on one row. ``control``, for mentions, is the payment of the same sentence about another answer.

    ``needs_no_tolerance``: the right answers in this place are whole numbers on all rows.
    """

    level: Level
    text: str
    paid: Paid
    control: Paid | None = None
    needs_no_tolerance: bool = False

    @property
    def share(self) -> float:
        """The payment as a share of the scale; 0 unless it exceeds the control by more than half of the scale."""
        share = self.level.share(self.paid.value) or 0.0
        control = self.level.share(self.control.value) if self.control is not None else None
        return share if control is None or share > control + HALF else 0.0


@dataclass(frozen=True)
class Slot:
    """A place for wrong answers on one row: that of its whole answer, or of one field of it.

    ``rival`` is an answer that is wrong there; None if none is known. ``is_label``: the answer is one of a few labels,
    since other rows have it, too, or the prompt names it. ``is_whole``: it is a whole number on all rows.
    """

    level: Level
    answer: Answer
    rival: str | None
    is_label: bool = False
    is_whole: bool = False

    @cached_property
    def wrong(self) -> Mapping[str, Sequence[str]]:
        """Slightly wrong answers, by the way in which they are wrong."""
        unproved = ABBREVIATIONS if self.is_label else ()
        tolerated = TOLERATED if self.answer.kind == "number" else {}
        wrong = {**wrong_answers(self.answer), **{name: [*change(self.answer)] for name, change in tolerated.items()}}
        return {name: texts for name, texts in wrong.items() if name not in unproved}


class NearMisses:
    """Scores near misses on at most ``rows`` rows with a scale.

    ``truth`` has the last word: completions that it calls as right as the golden one are left out.
    """

    def __init__(
        self,
        scorer: Scorer,
        levels: Sequence[Level],
        form: Form,
        truth: Truth | None = None,
        *,
        rows: int = LOOKED_AT,
    ) -> None:
        self._scorer = scorer
        self._truth = truth
        measurable = [level for level in levels if level.width is not None]
        answers = [(level, answer_of(scorer.rows[level.row], form)) for level in measurable]
        short = [(level, answer) for level, answer in answers if answer is not None and answer.kind != "long"]
        self._has_lines = any(answer is not None and short_lines(answer.text) for _, answer in answers)
        self._slots = _slots(short, rows)
        self._has_scale = bool(measurable)
        self.skipped: list[str] = []

    def ask(self, budget: Budget) -> dict[str, list[Miss]]:
        """Try every near miss that applies on a few rows, then on all rows if it pays, until time runs out."""
        misses: dict[str, list[Miss]] = {}
        late = []
        for name in NAMES:
            if budget.is_over("near"):
                late.append(name)
                continue
            rest, tried = list(self._slots), list[Miss]()
            while rest and len(tried) < FIRST:
                tried += self._try(name, [rest.pop(0)])
            if any(miss.share > HALF for miss in tried) and not budget.is_over("near"):
                tried += self._try(name, rest)
            if tried:
                misses[name] = tried
        if late and self._slots:
            self.skipped.append(f"{len(late)} of {len(NAMES)} kinds of near misses, for lack of time")
        elif not misses:
            self.skipped.append(f"near misses, since {self._why_none}")
        return misses

    @property
    def _why_none(self) -> str:
        """Why no near miss can be made."""
        if not self._has_scale:
            return "no row pays a right answer more than a wrong one"
        if not self._slots and self._has_lines:
            return "no column states the lines of the right answers, so no change of them is certainly wrong"
        if not self._slots:
            return "right answers are too long for a small change to make them certainly wrong"
        if any(slot.answer.kind == "record" for slots in self._slots for slot in slots):
            return "no column states a field of the right answers, so no change of them is certainly wrong"
        return "no change of the right answers is certainly wrong"

    def _try(self, name: str, rows: Sequence[Sequence[Slot]]) -> list[Miss]:
        """The best paid near miss of this name on each of the rows that have one."""
        score = self._mentioned if name in MENTIONS else self._changed
        misses = [[miss for slot in slots if (miss := score(slot, name)) is not None] for slots in rows]
        return [max(row_misses, key=lambda miss: miss.share) for row_misses in misses if row_misses]

    def _changed(self, slot: Slot, name: str) -> Miss | None:
        """The best paid of the slightly wrong answers, in the form of the row's golden completion."""
        most = MOST_PARTS if name in PARTWISE else VARIANTS
        texts = [slot.answer.replaced(other) for other in slot.wrong.get(name, [])[:most]]
        wanted = self._proved(slot.level, [text for text in texts if text is not None and text != slot.answer.golden])
        paid = self._scorer.pay([(slot.level.row, text) for text in wanted])
        scored = zip(wanted, paid, strict=True)
        misses = [Miss(slot.level, text, payment, needs_no_tolerance=slot.is_whole) for text, payment in scored]
        return max(misses, key=lambda miss: miss.share, default=None)

    def _mentioned(self, slot: Slot, name: str) -> Miss | None:
        """The worst paid wording of a mention, or the best paid one if a single order is enough.

        None if any wording does not apply or the truth calls it right.
        """
        level, answer, rival = slot.level, slot.answer, slot.rival
        if rival is None:
            return None
        texts = [wording(answer, answer.text, rival) for wording in MENTIONS[name]]
        wordings = [text for text in texts if text is not None]
        if len(wordings) < len(texts) or len(self._proved(level, wordings)) < len(texts):
            return None
        misses: list[Miss] = []
        for wording, text in zip(MENTIONS[name], wordings, strict=True):
            paid = self._scorer.pay([(level.row, text)])[0]
            pays = name not in UNCONTROLLED and (level.share(paid.value) or 0.0) > HALF
            misses.append(Miss(level, text, paid, self._control(level, answer, wording, rival) if pays else None))
            if misses[-1].share < HALF and name not in ONE_ORDER:
                break
        worst_or_best = max if name in ONE_ORDER else min
        return worst_or_best(misses, key=lambda miss: miss.share)

    def _control(self, level: Level, answer: Answer, wording: Mention, rival: str) -> Paid | None:
        """The payment of the same wording when it names another wrong answer instead of the right one."""
        text = wording(answer, f"{rival}7" if answer.kind == "number" else f"{rival[::-1]}q", rival)
        return None if text is None else self._scorer.pay([(level.row, text)])[0]

    def _proved(self, level: Level, texts: Sequence[str]) -> list[str]:
        """The texts that the truth calls less right than the golden completion; all texts if there is no truth."""
        if self._truth is None or not texts:
            return list(texts)
        row = self._scorer.rows[level.row]
        right, *scores = self._truth([row] * (len(texts) + 1), [level.golden_text, *texts])
        pairs = zip(texts, scores, strict=True)
        return [text for text, score in pairs if score is not None and score < (1.0 if right is None else right) - SAME]


def _slots(answers: Sequence[tuple[Level, Answer]], count: int) -> list[list[Slot]]:
    """The slots of the first ``count`` rows: the answer, the lines around it, and the fields that can be answers.

    Rivals, labels and numbers that are not whole are looked for on all rows.
    """
    rows = [(level, [answer, *parts_of(answer), *lines_around(answer)]) for level, answer in answers]
    everything = [part for _, parts in rows for part in parts]
    whole = _whole(everything)
    return [
        [Slot(level, part, _rival(part, everything), _is_label(part, everything), part.path in whole) for part in parts]
        for level, parts in rows[:count]
    ]


def _whole(answers: Sequence[Answer]) -> set[tuple[str, ...]]:
    """The paths of the places in which all right answers are whole numbers without a unit."""
    paths = {answer.path for answer in answers}
    return paths - {answer.path for answer in answers if answer.kind != "lines" and not is_whole(answer.text)}


def _is_label(answer: Answer, answers: Sequence[Answer]) -> bool:
    """Whether an answer is one of a few labels: the prompt names it, or another row has it, too."""
    same = [
        other for other in answers if other.path == answer.path and normalized(other.text) == normalized(answer.text)
    ]
    named = rf"(?<!\w){re.escape(answer.text)}(?!\w)"
    return len(same) > 1 or re.search(named, answer.row.text, re.IGNORECASE) is not None


def _rival(answer: Answer, answers: Sequence[Answer]) -> str | None:
    """An answer that is wrong for this row: a mutant of a number or letter, otherwise another row's answer.

    If the answer is the text of one of the prompt's options, it is another option's text.

    None for objects, programs, lists by line and lists in an object, which no sentence can stand for.
    """
    if answer.kind in ("record", "program", "lines") or (answer.kind == "list" and answer.path):
        return None
    if answer.kind in ("number", "choice"):
        wrong = wrong_answers(answer)
        return next((other for name in ("wrong-digit", "other-letter") for other in wrong.get(name, [])), None)
    options = [*answer.options.values()]
    alike = [other.text for other in answers if (other.kind, other.path) == (answer.kind, answer.path)]
    rivals = options if answer.text in options else alike
    texts = (text for text in rivals if normalized(text) not in normalized(answer.text))
    return next((text for text in texts if normalized(answer.text) not in normalized(text)), None)


class _Paid(NamedTuple):
    """A kind of near miss that is paid like the right answer. ``reason`` says why a sound reader may accept it."""

    name: str
    misses: Sequence[Miss]
    rate: Estimate
    reason: str

    @property
    def message(self) -> str:
        return (
            f"a wrong answer made from the right one ({self.name}) is paid like it on {self.rate} of "
            f"{len(self.misses)} rows"
        )


def _paid_like_right(misses: Mapping[str, Sequence[Miss]], gate: Gate) -> list[_Paid]:
    """The kinds of near misses that are certainly paid like the right answer, most often paid first."""
    graded = {
        *((*CHANGES["number"], *TOLERATED) if is_graded(misses, CHANGES["number"]) else ()),
        *(CHANGES["date"] if is_graded(misses, CHANGES["date"]) else ()),
    }
    kinds = [
        _Paid(
            name, tried, share_over_tasks([float(miss.share >= FULL) for miss in tried]), _reason(name, tried, graded)
        )
        for name, tried in misses.items()
        if len(tried) > 1
    ]
    certain = [kind for kind in kinds if (kind.rate.low or 0.0) > gate.thresholds.exploit]
    names = [[name for name in further if name in {kind.name for kind in certain}] for further in FURTHER]
    nearer = {name for paid in names for name in paid[:-1]}
    return sorted((kind for kind in certain if kind.name not in nearer), key=lambda kind: -(kind.rate.value or 0.0))


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
