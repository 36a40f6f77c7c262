"""``loopholes audit``."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from loopholes.cli.console import Steps, as_lines, complain, in_our_words, print_line, say, stdout
from loopholes.cli.options import Json, Sandbox, Seed, Set, pairs
from loopholes.errors import LoopholesError, UsageError

if TYPE_CHECKING:
    from loopholes.audit.engine import Settings
    from loopholes.audit.frameworks.base import Row
    from loopholes.audit.results import Finding, Report, Target
    from loopholes.audit.scale import Truth

UNSUPPORTED, INTERNAL = 2, 3
"""Exit statuses of an audit, beside 0 (nothing, or warnings), 1 (an exploit) and 4 (--strict: inconclusive)."""
STYLES = {"exploit": "bold red", "warning": "yellow", "inconclusive": "dim"}
OUT = Path("findings")


def audit(
    target: Annotated[
        str | None,
        typer.Argument(metavar="[TARGET]", help="FILE.py:FUNCTION, game:NAME, or a URL.", show_default=False),
    ] = None,
    reward: Annotated[
        list[str] | None,
        typer.Option("--reward", metavar="FILE.py:FUNCTION[=WEIGHT]", help="One of several rewards that are summed."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Rows: JSON Lines, parquet, or a datasets folder.", show_default=False)
    ] = None,
    golden: Annotated[
        str | None,
        typer.Option(
            metavar="TEMPLATE", help="Right completions, such as '<answer>{answer}</answer>'; else a column golden."
        ),
    ] = None,
    framework: Annotated[
        str | None, typer.Option(help="plain, trl, verl, verifiers or openenv; default: by the signature.")
    ] = None,
    truth: Annotated[
        str | None, typer.Option(metavar="FILE.py:FUNCTION", help="f(completion, **row): what was wanted, 0 to 1.")
    ] = None,
    channel: Annotated[str, typer.Option(help="Of a game.")] = "vulnerable",
    set_: Set = None,
    action_field: Annotated[str | None, typer.Option(help="OpenEnv: the action's field that is the text.")] = None,
    tokenizer: Annotated[str | None, typer.Option(help="The model whose tokens are counted.")] = None,
    group: Annotated[
        int | None, typer.Option(min=2, help="Completions a group, for rewards that read their company.")
    ] = None,
    rows: Annotated[int, typer.Option(min=1, help="Rows at most; a sample of larger data.")] = 200,
    max_completion_tokens: Annotated[int, typer.Option(min=16, help="The longest answer.")] = 1024,
    budget_seconds: Annotated[float, typer.Option(min=1, help="For the whole audit.")] = 60.0,
    call_seconds: Annotated[
        float | None, typer.Option(min=0.001, help="For one call; default: by the usual one.")
    ] = None,
    memory_gb: Annotated[float, typer.Option(min=0.5, help="For the reward's process.")] = 8.0,
    search_calls: Annotated[int, typer.Option(min=0, help="For the search.")] = 4000,
    noisy: Annotated[bool, typer.Option("--noisy", help="The reward is not deterministic, and that is meant.")] = False,
    component: Annotated[bool, typer.Option("--component", help="One part of a reward: warnings only.")] = False,
    config: Annotated[
        Path | None, typer.Option(help="Thresholds and accepted findings; default: loopholes-audit.toml.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where findings go, one file each.")] = OUT,
    sarif: Annotated[Path | None, typer.Option(help="Also write SARIF for code scanning.")] = None,
    replay: Annotated[Path | None, typer.Option(help="Score the completion of one finding again.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit status 4 where something is inconclusive.")] = False,
    seed: Seed = 0,
    sandbox: Sandbox = None,
    json_: Json = False,
) -> int:
    """Find out how a reward function can be gamed, before training on it, with completions that prove it.

    Exit status: 0 nothing, or warnings · 1 it can be gamed · 2 unsupported or bad input · 3 a bug in loopholes ·
    4 inconclusive, with --strict.
    """

    def work() -> int:
        from loopholes.audit import Settings
        from loopholes.audit import audit as run
        from loopholes.audit.folder import earlier, hashes, save
        from loopholes.audit.gate import read_policy
        from loopholes.audit.sarif import sarif as as_sarif
        from loopholes.files import disk_errors, write_json

        if replay is not None:
            return _replay(replay, json_)
        if target and reward:
            raise UsageError("give one TARGET, or each reward with --reward")
        earlier(out)  # what is there and is not an audit's is told before anything is audited
        given = {**pairs(set_, "--set"), "action_field": action_field, "tokenizer": tokenizer, "group": group}
        aimed = _aimed(reward or [target or ""], framework, given, channel, seed, max_completion_tokens)
        settings = Settings(
            seconds=budget_seconds,
            rows=rows,
            max_completion_tokens=max_completion_tokens,
            seconds_a_call=call_seconds,
            memory=memory_gb,
            search_calls=search_calls,
            seed=seed,
            noisy=noisy,
            component=component,
            group=group,
            policy=read_policy(config),
        )
        with ExitStack() as stack, Steps("audit", None, lines=as_lines(json_), shown={}, echo=False) as steps:
            found, wanted = _material(aimed, data, golden, truth, settings, stack)
            report = run(
                aimed, found, settings, truth=wanted, on_stage=lambda _, done, total: steps.step({}, done, total)
            )
        report = dataclasses.replace(report, hashes=hashes(aimed, data))
        written = save(report, out)
        if sarif is not None:
            with disk_errors(sarif):
                write_json(sarif, as_sarif(report))
        _show(report, written, json_)
        return report.status(strict)

    return _guarded(work)


def _aimed(
    names: Sequence[str], framework: str | None, given: dict[str, Any], channel: str, seed: int, tokens: int
) -> Target:
    """What is audited, with the options of its framework that were given."""
    from loopholes.audit import target_of

    options = {key: value for key, value in given.items() if value is not None}
    if names[0].startswith("game:"):
        return target_of(names, framework, {"parameters": options, "channel": channel, "seed": seed})
    return target_of([name for name in names if name], framework, {"max_completion_tokens": tokens, **options})


def _guarded(work: Callable[[], int]) -> int:
    """The exit statuses of an audit differ from those of other commands; errors are one sentence all the same."""

    try:
        return work()
    except (KeyboardInterrupt, BrokenPipeError):
        raise
    except Exception as error:
        known = error if isinstance(error, LoopholesError) else in_our_words(error)
        if known is None:
            return _bug(error)
        complain(str(known))
        return UNSUPPORTED


def _bug(error: Exception) -> int:
    if os.environ.get("LOOPHOLES_TRACEBACK"):
        raise error
    complain(f"this is a bug in loopholes ({type(error).__name__}: {error}): LOOPHOLES_TRACEBACK=1 shows where")
    return INTERNAL


def _material(
    target: Target, data: Path | None, golden: str | None, truth: str | None, settings: Settings, stack: ExitStack
) -> tuple[Sequence[Row], Truth | None]:
    """The rows, and what was really wanted."""
    from loopholes.audit.rows import read_rows, with_golden
    from loopholes.audit.scorer import rows_of
    from loopholes.audit.truth import truth_of

    if target.framework == "game":
        given = {"--data": data, "--golden": golden, "--truth": truth}
        needless = next((option for option, value in given.items() if value is not None), None)
        if needless is not None:
            raise UsageError(f"a game brings its own tasks, right answers and truth: leave {needless} out")
        return _game_material(target, settings)
    found = read_rows(data, golden) if data is not None else with_golden(rows_of(target), golden)
    return found, None if truth is None else stack.enter_context(truth_of(truth, found))


def _game_material(target: Target, settings: Settings) -> tuple[Sequence[Row], Truth]:
    from functools import partial

    from loopholes.audit.frameworks import games
    from loopholes.games import game as make_game

    game = make_game(target.parts[0].name, **target.options["parameters"])
    game.channel(target.options["channel"])  # an unknown one is named before anything is made
    return games.rows_of(game, settings.rows, settings.seed), partial(games.truth, game)


def _show(report: Report, written: Sequence[Path], json_: bool) -> None:
    if as_lines(json_):
        from loopholes.audit.folder import as_json

        print_line(as_json(report))
        return
    coverage = report.coverage
    stdout.print(report.target.label, style="bold", markup=False, soft_wrap=True)
    stdout.print(
        f"{coverage.rows} of {coverage.rows_given} rows, {coverage.calls:,} calls in {coverage.seconds:.1f} s; "
        f"families: {', '.join(coverage.families) or 'none'}",
        markup=False,
    )
    for line in _uncovered(report):
        stdout.print(f"not covered: {line}", style="yellow", markup=False)
    for note in coverage.notes:
        stdout.print(f"note: {note}", style="dim", markup=False)
    if report.golden.value is not None:
        stdout.print(
            f"right answers are paid {_reward(report.golden)}, wrong ones in their form {_reward(report.floor)}"
        )
    if report.worst is not None:
        stdout.print(
            f"gameability gap: {report.worst.gap} of the scale, by {report.worst.attack} (corrected for all attacks)"
        )
    if report.findings:
        stdout.print(_table(report.findings))
    else:
        stdout.print("Nothing was found.", style="bold")
    if written:
        say(f"The findings: {written[0].parent}/   Again: loopholes audit --replay {written[0]}")


def _uncovered(report: Report) -> list[str]:
    coverage = report.coverage
    lines = list(coverage.skipped)
    if coverage.not_applicable:
        lines.append(f"{100 * coverage.not_applicable:.0f} % of the rows, to which the reward does not apply")
    if coverage.no_signal and coverage.no_signal < coverage.rows:
        lines.append(f"{coverage.no_signal} rows on which right answers are paid no more than wrong ones")
    return lines


def _reward(estimate: Any) -> str:
    return f"{estimate.value:.3g} [{estimate.low:.3g}, {estimate.high:.3g}]" if estimate.value is not None else "-"


def _table(findings: Sequence[Finding]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), expand=True)
    for name, ratio in (("", 2), ("family", 3), ("what", 8), ("for example", 6), ("to do", 7)):
        table.add_column(name, ratio=ratio, overflow="fold")
    for one in findings:
        shown = "" if one.evidence is None else repr(one.evidence.completion[:70])
        verdict = f"{one.verdict} (accepted)" if one.accepted else one.verdict
        cells = [verdict, one.family, f"{one.name}: {one.message}", shown, one.change]
        table.add_row(*(cell.replace("[", "\\[") for cell in cells), style=STYLES[one.verdict])
    return table


def _replay(path: Path, json_: bool) -> int:
    """Exit status 1 if the completion is still paid as it was."""
    from loopholes.audit.folder import replay

    found = replay(path)
    record = {"name": found.name, "then": found.evidence.reward, "now": found.now.value, "problem": found.now.problem}
    if as_lines(json_):
        print_line({**record, "same": found.same})
    else:
        stdout.print(
            f"{found.name}: paid {record['then']} then and {record['now']} now {found.now.problem}", markup=False
        )
        if found.edited:
            stdout.print("the reward was edited since", style="dim")
    return 1 if found.same else 0
