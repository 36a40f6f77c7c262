"""The contract's checks: calls that any reward should survive. :mod:`loopholes.audit.contract` judges the answers.

Each check makes only the calls that it needs. A check that an earlier answer made pointless is skipped in silence; one
that there is no time for is reported as skipped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, NamedTuple

from loopholes.audit.answers import TRUTHS
from loopholes.audit.budget import LOOKED_AT, Budget
from loopholes.audit.canary import ask_canary
from loopholes.audit.episodes.leaks import Leak, ask_leaks
from loopholes.audit.form import Form
from loopholes.audit.frameworks.base import Paid, Row
from loopholes.audit.programs import TESTS
from loopholes.audit.scale import HALF, SAME, Level
from loopholes.audit.scorer import Scorer

LONG_LOAD = 5.0
"""A reward that took longer to load (seconds) is not loaded again for a check."""
FEW = 4
"""Minimum number of rows for a check of batches or prompts."""
UNPARSEABLE = ("", "???")
"""Completions from which no reward can read an answer."""
EITHER_PROMPT = ("plain", "trl")
"""Frameworks that pass prompts on as text or as messages, whichever the data has."""
MISSING: Mapping[str, Any] = {"None": None, "empty": "", "unparseable": "???"}
"""Values that replace a row's ground truth, by their names in messages."""


class Probe(NamedTuple):
    """One completion of a check, and its payment. ``row`` is the row it was scored under, if not the level's own."""

    level: Level
    text: str
    paid: Paid
    row: Row | None = None

    @property
    def share(self) -> float | None:
        """The payment as a share of the scale; None without a payment or a scale."""
        return self.level.share(self.paid.value)


class Repeated(NamedTuple):
    """One completion with its ``first`` payment, and its payments in other circumstances."""

    level: Level
    text: str
    first: Paid
    repeats: Sequence[Paid]

    @property
    def differs(self) -> bool:
        """Whether any repeat was paid differently."""
        return not all(same(self.first, repeat) for repeat in self.repeats)


@dataclass
class Answers:
    """The answers to each check; empty for checks that were skipped.

    - ``again``: completions scored twice; ``company``: the same in another order and alone.
    - ``turned``: probes with the payments of their group, and of the same group in reverse order.
    - ``remembered``: completions under one row, before and after the same text under another row.
    - ``missing``: completions under rows without a ground truth, by what replaces it.
    - ``keys``: keys of the returned dicts.
    - ``shifted``: completions that got a neighbour's payment after an unparseable one in the same batch.
    - ``chat``: right answers under rows whose prompt is a list of messages.
    - ``evaluated``: a completion that was executed.
    - ``leaks``: episodes that earlier episodes changed.
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
    """Makes the calls that the contract is judged by, on at most ``rows`` rows.

    ``noisy``: the user says that the reward is not deterministic. A reward that is declared noisy, or turns out to be,
    skips the checks that no noisy reward can pass.
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
        """Run every check, until time runs out."""
        answers = Answers()
        in_groups = self._scorer.companions is not None
        checks: dict[str, Callable[[Answers], None]] = {
            "steady": self._turned if in_groups else self._steady,
            "cached text": self._remembered,
            "missing truth": self._missing,
            "manners": self._keys,
            "unparseable in a batch": self._shifted,
            "chat prompt": self._chat,
            "evaluated answers": self._evaluated,
        }
        if self._scorer.turns > 1:  # first, since every payment depends on what is left to the next episode
            del checks["cached text"]
            checks = {"earlier episodes": self._leaks, **checks}
        inapplicable, late = list[str](), list[str]()
        for name, check in checks.items():
            if in_groups and check in (self._remembered, self._missing, self._shifted, self._chat):
                inapplicable.append(name)
            elif budget.is_over("contract"):
                late.append(name)
            else:
                check(answers)
        if inapplicable:
            answers.skipped.append(f"checks of rewards that do not read their group: {', '.join(inapplicable)}")
        if late:
            answers.skipped.append(f"checks of the contract, for lack of time: {', '.join(late)}")
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
        repeats = [[payment, *payments] for payment, payments in zip(backwards, alone, strict=True)]
        answers.company = self._repeated(calls, first, repeats)

    def _repeated(
        self, calls: Sequence[tuple[int, str]], first: Sequence[Paid], repeats: Sequence[Sequence[Paid]]
    ) -> list[Repeated]:
        levels = {level.row: level for level in self._levels}
        return [
            Repeated(levels[row], text, paid, more)
            for (row, text), paid, more in zip(calls, first, repeats, strict=True)
        ]

    def _turned(self, answers: Answers) -> None:
        """Groups, and the same groups in reverse order, up to the first that is paid differently."""
        if self._noisy:
            return
        levels = {level.row: level for level in self._levels}
        for row, text in self._calls():
            straight, turned = self._scorer.pay_group((row, text)), self._scorer.pay_group((row, text), turned=True)
            answers.turned.append((Probe(levels[row], text, straight[0]), straight, turned[::-1]))
            if not all(map(same, straight, turned[::-1])):
                return

    def _remembered(self, answers: Answers) -> None:
        """A completion under its own row and another, in both orders."""
        # Rows without a scale count, too: what the reward remembers may be what hides their scale.
        levels = [level for level in self._levels if level.is_paid][: self._rows]
        pairs = ((a, b) for a, b in pairwise(levels) if a.name != b.name)
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
        texts = self._returning(["", "None", "null", "I do not know.", wrap(""), wrap("None")])
        for name, value in MISSING.items():
            row = _without_truth(self._scorer.rows[level.row], value)
            if row is None:
                return
            paid = self._scorer.pay_now([(row, text) for text in texts])
            answers.missing[name] = [
                Probe(level, text, payment, row) for text, payment in zip(texts, paid, strict=True)
            ]

    def _keys(self, answers: Answers) -> None:
        """The keys of the dicts returned for right, wrong and empty answers."""
        answers.keys = sorted({paid.keys for paid in self._scorer.pay(self._calls()) if paid.keys})

    def _shifted(self, answers: Answers) -> None:
        """A batch of alternating right and wrong answers, alone and after an unparseable one, until payments shift."""
        levels = self._measurable[: 2 * FEW]
        if not self._scorer.is_batched or self._noisy or len(levels) < FEW:
            return
        calls = [
            (level.row, level.floor_text if place % 2 else level.golden_text) for place, level in enumerate(levels)
        ]
        without = self._scorer.pay_now(calls)
        for text in self._returning(UNPARSEABLE):
            after = self._scorer.pay_now([(levels[-1].row, text), *calls])
            if _is_shifted(without, after):
                pairs = zip(levels, calls, after[1:], strict=True)
                answers.shifted = [Probe(level, call[1], paid) for level, call, paid in pairs]
                return

    def _chat(self, answers: Answers) -> None:
        """Right answers under rows whose prompt is a list of messages, after one whose prompt is a text.

        The first row keeps the completions plain text, since TRL formats a batch by its first row.
        """
        levels = self._measurable[:FEW]
        rows = [self._scorer.rows[level.row] for level in levels]
        if self._scorer.target.framework not in EITHER_PROMPT or not levels or any(row.is_chat for row in rows):
            return
        chats = [(_as_chat(row), level.golden_text) for row, level in zip(rows, levels, strict=True)]
        calls = self._scorer.calls
        first, *paid = self._scorer.pay_now([(levels[0].row, levels[0].golden_text), *chats])
        if self._scorer.calls - calls == 1 + len(chats) and (levels[0].share(first.value) or 0.0) > HALF:
            scored = zip(levels, chats, paid, strict=True)
            answers.chat = [Probe(level, text, payment, row) for level, (row, text), payment in scored]

    def _evaluated(self, answers: Answers) -> None:
        """Answers that are Python code, up to the first that runs in the reward's process."""
        answers.evaluated = [Probe(*marked) for marked in ask_canary(self._scorer, self._levels, self._form)]

    def _calls(self) -> list[tuple[int, str]]:
        levels = self._levels[: self._rows]
        golden = [(level.row, level.golden_text) for level in levels]
        wrong = [(level.row, level.floor_text) for level in levels]
        empty = [(level.row, text) for text in self._returning([""]) for level in levels]
        return list(dict.fromkeys([*golden, *wrong, *empty]))

    def _returning(self, texts: Sequence[str]) -> list[str]:
        """These texts, each once, without those from which the reward did not return before."""
        return [text for text in dict.fromkeys(texts) if not self._scorer.is_late_on(text)]


def all_flat(levels: Sequence[Level]) -> bool:
    """Whether right and wrong answers are paid alike on every row where both have a payment."""
    widths = [(level.golden or 0.0) - (level.floor or 0.0) for level in levels if level.is_paid]
    return bool(widths) and all(abs(width) <= SAME for width in widths)


def same(first: Paid, second: Paid) -> bool:
    """Whether two payments are equal up to rounding."""
    if first.value is None or second.value is None or math.isnan(first.value) or math.isnan(second.value):
        return (first.value is None) == (second.value is None)
    return first.value == second.value or abs(first.value - second.value) <= SAME * max(1.0, abs(first.value))


def _is_shifted(without: Sequence[Paid], after: Sequence[Paid]) -> bool:
    """Whether payments after an extra completion belong to a neighbour: one place too early, or one too late."""
    early, in_place, late = after[:-1], after[1:], after[2:]
    if all(map(same, in_place, without)):
        return False
    return all(map(same, early, without)) or all(map(same, late, without[:-1]))


def _as_chat(row: Row) -> Row:
    """The row with its prompt as a user message, in its columns, too."""
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
