"""The places in right answers at which near misses are made, with what is known about each from all rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from loopholes.audit.gold.answer import Answer, lines_around
from loopholes.audit.gold.long_texts import OTHERS
from loopholes.audit.gold.mentions import MENTIONS
from loopholes.audit.gold.mutants import CHANGES, wrong_answers
from loopholes.audit.gold.records import parts_of
from loopholes.audit.gold.wrong_numbers import TOLERATED, is_whole
from loopholes.audit.gold.wrong_texts import ABBREVIATIONS
from loopholes.audit.scale import Level, normalized


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
        return {name: texts for name, texts in wrong.items() if texts and name not in unproved}

    def has(self, name: str) -> bool:
        """Whether there is such a near miss here, as far as can be told before it is placed in a completion."""
        return self.rival is not None if name in MENTIONS else name in self.wrong


class LongSlot(NamedTuple):
    """A long answer of one row, and those of a few other rows."""

    level: Level
    answer: Answer
    others: Sequence[Answer]


def slots_of(answers: Sequence[tuple[Level, Answer]], start: int, stop: int) -> list[list[Slot]]:
    """The slots of a range of the rows: the answer, the lines around it, and the fields that can be answers.

    Rivals, labels and numbers that are not whole are looked for on all rows.
    """
    rows = [(level, [answer, *parts_of(answer), *lines_around(answer)]) for level, answer in answers]
    everything = [part for _, parts in rows for part in parts]
    whole = _whole(everything)
    return [
        [Slot(level, part, _rival(part, everything), _is_label(part, everything), part.path in whole) for part in parts]
        for level, parts in rows[start:stop]
    ]


def long_slots_of(answers: Sequence[tuple[Level, Answer]], count: int) -> list[LongSlot]:
    """The long answers of the first ``count`` rows, each with those of the rows after it, the first after the last."""
    following = [answer for _, answer in (*answers, *answers)]
    return [
        LongSlot(level, answer, [other for other in following[place + 1 :] if other.text != answer.text][:OTHERS])
        for place, (level, answer) in enumerate(answers[:count])
    ]


def _whole(answers: Sequence[Answer]) -> set[tuple[str, ...]]:
    """The paths of the places in which all right answers are whole numbers without a unit."""
    others = {answer.path for answer in answers if answer.kind != "lines" and not is_whole(answer.text)}
    return {answer.path for answer in answers} - others


def _is_label(answer: Answer, answers: Sequence[Answer]) -> bool:
    """Whether an answer is one of a few labels: the prompt names it, or another row has it, too."""
    same = [normalized(other.text) for other in answers if other.path == answer.path].count(normalized(answer.text))
    return same > 1 or re.search(rf"(?i)(?<!\w){re.escape(answer.text)}(?!\w)", answer.row.text) is not None


def _rival(answer: Answer, answers: Sequence[Answer]) -> str | None:
    """An answer that is wrong for this row: a mutant of a number or letter, otherwise another row's answer.

    If the answer is the text of one of the prompt's options, it is another option's text.
    None for objects, programs, lists by line and lists in an object, which no sentence can stand for.
    """
    if answer.kind in ("record", "program", "lines") or (answer.kind == "list" and answer.path):
        return None
    if answer.kind in ("number", "choice"):
        return next(CHANGES[answer.kind]["wrong-digit" if answer.kind == "number" else "other-letter"](answer), None)
    options = [*answer.options.values()]
    alike = [other.text for other in answers if (other.kind, other.path) == (answer.kind, answer.path)]
    rivals = options if answer.text in options else alike
    texts = (text for text in rivals if normalized(text) not in normalized(answer.text))
    return next((text for text in texts if normalized(answer.text) not in normalized(text)), None)
