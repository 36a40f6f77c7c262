"""Ways in which people and models write the same right answer.

Each way applies to certain kinds of answers. Spellings that nobody writes are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from loopholes.audit.gold import code_variants, json_ways
from loopholes.audit.gold.answer import Answer, Kind, Write
from loopholes.audit.gold.refused import Scope
from loopholes.rewards.numbers import number, with_unit

_DIGITS_ALONE = re.compile(
    r"(?i)\bjson\b|\bpython\b|\bcommas?\b|\bseparators?\b|\bdigits? (?:only|alone)|\bonly digits"
)
_CASE_DEMANDED = re.compile(
    r"(?i)\bjson\b|\b(?:in|all) capitals\b|\bcapital letters?\b|\b(?:upper|lower)[- ]?case\b"
    r"|\bexactly\b|\bverbatim\b|\bcopy\b"
)
ORDER_DEMANDED = re.compile(
    r"(?i)smallest|largest|order of|ascending|descending|\bsort|\brank|\bsequence\b"
    r"|\b(?:rising|falling|increasing|decreasing|alphabetical|chronological|same|right|this) order\b"
)
"""Words of a prompt that demand one spelling or one order, so that no other is equivalent."""
_JSON = re.compile(r"(?i)\bjson\b")
NUMBER: tuple[Kind, ...] = ("number",)
CHOICE: tuple[Kind, ...] = ("choice",)
TEXT: tuple[Kind, ...] = ("text",)
LIST: tuple[Kind, ...] = ("list",)
RECORD: tuple[Kind, ...] = ("record",)
PROGRAM: tuple[Kind, ...] = ("program",)
WORDS: tuple[Kind, ...] = ("choice", "text", "date")
EXPRESSION: tuple[Kind, ...] = ("expression",)
MATHS: tuple[Kind, ...] = ("number", "list")
NOT_IN_A_BOX = ("spaces", "full stop", "**bold**", "$..$", r"\(..\)", "backticks", "quotes", "a sentence in its place")
"""Ways that nobody writes inside a box."""
SHORT: tuple[Kind, ...] = (*MATHS, *WORDS, *EXPRESSION, "ranking", "call")
ALL: tuple[Kind, ...] = (*SHORT, "program", "record")


class Way(NamedTuple):
    """One way to write the same answer: another text in its place, or (``whole``) another completion."""

    write: Write
    kinds: tuple[Kind, ...]
    place: Scope = "within"
    whole: bool = False


def _like(template: str) -> Write:
    return lambda answer: template.replace("{}", answer.text)


def _alone(template: str) -> Write:
    """For answers that stand alone and not in a sentence."""

    def written(answer: Answer) -> str | None:
        in_sentence = not answer.has_form and answer.text != answer.golden.strip()
        return None if in_sentence else template.replace("{}", answer.text)

    return written


def _own_line(answer: Answer) -> str | None:
    """The answer on its own line, between tags, where models often put it."""
    return f"\n{answer.text}\n" if f"{answer.text}</" in answer.golden else None


def _matching(pattern: str, write: Callable[[re.Match[str]], str]) -> Write:
    """For answers that match a pattern as a whole."""

    def written(answer: Answer) -> str | None:
        match = re.fullmatch(pattern, answer.text)
        return write(match) if match else None

    return written


def _demands(answer: Answer, words: re.Pattern[str]) -> bool:
    """Whether the prompt demands one spelling. JSON alone demands none of what is inside a text."""
    return words.search(_JSON.sub("", answer.row.text) if answer.path else answer.row.text) is not None


def _thousands(separator: str) -> Write:
    def written(answer: Answer) -> str | None:
        match = re.fullmatch(r"(-?)(\d{4,12})(\.\d+)?", answer.text)
        if match is None or _demands(answer, _DIGITS_ALONE):
            return None
        return f"{match[1]}{int(match[2]):,}{match[3] or ''}".replace(",", separator)

    return written


def _scientific(answer: Answer) -> str | None:
    """Scientific notation, only for large and small numbers, which people do write like that."""
    value = answer.value
    if value is None or with_unit(answer.text)[1] or not (abs(value) >= 10_000 or 0 < abs(value) < 0.01):
        return None
    mantissa, _, exponent = f"{float(value):.10e}".partition("e")
    text = f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return text if number(text) == value else None


def _times_ten(answer: Answer) -> str | None:
    text = _scientific(answer)
    return None if text is None else text.replace("e", r" \times 10^{") + "}"


def _decimal_of_fraction(answer: Answer) -> str | None:
    if not re.search("/|frac", answer.text) or answer.value is None:
        return None
    text = f"{float(answer.value):.6f}".rstrip("0").rstrip(".")
    return text if number(text) == answer.value else None


def _fraction_of_decimal(answer: Answer) -> str | None:
    value = answer.value
    simple = value is not None and re.fullmatch(r"-?\d*\.\d{1,3}", answer.text) and value.denominator in (2, 4, 5, 8)
    return f"{value.numerator}/{value.denominator}" if simple and value is not None else None


def _fraction(template: str) -> Write:
    """A fraction, as ``a/b`` or in LaTeX, by a template with TOP and BOTTOM."""

    def written(answer: Answer) -> str | None:
        match = re.fullmatch(r"(-?)(?:\\[dt]?frac\{(-?\d+)\}\{(\d+)\}|(\d+)/(\d+))", answer.text)
        if match is None:
            return None
        top, bottom = match[2] or match[4], match[3] or match[5]
        return match[1] + template.replace("TOP", top).replace("BOTTOM", bottom)

    return written


def _variable(answer: Answer) -> str | None:
    """``x = 42`` if the prompt asks for x."""
    match = re.search(r"(?<![\w'])([xyzn])(?![\w'])", answer.row.text)
    return f"{match[1]} = {answer.text}" if match else None


def _currency(answer: Answer) -> str | None:
    priced = re.search(r"\$\s?\d|\bdollars?\b", answer.row.text)
    return f"${answer.text}" if priced and re.fullmatch(r"\d[\d,.]*", answer.text) else None


def _unit_apart(answer: Answer) -> str | None:
    """``5km`` for ``5 km``, and vice versa."""
    match = re.fullmatch(r"([\d.,/-]+)(\s*)([A-Za-z°%].*)", answer.text)
    return f"{match[1]}{'' if match[2] else ' '}{match[3]}" if match else None


def _unit_in_latex(answer: Answer) -> str | None:
    match = re.fullmatch(r"([\d.,/-]+)\s*([A-Za-z][A-Za-z ]*)", answer.text)
    return rf"{match[1]} \text{{ {match[2]}}}" if match else None


def _letter(template: str) -> Write:
    return lambda answer: template.replace("{}", answer.text.strip("()"))


def _letter_with_text(answer: Answer) -> str | None:
    letter = answer.text.strip("()")
    text = answer.options.get(letter)
    return f"{letter}) {text}" if text else None


def _cased(change: Callable[[str], str]) -> Write:
    """For words, but not for names in which case matters."""

    def written(answer: Answer) -> str | None:
        plain = re.fullmatch(r"[A-Za-z][a-z]+(?:[ -][A-Za-z]?[a-z]+)*", answer.text)
        return change(answer.text) if plain and not _demands(answer, _CASE_DEMANDED) else None

    return written


def _shout(answer: Answer) -> str | None:
    return answer.text.upper() if re.fullmatch("(?i)yes|no|true|false|none", answer.text) else None


def _list(separator: str, brackets: tuple[str, str] = ("", "")) -> Write:
    def written(answer: Answer) -> str | None:
        return f"{brackets[0]}{separator.join(answer.items)}{brackets[1]}" if "\n" not in answer.text else None

    return written


def _operators(space: str) -> Write:
    """The expression with this space on either side of each operator between two terms."""
    return lambda answer: re.sub(r"(?<=[\d)])\s*([-+*/×·÷−=])\s*", rf"{space}\1{space}", answer.text)


def _other_order(answer: Answer) -> str | None:
    """The items reversed, if the answer is a set or the prompt allows any order."""
    free = answer.text.lstrip("\\").startswith("{") or re.search(r"\bany order\b|\bset of\b", answer.row.text)
    return reversed_items(answer) if free else None


def reversed_items(answer: Answer) -> str | None:
    """The items of a list in reverse, in its brackets; None if the prompt demands an order, or if they are alike."""
    items = answer.items
    start, end = answer.text.find(items[0]), answer.text.rfind(items[-1]) + len(items[-1])
    if ORDER_DEMANDED.search(answer.row.text) or len(set(items)) < 2:
        return None
    return f"{answer.text[:start]}{', '.join(items[::-1])}{answer.text[end:]}"


def _and_last(answer: Answer) -> str | None:
    return f"{', '.join(answer.items[:-1])} and {answer.items[-1]}" if not re.search(r"[\[{(]", answer.text) else None


def _code(change: Callable[[str], str | None]) -> Write:
    """The same program with its text changed, in the same fence."""

    def written(answer: Answer) -> str | None:
        source = change(answer.program)
        if source is None:
            return None
        return answer.text.replace(answer.program, source if source.endswith("\n") else f"{source}\n")

    return written


def _fence(label: str) -> Write:
    def written(answer: Answer) -> str | None:
        return re.sub(r"```\w*\n", f"```{label}\n", answer.golden, count=1) if answer.golden.count("```") == 2 else None

    return written


def _unboxed(template: str) -> Write:
    """A completion in another form than the golden one."""
    return lambda answer: template.replace("{}", answer.text) if "boxed" not in template or _bare_box(answer) else None


def _bare_box(answer: Answer) -> bool:
    return "\\boxed" not in answer.golden


_PLAIN: Mapping[str, Way] = {
    "spaces": Way(_alone(" {} "), SHORT),
    "own line": Way(_own_line, SHORT),
    "full stop": Way(_alone("{}."), SHORT),
    "**bold**": Way(_like("**{}**"), SHORT),
    r"\text{}": Way(_like(r"\text{{}}"), WORDS),
    "$..$": Way(_like("${}$"), MATHS),
    r"\(..\)": Way(_like(r"\({}\)"), NUMBER),
    "backticks": Way(_like("`{}`"), (*NUMBER, *WORDS, *EXPRESSION)),
    "quotes": Way(_like('"{}"'), WORDS),
    "decimal .0": Way(_matching(r"-?\d{1,9}", lambda match: f"{match[0]}.0"), NUMBER),
    "trailing zero": Way(_matching(r"-?\d+\.\d{1,6}", lambda match: f"{match[0]}0"), NUMBER),
    "leading zero dropped": Way(_matching(r"(-?)0(\.\d+)", lambda match: match[1] + match[2]), NUMBER),
    "leading plus": Way(_matching(r"\d+(?:\.\d+)?", lambda match: f"+{match[0]}"), NUMBER),
    "unicode minus": Way(_matching(r"-(.+)", lambda match: f"−{match[1]}"), NUMBER),
    "thousands separators": Way(_thousands(","), NUMBER),
    "thousands in LaTeX": Way(_thousands("{,}"), NUMBER),
    "scientific notation": Way(_scientific, NUMBER),
    "powers of ten in LaTeX": Way(_times_ten, NUMBER),
    "decimal for a fraction": Way(_decimal_of_fraction, NUMBER),
    "fraction for a decimal": Way(_fraction_of_decimal, NUMBER),
    r"\frac": Way(_fraction(r"\frac{TOP}{BOTTOM}"), NUMBER),
    r"\dfrac": Way(_fraction(r"\dfrac{TOP}{BOTTOM}"), NUMBER),
    "a/b": Way(_fraction("TOP/BOTTOM"), NUMBER),
    "a / b": Way(_fraction("TOP / BOTTOM"), NUMBER),
    "percent in LaTeX": Way(_matching(r"(.+?)%", lambda match: rf"{match[1].strip()}\%"), NUMBER),
    "percent apart": Way(_matching(r"(\S+)%", lambda match: f"{match[1]} %"), NUMBER),
    "unit apart or joined": Way(_unit_apart, NUMBER),
    "unit in LaTeX": Way(_unit_in_latex, NUMBER),
    "currency sign": Way(_currency, NUMBER),
    "x = 42": Way(_variable, NUMBER),
    "(B)": Way(_letter("({})"), CHOICE),
    "B)": Way(_letter("{})"), CHOICE),
    "Option B": Way(_letter("Option {}"), CHOICE),
    "[B]": Way(_letter("[{}]"), CHOICE),
    r"\mathbf{B}": Way(_letter(r"\mathbf{{}}"), CHOICE),
    "small letter": Way(lambda answer: answer.text.lower(), CHOICE),
    "B) its text": Way(_letter_with_text, CHOICE),
    "lower case": Way(_cased(str.lower), TEXT),
    "capitalized": Way(_cased(str.capitalize), TEXT),
    "title case": Way(_cased(str.title), TEXT),
    "capitals": Way(_shout, TEXT),
    "no spaces around operators": Way(_operators(""), EXPRESSION),
    "spaces around operators": Way(_operators(" "), EXPRESSION),
    "other order": Way(_other_order, LIST),
    "no spaces in the list": Way(_list(","), LIST),
    "spaces in the list": Way(_list(", "), LIST),
    "brackets": Way(_list(", ", ("[", "]")), LIST),
    r"\{ \}": Way(_list(", ", ("\\{", "\\}")), LIST),
    "and": Way(_and_last, LIST),
    "compact JSON": Way(json_ways.with_layout(separators=(",", ":")), RECORD),
    "indented JSON": Way(json_ways.with_layout(indent=2), RECORD),
    "other order of keys": Way(json_ways.other_keys, RECORD),
    "other spaces in JSON held as text": Way(json_ways.in_text(json_ways.other_spaces), RECORD),
    "other order of keys in JSON held as text": Way(json_ways.in_text(json_ways.keys_reversed), RECORD),
    "renamed variables": Way(_code(code_variants.renamed), PROGRAM),
    "docstring": Way(_code(code_variants.documented), PROGRAM),
    "type hints": Way(_code(code_variants.annotated), PROGRAM),
    "reordered assignments": Way(_code(code_variants.reordered), PROGRAM),
    "comment": Way(_code(code_variants.commented), PROGRAM),
    "other spacing of code": Way(_code(code_variants.reformatted), PROGRAM),
    "fence without a language": Way(_fence(""), PROGRAM, "around", whole=True),
    "fence py": Way(_fence("py"), PROGRAM, "around", whole=True),
    "JSON in a fence": Way(json_ways.fenced("```json\n{}\n```"), RECORD, "around"),
    "JSON in a fence, after a remark": Way(json_ways.fenced("Here is the JSON:\n\n```json\n{}\n```"), RECORD, "around"),
    "JSON without its fence": Way(json_ways.unfenced, RECORD, "around", whole=True),
    "a number as text": Way(json_ways.number_as_text, RECORD, "around"),
    "a text as number": Way(json_ways.text_as_number, RECORD, "around"),
    "the bare answer": Way(_unboxed("{}"), SHORT, "around", whole=True),
    "The answer is": Way(_unboxed("The answer is {}."), SHORT, "around", whole=True),
    "Answer:": Way(_unboxed("Answer: {}"), SHORT, "around", whole=True),
    "**Answer:**": Way(_unboxed("**Answer:** {}"), SHORT, "around", whole=True),
    "Final answer:": Way(_unboxed("Final answer: {}"), SHORT, "around", whole=True),
    r"\boxed{}": Way(_unboxed(r"The answer is \boxed{{}}."), SHORT, "around", whole=True),
    r"\boxed{} in its place": Way(
        lambda answer: rf"\boxed{{{answer.text}}}" if _bare_box(answer) else None, SHORT, "around"
    ),
    "a sentence in its place": Way(_alone("The answer is {}."), SHORT, "around"),
    "a remark behind": Way(lambda answer: f"{answer.golden}\n\nI hope this helps!", ALL, "around", whole=True),
    "a remark before": Way(lambda answer: f"Sure, here is my answer.\n\n{answer.golden}", ALL, "around", whole=True),
    "blank lines at the end": Way(lambda answer: f"{answer.golden}\n\n", ALL, "within", whole=True),
}
WAYS: Mapping[str, Way] = {
    **_PLAIN,
    **{
        f"{name} in a field": Way(json_ways.in_field(way.write, way.kinds), RECORD)
        for name, way in _PLAIN.items()
        if way.place == "within"
        and not way.whole
        and set(way.kinds) <= set(SHORT)
        and name not in json_ways.NOT_IN_A_FIELD
    },
}
"""Every way to write the same answer, by its name in the report."""


def equivalents(answer: Answer) -> Iterator[tuple[str, str]]:
    """The name and completion of every way that applies to an answer."""
    for name, way in WAYS.items():
        if answer.kind not in way.kinds or (name in NOT_IN_A_BOX and not _bare_box(answer)):
            continue
        text = way.write(answer)
        completion = text if way.whole or text is None else answer.placed(text)
        if completion is not None and completion != answer.golden:
            yield name, completion
