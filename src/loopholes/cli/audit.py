"""The command ``loopholes audit``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from loopholes.cli.console import conclude, paragraph, print_line, say, stdout
from loopholes.cli.display import display
from loopholes.cli.findings import show_report
from loopholes.cli.options import Json, Sandbox, Seed, pairs
from loopholes.errors import DONE, FOUND, UsageError
from loopholes.files import check_file, check_folder
from loopholes.stats.selection import Normalization

if TYPE_CHECKING:
    from loopholes.audit.against import Comparison
    from loopholes.audit.engine import AuditConfig
    from loopholes.audit.frameworks.base import Row
    from loopholes.audit.process import RewardProcess
    from loopholes.audit.results import Report, Target
    from loopholes.audit.scale import Truth
    from loopholes.audit.targets import Runtime

OUT = Path("findings")
WEIGHTS = "a weight belongs to its reward: --reward FILE.py:NAME=WEIGHT, once for each reward of the sum"
FrameworkSet = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Set an option of the framework (listed below), or a parameter of the game. Repeatable.",
    ),
]


class Command(TyperCommand):
    """The command. Its help ends with the options that each framework declares."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse as Typer does; an argument too many, or a weight, is answered with how to write it."""
        try:
            return super().parse_args(ctx, args)
        except typer.TyperException as error:
            if getattr(error, "option_name", "") in ("--weight", "--weights"):
                raise UsageError(WEIGHTS) from error
            extra = re.search(r"unexpected extra arguments? ?\(?s?\)? ?\((\S+)", error.format_message())
            if extra is None:
                raise
            raise UsageError(_too_many(extra[1].rstrip(")"))) from error

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Format the help as Typer does, after listing the frameworks."""
        from loopholes.audit.frameworks import frameworks
        from loopholes.audit.frameworks.base import COMMON

        lines = ["Frameworks, and what --set takes for each:"]
        for name, framework in frameworks().items():
            own = [f"`{key}`: {text}" for key, text in framework.OPTIONS.items() if key not in COMMON]
            lines.append(f"**{name}** {' '.join(own) or 'no options of its own.'}")
        self.epilog = "\n\n".join(lines)
        super().format_help(ctx, formatter)


def audit(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="TARGET",
            help="Reward to audit: FILE.py:NAME, package.module:NAME, game:NAME, a URL, or a folder of rewards.",
            show_default=False,
        ),
    ] = None,
    reward: Annotated[
        list[str] | None,
        typer.Option(
            "--reward",
            metavar="TARGET[=WEIGHT]",
            help="One of several rewards that are summed. Repeatable.",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Rows that the reward is called with: JSON Lines, parquet, or a datasets folder.", show_default=False
        ),
    ] = None,
    golden: Annotated[
        str | None,
        typer.Option(
            metavar="TEMPLATE",
            help="Template of a right completion, such as '\\<a>{answer}\\</a>'. Default: the column golden.",
        ),
    ] = None,
    framework: Annotated[
        str | None,
        typer.Option(
            help="Framework that calls the reward (listed below). Default: inferred from the prefix or the signature."
        ),
    ] = None,
    truth: Annotated[
        str | None,
        typer.Option(
            metavar="TARGET",
            help="Ground truth: f(completion, **row) that rates correctness from 0 to 1.",
        ),
    ] = None,
    attacks: Annotated[
        Path | None,
        typer.Option(
            help='JSON Lines of your own attacks, tried with the panel: {"name": a name, "text": a completion}.',
            show_default=False,
        ),
    ] = None,
    channel: Annotated[str, typer.Option(help="Channel to audit (only for game:NAME).")] = "vulnerable",
    set_: FrameworkSet = None,
    python: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Python interpreter, or folder of an environment, to run the reward with."),
    ] = None,
    with_: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="REQUIREMENT",
            help="Package, as pip names it, to install into an environment for the reward. Repeatable.",
        ),
    ] = None,
    tokenizer: Annotated[
        str | None, typer.Option(help="Model whose tokenizer counts the tokens of a completion.")
    ] = None,
    group: Annotated[
        int | None,
        typer.Option(min=2, help="Completions per group, for rewards that compare the completions of a group."),
    ] = None,
    rows: Annotated[int, typer.Option(min=1, help="Audit at most this many rows, drawn at random.")] = 200,
    max_completion_tokens: Annotated[int, typer.Option(min=16, help="Longest completion to try, in tokens.")] = 1024,
    budget_seconds: Annotated[float, typer.Option(min=1, help="Time for the whole audit, in seconds.")] = 60.0,
    call_seconds: Annotated[
        float | None,
        typer.Option(
            min=0.001, max=86_400, help="Time limit of one call, in seconds. Default: set by the first calls."
        ),
    ] = None,
    memory_gb: Annotated[
        float, typer.Option(min=0.5, max=1_000_000, help="Memory limit of the reward's process, in GB.")
    ] = 8.0,
    search_calls: Annotated[int, typer.Option(min=0, help="Reward calls the search may use; 0 for no search.")] = 4000,
    noisy: Annotated[
        bool, typer.Option("--noisy", help="The reward is random on purpose: average it instead of reporting that.")
    ] = False,
    advantage: Annotated[
        Normalization | None,
        typer.Option(
            help="What the trainer divides advantages by (TRL's scale_rewards). Default: that of --config, or group.",
            show_default=False,
        ),
    ] = None,
    component: Annotated[
        bool,
        typer.Option("--component", help="The target is only one part of a reward: report warnings, not exploits."),
    ] = False,
    config: Annotated[
        Path | None, typer.Option(help="File of thresholds and accepted findings. Default: loopholes-audit.toml.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Directory for the findings, one file each.")] = OUT,
    sarif: Annotated[Path | None, typer.Option(help="Also write the findings as SARIF, for code scanning.")] = None,
    markdown: Annotated[
        Path | None, typer.Option(help="Also write the verdict and a table as Markdown, for a pull request comment.")
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option(help="Score a finding's completion again, and fail if it is still paid as before."),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="TARGET",
            help="Fixed reward: report which findings of the target it closes, which are new, and what it breaks.",
        ),
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Earlier audit.json, or a folder of findings: fail only on new findings."),
    ] = None,
    selftest: Annotated[
        bool,
        typer.Option(
            "--selftest", help="Audit 24 known rewards, and fail if a verdict differs from the committed one."
        ),
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Also fail if anything is inconclusive.")] = False,
    seed: Seed = 0,
    sandbox: Sandbox = None,
    json_: Json = False,
) -> int:
    """Find out how a reward function can be gamed before you train on it, with completions that prove it.

    The exit code distinguishes an exploit, or a replayed finding that still pays, from an audit that could not be
    done. loopholes --help lists the exit codes.
    """
    from loopholes.audit import AuditConfig
    from loopholes.audit import audit as run
    from loopholes.audit.against import compare
    from loopholes.audit.attacks.from_file import read_attacks
    from loopholes.audit.discovery import discovered
    from loopholes.audit.folder import earlier
    from loopholes.audit.gate import read_gate
    from loopholes.audit.identity import against_baseline, gone, read_baseline
    from loopholes.audit.process import RewardProcess
    from loopholes.audit.targets import Runtime
    from loopholes.cli.selftest import selftest as run_selftest
    from loopholes.cli.survey import survey_folder

    if (selftest or replay is not None) and (target or reward or (selftest and replay is not None)):
        raise UsageError("--selftest and --replay need no TARGET, and only one of them can be given")
    if selftest:
        return run_selftest(json_)
    if replay is not None:
        return _replay(replay, json_)
    if target and reward:
        raise UsageError("give one TARGET, or each reward with --reward")
    if against is not None and (reward or baseline):
        raise UsageError("--against compares one TARGET with one fixed reward, without --reward and --baseline")
    check_folder(out)
    for file, option in ((sarif, "--sarif"), (markdown, "--markdown")):
        if file is not None:
            check_file(file, option)
    earlier(out)  # refuses a folder with other files before anything is audited
    options_set = {**pairs(set_, "--set"), "tokenizer": tokenizer, "group": group}
    runtime = Runtime(python, with_ or (), say)
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
        gate=read_gate(config).under(advantage),
    )
    if target and Path(target).is_dir():
        candidates = discovered(Path(target))
        if len(candidates) != 1:
            own = {name: value for name, value in options_set.items() if value is not None}
            return survey_folder(target, candidates, data, golden, own, runtime, settings, out, json_)
        target, framework = candidates[0].name, candidates[0].framework
    aim = partial(
        _aimed, framework=framework, options=options_set, channel=channel, seed=seed, tokens=max_completion_tokens
    )
    aimed = aim(reward or [target or ""], runtime)
    baseline_findings = None if baseline is None else read_baseline(baseline, aimed)
    with ExitStack() as stack, display("audit", json=False, numbers={}, mute=json_) as progress:
        process = stack.enter_context(closing(RewardProcess(aimed, memory=memory_gb, seconds_to_load=budget_seconds)))
        sample, wanted = _material(process, data, golden, truth, settings, stack)
        if attacks is not None:
            settings = replace(settings, attacks=read_attacks(attacks, sample))
        if against is None:
            report = run(
                aimed,
                sample,
                settings,
                truth=wanted,
                process=process,
                data=data,
                on_progress=progress.show,
            )
        else:
            fixed = aim([against], runtime)
            other = stack.enter_context(closing(RewardProcess(fixed, memory=memory_gb, seconds_to_load=budget_seconds)))
            comparison = compare(process, other, sample, settings, truth=wanted, data=data, on_progress=progress.show)
    if against is not None:
        _write_markdown(comparison.new, markdown, out)
        return _conclude_comparison(comparison, out, sarif, strict, json_)
    if baseline_findings is not None:
        report = against_baseline(report, baseline_findings)
    written = _saved(report, out)
    _write_sarif(report, sarif, baseline_findings is not None)
    _write_markdown(report, markdown, out)
    show_report(report, written, out, json_)
    if baseline_findings is not None and not json_ and (closed := gone(report, baseline_findings)):
        paragraph(f"no longer found, so the baseline can be updated: {', '.join(closed)}", "green")
    return report.exit_code(strict)


def _too_many(extra: str) -> str:
    """What is wrong with a second TARGET, and what it probably is."""
    if Path(extra).suffix.lower() in (".jsonl", ".json", ".parquet", ".csv", ".tsv"):
        return f"rows are given with an option: --data {extra}"
    if ":" in extra:
        return f"one TARGET is audited at a time: sum several with --reward, or audit {extra} by a command of its own"
    return f"{extra} is one argument too many: TARGET is FILE.py:NAME in one word, and everything else is an option"


def _saved(report: Report, out: Path) -> list[Path]:
    """Write the findings; if they replace those of another reward, a note says so."""
    from loopholes.audit.folder import audited_in, save

    before = audited_in(out)
    written = save(report, out)
    if before not in (None, report.target.label):
        say(f"the findings of {before} in {out} are replaced by these; --out keeps both")
    return written


def _conclude_comparison(comparison: Comparison, out: Path, sarif: Path | None, strict: bool, json_: bool) -> int:
    """Write the fixed reward's findings, and print what became of the old one's."""
    from loopholes.cli.against import comparison_record, show_comparison

    written = _saved(comparison.new, out)
    _write_sarif(comparison.new, sarif)
    if json_:
        print_line(comparison_record(comparison, strict))
    else:
        show_comparison(comparison)
        if written:
            conclude(f"The findings of the fixed reward are in {out}")
    return comparison.exit_code(strict)


def _write_sarif(report: Report, file: Path | None, has_baseline: bool = False) -> None:
    from loopholes.audit.sarif import sarif
    from loopholes.files import disk_errors, write_json

    if file is not None:
        with disk_errors(file):
            write_json(file, sarif(report, has_baseline))


def _write_markdown(report: Report, file: Path | None, out: Path) -> None:
    from loopholes.audit.markdown import markdown
    from loopholes.files import disk_errors

    if file is not None:
        with disk_errors(file):
            file.write_text(markdown(report, out), encoding="utf-8")


def _amount(value: float | None, problem: str = "") -> str:
    """A payment in words: a number, or why there is none."""
    return f"nothing ({problem or 'None'})" if value is None else f"{value}"


def _aimed(
    names: Sequence[str],
    runtime: Runtime,
    framework: str | None,
    options: dict[str, Any],
    channel: str,
    seed: int,
    tokens: int,
) -> Target:
    """The target, with the options that the user set."""
    from loopholes.audit import target_of

    own = {key: value for key, value in options.items() if value is not None}
    if names[0].startswith("game:"):
        return target_of(names, framework, {"parameters": own, "channel": channel, "seed": seed})
    return target_of([name for name in names if name], framework, {"max_completion_tokens": tokens, **own}, runtime)


def _material(
    process: RewardProcess,
    data: Path | None,
    golden: str | None,
    truth: str | None,
    config: AuditConfig,
    stack: ExitStack,
) -> tuple[Sequence[Row], Truth | None]:
    """The rows, from data or from the target itself, and the ground truth."""
    from loopholes.audit.rows import read_rows, with_golden
    from loopholes.audit.truth import truth_of

    if process.target.framework == "game":
        values = {"--data": data, "--golden": golden, "--truth": truth}
        needless = next((option for option, value in values.items() if value is not None), None)
        if needless is not None:
            raise UsageError(f"a game brings its own tasks, right answers and truth: leave {needless} out")
        return _game_material(process.target, config)
    rows = read_rows(data, golden) if data is not None else with_golden(process.own_rows(), golden)
    return rows, None if truth is None else stack.enter_context(truth_of(truth, rows))


def _game_material(target: Target, config: AuditConfig) -> tuple[Sequence[Row], Truth]:
    from loopholes.audit.frameworks import games
    from loopholes.games import game as make_game

    game = make_game(target.parts[0].name, **target.options["parameters"])
    game.channel(target.options["channel"])  # refuses an unknown channel before tasks are generated
    return games.rows_of(game, config.rows, config.seed), partial(games.truth, game)


def _replay(path: Path, json_: bool) -> int:
    """Score one finding's completion again. The exit code says whether it is still paid as before."""
    from loopholes.audit.folder import replay

    again = replay(path, say)
    name, then = again.saved.finding.name, again.saved.evidence.reward
    if json_:
        record = {"name": name, "then": then, "now": again.now.value, "problem": again.now.problem}
        print_line({**record, "same": again.same})
    else:
        stdout.print(
            f"{name}: paid {_amount(then)} then and {_amount(again.now.value, again.now.problem)} now",
            markup=False,
            soft_wrap=True,
        )
        if again.edited:
            stdout.print("the reward has been edited since", style="dim")
    return FOUND if again.same else DONE
