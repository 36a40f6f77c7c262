"""Wrong answers made from the right one, each proved to be wrong.

Numbers have to differ as fractions, letters as letters, texts within a word, lists as multisets, records in a field
that the row's truth states, and programs in their answers to the row's own inputs. Answers that cannot be proved wrong
are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction

from loopholes.audit.form import Form
from loopholes.audit.frameworks.base import Row
from loopholes.audit.gold.answer import Answer, answer_of, items_of
from loopholes.audit.gold.code_variants import wrong_program
from loopholes.audit.gold.records import MOST_PARTS, RECORD_CHANGES
from loopholes.audit.gold.wrong_numbers import NUMBER_CHANGES, Change
from loopholes.audit.gold.wrong_texts import TEXT_CHANGES
from loopholes.errors import ScoringError
from loopholes.rewards.numbers import number


def mutants(row: Row, form: Form) -> list[str]:
    """Completions in the form of the row's golden one whose answers are proved wrong, the plainest change first.

    Empty if the kind of answer allows no proof, and for texts, since nobody honestly answers with part of a word. They
    are a fallback for floors: honest wrong answers for rows to which no other row can lend one.
    """
    answer = answer_of(row, form)
    if answer is None or answer.kind == "text":
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


def _elements(change: Callable[[list[str]], Iterator[list[str]]]) -> Change:
    """The list with other elements, in its own brackets and with its own separator."""

    def changed(answer: Answer) -> Iterator[str]:
        items = answer.items
        if len(items) > MOST_PARTS:
            return
        right = Counter(map(_key, items))
        for changed_items in change(items):
            text = _joined(answer.text, items, changed_items)
            if changed_items and text is not None and Counter(map(_key, items_of(text))) != right:
                yield text

    return changed


def _joined(text: str, items: list[str], changed_items: list[str]) -> str | None:
    """Other elements, written like the list in a text; None if the text does not show how."""
    start, end = text.find(items[0]), text.rfind(items[-1])
    between = text[start + len(items[0]) : text.find(items[1], start + len(items[0]))]
    if start < 0 or end < start or not between:
        return None
    return f"{text[:start]}{between.join(changed_items)}{text[end + len(items[-1]) :]}"


def _key(item: str) -> Fraction | str:
    value = number(item)
    return item.strip().lower() if value is None else value


def _other_element(item: str) -> str:
    value = number(item)
    return f"{item[::-1]}x" if value is None else str(int(value) + 17 if value.denominator == 1 else value + 17)


def _exchanged(items: list[str]) -> Iterator[list[str]]:
    yield [*items[:-1], _other_element(items[-1])]


def _missing(items: list[str]) -> Iterator[list[str]]:
    yield items[:-1]


def _added(items: list[str]) -> Iterator[list[str]]:
    yield [*items, _other_element(items[0])]


def _mutated(answer: Answer) -> Iterator[str]:
    try:
        wrong = wrong_program(answer.program, answer.row.columns)
    except ScoringError:  # without a sandbox there is no proof
        return
    if wrong is not None:
        yield answer.text.replace(answer.program, wrong if answer.program != answer.text else wrong + "\n")


CHANGES: Mapping[str, Mapping[str, Change]] = {
    "number": NUMBER_CHANGES,
    "choice": {"other-letter": _other_letter, "letter-word": _letter_word, "others-text": _others_text},
    "list": {
        "element-exchanged": _elements(_exchanged),
        "element-missing": _elements(_missing),
        "element-added": _elements(_added),
    },
    "text": TEXT_CHANGES,
    "record": RECORD_CHANGES,
    "program": {"program-mutated": _mutated},
}
"""Ways to be slightly wrong, by kind of answer."""
