"""``loopholes eval`` and ``loopholes score``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from loopholes.cli.console import Steps, as_lines, estimates_table, print_line, say, stderr, stdout
from loopholes.cli.options import Channel, Game, Json, Resume, Sandbox, Seed, Set, SkipBad, Tasks, pairs
from loopholes.games import game as make_game

Policy = Annotated[
    str,
    typer.Argument(
        metavar="POLICY",
        help="mini, mini-llama, a model's name or directory, a run, or scripted:honest|exploiting|inept.",
        show_default=False,
    ),
]


def evaluate(
    policy: Policy,
    game: Annotated[str, typer.Option(help="A game's name, or FILE.py:CLASS.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The run's directory.", show_default=False)],
    tasks: Tasks = None,
    count: Annotated[int, typer.Option(help="Tasks of the mini world, of its test split.")] = 256,
    samples: Annotated[int, typer.Option(help="Answers a task.")] = 8,
    temperature: Annotated[
        float | None, typer.Option(help="Default: 1.0 for minis, 0.6 for other models.", show_default=False)
    ] = None,
    top_p: Annotated[float | None, typer.Option(help="Default: 1 for minis, 0.95 for other models.")] = None,
    top_k: Annotated[int | None, typer.Option(help="Default: 0 (all) for minis; else 20, in tampering 50.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="The longest answer.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Answers sampled at once.")] = None,
    channel: Channel = "vulnerable",
    seed: Seed = 0,
    set_: Set = None,
    resume: Resume = False,
    skip_bad: SkipBad = False,
    sandbox: Sandbox = None,
    json_: Json = False,
) -> None:
    """Measure a policy on a game: task performance, exploit rate and the rest, with intervals.

    Both channels pay every answer. With --skip-bad, tasks whose prompts are too long for the policy are left out, too.
    """
    from loopholes.evaluation import EvalConfig, run_evaluation

    given: dict[str, Any] = {"temperature": temperature, "top_p": top_p, "top_k": top_k, "max_tokens": max_tokens}
    config = EvalConfig.of(
        game=game,
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
        **given,
    )
    with Steps(f"{game} {policy}", None, lines=as_lines(json_)) as steps:
        run = run_evaluation(config, resume=resume, on_batch=lambda line: steps.step(line, line["step"], line["steps"]))
    summary = run.summary or {}
    if as_lines(json_):
        print_line({"run": str(run.path), "state": run.status.state, **summary})
    else:
        _show(summary.get("cells", []), f"{game}: {policy}")
        say(f"The run is in {run.path}.")


def _show(cells: list[dict[str, Any]], title: str) -> None:
    from loopholes.stats import Estimate

    keys = ("value", "low", "high", "n", "seeds")
    found = {cell["metric"]: Estimate(**{key: cell[key] for key in keys}) for cell in cells}
    stdout.print(title, style="bold", markup=False)
    stdout.print(estimates_table(found))


def score(
    game: Game,
    tasks: Annotated[
        Path, typer.Option(help="Tasks: the released parquet layout, or JSON Lines of Task.", show_default=False)
    ],
    completions: Annotated[
        Path, typer.Option(help='JSON Lines {"task": row or id, "completion": text}.', show_default=False)
    ],
    channel: Channel = "vulnerable",
    seed: Seed = 0,
    set_: Set = None,
    out: Annotated[Path | None, typer.Option(help="Where the scores go; default: standard output.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file in --out.")] = False,
    skip_bad: SkipBad = False,
    sandbox: Sandbox = None,
) -> None:
    """Score completions that were written elsewhere: JSON Lines in, JSON Lines out, in order.

    A completion may carry "claim" (self-grading) or "harmful" (compliance), judged elsewhere. A summary with
    intervals goes to the terminal.
    """
    from loopholes.score_files import refuse_existing, score_files

    if out is not None:
        refuse_existing(out, overwrite)
    played = make_game(game, **pairs(set_, "--set"))
    no_bar = not stderr.is_terminal or (out is None and sys.stdout.isatty())  # records and a bar would mix
    with Steps(f"{game} {channel}", None, lines=no_bar, shown={}, echo=False) as steps:
        scores = score_files(
            played,
            tasks,
            completions,
            channel=channel,
            seed=seed,
            skip_bad=skip_bad,
            on_chunk=lambda done, total: steps.step({}, done, total),
        )
        if out is not None:
            scores.write(out, overwrite=overwrite)
        else:
            for line in scores.lines():
                typer.echo(line)
    console = stderr if out is None else stdout
    left_out = f" (left out: {scores.left_out})" if scores.left_out else ""
    title = f"{game}, {channel} channel, {scores.count:,} completions{left_out}"
    console.print(title, style="bold", markup=False, soft_wrap=True)
    console.print(estimates_table(scores.estimates()))
