"""The process in which a user's reward runs, seen from inside: it loads the reward and answers requests.

:mod:`loopholes.audit.process` is the other end of the pipe. The records below are sent over it: :class:`Load` first,
then requests in any order. Each gets one reply, except :class:`Use`, which gets none. After a request to :class:`Fork`,
the process waits for its next request, and so does its child, at the other end of a new pipe.
"""

from __future__ import annotations

import mmap
import os
import random
import resource
import struct
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from loopholes.audit.forks import can_fork, forked, guarded
from loopholes.audit.frameworks import framework, missing
from loopholes.audit.frameworks.base import FIXED, Paid, Part, Rejected, Reward, Row, copied, raised
from loopholes.errors import LoopholesError, UsageError
from loopholes.modules import module_of

if TYPE_CHECKING:
    from loopholes.audit.results import Target

Call = tuple[int | Row, str]
"""A row, as its place or as a record, and a completion."""
PLACE = struct.Struct("q")
CANARY = "loopholes_canary"
"""Name of the mark that an answer leaves in this process's modules if it is executed here."""
SLOTS = 16
"""Maximum number of processes that can show their places at the same time."""
NOWHERE = -1
"""The place before the first completion of a request."""


class Load(NamedTuple):
    """Request: load this reward. The reply is :class:`Loaded`.

    The fields are those of a :class:`Target` that are needed here, since its module, which also defines what an audit
    reports, takes a sixth of the time in which this process starts.
    """

    framework: str
    parts: Sequence[Part]
    options: Mapping[str, Any]
    label: str


class Prepare(NamedTuple):
    """Request before :class:`Load`: import what targets of this framework and module share. Reply: :class:`Members`.

    Afterwards the process accepts :class:`Fork` before :class:`Load`, so that imports happen only once.
    """

    framework: str
    source: str


class Members(NamedTuple):
    """The names of everything that a framework's package offers; empty if the framework cannot list them.

    ``process`` is the id of the process that imported it.
    """

    names: tuple[str, ...]
    process: int


class ListRows(NamedTuple):
    """Request: list the target's own rows. The reply is :class:`Rows`."""


class Use(NamedTuple):
    """Request without a reply: the rows that later calls refer to by place."""

    rows: Sequence[Row]


class Fork(NamedTuple):
    """Request, followed by the descriptor of another pipe: serve that pipe in a fork. The reply is :class:`Forked`.

    ``slot`` says in which of the :data:`SLOTS` the fork shows its place. ``number`` comes back with the reply.
    """

    slot: int = 0
    number: int = 0


class Score(NamedTuple):
    """Request: score these completions. The reply is :class:`Scored`."""

    calls: Sequence[Call]


class Loaded(NamedTuple):
    """The reward is ready. ``batched``: one call of it scores many completions.

    ``together``: it does not show its place within a request. ``notes`` say how the framework's handling is modelled.
    ``process`` is the id of the process that loaded it; ``forks`` says whether that process can be forked. ``turns`` is
    the most turns per completion, 1 unless completions are episodes.
    """

    batched: bool
    together: bool
    notes: tuple[str, ...] = ()
    process: int = 0
    forks: bool = False
    turns: int = 1


class Forked(NamedTuple):
    """The id of the process that serves the other pipe; -1 if this process cannot be forked.

    ``number`` is the request's, since nobody may be waiting for this reply any more.
    """

    process: int
    number: int


class Rows(NamedTuple):
    """The target's own rows."""

    rows: Sequence[Row]


class Scored(NamedTuple):
    """One payment per call, in order, and the time for all of them in seconds.

    ``changed``: the reward changed columns that were passed to it. ``not_covered``: what it pays for that is not scored
    here. ``evaluated``: an answer was executed as Python in this process (:mod:`loopholes.audit.canary`).
    """

    paid: list[Paid]
    seconds: float
    changed: bool = False
    not_covered: tuple[str, ...] = ()
    evaluated: bool = False


class Refused(NamedTuple):
    """The request cannot be served; the reason is one sentence. The process may have ended."""

    reason: str


Request = Prepare | Load | ListRows | Use | Fork | Score
Reply = Members | Loaded | Rows | Forked | Scored | Refused


class Watched(list[str]):
    """Texts that record, while they are iterated over, the place of the current one."""

    def __init__(self, texts: Sequence[str], place: memoryview) -> None:
        super().__init__(texts)
        self._place = place
        self._process = os.getpid()

    def __iter__(self) -> Iterator[str]:
        for number, text in enumerate(super().__iter__()):
            if os.getpid() != self._process:
                os._exit(0)  # the reward forked, and its child would fork in turn
            PLACE.pack_into(self._place, 0, number)
            yield text


def main() -> None:
    """Serve until the other end closes. Output of the reward is discarded.

    Arguments: the descriptor of the channel, the memory limit in bytes, the descriptor of the file with the places.
    """
    channel, memory, place = map(int, sys.argv[1:4])
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    guarded(channel, place)
    pipe = Connection(channel)
    shared = mmap.mmap(place, SLOTS * PLACE.size)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    loader = os.getpid()
    try:
        _serve(pipe, shared)
    except LoopholesError as error:
        pipe.send(Refused(str(error)))
    except (EOFError, OSError):
        return
    except Exception as error:
        pipe.send(Refused(f"the reward cannot be loaded: {raised(error).removeprefix('raised ')}"))
    finally:
        if os.getpid() != loader:
            os._exit(0)  # a fork must not clean up for the loader


def _serve(pipe: Connection, shared: mmap.mmap) -> None:
    load = _awaited_load(pipe)
    module, reward = loaded(load)
    pipe.send(facts(reward)._replace(process=os.getpid(), forks=can_fork(pipe)))
    rows: Sequence[Row] = ()
    process = os.getpid()
    place = slot_of(shared, 0)
    while True:
        request: Request = pipe.recv()
        if isinstance(request, Use):
            rows = request.rows
            continue
        if isinstance(request, Fork):
            child = forked(pipe)
            if child == 0:
                process, place = os.getpid(), slot_of(shared, request.slot)
                continue
            reply: Reply = Forked(child, request.number)
        elif isinstance(request, Score):
            reply = scored(reward, rows, request.calls, place)
        else:
            state = random.getstate()
            reply = Rows(rows_of(module, load))
            random.setstate(state)  # a replay, which lists no rows, draws the same numbers
        if os.getpid() != process:  # the reward forked, and this is the child
            os._exit(0)
        pipe.send(reply)


def _awaited_load(pipe: Connection) -> Load:
    """The first request to load. Until it comes, this process serves requests to prepare and to fork."""
    while True:
        request: Request = pipe.recv()
        if isinstance(request, Load):
            return request
        if isinstance(request, Fork):
            child = forked(pipe)
            if child != 0:
                pipe.send(Forked(child, request.number))
        elif isinstance(request, Prepare):
            pipe.send(Members(members_of(request.framework, request.source), os.getpid()))


def members_of(name: str, source: str) -> tuple[str, ...]:
    """The names that a framework's package offers, after importing it; raises :class:`UsageError` if that fails."""
    module: Any = framework(name)
    try:
        if hasattr(module, "members"):
            return tuple(module.members())
        module_of(source)
    except ModuleNotFoundError as error:
        raise missing(error, module) or error from error
    return ()


def slot_of(shared: mmap.mmap, slot: int) -> memoryview:
    """The memory in which the process of this slot shows its place."""
    return memoryview(shared)[slot * PLACE.size : (slot + 1) * PLACE.size]


def loaded(target: Target | Load) -> tuple[ModuleType, Reward]:
    """The framework's module, and the reward that it builds; raises :class:`UsageError`."""
    module: Any = framework(target.framework)
    try:
        return module, module.build(target.parts, target.options)
    except ModuleNotFoundError as error:
        raise missing(error, module) or error from error


def facts(reward: Reward) -> Loaded:
    """What the other end needs to know about a reward."""
    together, turns = reward.batched or getattr(reward, "together", False), getattr(reward, "turns", 1)
    return Loaded(reward.batched, together, tuple(reward.notes), turns=turns)


def rows_of(module: Any, target: Target | Load) -> list[Row]:
    """The target's own rows; raises :class:`UsageError` if it has none."""
    if not hasattr(module, "rows"):
        raise UsageError(
            f"{target.label} has no rows of its own: give --data a file with a column prompt and the columns that the "
            "reward takes, as JSON Lines or parquet"
        )
    return list(module.rows(target.parts, target.options))


def scored(
    reward: Reward, rows: Sequence[Row], calls: Sequence[Call], place: memoryview | None = None
) -> Scored | Refused:
    """Score one request. ``place`` is the memory in which the place of the current completion is shown."""
    originals = [rows[row] if isinstance(row, int) else row for row, _ in calls]
    copies = [fresh(row) for row in originals]
    texts = [text for _, text in calls]
    if place is not None:
        PLACE.pack_into(place, 0, 0)
        texts = Watched(texts, place)
    started = time.perf_counter()
    try:
        paid = reward(copies, texts)
    except Rejected as error:
        return Refused(str(error))
    seconds = time.perf_counter() - started
    not_covered, evaluated = tuple(getattr(reward, "not_covered", ())), sys.modules.pop(CANARY, None) is not None
    return Scored(list(paid), seconds, changed(copies, originals), not_covered, evaluated)


def fresh(row: Row) -> Row:
    """The row with copies of its mutable columns, since a trainer also reads a row afresh each time."""
    nested = {key: copied(value) for key, value in row.columns.items() if not isinstance(value, FIXED)}
    if not nested:
        return row
    return Row(
        row.number, row.prompt, row.golden, row.floor, {**row.columns, **nested}
    )  # dataclasses.replace would take 3 microseconds


def changed(copies: Sequence[Row], originals: Sequence[Row]) -> bool:
    """Whether the reward changed columns that were passed to it."""
    return any(
        copy is not row and not _alike(copy.columns, row.columns) for copy, row in zip(copies, originals, strict=True)
    )


def _alike(copy: Any, original: Any) -> bool:
    try:
        return bool(copy == original)
    except ValueError:  # arrays have no single truth value
        return repr(copy) == repr(original)
