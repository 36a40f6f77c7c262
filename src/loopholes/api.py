"""The commands as functions: what ``loopholes train`` does, :func:`train` does, with the same options and records.

Each function imports what it works with when it is called. A package that is not installed is named together with the
extra that installs it (:class:`loopholes.errors.MissingExtra`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loopholes.errors import MissingExtra, missing_extra
from loopholes.modules import recorded
from loopholes.progress import OnProgress
from loopholes.records import PromptStyle

if TYPE_CHECKING:
    from loopholes.audit.assertion import Data
    from loopholes.audit.engine import AuditConfig
    from loopholes.audit.results import Report
    from loopholes.runs.run import Run
    from loopholes.studies.base import Summary


@contextmanager
def _naming_extras() -> Iterator[None]:
    """Raise :class:`MissingExtra` if a package of an extra is missing in this block."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise missing_extra(error) or error from error


@_naming_extras()
def train(
    game: str,
    *,
    out: str | Path,
    channel: str = "vulnerable",
    policy: str = "mini",
    steps: int | None = None,
    seed: int = 0,
    resume: bool = False,
    on_progress: OnProgress | None = None,
    **options: Any,
) -> Run:
    """Train a policy with GRPO on the rewards that a channel of a game pays, and return the finished run.

    ``game`` is a name, ``FILE.py:CLASS`` or ``package.module:CLASS``. ``policy`` is ``mini``, ``mini-llama``, a model's
    name or directory, or the directory of a training run. ``out`` is a new directory for the run; with ``resume`` an
    interrupted run in it continues. ``steps`` are GRPO steps (None: the preset's). ``options`` are the other fields of
    :class:`loopholes.TrainConfig`. ``on_progress`` is called after each step.

    Needs the extra ``train``. Raises :class:`UsageError` for options that are wrong, :class:`DataError` for a file of
    tasks that cannot be used, :class:`PolicyError` for a policy that cannot be loaded, :class:`RunError` for a
    directory that cannot be used, :class:`ScoringError` if a judge or the sandbox breaks, and KeyboardInterrupt on
    Ctrl-C, after a checkpoint was saved.
    """
    from loopholes.games import game as make_game
    from loopholes.training.config import TrainConfig

    if find_spec("torch") is None:
        raise MissingExtra("torch", "train")  # which also brings what the game may need
    fields = {"channel": channel, "policy": policy, "steps": steps, "seed": seed, **options}
    config = TrainConfig.of(game=recorded(game), out=out, **fields)
    played = make_game(config.game, **config.parameters)
    played.channel(config.channel)  # this and what follows before the seconds that torch takes
    config.check_out(resume)
    tasks = config.loaded_tasks(played)
    from loopholes.training.grpo import train as run_training

    return run_training(config, game=played, tasks=tasks, resume=resume, on_progress=on_progress)


@_naming_extras()
def evaluate(
    policy: str,
    game: str,
    *,
    out: str | Path,
    count: int = 256,
    samples: int = 8,
    seed: int = 0,
    resume: bool = False,
    on_progress: OnProgress | None = None,
    **options: Any,
) -> Run:
    """Let a policy answer held-out tasks of a game, and return the run; its ``summary`` has every metric with interval.

    ``policy`` is named as for :func:`train`; it may also be ``scripted:honest``, ``scripted:exploiting``,
    ``scripted:inept``, or ``URL#MODEL`` (an OpenAI-compatible endpoint). It answers ``count`` generated tasks
    ``samples`` times each. ``options`` are the other fields of :class:`loopholes.EvalConfig`. ``on_progress`` is called
    after each batch.

    Needs the extra ``games``, and ``train`` for checkpoints. Raises what :func:`train` raises.
    """
    from loopholes.evaluation import EvalConfig, run_evaluation

    fields = {"count": count, "samples": samples, "seed": seed, **options}
    config = EvalConfig.of(policy=policy, game=recorded(game), out=out, **fields)
    return run_evaluation(config, resume=resume, on_progress=on_progress)


@_naming_extras()
def study(
    name: str,
    *,
    out: str | Path,
    seeds: int = 5,
    workers: int | None = None,
    on_event: Callable[[Any], None] | None = None,
    **options: Any,
) -> dict[str, Summary]:
    """Run a study, or ``all`` of them, and return their summaries by name; the page is ``OUT/report.html``.

    What is finished in ``out`` is not run again. ``workers`` runs are made at the same time (None: one per core), each
    in a process of its own, so that a script calls this below ``if __name__ == "__main__":``. ``options`` are the other
    fields of :class:`loopholes.StudyConfig`. ``on_event`` is called as runs start, progress and end.

    Needs the extra ``train``. Raises :class:`UnknownName` for a study that does not exist, and what :func:`train`
    raises.
    """
    from loopholes.cores import cores
    from loopholes.report import write_page
    from loopholes.studies import StudyConfig, studies_called
    from loopholes.studies.runner import check_policies, opened, run_studies, sections_of
    from loopholes.studies.workers import LocalWorkers

    place, config = Path(out), StudyConfig.of(seeds=seeds, **options)
    chosen = studies_called(name, config)
    check_policies(config)
    with opened(place):
        with LocalWorkers(place, workers or cores()) as backend:
            summaries = run_studies(chosen, config, place, backend, on_event or (lambda event: None))
        write_page("Loopholes: what was found", sections_of(place), place / "report.html")
    return summaries


@_naming_extras()
def audit_reward(
    reward: str | Callable[..., Any] | Sequence[str],
    data: Data | None = None,
    *,
    golden: str | None = None,
    framework: str | None = None,
    config: AuditConfig | None = None,
    on_progress: OnProgress | None = None,
    **options: Any,
) -> Report:
    """Find out how a reward function can be gamed before anything is trained on it.

    ``reward`` is a function at the top level of a file, ``FILE.py:NAME``, ``package.module:NAME``, or several of those
    names with ``=WEIGHT``, which are added up. ``data`` is a file (JSON Lines, parquet, a datasets folder) or a list of
    rows; None takes the rows that the target brings along. ``golden`` is a template of right completions, such as
    ``<answer>{answer}</answer>``. ``framework`` is what calls the reward (None: recognised by its signature), and
    ``options`` are that framework's. The reward runs in processes of its own.

    ``Report.findings`` are exploits, warnings and what stayed inconclusive, each with a completion that proves it;
    ``Report.exit_code()`` is that of ``loopholes audit``. Raises :class:`UsageError` for what cannot be audited and
    :class:`DataError` for data that cannot be read.
    """
    from loopholes.audit.assertion import report_on

    return report_on(reward, data, golden, framework, options, config, on_progress)


@_naming_extras()
def export(
    framework: str,
    game: str,
    *,
    out: str | Path,
    channel: str = "vulnerable",
    count: int = 256,
    prompts: PromptStyle = "chat",
    seed: int = 0,
    parameters: Mapping[str, Any] | None = None,
) -> Path:
    """Write a game as an environment of another framework into the new folder ``out``, and return that folder.

    ``framework`` is ``openenv``, ``verifiers`` or ``verl``. The environment has ``count`` generated tasks per split,
    with ``prompts`` for chat models or the terse ones of the mini policies. ``parameters`` are the game's own.

    Raises :class:`UnknownName` for another framework, :class:`UsageError` for a game that cannot be played there, and
    :class:`RunError` if ``out`` exists.
    """
    from loopholes.integrations import export as write
    from loopholes.integrations import target
    from loopholes.integrations.packing import pack, refuse_existing

    target(framework)
    refuse_existing(Path(out))
    package = pack(game, channel=channel, seed=seed, count=count, prompts=prompts, parameters=parameters)
    write(framework, package, Path(out))
    return Path(out)


@_naming_extras()
def write_report(
    directory: str | Path,
    *,
    out: str | Path | None = None,
    figures: str | Path | None = None,
    thresholds: Mapping[str, Any] | None = None,
) -> Path:
    """Write one page about the runs, studies and audits in a directory, and return its path.

    The page is a single HTML file that opens offline: ``out``, by default ``report.html`` in the directory. ``figures``
    is a folder for its figures (SVG, PNG) and tables (CSV). ``thresholds`` are those of runs that belong to no study
    (``appears``, ``dominates``, ``window``, ``sustain``, ``tolerance``).

    Raises :class:`RunError` for a directory that holds nothing to show or a file that cannot be written.
    """
    from loopholes.pages import write_page_of
    from loopholes.report import export as export_files

    page, sections = write_page_of(Path(directory), None if out is None else Path(out), thresholds or {})
    if figures is not None:
        export_files(sections, Path(figures))
    return page
