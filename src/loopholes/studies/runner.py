"""From a study's name to its numbers: what is not done yet is done, then summed up, written down and shown.

::

    OUT/study.json       format and version, so that no other version goes on with it
    OUT/runs/            one directory a run, shared by all studies of this folder
    OUT/NAME.json        what a study found: all that its page shows, and for programs cells, tests and configuration
    OUT/report.html      every study that is finished, on one page, made from the files above
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from loopholes.errors import LoopholesError, RunError, UsageError
from loopholes.files import Lock, disk_errors, read_json, write_json
from loopholes.policies import MINIS, kind_of, locate
from loopholes.report.elements import Section
from loopholes.report.store import read_sections, write_section
from loopholes.studies import STUDIES
from loopholes.studies.base import Runs, Study, StudyConfig, Summary
from loopholes.studies.engine import Backend, OnEvent, execute
from loopholes.studies.jobs import closure
from loopholes.studies.samples import sampled
from loopholes.version import __version__

FORMAT = 1  # of a study's folder; counted up when an older one cannot be gone on with
MARK = "study.json"


@contextmanager
def opened(out: Path) -> Iterator[None]:
    """Hold a study's folder for one block; makes it if it is new.

    Raises :class:`RunError` for a folder of another version, one that holds something else, or one in use.
    """
    with disk_errors(out):
        if out.exists() and not out.is_dir():
            raise RunError(f"{out} is a file; choose another --out")
        if out.exists() and not (out / MARK).exists() and any(path.name != ".lock" for path in out.iterdir()):
            raise RunError(f"{out} holds files that are not a study's; choose another --out")
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
    made = mark.get("version")
    if mark.get("format") != FORMAT or made != __version__:
        raise RunError(
            f"{out} holds a study of loopholes {made}, and this is {__version__}: go on with that version, or choose "
            "another --out"
        )


def check_policies(config: StudyConfig) -> None:
    """Raise :class:`PolicyError`, :class:`UsageError` or :class:`UnknownName` before anything is run."""
    for policy in config.policies:
        if kind_of(policy) is not None:
            raise UsageError(f"{policy} cannot be trained, so there is nothing to study: give a model")
        location = locate(policy)
        if policy not in MINIS:
            from loopholes.policies.checkpoints import load_tokenizer

            load_tokenizer(location, policy)


def run_studies(
    studies: Sequence[Study], config: StudyConfig, out: Path, backend: Backend, tell: OnEvent
) -> dict[str, Summary]:
    """Run what is not finished, write each study's summary as soon as it is whole, and return all of them.

    A failure is raised after everything that does not depend on it is done and written down.
    """
    found: dict[str, Summary] = {}
    failure: LoopholesError | None = None
    plans = {study.name: study.plan(config) for study in studies}  # all of them first: a bad request fails at once
    for study in studies:
        try:
            execute(plans[study.name], out, backend, tell)
        except LoopholesError as error:
            failure = failure or error
            continue
        found[study.name] = summed_up(study, config, out)
        write_summary(found[study.name], config, out)
    if failure is not None:
        raise failure
    return found


def summarize_finished(studies: Sequence[Study], config: StudyConfig, out: Path) -> dict[str, Summary]:
    """Sum up each study from the runs that are finished, and write its summary; nothing is run.

    Raises :class:`RunError` for a folder of another version, and for a study that has to be finished first.
    """
    if not (out / MARK).is_file():
        raise RunError(f"{out} is not the folder of a study: there is no {MARK}")
    _check(out)
    for study in studies:
        left = sum(not job.finished(out) for job in closure(study.plan(config)))
        if left and not study.in_parts:
            raise RunError(f"{left} runs of {study.name} are not finished, and it is summed up as a whole only")
    found = {study.name: summed_up(study, config, out) for study in studies}
    for summary in found.values():
        write_summary(summary, config, out)
    return found


def summed_up(study: Study, config: StudyConfig, out: Path) -> Summary:
    """What the finished runs of a study say."""
    summary = study.summarize(config, Runs(out))
    command = f"loopholes study {study.name}{options(config)}"
    return dataclasses.replace(summary, section=dataclasses.replace(summary.section, command=command))


def write_summary(summary: Summary, config: StudyConfig, out: Path) -> None:
    """``OUT/NAME.json``, with a sample of the rollouts."""
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
    """The options that make this configuration, as they are typed; defaults are left out."""
    given = config.model_dump(mode="json", exclude_defaults=True)
    words = [f"--seeds {config.seeds}"]
    words += [f"--policy {policy}" for policy in given.get("policies", ())]
    words += [f"--game {game}" for game in given.get("games", ())]
    words += [f"--{key} {given[key]}" for key in ("steps", "count", "samples", "answers") if key in given]
    words += [f"--tasks {game}={path}" for game, path in given.get("train_tasks", {}).items()]
    words += [f"--test-tasks {game}={path}" for game, path in given.get("test_tasks", {}).items()]
    words += [f"--threshold {key}={value}" for key, value in given.get("thresholds", {}).items()]
    return "".join(f" {word}" for word in [*words, *(["--full"] if config.full else [])])


def sections_of(out: Path) -> list[Section]:
    """The sections of every study that is finished in a folder, from their files alone."""
    return [stored.section for stored in read_sections(out)]
