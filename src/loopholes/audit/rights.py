"""The right answers that an old reward paid, scored by a new one: as they stand, and in other spellings.

What the new reward refuses of them is *broken* if any reader should accept it. It is *stricter* if a sound reader may
refuse it, such as another form, a list in another order, or another spelling inside a field of a JSON object.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from loopholes.audit.frameworks.base import Paid
from loopholes.audit.gold.refused import USUAL
from loopholes.audit.observations import Observations
from loopholes.audit.scale import HALF, Level
from loopholes.audit.scorer import Scorer

GOLDEN = "as they stand"
"""The kind of right answers that were not rewritten."""


@dataclass(frozen=True)
class Refused:
    """Right answers of one ``kind``: of the ``paid`` ones that the old reward paid, the new one refuses ``count``.

    ``completion`` is an example, a right answer of ``row``, and ``now`` its payment.
    """

    kind: str
    count: int
    paid: int
    row: int
    completion: str
    now: float | None


@dataclass(frozen=True)
class Rights:
    """Right answers that the old reward paid: those of ``rows`` rows as they stand, of ``spelled`` rows in others.

    The old reward scored ``tried`` other spellings, and the new one the ``kinds`` of them that the old one paid.
    """

    rows: int
    spelled: int
    tried: int
    kinds: int
    broken: Sequence[Refused]
    stricter: Sequence[Refused]

    @property
    def sentence(self) -> str:
        """What the new reward refuses, and how much was compared."""
        if not self.rows:
            return "no right answer was compared, since the old reward pays none more than a wrong one"
        rows, spellings = _counted(self.rows, "row"), _counted(self.kinds, "other spelling")
        if self.kinds and not self.broken and not self.stricter:
            return f"no right answer is refused, neither as it stands on {rows} nor in {spellings} on {self.spelled}"
        count = sum(refused.count for refused in self.broken if refused.kind == GOLDEN)
        standing = f"on {count} of {rows}, right answers are refused as they stand"
        return f"{standing if count else f'no right answer is refused as it stands, on {rows}'}; {self._spellings}"

    @property
    def _spellings(self) -> str:
        if not self.tried:
            return "no other spelling of one could be tried"
        if not self.kinds:
            return f"of {_counted(self.tried, 'other spelling')}, the old reward pays none, so none was compared"
        refused = sum(refused.kind != GOLDEN for refused in (*self.broken, *self.stricter))
        paid = f"of {_counted(self.kinds, 'other spelling')} that the old reward pays"
        compared = f"compared on {_counted(self.spelled, 'row')}"
        return f"{paid}, {compared}, {refused or 'none'} {'is' if refused < 2 else 'are'} refused"


class _Answer(NamedTuple):
    """A right answer that the old reward paid. ``level`` is the new reward's scale of its row."""

    kind: str
    level: Level
    text: str


def compare_rights(before: Observations, after: Observations, scorer: Scorer) -> Rights:
    """Score with the new reward, which ``scorer`` calls, the right answers that the old one paid."""
    answers = list(_paid(before, after))
    payments = scorer.pay([(answer.level.row, answer.text) for answer in answers])
    scored = list(zip(answers, payments, strict=True))
    refused = [
        kind for name in dict.fromkeys(answer.kind for answer in answers) for kind in _refused(name, scored, after)
    ]
    broken = [kind for kind in refused if kind.kind in (GOLDEN, *USUAL)]
    spelled = [answer for answer in answers if answer.kind != GOLDEN]
    return Rights(
        len(answers) - len(spelled),
        len({answer.level.row for answer in spelled}),
        len({equivalent.name for equivalent in (*before.equivalents, *before.reordered)}),
        len({answer.kind for answer in spelled}),
        broken,
        [kind for kind in refused if kind not in broken],
    )


def _paid(before: Observations, after: Observations) -> Iterator[_Answer]:
    """The right answers that the old reward paid, on rows that the new one's audit reached."""
    levels = {after.rows[level.row].number: level for level in after.levels}
    right = [(GOLDEN, level, level.golden_text) for level in before.measurable]
    spelled = (*before.equivalents, *before.reordered)
    right += [(case.name, case.level, case.text) for case in spelled if not case.refused]
    for kind, old, text in dict.fromkeys(right):
        level = levels.get(before.rows[old.row].number)
        if level is not None:
            yield _Answer(kind, level, text)


def _refused(kind: str, scored: Sequence[tuple[_Answer, Paid]], after: Observations) -> Iterator[Refused]:
    """The right answers of one kind that the new reward refuses, if there are any."""
    same = [(answer, paid) for answer, paid in scored if answer.kind == kind]
    refused = [(answer, paid) for answer, paid in same if _refuses(answer, paid.value)]
    if refused:
        answer, paid = refused[0]
        row = after.rows[answer.level.row].number
        yield Refused(kind, len(refused), len(same), row, answer.text, paid.value)


def _refuses(answer: _Answer, now: float | None) -> bool:
    """Whether a right answer earns less than half of the scale, or nothing; without a scale, golden ones count."""
    share = answer.level.share(now)
    if share is None:
        return answer.kind == GOLDEN or answer.level.width is not None
    return share < HALF


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
