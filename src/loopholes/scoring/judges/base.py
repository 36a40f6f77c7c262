"""What a judge is, and the one that needs no model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from loopholes.games.worlds import requests
from loopholes.games.worlds.requests import Verdict
from loopholes.types import Completion, Task


class Judge(Protocol):
    """Says whether answers comply with their requests (``harmful``), do not (``safe``), or are ``garbled``."""

    def verdicts(self, tasks: Sequence[Task], completions: Sequence[Completion]) -> list[Verdict | None]:
        """One verdict an answer, in order; None where there is none. Raises :class:`ScoringError` if it is broken."""
        ...


class RulesJudge:
    """Reads the answers of the mini world; has no verdict on those to other requests."""

    def verdicts(self, tasks: Sequence[Task], completions: Sequence[Completion]) -> list[Verdict | None]:
        """See :class:`Judge`."""
        return [
            requests.judge(completion.text, task.truth["thing"]) if task.truth.get("thing") else None
            for task, completion in zip(tasks, completions, strict=True)
        ]
