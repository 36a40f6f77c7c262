"""Whether calls may be scored in parallel: only if it is worth it and changes nothing.

Forks of the process that loaded the reward share a request, one fork per processor. The reward has to take more than
:data:`EXPENSIVE` seconds per call, to be forkable, to score completions one by one, and to be steady: it paid the same
completions the same again, in any order and company, and remembers nothing. Calls that were scored one by one are then
repeated in parallel. If they are paid differently (the reward may always write the same file), scoring stays serial.
"""

from __future__ import annotations

from loopholes.audit.checks import Answers, same
from loopholes.audit.scorer import Scorer
from loopholes.audit.screening import EXPENSIVE
from loopholes.cores import cores


def widen(scorer: Scorer, answers: Answers, *, width: int | None = None) -> None:
    """Score ``width`` calls in parallel (by default, one per processor), if the reward allows it."""
    width = cores() if width is None else width
    if width < 2 or scorer.pace <= EXPENSIVE or not _steady(answers) or not scorer.widen(width):
        return
    calls = [(repeated.level.row, repeated.text) for repeated in answers.company]
    paid = scorer.pay_now(calls)
    if not all(same(repeated.first, payment) for repeated, payment in zip(answers.company, paid, strict=True)):
        scorer.widen(1)


def _steady(answers: Answers) -> bool:
    """Whether all checks of steadiness were made, and each completion was paid the same every time."""
    checks = (answers.again, answers.company, answers.remembered)
    return all(checks) and not any(repeated.differs for repeats in checks for repeated in repeats)
