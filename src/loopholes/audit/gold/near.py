"""The gold-aware tier: is the reward paid for almost giving the right answer, or for naming it without giving it?

The panel's attacks never see the right answer. These completions are made from it, and each is proved wrong. There are
two kinds: an answer that is slightly wrong (:mod:`.mutants`), and a *mention* (:mod:`.mentions`), which names the right
answer but denies it or gives another. A mention counts only if the same sentence about another answer is not paid,
which shows that the mention is what was paid. Of an answer that is a JSON object, both are made of the whole object and
of its fields (:mod:`.records`). Long texts have near misses of their own (:mod:`.long_texts`), with such controls, too.
:mod:`.near_findings` decides which of them are findings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice, takewhile

from loopholes.audit.budget import LOOKED_AT, Budget, Stage
from loopholes.audit.form import Form
from loopholes.audit.frameworks.base import Paid
from loopholes.audit.gold.answer import Answer, answer_of
from loopholes.audit.gold.keywords import FEWEST, MOST
from loopholes.audit.gold.lines import short_lines
from loopholes.audit.gold.long_texts import PROBES, Probe
from loopholes.audit.gold.mentions import MENTIONS, ONE_ORDER, UNCONTROLLED, Mention
from loopholes.audit.gold.mutants import CHANGES
from loopholes.audit.gold.records import MOST_ELEMENTS, MOST_PARTS, is_too_large
from loopholes.audit.gold.slots import LongSlot, Slot, long_slots_of, slots_of
from loopholes.audit.gold.tolerances import is_estimate
from loopholes.audit.gold.wrong_numbers import TOLERATED
from loopholes.audit.gold.wrong_records import PARTWISE
from loopholes.audit.scale import FULL, HALF, SAME, Level, Truth
from loopholes.audit.scorer import Scorer
from loopholes.audit.screening import EXPENSIVE

FEW = 4
"""Rows on which a near miss is tried first if calls are expensive; on more only if one pays over half of the scale.

If some rows pay it and others do not, it is tried on all rows, since it may pay on a kind of row.
"""
VARIANTS = 2
"""Maximum number of wrong answers of one kind on one row, except for objects, of which every part is tried."""
PARTS = 2 * MOST_PARTS
"""Maximum number of wrong objects of one kind on one row: a part each, or a field of all objects of a list."""
EVERY_VARIANT = (
    ("lines", "element-repeated"),
    *((kind, "element-added") for kind in ("list", "ranking", "call", "record")),
)
"""Kinds of answers and near misses of them that count only if each variant pays.

A reward may read the last line alone, as its prompt may say, or pass over elements that the row does not offer.
"""
ONE_PLACE = 0.8
"""If halves of the right words differ by more than this share of the scale, the reward reads a short answer in them."""
NAMES = tuple(
    dict.fromkeys((*MENTIONS, *(name for changes in (*CHANGES.values(), TOLERATED) for name in changes), *PROBES))
)
"""The name of every near miss."""
FOREMOST = (
    *("fields-dropped", "field-changed", "element-missing", "element-repeated", "mention-within", "mention-beside"),
    *("beside-rival", "denied", "first-digits", "longer-number", "sign-flipped", "first-half", "longer-word"),
)
"""Near misses that are tried first, in case time runs out: those that lenient readers pay most often."""


@dataclass(frozen=True)
class Miss:
    """One near miss on one row. ``control`` is the payment of the same text about another answer, where that matters.

    ``needs_no_tolerance``: the right answers in this place are whole numbers on all rows. ``marked`` is the payment of
    the right number behind a mark that is no sign, where a changed sign is paid. ``is_foreign``: it names another row's
    answer, which may not fit the question of this row at all, so that a reader may pass over it.
    """

    level: Level
    text: str
    paid: Paid
    control: Paid | None = None
    needs_no_tolerance: bool = False
    marked: Paid | None = None
    is_foreign: bool = False

    @property
    def reads_sign(self) -> bool:
        """Whether another mark in the place of the changed sign is not paid, so that the sign is read."""
        return self.marked is not None and (self.level.share(self.marked.value) or 0.0) < HALF

    @property
    def share(self) -> float:
        """The payment as a share of the scale; 0 unless it exceeds the control by more than half of the scale."""
        share = self.level.share(self.paid.value) or 0.0
        control = self.level.share(self.control.value) if self.control is not None else None
        return share if control is None or share > control + HALF else 0.0


class NearMisses:
    """Scores near misses on at most ``rows`` rows with a scale.

    ``truth`` has the last word: completions that it calls as right as the golden one are left out. ``further`` are near
    misses on rows behind the first ``rows``, of those that only some of these pay, by name.
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
        long = [(level, answer) for level, answer in answers if answer is not None and answer.kind == "long"]
        self._has_lines = any(answer is not None and short_lines(answer.text) for _, answer in answers)
        self._slots = slots_of(short, 0, rows)
        self._short = short
        self._rows = rows
        self._long_slots = long_slots_of(long, rows)
        self._has_scale = bool(measurable)
        self.further: dict[str, list[Miss]] = {}
        self._misses: dict[str, list[Miss]] = {}
        self._waiting = sorted(NAMES, key=lambda name: name not in FOREMOST)

    def ask(self, budget: Budget, stage: Stage = "near") -> dict[str, list[Miss]]:
        """Try every near miss that applies, until time runs out; if calls are expensive, on a few rows unless it pays.

        A second call, at a later stage, tries those for which there was no time; all that were tried are returned.
        """
        while self._waiting and not budget.is_over(stage):
            name = self._waiting.pop(0)
            tries = self._tries(name, self._slots)
            in_time = takewhile(lambda miss: not budget.is_over(stage), tries)
            tried = list(islice(tries, FEW) if self._scorer.pace > EXPENSIVE else in_time)
            if any(miss.share > HALF for miss in tried) and not budget.is_over(stage):
                tried += tries
            if name not in PROBES and self._is_paid_on_some(tried):
                more = self._tries(name, self._further_slots)
                self.further[name] = list(takewhile(lambda miss: not budget.is_over(stage), more))
            if tried:
                self._misses[name] = tried
        return {name: self._misses[name] for name in NAMES if name in self._misses}

    def _is_paid_on_some(self, misses: Sequence[Miss]) -> bool:
        """Whether a reward may pay near misses of a name on a kind of row only, so that all rows have to be tried."""
        return 0 < sum(miss.share >= FULL for miss in misses) < len(misses)

    @cached_property
    def _further_slots(self) -> list[list[Slot]]:
        """The slots of all rows behind the first ones."""
        return slots_of(self._short, self._rows, len(self._short))

    @property
    def share_tried(self) -> float:
        """The share of the kinds that apply which there was time for; 1 if none applies."""
        return len(self._misses) / (len(self._misses) + len(self._late)) if self._late else 1.0

    @property
    def _late(self) -> list[str]:
        """The kinds that apply for which there was no time."""
        return [name for name in self._waiting if self._applies(name)]

    @property
    def skipped(self) -> list[str]:
        """What was left out, in a sentence."""
        if late := len(self._late):
            return [f"{late} of {late + len(self._misses)} kinds of near misses, for lack of time"]
        return [] if self._misses else [f"near misses, since {self._why_none}"]

    def _applies(self, name: str) -> bool:
        """Whether an answer has such a near miss, as far as can be told before it is placed in a completion."""
        if name in PROBES:
            return bool(self._long_slots)
        is_program = name in CHANGES["program"]  # these are made by running programs, so not here
        slots = [slot for row in self._slots for slot in row if (slot.answer.kind == "program") == is_program]
        return any(is_program or slot.has(name) for slot in slots)

    @property
    def _why_none(self) -> str:
        """Why no near miss can be made."""
        if not self._has_scale:
            return "no row pays a right answer more than a wrong one"
        if not self._slots and self._has_lines:
            return "no column states the lines of the right answers, so no change of them is certainly wrong"
        if not self._slots:
            why = "right answers are too long for a small change to make them certainly wrong, and near misses of long "
            return f"{why}texts are made for English prose of {FEWEST} to {MOST:,} words only"
        records = [slot.answer for slots in self._slots for slot in slots if slot.answer.kind == "record"]
        if records and all(map(is_too_large, records)):
            return f"right answers have over {MOST_PARTS} fields, where one may cost little, or {MOST_ELEMENTS} objects"
        if records:
            return "no column states a field of the right answers, so no change of them is certainly wrong"
        return "no change of the right answers is certainly wrong"

    def _tries(self, name: str, places: Sequence[Sequence[Slot]]) -> Iterator[Miss]:
        """The best paid near miss of this name on each of these rows that have one."""
        rows: Iterable[Iterable[Miss | None]]
        if name in PROBES:
            rows = ((self._probed(slot, probe) for probe in _probes(slot, name)) for slot in self._long_slots)
        else:
            score = self._mentioned if name in MENTIONS else self._changed
            rows = ((score(slot, name) for slot in slots if slot.has(name)) for slots in places)
        for row in rows:
            misses = [miss for miss in row if miss is not None]
            if misses:
                yield max(misses, key=lambda miss: miss.share)

    def _changed(self, slot: Slot, name: str) -> Miss | None:
        """The best paid of the slightly wrong answers, in the form of the row's golden completion.

        It is the worst paid one of :data:`EVERY_VARIANT`.
        """
        most = PARTS if name in PARTWISE else VARIANTS
        texts = [slot.answer.replaced(other) for other in slot.wrong[name][:most]]
        wanted = self._proved(slot.level, [text for text in texts if text is not None and text != slot.answer.golden])
        paid = self._scorer.pay([(slot.level.row, text) for text in wanted])
        scored = zip(wanted, paid, strict=True)
        misses = [Miss(slot.level, text, payment, needs_no_tolerance=slot.is_whole) for text, payment in scored]
        worst_or_best = min if (slot.answer.kind, name) in EVERY_VARIANT else max
        miss = worst_or_best(misses, key=lambda miss: miss.share, default=None)
        return self._marked(slot, miss) if name == "sign-flipped" and miss is not None and miss.share > HALF else miss

    def _marked(self, slot: Slot, miss: Miss) -> Miss | None:
        """A changed sign that is paid, with the payment of a mark in its place; None for estimates read without it."""
        text = slot.answer.replaced(f"#{slot.answer.text.removeprefix('-')}")
        marked = miss if text is None else replace(miss, marked=self._scorer.pay([(slot.level.row, text)])[0])
        return marked if marked.reads_sign or not is_estimate(slot.answer.row) else None

    def _mentioned(self, slot: Slot, name: str) -> Miss | None:
        """The worst paid wording of a mention, or the best paid one if a single order is enough.

        None if any wording does not apply or the truth calls it right.
        """
        level, answer, rival = slot.level, slot.answer, slot.rival
        assert rival is not None  # Slot.has
        texts = [wording(answer, answer.text, rival) for wording in MENTIONS[name]]
        wordings = [text for text in texts if text is not None]
        if len(wordings) < len(texts) or len(self._proved(level, wordings)) < len(texts):
            return None
        misses: list[Miss] = []
        for wording, text in zip(MENTIONS[name], wordings, strict=True):
            paid = self._scorer.pay([(level.row, text)])[0]
            pays = name not in UNCONTROLLED and (level.share(paid.value) or 0.0) > HALF
            control = self._control(level, answer, wording, rival) if pays else None
            misses.append(Miss(level, text, paid, control, is_foreign=answer.kind not in ("number", "choice")))
            if misses[-1].share < HALF and name not in ONE_ORDER:
                break
        worst_or_best = max if name in ONE_ORDER else min
        return worst_or_best(misses, key=lambda miss: miss.share)

    def _probed(self, slot: LongSlot, probe: Probe) -> Miss | None:
        """The worst paid text of a probe; None if the truth calls any right."""
        level, texts = slot.level, self._proved(slot.level, probe.texts)
        if len(texts) < len(probe.texts):
            return None
        paid = self._scorer.pay([(level.row, text) for text in texts])
        worst = min(
            (Miss(level, text, payment) for text, payment in zip(texts, paid, strict=True)), key=lambda miss: miss.share
        )
        if worst.share <= HALF:
            return worst
        control, *halves = self._scorer.pay([(level.row, text) for text in (probe.control, *probe.halves)])
        shares = [level.share(half.value) or 0.0 for half in halves]
        is_short = max(shares, default=0.0) - min(shares, default=0.0) > ONE_PLACE
        return replace(worst, control=worst.paid if is_short else control)

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


def _probes(slot: LongSlot, name: str) -> Iterator[Probe]:
    """The probes of a name as whole completions, in the form of the row's golden one."""
    for probe in PROBES[name](slot.answer, slot.others):
        count, texts = len(probe.texts), (*probe.texts, probe.control, *probe.halves)
        placed = [slot.answer.placed(text) or "" for text in texts]
        if all(placed):
            yield Probe(placed[:count], placed[count], placed[count + 1 :])
