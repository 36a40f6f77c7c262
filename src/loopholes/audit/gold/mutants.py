"""Wrong answers made from the right one, each proved to be wrong.

Numbers have to differ as fractions, dates as days or times, expressions in the numbers that they use, letters as
letters, texts within a word, lists as multisets, records in a field that the row's truth states, and programs in their
answers to the row's own inputs. Answers that cannot be proved wrong are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from loopholes.audit.form import Form
from loopholes.audit.frameworks.base import Row
from loopholes.audit.gold.answer import Answer, answer_of
from loopholes.audit.gold.code_variants import wrong_program
from loopholes.audit.gold.wrong_dates import DATE_CHANGES
from loopholes.audit.gold.wrong_lists import CALL_CHANGES, LINE_CHANGES, LIST_CHANGES, RANKING_CHANGES
from loopholes.audit.gold.wrong_numbers import NUMBER_CHANGES, Change
from loopholes.audit.gold.wrong_puzzles import PUZZLE_CHANGES
from loopholes.audit.gold.wrong_records import RECORD_CHANGES
from loopholes.audit.gold.wrong_texts import TEXT_CHANGES
from loopholes.errors import ScoringError


def mutants(row: Row, form: Form) -> list[str]:
    """Completions in the form of the row's golden one whose answers are proved wrong, the plainest change first.

    Empty if the kind of answer allows no proof, and for texts and expressions, since nobody honestly answers with part
    of a word, or breaks the rules of a puzzle. They are a fallback for floors: honest wrong answers for rows to which
    no other row can lend one.
    """
    answer = answer_of(row, form)
    if answer is None or answer.kind in ("text", "expression"):
        return []
    texts = (answer.replaced(wrong) for answers in wrong_answers(answer).values() for wrong in answers)
    return list(dict.fromkeys(text for text in texts if text is not None and text != answer.golden))


def wrong_answers(answer: Answer) -> dict[str, list[str]]:
    """Wrong answers, by the way in which they are wrong. Ways that do not apply are left out."""
    changes = CHANGES.get(answer.kind, {})
    wrong = {name: list(dict.fromkeys(change(answer))) for name, change in changes.items()}
    return {name: answers for name, answers in wrong.items() if answers}


def _other_letter(answer: Answer) -> Iterator[str]:
    letter = answer.text.strip("()")
    letters = "".join(answer.options) or "ABCD"
    yield from (answer.text.replace(letter, other) for other in letters if other != letter)


def _others_text(answer: Answer) -> Iterator[str]:
    """The right letter with another choice's text."""
    letter = answer.text.strip("()")
    texts = [text for other, text in answer.options.items() if other != letter and text != answer.options.get(letter)]
    yield from (f"{letter}) {text}" for text in texts[:1] if text)


def _letter_word(answer: Answer) -> Iterator[str]:
    """A word that begins with the right letter and is not one of the choices."""
    words = {"A": "Always", "B": "Because", "C": "Clearly", "D": "Definitely", "E": "Every", "F": "First", "G": "Given"}
    words |= {"H": "Having", "I": "Indeed", "J": "Just"}
    word = words.get(answer.text.strip("()"))
    if word is not None and word not in answer.options.values():
        yield word


def _mutated(answer: Answer) -> Iterator[str]:
    try:
        wrong = wrong_program(answer.program, answer.row.columns)
    except ScoringError:  # without a sandbox there is no proof
        return
    if wrong is not None:
        yield answer.text.replace(answer.program, wrong if answer.program != answer.text else wrong + "\n")


CHANGES: Mapping[str, Mapping[str, Change]] = {
    "number": NUMBER_CHANGES,
    "date": DATE_CHANGES,
    "expression": PUZZLE_CHANGES,
    "choice": {"other-letter": _other_letter, "letter-word": _letter_word, "others-text": _others_text},
    "list": LIST_CHANGES,
    "ranking": RANKING_CHANGES,
    "call": CALL_CHANGES,
    "lines": LINE_CHANGES,
    "text": TEXT_CHANGES,
    "record": RECORD_CHANGES,
    "program": {"program-mutated": _mutated},
}
"""Ways to be slightly wrong, by kind of answer."""
