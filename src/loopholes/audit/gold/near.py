"""The gold-aware tier: what is paid for nearly the right answer, or for naming it, and not for giving it.

Apart from the panel, whose attacks are blind: here completions are made of the right answer, and each is wrong with
proof. Two kinds: an answer that is wrong by a little (:mod:`.mutants`), and a *mention*, in which the
right answer is named and another given, or is denied. A mention counts only where the same sentence about another
answer is not paid, so that the payment is for the mention.

**The rule.** A near miss that is paid like the right answer (0.9 of the scale or more) on so many rows that the lower
bound of their share exceeds the threshold of exploits is an exploit. It is a note if it is one of :data:`FORGIVABLE`,
which a lenient and sound reader may take, or if the reward is *graded*: if numbers further off are paid less, step by
step, nearness is what it measures.
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
"""Rows on which near misses are tried."""
FIRST = 4
"""Rows on which each is tried first: one that pays on none of them is not tried on more."""
VARIANTS = 2
"""Wrong answers of one kind on one row."""
FULL = 0.9
"""Share of the scale from which a near miss is paid like the right answer."""
HALF = 0.5
STEPS = 3
"""Different payments of wrong numbers on one row from which a reward is graded; right or wrong are two."""
FORGIVABLE: Mapping[str, str] = {
    "denied-without-form": "the data has no form, and the only answer that is named is read",
    "denied-in-slot": "the number in the answer's place is read, and the words around it are not",
    "others-text": "the letter is read, and not the text behind it",
    "other-unit": "units are not read",
    "swapped-case": "letter case is not read",
}
"""Near misses that a lenient and sound reader may take, and why."""
FAMILIES = dict.fromkeys(("fields-dropped", "list-shortened", "element-missing"), "aggregation")
"""The families of near misses that have another one: what leaves parts out aims at a mean or a sum over parts."""
Evidenced = Callable[[Level, str, Paid], Evidence]
Mention = Callable[[Answer, str, str], "str | None"]


@dataclass(frozen=True)
class Miss:
    """One near miss on one row. ``control`` is what the same sentence about another answer was paid, for mentions."""

    level: Level
    text: str
    paid: Paid
    control: Paid | None = None

    @property
    def share(self) -> float:
        """The payment as a share of the scale; 0 where it is paid no more than the control."""
        share = self.level.share(self.paid.value) or 0.0
        control = self.level.share(self.control.value) if self.control is not None else None
        return share if control is None or share > control + HALF else 0.0


def _in_place(answer: Answer, several: str) -> str | None:
    """Several answers in the place of one; a list is not one answer."""
    return answer.placed(several) if answer.kind != "list" else None


def _in_thinking(answer: Answer, right: str, rival: str) -> str | None:
    if None not in (*answer.form.fixed[: answer.form.slot], *answer.form.fixed[answer.form.slot + 1 :]):
        return None
    return answer.form.wrap(rival, f"It looks like {right}, but that is not what was asked.")


def _prefix(answer: Answer, right: str, rival: str) -> str | None:
    """The first ten characters, and something else behind them."""
    return answer.placed(f"{right[:10]}-- or something like that") if len(right) > 14 else None


def _swapped_case(answer: Answer, right: str, rival: str) -> str | None:
    """A name such as ``getValue`` or ``CO2`` in the other case; other words are the same in any."""
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

A reader that knows a denial by some of its words reads it; one that takes the first or the last of two answers does
not take both. Wordings are functions of the answer, its text and a rival.
"""
NAMES = (*MENTIONS, *(name for changes in CHANGES.values() for name in changes))
"""Every near miss."""
UNCONTROLLED = ("prefix-kept", "swapped-case")
"""Mentions that would be no near miss of another answer."""


def _beside(answer: Answer, sentence: str, rival: str) -> str | None:
    """A completion that gives a rival, with a sentence before or behind it."""
    other = answer.replaced(rival)
    return None if other is None else sentence.replace("{}", other)


def _both(answer: Answer, first: str, second: str) -> str | None:
    """Two whole completions, one behind the other, each with another answer."""
    completions = [text for other in (first, second) if (text := answer.replaced(other)) is not None]
    return "\n".join(completions) if len(completions) > 1 and answer.form.marks else None


class NearMisses:
    """Asks what near misses are paid, on at most ``rows`` rows with a scale.

    ``truth`` has the last word: a completion that it calls as right as the golden one is not asked.
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
        """Every near miss that applies on a few rows, and on all where one pays; until the time is over."""
        misses: dict[str, list[Miss]] = {}
        late = []
        for name in NAMES:
            if budget.is_over("near"):
                late.append(name)
                continue
            asked = self._asked(name, range(len(self._answers))[:FIRST])
            if any(miss.share > HALF for miss in asked) and not budget.is_over("near"):
                asked += self._asked(name, range(len(self._answers))[FIRST:])
            if asked:
                misses[name] = asked
        if late and self._answers:
            self.skipped.append(f"{len(late)} of {len(NAMES)} kinds of near misses, for want of time")
        return misses

    def _asked(self, name: str, places: Sequence[int]) -> list[Miss]:
        if name in MENTIONS:
            wordings = [self._mentioned(place, name) for place in places]
            return [min(misses, key=lambda miss: miss.share) for misses in wordings if misses]
        changes = [self._changed(place, name) for place in places]
        return [max(misses, key=lambda miss: miss.share) for misses in changes if misses]

    def _changed(self, place: int, name: str) -> list[Miss]:
        """Answers that are wrong by a little, in the form of the row's golden completion."""
        level, answer = self._answers[place]
        if name not in CHANGES.get(answer.kind, {}):
            return []
        wrong = self._wrong.setdefault(place, wrong_answers(answer))
        texts = [answer.replaced(other) for other in wrong.get(name, [])[:VARIANTS]]
        wanted = self._proved(level, [text for text in texts if text is not None and text != answer.golden])
        paid = self._scorer.pay([(level.row, text) for text in wanted])
        return [Miss(level, text, payment) for text, payment in zip(wanted, paid, strict=True)]

    def _mentioned(self, place: int, name: str) -> list[Miss]:
        """Every wording of a mention; nothing where one does not apply or the truth calls it right."""
        level, answer = self._answers[place]
        rival = self._rivals[place]
        if rival is None or answer.kind in ("record", "program"):
            return []
        texts = [wording(answer, answer.text, rival) for wording in MENTIONS[name]]
        known = [text for text in texts if text is not None]
        if len(known) < len(texts) or len(self._proved(level, known)) < len(texts):
            return []
        misses: list[Miss] = []
        for wording, text in zip(MENTIONS[name], known, strict=True):
            paid = self._scorer.pay([(level.row, text)])[0]
            pays = name not in UNCONTROLLED and (level.share(paid.value) or 0.0) > HALF
            misses.append(Miss(level, text, paid, self._control(level, answer, wording, rival) if pays else None))
            if misses[-1].share < HALF:
                break
        return misses

    def _control(self, level: Level, answer: Answer, wording: Mention, rival: str) -> Paid | None:
        """What the same wording is paid that names another wrong answer in the place of the right one."""
        text = wording(answer, f"{rival}7" if answer.kind == "number" else f"{rival[::-1]}q", rival)
        return None if text is None else self._scorer.pay([(level.row, text)])[0]

    def _proved(self, level: Level, texts: Sequence[str]) -> list[str]:
        """Those that the truth, where there is one, calls less right than the golden completion."""
        if self._truth is None or not texts:
            return list(texts)
        row = self._scorer.rows[level.row]
        right, *scores = self._truth([row] * (len(texts) + 1), [level.golden_text, *texts])
        pairs = zip(texts, scores, strict=True)
        return [text for text, score in pairs if score is not None and score < (1.0 if right is None else right) - SAME]


def _rival(answer: Answer, answers: Sequence[tuple[Level, Answer]]) -> str | None:
    """An answer that is wrong for a row: another row's, else a mutant."""
    if answer.kind in ("number", "choice"):
        wrong = wrong_answers(answer)
        return next((other for name in ("wrong-digit", "other-letter") for other in wrong.get(name, [])), None)
    others = (other.text for _, other in answers if other.kind == answer.kind)
    texts = (text for text in others if normalized(text) not in normalized(answer.text))
    return next((text for text in texts if normalized(answer.text) not in normalized(text)), None)


class _Paid(NamedTuple):
    """A kind of near miss that is paid like the right answer on most rows; ``forgiven``: a sound reader may take it."""

    name: str
    misses: Sequence[Miss]
    rate: Estimate
    forgiven: bool

    @property
    def message(self) -> str:
        why = f": {FORGIVABLE[self.name]}" if self.name in FORGIVABLE else ""
        return (
            f"a wrong answer made of the right one ({self.name}) is paid like it on {self.rate} of "
            f"{len(self.misses)} rows{why}"
        )


def _paid_like_right(misses: Mapping[str, Sequence[Miss]], gate: Gate) -> list[_Paid]:
    """The clearest first."""
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
    """What is paid like the right answer and is none, as one finding: the clearest kind, with the names of the others.

    An exploit, or of a ``component`` a warning.
    """
    certain = [kind for kind in _paid_like_right(misses, gate) if not kind.forgiven]
    if certain:
        first, *others = certain
        best = max(first.misses, key=lambda miss: miss.share)
        verdict: Verdict = "warning" if component else "exploit"
        message = first.message + _also(others)
        shown = evidence(best.level, best.text, best.paid)
        yield Finding(
            verdict,
            "contract",
            FAMILIES.get(first.name, "near-miss"),
            first.name,
            message,
            share=first.rate.value,
            evidence=shown,
        )


def near_notes(misses: Mapping[str, Sequence[Miss]], gate: Gate) -> Iterator[Note]:
    """Near misses that are paid and that a lenient and sound reader may take."""
    forgiven = [kind for kind in _paid_like_right(misses, gate) if kind.forgiven]
    if forgiven:
        yield Note("near-miss", forgiven[0].message + _also(forgiven[1:]))


def _also(others: Sequence[_Paid]) -> str:
    return f"; so are {', '.join(kind.name for kind in others)}" if others else ""


def is_graded(misses: Mapping[str, Sequence[Miss]]) -> bool:
    """Whether numbers are paid by how near they are: on one row, several payments between nothing and all.

    That has to be so on most of the rows on which most kinds were tried; those further on saw only what pays.
    """
    shares: dict[int, list[float]] = {}
    for name, tried in misses.items():
        for miss in tried if name in CHANGES["number"] else ():
            shares.setdefault(miss.level.row, []).append(miss.level.share(miss.paid.value) or 0.0)
    most = max(map(len, shares.values()), default=0)
    steps = [{max(0.0, round(share, 2)) for share in row} for row in shares.values() if 2 * len(row) > most]
    graded = [len(values) >= STEPS for values in steps]
    return bool(graded) and sum(graded) > len(graded) / 2
