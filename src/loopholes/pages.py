"""The page of a folder: what its studies, audits and runs say, gathered from their files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loopholes.errors import RunError, UsageError

if TYPE_CHECKING:
    from loopholes.report import Section
    from loopholes.report.store import Stored


def write_page_of(directory: Path, out: Path | None, thresholds: Mapping[str, Any]) -> tuple[Path, Sequence[Section]]:
    """Write the page of a directory to ``out``, by default its ``report.html``; returns the page and its sections.

    Raises :class:`DataError` if there is no such directory, :class:`RunError` if nothing is in it, and
    :class:`UsageError` for thresholds that do not exist and for an existing page that says more than a new one could.
    """
    from loopholes.report import write_page

    page = out or directory / "report.html"
    sections, lead = _sections(directory, page if out is None else None, thresholds)
    title = f"Loopholes: {directory.resolve().name}"
    return write_page(title, sections, page, **({"lead": lead} if lead else {})), sections


def _sections(directory: Path, page: Path | None, thresholds: Mapping[str, Any]) -> tuple[list[Section], str]:
    """The sections of a directory, and the lead of their page (empty for the usual one).

    For a study's folder these are the sections of its ``NAME.json`` files only. For other directories they are those of
    every finished study below, then of audits, then of runs outside of studies. ``page`` is an existing page that must
    not be replaced by one without charts; None if another place was named.
    """
    from loopholes.report.store import read_sections

    if directory.is_dir() and (stored := read_sections(directory)):
        return _of_study(stored, directory, page), ""
    marks = sorted(directory.rglob("study.json"))
    studies = {mark.parent: [stored.section for stored in read_sections(mark.parent)] for mark in marks}
    finished = [folder for folder, sections in studies.items() if sections]
    return _with_loose(directory, [section for folder in finished for section in studies[folder]], finished, thresholds)


def _of_study(stored: list[Stored], directory: Path, page: Path | None) -> list[Section]:
    if page is not None and page.exists() and any(summary.schema == 1 for summary in stored):
        raise UsageError(
            f"{directory} holds summaries of an older version without charts, and their page would replace {page}: "
            "name another file with --out"
        )
    return [summary.section for summary in stored]


def _with_loose(
    directory: Path, sections: list[Section], finished: list[Path], thresholds: Mapping[str, Any]
) -> tuple[list[Section], str]:
    from loopholes.audit.section import LEAD, audits_of

    audits = audits_of(directory)
    if audits and not sections and not thresholds and not any(directory.rglob("status.json")):
        return audits, LEAD  # which takes no package of training, as runs do
    from loopholes.studies import StudyConfig
    from loopholes.studies.loose import loose_sections

    limits = StudyConfig.of(thresholds=thresholds).thresholds
    try:
        loose = loose_sections(directory, limits, without=finished)
    except RunError:
        if not audits:
            raise
        loose = []
    return [*sections, *audits, *loose], LEAD if audits and not sections and not loose else ""
