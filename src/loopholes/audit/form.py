"""The form of right answers: their tags, boxes and headings, and where the answer goes.

Attacks may copy the form of golden completions, never their content: text that differs between rows is replaced, and
only text that all of them share stays. Data may mix a few forms; each row then gets the form of its own kind.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

THINKING = "Let me think about this step by step."
FEW = 3
"""So few golden completions do not show which part is always the same."""
COMMON = 0.6
"""Smallest fraction of the golden completions that all forms together have to cover."""
CLUSTER = 0.1
"""Smallest fraction of the golden completions that counts as a form of its own."""
MOST_FORMS = 4
"""Maximum number of forms in one data set."""
_MARK = re.compile(
    r"</?[A-Za-z_][\w-]{0,30}>|(?-i:\[/?[A-Z_]{3,20}\])|\\boxed\{|\#{4}|```\w*\n?"
    r"|\b(?:the )?(?:final )?answer(?: is)?[ ]*:|\bthe (?:final )?answer is\b"
    r"|(?m:^(?:\*{3,}|={3,}|-{3,}|_{3,}|~{3,})(?=[ \t]*$))",
    re.IGNORECASE,
)
"""Marks around answers: tags, boxes, fences, announcements of an answer, and separator lines."""
_LABEL = re.compile(r"(?m)^[A-Z][A-Za-z]{1,20}(?: [A-Za-z]{1,20}){0,2}:")
"""The label of a line, such as ``Plan:``. Labels are marks if all golden completions share them and have no others."""
_THOUGHT = re.compile(r"<(/?)(?:think|thinking|thought|thoughts|reasoning|scratchpad|analysis)>", re.IGNORECASE)
"""Tags around a thought. The answer follows it, with or without marks of its own."""
SURENESS = re.compile(r"confiden|probab|certain|sure", re.IGNORECASE)
"""Names of parts that state a confidence."""


@dataclass(frozen=True)
class Form:
    """Marks, and the text before, between and after them, which is None where it differs from row to row.

    ``fixed`` holds these texts, one more than ``marks``. ``slot`` is the entry that holds the answer. ``spaces`` is the
    white space at the start and end of each entry that all rows share: a grader may look for ``#### 4``, alone on its
    line. ``alternatives`` are further forms of the same data. ``labelled``: the marks are labels of lines, such as
    ``Plan:``.
    """

    name: str
    marks: tuple[str, ...]
    fixed: tuple[str | None, ...]
    slot: int
    spaces: tuple[tuple[str, str], ...] = ()
    alternatives: tuple[Form, ...] = ()
    labelled: bool = False

    def wrap(self, answer: str, thinking: str = THINKING) -> str:
        """A completion of this form with this answer. Other parts that differ from row to row hold ``thinking``."""
        pieces = [thinking if text is None else text for text in self.fixed]
        pieces[self.slot] = answer
        for place, (before, after) in enumerate(self.spaces):
            if self.fixed[place] is None:
                pieces[place] = f"{before}{pieces[place]}{after}"
        return "".join(text + mark for text, mark in zip(pieces, (*self.marks, ""), strict=True))

    def read(self, text: str) -> str:
        """The answer in a completion of this form or one of the others; the whole text if it has neither."""
        marks, pieces = _split_at(self.marks, text) if self.labelled else _split(text)
        form = next((form for form in (self, *self.alternatives) if form.marks == marks), RAW)
        return (pieces[form.slot] if form.marks else text).strip()

    def of(self, text: str | None) -> Form:
        """The form of a golden completion: this one or one of the others."""
        if not self.alternatives or text is None:
            return self
        marks = _split(text)[0]
        return next((form for form in self.alternatives if form.marks == marks), self)

    def part(self, place: int) -> str:
        """The name of the tag or mark before an entry, such as ``confidence``; empty for the first entry."""
        return self.marks[place - 1].strip("<>[]\\{# \n").lower() if place else ""

    def with_part(self, place: int, text: str) -> Form:
        """This form with a fixed text in one entry, which must not be the answer's."""
        return replace(self, fixed=(*self.fixed[:place], text, *self.fixed[place + 1 :]))

    def with_fixed(self, old: str, new: str) -> Form | None:
        """This form with one of its fixed texts replaced; None if it has no such text."""
        if old not in self.fixed:
            return None
        return replace(self, fixed=tuple(new if text == old else text for text in self.fixed))


RAW = Form("raw", (), (None,), 0)
STANDARD = (
    Form("boxed", ("\\boxed{", "}"), (None, None, ""), 1),
    Form("tagged", ("<think>", "</think>", "<answer>", "</answer>"), ("", None, "", None, ""), 3),
    Form("hashes", ("####",), (None, None), 1),
)
"""Forms that graders of mathematics look for, tried if golden completions have no form, or if there are none."""


def form_of(golden: Sequence[str]) -> Form:
    """The form of most golden completions, with the data's other forms; :data:`RAW` if they have no form."""
    split = [_split(text) for text in golden]
    labels = _labels(golden)
    if labels and not any(marks for marks, _ in split):
        form = _form(labels, [_split_at(labels, text)[1] for text in golden])
        return replace(form, labelled=True) if form.marks else RAW
    least = max(min(2, len(split)), CLUSTER * len(split))
    sizes = Counter(marks for marks, _ in split).most_common(MOST_FORMS)
    clusters = [(marks, size) for marks, size in sizes if size >= least]
    if not clusters or sum(size for _, size in clusters) < COMMON * len(split):
        return RAW
    forms = [_form(marks, [pieces for same, pieces in split if same == marks]) for marks, _ in clusters]
    further = tuple(form for form, (marks, _) in zip(forms[1:], clusters[1:], strict=True) if form.marks == marks)
    return replace(forms[0], alternatives=further) if further else forms[0]


def _labels(golden: Sequence[str]) -> tuple[str, ...]:
    """The line labels that all golden completions share, each once; empty if they differ or there are too few."""
    labels = {tuple(_LABEL.findall(text)) for text in golden}
    shared = next(iter(labels)) if len(labels) == 1 and len(golden) > FEW else ()
    return shared if len(set(shared)) == len(shared) else ()


def _form(marks: tuple[str, ...], texts: Sequence[tuple[str, ...]]) -> Form:
    """The form of completions with the same marks, from the texts around them; :data:`RAW` if there is no answer."""
    columns, count = list(zip(*texts, strict=True)), len(texts)
    same = [count > 1 and len(set(column)) == 1 for column in columns]
    inside = [place for place in range(1, len(columns)) if _holds(marks[place - 1], columns[place])]
    varying = [place for place in inside if not same[place]]
    if not inside or not (varying or count <= FEW):
        return RAW
    slot = inside[-1] if count <= FEW else _slot(marks, varying)
    fixed = tuple(
        column[0] if alike and place != slot else None
        for place, (column, alike) in enumerate(zip(columns, same, strict=True))
    )
    return Form("golden", marks, fixed, slot, tuple(map(_spaces, columns)))


def _slot(marks: Sequence[str], varying: Sequence[int]) -> int:
    """The entry that holds the answer: the last of those that differ, except thoughts and confidences."""
    answers = [
        place for place in varying if not (SURENESS.search(marks[place - 1]) or _opens_thought(marks[place - 1]))
    ]
    return (answers or varying)[-1]


def _holds(mark: str, column: Sequence[str]) -> bool:
    """Whether an answer may follow a mark: there is text, and the mark opens a part or closes a thought."""
    thought = _THOUGHT.fullmatch(mark)
    if thought is not None and thought[1]:
        return bool("".join(column).strip())
    return not _closes(mark) and bool("".join(column))


def _opens_thought(mark: str) -> bool:
    thought = _THOUGHT.fullmatch(mark)
    return thought is not None and not thought[1]


def _spaces(column: Sequence[str]) -> tuple[str, str]:
    """The white space with which all of these texts start and end."""
    begins = _shared([text[: len(text) - len(text.lstrip())] for text in column])
    rests = [text[len(begins) :] for text in column]
    return begins, _shared([text[len(text.rstrip()) :][::-1] for text in rests])[::-1]


def _shared(texts: Sequence[str]) -> str:
    """The common prefix of these texts."""
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*texts, strict=False))
    return "".join(letters[0] for letters in alike)


def _closes(mark: str) -> bool:
    return mark.startswith(("</", "[/")) or mark == "}"


def _split(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The marks of a text, and the texts around them, one more than marks. A box's closing brace is a mark, too."""
    marks: list[str] = []
    pieces: list[str] = []
    start = position = 0
    while (mark := _MARK.search(text, position)) is not None:
        marks.append(mark[0])
        pieces.append(text[start : mark.start()])
        start = position = mark.end()
        if mark[0] == "\\boxed{" and (end := _brace(text, start)) is not None:
            marks.append("}")
            pieces.append(text[start:end])
            start = position = end + 1
    return tuple(marks), (*pieces, text[start:])


def _split_at(labels: Sequence[str], text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The labels that start lines of a text, and the texts around them."""
    matches = [match for match in _LABEL.finditer(text) if match[0] in labels]
    ends, starts = [0, *(match.end() for match in matches)], [*(match.start() for match in matches), len(text)]
    return tuple(match[0] for match in matches), tuple(text[end:start] for end, start in zip(ends, starts, strict=True))


def _brace(text: str, start: int) -> int | None:
    """The position of the brace that closes the one before ``start``; None if there is none."""
    depth = 1
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return place
    return None
