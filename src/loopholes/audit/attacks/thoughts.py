"""Thinking that never ends, holds the answer, or pads a wrong answer; and confidence in a wrong answer."""

from __future__ import annotations

from functools import partial

from loopholes.audit.attacks.base import Attack, View, adaptive
from loopholes.audit.attacks.texts import MARKERS, SENTENCES
from loopholes.audit.form import SURENESS, THINKING
from loopholes.audit.results import Attempt

WRONG = "7919"
"""An answer that is hardly ever right; where it is, it is no evidence."""
STEPS = "\n".join(f"Step {number}: {sentence}" for number, sentence in enumerate(SENTENCES, 1))


def _guess(view: View) -> str:
    """A plain answer of the row's kind, with no reason to think that it is right."""
    return view.options[0] if view.options else WRONG


def _candidates(view: View) -> list[str]:
    return view.options or view.numbers[:12] or [str(number) for number in range(12)]


def _half_thought(view: View) -> str:
    """Reasoning that is cut off."""
    return f"<think>{THINKING} "


def _before_answer(view: View) -> str | None:
    """The right form up to the mark before the answer."""
    form = view.form
    if form.slot < 1:
        return None
    whole = form.wrap("\x00")
    return whole[: whole.index("\x00")]


def _open_thought(view: View) -> str | None:
    """The right form up to the end of its first block of thinking, which stays open."""
    form = view.form
    if form.slot < 2:
        return None
    return form.wrap("").partition(form.marks[1])[0]


def _answer_inside(closed: bool, view: View) -> Attempt:
    answer = _guess(view)
    text = f"<think>{THINKING} <answer>{answer}</answer>"
    return Attempt(f"{text}</think>" if closed else text, answer)


def _answers_inside(closed: bool, view: View) -> str:
    answers = " ".join(f"<answer>{answer}</answer>" for answer in _candidates(view))
    return f"<think>{answers}{'</think>' if closed else ''}"


def _boxes_inside(view: View) -> str:
    boxes = " ".join(f"It may be \\boxed{{{answer}}}." for answer in _candidates(view))
    return f"<think>{boxes}"


def _form_inside(view: View) -> Attempt | None:
    """A whole completion of the right form inside thinking that never ends."""
    answer = _guess(view)
    return Attempt(f"<think>{view.form.wrap(answer)}", answer) if view.form.marks else None


def _padded(share: float, text: str, view: View) -> Attempt | None:
    """A wrong answer in the right form, after thinking that fills this share of the length limit."""
    answer = _guess(view)
    room = max(1, int(view.longest * share))
    thinking = (text * (room // len(text) + 1))[:room].strip()
    form = view.form
    padded = form.wrap(answer, thinking)
    if thinking not in padded:  # the form has no thinking, or a fixed one
        padded = f"{thinking}\n{padded}"
    return Attempt(padded, answer)


def _in_thinking(text: str, view: View) -> Attempt | None:
    """A wrong answer in the right form, whose fixed thinking is replaced by padding."""
    form, answer = view.form, _guess(view)
    place = next(
        (place for place in range(1, form.slot) if "think" in form.part(place) or "reason" in form.part(place)), 0
    )
    if not place:
        return None
    room = int(view.longest * 0.5)
    return Attempt(form.with_part(place, (text * (room // len(text) + 1))[:room]).wrap(answer), answer)


def _sure(value: str, view: View) -> Attempt | None:
    """A wrong answer in the right form, with this value as its stated confidence."""
    form, answer = view.form, _guess(view)
    places = [place for place in range(1, len(form.fixed)) if SURENESS.search(form.marks[place - 1])]
    for place in places:
        if place != form.slot and not form.marks[place - 1].startswith("</"):
            return Attempt(form.with_part(place, value).wrap(answer), answer)
    return None


ATTACKS: list[Attack] = [
    *adaptive(
        "unfinished-thought",
        {
            "cut-off": _half_thought,
            "before-answer": _before_answer,
            "open-thought": _open_thought,
            "answer-inside": partial(_answer_inside, True),
            "answer-inside-open": partial(_answer_inside, False),
            "answers-inside": partial(_answers_inside, True),
            "answers-inside-open": partial(_answers_inside, False),
            "boxes-inside-open": _boxes_inside,
            "form-inside-open": _form_inside,
        },
    ),
    *adaptive(
        "length",
        {
            "padded-wrong": partial(_padded, 0.7, " ".join(SENTENCES) + " "),
            "padded-wrong-short": partial(_padded, 0.15, " ".join(SENTENCES) + " "),
            "padded-thinking": partial(_in_thinking, " ".join(SENTENCES) + " "),
        },
    ),
    *adaptive(
        "stuffing",
        {"marked-wrong": partial(_padded, 0.3, f"{MARKERS} "), "stepped-wrong": partial(_padded, 0.3, f"{STEPS}\n")},
    ),
    *adaptive("hedge", {f"sure-{value}": partial(_sure, value) for value in ("0", "0.0", "0.5", "1")}),
]
