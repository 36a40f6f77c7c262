"""``loopholes play``: a person takes the place of the policy."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from loopholes.cli.console import conclude, paragraph, print_table, say, stdout
from loopholes.cli.options import Game as Name
from loopholes.cli.options import Sandbox, Seed, Set, SkipBad, pairs
from loopholes.errors import DataError
from loopholes.games import game as make_game
from loopholes.games.base import Game, WorldParameters
from loopholes.numbers import plain
from loopholes.policies.claims import yes_or_no
from loopholes.records import KINDS, Completion, Message, PromptStyle, Task, draws
from loopholes.score import Scored, estimates, score

CHANNELS = ("vulnerable", "secure")
BATCH = 32
"""Tasks generated before the first is played."""


class World(StrEnum):
    """The worlds in which tasks are generated."""

    english = "english"
    mini = "mini"


class Person:
    """The person at the keyboard, or the author of the text in the pipe."""

    def __init__(self) -> None:
        self._echo = not sys.stdin.isatty()

    def answer(self) -> str:
        """Read lines up to an empty one; raises EOFError if the input ends before the first line."""
        lines: list[str] = []
        while True:
            try:
                line = self._line("> ")
            except EOFError:
                if not lines:
                    raise
                return "\n".join(lines)
            if not line.strip():
                return "\n".join(lines)
            lines.append(line)
            if line.strip() in ("?", *KINDS) and len(lines) == 1:
                return line.strip()

    def says_yes(self, prompts: Sequence[Sequence[Message]]) -> list[bool | None]:
        """The verdict on each question; a question is repeated until the answer is clear."""
        return [self._says_yes(prompt) for prompt in prompts]

    def _says_yes(self, prompt: Sequence[Message]) -> bool:
        paragraph(f"\nNow the game asks you what it asks a policy:\n\n{prompt[-1]['content']}")
        while (said := yes_or_no(self._line("> "))) is None:
            conclude("Answer Yes or No.")
        return said

    def _line(self, mark: str) -> str:
        line = input(mark)
        if self._echo:
            stdout.print(line, markup=False, soft_wrap=True)
        return line


def play(
    game: Name,
    count: Annotated[int, typer.Option(min=1, help="Play at most this many tasks.")] = 4,
    world: Annotated[World, typer.Option(help="World in which the tasks are generated.")] = World.english,
    tasks: Annotated[
        Path | None, typer.Option(help="File of tasks. Default: generated tasks.", show_default=False)
    ] = None,
    seed: Seed = 0,
    set_: Set = None,
    skip_bad: SkipBad = False,
    sandbox: Sandbox = None,
) -> None:
    """Answer tasks by hand, and see what both channels pay and what is true.

    End an answer with an empty line. Type ? to see what three scripted policies answer, or honest, exploiting or inept
    to give that policy's answer. Ctrl-D ends the game and prints its summary.
    """
    parameters = pairs(set_, "--set")
    played = make_game(game, **parameters)
    if isinstance(played.parameters, WorldParameters):
        played = make_game(game, **{"world": world.value, **parameters})
    if tasks is None:
        chosen = _generated(played, count, seed, "terse" if world is World.mini else "chat")
    else:
        loaded = played.load(tasks, skip_bad=skip_bad)[:count]
        count, chosen = len(loaded), iter(loaded)
    first = next(chosen, None)
    if first is None:
        raise DataError(f"{tasks or played.name} has no tasks")
    stdout.print(Text.assemble((played.name, "bold"), f": {played.goal}"))
    paragraph(
        "Type your answer, then an empty line. Type ? to see what three scripted policies answer, or honest, "
        "exploiting or inept to give that policy's answer. Ctrl-D ends the game."
    )
    _summarize(played, _rounds(played, chain([first], chosen), count, seed), seed)


def _generated(game: Game, count: int, seed: int, style: PromptStyle) -> Iterator[Task]:
    """Up to ``count`` tasks, generated as they are played; raises :class:`UsageError` if not even the first batch is.

    Each batch generates the earlier ones again: a game's longer list begins with its shorter ones.
    """
    played, wanted = 0, min(BATCH, count)
    while played < wanted:
        tasks = game.tasks("test", seed=seed, count=wanted, prompts=style, at_most=played > 0)
        yield from tasks[played:]
        if len(tasks) < wanted:
            say(f"{game.name} has no more tasks")
            return
        played, wanted = wanted, min(2 * wanted, count)


def _rounds(game: Game, tasks: Iterable[Task], count: int, seed: int) -> list[Scored]:
    """Play the tasks until there are no more or the player ends the game; returns the answered ones."""
    person, rounds = Person(), list[Scored]()
    try:
        for number, task in enumerate(tasks):
            stdout.print(f"\nTask {number + 1:,} of {count:,}", style="bold", markup=False)
            _show_prompt(task)
            answer = _answer(game, task, person)
            draw = draws(seed, 0, [number])
            rounds.append(score(game, [task], [answer], channels=CHANNELS, draws=draw, asker=person))
            _show_payment(game, rounds[-1])
    except (EOFError, KeyboardInterrupt):
        conclude("")
    return rounds


def _answer(game: Game, task: Task, person: Person) -> Completion:
    while (said := person.answer()) == "?":
        for kind in KINDS:
            stdout.print(f"{kind}:", style="bold", markup=False)
            paragraph(game.demonstrate(kind, task).text, indent=2)
    scripted = next((kind for kind in KINDS if said == kind), None)
    return Completion(said) if scripted is None else game.demonstrate(scripted, task)


def _show_prompt(task: Task) -> None:
    for turn in task.prompt:
        if len(task.prompt) > 1:
            stdout.print(f"{turn['role']}:", style="dim", markup=False)
        paragraph(turn["content"])
    conclude("")


def _show_payment(game: Game, scored: Scored) -> None:
    """Print what each channel paid for one answer, and the truth about it."""
    (outcome,) = scored.outcomes
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for name in CHANNELS:
        (payment,) = scored.payments[name]
        paid = f"nothing: {payment.reason}" if payment.reward is None else plain(payment.reward)
        table.add_row(Text(f"paid, {name}"), Text(paid, "bold"))
    reached = _truth(outcome.task_score, "not measured on this task")
    table.add_row(Text(game.metrics["task_performance"].help), Text(reached, "bold"))
    taken = _truth(outcome.exploit, "not known from a single answer")
    table.add_row(Text("the shortcut was taken"), Text(taken, "bold"))
    print_table(table)
    if outcome.details:
        details = "; ".join(f"{key.replace('_', ' ')}: {_word(value)}" for key, value in outcome.details.items())
        paragraph(f"The measurement, which neither channel sees, also says: {details}")


def _truth(value: float | None, unknown: str) -> str:
    return unknown if value is None else {0.0: "no", 1.0: "yes"}.get(value, f"{value:.0%}")


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else plain(value) if isinstance(value, int | float) else str(value) or "none"


def _summarize(game: Game, rounds: Sequence[Scored], seed: int) -> None:
    """Print the player's results beside those of the scripts on the same tasks, and explain the loophole."""
    conclude("")
    if not rounds:
        conclude("Nothing was answered, so nothing was paid.")
        return
    tasks = [task for scored in rounds for task in scored.tasks]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("player", *(f"paid, {name}" for name in CHANNELS), "task performance", "exploit rate"):
        table.add_column(column, justify="left" if column == "player" else "right")
    _add_player(table, game, "you", rounds)
    for kind in ("honest", "exploiting"):
        answers = [game.demonstrate(kind, task) for task in tasks]
        numbers = draws(seed, 0, range(len(tasks)))
        _add_player(table, game, kind, [score(game, tasks, answers, channels=CHANNELS, draws=numbers)])
    answers_given = "your answer" if len(tasks) == 1 else f"your {len(tasks)} answers"
    conclude(f"Totals of {answers_given}, and of two scripted policies on the same tasks:")
    print_table(table)
    paragraph(f"\nThe loophole: {game.loophole}\nThe payoffs: {game.payoffs}")
    paragraph(
        "A trainer sees one column of payments and nothing else. If the exploiting script is paid as much as the "
        "honest one, or more, training moves towards the exploit, whatever the last two columns say."
    )


def _add_player(table: Table, game: Game, name: str, rounds: Sequence[Scored]) -> None:
    payments = {
        channel: [payment.reward for scored in rounds for payment in scored.payments[channel]] for channel in CHANNELS
    }
    totals = [plain(sum(reward for reward in rewards if reward is not None)) for rewards in payments.values()]
    numbers = estimates(game, rounds)
    rates = [numbers[metric].value for metric in ("task_performance", "exploit_rate")]
    table.add_row(name, *totals, *("-" if rate is None else f"{rate:.0%}" for rate in rates))
