"""Reads what a reward's process replies, without trusting it: only the worker's own records, and bounded in length.

The reward runs in that process and may write into the pipe itself.
"""

from __future__ import annotations

import io
import pickle
from typing import Any

from loopholes.audit.frameworks.base import Paid, Row
from loopholes.audit.worker import Forked, Loaded, Members, Refused, Reply, Rows, Scored

MOST_BYTES = 2**28
"""Longest reply that is read, in bytes. Text that a reward writes into the pipe usually reads as a longer one."""
SENT = {(kind.__module__, kind.__name__): kind for kind in (Members, Loaded, Rows, Forked, Scored, Refused, Row, Paid)}
"""The records that a reply may contain, in addition to JSON types."""


class _Unpickler(pickle.Unpickler):
    """Reads replies, and refuses anything that would have to be imported from the target's environment."""

    def find_class(self, module: str, name: str) -> Any:
        """A record of :data:`SENT`; raises UnpicklingError for anything else."""
        if (module, name) not in SENT:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return SENT[module, name]


def read_reply(reply: bytes) -> Reply | None:
    """A reply, or None for bytes that the worker did not send."""
    try:
        record = _Unpickler(io.BytesIO(reply)).load()
    except Exception:  # bytes that are not a pickle may raise anything
        return None
    return record if isinstance(record, Members | Loaded | Rows | Forked | Scored | Refused) else None
