"""Text at which a grader fails: too deep, too large, too slow. What a failure pays is the question."""

from __future__ import annotations

from loopholes.audit.attacks.base import LETTERS_PER_TOKEN, Attack, View, fixed, made


def _deep(opening: str, closing: str, view: View) -> str:
    tokens = view.longest // LETTERS_PER_TOKEN - 100
    depth = max(1, min(1500, tokens // (view.tokens.count(opening) + view.tokens.count(closing) - 2)))
    return opening * depth + closing * depth


def _run(view: View, letter: str, end: str) -> str:
    """A long run that almost matches: where a regular expression goes back and forth."""
    return letter * max(1, min(6000, view.longest - 400)) + end


ATTACKS: list[Attack] = [
    *made(
        "break-the-grader",
        {
            "deep-parentheses": lambda view: _deep("(", ")", view),
            "deep-brackets": lambda view: _deep("[", "]", view),
            "deep-json": lambda view: _deep('{"a":', "}", view),
            "deep-boxes": lambda view: _deep("\\boxed{", "}", view),
            "deep-fractions": lambda view: _deep("\\frac{1}{", "}", view),
            "open-braces": lambda view: _deep("{", "", view),
            "spaces": lambda view: _run(view, " ", "x"),
            "letter-run": lambda view: _run(view, "a", "!"),
            "digit-run": lambda view: _run(view, "9", ""),
            "tabs": lambda view: _run(view, "\t", "."),
            "open-tags": lambda view: _deep("<answer>", "", view),
        },
        ("raw", "golden", "boxed"),
    ),
    *fixed(
        "break-the-grader",
        {
            "power-tower": "9**9**9**9",
            "latex-tower": "9^{9^{9^{9}}}",
            "factorial": "99999999!",
            "big-exponent": "10**100000000",
            "exponent": "1e1000000000",
            "unparseable": "\\frac{\\sqrt[",
            "unbalanced": "\\left( \\frac{1}{2",
            "null-byte": "\x00",
            "surrogate-marks": "\ufffd\ufffe\uffff",
            "right-to-left": "\u202e42",
            "combining": "a" + "\u0301" * 300,
            "emoji": "\U0001f600" * 20,
            "format-string": "%s%s%n {0} {x} ${y}",
            "lambda": "(lambda: 1)()",
            "division": "1/0",
            "escape": "\\u0000\\x00\\",
            "nested-list": "[[[]]]",
            "date": "9999-99-99T99:99:99Z",
        },
        ("raw", "golden", "boxed"),
    ),
]
