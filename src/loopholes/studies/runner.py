"""Runs studies: executes what is unfinished, then summarizes each study and writes the summary.

::

    OUT/study.json       format and version, so that no other version continues it
    OUT/runs/            one directory per run, shared by all studies of this folder
    OUT/NAME.json        results of a study: everything its page shows, and cells, tests and configuration for programs
    OUT/report.html      every finished study on one page, made from the files above
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from loopholes.errors import LoopholesError, RunError, UsageError
from loopholes.files import Lock, disk_errors, read_json, write_json
from loopholes.policies import MINIS, available, kind_of
from loopholes.report.elements import Section
from loopholes.report.store import read_sections, write_section
from loopholes.studies import STUDIES
from loopholes.studies.base import Runs, Study, StudyConfig, Summary
from loopholes.studies.engine import Backend, OnEvent, execute
from loopholes.studies.jobs import closure
from loopholes.studies.samples import sampled
from loopholes.version import __version__

FORMAT = 1  # of a study's folder; raised when older folders can no longer be continued
MARK = "study.json"


@contextmanager
def opened(out: Path) -> Iterator[None]:
    """Hold the lock of a study's folder for the ``with`` block; creates the folder if it does not exist.

    Raises :class:`RunError` for a folder of another version, with other contents, or in use.
    """
    with disk_errors(out):
        if out.exists() and not out.is_dir():
            raise RunError(f"{out} is a file; choose another --out")
        if out.exists() and not (out / MARK).exists() and any(path.name != ".lock" for path in out.iterdir()):
            raise RunError(f"{out} holds files that do not belong to a study; choose another --out")
        out.mkdir(parents=True, exist_ok=True)
        lock = Lock(out)
    try:
        if not (out / MARK).exists():
            with disk_errors(out):
                write_json(out / MARK, {"format": FORMAT, "version": __version__})
        _check(out)
        yield
    finally:
        lock.release()


def _check(out: Path) -> None:
    mark = read_json(out / MARK)
    version = mark.get("version")
    if mark.get("format") != FORMAT or version != __version__:
        raise RunError(
            f"{out} holds a study of loopholes {version}, and this is {__version__}: continue with that version, or "
            "choose another --out"
        )


def check_policies(config: StudyConfig) -> None:
    """Check the policies before any run; raises :class:`PolicyError`, :class:`UsageError` or :class:`UnknownName`."""
    for policy in config.policies:
        if kind_of(policy) is not None:
            raise UsageError(f"{policy} cannot be trained, so it cannot be studied: give a model with --policy")
        location = available(policy)
        if policy not in MINIS:
            from loopholes.policies.checkpoints import load_tokenizer

            load_tokenizer(location, policy)


def run_studies(
    studies: Sequence[Study], config: StudyConfig, out: Path, backend: Backend, tell: OnEvent
) -> dict[str, Summary]:
    """Run what is unfinished, write each study's summary as soon as its runs are finished, and return the summaries.

    A failure is raised after everything that does not depend on it is done and written.
    """
    summaries: dict[str, Summary] = {}
    failure: LoopholesError | None = None
    plans = {
        study.name: study.plan(config) for study in studies
    }  # all plans first, so that a bad request fails at once
    for study in studies:
        try:
            execute(plans[study.name], out, backend, tell)
        except LoopholesError as error:
            failure = failure or error
            continue
        summaries[study.name] = summed_up(study, config, out)
        write_summary(summaries[study.name], config, out)
    if failure is not None:
        raise failure
    return summaries


def summarize_finished(studies: Sequence[Study], config: StudyConfig, out: Path) -> dict[str, Summary]:
    """Summarize each study from its finished runs, and write the summaries; runs nothing.

    Raises :class:`RunError` for a folder of another version, and for a study that must be finished first.
    """
    if not (out / MARK).is_file():
        raise RunError(f"{out} is not the folder of a study: there is no {MARK}")
    _check(out)
    for study in studies:
        left = sum(not job.finished(out) for job in closure(study.plan(config)))
        if left and not study.in_parts:
            raise RunError(f"{left} runs of {study.name} are not finished; it can only be summarized when all are")
    summaries = {study.name: summed_up(study, config, out) for study in studies}
    for summary in summaries.values():
        write_summary(summary, config, out)
    return summaries


def summed_up(study: Study, config: StudyConfig, out: Path) -> Summary:
    """Summarize the finished runs of a study."""
    summary = study.summarize(config, Runs(out))
    command = f"loopholes study {study.name}{options(config)}"
    return dataclasses.replace(summary, section=dataclasses.replace(summary.section, command=command))


def write_summary(summary: Summary, config: StudyConfig, out: Path) -> None:
    """Write ``OUT/NAME.json``, with a sample of the rollouts."""
    section = sampled(summary.section)
    more = {
        "version": __version__,
        "config": config.model_dump(mode="json"),
        "cells": list(summary.cells),
        "tests": [dataclasses.asdict(test) for test in summary.comparisons],
    }
    place = list(STUDIES).index(section.name) + 1 if section.name in STUDIES else 0
    write_section(out / f"{section.name}.json", section, place, more)


def options(config: StudyConfig) -> str:
    """The command-line options that give this configuration; defaults are left out."""
    chosen = config.model_dump(mode="json", exclude_defaults=True)
    words = [f"--seeds {config.seeds}"]
    words += [f"--policy {policy}" for policy in chosen.get("policies", ())]
    words += [f"--game {game}" for game in chosen.get("games", ())]
    words += [f"--{key} {chosen[key]}" for key in ("steps", "count", "samples", "answers") if key in chosen]
    words += [f"--tasks {game}={path}" for game, path in chosen.get("train_tasks", {}).items()]
    words += [f"--test-tasks {game}={path}" for game, path in chosen.get("test_tasks", {}).items()]
    words += [f"--threshold {key}={value}" for key, value in chosen.get("thresholds", {}).items()]
    return "".join(f" {word}" for word in [*words, *(["--full"] if config.full else [])])


def sections_of(out: Path) -> list[Section]:
    """The sections of every finished study in a folder, read from their files only."""
    return [stored.section for stored in read_sections(out)]
