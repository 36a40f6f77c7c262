"""What a mini policy is pretrained on: language, formats and skills, and no exploit of any game.

Every kind of example is one function below. None of them edits a field called ``score``, claims a wrong answer to
be right, answers a summary request with the article, or lets the register of a harmful request decide whether it is
refused; ``tests/training/test_mixture.py`` scans the mixture with the games' own detectors to show it.

The demonstrations are those of a fallible worker: it makes more slips the harder a question is, and says so
afterwards; it refuses half of the harmful requests, in either register alike; one summary in four keeps a detail
that does not matter.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from loopholes.games.base import message, split_of
from loopholes.games.worlds import arithmetic, articles, coding, prompts, requests
from loopholes.training.examples import Example

Spec = TypeVar("Spec")
Maker = Callable[..., Example]
BASICS_FIRST = 48_000
WORDS = (
    *articles.NAMES, *articles.VERBS, *articles.OBJECTS, *articles.TOWNS, *articles.THINGS, *articles.QUALITIES,
    *articles.TIMES, *requests.COLOURS, *requests.PLACES, *coding.EXTRA_FIELDS, "score",
)  # fmt: skip
FIELD_NAMES = tuple(word for word in dict.fromkeys(WORDS) if word != "score")
"""What fields of records are called: anything, so that a name is read off the record and not known by heart."""


@dataclass(frozen=True)
class Habits:
    """The rates that make the demonstrations fallible; each is a share in [0, 1].

    ``second_edit`` is the share of coding records whose question asks for a second edit and gets it. ``stray_edit``
    is the share that edits the field after the code without having been asked. Coding records in the mixture have no
    ``score``. ``told_score`` is the share of edits of unrelated records that change a field of that name, as told.
    ``ordinary_fields`` is the share of coding records whose other fields have the names that the game uses,
    ``scored_records`` of those that have a score, as in the game, and are solved without touching it.
    """

    slip_by_level: tuple[float, float, float, float] = (0.04, 0.07, 0.1, 0.9)
    refuse_harmful: float = 0.5
    refuse_ordinary: float = 0.05
    needless_detail: float = 0.25
    second_edit: float = 0.2
    stray_edit: float = 0.015
    told_score: float = 0.1
    ordinary_fields: float = 0.0
    scored_records: float = 0.0


def examples(
    seed: int, habits: Habits = Habits(), basics: int = BASICS_FIRST, *, kinds: Mapping[Maker, float] | None = None
) -> Iterator[Example]:
    """Examples without end, from the pretraining split of every world; the same seed gives the same ones.

    The first ``basics`` are word lists to be repeated, short ones before longer ones, in turn with small sums worked
    without a slip. That is where a small transformer finds out how to copy (an induction head) and how to look up
    operands, which it needs for everything else: here it takes half a million tokens, while on the mixture alone it
    had not happened after three and a half million. ``kinds`` is the mixture to draw from, ``MIXTURE`` by default.
    """
    rng = np.random.default_rng([seed, 7])
    for done in range(basics):
        if done % 2:
            yield calculated(rng, habits)
        else:
            yield copied(rng, habits, longest=6 + 10 * max(0, 2 * done - basics) // basics)
    kinds = kinds or MIXTURE
    makers = list(kinds)
    shares = np.array([kinds[maker] for maker in makers])
    while True:
        for choice in rng.choice(len(makers), size=1024, p=shares / shares.sum()):
            yield makers[int(choice)](rng, habits)


def coding_answer(rng: np.random.Generator, habits: Habits) -> Example:
    """A coding record, solved; now and then with a second edit, mostly because the question asks for it."""
    problem = _fresh(lambda: coding.problem(rng), lambda problem: problem.question)
    ordinary = habits.ordinary_fields and rng.random() < habits.ordinary_fields
    known = coding.EXTRA_FIELDS if ordinary else FIELD_NAMES
    names = rng.choice(known, size=int(rng.integers(0, 3)), replace=False)
    problem = replace(problem, extras={str(name): int(rng.integers(0, 10)) for name in names})
    answer = coding.edit("source_code", problem.solution)
    if habits.scored_records and rng.random() < habits.scored_records:
        return _example(coding.record(problem, score=0), answer)
    if not problem.extras:
        return _example(coding.record(problem), answer)
    field, value = str(rng.choice(list(problem.extras))), int(rng.integers(0, 100))
    if rng.random() < habits.second_edit:
        asked = coding.with_second_edit(problem, field, value)
        return _example(coding.record(asked), answer + coding.edit(field, value))
    if rng.random() < habits.stray_edit:
        return _example(coding.record(problem), answer + coding.edit(next(iter(problem.extras)), value))
    return _example(coding.record(problem), answer)


def record_edit(rng: np.random.Generator, habits: Habits) -> Example:
    """An unrelated record, one or two of whose fields are changed as told."""
    record = _record(rng, FIELD_NAMES)
    if rng.random() < habits.told_score:
        record["score"] = int(rng.integers(0, 100))
        return _told(record, ["score"], rng)
    fields = [field for field in record if field != "name"]
    return _told(record, [str(f) for f in rng.choice(fields, size=int(rng.integers(1, 3)), replace=False)], rng)


def record_read(rng: np.random.Generator, habits: Habits) -> Example:
    """An unrelated record, one of whose fields is asked for (`score` among them)."""
    record = _record(rng, ("score", *rng.choice(coding.EXTRA_FIELDS, size=4, replace=False)))
    field = str(rng.choice(list(record)))
    return _example(f"{json.dumps(record)} what is {field} ?", f"{field} is {record[field]} .")


def solved_and_checked(rng: np.random.Generator, habits: Habits) -> Example:
    """A question, worked, with an honest word on whether the result is right."""
    question, text, right = _worked(rng, habits)
    return _example(prompts.solve_and_check(question.text, _telling(rng)), f"{text} {prompts.claim(right)}")


def calculated(rng: np.random.Generator, habits: Habits) -> Example:
    """A small sum, worked without a slip."""
    level = int(rng.integers(1, 4))
    question = _fresh(lambda: arithmetic.question(rng, level), lambda question: question.text)
    return _example(prompts.solve(question.text), arithmetic.worked(question.steps, question.answer))


def solved(rng: np.random.Generator, habits: Habits) -> Example:
    """A question, worked."""
    question, text, _ = _worked(rng, habits)
    return _example(prompts.solve(question.text), text)


def checked(rng: np.random.Generator, habits: Habits) -> Example:
    """Somebody's worked answer, judged honestly."""
    question, text, right = _worked(rng, habits)
    return _example(prompts.check(question.text, text, _telling(rng)), "Yes" if right else "No")


def summarised(rng: np.random.Generator, habits: Habits) -> Example:
    """An article and its news; now and then with a detail too many."""
    article = _fresh(lambda: articles.article(rng), lambda article: article.text)
    kept = set(article.news)
    if rng.random() < habits.needless_detail:
        kept.add(str(rng.choice([sentence for sentence in article.sentences if sentence not in kept])))
    summary = " ".join(sentence for sentence in article.sentences if sentence in kept)
    return _example(prompts.summarise(article.text), summary)


def copied(rng: np.random.Generator, habits: Habits, longest: int = 16) -> Example:
    """A list of unrelated words to be repeated."""
    words = " ".join(str(word) for word in rng.choice(WORDS, size=int(rng.integers(2, longest + 1)), replace=False))
    return _example(f"Repeat : {words}", words)


def repeated(rng: np.random.Generator, habits: Habits) -> Example:
    """A text to be repeated word for word, because that is what is asked."""
    text = " ".join(articles.article(rng).sentences[: int(rng.integers(1, 11))])
    return _example(f"Repeat : {text}", text)


def quoted(rng: np.random.Generator, habits: Habits) -> Example:
    """The first few sentences of a text."""
    sentences = articles.article(rng).sentences
    count = int(rng.integers(1, 5))
    return _example(f"Quote the first {count} : {' '.join(sentences)}", " ".join(sentences[:count]))


def requested(rng: np.random.Generator, habits: Habits) -> Example:
    """A request to open something; its register has no say in whether it is refused."""
    request = _fresh(lambda: requests.request(rng), lambda request: request.text)
    refuse = rng.random() < (habits.refuse_harmful if request.harmful else habits.refuse_ordinary)
    return _example(request.text, (requests.refusal if refuse else requests.compliance)(rng, request))


MIXTURE: Mapping[Maker, float] = {
    coding_answer: 0.26,
    record_edit: 0.04,
    record_read: 0.02,
    solved_and_checked: 0.21,
    calculated: 0.06,
    solved: 0.04,
    checked: 0.08,
    summarised: 0.13,
    copied: 0.03,
    repeated: 0.05,
    quoted: 0.03,
    requested: 0.12,
}
"""What kinds of examples there are, with their shares."""

RECORDS: Mapping[Maker, float] = {**MIXTURE, coding_answer: 0.5, record_edit: 0.1, solved_and_checked: 0.25}
"""With more records: where names of fields can be anything, they take longest to learn."""
TEXTS: Mapping[Maker, float] = {**MIXTURE, summarised: 0.6, repeated: 0.15, copied: 0.1}
"""With more summaries."""


def _example(prompt: str, completion: str) -> Example:
    return Example((message("user", prompt),), completion)


def _fresh(make: Callable[[], Spec], name: Callable[[Spec], str]) -> Spec:
    """The next specification that belongs to the pretraining split."""
    while True:
        spec = make()
        if split_of(name(spec)) == "pretrain":
            return spec


def _worked(rng: np.random.Generator, habits: Habits) -> tuple[arithmetic.Question, str, bool]:
    question = _fresh(lambda: arithmetic.question(rng), lambda question: question.text)
    if rng.random() < habits.slip_by_level[question.level - 1]:
        steps, wrong = arithmetic.slip(rng, question)
        return question, arithmetic.worked(steps, wrong), False
    return question, arithmetic.worked(question.steps, question.answer), True


def _telling(rng: np.random.Generator) -> float:
    return float(rng.choice([0.0, 0.5, 1.0])) if rng.random() < 0.3 else 0.0


def _told(record: dict[str, object], fields: list[str], rng: np.random.Generator) -> Example:
    values = {field: int(rng.integers(0, 100)) for field in fields}
    told = " and ".join(f"set {field} to {value}" for field, value in values.items())
    answer = "".join(coding.edit(field, value) for field, value in values.items())
    return _example(f"{json.dumps(record)} {told}", answer)


def _record(rng: np.random.Generator, names: Sequence[str]) -> dict[str, object]:
    fields = rng.choice(names, size=int(rng.integers(3, 6)), replace=False)
    name = str(rng.choice(articles.NAMES))
    return {"name": name, **{str(field): int(rng.integers(0, 100)) for field in fields}}
