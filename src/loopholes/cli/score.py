"""``loopholes eval`` and ``loopholes score``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loopholes.cli.console import conclude, estimates_table, print_line, share_a_stream, stderr, stdout
from loopholes.cli.display import display
from loopholes.cli.options import Bf16, Channel, Game, Json, Resume, Sandbox, Seed, Set, SkipBad, Tasks, pairs
from loopholes.games import game as make_game
from loopholes.modules import recorded

if TYPE_CHECKING:
    from loopholes.score_files import Scores

Policy = Annotated[
    str,
    typer.Argument(
        metavar="POLICY",
        help="mini, mini-llama, a model's name or directory, a training run's directory, or "
        "scripted:honest, scripted:exploiting, scripted:inept.",
        show_default=False,
    ),
]


def evaluate(
    policy: Policy,
    game: Annotated[str, typer.Option(help="A game: NAME, FILE.py:CLASS or package.module:CLASS.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Directory for the run.", show_default=False)],
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
    bf16: Bf16 = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Answers sampled at once. Default: what fits.", show_default=False)
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

    Every answer is paid by both channels. --skip-bad also skips tasks whose prompts are too long for the policy.
    """
    from loopholes.evaluation import EvalConfig, run_evaluation

    sampling: dict[str, Any] = {"temperature": temperature, "top_p": top_p, "top_k": top_k, "max_tokens": max_tokens}
    config = EvalConfig.of(
        game=recorded(game),
        parameters=pairs(set_, "--set"),
        policy=policy,
        out=out,
        tasks=tasks,
        skip_bad=skip_bad,
        count=count,
        samples=samples,
        channel=channel,
        seed=seed,
        batch_size=batch_size,
        bf16=bf16,
        **sampling,
    )
    with display(f"{game} {policy}", json=json_) as shown:
        run = run_evaluation(config, resume=resume, on_progress=shown.show)
    summary = run.summary or {}
    if json_:
        print_line({"run": str(run.path), "state": run.status.state, **summary})
    else:
        _show(summary.get("cells", []), f"{game}: {policy}")
        conclude(f"The run is in {run.path}")


def _show(cells: list[dict[str, Any]], title: str) -> None:
    from loopholes.stats import Estimate

    keys = ("value", "low", "high", "n", "seeds")
    estimates = {cell["metric"]: Estimate(**{key: cell[key] for key in keys}) for cell in cells}
    stdout.print(title, style="bold", markup=False, soft_wrap=True)
    stdout.print(estimates_table(estimates))


def score(
    game: Game,
    tasks: Annotated[
        Path, typer.Option(help="File of tasks: the released parquet layout, or JSON Lines.", show_default=False)
    ],
    completions: Annotated[
        Path,
        typer.Option(
            help='File of completions, JSON Lines: {"task": row or id, "completion": text}.', show_default=False
        ),
    ],
    channel: Channel = "vulnerable",
    seed: Seed = 0,
    set_: Set = None,
    out: Annotated[
        Path | None, typer.Option(help="File for the scores. Default: standard output.", show_default=False)
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")] = False,
    skip_bad: SkipBad = False,
    sandbox: Sandbox = None,
    json_: Json = False,
) -> None:
    """Score completions that were written elsewhere: JSON Lines in, JSON Lines out, in the same order.

    A completion may carry "claim" (self-grading) or "harmful" (compliance) if that was judged elsewhere. A summary
    with intervals is printed when all are scored: on standard output with --out, else on standard error. --json makes
    the summary a JSON line.
    """
    from loopholes.score_files import refuse_existing, score_files

    if out is not None:
        refuse_existing(out, overwrite)
    played = make_game(game, **pairs(set_, "--set"))
    mute = out is None and (json_ or share_a_stream())  # standard output is for the records alone
    with display(f"{game} {channel}", json=json_, numbers={}, mute=mute) as shown:
        scores = score_files(
            played, tasks, completions, channel=channel, seed=seed, skip_bad=skip_bad, on_progress=shown.show
        )
        if out is not None:
            scores.write(out, overwrite=overwrite)
        else:
            for line in scores.lines():
                typer.echo(line)
    _summarize(scores, out, game, channel, json_)


def _summarize(scores: Scores, out: Path | None, game: str, channel: str, json_: bool) -> None:
    """The rates of what was scored; on standard error where the records are on standard output."""
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
    console.print(estimates_table(scores.estimates()))
    if out is not None:
        conclude(f"The scores are in {out}")
