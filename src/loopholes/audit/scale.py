"""The payments of right and wrong answers on each row: the scale that attacks are measured on.

The *honest floor* of a row is the payment of an honest wrong answer, which is well-formed, so that credit for form
alone is not a gap. It is another row's golden completion, whose answer differs; or the row's own with another row's
answer in it, if that is paid more (then whatever identifies the row, such as an id, is right). If no other row can lend
an answer, it is the better paid of an empty completion and the golden one with a wrong answer in it. A column ``floor``
in the data overrides all of that.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property, lru_cache
from operator import mul
from typing import Any, NamedTuple

import numpy as np

from loopholes.audit.budget import Budget, Stage
from loopholes.audit.choices import same_option
from loopholes.audit.form import Form
from loopholes.audit.frameworks.base import Paid, Row
from loopholes.audit.gold.answer import answer_of
from loopholes.audit.gold.json_objects import record_of
from loopholes.audit.gold.mutants import mutants
from loopholes.audit.gold.tagged_calls import list_of_blocks
from loopholes.audit.results import Attempt, Gap
from loopholes.audit.scorer import Scorer
from loopholes.rewards import number
from loopholes.stats import Estimate, over_tasks, share_over_tasks

DONORS = 3
"""Wrong answers per row: with several, one that happens to be right does not decide."""
COMMON = 4
"""How many of the most common answers are tried as the data's prior."""
SAME = 1e-9
"""Rewards, and scores of the truth, that differ by no more than this are the same."""
HALF = 0.5
"""A completion that earns more than this share of the scale is paid rather like a right answer than a wrong one."""
FULL = 0.9
"""A completion that earns at least this share of the scale is paid like the right answer."""

Truth = Callable[[Sequence[Row], Sequence[str]], list[float | None]]
"""Ground truth: maps rows and completions to a correctness in [0, 1]; None where it cannot be judged."""


@dataclass(frozen=True)
class Level:
    """The scale of one row, by the row's place. ``golden`` and ``floor`` are rewards; None where unknown.

    ``other`` is another name of the right ``answer``: the letter or the text of a multiple choice's option.
    """

    row: int
    golden: float | None
    floor: float | None
    floor_text: str
    answer: str
    golden_text: str
    other: str = ""

    @cached_property
    def name(self) -> str:
        """The right answer as answers are compared (:func:`normalized`); empty if it is unknown."""
        return normalized(self.answer)

    @cached_property
    def right(self) -> frozenset[str]:
        """The right answer's names as answers are compared (:func:`normalized`); empty if it is unknown."""
        return frozenset(normalized(name) for name in (self.answer, self.other) if name)

    @cached_property
    def width(self) -> float | None:
        """Golden minus floor; None if there is no signal to measure on."""
        if self.golden is None or self.floor is None or not math.isfinite(self.golden - self.floor):
            return None
        return self.golden - self.floor if self.golden - self.floor > SAME else None

    @property
    def is_paid(self) -> bool:
        """Whether golden and floor are finite rewards."""
        return self.golden is not None and self.floor is not None and math.isfinite(self.golden - self.floor)

    def share(self, reward: float | None) -> float | None:
        """A reward above the floor, as a share of golden minus floor; not clipped. None without a scale."""
        if reward is None or self.width is None or self.floor is None or math.isnan(reward):
            return None
        return (reward - self.floor) / self.width


def levels_of(
    scorer: Scorer,
    form: Form,
    truth: Truth | None,
    seed: int,
    rows: range,
    *,
    budget: Budget | None = None,
    stage: Stage = "scale",
) -> list[Level]:
    """The scales of a range of the rows that have a golden completion, counted among those rows.

    There are fewer if the stage is over, or if the data has fewer such rows. Wrong answers may come from any row.
    """
    budget = budget or Budget()
    golden_rows = {place: row for place, row in enumerate(scorer.rows) if row.golden is not None}
    answers = {place: _answer(row, form) for place, row in golden_rows.items()}
    wanted = list(golden_rows)[rows.start : rows.stop]
    levels: list[Level] = []
    while len(levels) < len(wanted) and not (len(levels) > 1 and budget.is_over(stage)):
        size = max(1, scorer.chunk // (1 + 2 * DONORS))
        places = wanted[len(levels) : len(levels) + size]
        donors = {place: _donors(place, golden_rows, answers, truth, seed, form) for place in places}
        golden = scorer.pay([(place, golden_rows[place].golden or "") for place in places])
        scorer.pay([(place, text) for place, kinds in donors.items() for texts in kinds for text in texts])
        for place, right in zip(places, golden, strict=True):
            floor, text = _floor(scorer, place, donors[place])
            row, answer = golden_rows[place], answers[place]
            other = same_option(answer, row.text)
            levels.append(Level(place, right.value, floor, text, answer, row.golden or "", other))
    return levels


def _answer(row: Row, form: Form) -> str:
    """The answer alone: what the form encloses, or the value of the row's truth that a sentence without marks names."""
    answer = answer_of(row, form)
    return answer.text if answer else ""


def _floor(scorer: Scorer, place: int, kinds: Sequence[Sequence[str]]) -> tuple[float | None, str]:
    """The payment of a row's wrong answers, with its text: the median of each kind, and the larger of the kinds."""
    best: tuple[float | None, str] = (None, "")
    for kind in kinds:
        paid = [payment.value for payment in scorer.pay([(place, text) for text in kind])]
        finite = sorted(
            (value, text) for value, text in zip(paid, kind, strict=True) if value is not None and math.isfinite(value)
        )
        if finite and (best[0] is None or finite[(len(finite) - 1) // 2][0] > best[0]):
            best = finite[(len(finite) - 1) // 2]
    return best


def _donors(
    place: int, golden_rows: Mapping[int, Row], answers: Mapping[int, str], truth: Truth | None, seed: int, form: Form
) -> list[list[str]]:
    """Two kinds of wrong answers: golden completions of other rows, and this row's own with their answers in it.

    Rows that state the same task, or have an equal answer, may be right and lend nothing. If no row is left, an empty
    completion and the golden one with a wrong answer replace them: proved wrong, or corrupted if nothing can be proved.
    """
    row = golden_rows[place]
    if row.floor is not None:
        return [[row.floor]]
    rng = np.random.default_rng([seed, place])
    lenders = [
        other
        for other in golden_rows
        if normalized(answers[other]) != normalized(answers[place]) and not same_task(row, golden_rows[other])
    ]
    picked = [lenders[int(at)] for at in rng.permutation(len(lenders))[: 4 * DONORS]]
    wrong = _wrong(row, [golden_rows[other].golden or "" for other in picked], truth)[:DONORS]
    swaps = [text for other in picked if (text := swapped(row, answers[place], golden_rows[other], answers[other]))]
    if not wrong:
        proved = mutants(row, form)[: 4 * DONORS]
        return [[""], _wrong(row, proved or [corrupted(row.golden or "")], truth)[:DONORS]]
    return [wrong, _wrong(row, swaps, truth)[:DONORS]]


def same_task(row: Row, other: Row) -> bool:
    """Whether two rows ask the same question about the same material, so that they share right answers."""
    return row.text == other.text and _material(row) == _material(other)


def _material(row: Row) -> dict[str, Any]:
    """The columns that make up a row's task: all except completions and row numbers."""
    return _without_numbers(row.columns)


def _without_numbers(columns: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that do not just number the row; those that are records, such as verl's ``extra_info``, by field."""
    return {
        name: _without_numbers(value) if isinstance(value, Mapping) else value
        for name, value in columns.items()
        if not _ASIDE.fullmatch(name)
    }


_ASIDE = re.compile(r"golden|floor|prompt|index|idx|row|uid|(?:\w+_)?id", re.IGNORECASE)


def _wrong(row: Row, texts: Sequence[str], truth: Truth | None) -> list[str]:
    """The texts that are wrong by the truth; all that differ from the golden completion if there is no truth."""
    different = [text for text in dict.fromkeys(texts) if text != row.golden]
    if truth is None or not different:
        return different
    right, *scores = truth([row] * (len(different) + 1), [row.golden or "", *different])
    return [text for text, score in zip(different, scores, strict=True) if score is not None and score < (right or 1.0)]


def swapped(row: Row, answer: str, other: Row, other_answer: str) -> str | None:
    """A row's golden completion with another row's answer in it; None if the answer cannot be located."""
    golden = row.golden or ""
    own, theirs = record_of(golden), record_of(other.golden or "")
    if own and theirs:
        prompt_record = record_of(row.text[row.text.find("{") : row.text.rfind("}") + 1])
        new = {key: value for key, value in own.items() if key not in prompt_record or prompt_record[key] != value}
        changed = {key: theirs[key] for key in new if key in theirs}
        return json.dumps({**own, **changed}) if prompt_record and changed else None
    if not answer or answer == golden.strip() or answer not in golden:
        return None
    alone = rf"(?<!\w)(?<!\d[.,]){re.escape(answer)}(?!\w|[.,]\d)"
    text = re.sub(alone, lambda _: other_answer, golden)  # everywhere, since reasoning often names the answer, too
    if text != golden:
        return text
    head, _, tail = golden.rpartition(answer)
    return f"{head}{other_answer}{tail}"


@lru_cache(maxsize=4096)
def normalized(answer: str) -> str:
    """An answer in the form in which answers are compared: a number's value, or text without case and outer signs.

    ``0``, ``0.0`` and ``-0`` are one answer; so are ``1,000`` and ``1000``, or ``1/2``, ``\\frac{1}{2}`` and ``.5``, or
    ``(B)`` and ``B``.
    """
    text = re.sub(r"\s+", " ", answer.strip().strip("$").rstrip(".").strip().lower())
    text = re.sub(r"^\(([a-z])\)$", r"\1", text)
    value = number(text)
    return text if value is None else str(value)


def corrupted(text: str) -> str:
    """A golden completion with its digits changed and its words reversed, but with its tags and commands."""
    return _CORRUPTED.sub(lambda match: _corrupted(match[0]), text)


_CORRUPTED = re.compile(r"</?[A-Za-z_][\w-]*>|\\[A-Za-z]+|[^\W\d_]{3,}|\d")


def _corrupted(piece: str) -> str:
    if piece[0] in "<\\":
        return piece
    return str((int(piece) + 1) % 10) if piece.isdecimal() else piece[::-1]


def gap_of(
    attack: str, family: str, levels: Sequence[Level], paid: Sequence[Paid | None], *, right: int = 0, tried: int = 1
) -> Gap:
    """The gap of an attack over the rows on which it was tried.

    ``paid`` holds None for rows on which it was not tried, or is right. The interval is valid for the largest gap of
    ``tried`` attacks (Bonferroni).
    """
    scored = [(level, payment) for level, payment in zip(levels, paid, strict=True) if payment is not None]
    shares = [level.share(payment.value) or 0.0 for level, payment in scored if level.width is not None]
    problems = sum(bool(payment.problem) for _, payment in scored)
    finite, sure = [min(max(share, -1e6), 1e6) for share in shares], 1 - 0.05 / tried
    over = share_over_tasks([float(share > 0.5) for share in finite], level=sure)
    widths = [level.width for level, _ in scored if level.width is not None]
    total = math.fsum(map(mul, finite, widths)) / math.fsum(widths) if widths else 0.0
    gap = over_tasks(finite, level=sure, most=max([1.0, *finite]))
    return Gap(attack, family, gap, over, len(finite), problems, right, total)


def mean_of(values: Sequence[float | None]) -> Estimate:
    """The mean reward over rows."""
    return over_tasks([value for value in values if value is not None and math.isfinite(value)])


class Prior(NamedTuple):
    """A common answer as the answer to every row: the completion, its payments by row, and the rows it is right on."""

    text: str
    paid: Mapping[int, Paid]
    right: AbstractSet[int]


def ask_priors(scorer: Scorer, levels: Sequence[Level], correctness: Correctness) -> dict[str, Prior]:
    """Give each common answer to all of these rows that have payments of a right and a wrong answer."""
    rows = [level.row for level in levels if level.is_paid]
    return {
        answer: Prior(
            text,
            dict(zip(rows, scorer.pay([(row, text) for row in rows]), strict=True)),
            correctness.right({row: Attempt(text) for row in rows}),
        )
        for answer, text in common_answers([level for level in levels if level.is_paid]).items()
    }


def common_answers(levels: Sequence[Level]) -> dict[str, str]:
    """The most common answers that several rows share, each with a golden completion that gives it."""
    common = Counter(level.name for level in levels).most_common(COMMON)
    texts = {level.name: level.golden_text for level in reversed(levels)}
    return {answer: texts[answer] for answer, count in common if count > 1}


class Correctness:
    """Decides on which rows attempts happen to be right: by the truth, or because they give the golden answer."""

    def __init__(self, rows: Sequence[Row], levels: Sequence[Level], form: Form, truth: Truth | None) -> None:
        self._rows = rows
        self._levels = {level.row: level for level in levels}
        self._form = form
        self._truth = truth
        self._golden_scores: dict[int, float] = {}

    def add(self, levels: Sequence[Level]) -> None:
        """Add the scales of further rows."""
        self._levels |= {level.row: level for level in levels}

    def right(self, attempts: Mapping[int, Attempt]) -> set[int]:
        """The rows whose attempts are as right as their golden completions."""
        right = {row for row, attempt in attempts.items() if self._is_golden(attempt, self._levels[row])}
        if self._truth is not None and attempts:
            needed = self._scores_of_golden(self._truth, list(attempts))
            scores = self._truth([self._rows[row] for row in attempts], [attempt.text for attempt in attempts.values()])
            scored = zip(attempts, scores, strict=True)
            right |= {row for row, score in scored if score is not None and score >= needed[row] - SAME}
        return right

    def _is_golden(self, attempt: Attempt, level: Level) -> bool:
        answers = (attempt.answer, list_of_blocks(attempt.text) or self._form.read(attempt.text))
        return any(answer is not None and normalized(answer) in level.right for answer in answers)

    def _scores_of_golden(self, truth: Truth, rows: Sequence[int]) -> Mapping[int, float]:
        """The truth's scores of these rows' golden completions; 1 where it gives none."""
        new = [row for row in rows if row not in self._golden_scores]
        if new:
            scores = truth([self._rows[row] for row in new], [self._levels[row].golden_text for row in new])
            for row, score in zip(new, scores, strict=True):
                self._golden_scores[row] = 1.0 if score is None or not self._levels[row].golden_text else score
        return self._golden_scores
