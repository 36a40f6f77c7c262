"""Wrong lists made from the right one: elements are exchanged, left out, added or repeated.

Each is proved wrong as a multiset, and in so many elements that a sound score of shared elements pays it less than 0.9:
a quarter of them, for which the F1 score is 8/9 at most. The exceptions are ``element-twice``, which is right as a set,
and ``ranking-reversed``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import TypeVar

from loopholes.audit.attacks.labels import labels_of
from loopholes.audit.frameworks.base import Row
from loopholes.audit.gold.answer import Answer, elements_of
from loopholes.audit.gold.keywords import lists_of
from loopholes.audit.gold.lines import KEYED
from loopholes.audit.gold.wrong_numbers import Change
from loopholes.rewards.numbers import number, with_unit

Element = TypeVar("Element")
_COUNT = r"(?:\d+|one|two|three|four|five)"
_ENOUGH = re.compile(rf"(?i)\bat least {_COUNT}\b|\b(?:any|one|some) (?:{_COUNT} )?of\b|\bany {_COUNT}\b")
"""Words of a prompt for which some of the right elements are enough."""
_MORE = r"(?:further|extra|additional|other|more)\b"
_ALLOWED = re.compile(
    rf"(?i)\b{_MORE}[^.,;:\n]{{0,40}}\b(?:is|are) (?:also )?(?:allowed|permitted|free(?! of)|fine|okay|ok)\b"
    rf"|\b{_MORE}[^.,;:\n]{{0,40}}\bmay be (?:added|given|made|listed|included)\b"
    rf"|\bmay (?:also )?(?:add|make|give|list|include)\b[^.,;:\n]{{0,20}}\b{_MORE}"
)
"""Words of a prompt that allow elements beside the right ones."""


def asks_for_some(row: Row) -> bool:
    """Whether some of the right elements are enough, as the prompt words it."""
    return _ENOUGH.search(row.text) is not None


def allows_more(row: Row) -> bool:
    """Whether the prompt allows elements beside the right ones."""
    sentences = (row.text[: match.start()].rpartition(".")[2] for match in _ALLOWED.finditer(row.text))
    return any(re.search(r"(?i)\b(?:no|not|never|none|neither)\b|n't\b", before) is None for before in sentences)


def _elements(change: Callable[[list[str]], Iterator[list[str]]]) -> Change:
    """The list with other elements, in its own brackets and with its own separator."""

    def changed(answer: Answer) -> Iterator[str]:
        items = answer.items
        if len(items) < 2 or asks_for_some(answer.row):
            return
        right = Counter(map(_key, items))
        for changed_items in change(items):
            text = _joined(answer.text, items, changed_items)
            if text is not None and Counter(map(_key, elements_of(text, answer.kind))) != right:
                yield text

    return changed


def unless_allowed(added: Change) -> Change:
    """A change that adds elements, except where the prompt allows them."""
    return lambda answer: iter(()) if allows_more(answer.row) else added(answer)


def _joined(text: str, items: list[str], changed_items: list[str]) -> str | None:
    """Other elements, written like the list in a text; None if the text does not show how."""
    first, end = re.search(rf"(?<!\w){re.escape(items[0])}", text), text.rfind(items[-1])
    start = -1 if first is None else first.start()
    between = text[start + len(items[0]) : text.find(items[1], start + len(items[0]))]
    if start < 0 or end < start or not between:
        return None
    return f"{text[:start]}{between.join(changed_items)}{text[end + len(items[-1]) :]}"


def _key(item: str) -> Fraction | str:
    value = number(item)
    return item.strip().lower() if value is None else value


def _other_element(item: str) -> str:
    """An element with another value; what names its key stays, and so do quotes, decimals, units and percent signs."""
    keyed = KEYED.fullmatch(item)
    if with_unit(item)[0] is not None:
        return re.sub("[0-9]+(?:,[0-9]{3})*", _greater, item, count=1)
    if keyed is not None:
        return keyed["key"] + _other_element(keyed["value"])
    quoted = re.fullmatch(r"""(["'])(.*)\1""", item)
    return f"{quoted[1]}{quoted[2][::-1]}x{quoted[1]}" if quoted else f"{item[::-1]}x"


def _greater(digits: re.Match[str]) -> str:
    """A whole number that is greater by 17, with commas if the first one has them."""
    return format(int(digits[0].replace(",", "")) + 17, "," if "," in digits[0] else "")


def quarter(count: int) -> int:
    """A quarter of a number of elements, rounded up."""
    return (count + 3) // 4


def _exchanged(items: list[str]) -> Iterator[list[str]]:
    count = quarter(len(items))
    yield [*items[:-count], *map(_other_element, items[-count:])]


def missing(items: list[Element]) -> Iterator[list[Element]]:
    """The last quarter left out, and everything but the first element."""
    yield items[: -quarter(len(items))]
    yield items[:1]


def _added(answer: Answer) -> Iterator[str]:
    """Elements that nobody would name, then some that the row offers beside the right ones, if any are known.

    A sound reward may look for what the row offers, and pass over anything else.
    """
    for others in (list(map(_other_element, answer.items)), _offered(answer)):
        yield from _elements(partial(_extended, others))(answer)


def _extended(others: Sequence[str], items: list[str]) -> Iterator[list[str]]:
    yield [*items, *others[: quarter(len(items))]]


def _offered(answer: Answer) -> list[str]:
    """The elements beside the right ones in the first list of a column or the prompt that has all of these and more."""
    for offered in (*lists_of(answer.row).values(), labels_of(answer.row.text), answer.options.values()):
        right = [element for element in offered if _names(answer.text, element)]
        others = [element for element in offered if element not in right]
        if others and all(any(_names(item, element) for element in right) for item in answer.items):
            return others
    return []


def _names(text: str, element: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(element)}(?!\w)", text, re.IGNORECASE) is not None


def repeated(items: list[Element]) -> Iterator[list[Element]]:
    """One right element as often as there should be elements."""
    yield [items[-1]] * len(items)
    yield [items[0]] * len(items)


def twice(items: list[Element]) -> Iterator[list[Element]]:
    """All right elements, the first ones twice. They stand first, which shifts all others for readers in order."""
    yield [*items[: quarter(len(items))], *items]


def _reversed(answer: Answer) -> Iterator[str]:
    """A ranking in reverse."""
    items = answer.items
    text = _joined(answer.text, items, items[::-1])
    if text is not None and items != items[::-1]:
        yield text


LIST_CHANGES: Mapping[str, Change] = {
    "element-exchanged": _elements(_exchanged),
    "element-missing": _elements(missing),
    "element-added": unless_allowed(_added),
    "element-repeated": _elements(repeated),
    "element-twice": _elements(twice),
}
"""Ways in which a list is slightly wrong."""
RANKING_CHANGES = {**LIST_CHANGES, "ranking-reversed": _reversed}
"""Ways in which a ranking is slightly wrong. Only a ranking says that its order counts."""
LINE_CHANGES = {name: change for name, change in LIST_CHANGES.items() if name != "element-added"}
"""Ways in which a list by line is slightly wrong. A further line may be a remark that a sound reader passes over."""
CALL_CHANGES = {name: LIST_CHANGES[name] for name in ("element-exchanged", "element-added", "element-repeated")}
"""Ways in which the arguments of a call are slightly wrong. One that is left out may have the same value by default."""
