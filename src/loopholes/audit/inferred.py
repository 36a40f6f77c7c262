"""Right completions for data that has only answers: trial and error finds the form in which the reward pays them.

Candidates are the forms that the prompt asks for and those that graders usually read, filled with a column's answer.
Each is scored on a few rows with the row's own answer and with another row's. The form wins whose right answers earn
most above wrong ones, unless most of them are paid like wrong ones, and little. If right and wrong are paid alike in
every form, and well, the best paid form wins, so that a reward that pays everything does not pass.

**Lists.** The elements of a list in a column may be one answer together, or alternatives. If the reward pays the first
element like the whole list, another payment tells them apart: that of the first element beside another row's. If it is
lower, the reward reads all that a completion lists, so the list is the answer, and to pay a part of it like the whole
is a fault (:mod:`loopholes.audit.part_paid`). Otherwise the reward reads one of several answers, and the first element
is taken for the answer.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, variance
from typing import NamedTuple

from loopholes.audit.answers import Answer, answers_of
from loopholes.audit.budget import Budget
from loopholes.audit.candidates import Candidate, candidates_of
from loopholes.audit.checks import LONG_LOAD
from loopholes.audit.frameworks.base import Paid, Row
from loopholes.audit.results import ASSUMED, NONE_ASSUMED
from loopholes.audit.scale import corrupted, normalized
from loopholes.audit.scorer import Scorer

UNPAID = "The golden completions of the data or of --golden are paid like wrong ones, and were not used"
ROWS = 8
"""Maximum number of rows on which forms are compared."""
FIRST_ROWS = 2
"""Rows on which every form is tried before most forms are dropped."""
FINALISTS = 16
"""Maximum number of forms that are compared on all of these rows."""
ALIKE = 0.5
"""A reward that pays right and wrong answers alike pays for everything only if it pays at least this much."""
CLEAR = 1e-6
"""Smallest difference of mean rewards that tells right from wrong."""
JSON = " as JSON"
FIRST = ("[0]", f"[0]{JSON}")
"""Ends of the sources of a list's first element, a text or an object (:mod:`loopholes.audit.answers`)."""
WHOLE: Mapping[str, Mapping[str, Callable[[Sequence[str]], str]]] = {
    FIRST[0]: {" with commas": ", ".join, " with spaces": " ".join},
    FIRST[1]: {JSON: lambda elements: f"[{', '.join(elements)}]"},
}
"""Ends of the sources of whole lists, and how they are written, by the end of the source of their first element."""
SHOWN = 60
"""Maximum number of characters of an assumed right answer that the report shows."""
ASIDE = 0.1
"""Another element is read if it costs more than this share of what a right answer earns above a wrong one."""


class Trial(NamedTuple):
    """A form with one reading of the answers, and the rewards of right and wrong answers by row."""

    candidate: Candidate
    source: str
    right: Sequence[float]
    wrong: Sequence[float]

    @property
    def rank(self) -> tuple[float, float]:
        """How much more right answers are paid than wrong ones, then how much they are paid."""
        right, wrong = fmean(self.right), fmean(self.wrong) if self.wrong else 0.0
        return round(right - wrong, 6), round(right, 6)

    @property
    def count_paid(self) -> int:
        """The number of rows on which the right answer is paid more than wrong ones are on average."""
        wrong = fmean(self.wrong) if self.wrong and self.rank[0] > CLEAR else -math.inf
        return sum(value > wrong for value in self.right)

    @property
    def count_refused(self) -> int:
        """The number of rows that pay the right answer like the wrong one, and less than the best: its form may differ.

        If a row pays the right answer less than the wrong one, or both in full, it reads the form, and is at fault.
        0 if some payments are missing, since rows cannot be compared then.
        """
        if len(self.right) != len(self.wrong):
            return 0
        best = max(self.right) - CLEAR
        return sum(own < best and abs(own - other) <= CLEAR for own, other in zip(self.right, self.wrong, strict=True))


class Alone(NamedTuple):
    """First elements of a column's lists that are paid like the whole lists: completions and payments by place of row.

    ``is_part``: the whole list was taken for the right answer. Otherwise its first element was.
    """

    column: str
    texts: Mapping[int, str]
    paid: Mapping[int, Paid]
    is_part: bool


@dataclass(frozen=True)
class Assumed:
    """Rows with assumed golden completions, and a sentence that says so.

    ``is_filled``: any golden completions could be assumed. ``clear``: in the assumed form, right answers are paid more
    than wrong ones. ``alone``: first elements that are paid like whole lists; None if there are none, or if the
    elements of each list have one value. ``source``: the column of the answers; empty if none could be assumed.
    """

    rows: Sequence[Row]
    note: str
    is_filled: bool
    clear: bool = False
    alone: Alone | None = None
    source: str = ""


def is_unpaid(scorer: Scorer) -> bool:
    """Whether golden completions are paid no more than other rows' completions on each of a few rows."""
    golden = {place: row.golden for place, row in enumerate(scorer.rows) if row.golden is not None}
    places = list(golden)[:ROWS]
    other_texts = {
        place: next((text for other, text in golden.items() if other > place and text != golden[place]), golden[place])
        for place in places
    }
    right = [paid.value for paid in scorer.pay([(place, golden[place]) for place in places])]
    wrong = [paid.value for paid in scorer.pay([(place, other_texts[place]) for place in places])]
    pairs = zip(right, wrong, strict=True)
    return all(own is not None and other is not None and own <= other + CLEAR for own, other in pairs)


def assume_golden(scorer: Scorer, budget: Budget) -> Assumed:
    """Assume golden completions for the scorer's rows, none of which has one."""
    rows = scorer.rows
    answers = [answers_of(row) for row in rows]
    sources = _sources(answers)
    if not sources:
        return Assumed(rows, f"{NONE_ASSUMED}no column holds an answer", False)
    trials, forms = _trials(scorer, answers, sources, budget)
    best = _best(trials, noisy=scorer.repeats > 1)
    best, alone = (None, None) if best is None else _whole_or_first(scorer, answers, best)
    if scorer.restart_seconds <= LONG_LOAD:
        scorer.restart()  # a reward that remembers texts should forget these
    if best is None or (best.rank[0] <= CLEAR and best.rank[1] < ALIKE):
        note = (
            f"{NONE_ASSUMED}in none of {forms} forms is the right answer ({' or '.join(sources[:4])}) paid more than "
        )
        return Assumed(rows, note + "another row's answer", False)
    if best.rank[0] > CLEAR and scorer.repeats == 1 and 2 * best.count_refused > len(best.right):
        note = (
            f"{NONE_ASSUMED}of {forms} forms, '{best.candidate.shown}' fits best, and in it the right answer "
            f"({best.source}) is paid like another row's on {best.count_refused} of {len(best.right)} rows"
        )
        return Assumed(rows, note, False)
    column, first = _list_of(best.source) or ("", "")
    only = f"{column}{first}"  # of a list with one element
    texts = [readings.get(best.source, readings.get(only)) for readings in answers]
    filled = [
        replace(row, golden=None if answer is None else best.candidate.write(row, answer.text))
        for row, answer in zip(rows, texts, strict=True)
    ]
    example = next(row.golden for row in filled if row.golden is not None)
    return Assumed(filled, _note(best, example), True, best.rank[0] > CLEAR, alone, best.source)


def _best(trials: Sequence[Trial], *, noisy: bool) -> Trial | None:
    """The trial that ranks highest. Of equals, the first wins: the prompt's own form, then the simplest.

    For a ``noisy`` reward, trials count as equal within two standard errors, so that luck decides nothing.
    """
    best = max(trials, key=lambda trial: trial.rank, default=None)
    if best is None or not noisy or min(len(best.right), len(best.wrong)) < 2:
        return best
    error = math.sqrt(variance(best.right) / len(best.right) + variance(best.wrong) / len(best.wrong))
    return next(trial for trial in trials if trial.rank[0] >= best.rank[0] - 2 * error)


def _list_of(source: str) -> tuple[str, str] | None:
    """The column of a source that is a list's first element or a whole list, and the end of the first element's source.

    None for all other sources.
    """
    ends = ((end, first) for first in FIRST for end in (first, *WHOLE[first]) if source.endswith(end))
    end, first = max(ends, key=lambda pair: len(pair[0]), default=("", ""))  # "[0] as JSON" ends with " as JSON", too
    return (source.removesuffix(end), first) if end else None


def _whole_or_first(scorer: Scorer, answers: Sequence[dict[str, Answer]], best: Trial) -> tuple[Trial, Alone | None]:
    """The best trial, of the whole list or of its first element, whichever is the answer if both are paid alike."""
    column, end = _list_of(best.source) or ("", "")
    needed = {f"{column}{end}" for end in (end, *WHOLE.get(end, ()), JSON)}
    lists = [place for place, readings in enumerate(answers) if needed <= readings.keys()]
    lists = [place for place in lists if _several(answers[place], column)][:ROWS]
    if not column or not lists or best.rank[0] <= CLEAR:
        return best, None
    first = _tried(scorer, answers, best.candidate, f"{column}{end}", lists)
    sources = [best.source] if best.source != f"{column}{end}" else [f"{column}{whole}" for whole in WHOLE[end]]
    wholes = [trial for source in sources if (trial := _tried(scorer, answers, best.candidate, source, lists))]
    noisy = scorer.repeats > 1
    alike = (trial for trial in wholes if trial.rank[0] > CLEAR and first and _are_alike(trial, first, noisy=noisy))
    whole = next(alike, None)
    if first is None or whole is None:
        # Lists with one element tell nothing; on the others, the list may be paid more, or its first element.
        both = [trial for trial in (first, *wholes) if trial]
        own = next((trial for trial in both if trial.source == best.source), best)
        better = max(both, key=lambda trial: trial.rank, default=own)
        return (better if better.rank[0] > own.rank[0] + CLEAR else best), None
    if all(_is_one_value(answers[place], column) for place in lists):
        return first, None
    calls = list(_calls(scorer.rows, answers, first.candidate, first.source, lists, wrong=False))
    paid = {place: payment for (place, _), payment in zip(calls, scorer.pay(calls), strict=True)}
    is_part = _reads_all(scorer, answers, first, WHOLE[end][whole.source.removeprefix(column)], lists)
    return whole if is_part else first, Alone(column, dict(calls), paid, is_part)


def _are_alike(whole: Trial, first: Trial, *, noisy: bool) -> bool:
    """Whether whole lists and first elements are paid alike on every row; within two standard errors if ``noisy``."""
    if len(whole.right) != len(first.right):
        return False
    differences = [right - alone for right, alone in zip(whole.right, first.right, strict=True)]
    if not noisy or len(differences) < 2:
        return all(abs(difference) <= CLEAR for difference in differences)
    return abs(fmean(differences)) <= CLEAR + 2 * math.sqrt(variance(differences) / len(differences))


def _several(readings: Mapping[str, Answer], column: str) -> bool:
    """Whether a list has more than one element."""
    return len(json.loads(readings[f"{column}{JSON}"].text)) > 1


def _is_one_value(readings: Mapping[str, Answer], column: str) -> bool:
    """Whether the elements of a list are spellings of one value."""
    elements = json.loads(readings[f"{column}{JSON}"].text)
    return len({normalized(str(element)) for element in elements}) == 1


def _reads_all(
    scorer: Scorer,
    answers: Sequence[dict[str, Answer]],
    first: Trial,
    joined: Callable[[Sequence[str]], str],
    places: Sequence[int],
) -> bool:
    """Whether the first element is paid clearly less beside another row's, on either side of it."""
    pairs = [(place, answers[place][first.source].text, _other(answers, first.source, place)) for place in places]
    for order in (1, -1):
        texts = [(place, joined((own, other)[::order])) for place, own, other in pairs]
        written = [(place, first.candidate.write(scorer.rows[place], text) or "") for place, text in texts]
        paid = [payment.value or 0.0 for payment in scorer.pay(written)]
        if fmean(paid) >= fmean(first.right) - ASIDE * first.rank[0]:
            return False
    return True


def _note(trial: Trial, example: str) -> str:
    """The note that says what was assumed, and why, with an example."""
    right, wrong = fmean(trial.right), fmean(trial.wrong) if trial.wrong else math.nan
    where = "" if trial.source == "answer" else f", with {trial.source} as the answer"
    excerpt = example if len(example) <= SHOWN else f"{example[:SHOWN]}…"
    return (
        f"{ASSUMED}'{trial.candidate.shown}'{where}, such as {excerpt!r} (paid {right:.3g} on average, on "
        f"{trial.count_paid} of {len(trial.right)} rows; with another row's answer {wrong:.3g}); check that this is "
        "the form you train on, or give yours with --golden"
    )


def _sources(answers: Sequence[dict[str, Answer]]) -> list[str]:
    """Readings that most rows have, the likeliest first. Columns not named like an answer need values that differ."""
    order = list(dict.fromkeys(source for readings in answers for source in readings))
    sources: dict[tuple[str, ...], str] = {}
    for source in order:
        values = [readings[source] for readings in answers if source in readings]
        texts = tuple(value.text for value in values)
        if len(values) > len(answers) / 2 and (values[0].is_named or len(set(texts)) > 1):
            sources.setdefault(texts, source)
    return list(sources.values())


def _trials(
    scorer: Scorer, answers: Sequence[dict[str, Answer]], sources: Sequence[str], budget: Budget
) -> tuple[list[Trial], int]:
    """Trials of every form on a row or two, then of the best on a few rows; and how many forms were tried."""
    places = [place for place, readings in enumerate(answers) if readings][:ROWS]
    pairs = [(candidate, source) for source in sources for candidate in candidates_of(scorer.rows[places[0]])]
    affordable = budget.affordable_calls("scale", scorer.seconds_a_call) // 2
    first = places[: FIRST_ROWS if affordable >= 2 * FIRST_ROWS * len(pairs) else 1]
    pairs = pairs[: max(2, affordable // (2 * len(first)))]
    tried = [trial for pair in pairs if (trial := _tried(scorer, answers, *pair, first)) is not None]
    most = budget.affordable_calls("scale", scorer.seconds_a_call) // (2 * len(places))
    if most < 1:
        return tried, len(pairs)
    finalists = sorted(tried, key=lambda trial: trial.rank, reverse=True)[: min(FINALISTS, most)]
    names = [
        (trial.candidate, trial.source) for trial in tried if trial in finalists
    ]  # keep the order of the candidates
    compared = (_tried(scorer, answers, *pair, places) for pair in names)
    return [trial for trial in compared if trial is not None], len(pairs)


def _tried(
    scorer: Scorer, answers: Sequence[dict[str, Answer]], candidate: Candidate, source: str, places: Sequence[int]
) -> Trial | None:
    """The trial of a form on these rows; None if it cannot be written or gets no finite reward."""
    right = list(_calls(scorer.rows, answers, candidate, source, places, wrong=False))
    wrong = list(_calls(scorer.rows, answers, candidate, source, places, wrong=True))
    paid = [payment.value for payment in scorer.pay([*right, *wrong])]
    finite = [value if value is not None and math.isfinite(value) else None for value in paid]
    own = [value for value in finite[: len(right)] if value is not None]
    other = [value for value in finite[len(right) :] if value is not None]
    return Trial(candidate, source, own, other) if own else None


def _calls(
    rows: Sequence[Row],
    answers: Sequence[dict[str, Answer]],
    candidate: Candidate,
    source: str,
    places: Sequence[int],
    *,
    wrong: bool,
) -> Iterator[tuple[int, str]]:
    """Completions of these rows in one form, with their own answers or, if ``wrong``, with other rows' answers."""
    for place in places:
        if source not in answers[place]:
            continue
        answer = answers[place][source].text
        if wrong:
            answer = _other(answers, source, place)
        text = candidate.write(rows[place], answer)
        if text is not None:
            yield place, text


def _other(answers: Sequence[dict[str, Answer]], source: str, place: int) -> str:
    """The next row's answer that differs; the row's own answer, corrupted, if all are the same."""
    own = answers[place][source].text
    following = [*answers[place + 1 :], *answers[:place]]
    texts = (readings[source].text for readings in following if source in readings)
    return next((text for text in texts if normalized(text) != normalized(own)), corrupted(own))
