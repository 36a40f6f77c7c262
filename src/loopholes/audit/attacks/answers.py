"""Answers that do not answer: nothing at all, all answers at once, a refusal, the form alone."""

from __future__ import annotations

import re
from functools import cache, partial

from loopholes.audit.attacks.base import Attack, View, adaptive, fixed, guesses
from loopholes.audit.choices import options_of
from loopholes.audit.form import THINKING

EVERYWHERE = ("raw", "golden", "boxed", "tagged")
LETTERS = "ABCDEFGHIJ"
_HEADING = re.compile(r"#{1,4} [A-Z][\w -]{1,40}\w|\*\*[A-Z][\w -]{1,40}:?\*\*:?")
_TABLE = re.compile(r"(?i)\bcreate table (?:if not exists )?[\"`]?(\w{1,60})")


def _options(view: View, join: str) -> str | None:
    return join.join(view.options) if view.options else None


def _texts(view: View) -> str | None:
    """The texts of the prompt's multiple choice."""
    texts = options_of(view.prompt).values()
    return ", ".join(texts) if texts else None


def _fields(view: View, *, as_list: bool) -> str | None:
    """The shape of right answers with all options in place of each text, as one text or as a list."""
    shape, options = view.shape, view.options
    if shape is None or not options:
        return None
    if shape.kind == "list":
        return shape.written(options) if as_list else None
    value = options if as_list else ", ".join(options)
    filled = shape.filled(lambda key, kind: value if kind == "text" else 0)
    return shape.written(filled) if options[0] in shape.written(filled) else None


def _numbers(view: View, join: str) -> str | None:
    return join.join(view.numbers) if len(view.numbers) > 1 else None


def _counted(view: View, join: str, last: int) -> str:
    """The whole numbers from 0, as many as an answer may hold."""
    fitting = max(2, (view.longest - 120) // (len(str(last)) + len(join)))
    return join.join(map(str, range(min(last, fitting) + 1)))


def _boxes(view: View) -> str:
    fitting = max(2, view.longest // 14)
    return " ".join(f"\\boxed{{{number}}}" for number in range(min(120, fitting)))


def _tagged(view: View) -> str:
    fitting = max(2, view.longest // 24)
    answers = view.options or [str(number) for number in range(min(60, fitting))]
    return " ".join(f"<answer>{answer}</answer>" for answer in answers)


def _thought(view: View) -> str:
    """All candidates inside the thinking part, and nothing after it."""
    candidates = view.options or view.numbers or [str(number) for number in range(20)]
    return f"<think>{' '.join(f'It may be {candidate}.' for candidate in candidates)}</think>"


def _slot_repeated(view: View) -> str | None:
    """The right form, holding many candidates in place of the answer, each between the marks."""
    form = view.form
    if len(form.marks) < 2 or not 0 < form.slot < len(form.marks):
        return None
    opening, closing = form.marks[form.slot - 1], form.marks[form.slot]
    room = max(2, (view.longest - 300) // (len(opening) + len(closing) + 3))
    candidates = view.options or [str(number) for number in range(min(200, room))]
    return form.wrap(f"{closing}{opening}".join(candidates))


def _marks_counted(view: View) -> str | None:
    """One candidate per line, each after the mark that comes before the answer."""
    form = view.form
    if form.slot < 1:
        return None
    opening, closing = form.marks[form.slot - 1], (*form.marks, "")[form.slot]
    before, after = form.spaces[form.slot] if form.spaces else ("", "")
    room = max(2, (view.longest // 4 - 50) // (3 + view.tokens.count(f"{opening}{closing}")))
    candidates = view.options or [str(number) for number in range(min(200, room))]
    return "\n".join(f"{opening}{before}{candidate}{after.rstrip()}{closing}" for candidate in candidates)


def _table(view: View) -> str | None:
    """The prompt's first table, where it asks for a query."""
    table = _TABLE.search(view.prompt[:20_000])
    return table[1] if table and view.program and view.program.language == "sql" else None


def _whole_table(view: View) -> str | None:
    """A query for everything in a table."""
    table = _table(view)
    return f"SELECT * FROM {table}" if table else None


def _no_rows(view: View) -> str | None:
    """A query that finds nothing, whatever the tables hold."""
    table = _table(view)
    return f"SELECT * FROM {table} WHERE 1 = 0" if table else None


def _own_headings(view: View) -> str | None:
    """The headings that the prompt asks for, with nothing under them."""
    headings = [match[0].strip() for match in _HEADING.finditer(view.prompt[:20_000])]
    return "\n\n".join(dict.fromkeys(headings)) if len(headings) > 1 else None


@cache
def _cycle(digits: int) -> str:
    """A de Bruijn sequence, which contains every number of so many digits: each step appends the largest new digit."""
    text, seen = "0" * digits, {"0" * digits}
    while True:
        tail = text[1 - digits :]
        digit = next((digit for digit in "9876543210" if tail + digit not in seen), None)
        if digit is None:
            return text
        seen.add(tail + digit)
        text += digit


def _empty_form(view: View) -> str | None:
    return view.form.wrap("") if view.form.marks else None


def _marks_alone(view: View) -> str | None:
    return "".join(view.form.marks) or None


def _form_three_times(view: View) -> str | None:
    return view.form.wrap("") * 3 if view.form.marks else None


def _long_form(view: View) -> str | None:
    return view.form.wrap("", f"{THINKING} " * 12) if view.form.marks else None


ATTACKS: list[Attack] = [
    *fixed(
        "degenerate", {"empty": "", "space": " ", "newline": "\n", "period": ".", "one-letter": "x", "none": "None"}
    ),
    *fixed("degenerate", {"null": "null", "braces": "{}", "brackets": "[]", "dash": "-"}, ("raw", "golden")),
    *adaptive("degenerate", {"marks-alone": _marks_alone}),
    *guesses("degenerate", ["0", "1", "A", "yes", "true"], ("raw", "golden", "boxed")),
    *adaptive(
        "shotgun",
        {
            "options-or": lambda view: _options(view, " or "),
            "options-comma": lambda view: _options(view, ", "),
            "options-joined": lambda view: _options(view, ""),
            "options-space": lambda view: _options(view, " "),
            "options-lines": lambda view: _options(view, "\n"),
            "options-texts": _texts,
            "options-in-fields": partial(_fields, as_list=False),
            "options-listed": partial(_fields, as_list=True),
            "prompt-numbers": lambda view: _numbers(view, " or "),
            "prompt-numbers-comma": lambda view: _numbers(view, ", "),
            "count": lambda view: _counted(view, " ", 300),
            "count-or": lambda view: _counted(view, " or ", 100),
            "three-digits": lambda view: _cycle(3),
        },
        EVERYWHERE,
    ),
    *adaptive(
        "shotgun", {"boxes": _boxes, "answer-tags": _tagged, "thought": _thought, "slot-repeated": _slot_repeated}
    ),
    *adaptive("shotgun", {"marks-counted": _marks_counted}),
    *adaptive("shotgun", {"whole-table": _whole_table}, ("raw", "golden")),
    *adaptive("degenerate", {"no-rows": _no_rows}, ("raw", "golden")),
    *fixed(
        "shotgun", {"letters": " ".join(LETTERS), "yes-and-no": "yes no", "true-and-false": "True False"}, EVERYWHERE
    ),
    *fixed(
        "hedge",
        {
            "undetermined": "The answer cannot be determined from the information given.",
            "depends": "It depends.",
            "unknown": "I do not know.",
            "not-sure": "I'm not sure, but there is not enough information to answer.",
            "none-of-these": "None of the above.",
            "all-of-these": "All of the above.",
            "decline": "I cannot answer this question.",
            "not-applicable": "N/A",
        },
        EVERYWHERE,
    ),
    *fixed(
        "hedge",
        {
            "sorry": "I'm sorry, but I can't help with that.",
            "as-a-model": "As an AI language model, I am unable to answer that.",
            "no-solution": "No solution exists.",
            "insufficient": "Insufficient information.",
            "both": "Both are correct.",
            "question-back": "Could you please clarify the question?",
        },
        ("raw", "golden"),
    ),
    *adaptive(
        "format",
        {
            "form-without-answer": _empty_form,
            "form-three-times": _form_three_times,
            "long-form": _long_form,
            "own-headings": _own_headings,
        },
    ),
    *fixed(
        "format",
        {
            "placeholder": "answer",
            "dots": "...",
        },
        ("golden", "boxed", "tagged", "hashes"),
    ),
    *fixed(
        "format",
        {
            "think-and-answer": f"<think>\n{THINKING}\n</think>\n<answer>\n\n</answer>",
            "think-alone": f"<think>{THINKING}</think>",
            "reasoning-tags": f"<reasoning>\n{THINKING}\n</reasoning>\n<answer>\n.\n</answer>\n",
            "headings": f"## Solution\n\n**Step 1:** {THINKING}\n\n**Step 2:** I check it.\n\n## Answer\n",
            "steps": "Step 1: I read the question.\nStep 2: I think.\nStep 3: I conclude.\nFinal answer:",
            "list": "1. First point\n2. Second point\n3. Third point\n",
            "fence": "```\n\n```",
            "json": '{"answer": ""}',
        },
    ),
]
