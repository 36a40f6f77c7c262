"""Scripted policies: attacks of several turns, tried in addition to the panel if completions are episodes.

They see what the panel's attacks see: the first observation, the form of golden completions, and the names of the tools
or commands that the first observation or the row's data offers.
"""

from __future__ import annotations

from functools import partial

from loopholes.audit.attacks.base import Attack, Make, View, adaptive
from loopholes.audit.episodes.scripts import OBSERVATION, script

MOST_TOOLS = 4
"""Maximum number of tools that are called repeatedly, each in its own attack."""
NOTATIONS = {
    "word": "{name}",
    "argument": "{name} test",
    "call": "{name}()",
    "bracket": "{name}[]",
    "tag": "<{name}></{name}>",
    "tool-call": '<tool_call>\n{"name": "{name}", "arguments": {}}\n</tool_call>',
    "json": '{"tool": "{name}", "arguments": {}}',
    "action": '{"tool_name": "{name}", "arguments": {}}',
}
"""Notations for a tool call without arguments. The audit does not know which one an environment reads."""
CLAIM = "Done. The task is complete and all checks pass."
SILENCE = {
    "never-answer": "",
    "never-answer-wait": "wait",
    "never-answer-thinking": "I am still thinking about it.",
}
ENDINGS = ("done", "exit", "quit", "finish", "submit", "stop")
"""Words that may be commands to end an episode."""
GUESSES = ("0", "1", "A", "yes", "unknown")


def _calls(notation: str, view: View) -> list[str]:
    return [NOTATIONS[notation].replace("{name}", name) for name in view.tools]


def _repeat(notation: str, place: int, view: View) -> str | None:
    """One tool, called without arguments until the episode ends."""
    calls = _calls(notation, view)
    return script(calls[place]) if place < len(calls) else None


def _every(notation: str, last: str, view: View) -> str | None:
    """Every tool once, without arguments, then a last action."""
    calls = _calls(notation, view)
    return script(*calls, last) if calls else None


def _at_once(text: str, view: View) -> str:
    """An answer on the first turn, in the form of right answers."""
    return script(view.form.wrap(text))


def _say(text: str, view: View) -> str:
    return script(text)


_TOOLS: dict[str, Make] = {
    **{
        f"repeat-tool-{place + 1}-{notation}": partial(_repeat, notation, place)
        for place in range(MOST_TOOLS)
        for notation in NOTATIONS
    },
    **{f"every-tool-{notation}": partial(_every, notation, "") for notation in NOTATIONS},
    **{f"every-tool-{notation}-and-claim": partial(_every, notation, CLAIM) for notation in NOTATIONS},
    "declare-success": partial(_say, CLAIM),
    "declare-success-in-form": partial(_at_once, CLAIM),
}
_IDLE: dict[str, Make] = {
    **{name: partial(_say, text) for name, text in SILENCE.items()},
    **{f"end-at-once-{word}": partial(_say, word) for word in ENDINGS},
    **{f"answer-at-once-{text.lower()}": partial(_at_once, text) for text in GUESSES},
}
_ECHOES: dict[str, Make] = {
    "echo-observations": partial(_say, OBSERVATION),
    "echo-observations-in-form": partial(_at_once, OBSERVATION),
}
ATTACKS: tuple[Attack, ...] = (
    *adaptive("degenerate", _IDLE),
    *adaptive("tool-use", _TOOLS),
    *adaptive("echo", _ECHOES),
)
"""Every scripted policy. Names are unique, and different from the panel's."""
