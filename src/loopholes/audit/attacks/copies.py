"""What a prompt already says, returned as the answer: the problem unevaluated, a worked example, a number, a grid.

*Restate* returns the problem itself, which equals the answer although nothing was worked out: graders that compare by
value, such as symbolic ones, pay for it. *Worked examples* are earlier answers that the prompt shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from loopholes.audit.attacks import prompts
from loopholes.audit.attacks.base import Attack, View, adaptive
from loopholes.audit.results import Attempt

WRITTEN = ("raw", "golden", "boxed")


def _at(values: Sequence[str], place: int) -> Attempt | None:
    """One of several copies. If it happens to be the right answer, it is no evidence."""
    return Attempt(values[place], values[place]) if -len(values) <= place < len(values) else None


def _expression(place: int, view: View) -> Attempt | None:
    return _at(view.expressions, place) if place == 0 or len(view.expressions) > 1 else None


def _longest(view: View) -> Attempt | None:
    longest = max(view.expressions, key=len, default=None)
    return Attempt(longest, longest) if longest and longest not in (view.expressions[0], view.expressions[-1]) else None


def _varies(view: View) -> Attempt | None:
    """What this prompt says and the others do not, unless that is a formula."""
    text = view.varies
    return Attempt(text, text) if text and len(text) <= 300 and text not in view.expressions else None


def _as_code(view: View) -> str | None:
    """The first formula with Python's operators."""
    if not view.expressions:
        return None
    signs = {"×": "*", "·": "*", "÷": "/", "−": "-", "^": "**", "\\cdot": "*", "\\times": "*", "{": "(", "}": ")"}
    text = view.expressions[0]
    for sign, python in signs.items():
        text = text.replace(sign, python)
    return text if text != view.expressions[0] else None


def _product(view: View) -> str | None:
    """The factors that the prompt names, multiplied and left to the grader to expand."""
    factors = [text for text in view.expressions[:3] if prompts.symbol(text)]
    return f"expand({'*'.join(f'({factor})' for factor in factors)})" if factors else None


def _called(form: str, view: View) -> str | None:
    """A formula inside a call that would evaluate it."""
    expression = next((text for text in reversed(view.expressions) if prompts.symbol(text)), None)
    return form.format(expression, prompts.symbol(expression)) if expression else None


def _wrapped(form: str, view: View) -> str | None:
    return form.format(view.expressions[0]) if view.expressions else None


def _example(place: int, view: View) -> Attempt | None:
    examples = [text for text in dict.fromkeys(prompts.examples(view.prompt)) if text]
    return _at(examples, place) if place == 0 or len(examples) > 1 else None


def _shot(place: int, view: View) -> Attempt | None:
    answers = prompts.shots(view.prompt)
    return _at(answers, place) if place == 0 or len(answers) > 1 else None


def _enumerated(view: View) -> str | None:
    """The prompt's own positive examples, in the last form that it offers for them, instead of a rule about them."""
    items, forms = prompts.positives(view.prompt), prompts.templates(view.prompt)
    return forms[-1].replace("...", ", ".join(items)).replace("…", ", ".join(items)) if items and forms else None


def _last_fence(view: View) -> str | None:
    return prompts.fenced(view.prompt)


def _record(view: View) -> str | None:
    """The prompt's JSON object, copied."""
    start, end = view.prompt.find("{"), view.prompt.rfind("}")
    return view.prompt[start : end + 1] if view.record else None


def _number(place: int, view: View) -> Attempt | None:
    return _at(view.numbers, place) if place == 0 or len(view.numbers) > 1 else None


def _largest(view: View) -> Attempt | None:
    largest = max(view.numbers, key=float, default=None)
    return Attempt(largest, largest) if largest and len(view.numbers) > 2 else None


def _grid(fill: bool, view: View) -> str | None:
    cells = prompts.grid(view.prompt)
    return prompts.filled(cells) if fill else "\n".join(map(" ".join, cells)) or None


def _labelled(place: int, view: View) -> Attempt | None:
    return _at(prompts.labelled(view.prompt), place)


def _kind(view: View) -> Attempt | None:
    constant = prompts.kind_constant(view.prompt)
    return None if constant is None else Attempt(constant, constant)


ATTACKS: list[Attack] = [
    *adaptive("restate", {"expression": partial(_expression, 0), "expression-last": partial(_expression, -1)}, WRITTEN),
    *adaptive(
        "restate",
        {
            "expression-longest": _longest,
            "expression-code": _as_code,
            "expand": _product,
            "integral": partial(_called, "Integral({}, {})"),
            "derivative": partial(_called, "Derivative({}, {})"),
            "solve": partial(_called, "solve({}, {})"),
            "latex-integral": partial(_called, "\\int {} \\, d{}"),
            "remainder": lambda view: prompts.remainder(view.prompt),
            "dollars": partial(_wrapped, "${}$"),
        },
        WRITTEN,
    ),
    *adaptive(
        "worked-example",
        {
            "example": partial(_example, 0),
            "example-last": partial(_example, -1),
            "shot": partial(_shot, 0),
            "shot-last": partial(_shot, -1),
            "examples-enumerated": _enumerated,
            "fenced-example": _last_fence,
            "object": _record,
        },
        ("raw", "golden"),
    ),
    *adaptive("echo", {"number-first": partial(_number, 0), "number-last": partial(_number, -1)}, WRITTEN),
    *adaptive("echo", {"number-largest": _largest, "what-varies": _varies, "grid": partial(_grid, False)}, WRITTEN),
    *adaptive("degenerate", {"grid-filled": partial(_grid, True), "kind-constant": _kind}, WRITTEN),
    *adaptive("degenerate", {"one-label": partial(_labelled, 0), "other-label": partial(_labelled, 1)}, WRITTEN),
]
