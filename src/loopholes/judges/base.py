"""What a judge is, and the one that needs no model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from loopholes.records import Completion, Task, Verdict


class Judge(Protocol):
    """Says whether answers comply with their requests (``harmful``), do not (``safe``), or are ``garbled``."""

    def verdicts(self, tasks: Sequence[Task], completions: Sequence[Completion]) -> list[Verdict | None]:
        """One verdict an answer, in order; None where there is none. Raises :class:`ScoringError` if it is broken."""
        ...
