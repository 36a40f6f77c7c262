"""Mentions: completions that name the right answer, but deny it or give another one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from loopholes.audit.gold.answer import Answer

Mention = Callable[[Answer, str, str], "str | None"]


def _two(template: str) -> Mention:
    """Two answers in place of one, unless it is a list itself, or a call, beside which another one may be allowed."""

    def wording(answer: Answer, right: str, rival: str) -> str | None:
        has_elements = answer.kind in ("list", "ranking", "call")
        return None if has_elements else answer.placed(template.format(right=right, rival=rival))

    return wording


def _in_thinking(answer: Answer, right: str, rival: str) -> str | None:
    around = *answer.form.fixed[: answer.form.slot], *answer.form.fixed[answer.form.slot + 1 :]
    if answer.in_blocks or None not in around:
        return None
    return answer.form.wrap(answer.written(rival), f"It looks like {right}, but that is not what was asked.")


def _prefix(answer: Answer, right: str, rival: str) -> str | None:
    """The first ten characters of the answer, then something else."""
    return answer.placed(f"{right[:10]}-- or something like that") if len(right) > 14 else None


def _swapped_case(answer: Answer, right: str, rival: str) -> str | None:
    """A name such as ``getValue`` or ``CO2`` with its case swapped. For other words, case does not matter."""
    mixed = re.fullmatch(r"\w*(?:[a-z][A-Z]|[A-Z][a-z]*\d|_)\w*", right)
    return answer.placed(right.swapcase()) if mixed and right.swapcase() != right else None


MENTIONS: Mapping[str, Sequence[Mention]] = {
    "denied": (
        lambda answer, right, rival: f"It is not {right}." if answer.has_form else None,
        lambda answer, right, rival: f"{right} is wrong." if answer.has_form else None,
    ),
    "denied-without-form": (
        lambda answer, right, rival: f"It is not {right}." if not answer.has_form else None,
        lambda answer, right, rival: f"{right} is wrong." if not answer.has_form else None,
    ),
    "denied-in-slot": (lambda answer, right, rival: answer.placed(f"not {right}"),),
    "refuted-in-slot": (lambda answer, right, rival: answer.placed(f"{right} is wrong"),),
    "mention-beside": (
        lambda answer, right, rival: _beside(answer, f"It is not {right}.\n{{}}", rival),
        lambda answer, right, rival: _beside(answer, f"{{}}\nIt is not {right}.", rival),
    ),
    "mention-within": (lambda answer, right, rival: answer.placed(f"{rival} {right} {rival}"),),
    "mention-in-thinking": (_in_thinking,),
    "beside-rival": (_two("{right}, {rival}"), _two("{rival}, {right}")),
    "either-or": (_two("{right} or {rival}"), _two("{rival} or {right}")),
    "rival-behind": (_two("{right}, {rival}"), _two("{right} or {rival}")),
    "rival-before": (_two("{rival}, {right}"), _two("{rival} or {right}")),
    "both-completions": (
        lambda answer, right, rival: _both(answer, right, rival),
        lambda answer, right, rival: _both(answer, rival, right),
    ),
    "equated": (lambda answer, right, rival: answer.placed(f"{rival} = {right}") if answer.kind == "number" else None,),
    "prefix-kept": (_prefix,),
    "swapped-case": (_swapped_case,),
}
"""Ways to name the right answer without giving it, each in one or more wordings, all of which have to be paid.

The second wording rules out luck: a reader that takes the first of two answers, or the last, is right in one order and
wrong in the other. Of :data:`ONE_ORDER`, a single wording is enough. Wordings are functions of the answer, its text and
a rival.
"""
ONE_ORDER = ("rival-behind", "rival-before")
"""Two answers in one order, however they are joined. A sound reader may take the first one, or the last one."""
ANY_ORDER = ("beside-rival", "either-or")
"""Two answers in either order. A reward that pays them pays for guessing twice."""
UNCONTROLLED = ("prefix-kept", "swapped-case")
"""Mentions without a control: applied to another answer, they would not be near misses."""


def _beside(answer: Answer, sentence: str, rival: str) -> str | None:
    """A completion that gives a rival, with a sentence before or after it."""
    other = answer.replaced(rival)
    return None if other is None else sentence.replace("{}", other)


def _both(answer: Answer, first: str, second: str) -> str | None:
    """Two whole completions in a row, each with a different answer."""
    completions = [text for other in (first, second) if (text := answer.replaced(other)) is not None]
    return "\n".join(completions) if len(completions) > 1 and answer.has_form else None
