"""The command line, which parses, calls and prints. See ``loopholes --help``.

An expected error becomes one sentence on standard error, and the exit code of its class (:mod:`loopholes.errors`).
"""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.main import get_command

from loopholes.cli.console import complain, in_our_words, settled
from loopholes.errors import BUG, INTERRUPTED, UNREAD, LoopholesError, exit_codes
from loopholes.version import __version__

__all__ = ["entry", "main"]

COMMANDS = {
    "games": "games:games",
    "play": "play:play",
    "fetch": "fetch:fetch",
    "pretrain": "train:pretrain",
    "train": "train:train",
    "eval": "score:evaluate",
    "score": "score:score",
    "study": "study:study",
    "audit": "audit:audit",
    "survey": "survey:survey",
    "export": "export:export",
    "report": "report:report",
    "demo": "report:demo",
}
"""The commands in the order of the help: module of this package, and function. Only the typed one's is imported."""

STOPPED = (
    "stopped; finished work is kept. The same command continues study and demo, with --resume also train, eval and "
    "pretrain; anything else starts over"
)
EXIT_CODES = "Exit codes: " + " · ".join(f"{code} {meaning}" for code, meaning in exit_codes().items()) + "."


def _version(requested: bool) -> None:
    if requested:
        typer.echo(f"loopholes {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def entry() -> None:
    """The console script. Output to a stream that the caller closed, as with ``>&-``, is discarded."""
    gc.set_threshold(50_000, 20, 100)  # else importing what trains looks for garbage 1,200 times
    sys.stdout, sys.stderr = (stream or open(os.devnull, "w") for stream in (sys.stdout, sys.stderr))  # noqa: SIM115
    sys.exit(main())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Raises errors only with LOOPHOLES_TRACEBACK=1."""
    with settled():
        return _flushed(_run(None if arguments is None else list(arguments)))


def _named(arguments: Sequence[str]) -> str:
    """The command that the first argument names; empty if it names none."""
    return arguments[0] if arguments and arguments[0] in COMMANDS else ""


@cache
def _parser(name: str) -> Any:
    """The parser of this command, or of all if ``name`` is empty, which takes ten times as long, and imports them."""
    app = typer.Typer(
        name="loopholes",
        help="Do language models learn to exploit your reward? Games, training, measurement and audit.",
        epilog=EXIT_CODES,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for command in [name] if name else COMMANDS:
        module, function = COMMANDS[command].split(":")
        imported = import_module(f"{__name__}.{module}")
        app.command(command, cls=getattr(imported, "Command", None))(getattr(imported, function))
    return get_command(app)


def _run(arguments: list[str] | None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    try:
        code = _parser(_named(given))(args=arguments, prog_name="loopholes", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except SystemExit as ended:
        if not isinstance(ended.__context__, BrokenPipeError):
            raise
        code = UNREAD  # Typer and Rich exit with 1, which means something else here
    except Exception as error:
        if os.environ.get("LOOPHOLES_TRACEBACK"):
            raise
        return _explain(error, given)
    if code == INTERRUPTED:  # Typer turns Ctrl-C into this code
        complain(STOPPED)
    return code if isinstance(code, int) else 0


def _flushed(code: int) -> int:
    """Flush standard output and return the exit code; if flushing fails, Python does not try again at the end."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREAD if isinstance(error, BrokenPipeError) else code or _explain(error)
    return code


def _explain(error: Exception, arguments: Sequence[str] = ()) -> int:
    """Print one sentence and return the exit code."""
    if isinstance(error, typer.TyperException):
        return _explain_usage(error, arguments)
    error_to_report = error if isinstance(error, LoopholesError) else in_our_words(error)
    if error_to_report is None:
        complain(
            f"this is a bug in loopholes ({type(error).__name__}: {error}): please report it with the output of the "
            "same command under LOOPHOLES_TRACEBACK=1"
        )
        return BUG
    complain(str(error_to_report))
    return error_to_report.exit_code


def _explain_usage(error: typer.TyperException, arguments: Sequence[str]) -> int:
    message = error.format_message().strip()
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(message)
        return 0
    command = f"loopholes {_named(arguments)}".rstrip()  # the error itself does not always know it
    message = message.replace("Value error, ", "")
    message = re.sub(r"': [A-Z]", lambda match: match[0].lower(), message)  # pydantic's sentence within ours
    sentence = f"{message[:1].lower()}{message[1:].rstrip('.')}"
    complain(f"{sentence} See {command} --help" if sentence.endswith("?") else f"{sentence}; see {command} --help")
    return error.exit_code
