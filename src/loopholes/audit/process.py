"""A user's reward in a process of its own, seen from outside: which process loads it, stays warm and scores.

The reward may hang, crash, or use up all memory. Then the process is killed with everything that it started, and the
next request starts another one. :mod:`loopholes.audit.process_tree` starts, forks and ends processes.
:mod:`loopholes.audit.scorer` interprets payments and decides which call to blame for a failure.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Protocol, Self

from loopholes.audit.forks import end
from loopholes.audit.frameworks import framework
from loopholes.audit.frameworks.base import LATE_CALL, Row, wanting
from loopholes.audit.process_tree import Ended, Handle, ProcessTree, send
from loopholes.audit.results import Target
from loopholes.audit.worker import SLOTS, Call, ListRows, Load, Loaded, Members, Prepare, Refused, Rows, Scored, Use
from loopholes.errors import UsageError

SECONDS_TO_LOAD = 120.0
"""Time limit for loading a reward, including models, in seconds."""
GIB = 2**30
GONE = "ended the process"
"""Prefix of ``Paid.problem`` when the call ended the reward's process."""


class Process(Protocol):
    """The process that a :class:`~loopholes.audit.scorer.Scorer` uses. ``facts`` are valid once it has started.

    ``is_cold``: the next call is the first of a new process. ``first_call_seconds`` is the time limit of that call.
    """

    target: Target
    facts: Loaded
    load_seconds: float
    deaths: int
    is_cold: bool

    @property
    def place(self) -> int:
        """The place, in the last request, of the completion that the reward reached last; -1 for none."""
        ...

    @property
    def restart_seconds(self) -> float:
        """Time in seconds until a process without memory is ready."""
        ...

    @property
    def first_call_seconds(self) -> float:
        """Time limit for the first call of a new process, in seconds."""
        ...

    def start(self) -> None:
        """Make a process ready for requests; raises :class:`UsageError` if the reward cannot be loaded."""
        ...

    def keep(self) -> bool:
        """Make replacement processes start in the present state of this one; returns whether that is possible."""
        ...

    def widen(self, width: int) -> bool:
        """Score the calls of a request in ``width`` processes in parallel; returns whether there can be more than one.

        Replies are as if one process had scored the calls in order, except for the time that they took.
        """
        ...

    def restart(self) -> None:
        """End the scoring process; the next one remembers nothing."""
        ...

    def own_rows(self) -> list[Row]:
        """The target's own rows; raises :class:`UsageError` if it has none."""
        ...

    def use(self, rows: Sequence[Row]) -> None:
        """Set the rows that later calls refer to by place."""
        ...

    def ask(self, calls: Sequence[Call], patience: float) -> Scored | Refused | Ended:
        """Score these calls. ``patience`` is in seconds, per call if the process shows its place, otherwise for all."""
        ...

    def end(self) -> None:
        """End the process and everything that it started."""
        ...


class RewardProcess:
    """The process of one target; see :class:`Process`. A ``with`` block starts it and ends it.

    The loader loads the reward once, and its forks score (:mod:`loopholes.audit.forks`). If it cannot be forked, the
    loader scores itself, and the reward is loaded again if that process ends. If the framework keeps the rows that a
    fork has listed, forks of that one score, so that rows that take long to generate are generated once.
    """

    def __init__(
        self,
        target: Target,
        *,
        memory: float = 8.0,
        seconds_to_load: float = SECONDS_TO_LOAD,
        host: RewardProcess | None = None,
    ) -> None:
        """``memory`` in GiB. The reward has to load within ``seconds_to_load``, at most :data:`SECONDS_TO_LOAD`.

        ``host`` is a process that has imported what the target needs (:meth:`prepare`) and outlives this one. This one
        is a fork of it if it can be forked.
        """
        self.target = target
        self.facts = Loaded(batched=False, together=False)
        self.load_seconds = 0.0
        self.deaths = 0
        self.is_cold = True
        self._patience = min(seconds_to_load, SECONDS_TO_LOAD)
        self._rows: Sequence[Row] = ()
        self._tree: ProcessTree = ProcessTree(target, int(memory * GIB), None if host is None else host._tree)
        self._lister: Handle | None = None
        self._warm: Handle | None = None
        self._scoring: Handle | None = None
        self._helpers: list[Handle] = []
        self._width = 1
        self._forks = True
        self._fork_answered = False
        self._from_loader = False

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process and release what it shared."""
        self.end()
        self._tree.close()

    @property
    def place(self) -> int:
        """See :class:`Process`."""
        return self._tree.place

    @property
    def restart_seconds(self) -> float:
        """See :class:`Process`."""
        return 0.0 if self._can_fork else self.load_seconds

    @property
    def first_call_seconds(self) -> float:
        """See :class:`Process`. Shorter in the first fork, which may be stuck: a second try without forks follows.

        In any case it leaves time for the other calls.
        """
        return self._patience / (4 if self._can_fork and not self._fork_answered else 2)

    @property
    def _can_fork(self) -> bool:
        return self._forks and self.facts.forks

    def prepare(self, source: str) -> tuple[str, ...]:
        """Import what targets of this framework and module share, so that this process can host others.

        Returns the names that the framework's package offers, if the framework can list them. Raises
        :class:`UsageError`.
        """
        loader = self._tree.spawn()
        send(loader, Prepare(self.target.framework, source))
        reply = self._tree.hear(loader, self._patience)
        if isinstance(reply, Members):
            self._tree.hosting = reply.process
            return reply.names
        self.end()
        late = isinstance(reply, Ended) and reply.late
        reason = f"takes longer than {self._patience:.0f} s to import" if late else f"{GONE} that imported it"
        raise UsageError(reply.reason if isinstance(reply, Refused) else f"{source} {reason}")

    def start(self) -> None:
        """See :class:`Process`."""
        if self._scoring is not None:
            return
        loader = self._tree.root or self._load()
        self.is_cold = self._from_loader or self._warm is None
        if self._can_fork:
            self._scoring = self._new_scoring(loader)
        if self._scoring is None:
            self._forks, self.is_cold = False, True
            self._scoring = Handle(self.facts.process, loader)
        self._from_loader = False

    def _load(self) -> Connection:
        """Load the reward; returns the pipe to the process that has it."""
        began, target = time.monotonic(), self.target
        loader = self._tree.spawn()
        send(loader, Load(target.framework, target.parts, target.options, target.label))
        reply = self._tree.hear(loader, self._patience)
        if not isinstance(reply, Loaded):
            self.deaths += isinstance(reply, Ended)
            self.end()
        if isinstance(reply, Refused):
            raise UsageError(f"{reply.reason}{wanting(reply.reason)}")
        if isinstance(reply, Ended):
            reason = f"{LATE_CALL} {self._patience:.0f} s" if reply.late else f"{GONE} that it ran in"
            raise UsageError(f"{self.target.label} {reason} while it was loaded")
        assert isinstance(reply, Loaded)
        self.facts = reply
        self.load_seconds = time.monotonic() - began
        if self._rows:
            send(loader, Use(self._rows))
        return loader

    def _new_scoring(self, loader: Connection) -> Handle | None:
        """A fork of the warm process, or a cold one: of the process that keeps the rows, else of the loader."""
        if self._warm is not None and not self.is_cold:
            return self._tree.fork(self._warm.pipe)
        fork = None if self._lister is None else self._tree.fork(self._lister.pipe)
        return fork or self._tree.fork(loader)

    def keep(self) -> bool:
        """See :class:`Process`."""
        if self._warm is not None:
            return True
        if not self._can_fork or self._scoring is None:
            return False
        fork = self._tree.fork(self._scoring.pipe)
        if fork is None:
            return False
        self._warm, self._scoring, self.is_cold = self._scoring, fork, False
        return True

    def widen(self, width: int) -> bool:
        """See :class:`Process`."""
        self._width = min(width, SLOTS) if self._warm is not None and not self.facts.together else 1
        return self._width > 1

    def restart(self) -> None:
        """See :class:`Process`."""
        self._from_loader = True
        self._end_scoring()

    def own_rows(self) -> list[Row]:
        """See :class:`Process`."""
        loader = self._tree.root or self._load()
        lister = self._tree.fork(loader) if self._can_fork else None  # so that the loader stays as it was loaded
        pipe = loader if lister is None else lister.pipe
        send(pipe, ListRows())
        reply = self._tree.hear(pipe, self._patience)
        if getattr(framework(self.target.framework), "KEEPS_ROWS", False) and self._lister is None:
            self._lister = lister
        elif lister is not None:
            lister.pipe.close()
            end([lister.process])
        if isinstance(reply, Rows):
            return list(reply.rows)
        self.end()
        late = isinstance(reply, Ended) and reply.late
        reason = f"{LATE_CALL} {self._patience:.0f} s to list its rows" if late else "ends instead of listing its rows"
        raise UsageError(reply.reason if isinstance(reply, Refused) else f"{self.target.label} {reason}")

    def use(self, rows: Sequence[Row]) -> None:
        """See :class:`Process`."""
        self._rows = list(rows)
        forks = [fork.pipe for fork in (self._lister, self._warm, self._scoring, *self._helpers) if fork is not None]
        for pipe in {id(pipe): pipe for pipe in (self._tree.root, *forks) if pipe is not None}.values():
            send(pipe, Use(self._rows))

    def ask(self, calls: Sequence[Call], patience: float) -> Scored | Refused | Ended:
        """See :class:`Process`."""
        self.start()
        assert self._scoring is not None
        processes = [self._scoring, *self._helpers_for(len(calls))]
        reply = self._tree.score(processes, calls, patience, watch=not self.facts.together)
        if isinstance(reply, Scored):
            self._answered()
        else:
            self._lose(reply, len(processes))
        return reply

    def _helpers_for(self, calls: int) -> list[Handle]:
        """The helper processes that score a part of this many calls."""
        if self._width == 1 or self._warm is None or self.is_cold:
            return []
        while len(self._helpers) < min(self._width, calls) - 1:
            fork = self._tree.fork(self._warm.pipe, len(self._helpers) + 1)
            if fork is None:
                self._width = 1 + len(self._helpers)
                break
            self._helpers.append(fork)
        return self._helpers[: calls - 1]

    def _answered(self) -> None:
        self.is_cold = False
        self._fork_answered |= self._can_fork

    def _lose(self, reply: Refused | Ended, processes: int) -> None:
        """A scoring process ended, is late or refused: the replies of the others are lost as well."""
        if isinstance(reply, Refused):
            self._answered()
            if processes > 1:
                self._end_scoring()
            return
        self.deaths += 1
        if self._can_fork and not self._fork_answered:
            self._forks = False  # perhaps only because it was a fork
            self.end()
        else:
            self._end_scoring()

    def _end_scoring(self) -> None:
        """End the scoring process, its helpers, and everything that they started."""
        scoring, self._scoring = self._scoring, None
        helpers, self._helpers = self._helpers, []
        if scoring is None:
            return
        if scoring.pipe is self._tree.root:
            self.end()
            return
        for fork in (scoring, *helpers):
            fork.pipe.close()
        stay = {self.facts.process, *(fork.process for fork in (self._lister, self._warm) if fork is not None)}
        self._tree.end_below(stay, {scoring.process, *(fork.process for fork in helpers)})

    def end(self) -> None:
        """See :class:`Process`."""
        self._tree.end([fork for fork in (self._lister, self._warm, self._scoring, *self._helpers) if fork is not None])
        self._lister = self._warm = self._scoring = None
        self._helpers = []
