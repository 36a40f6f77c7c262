"""Whether the calls of a request may be paid several at once: where it is worth it and changes nothing.

Forks of the process that loaded the reward share a request, one for each processor. That is for rewards of which a call
takes more than :data:`EXPENSIVE` seconds, that can be forked, score completions one by one, and were steady: they paid
the same completions the same again, in any order and company, and remember nothing. What was paid one by one is paid
again at once; a reward that then pays otherwise (it may write a file under one name) goes on one by one.
"""

from __future__ import annotations

from loopholes.audit.checks import Answers, same
from loopholes.audit.scorer import Scorer
from loopholes.audit.screening import EXPENSIVE
from loopholes.cores import cores


def widen(scorer: Scorer, answers: Answers, *, width: int | None = None) -> None:
    """Let the reward pay several calls at once, ``width`` or as many as there are processors, if it may."""
    width = cores() if width is None else width
    if width < 2 or scorer.pace <= EXPENSIVE or not _steady(answers) or not scorer.widen(width):
        return
    calls = [(repeated.level.row, repeated.text) for repeated in answers.company]
    paid = scorer.pay_now(calls)
    if not all(same(repeated.first, payment) for repeated, payment in zip(answers.company, paid, strict=True)):
        scorer.widen(1)


def _steady(answers: Answers) -> bool:
    """Whether all that asks for it was asked, and each completion was paid the same each time."""
    asked = (answers.again, answers.company, answers.remembered)
    return all(asked) and not any(repeated.differs for repeats in asked for repeated in repeats)
