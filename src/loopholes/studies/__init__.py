"""The paper's experiments: what each runs, and what its runs say."""

from __future__ import annotations

from loopholes.errors import UnknownName
from loopholes.studies import audit_grid, audit_validity, catalysis, discovery, distillation, persistence, transfer
from loopholes.studies.base import Study, StudyConfig

__all__ = ["STUDIES", "Study", "StudyConfig", "studies_called"]

STUDIES: dict[str, Study] = {
    name: Study(name, module.QUESTION, module.plan, module.summarize)
    for name, module in (
        ("discovery", discovery),
        ("audit-grid", audit_grid),
        ("transfer", transfer),
        ("catalysis", catalysis),
        ("distillation", distillation),
        ("persistence", persistence),
        ("audit-validity", audit_validity),
    )
}
"""In an order in which each finds the runs that it shares with those before it."""


def studies_called(name: str) -> list[Study]:
    """The study of this name, or every one for ``all``; raises :class:`UnknownName`."""
    if name == "all":
        return list(STUDIES.values())
    if name not in STUDIES:
        raise UnknownName("study", name, [*STUDIES, "all"])
    return [STUDIES[name]]
