"""Audit a reward function before training on it: find out how it can be gamed, with completions that prove it.

A target is what the trainer optimises: one function, or a weighted sum of several, called as their framework calls
them, in a process of their own. Attacks are compared by their *gameability gap*: what an attack earns above an honest
wrong answer, as a share of what right answers earn above that. See docs/audit.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopholes.lazy import on_first_use

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

if not TYPE_CHECKING:  # the reward's process imports only its worker, without SciPy
    __getattr__ = on_first_use(
        __name__,
        {
            "assertion": ["assert_not_gameable"],
            "engine": ["AuditConfig", "audit"],
            "gate": ["Gate"],
            "results": ["Finding", "Gap", "Report", "Target"],
            "rows": ["read_rows", "rows_from"],
            "targets": ["target_of"],
        },
    )
