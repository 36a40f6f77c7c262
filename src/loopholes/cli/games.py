"""``loopholes games``: lists and explains the games."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from loopholes.cli.console import complain, print_table, stdout
from loopholes.cli.options import Json, Set, pairs
from loopholes.errors import UsageError
from loopholes.files import jsonable
from loopholes.games import BUILT_IN
from loopholes.games import game as make_game
from loopholes.games.base import Demonstration, Game, demonstrations_of
from loopholes.games.validate import replay, validate
from loopholes.numbers import plain
from loopholes.runs import prompt_text
from loopholes.score import Scored

Name = Annotated[
    str | None,
    typer.Argument(metavar="NAME", help="A game: NAME, FILE.py:CLASS or package.module:CLASS. Default: all."),
]


def games(
    name: Name = None,
    validate_: Annotated[
        bool,
        typer.Option(
            "--validate",
            help="Replay every demonstration and check that no channel reaches the truth; exit with 1 on a failure.",
        ),
    ] = False,
    json_: Json = False,
    set_: Set = None,
) -> None:
    """List the games, or explain one of them with its demonstrations."""
    parameters = pairs(set_, "--set")
    if name is None and parameters:
        raise UsageError("--set needs the name of a game: loopholes games NAME --set KEY=VALUE")
    chosen = [make_game(built_in) for built_in in BUILT_IN] if name is None else [make_game(name, **parameters)]
    if validate_:
        _validate(chosen, json_)
    elif json_:
        summaries = [_summary(game) for game in chosen]
        record = summaries if name is None else {**summaries[0], "demonstrations": _replay(chosen[0])}
        typer.echo(json.dumps(jsonable(record)))
    elif name is None:
        print_table(_table(chosen))
        stdout.print(
            "\nloopholes games NAME explains a game. Name your own as FILE.py:CLASS or package.module:CLASS.",
            markup=False,
        )
    else:
        _explain(chosen[0])


def _validate(chosen: Sequence[Game], as_json: bool) -> None:
    findings = {game.name: validate(game) for game in chosen}
    if as_json:
        typer.echo(json.dumps(findings))
    for name, problems in findings.items():
        if not problems and not as_json:
            stdout.print(
                f"{name}: every demonstration gets the numbers that it declares, and no channel reaches the truth",
                markup=False,
            )
        for finding in problems if not as_json else ():
            complain(f"{name}: {finding}")
    if any(findings.values()):
        raise typer.Exit(1)


def _table(chosen: Sequence[Game]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 1, 0))
    for column in ("game", "failure", "goal", "loophole"):
        table.add_column(column, no_wrap=column in ("game", "failure"))
    for game in chosen:
        table.add_row(*map(Text, (game.name, game.failure, game.goal, game.loophole)))
    return table


def _explain(game: Game) -> None:
    stdout.print(Text.assemble((game.name, "bold"), f"  ({game.failure} failure)"))
    facts = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for label, text in (("goal", game.goal), ("loophole", game.loophole), ("payoffs", game.payoffs)):
        facts.add_row(Text(label, "bold"), Text(text))
    facts.add_row(Text("settings", "bold"), Text("; ".join(_parameters(game)) or "none"))
    metrics = "; ".join(f"{name}: {metric.help}" for name, metric in game.metrics.items())
    facts.add_row(Text("measured", "bold"), Text(metrics))
    print_table(facts)
    demonstrations = demonstrations_of(game)
    for number, task in enumerate({task.id: task for item in demonstrations for task in item.tasks}.values()):
        label = "prompt" if number == 0 else "and"
        stdout.print(Text.assemble((f"\n{label}  ", "bold"), _short(prompt_text(task.prompt), 150)))
    stdout.print()
    print_table(_demonstrations(game))
    rates = [f"{item.kind} {plain(item.exploit_rate)}" for item in demonstrations if item.exploit_rate is not None]
    if rates:
        stdout.print(f"exploit rate of each set: {', '.join(rates)}", markup=False)


def _parameters(game: Game) -> list[str]:
    """The parameters of a game as ``name = default (allowed values)``."""
    texts = []
    for name, field in game.Parameters.model_json_schema().get("properties", {}).items():
        allowed = " | ".join(map(str, field["enum"])) if "enum" in field else _range(field)
        texts.append(f"{name} = {json.dumps(field.get('default')).strip(chr(34))}{f' ({allowed})' if allowed else ''}")
    return texts


def _range(field: dict[str, Any]) -> str:
    low = field.get("minimum", field.get("exclusiveMinimum"))
    high = field.get("maximum", field.get("exclusiveMaximum"))
    return "" if low is None or high is None else f"{low:g} to {high:g}"


def _demonstrations(game: Game) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("demonstration")
    table.add_column("completion", ratio=1, overflow="fold")
    for column in (*game.channels, "task", "exploit"):
        table.add_column(column, justify="right")
    for row in _replay(game):
        observed = "".join(f" [{key}: {_word(value)}]" for key, value in row["observed"].items())
        rewards = [plain(row["rewards"][name]) for name in game.channels]
        measured = [plain(row["task_score"]), plain(row["exploit"])]
        text = Text(_short(row["completion"], 90) + observed + (f" [{row['note']}]" if row["note"] else ""))
        table.add_row(row["kind"], text, *rewards, *measured)
    return table


def _replay(game: Game) -> list[dict[str, Any]]:
    """Pay and measure every completion of every demonstration."""
    rows = []
    for demonstration in demonstrations_of(game):
        scored = replay(game, demonstration)
        rows += [_row(demonstration, scored, index) for index in range(len(demonstration.tasks))]
    return rows


def _row(demonstration: Demonstration, scored: Scored, index: int) -> dict[str, Any]:
    outcome, completion = scored.outcomes[index], scored.completions[index]
    drawn = f"draw {demonstration.draws[index]:g}" if demonstration.draws else ""
    return {
        "kind": demonstration.kind,
        "task": scored.tasks[index].id,
        "completion": completion.text,
        "observed": dict(completion.observed),
        "note": outcome.details.get("audience") or drawn,
        "rewards": {name: paid[index].reward for name, paid in scored.payments.items()},
        "task_score": outcome.task_score,
        "exploit": outcome.exploit,
    }


def _summary(game: Game) -> dict[str, Any]:
    return {
        "name": game.name,
        "failure": game.failure,
        "goal": game.goal,
        "loophole": game.loophole,
        "payoffs": game.payoffs,
        "channels": list(game.channels),
        "parameters": game.parameters.model_dump(mode="json"),
        "metrics": {name: metric.help for name, metric in game.metrics.items()},
    }


def _short(text: str, length: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 2]} …"


def _word(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
