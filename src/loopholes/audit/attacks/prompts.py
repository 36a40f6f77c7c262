"""Reading a prompt: its expressions, worked examples, grids and names, and what differs from the other prompts.

Everything here reads only the text of prompts, with patterns that take linear time.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from loopholes.audit.quotations import quotations

LONGEST = 20_000
"""Characters of a prompt that are searched."""
TEMPLATE = 0.6
"""Fraction of the prompts of a kind that share a word of their template."""
FEW = 3
"""With fewer prompts than this, nobody can say which words are always the same."""
_MATHS = (
    re.compile(r"\$\$([^$]{1,400})\$\$"),
    re.compile(r"\$([^$\n]{1,400})\$"),
    re.compile(r"\\\((.{1,400}?)\\\)"),
    re.compile(r"\\\[(.{1,400}?)\\\]", re.DOTALL),
)
_ARITHMETIC = re.compile(r"[-(\d][\d.(][-\d.()+*/^%= \t×÷−·]{1,200}|[-(\d]\s?[-+*/^%×÷−·][-\d.()+*/^% \t×÷−·]{1,200}")
_OPERATOR = re.compile(r"[+*/^%×÷−·]|(?<=[\d)])\s*-\s*(?=[\d(])")
_EQUATION = re.compile(r"[-+*/%()?_□\d ]{3,100}=\s*-?\d+")
_GAP = re.compile(r"[?_□]")
_FIGURE = r"(?<![\w.])(-?\d[\d.]{0,15})"
_WORDED = tuple(
    (re.compile(rf"{_FIGURE} (?:{words}) (-?\d[\d.]{{0,15}})"), form)
    for words, form in (
        ("plus|added to|and", "{} + {}"),
        ("minus", "{} - {}"),
        ("times|multiplied by|x", "{} * {}"),
        ("divided by|over", "{} / {}"),
        ("of", "{} / {} * 100"),
        ("to the power of", "{} ** {}"),
    )
)
_REMAINDER = re.compile(
    r"remainder when (.{1,80}?) is divided by (\$?\d[\d,]*\$?)|(\d[\d\s*+^()-]{0,80}?) (?:mod|modulo) (\d+)"
)
_EXAMPLE = re.compile(
    r"(?i)\b(?:for example|for instance|example|e\.g\.|such as|like this|sample output|format)\b[:,]?"
)
_SHOT = re.compile(r"(?m)^\W{0,4}(?:A|Answer|Output|Solution|Response|Final answer)\W{0,3}:\s*(\S.{0,300})$")
_LABELLED = re.compile(r"(?i)(?<![\w.])(-?\w[\w.]{0,30}) ?(?:[:=]|->|→)? ?\b(yes|no|true|false)\b")
_FENCED = re.compile(r"```\w*\n(.{1,2000}?)```", re.DOTALL)
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{2,}\b|^[A-Z][a-z]{2,}\b(?=(?:,| and| is| says| said))", re.MULTILINE)
_LABEL = re.compile(r"\b[A-Z][a-z]+ is (an? [a-z]+)\b")
_SYMBOL = re.compile(r"\b[a-z]\b(?!')|(?<=\d)[a-z]\b")
_LONG_WORD = re.compile(r"[A-Za-z]{4,}")
LONGEST_FORMULA = 300
"""Longest formula in characters."""
GAPS = frozenset("_.?*0xX□-")
_BETWEEN_CELLS = frozenset("<>∧∨^v≤≥＜＞")
_KINDS = (
    (re.compile(r"\bHH:MM:SS(?:\.\w+)?"), "00:00:00"),
    (re.compile(r"\bHH:MM\b"), "00:00"),
    (re.compile(r"\bYYYY-MM-DD\b"), "2000-01-01"),
    (re.compile(r"\b(?:DD/MM/YYYY|MM/DD/YYYY)\b"), "01/01/2000"),
    (re.compile(r"\([a-z], ?[a-z]\)"), "(0, 0)"),
    (re.compile(r"\b\d{1,2}:\d\d:\d\d\b"), "00:00:00"),
    (re.compile(r"\b\d{1,2}:\d\d\b"), "00:00"),
    (re.compile(r"\b\d{4}-\d\d-\d\d\b"), "2000-01-01"),
    (re.compile(r"\[\["), "[[0]]"),
    (re.compile(r"(?i)\bdays?\b"), "0 days"),
    (re.compile(r"%|(?i:\bper ?cent)"), "50%"),
    (re.compile(r"[$€£]\d"), "$0"),
    (re.compile(r"(?i)\btrue or false\b"), "False"),
    (re.compile(r"(?i)\byes or no\b"), "No"),
)
"""Patterns by which a prompt shows the kind of its answer, each with an answer of that kind."""


def expressions(text: str) -> list[str]:
    """Formulas between dollar signs and the like, and arithmetic in figures or words, each once."""
    text = text[:LONGEST]
    spans = [span.strip() for pattern in _MATHS for span in pattern.findall(text)]
    plain = (span.strip(" =\t.") for span in _ARITHMETIC.findall(text))
    spans += [span for span in plain if _OPERATOR.search(span)]
    spans += [form.format(*numbers) for pattern, form in _WORDED for numbers in pattern.findall(text)]
    return [span for span in dict.fromkeys(map(_balanced, spans)) if span]


def filled_equation(text: str) -> str:
    """The first equation with gaps on its left side, with a zero in each: ``? + 2 * ? = 7``. Empty if there is none."""
    spans = (match[0].strip() for match in _EQUATION.finditer(text[:LONGEST]))
    return next((_GAP.sub("0", span) for span in spans if _GAP.search(span) and re.search(r"[-+*/%]", span)), "")


def _balanced(span: str) -> str:
    """The span without unbalanced parentheses at its ends."""
    while span.count("(") > span.count(")") and span.startswith("("):
        span = span[1:].strip()
    while span.count(")") > span.count("(") and span.endswith(")"):
        span = span[:-1].strip()
    return span


def is_formula(text: str) -> bool:
    """Whether a text is something to work out: a line with operators or brackets and at most two words."""
    if not text or len(text) > LONGEST_FORMULA or "\n" in text:
        return False
    return bool(_OPERATOR.search(text) or re.search(r"[()\[\]]", text)) and len(_LONG_WORD.findall(text)) <= 2


def remainder(text: str) -> str | None:
    """The remainder that a prompt asks for, in LaTeX."""
    match = _REMAINDER.search(text[:LONGEST])
    if match is None:
        return None
    number, modulus = (match[1] or match[3]).strip(" $"), (match[2] or match[4]).strip("$")
    return f"{number} \\mod {modulus}"


def symbol(expression: str) -> str | None:
    """The variable of an expression: its first letter that stands alone or after a figure."""
    match = _SYMBOL.search(expression)
    return match[0] if match else None


def examples(text: str) -> Iterator[str]:
    """Worked examples: the quotation, or else the line, that follows "for example" and the like."""
    text = text[:LONGEST]
    for cue in _EXAMPLE.finditer(text):
        rest = text[cue.end() : cue.end() + 400]
        line = next((line for line in rest.splitlines() if line.strip(" .:,")), "")
        yield next(quotations(line), line.strip(" .:,"))


def shots(text: str) -> list[str]:
    """Answers to earlier questions that a prompt shows."""
    return [answer.strip() for answer in _SHOT.findall(text[:LONGEST])]


def positives(text: str) -> list[str]:
    """The items that a prompt labels yes or true, if it labels others no or false; otherwise empty."""
    pairs = [(item, label.lower() in ("yes", "true")) for item, label in _LABELLED.findall(text[:LONGEST])]
    examples = list(dict.fromkeys(item for item, positive in pairs if positive))
    return examples if len(pairs) > len(examples) else []


def templates(text: str) -> list[str]:
    """Quoted forms with three dots where something has to be filled in."""
    return [quote for quote in dict.fromkeys(quotations(text[:LONGEST])) if "..." in quote or "…" in quote]


def fenced(text: str) -> str | None:
    """The content of the first code fence; None if there is none."""
    match = _FENCED.search(text[:LONGEST])
    return match[1].strip() if match else None


def grid(text: str) -> list[list[str]]:
    """The largest block of lines with equally many cells, at least three of each; empty if there is none.

    Signs between cells, as in puzzles with inequalities, do not count as cells; lines of signs alone are skipped.
    """
    best: list[list[str]] = []
    block: list[list[str]] = []
    for line in [*text[:LONGEST].splitlines(), ""]:
        tokens = line.strip(" |[],").replace(",", " ").replace("|", " ").split()
        cells = [token for token in tokens if token not in _BETWEEN_CELLS]
        if tokens and not cells:
            continue
        fits = len(cells) >= 3 and all(len(cell) <= 3 for cell in cells)
        if fits and (not block or len(block[0]) == len(cells)):
            block.append(cells)
        else:
            best = max(best, block, key=len)
            block = [cells] if fits else []
    return best if len(best) >= 3 else []


def filled(cells: Sequence[Sequence[str]]) -> str | None:
    """A grid with its gaps filled by the values that its rows lack; None if it has no gaps."""
    gaps = {cell for row in cells for cell in row if cell in GAPS}
    if not gaps:
        return None
    gap = Counter(cell for row in cells for cell in row if cell in GAPS).most_common(1)[0][0]
    letters = sorted({cell for row in cells for cell in row} - {gap} - GAPS)
    values = [str(number) for number in range(1, len(cells) + 1)] if all(map(str.isdecimal, letters)) else letters
    lines = []
    for row in cells:
        missing = iter([value for value in values if value not in row])
        lines.append(" ".join(next(missing, (values or ["1"])[0]) if cell == gap else cell for cell in row))
    return "\n".join(lines)


def labelled(text: str) -> list[str]:
    """The prompt's own names, all with the same label ("A is a b"), once for each of its first two labels."""
    names = [name for name, count in Counter(_NAME.findall(text[:LONGEST])).items() if count > 1]
    labels = list(dict.fromkeys(_LABEL.findall(text[:LONGEST])))[:2]
    if len(names) < 2:
        return []
    return [", ".join(f"{name} is {label}" for name in names) for label in labels]


def kind_constant(text: str) -> str | None:
    """A constant answer of the kind that a prompt shows, such as 00:00 where it shows a time."""
    return next((constant for pattern, constant in _KINDS if pattern.search(text[:LONGEST])), None)


def varying(prompts: Sequence[str]) -> list[str]:
    """The part of each prompt that differs from others of its kind: from the first word that differs to the last."""
    kinds: dict[str, list[int]] = defaultdict(list)
    for place, prompt in enumerate(prompts):
        kinds[" ".join(re.sub(r"[\d\W]+", " ", prompt[:200]).split()[:2]).lower()].append(place)
    spans = [""] * len(prompts)
    for places in kinds.values():
        if len(places) < FEW:
            continue
        words = {place: prompts[place][:LONGEST].split() for place in places}
        shared = Counter(word for place in places for word in set(words[place]))
        template = {word for word, count in shared.items() if count >= TEMPLATE * len(places)}
        for place in places:
            spans[place] = _span(prompts[place], template)
    return spans


def _span(prompt: str, template: set[str]) -> str:
    words = [word for word in re.finditer(r"\S+", prompt[:LONGEST]) if word[0] not in template]
    return prompt[words[0].start() : words[-1].end()].strip(" .?!:\n") if words else ""
