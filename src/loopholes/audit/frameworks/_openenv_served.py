"""An OpenEnv environment that is served: every completion an episode of one step, by OpenEnv's own collector.

OpenEnv 0.10's ``collect_runtime_evidence`` opens one WebSocket session an episode (reset, state, step, state) and keeps
what the server sent. HTTP's ``/reset`` and ``/step`` would not do: each makes an environment of its own.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from loopholes.audit.frameworks.base import Library, Paid, Rejected, Row
from loopholes.errors import ScoringError, UsageError

collector, contracts = Library("openenv.validation.runtime.collector"), Library("openenv.validation.runtime.contracts")

SECONDS = 30.0
"""How long an episode may take unless ``timeout`` says otherwise."""
FULL = "CAPACITY_REACHED"
PAUSE = 0.05  # seconds, while the last episode's session closes
ONE_STEP = "an environment went on after its first step: what it pays for later steps is not covered"


class ServedReward:
    """The reward that a server sends after one step."""

    batched = False

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        self._url = url.rstrip("/")
        self._seconds = float(options.get("timeout") or SECONDS)
        action = _schema(self._url, self._seconds).get("action") or {}
        texts = [name for name, field in (action.get("properties") or {}).items() if _is_text(field)]
        fields = Fields("the server's action", texts, action.get("properties") or {}, action.get("required") or ())
        self._field = fields.choose(options.get("action_field"))
        self.not_covered: list[str] = []
        self.notes: Sequence[str] = [
            f"the completion is the {self._field} of the first action after a reset; a row's columns seed and reset "
            "are handed to reset, the row's number where there is no seed",
            "NaN and infinite rewards are null on OpenEnv's wire, and no reward",
        ]

    def __call__(self, rows: Sequence[Row], texts: Sequence[str]) -> list[Paid]:
        return [self._pay(row, text) for row, text in zip(rows, texts, strict=True)]

    def reset(self, row: Row) -> Mapping[str, Any]:
        """What the environment shows after a reset; raises :class:`ScoringError`."""
        evidence = self._episode(self._plan(row, ""))
        for data in _answers(evidence, "reset"):
            return dict(data.get("observation") or {})
        raise ScoringError(f"the server at {self._url} cannot reset its environment: {evidence.failure_reason}")

    def _pay(self, row: Row, text: str) -> Paid:
        try:
            plan = self._plan(row, text)
        except ValueError:  # pydantic's errors and those of UTF-8
            return Paid(None, "is more, or other, than OpenEnv's collector sends: 65,536 bytes of UTF-8")
        evidence = self._episode(plan)
        for data in _answers(evidence, "step"):
            return self._read(data)
        return Paid(None, evidence.failure_reason or "the episode was over when it began")

    def _plan(self, row: Row, text: str) -> Any:
        seed, more = start_of(row)
        reset = {"episode_id": f"audit-{row.number}", "seed": seed, "options": more}
        return contracts.RuntimePlan.model_validate(
            {"plan_schema_version": "1", "reset": reset, "actions": [{self._field: text}]}
        )

    def _episode(self, plan: Any) -> Any:
        """One episode; raises :class:`ScoringError` where the server is gone or stays full."""
        deadline = time.monotonic() + self._seconds
        while True:
            evidence = collector.collect_runtime_evidence(self._url, plan, episode_timeout_s=self._seconds)
            reason = evidence.failure_reason or ""
            if evidence.failure_phase in ("schema", "connect"):
                raise ScoringError(f"the server at {self._url} no longer answers ({reason}): start it again")
            if not _turned_away(evidence):
                return evidence
            if time.monotonic() > deadline:
                raise ScoringError(
                    f"the server at {self._url} has no free session ({reason}): let it have more at once"
                )
            time.sleep(PAUSE)

    def _read(self, data: Mapping[str, Any]) -> Paid:
        if data.get("done") is not True and not self.not_covered:
            self.not_covered.append(ONE_STEP)
        value = data.get("reward")
        if value is None:
            return Paid(None, "the server sent null for a reward")
        if not isinstance(value, int | float):
            raise Rejected(f"the server at {self._url} sent a {type(value).__name__} for a reward, not a number")
        return Paid(float(value))


class Fields:
    """The fields of an action, of which one takes the completion."""

    def __init__(self, what: str, texts: Sequence[str], every: Collection[str], needed: Collection[str]) -> None:
        self._what = what
        self._texts = texts
        self._every = every
        self._needed = needed

    def choose(self, asked: str | None) -> str:
        """The field asked for, or the only text; raises :class:`UsageError`, or :class:`Rejected` if more is needed."""
        if asked is not None and asked not in self._every:
            raise UsageError(f"{self._what} has no {asked}; it has: {', '.join(sorted(self._every)) or 'nothing'}")
        if asked is None and len(self._texts) != 1:
            known = ", ".join(self._texts) or "none"
            raise UsageError(f"action_field has to say which text of {self._what} is the completion; texts: {known}")
        field = self._texts[0] if asked is None else asked
        rest = sorted(set(self._needed) - {field})
        if rest:
            raise Rejected(f"{self._what} also needs {', '.join(rest)}, and a completion has nothing for it")
        return field


def start_of(row: Row) -> tuple[int, dict[str, Any]]:
    """The seed of a row's episode and what else its reset gets."""
    more = row.columns.get("reset")
    return int(row.columns.get("seed", row.number)), dict(more) if isinstance(more, Mapping) else {}


def _is_text(field: Mapping[str, Any]) -> bool:
    return field.get("type") == "string" and "enum" not in field and "const" not in field


def _turned_away(evidence: Any) -> bool:
    """Whether no session was free: the server says so and hangs up, and may hang up before it was asked."""
    reason = evidence.failure_reason or ""
    hung_up = evidence.failure_phase == "reset" and not evidence.exchanges and "TimeoutError" not in reason
    return hung_up or FULL in reason


def _answers(evidence: Any, operation: str) -> Iterator[Mapping[str, Any]]:
    """What the server sent for an operation, where it sent an observation."""
    for exchange in evidence.exchanges:
        if exchange.operation == operation:
            answer = json.loads(exchange.response_json)
            if isinstance(answer, dict) and answer.get("type") == "observation":
                yield answer["data"]


def _schema(url: str, seconds: float) -> Mapping[str, Any]:
    """What the server says of its actions; raises :class:`Rejected` where none answers."""
    plain = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # as the collector: past every proxy
    try:
        with plain.open(f"{url}/schema", timeout=seconds) as answer:
            found = json.load(answer)
    except (OSError, ValueError) as error:
        raise Rejected(f"no OpenEnv server answers at {url} ({error}): start it and name its address") from error
    return found if isinstance(found, dict) else {}
