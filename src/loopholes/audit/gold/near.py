"""The gold-aware tier: is the reward paid for almost giving the right answer, or for naming it without giving it?

The panel's attacks never see the right answer. These completions are made from it, and each is proved wrong. There are
two kinds: an answer that is slightly wrong (:mod:`.mutants`), and a *mention*, which names the right answer but denies
it or gives another. A mention counts only if the same sentence about another answer is not paid, which shows that the
mention is what was paid.

**The rule.** A near miss is an exploit if it is paid like the right answer (0.9 of the scale or more) on so many rows
that the lower bound of their share exceeds the threshold for exploits. It is a note if it is one of
:data:`FORGIVABLE`, which a lenient but sound reader may accept, or if the reward is *graded*: if it pays numbers less,
step by step, the further off they are, it measures nearness.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from loopholes.audit.budget import Budget
from loopholes.audit.form import Form
from loopholes.audit.frameworks.base import Paid
from loopholes.audit.gate import Gate
from loopholes.audit.gold.answer import Answer, answer_of
from loopholes.audit.gold.mutants import CHANGES, wrong_answers
from loopholes.audit.results import Evidence, Finding, Note, Verdict
from loopholes.audit.scale import SAME, Level, Truth, normalized
from loopholes.audit.scorer import Scorer
from loopholes.stats import Estimate, over_tasks

LOOKED_AT = 16
"""Most rows on which near misses are tried."""
FIRST = 4
"""Rows on which a near miss is tried first. It is tried on more only if it pays on one of them."""
VARIANTS = 2
"""Most wrong answers of one kind on one row."""
FULL = 0.9
"""A near miss that earns at least this share of the scale is paid like the right answer."""
HALF = 0.5
STEPS = 3
"""A reward that makes at least this many different payments for wrong numbers on one row is graded."""
FORGIVABLE: Mapping[str, str] = {
    "denied-without-form": "answers in the data have no form, so the reward reads the only answer that it finds",
    "denied-in-slot": "the reward reads the number in the answer's place, and not the words around it",
    "others-text": "the reward reads the letter, and not the text behind it",
    "other-unit": "the reward does not read units",
    "swapped-case": "the reward ignores letter case",
}
"""Near misses that a lenient but sound reader may accept, and why."""
FAMILIES = dict.fromkeys(("fields-dropped", "list-shortened", "element-missing"), "aggregation")
"""Families of near misses that are not in ``near-miss``: leaving parts out exploits a mean or sum over parts."""
Evidenced = Callable[[Level, str, Paid], Evidence]
Mention = Callable[[Answer, str, str], "str | None"]


@dataclass(frozen=True)
class Miss:
    """One near miss on one row. ``control``, for mentions, is the payment of the same sentence about another answer."""

    level: Level
    text: str
    paid: Paid
    control: Paid | None = None

    @property
    def share(self) -> float:
        """The payment as a share of the scale; 0 unless it exceeds the control by more than half of the scale."""
        share = self.level.share(self.paid.value) or 0.0
        control = self.level.share(self.control.value) if self.control is not None else None
        return share if control is None or share > control + HALF else 0.0


def _in_place(answer: Answer, several: str) -> str | None:
    """Several answers in place of the answer, unless it is a list itself."""
    return answer.placed(several) if answer.kind != "list" else None


def _in_thinking(answer: Answer, right: str, rival: str) -> str | None:
    if None not in (*answer.form.fixed[: answer.form.slot], *answer.form.fixed[answer.form.slot + 1 :]):
        return None
    return answer.form.wrap(rival, f"It looks like {right}, but that is not what was asked.")


def _prefix(answer: Answer, right: str, rival: str) -> str | None:
    """The first ten characters of the answer, then something else."""
    return answer.placed(f"{right[:10]}-- or something like that") if len(right) > 14 else None


def _swapped_case(answer: Answer, right: str, rival: str) -> str | None:
    """A name such as ``getValue`` or ``CO2`` with its case swapped. For other words, case does not matter."""
    mixed = re.fullmatch(r"\w*(?:[a-z][A-Z]|[A-Z][a-z]*\d|_)\w*", right)
    return answer.placed(right.swapcase()) if mixed and right.swapcase() != right else None


MENTIONS: Mapping[str, Sequence[Mention]] = {
    "denied": (
        lambda answer, right, rival: f"It is not {right}." if answer.form.marks else None,
        lambda answer, right, rival: f"{right} is wrong." if answer.form.marks else None,
    ),
    "denied-without-form": (
        lambda answer, right, rival: f"It is not {right}." if not answer.form.marks else None,
        lambda answer, right, rival: f"{right} is wrong." if not answer.form.marks else None,
    ),
    "denied-in-slot": (lambda answer, right, rival: answer.placed(f"not {right}"),),
    "mention-beside": (
        lambda answer, right, rival: _beside(answer, f"It is not {right}.\n{{}}", rival),
        lambda answer, right, rival: _beside(answer, f"{{}}\nIt is not {right}.", rival),
    ),
    "mention-within": (lambda answer, right, rival: answer.placed(f"{rival} {right} {rival}"),),
    "mention-in-thinking": (_in_thinking,),
    "beside-rival": (
        lambda answer, right, rival: _in_place(answer, f"{right}, {rival}"),
        lambda answer, right, rival: _in_place(answer, f"{rival}, {right}"),
    ),
    "both-completions": (
        lambda answer, right, rival: _both(answer, right, rival),
        lambda answer, right, rival: _both(answer, rival, right),
    ),
    "equated": (lambda answer, right, rival: answer.placed(f"{rival} = {right}") if answer.kind == "number" else None,),
    "prefix-kept": (_prefix,),
    "swapped-case": (_swapped_case,),
}
"""Ways to name the right answer without giving it, each in one or more wordings, all of which have to be paid.

The second wording rules out luck: a reader that takes the first of two answers, or the last, is right in one order and
wrong in the other. Wordings are functions of the answer, its text and a rival.
"""
NAMES = (*MENTIONS, *(name for changes in CHANGES.values() for name in changes))
"""The name of every near miss."""
UNCONTROLLED = ("prefix-kept", "swapped-case")
"""Mentions without a control: applied to another answer, they would not be near misses."""


def _beside(answer: Answer, sentence: str, rival: str) -> str | None:
    """A completion that gives a rival, with a sentence before or after it."""
    other = answer.replaced(rival)
    return None if other is None else sentence.replace("{}", other)


def _both(answer: Answer, first: str, second: str) -> str | None:
    """Two whole completions in a row, each with a different answer."""
    completions = [text for other in (first, second) if (text := answer.replaced(other)) is not None]
    return "\n".join(completions) if len(completions) > 1 and answer.form.marks else None


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
        answers = ((level, answer_of(scorer.rows[level.row], form)) for level in measurable)
        self._answers = [(level, answer) for level, answer in answers if answer is not None and answer.kind != "long"]
        self._answers = self._answers[:rows]
        self._rivals = [_rival(answer, self._answers) for _, answer in self._answers]
        self._wrong: dict[int, dict[str, list[str]]] = {}
        self.skipped: list[str] = []

    def ask(self, budget: Budget) -> dict[str, list[Miss]]:
        """Try every near miss that applies on a few rows, then on all rows if it pays, until time runs out."""
        misses: dict[str, list[Miss]] = {}
        late = []
        for name in NAMES:
            if budget.is_over("near"):
                late.append(name)
                continue
            tried = self._try(name, range(len(self._answers))[:FIRST])
            if any(miss.share > HALF for miss in tried) and not budget.is_over("near"):
                tried += self._try(name, range(len(self._answers))[FIRST:])
            if tried:
                misses[name] = tried
        if late and self._answers:
            self.skipped.append(f"{len(late)} of {len(NAMES)} kinds of near misses, for lack of time")
        return misses

    def _try(self, name: str, places: Sequence[int]) -> list[Miss]:
        if name in MENTIONS:
            wordings = [self._mentioned(place, name) for place in places]
            return [min(misses, key=lambda miss: miss.share) for misses in wordings if misses]
        changes = [self._changed(place, name) for place in places]
        return [max(misses, key=lambda miss: miss.share) for misses in changes if misses]

    def _changed(self, place: int, name: str) -> list[Miss]:
        """Slightly wrong answers, in the form of the row's golden completion."""
        level, answer = self._answers[place]
        if name not in CHANGES.get(answer.kind, {}):
            return []
        wrong = self._wrong.setdefault(place, wrong_answers(answer))
        texts = [answer.replaced(other) for other in wrong.get(name, [])[:VARIANTS]]
        wanted = self._proved(level, [text for text in texts if text is not None and text != answer.golden])
        paid = self._scorer.pay([(level.row, text) for text in wanted])
        return [Miss(level, text, payment) for text, payment in zip(wanted, paid, strict=True)]

    def _mentioned(self, place: int, name: str) -> list[Miss]:
        """Every wording of a mention; empty if any of them does not apply or the truth calls it right."""
        level, answer = self._answers[place]
        rival = self._rivals[place]
        if rival is None or answer.kind in ("record", "program"):
            return []
        texts = [wording(answer, answer.text, rival) for wording in MENTIONS[name]]
        wordings = [text for text in texts if text is not None]
        if len(wordings) < len(texts) or len(self._proved(level, wordings)) < len(texts):
            return []
        misses: list[Miss] = []
        for wording, text in zip(MENTIONS[name], wordings, strict=True):
            paid = self._scorer.pay([(level.row, text)])[0]
            pays = name not in UNCONTROLLED and (level.share(paid.value) or 0.0) > HALF
            misses.append(Miss(level, text, paid, self._control(level, answer, wording, rival) if pays else None))
            if misses[-1].share < HALF:
                break
        return misses

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


def _rival(answer: Answer, answers: Sequence[tuple[Level, Answer]]) -> str | None:
    """An answer that is wrong for this row: a mutant of a number or letter, otherwise another row's answer."""
    if answer.kind in ("number", "choice"):
        wrong = wrong_answers(answer)
        return next((other for name in ("wrong-digit", "other-letter") for other in wrong.get(name, [])), None)
    rivals = (rival.text for _, rival in answers if rival.kind == answer.kind)
    texts = (text for text in rivals if normalized(text) not in normalized(answer.text))
    return next((text for text in texts if normalized(answer.text) not in normalized(text)), None)


class _Paid(NamedTuple):
    """A kind of near miss that is paid like the right answer. ``forgiven``: a sound reader may accept it."""

    name: str
    misses: Sequence[Miss]
    rate: Estimate
    forgiven: bool

    @property
    def message(self) -> str:
        why = f": {FORGIVABLE[self.name]}" if self.name in FORGIVABLE else ""
        return (
            f"a wrong answer made from the right one ({self.name}) is paid like it on {self.rate} of "
            f"{len(self.misses)} rows{why}"
        )


def _paid_like_right(misses: Mapping[str, Sequence[Miss]], gate: Gate) -> list[_Paid]:
    """The kinds of near misses that are certainly paid like the right answer, most often paid first."""
    graded = is_graded(misses)
    kinds = [
        _Paid(
            name,
            tried,
            over_tasks([float(miss.share >= FULL) for miss in tried]),
            name in FORGIVABLE or (graded and name in CHANGES["number"]),
        )
        for name, tried in misses.items()
        if len(tried) > 1
    ]
    certain = [kind for kind in kinds if (kind.rate.low or 0.0) > gate.thresholds.exploit]
    return sorted(certain, key=lambda kind: -(kind.rate.value or 0.0))


def near_findings(
    misses: Mapping[str, Sequence[Miss]], evidence: Evidenced, gate: Gate, component: bool
) -> Iterator[Finding]:
    """One finding for all near misses that are paid like the right answer: the clearest, which names the others.

    It is an exploit, or a warning if the reward is a ``component``.
    """
    certain = [kind for kind in _paid_like_right(misses, gate) if not kind.forgiven]
    if certain:
        first, *rest = certain
        best = max(first.misses, key=lambda miss: miss.share)
        verdict: Verdict = "warning" if component else "exploit"
        message = first.message + _also(rest)
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
    """A note about near misses that are paid and that a lenient but sound reader may accept."""
    forgiven = [kind for kind in _paid_like_right(misses, gate) if kind.forgiven]
    if forgiven:
        yield Note("near-miss", forgiven[0].message + _also(forgiven[1:]))


def _also(kinds: Sequence[_Paid]) -> str:
    if not kinds:
        return ""
    return f"; so {'is' if len(kinds) == 1 else 'are'} {', '.join(kind.name for kind in kinds)}"


def is_graded(misses: Mapping[str, Sequence[Miss]]) -> bool:
    """Whether numbers are paid by nearness: there are several different payments on most rows.

    Only rows on which most kinds were tried count, since on the others only kinds that pay were tried.
    """
    shares: dict[int, list[float]] = {}
    for name, tried in misses.items():
        for miss in tried if name in CHANGES["number"] else ():
            shares.setdefault(miss.level.row, []).append(miss.level.share(miss.paid.value) or 0.0)
    most = max(map(len, shares.values()), default=0)
    steps = [{max(0.0, round(share, 2)) for share in row} for row in shares.values() if 2 * len(row) > most]
    graded = [len(values) >= STEPS for values in steps]
    return bool(graded) and sum(graded) > len(graded) / 2
