"""Audit a reward function before training on it: how can it be gamed, with completions that prove it.

The unit is what the trainer optimises: one function, or several with weights, called as their framework calls them, in
a process of their own. An attack counts by its *gameability gap*: what it pays above an honest wrong answer, as a share
of what right answers pay above that. See docs/audit.md.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loopholes.audit.assertion import assert_not_gameable
    from loopholes.audit.engine import AuditConfig, audit
    from loopholes.audit.gate import Gate
    from loopholes.audit.results import Finding, Gap, Report, Target
    from loopholes.audit.rows import read_rows, rows_from
    from loopholes.audit.targets import target_of

__all__ = [
    "AuditConfig",
    "Finding",
    "Gap",
    "Gate",
    "Report",
    "Target",
    "assert_not_gameable",
    "audit",
    "read_rows",
    "rows_from",
    "target_of",
]
_PLACES = {
    "assertion": ["assert_not_gameable"],
    "engine": ["AuditConfig", "audit"],
    "gate": ["Gate"],
    "results": ["Finding", "Gap", "Report", "Target"],
    "rows": ["read_rows", "rows_from"],
    "targets": ["target_of"],
}


def __getattr__(name: str) -> Any:
    """A public name, imported when it is asked for: the process of a reward imports its worker alone, without SciPy."""
    for place, names in _PLACES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{place}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
