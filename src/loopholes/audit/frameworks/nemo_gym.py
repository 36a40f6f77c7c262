"""NeMo-Gym's resources servers: ``FILE.py:SERVER``, or the folder of one, whose ``verify`` pays the reward.

The package needs a newer Python and a running cluster, so a stand-in takes its place
(:mod:`loopholes.audit.frameworks._nemo_gym_stand_in`): the server is created without being served, and ``verify`` gets
the row and a response of one message. A server that calls a model, or needs a session, raises, and the audit reports
that. The rows are the examples in the server's folder ``data``.
"""

from __future__ import annotations

import inspect
import json
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from loopholes.audit.frameworks.base import (
    COMMON,
    Loop,
    Paid,
    Part,
    Prompt,
    Rejected,
    Row,
    Shape,
    copied,
    load,
    payment,
    raised,
)
from loopholes.errors import DataError, UsageError
from loopholes.files import json_rows
from loopholes.modules import source_of
from loopholes.records import messages

NAME = "nemo_gym"
PACKAGE = None
EXTRA = None
REQUIREMENTS: Mapping[str, Sequence[str]] = {"nemo_gym": ("pydantic", "fastapi")}
PREFIXES = ()
OPTIONS = {**COMMON, "config": "A JSON object for the server's config."}
SERVER = "SimpleResourcesServer"
PARAMETERS = "responses_create_params"
"""The column that holds the prompt, in the form of OpenAI's responses API."""


class NemoGymReward:
    """The reward in what ``verify`` of a resources server returns."""

    batched = False

    def __init__(self, part: Part, options: Mapping[str, Any]) -> None:
        from loopholes.audit.frameworks import _nemo_gym_stand_in as stand_in

        stand_in.install()
        kind: Any = load(part)
        if not isinstance(kind, type) or not issubclass(kind, stand_in.ResourcesServer):
            raise UsageError(f"{part.label} is not a resources server of NeMo-Gym")
        verify: Any = kind.verify
        self._part = part
        self._server = _server(kind, part, options.get("config") or {})
        hints = typing.get_type_hints(verify)
        self._request = hints.get("body", stand_in.VerifyRequest)
        self._takes = inspect.signature(verify).parameters
        self._loop = Loop()
        self.notes = [
            "verify runs on a stand-in for NeMo-Gym's base class: nothing is served, and there are no sessions",
            "the response is one assistant message, without reasoning or tool calls",
        ]

    def __call__(self, rows: Sequence[Row], texts: Sequence[str]) -> list[Paid]:
        return [self._pay(row, text) for row, text in zip(rows, texts, strict=True)]

    def _pay(self, row: Row, text: str) -> Paid:
        columns = {name: copied(value) for name, value in row.columns.items() if name not in ("response", "prompt")}
        more = {"request": SimpleNamespace(session={}, headers={})} if "request" in self._takes else {}
        try:
            body = self._request.model_validate({**columns, "response": _response(text)})
            return payment(self._loop.wait(self._server.verify(body=body, **more)).reward, self._part.label)
        except Rejected:
            raise
        except Exception as error:
            return Paid(None, raised(error))


def _server(kind: Any, part: Part, config: Mapping[str, Any]) -> Any:
    """The server with its config's defaults; raises :class:`Rejected` if it needs more."""
    from loopholes.audit.frameworks import _nemo_gym_stand_in as stand_in

    wanted = typing.get_type_hints(kind).get("config", stand_in.Record)
    wanted = wanted if isinstance(wanted, type) and issubclass(wanted, stand_in.Record) else stand_in.Record
    try:
        return kind(config=wanted(**config))
    except Exception as error:
        raise Rejected(
            f"{part.label} cannot be created, it {raised(error)}: provide what it needs with --set config='…'"
        ) from error


def _response(text: str) -> Any:
    """A model server's response with one assistant message."""
    content = _record("NeMoGymResponseOutputText", type="output_text", text=text, annotations=[])
    message = _record(
        "NeMoGymResponseOutputMessage",
        id="audit",
        type="message",
        role="assistant",
        status="completed",
        content=[content],
    )
    return _record("NeMoGymResponse", id="audit", output=[message], output_text=text, status="completed")


def _record(name: str, **fields: Any) -> Any:
    """A record of this name of the package; ``model_dump`` makes dicts of it and of the records in its fields."""
    from loopholes.audit.frameworks import _nemo_gym_stand_in as stand_in

    kind: Any = stand_in.stand_in(name)
    return kind(**fields)


def recognises(shape: Shape) -> bool:
    """Whether it is a class of resources servers."""
    return SERVER in shape.bases


def build(parts: Sequence[Part], options: Mapping[str, Any]) -> NemoGymReward:
    """See :mod:`loopholes.audit.frameworks`."""
    if len(parts) != 1 or parts[0].weight != 1:
        raise UsageError("one resources server of NeMo-Gym at a time is audited, without a weight")
    return NemoGymReward(parts[0], options)


def rows(parts: Sequence[Part], options: Mapping[str, Any]) -> list[Row]:
    """A server's examples; raises :class:`UsageError` if there are none."""
    file = source_of(parts[0].source)
    folder = Path("data") if file is None else file.parent / "data"
    files = sorted(path for path in folder.glob("*.jsonl") if "rollouts" not in path.name)
    records = [record for path in files for record in json_rows(path) if isinstance(record, dict)]
    examples = list(_rows(records))
    if not examples:
        raise UsageError(f"{parts[0].label} has no examples in {folder}: give --data")
    return examples


def _rows(records: Sequence[dict[str, Any]]) -> Iterator[Row]:
    """A row for each different prompt."""
    prompted = {json.dumps(record[PARAMETERS]): record for record in records if PARAMETERS in record}
    for place, record in enumerate(prompted.values()):
        try:
            prompt = _prompt(record[PARAMETERS].get("input"))
        except (ValueError, AttributeError) as error:
            raise DataError(f"example {place} has a prompt that cannot be read: {error}") from None
        column = prompt if isinstance(prompt, str) else [*prompt]
        yield Row(place, prompt, columns={"prompt": column, **record})


def _prompt(value: Any) -> Prompt:
    return value if isinstance(value, str) else messages([_turn(turn) for turn in value])


def _turn(turn: Mapping[str, Any]) -> dict[str, str]:
    content = turn["content"]
    if not isinstance(content, str):
        content = "".join(part.get("text", "") for part in content)
    role = turn.get("role", "user")
    return {"role": "system" if role == "developer" else role, "content": content}
