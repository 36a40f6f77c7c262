"""``loopholes eval`` and ``loopholes score``."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loopholes.cli.console import (
    conclude,
    estimates_table,
    paragraph,
    print_line,
    print_table,
    say,
    share_a_stream,
    stderr,
    stdout,
)
from loopholes.cli.display import display
from loopholes.cli.options import Channel, Game, Json, Resume, Sandbox, Seed, Set, SkipBad, Tasks, pairs
from loopholes.cli.tables import metrics_in_words, table_shown
from loopholes.config import as_option
from loopholes.errors import UsageError
from loopholes.games import BUILT_IN
from loopholes.games import game as make_game
from loopholes.modules import recorded, without_folder

if TYPE_CHECKING:
    from loopholes.runs import Run
    from loopholes.score_files import Scores

ALL = "all"
ESTIMATE = ("value", "low", "high", "n", "seeds")


class Evaluated(StrEnum):
    """The policy whose evaluation the rollout files are."""

    base = "base"
    trained = "trained"


Policy = Annotated[
    str,
    typer.Argument(
        metavar="POLICY",
        help="mini, mini-llama, a model's name or directory, a training run's directory, https://HOST/v1#MODEL (an "
        "OpenAI-compatible endpoint), or scripted:honest, scripted:exploiting, scripted:inept.",
        show_default=False,
    ),
]


def evaluate(
    policy: Policy,
    out: Annotated[Path, typer.Option(help="Directory for the run.", show_default=False)],
    game: Annotated[
        str | None,
        typer.Option(
            help="A game: NAME, FILE.py:CLASS, package.module:CLASS, or all. Default: that of the run in POLICY.",
            show_default=False,
        ),
    ] = None,
    tasks: Tasks = None,
    count: Annotated[int, typer.Option(help="Number of generated tasks, from the test split.")] = 256,
    samples: Annotated[int, typer.Option(help="Answers per task.")] = 8,
    temperature: Annotated[
        float | None,
        typer.Option(
            help="Sampling temperature. Default: 1.0 for the minis, 0.6 for other models.", show_default=False
        ),
    ] = None,
    top_p: Annotated[
        float | None,
        typer.Option(help="Nucleus sampling. Default: 1.0 for the minis, 0.95 for other models.", show_default=False),
    ] = None,
    top_k: Annotated[
        int | None,
        typer.Option(
            help="Sample from the k likeliest tokens; 0 means all. Default: 0 for the minis, 20 for other models "
            "(50 in reward-tampering).",
            show_default=False,
        ),
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(help="Longest answer, in tokens. Default: the game's.", show_default=False)
    ] = None,
    bf16: Annotated[
        bool | None,
        typer.Option(
            "--bf16/--no-bf16",
            help="Hold the weights in bfloat16. Default: if that is faster on this machine.",
            show_default=False,
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(help="Answers sampled at once. Default: what fits, or 32 at an endpoint.", show_default=False),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(help="Seconds that an endpoint may take for one answer. Default: 600.", show_default=False),
    ] = None,
    channel: Channel = "vulnerable",
    seed: Seed = 0,
    set_: Set = None,
    resume: Resume = False,
    skip_bad: SkipBad = False,
    sandbox: Sandbox = None,
    json_: Json = False,
) -> None:
    """Measure a policy on a game: task performance, exploit rate and the game's other metrics, with intervals.

    Every answer is paid by both channels. --skip-bad also skips tasks whose prompts are too long for the policy. With
    --game all, each of the four games is a run below --out, and --set applies to the games that have the parameter.
    """
    sampling: dict[str, Any] = {"temperature": temperature, "top_p": top_p, "top_k": top_k, "max_tokens": max_tokens}
    fields = {
        "policy": policy,
        "tasks": tasks,
        "skip_bad": skip_bad,
        "count": count,
        "samples": samples,
        "channel": channel,
        "seed": seed,
        "batch_size": batch_size,
        "bf16": bf16,
        "timeout": timeout,
        **sampling,
    }
    parameters = pairs(set_, "--set")
    if game is None:
        game, own = _played_by(policy)
        parameters = {**own, **parameters}
        settings = ", ".join(f"{name}={as_option(value)}" for name, value in parameters.items())
        say(f"{policy} was trained on {game}{f' ({settings})' if settings else ''}, so that is what it plays here")
    if game == ALL:
        _evaluate_all(fields, parameters, out, resume, json_)
        return
    run = _evaluate({**fields, "game": recorded(game), "parameters": parameters, "out": out}, resume, json_)
    if not json_:
        _show((run.summary or {}).get("cells", []), f"{game}: {policy}")
        paragraph(metrics_in_words(make_game(game, **parameters)))
        _say_usage([run])
        conclude(f"The run is in {run.path}; loopholes report {run.path} makes its page")


def _played_by(policy: str) -> tuple[str, dict[str, Any]]:
    """The game and the parameters of the run in a directory; raises :class:`UsageError` if there is no such run."""
    from loopholes.runs import config_of

    config = config_of(Path(policy))
    if "game" not in config:
        raise UsageError(
            f"{policy} is not a run, so nothing says what it plays: name a game with --game, or --game all"
        )
    return config["game"], dict(config.get("parameters") or {})


def _evaluate(fields: dict[str, Any], resume: bool, json_: bool) -> Run:
    from loopholes.evaluation import EvalConfig, run_evaluation

    config = EvalConfig.of(**fields)
    with display(f"{without_folder(config.game)} {config.policy}", json=json_) as progress:
        run = run_evaluation(config, resume=resume, on_progress=progress.show)
    if json_:
        print_line({"run": str(run.path), "state": run.status.state, **(run.summary or {})})
    return run


def _evaluate_all(fields: dict[str, Any], parameters: dict[str, Any], out: Path, resume: bool, json_: bool) -> None:
    """One run per game, with the results of all games in one table and one ``summary.json``."""
    from loopholes.files import disk_errors, write_json
    from loopholes.untrained import untrained_table

    if fields["tasks"] is not None:
        raise UsageError("--tasks is a file of tasks of one game: name that game with --game")
    chosen = _parameters_by_game(parameters)
    runs = {
        name: _evaluate({**fields, "game": name, "parameters": own, "out": out / name}, resume, json_)
        for name, own in chosen.items()
    }
    cells = {name: (run.summary or {}).get("cells", []) for name, run in runs.items()}
    with disk_errors(out):
        write_json(out / "summary.json", {"cells": [cell for rows in cells.values() for cell in rows]})
    if not json_:
        table = untrained_table(fields["policy"], cells)
        stdout.print(table.title, style="bold", markup=False, soft_wrap=True)
        print_table(table_shown(table, width=stdout.width))
        paragraph(table.note)
        _say_usage(list(runs.values()))
        conclude(f"The runs are in {out}; loopholes report {out} makes their page")


def _parameters_by_game(parameters: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The parameters that apply to each built-in game; raises :class:`UsageError` for a parameter of no game."""
    has = {name: set(make_game(name).Parameters.model_fields) for name in BUILT_IN}
    for key in parameters:
        if not any(key in names for names in has.values()):
            raise UsageError(f"no game has a parameter {key!r}; loopholes games NAME lists the parameters")
    return {name: {key: value for key, value in parameters.items() if key in names} for name, names in has.items()}


def _say_usage(runs: Sequence[Run]) -> None:
    """Print the tokens that an endpoint counted, and the number of unanswered prompts."""
    usages = [summary["usage"] for run in runs if "usage" in (summary := run.summary or {})]
    if usages:
        tokens = {name: sum(usage[f"{name}_tokens"] for usage in usages) for name in ("prompt", "completion")}
        missing = sum(usage["unanswered"] for usage in usages)
        words = f"Tokens: {tokens['prompt']:,} read, {tokens['completion']:,} written"
        conclude(f"{words}; unanswered: {missing:,}" if missing else words)


def _show(cells: list[dict[str, Any]], title: str) -> None:
    from loopholes.stats import Estimate

    estimates = {cell["metric"]: Estimate(**{key: cell[key] for key in ESTIMATE}) for cell in cells}
    stdout.print(title, style="bold", markup=False, soft_wrap=True)
    print_table(estimates_table(estimates))


def score(
    game: Game,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE|FOLDER]...", help="Rollout files of another trainer, with --format.", show_default=False
        ),
    ] = None,
    tasks: Annotated[
        Path | None,
        typer.Option(help="File of tasks: the released parquet layout, or JSON Lines.", show_default=False),
    ] = None,
    completions: Annotated[
        Path | None,
        typer.Option(
            help='File of completions, JSON Lines: {"task": row or id, "completion": text}.', show_default=False
        ),
    ] = None,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="verl|verifiers",
            help="The trainer that wrote the rollout files; they become a run in --out.",
            show_default=False,
        ),
    ] = None,
    channel: Channel = "vulnerable",
    seed: Seed = 0,
    set_: Set = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="File for the scores (default: standard output), or with --format the run's directory.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")] = False,
    policy: Annotated[str, typer.Option(help="With --format: name of the policy on the page.")] = "elsewhere",
    evaluation: Annotated[
        Evaluated | None,
        typer.Option(
            help="With --format: the files evaluate the untrained policy (base) or the one trained on --channel. "
            "Default: the files are a training run.",
            show_default=False,
        ),
    ] = None,
    resume: Resume = False,
    skip_bad: SkipBad = False,
    sandbox: Sandbox = None,
    json_: Json = False,
) -> None:
    """Score completions that were written elsewhere: JSON Lines in, JSON Lines out, in the same order.

    A completion may have "claim" (self-grading) or "harmful" (compliance) if that was judged elsewhere. When all are
    scored, a summary with intervals is printed: on standard output with --out, else on standard error. With --json it
    is a JSON line. With --format, the rollout files of another trainer become a run, which loopholes report can show.
    """
    parameters = pairs(set_, "--set")
    if format_ is not None:
        if completions is not None or not files or out is None:
            raise UsageError("--format needs rollout FILES and a directory --out, and excludes --completions")
        stated = {"channel": channel, "seed": seed, "parameters": parameters, "policy": policy, "tasks": tasks}
        fields = {"format": format_, "game": recorded(game), "files": tuple(files), "out": out, "skip_bad": skip_bad}
        chosen = None if evaluation is None else evaluation.value
        _import({**stated, **fields, "evaluation": chosen}, resume, json_)
        return
    if tasks is None or completions is None or files:
        raise UsageError("score needs --tasks and --completions, or --format with the rollout files of another trainer")
    if evaluation is not None or resume:
        raise UsageError("--evaluation and --resume are for the rollout files of another trainer: give --format, too")
    from loopholes.score_files import refuse_existing, score_files

    if out is not None:
        refuse_existing(out, overwrite)
    played = make_game(game, **parameters)
    mute = out is None and (json_ or share_a_stream())  # standard output is only for the records
    with display(f"{game} {channel}", json=json_, numbers={}, mute=mute) as progress:
        scores = score_files(
            played, tasks, completions, channel=channel, seed=seed, skip_bad=skip_bad, on_progress=progress.show
        )
        if out is not None:
            scores.write(out, overwrite=overwrite)
        else:
            for line in scores.lines():
                typer.echo(line)
    _summarize(scores, out, game, channel, json_)


def _import(fields: dict[str, Any], resume: bool, json_: bool) -> None:
    """Import rollouts of another trainer as a run."""
    from loopholes.traces.importing import Import, import_rollouts

    config = Import(**fields)
    with display(f"{without_folder(config.game)} {config.format}", json=json_) as progress:
        run = import_rollouts(config, resume=resume, on_progress=progress.show)
    summary = run.summary or {}
    if json_:
        print_line({"run": str(run.path), "state": run.status.state, **summary})
        return
    left_out = f" (left out: {summary['left_out']})" if summary.get("left_out") else ""
    what = "training steps" if config.evaluation is None else "step (an evaluation)"
    rollouts = f"{summary['rollouts']:,} rollouts of {run.config['steps']} {what}"
    title = f"{without_folder(config.game)}, {run.config['arm']}: {rollouts}"
    _show(summary.get("cells", []), f"{title}{left_out}")
    conclude(f"The run is in {run.path}; loopholes report {run.path} makes its page")


def _summarize(scores: Scores, out: Path | None, game: str, channel: str, json_: bool) -> None:
    """Print the rates of the scored completions; on standard error if the records are on standard output."""
    from loopholes.score import cells

    console = stderr if out is None else stdout
    if json_:
        rates = cells(f"{game}/{channel}", scores.estimates())
        place = {} if out is None else {"scores": str(out)}
        print_line({**place, "count": scores.count, "left_out": scores.left_out, "cells": rates}, error=out is None)
        return
    left_out = f" (left out: {scores.left_out})" if scores.left_out else ""
    title = f"{game}, {channel} channel, {scores.count:,} completions{left_out}"
    console.print(title, style="bold", markup=False, soft_wrap=True)
    print_table(estimates_table(scores.estimates()), console)
    if out is not None:
        conclude(f"The scores are in {out}")
