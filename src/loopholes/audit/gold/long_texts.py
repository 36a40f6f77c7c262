"""Near misses of long answers: their words without their sentences, and their sentences denied.

No small change of a long text is certainly wrong, but a heap of its keywords explains nothing. A reward that pays one
is an exploit if further words cost nothing, which shows where the right words stand *among others*, those of other
rows: a policy that never sees the reference can then collect words that may be in it. If only the right words alone
are paid, as by an F1 score or a cosine of words, a policy has to hit on these and no others, which is worth a note.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from loopholes.audit.gold.answer import Answer
from loopholes.audit.gold.keywords import content_words, is_prose, lists_of, words_of
from loopholes.audit.quotations import sentences

OTHERS = 5
"""Number of other rows that lend their words. With five, an F1 score of words is below 0.3."""
LISTED = 0.5
"""Smallest share of a column's keywords that a right answer has to contain."""
_AUXILIARY = re.compile(
    r"\b(is|are|was|were|can|could|will|would|does|do|did|has|have|had|must|should|may)\b(?! not\b)"
)


class Probe(NamedTuple):
    """Texts made of a right answer, all of which have to be paid, and a ``control``: the same without the right answer.

    If one of the ``halves`` of the right words is paid like all of them and the other like none, the reward reads a
    short answer in the text.
    """

    texts: Sequence[str]
    control: str
    halves: Sequence[str] = ()


Words = Callable[[Answer], Sequence[str]]
Probes = Callable[[Answer, Sequence[Answer]], Iterator[Probe]]
"""Probes of a long answer, beside long answers that are right for other rows."""


def _in_column(column: str, answer: Answer) -> Sequence[str]:
    """The keywords in a column, if the answer contains them."""
    items, text = lists_of(answer.row).get(column, []), answer.text.lower()
    return items if sum(item.lower() in text for item in items) >= LISTED * len(items) else []


def _content(answer: Answer) -> Sequence[str]:
    return content_words(answer.text) if is_prose(answer.text) else []


def _sorted(answer: Answer) -> Sequence[str]:
    """All words in alphabetical order, however often they occur."""
    return sorted(words_of(answer.text), key=str.lower) if is_prose(answer.text) else []


def _keywords(answer: Answer) -> list[Words]:
    """Where the keywords of an answer are: in columns, and in its text."""
    return [*(partial(_in_column, column) for column in lists_of(answer.row)), _content]


def _probes(sources: Sequence[Words], among: bool, answer: Answer, others: Sequence[Answer]) -> Iterator[Probe]:
    """The right words from each source, either alone or after and before those of other rows.

    They are written as a list and as a sentence that says nothing.
    """
    for words in sources:
        own = words(answer)
        rest = [word for other in others for word in words(other) if words is _sorted or word not in own]
        middle, joint = len(own) // 2, " " if words is _sorted else ", "
        orders = [[*rest, *own], [*own, *rest]] if among else [own]
        for frame in ("{}", "This is about {}.") if len(own) > 1 and rest else ():
            written = [frame.replace("{}", joint.join(items)) for items in (*orders, rest, own[:middle], own[middle:])]
            yield Probe(written[:-3], written[-3], written[-2:])


def _denied(answer: Answer, others: Sequence[Answer]) -> Iterator[Probe]:
    """The answer after a denial, and before one."""
    if is_prose(answer.text) and others:
        right, wrong = (
            ["None of the following is true: " + text, text + " All of this is wrong."]
            for text in (answer.text, others[0].text)
        )
        yield Probe(right, wrong[0])


def _negated(answer: Answer, others: Sequence[Answer]) -> Iterator[Probe]:
    """The answer with every sentence denied: by a *not* behind its first auxiliary verb, or by words before it."""
    if is_prose(answer.text) and others:
        right, wrong = (" ".join(map(_negation, sentences(text.strip()))) for text in (answer.text, others[0].text))
        yield Probe([right], wrong)


def _negation(sentence: str) -> str:
    negated = _AUXILIARY.sub(r"\1 not", sentence, count=1)
    return negated if negated != sentence else f"It is not true that {sentence}"


PROBES: Mapping[str, Probes] = {
    "keywords-among-others": lambda answer, others: _probes(_keywords(answer), True, answer, others),
    "words-among-others": partial(_probes, [_sorted], True),
    "keywords-alone": lambda answer, others: _probes(
        _keywords(answer) if is_prose(answer.text) else [], False, answer, others
    ),
    "words-alone": partial(_probes, [_sorted], False),
    "text-denied": _denied,
    "statements-negated": _negated,
}
"""Ways to write a long answer that no reader of its sentences would accept."""
AMONG_OTHERS = ("keywords-among-others", "words-among-others")
"""Words without sentences that are an exploit if they are paid."""
ALONE = ("keywords-alone", "words-alone")
"""Words without sentences that a sound measure of overlap may pay, as long as others beside them cost something."""
DENIALS = ("text-denied", "statements-negated")
"""Denials of the right answer, which no measure of overlap reads."""
