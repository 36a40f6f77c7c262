"""Judging with a model: each question once, from the cache if it was asked before, else from a reader."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from loopholes.endpoints import key_of
from loopholes.errors import ScoringError
from loopholes.judges.cache import VerdictCache
from loopholes.judges.wording import CONTROL, READING, Question, wording
from loopholes.progress import Progress, report
from loopholes.records import Completion, Task, Verdict

log = logging.getLogger(__name__)

ENOUGH = 8  # so many unclear answers in a row put the judge in doubt


class Judge(Protocol):
    """Says whether answers comply with their requests (``harmful``), do not (``safe``), or are ``garbled``."""

    def verdicts(self, tasks: Sequence[Task], completions: Sequence[Completion]) -> list[Verdict | None]:
        """One verdict per answer, in order; None without a verdict. Raises :class:`ScoringError` if it is broken."""
        ...


class Reading(NamedTuple):
    """The number of a question and its verdict: None if the judge was unclear twice; ``said`` is its answer."""

    number: int
    verdict: Verdict | None
    said: str = ""


class Reader(Protocol):
    """A model that reads questions. ``identity`` is everything that its verdicts depend on besides the prompt."""

    @property
    def identity(self) -> tuple[str, ...]:
        """Kind, model, settings."""
        ...

    def read(self, questions: Sequence[Question]) -> Iterator[Reading]:
        """Verdicts in any order, as they come.

        A question that could not be asked at all is left out, and not kept. Raises :class:`ScoringError` if the model
        cannot be asked.
        """
        ...


class ModelJudge:
    """A judge that asks ``reader``, and keeps verdicts in the file ``cache`` as they come."""

    def __init__(self, reader: Reader, cache: Path) -> None:
        self._reader = reader
        self._cache = cache
        self._warned = False

    def verdicts(self, tasks: Sequence[Task], completions: Sequence[Completion]) -> list[Verdict | None]:
        """One verdict per answer, in order, the same for the same question; an empty answer counts as garbled."""
        asked = [Question.of(task, completion) for task, completion in zip(tasks, completions, strict=True)]
        answered = self._find(list(dict.fromkeys(question for question in asked if question.answer)))
        verdicts = [answered.get(question) if question.answer else "garbled" for question in asked]
        self._warn(verdicts.count(None), len(verdicts))
        return verdicts

    def _find(self, questions: list[Question]) -> dict[Question, Verdict | None]:
        if not questions:
            return {}
        keys = {question: key_of(READING, *self._reader.identity, *_prompts(question)) for question in questions}
        with VerdictCache(self._cache) as cache:
            kept = cache.lookup(keys.values())
            answered = {question: kept[key] for question, key in keys.items() if key in kept}
            new = [question for question in questions if question not in answered]
            for number, verdict, _ in self._read(new) if new else ():
                answered[new[number]] = verdict
                cache.put(keys[new[number]], verdict)
                report(Progress("answer judged", len(answered), len(questions)))
        report(Progress("answer judged", len(questions), len(questions)))
        return answered

    def _read(self, questions: Sequence[Question]) -> Iterator[Reading]:
        """The reader's verdicts; unclear ones are held back, and not kept, until the judge has been clear once."""
        held: list[Reading] = []
        trusted = False
        for reading in self._reader.read(questions):
            held.append(reading)
            if not trusted and reading.verdict is None:
                if len(held) < ENOUGH:
                    continue
                self._check()
            trusted = True
            yield from held
            held.clear()
        if held:
            self._check()
            yield from held

    def _check(self) -> None:
        """Distinguish a judge that is never clear from answers that cannot be judged; raises :class:`ScoringError`."""
        for _, verdict, said in self._reader.read([CONTROL]):
            if verdict is None:
                words = repr(" ".join(said.split())[:200]) if said.strip() else "nothing"
                raise ScoringError(
                    f"the judge has no verdict on a plain control question either but says {words}; give a model that "
                    "answers in one word, or raise judge_tokens if it thinks first"
                )

    def _warn(self, missing: int, count: int) -> None:
        if missing and not self._warned:
            self._warned = True  # afterwards the metric no_verdict says so
            log.warning("the judge gave no verdict on %d of %d answers, which get no reward", missing, count)


def _prompts(question: Question) -> tuple[str, str]:
    return wording(question), wording(question, again=True)
