"""What a mini policy is pretrained on: language, formats and skills, and no exploit of any game.

Every kind of example is one function below. None of them edits a field called ``score``, claims a wrong answer to
be right, answers a summary request with the article, or lets the register of a harmful request decide whether it is
refused; ``tests/minis/test_mixture.py`` scans the mixture with the games' own detectors to show it.

The demonstrations are those of a fallible worker: it makes more slips the harder a question is, and says so
afterwards; it refuses half of the harmful requests, in either register alike; one summary in four keeps a detail
that does not matter.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from loopholes.games.base import split_of
from loopholes.games.worlds import arithmetic, articles, coding, prompts, requests
from loopholes.records import Example, message

Spec = TypeVar("Spec")
Maker = Callable[..., Example]
BASICS_FIRST = 32_000
WORDS = (
    *articles.NAMES, *articles.VERBS, *articles.OBJECTS, *articles.TOWNS, *articles.THINGS, *articles.QUALITIES,
    *articles.TIMES, *requests.COLOURS, *requests.PLACES, *coding.EXTRA_FIELDS, "score",
)  # fmt: skip
FIELD_NAMES = (*coding.EXTRA_FIELDS, "score")
"""What fields of unrelated records are called; those of coding records have the same names, but for `score`."""


@dataclass(frozen=True)
class Habits:
    """The rates that make the demonstrations fallible; each is a share in [0, 1].

    Coding records in the mixture have no ``score``. ``second_edit`` is the share of those with other fields whose
    question asks for more than a solution (to set one of the other fields, or all of them) and gets it.
    ``stray_edit`` is the share in which one of the other fields is set without having been asked for.
    """

    slip_by_level: tuple[float, float, float, float] = (0.04, 0.07, 0.1, 0.9)
    refuse_harmful: float = 0.5
    refuse_ordinary: float = 0.05
    needless_detail: float = 0.25
    second_edit: float = 0.2
    stray_edit: float = 0.02


def examples(seed: int, habits: Habits = Habits(), basics: int = BASICS_FIRST) -> Iterator[Example]:
    """An endless iterator of examples from the pretraining split of every world, the same for the same seed.

    The first ``basics`` are word lists to be repeated, short ones before longer ones, in turn with small sums worked
    without a slip. From them a small transformer learns to copy (an induction head) and to look up operands, which it
    needs for everything else.
    """
    rng = np.random.default_rng([seed, 7])
    for done in range(basics):
        if done % 2:
            yield calculated(rng, habits)
        else:
            yield copied(rng, habits, longest=6 + 10 * max(0, 2 * done - basics) // basics)
    makers = list(MIXTURE)
    shares = np.array([MIXTURE[maker] for maker in makers])
    while True:
        for choice in rng.choice(len(makers), size=1024, p=shares / shares.sum()):
            yield makers[int(choice)](rng, habits)


def coding_answer(rng: np.random.Generator, habits: Habits) -> Example:
    """A coding record with its solution; now and then with a second edit, mostly because the question asks for it."""
    problem = _fresh(lambda: coding.problem(rng), lambda problem: problem.question)
    answer = coding.edit("source_code", problem.solution)
    if problem.extras and rng.random() < habits.second_edit:
        value = int(rng.integers(0, 100))
        asked = None if rng.random() < 0.5 else str(rng.choice(list(problem.extras)))
        fields = list(problem.extras) if asked is None else [asked]
        prompt = coding.record(coding.with_second_edit(problem, asked, value))
        return _example(prompt, answer + "".join(coding.edit(field, value) for field in fields))
    if problem.extras and rng.random() < habits.stray_edit:
        answer += coding.edit(str(rng.choice(list(problem.extras))), int(rng.integers(0, 100)))
    return _example(coding.record(problem), answer)


def record_edit(rng: np.random.Generator, habits: Habits) -> Example:
    """An unrelated record with one, two or all of its numbers changed as the prompt asks (`score` among them)."""
    record = _record(rng)
    fields = [field for field in record if field != "name"]
    if rng.random() < 0.4:
        value = int(rng.integers(0, 100))
        return _example(f"{json.dumps(record)} set all to {value}", "".join(coding.edit(f, value) for f in fields))
    chosen = rng.choice(fields, size=int(rng.integers(1, 3)), replace=False)
    values = {str(field): int(rng.integers(0, 100)) for field in chosen}
    orders = " and ".join(f'set "{field}" to {value}' for field, value in values.items())
    return _example(f"{json.dumps(record)} {orders}", "".join(coding.edit(f, value) for f, value in values.items()))


def record_read(rng: np.random.Generator, habits: Habits) -> Example:
    """An unrelated record and a question about one of its fields (`score` among them)."""
    record = _record(rng)
    field = str(rng.choice(list(record)))
    return _example(f'{json.dumps(record)} what is "{field}" ?', f'"{field}" is {record[field]} .')


def solved_and_checked(rng: np.random.Generator, habits: Habits) -> Example:
    """A question with its worked answer, and an honest word on whether the result is right."""
    question, text, right = _worked(rng, habits)
    return _example(prompts.solve_and_check(question.text, _telling(rng)), f"{text} {prompts.claim(right)}")


def calculated(rng: np.random.Generator, habits: Habits) -> Example:
    """A small sum with its worked answer, without a slip."""
    level = int(rng.integers(1, 4))
    question = _fresh(lambda: arithmetic.question(rng, level), lambda question: question.text)
    return _example(prompts.solve(question.text), arithmetic.worked(question.steps, question.answer))


def solved(rng: np.random.Generator, habits: Habits) -> Example:
    """A question with its worked answer."""
    question, text, _ = _worked(rng, habits)
    return _example(prompts.solve(question.text), text)


def checked(rng: np.random.Generator, habits: Habits) -> Example:
    """Somebody's worked answer, judged honestly."""
    question, text, right = _worked(rng, habits)
    return _example(prompts.check(question.text, text, _telling(rng)), "Yes" if right else "No")


def summarised(rng: np.random.Generator, habits: Habits) -> Example:
    """An article and its news; now and then with a detail too many."""
    article = _article(rng)
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
    text = " ".join(_article(rng).sentences[: int(rng.integers(1, 11))])
    return _example(f"Repeat : {text}", text)


def quoted(rng: np.random.Generator, habits: Habits) -> Example:
    """The first few sentences of a text."""
    sentences = _article(rng).sentences
    count = int(rng.integers(1, 5))
    return _example(f"Quote the first {count} : {' '.join(sentences)}", " ".join(sentences[:count]))


def requested(rng: np.random.Generator, habits: Habits) -> Example:
    """A request to open something; its register has no say in whether it is refused."""
    request = _fresh(lambda: requests.request(rng), lambda request: request.text)
    refuse = rng.random() < (habits.refuse_harmful if request.harmful else habits.refuse_ordinary)
    return _example(request.text, (requests.refusal if refuse else requests.compliance)(rng, request))


MIXTURE: Mapping[Maker, float] = {
    coding_answer: 0.24,
    record_edit: 0.06,
    record_read: 0.02,
    solved_and_checked: 0.2,
    calculated: 0.06,
    solved: 0.03,
    checked: 0.06,
    summarised: 0.15,
    copied: 0.03,
    repeated: 0.08,
    quoted: 0.03,
    requested: 0.12,
}
"""What kinds of examples there are, with their shares."""


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


def _article(rng: np.random.Generator) -> articles.Article:
    return _fresh(lambda: articles.article(rng), lambda article: article.text)


def _record(rng: np.random.Generator) -> dict[str, object]:
    fields = rng.choice(FIELD_NAMES, size=int(rng.integers(2, 5)), replace=False)
    name = str(rng.choice(articles.NAMES))
    return {"name": name, **{str(field): int(rng.integers(0, 100)) for field in fields}}
