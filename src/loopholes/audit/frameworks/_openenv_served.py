"""An OpenEnv environment that is served: every completion an episode, by OpenEnv's own collector.

OpenEnv 0.10's ``collect_runtime_evidence`` opens one WebSocket session an episode (reset, state, step, state, …) and
keeps what the server sent. HTTP's ``/reset`` and ``/step`` would not do: each makes an environment of its own. It takes
the actions of an episode all at once; an action that repeats what was shown is made of the observation of another
episode, with the same seed and the same actions before.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from loopholes.audit.episodes.playing import earlier_of, rules_of, start_of, text_of
from loopholes.audit.episodes.scripts import OBSERVATION, actions_of, scripted
from loopholes.audit.frameworks.base import Library, Paid, Rejected, Row
from loopholes.errors import ScoringError, UsageError

collector, contracts = Library("openenv.validation.runtime.collector"), Library("openenv.validation.runtime.contracts")

SECONDS = 30.0
"""How long an episode may take unless ``timeout`` says otherwise."""
FULL = "CAPACITY_REACHED"
PAUSE = 0.05  # seconds, while the last episode's session closes
MOST_BYTES = 60_000
"""Bytes of an episode's actions that the collector takes, with room for the rest of a plan."""


class ServedReward:
    """The return of the rewards that a server sends for the steps of an episode."""

    batched = False

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        self._url = url.rstrip("/")
        self._seconds = float(options.get("timeout") or SECONDS)
        action = _schema(self._url, self._seconds).get("action") or {}
        texts = [name for name, field in (action.get("properties") or {}).items() if _is_text(field)]
        fields = Fields("the server's action", texts, action.get("properties") or {}, action.get("required") or ())
        self._field = fields.choose(options.get("action_field"))
        self._rules = rules_of(options)
        self.turns = self._rules.turns
        self.notes: Sequence[str] = [
            self._rules.note,
            f"a text is the {self._field} of an action; a row's columns seed and reset are handed to reset, the row's "
            "number where there is no seed",
            "NaN and infinite rewards are null on OpenEnv's wire, and no reward",
            "the server is not started anew: state that its first episodes leave behind is not seen",
        ]

    def __call__(self, rows: Sequence[Row], texts: Sequence[str]) -> list[Paid]:
        return [self._pay(row, text) for row, text in zip(rows, texts, strict=True)]

    @property
    def tools(self) -> list[dict[str, Any]]:
        """The tools that it offers: a server names none here."""
        return []

    def shown(self, row: Row) -> Mapping[str, Any]:
        """What the environment shows after a reset; raises :class:`ScoringError`."""
        evidence = self._episode(self._plan(row, [""]))
        for data in _answers(evidence, "reset"):
            return dict(data.get("observation") or {})
        raise ScoringError(f"the server at {self._url} cannot reset its environment: {evidence.failure_reason}")

    def _pay(self, row: Row, text: str) -> Paid:
        for earlier, completion in earlier_of(row):
            self._play(earlier, completion)
        return self._play(row, text)

    def _play(self, row: Row, text: str) -> Paid:
        try:
            evidence = self._episode(self._plan(row, self._said(row, text)))
        except ValueError:  # pydantic's errors and those of UTF-8
            return Paid(None, "is more, or other, than OpenEnv's collector sends: 65,536 bytes of UTF-8")
        shown = next((text_of(data.get("observation")) for data in _answers(evidence, "reset")), "")
        steps = list(_answers(evidence, "step"))
        if evidence.failure_reason or not steps:
            return Paid(None, evidence.failure_reason or "the episode was over when it began", shown=shown)
        return self._rules.paid([self._read(data) for data in steps], shown, "the server sent null for a reward")

    def _said(self, row: Row, text: str) -> list[str]:
        """The actions of an episode, turn by turn, as many as fit into a plan."""
        actions, is_script = actions_of(text, row.columns), scripted(text) is not None
        said: list[str] = []
        while len(said) < self._rules.turns:
            action = actions[min(len(said), len(actions) - 1)]
            if is_script and OBSERVATION in action:
                seen = self._seen(row, said)
                if seen is None:
                    break
                action = action.replace(OBSERVATION, seen)
            if said and len("".join([*said, action]).encode()) > MOST_BYTES:
                break
            said.append(action)
        return said

    def _seen(self, row: Row, said: Sequence[str]) -> str | None:
        """What is shown last in an episode of these actions; None where that is over."""
        if not said:
            return text_of(self.shown(row))
        steps = list(_answers(self._episode(self._plan(row, said)), "step"))
        return None if not steps or steps[-1].get("done") is True else text_of(steps[-1].get("observation"))

    def _plan(self, row: Row, said: Sequence[str]) -> Any:
        seed, more = start_of(row)
        reset = {"episode_id": f"audit-{row.number}", "seed": seed, "options": more}
        actions = [{self._field: action} for action in said]
        return contracts.RuntimePlan.model_validate({"plan_schema_version": "1", "reset": reset, "actions": actions})

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

    def _read(self, data: Mapping[str, Any]) -> float | None:
        value = data.get("reward")
        if value is not None and not isinstance(value, int | float):
            raise Rejected(f"the server at {self._url} sent a {type(value).__name__} for a reward, not a number")
        return value


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
