"""The paper's grid of telling and auditing with one seed per cell: the nine cells of audit-grid, without its sweep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loopholes.report.elements import Cell, Chart, Matrix, Table
from loopholes.score import cells as scored_cells
from loopholes.studies.audit_grid import GAME, LEVELS, cell, untrained
from loopholes.studies.base import Runs, StudyConfig
from loopholes.studies.channels import EXPLOIT, TASK
from loopholes.studies.end_points import LOG_ODDS, Distance, EndPoint, changes_named, distance
from loopholes.studies.jobs import Evaluate, Job, Train

KEYS = [(telling, audit) for telling in LEVELS for audit in LEVELS]
"""Every cell: the announced audit probability, and the real one."""
Grid = Mapping[tuple[float, float], Distance]
"""The finished cells."""


def cell_points(config: StudyConfig) -> dict[tuple[float, float], EndPoint]:
    """The end point of each cell; empty if self-grading is not studied. ``config`` has one seed."""
    return {key: _point(config, *key) for key in KEYS} if GAME in config.games else {}


def _point(config: StudyConfig, telling: float, audit: float) -> EndPoint:
    trained = [job.source for job in cell(config, telling, audit) if isinstance(job.source, Train)]
    return EndPoint(f"told {telling:g}, audited {audit:g}", trained[0].setting, trained, untrained(config, telling))


def jobs(config: StudyConfig) -> list[Job]:
    """Evaluations before and after training, the corners of the grid first."""
    points = cell_points(config)
    order = sorted(points, key=lambda key: sum(level == 0.5 for level in key))
    before: list[Evaluate] = [job for key in order for job in points[key].before]
    return [*before, *(job for key in order for job in points[key].on(config, GAME))]


def read_grid(config: StudyConfig, runs: Runs) -> Grid:
    """The finished cells, each compared with the untrained policy under the same announcement."""
    distances = {key: distance(point, GAME, config, runs) for key, point in cell_points(config).items()}
    return {key: cell for key, cell in distances.items() if cell is not None}


def grid_table(grid: Grid) -> Table:
    """Every finished cell."""
    rows: list[list[Cell]] = [
        [
            f"{telling:g}",
            f"{audit:g}",
            cell.rates[TASK],
            cell.rates[EXPLOIT],
            cell.changes[EXPLOIT],
            cell.changes[LOG_ODDS],
            cell.rates["underclaim"],
        ]
        for (telling, audit), cell in grid.items()
    ]
    columns = (
        "announced",
        "audited",
        "right answers",
        "overclaims",
        "change from untrained",
        "log-odds change (nats)",
        "right answers called wrong",
    )
    note = (
        "One seed per cell, claims within the answer, intervals over tasks. Announced and audited: the audit "
        "probability in the prompt (0: none is mentioned) and the real one. The untrained policy sees the same "
        "announcement."
    )
    title = "Announced and real audits"
    return Table("real-model-grid", title, columns, rows, note, changes=columns[4:5], plain=columns[5:6])


def grid_chart(grid: Grid) -> Chart:
    """Overclaims and right answers by announced and real audit probability; empty where a cell is not finished."""
    labels = [f"{level:g}" for level in LEVELS]

    def panel(title: str, metric: str) -> Matrix:
        cells = [[grid.get((telling, audit)) for audit in LEVELS] for telling in LEVELS]
        values = [[None if cell is None else cell.rates[metric] for cell in row] for row in cells]
        return Matrix(title, "announced", "audited", labels, labels, values)

    panels = [panel("overclaims (exploit rate)", EXPLOIT), panel("right answers (task performance)", TASK)]
    return Chart("real-model-grid", "Announced and real audit probability", panels)


def grid_cells(grid: Grid, policy: str) -> list[dict[str, Any]]:
    """The finished cells as records for programs."""
    return [
        record
        for (telling, audit), cell in grid.items()
        for record in scored_cells(
            f"{GAME}(telling={telling:g},audit={audit:g})/vulnerable/{policy}", {**cell.rates, **changes_named(cell)}
        )
    ]
