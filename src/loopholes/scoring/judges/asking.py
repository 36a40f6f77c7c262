"""Judging with a model: each question once, whatever was asked before from the cache, the rest from a reader."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from loopholes import progress
from loopholes.games.worlds.requests import Verdict
from loopholes.scoring.judges.cache import VerdictCache, key_of
from loopholes.scoring.judges.wording import READING, Question, wording
from loopholes.types import Completion, Task

log = logging.getLogger(__name__)


class Reader(Protocol):
    """A model that reads questions. ``identity`` is all that its verdicts depend on besides the prompt."""

    @property
    def identity(self) -> tuple[str, ...]:
        """Kind, model, settings."""
        ...

    def read(self, questions: Sequence[Question]) -> Iterator[tuple[int, Verdict | None]]:
        """The number of a question and its verdict, in any order, as they come.

        None where the answer was unclear twice. A question that could not be put at all is left out: nothing is kept
        of it. Raises :class:`ScoringError` where the model cannot be asked.
        """
        ...


class ModelJudge:
    """A judge that asks ``reader``, and keeps verdicts in the file ``cache`` as they come."""

    def __init__(self, reader: Reader, cache: Path) -> None:
        self._reader = reader
        self._cache = cache
        self._told = False

    def verdicts(self, tasks: Sequence[Task], completions: Sequence[Completion]) -> list[Verdict | None]:
        """One verdict an answer, in order, the same for the same question; an empty answer is garbled, unasked."""
        asked = [Question.of(task, completion) for task, completion in zip(tasks, completions, strict=True)]
        found = self._find(list(dict.fromkeys(question for question in asked if question.answer)))
        verdicts = [found.get(question) if question.answer else "garbled" for question in asked]
        self._tell(verdicts.count(None), len(verdicts))
        return verdicts

    def _find(self, questions: list[Question]) -> dict[Question, Verdict | None]:
        if not questions:
            return {}
        keys = {question: key_of(READING, *self._reader.identity, *_prompts(question)) for question in questions}
        with VerdictCache(self._cache) as cache:
            kept = cache.known(keys.values())
            found = {question: kept[key] for question, key in keys.items() if key in kept}
            new = [question for question in questions if question not in found]
            for number, verdict in self._reader.read(new) if new else ():
                found[new[number]] = verdict
                cache.put(keys[new[number]], verdict)
                progress.tell("judged", len(found), len(questions))
        progress.tell("judged", len(questions), len(questions))
        return found

    def _tell(self, missing: int, count: int) -> None:
        if missing and not self._told:
            self._told = True  # afterwards the metric no_verdict tells
            log.warning("the judge gave no verdict on %d of %d answers: they are paid nothing", missing, count)


def _prompts(question: Question) -> tuple[str, str]:
    return wording(question), wording(question, again=True)
