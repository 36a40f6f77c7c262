"""What a run has used, as /proc shows it to the trusted side: memory, processor time, and waits for a processor."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Use(NamedTuple):
    """Bytes of memory in use, seconds of computing and of waiting for a processor; 0 where the system does not say.

    Sums over all processes and threads: memory without what each shares with the fork server, and times since the
    run began.
    """

    memory: int
    computed: float
    waited: float


class Watch:
    """Looks at what runs below a fork server, ``above`` processes down from ``server``."""

    def __init__(self, server: int, above: int) -> None:
        self.server, self.above = server, above
        self.times: dict[str, tuple[int, int]] = {}  # of every task seen, in ns; those that ended count too

    def look(self) -> Use:
        """What the run has used so far."""
        total, own = 0, None
        todo = [(self.server, 0)]
        while todo:
            pid, depth = todo.pop()
            process = Path(f"/proc/{pid}")
            with suppress(OSError):
                pages = int((process / "statm").read_text().split()[1])
                own = pages if own is None else own
                total += max(0, pages - own)
                for task in (process / "task").iterdir():
                    todo += [(int(child), depth + 1) for child in (task / "children").read_text().split()]
                    if depth >= self.above:
                        self._time(task)
        computed, waited = (sum(times[which] for times in self.times.values()) / 1e9 for which in (0, 1))
        return Use(total * os.sysconf("SC_PAGE_SIZE"), computed, waited)

    def _time(self, task: Path) -> None:
        with suppress(OSError):
            words = (task / "schedstat").read_text().split()
            self.times[task.name] = int(words[0]), int(words[1])
