"""What the contract's checks ask of a reward, whatever it rewards; :mod:`loopholes.audit.contract` judges the answers.

Each check asks only what it needs: one that an earlier answer made pointless is left out, and one that the time does
not allow is named.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, NamedTuple

from loopholes.audit.answers import TRUTHS
from loopholes.audit.budget import Budget
from loopholes.audit.canary import ask_canary
from loopholes.audit.episodes.leaks import Leak, ask_leaks
from loopholes.audit.form import Form
from loopholes.audit.frameworks.base import Paid, Row
from loopholes.audit.programs import TESTS
from loopholes.audit.scale import SAME, Level, normalized
from loopholes.audit.scorer import Scorer

LOOKED_AT = 16
"""Rows that checks of a function's manners look at."""
LONG_LOAD = 5.0
"""Seconds of loading beyond which the reward is not loaded again for a check."""
HALF = 0.5
"""Fraction of the scale above which an answer is taken for one that is paid like a right one."""
FEW = 4
"""Rows that a check of batches or of prompts looks at, at least."""
UNPARSEABLE = ("", "???")
"""Completions that no reward can read an answer from."""
EITHER_PROMPT = ("plain", "trl")
"""Frameworks that hand over prompts as texts or as messages, as the data have them."""
MISSING: Mapping[str, Any] = {"None": None, "empty": "", "unparseable": "???"}
"""What stands in place of a row's ground truth, and how a message names it."""


class Probe(NamedTuple):
    """One completion that a check asked about, and what it was paid; ``row`` is another row in the level's place."""

    level: Level
    text: str
    paid: Paid
    row: Row | None = None

    @property
    def share(self) -> float | None:
        """The payment as a share of the scale; None where there is none."""
        return self.level.share(self.paid.value)


class Repeated(NamedTuple):
    """The same completion paid ``first``, and then again in other circumstances."""

    level: Level
    text: str
    first: Paid
    others: Sequence[Paid]

    @property
    def differs(self) -> bool:
        """Whether it was paid otherwise in any of them."""
        return not all(same(self.first, other) for other in self.others)


@dataclass
class Answers:
    """What each check was answered. A check that was not asked has nothing here.

    ``again``: completions asked twice; ``company``: the same in another
    order and alone. ``turned``: whole groups and the same groups turned around. ``remembered``: completions under a row
    before and after another row's. ``missing``: completions under rows without a ground truth, by what stands there.
    ``keys``: keys of the dicts that were returned. ``shifted``: completions that were paid what stood beside them in a
    batch, once an unparseable one stood before them. ``chat``: right answers under rows whose prompt is a list of
    messages. ``evaluated``: a completion that was run. ``leaks``: episodes that earlier ones changed.
    """

    again: Sequence[Repeated] = ()
    company: Sequence[Repeated] = ()
    turned: list[tuple[Probe, Sequence[Paid], Sequence[Paid]]] = field(default_factory=list)
    remembered: Sequence[Repeated] = ()
    missing: dict[str, Sequence[Probe]] = field(default_factory=dict)
    keys: Sequence[tuple[str, ...]] = ()
    shifted: Sequence[Probe] = ()
    chat: Sequence[Probe] = ()
    evaluated: Sequence[Probe] = ()
    leaks: Sequence[Leak] = ()
    skipped: list[str] = field(default_factory=list)


class Checks:
    """Asks everything that the contract is judged by. ``rows``: how many rows checks of a function's manners look at.

    ``noisy``: the user says that the reward is not deterministic. A reward that turns out to be is not asked what no
    noisy reward can keep.
    """

    def __init__(
        self, scorer: Scorer, levels: Sequence[Level], form: Form, *, rows: int = LOOKED_AT, noisy: bool = False
    ) -> None:
        self._scorer = scorer
        self._levels = levels
        self._measurable = [level for level in levels if level.width is not None][:rows]
        self._form = form
        self._rows = rows
        self._noisy = noisy

    def ask(self, budget: Budget) -> Answers:
        """Every check, until the time is over."""
        answers = Answers()
        in_groups = self._scorer.companions is not None
        checks: dict[str, Callable[[Answers], None]] = {
            "steady": self._turned if in_groups else self._steady,
            "cached text": self._remembered if self._scorer.turns == 1 else self._leaks,
            "missing truth": self._missing,
            "manners": self._keys,
            "unparseable in a batch": self._shifted,
            "chat prompt": self._chat,
            "evaluated answers": self._evaluated,
        }
        for name, check in checks.items():
            if in_groups and check in (self._remembered, self._missing, self._shifted, self._chat):
                answers.skipped.append(
                    f"the contract's check: {name}, which needs rewards that do not read their group"
                )
            elif budget.is_over("contract"):
                answers.skipped.append(f"the contract's check: {name}, for want of time")
            else:
                check(answers)
        return answers

    def _steady(self, answers: Answers) -> None:
        """The same completion under the same row, again, in another order, and alone."""
        if self._noisy:
            return
        calls = self._calls()
        first, again = self._scorer.pay_now(calls), self._scorer.pay_now(calls)
        answers.again = self._repeated(calls, first, [[paid] for paid in again])
        if any(repeated.differs for repeated in answers.again):
            self._noisy = True
            return
        backwards = self._scorer.pay_now(calls[::-1])[::-1]
        alone = [self._scorer.pay_now([call]) for call in calls[: self._rows]]
        alone += [[] for _ in calls[self._rows :]]
        others = [[one, *payments] for one, payments in zip(backwards, alone, strict=True)]
        answers.company = self._repeated(calls, first, others)

    def _repeated(
        self, calls: Sequence[tuple[int, str]], first: Sequence[Paid], others: Sequence[Sequence[Paid]]
    ) -> list[Repeated]:
        levels = {level.row: level for level in self._levels}
        return [
            Repeated(levels[row], text, paid, more)
            for (row, text), paid, more in zip(calls, first, others, strict=True)
        ]

    def _turned(self, answers: Answers) -> None:
        """Groups, and the same groups turned around, up to the first that is paid otherwise."""
        if self._noisy:
            return
        levels = {level.row: level for level in self._levels}
        for row, text in self._calls():
            straight, turned = self._scorer.pay_group((row, text)), self._scorer.pay_group((row, text), turned=True)
            answers.turned.append((Probe(levels[row], text, straight[0]), straight, turned[::-1]))
            if not all(map(same, straight, turned[::-1])):
                return

    def _remembered(self, answers: Answers) -> None:
        """A completion under its own row and another, once with this and once with that one first."""
        levels = [level for level in self._levels if level.known][: self._rows]  # what is remembered hides the scale
        pairs = ((a, b) for a, b in pairwise(levels) if normalized(a.answer) != normalized(b.answer))
        pair = next(pairs, None)
        if pair is None or self._noisy or self._scorer.restart_seconds > LONG_LOAD:
            return
        level, other = pair
        text = level.golden_text
        here, there = (self._scorer.pay_now([(row, text)])[0] for row in (level.row, other.row))
        self._scorer.restart()
        there_first, here_last = (self._scorer.pay_now([(row, text)])[0] for row in (other.row, level.row))
        answers.remembered = [Repeated(level, text, here_last, [here]), Repeated(other, text, there_first, [there])]

    def _leaks(self, answers: Answers) -> None:
        """The same episode in a fresh process and after others."""
        if self._scorer.restart_seconds <= LONG_LOAD:
            answers.leaks = ask_leaks(self._scorer, self._levels)
        else:
            answers.skipped.append(
                "state that one episode leaves to the next, since loading the environment takes long"
            )

    def _missing(self, answers: Answers) -> None:
        """A row whose ground truth is missing, empty or unparseable."""
        level = next(iter(self._measurable), None)
        if level is None or self._scorer.target.framework == "game":
            return
        wrap = self._form.wrap
        texts = list(dict.fromkeys(["", "None", "null", "I do not know.", wrap(""), wrap("None")]))
        for name, value in MISSING.items():
            row = _without_truth(self._scorer.rows[level.row], value)
            if row is None:
                return
            paid = self._scorer.pay_now([(row, text) for text in texts])
            answers.missing[name] = [Probe(level, text, one, row) for text, one in zip(texts, paid, strict=True)]

    def _keys(self, answers: Answers) -> None:
        """The keys of the dicts that are returned for right, wrong and empty answers."""
        answers.keys = sorted({paid.keys for paid in self._scorer.pay(self._calls()) if paid.keys})

    def _shifted(self, answers: Answers) -> None:
        """Right and wrong answers in turn in one batch, and the same behind an unparseable one, up to a shift."""
        levels = self._measurable[: 2 * FEW]
        if not self._scorer.is_batched or self._noisy or len(levels) < FEW:
            return
        calls = [
            (level.row, level.floor_text if place % 2 else level.golden_text) for place, level in enumerate(levels)
        ]
        without = self._scorer.pay_now(calls)
        for text in UNPARSEABLE:
            behind = self._scorer.pay_now([(levels[-1].row, text), *calls])
            if _is_shifted(without, behind):
                pairs = zip(levels, calls, behind[1:], strict=True)
                answers.shifted = [Probe(level, call[1], paid) for level, call, paid in pairs]
                return

    def _chat(self, answers: Answers) -> None:
        """Right answers under rows whose prompt is a list of messages, behind one whose prompt is a text.

        That one keeps the completions texts, as TRL hands over a batch by its first row.
        """
        levels = self._measurable[:FEW]
        rows = [self._scorer.rows[level.row] for level in levels]
        if self._scorer.target.framework not in EITHER_PROMPT or not levels or any(row.is_chat for row in rows):
            return
        chats = [(_as_chat(row), level.golden_text) for row, level in zip(rows, levels, strict=True)]
        calls = self._scorer.calls
        first, *paid = self._scorer.pay_now([(levels[0].row, levels[0].golden_text), *chats])
        if self._scorer.calls - calls == 1 + len(chats) and (levels[0].share(first.value) or 0.0) > HALF:
            asked = zip(levels, chats, paid, strict=True)
            answers.chat = [Probe(level, text, payment, row) for level, (row, text), payment in asked]

    def _evaluated(self, answers: Answers) -> None:
        """Answers that are Python, up to the first that is run in the reward's process."""
        answers.evaluated = [Probe(*marked) for marked in ask_canary(self._scorer, self._levels, self._form)]

    def _calls(self) -> list[tuple[int, str]]:
        levels = self._levels[: self._rows]
        golden = [(level.row, level.golden_text) for level in levels]
        wrong = [(level.row, level.floor_text) for level in levels]
        return list(dict.fromkeys([*golden, *wrong, *((level.row, "") for level in levels)]))


def all_flat(levels: Sequence[Level]) -> bool:
    """Whether right and wrong answers are paid alike wherever both are known."""
    widths = [(level.golden or 0.0) - (level.floor or 0.0) for level in levels if level.known]
    return bool(widths) and all(abs(width) <= SAME for width in widths)


def same(one: Paid, other: Paid) -> bool:
    """Whether two payments are the same, but for rounding."""
    if one.value is None or other.value is None or math.isnan(one.value) or math.isnan(other.value):
        return (one.value is None) == (other.value is None)
    return one.value == other.value or abs(one.value - other.value) <= SAME * max(1.0, abs(one.value))


def _is_shifted(without: Sequence[Paid], behind: Sequence[Paid]) -> bool:
    """Whether payments behind another one are those of a neighbour: one place too early, or one too late."""
    early, in_place, late = behind[:-1], behind[1:], behind[2:]
    if all(map(same, in_place, without)):
        return False
    return all(map(same, early, without)) or all(map(same, late, without[:-1]))


def _as_chat(row: Row) -> Row:
    """The row with its prompt as a user's message, also in its columns."""
    columns = dict(row.columns)
    if "prompt" in columns:
        columns["prompt"] = [{"role": "user", "content": row.text}]
    return replace(row, prompt=({"role": "user", "content": row.text},), columns=columns)


def _without_truth(row: Row, value: Any) -> Row | None:
    """The row with its ground truth replaced; None if it has no column that looks like one."""
    columns = dict(row.columns)
    names = [name for name in (*TRUTHS, *TESTS) if name in columns]
    for name in names:
        columns[name] = value
    section = columns.get("reward_model")
    if isinstance(section, Mapping) and "ground_truth" in section:
        columns["reward_model"] = {**section, "ground_truth": value}
        names.append("reward_model")
    return replace(row, columns=columns) if names else None
