"""The actions of a scripted policy in an episode, written as a completion.

A plain text is the action on the *answering turn*: the first turn, or the one after the row's ``lead``, which holds the
actions that every right episode begins with. A *script* is a JSON object with the single key ``actions`` and a list of
texts, played from the first turn. Either way, the last action is repeated until the episode ends, and
``{observation}`` in a script stands for the last observation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from loopholes.audit.frameworks.base import Row

OBSERVATION = "{observation}"
"""Stands for the last observation in an action of a script."""
LEAD = "lead"
"""The column with the actions before the answering turn."""
_KEY = "actions"
_BEGINNING = '{"actions"'


def script(*actions: str) -> str:
    """These actions as a completion."""
    return json.dumps({_KEY: list(actions)}, ensure_ascii=False)


def scripted(text: str) -> list[str] | None:
    """The actions of a script; None for a plain text."""
    if not text.startswith(_BEGINNING):
        return None
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    actions = record[_KEY] if record.keys() == {_KEY} else None
    return list(actions) if actions and is_actions(actions) else None


def is_actions(value: Any) -> bool:
    """Whether a value is a list of texts."""
    return isinstance(value, list | tuple) and all(isinstance(action, str) for action in value)


def actions_of(text: str, columns: Mapping[str, Any]) -> list[str]:
    """The actions of a completion under a row with these columns, turn by turn. The last one is repeated."""
    lead = columns.get(LEAD)
    return scripted(text) or [*(lead if lead and is_actions(lead) else ()), text]


def with_leads(rows: Sequence[Row]) -> list[Row]:
    """The rows; if all golden scripts differ only in their last action, that is golden and the rest is the lead.

    Attacks may then follow the lead to the answering turn, which reveals nothing about the answer.
    """
    golden = [scripted(row.golden) for row in rows if row.golden is not None]
    whole = [actions for actions in golden if actions is not None]
    leads = {tuple(actions[:-1]) for actions in whole}
    if len(whole) < len(golden) or len(leads) != 1 or len({actions[-1] for actions in whole}) == 1 < len(whole):
        return list(rows)
    lead = list(leads.pop())
    return [_led(row, lead) for row in rows]


def _led(row: Row, lead: list[str]) -> Row:
    actions = scripted(row.golden or "")
    golden = row.golden if actions is None else actions[-1]
    columns = {**row.columns, LEAD: lead} if lead else row.columns
    return replace(row, golden=golden, columns=columns)
