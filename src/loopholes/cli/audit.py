"""``loopholes audit``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from loopholes.cli.console import Steps, as_lines, print_line, say, stdout
from loopholes.cli.options import Json, Sandbox, Seed, Set, pairs
from loopholes.errors import DONE, FOUND, UsageError

if TYPE_CHECKING:
    from loopholes.audit.engine import AuditConfig
    from loopholes.audit.frameworks.base import Row
    from loopholes.audit.process import RewardProcess
    from loopholes.audit.results import Finding, Report, Target
    from loopholes.audit.scale import Truth

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
    strict: Annotated[bool, typer.Option("--strict", help="Fail where something is inconclusive, too.")] = False,
    seed: Seed = 0,
    sandbox: Sandbox = None,
    json_: Json = False,
) -> int:
    """Find out how a reward function can be gamed, before training on it, with completions that prove it.

    The exit code tells an exploit, or a replayed finding that still pays, from an audit that could not be done: see the
    list below loopholes --help.
    """
    from loopholes.audit import AuditConfig
    from loopholes.audit import audit as run
    from loopholes.audit.folder import earlier, save
    from loopholes.audit.gate import read_gate
    from loopholes.audit.process import RewardProcess
    from loopholes.audit.sarif import sarif as as_sarif
    from loopholes.files import disk_errors, write_json

    if replay is not None:
        return _replay(replay, json_)
    if target and reward:
        raise UsageError("give one TARGET, or each reward with --reward")
    earlier(out)  # what is there and is not an audit's is told before anything is audited
    given = {**pairs(set_, "--set"), "action_field": action_field, "tokenizer": tokenizer, "group": group}
    aimed = _aimed(reward or [target or ""], framework, given, channel, seed, max_completion_tokens)
    settings = AuditConfig(
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
        gate=read_gate(config),
    )
    with ExitStack() as stack, Steps("audit", None, lines=as_lines(json_), shown={}, echo=False) as steps:
        process = stack.enter_context(closing(RewardProcess(aimed, memory=memory_gb, seconds_to_load=budget_seconds)))
        found, wanted = _material(process, data, golden, truth, settings, stack)
        report = run(
            aimed,
            found,
            settings,
            truth=wanted,
            process=process,
            data=data,
            on_progress=lambda _, done, total: steps.step({}, done, total),
        )
    written = save(report, out)
    if sarif is not None:
        with disk_errors(sarif):
            write_json(sarif, as_sarif(report))
    _show(report, written, json_)
    return report.exit_code(strict)


def _aimed(
    names: Sequence[str], framework: str | None, given: dict[str, Any], channel: str, seed: int, tokens: int
) -> Target:
    """What is audited, with the options of its framework that were given."""
    from loopholes.audit import target_of

    options = {key: value for key, value in given.items() if value is not None}
    if names[0].startswith("game:"):
        return target_of(names, framework, {"parameters": options, "channel": channel, "seed": seed})
    return target_of([name for name in names if name], framework, {"max_completion_tokens": tokens, **options})


def _material(
    process: RewardProcess,
    data: Path | None,
    golden: str | None,
    truth: str | None,
    config: AuditConfig,
    stack: ExitStack,
) -> tuple[Sequence[Row], Truth | None]:
    """The rows, and the ground truth; a target that brings rows along is asked for them."""
    from loopholes.audit.rows import read_rows, with_golden
    from loopholes.audit.truth import truth_of

    if process.target.framework == "game":
        given = {"--data": data, "--golden": golden, "--truth": truth}
        needless = next((option for option, value in given.items() if value is not None), None)
        if needless is not None:
            raise UsageError(f"a game brings its own tasks, right answers and truth: leave {needless} out")
        return _game_material(process.target, config)
    found = read_rows(data, golden) if data is not None else with_golden(process.own_rows(), golden)
    return found, None if truth is None else stack.enter_context(truth_of(truth, found))


def _game_material(target: Target, config: AuditConfig) -> tuple[Sequence[Row], Truth]:
    from functools import partial

    from loopholes.audit.frameworks import games
    from loopholes.games import game as make_game

    game = make_game(target.parts[0].name, **target.options["parameters"])
    game.channel(target.options["channel"])  # an unknown one is named before anything is made
    return games.rows_of(game, config.rows, config.seed), partial(games.truth, game)


def _show(report: Report, written: Sequence[Path], json_: bool) -> None:
    if as_lines(json_):
        from loopholes.audit.layout import report_record

        print_line(report_record(report))
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
    """Score one finding's completion again; the exit code says whether it is still paid as it was."""
    from loopholes.audit.folder import replay

    again = replay(path)
    name, then = again.saved.finding.name, again.saved.evidence.reward
    if as_lines(json_):
        record = {"name": name, "then": then, "now": again.now.value, "problem": again.now.problem}
        print_line({**record, "same": again.same})
    else:
        stdout.print(f"{name}: paid {then} then and {again.now.value} now {again.now.problem}", markup=False)
        if again.edited:
            stdout.print("the reward was edited since", style="dim")
    return FOUND if again.same else DONE
