"""The output of commands: text and tables for people, and JSON Lines for programs with ``--json``.

Results go to standard output, everything else to standard error. In a pipe or a file the text is the same as on a
terminal, at :data:`WIDTH` columns and without control codes.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import sys
import textwrap
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table

from loopholes.errors import EXTRAS, LoopholesError, MissingExtra, RunError, UsageError
from loopholes.files import jsonable
from loopholes.modules import place_in_users_code
from loopholes.numbers import Unit, interval, point

if TYPE_CHECKING:
    from loopholes.stats import Estimate

WIDTH = 100
"""Columns of the output if there is no terminal; the variable COLUMNS overrides it, as on a terminal."""
EXCERPT = 70
"""Maximum number of characters of a completion that are printed."""
QUIET = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "TRL_EXPERIMENTAL_SILENCE": "1",
    "DATASETS_VERBOSITY": "error",
}


def _console(*, error: bool) -> Console:
    """A console as wide as its terminal, or :data:`WIDTH` without one; COLUMNS overrides both."""
    stream = sys.stderr if error else sys.stdout
    terminal = stream is not None and stream.isatty()  # None if the caller closed it, as with ``>&-``
    fixed = terminal or os.environ.get("COLUMNS", "").isdigit()
    return Console(stderr=error, highlight=False, emoji=False, width=None if fixed else WIDTH)


stdout = _console(error=False)
stderr = _console(error=True)


def is_live(console: Console) -> bool:
    """Whether lines can be overwritten: on a terminal that is not dumb. FORCE_COLOR does not imply this."""
    return console.is_terminal and not console.is_dumb_terminal and console.file.isatty()


@contextmanager
def settled() -> Iterator[None]:
    """Keep libraries quiet for one command: no telemetry and no warnings; our own warnings go to standard error."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    own, handler = logging.getLogger("loopholes"), _Warnings(logging.WARNING)
    propagated, own.propagate = own.propagate, False
    own.addHandler(handler)
    try:
        with warnings.catch_warnings():
            if not sys.warnoptions:
                warnings.simplefilter("ignore")
            yield
    finally:
        own.removeHandler(handler)
        own.propagate = propagated


class _Warnings(logging.Handler):
    """Prints a warning as one sentence."""

    def emit(self, record: logging.LogRecord) -> None:
        stderr.print(f"warning: {record.getMessage()}", style="yellow", markup=False, soft_wrap=True)


def complain(sentence: str) -> None:
    """Print what is wrong on standard error, in red."""
    stderr.print(" ".join(sentence.split()), style="red", markup=False, soft_wrap=True)


def say(sentence: str) -> None:
    """Print a note on standard error that is neither a result nor an error."""
    stderr.print(sentence, markup=False, soft_wrap=True)


def conclude(sentence: str) -> None:
    """Print the last lines of a result, such as its path, on standard output; paths are not wrapped."""
    stdout.print(sentence, markup=False, soft_wrap=True)


def paragraph(text: str, style: str = "", indent: int = 0) -> None:
    """Print text on standard output, wrapped between words; a word longer than the line is not broken.

    Further lines of an item that begins with ``- `` are indented beneath its text.
    """
    for line in text.splitlines():
        lines = textwrap.wrap(
            line,
            max(20, stdout.width),
            initial_indent=" " * indent,
            subsequent_indent=" " * (indent + 2 * line.startswith("- ")),
            break_long_words=False,
            break_on_hyphens=False,
        )
        stdout.print("\n".join(lines), style=style, markup=False, soft_wrap=True)


def print_table(table: Table, console: Console = stdout) -> None:
    """Print a table; without a terminal, no line ends in the spaces that pad its last column."""
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as capture:
        console.print(table)
    lines = (line.rstrip() for line in capture.get().splitlines())
    console.print("\n".join(lines), markup=False, soft_wrap=True)


def excerpt(completion: str) -> str:
    """The beginning of a completion in quotes, with three dots and its length if there is more."""
    more = f"… ({len(completion):,} characters)" if len(completion) > EXCERPT else ""
    return f"{completion[:EXCERPT]!r}{more}"


def share_a_stream() -> bool:
    """Whether standard output and standard error are the same file, so that progress would mix with records."""
    try:
        return os.path.sameopenfile(sys.stdout.fileno(), sys.stderr.fileno())
    except (OSError, ValueError):
        return False


def print_line(record: Mapping[str, Any], *, error: bool = False) -> None:
    """Print one JSON object as a line on standard output, or on standard error if ``error``."""
    typer.echo(json.dumps(jsonable(record), allow_nan=False), err=error)
    (sys.stderr if error else sys.stdout).flush()


def estimates_table(estimates: Mapping[str, Estimate]) -> Table:
    """A table of metrics with their intervals; rewards in the units of the game, everything else in percent."""
    table = Table(box=None, pad_edge=False)
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("95 % interval")
    table.add_column("tasks", justify="right")
    for name, estimate in estimates.items():
        unit: Unit = "number" if name.startswith("reward") else "share"
        table.add_row(name.replace("_", " "), point(estimate, unit), interval(estimate, unit), f"{estimate.n:,}")
    return table


def in_our_words(error: Exception) -> LoopholesError | None:
    """Our error for an error of another library that the machine or the user caused; None if it must be a bug."""
    if isinstance(error, ModuleNotFoundError):
        from loopholes.audit.frameworks import frameworks

        package = str(error.name).partition(".")[0]
        adapters = [framework for framework in frameworks().values() if framework.EXTRA is not None]
        extras = EXTRAS | {str(framework.PACKAGE): str(framework.EXTRA) for framework in adapters}
        return MissingExtra(package, extras[package]) if package in extras else None
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left on device" in str(error):
        return RunError(
            "no space is left on the disk: free some, then run the same command again (with --resume for train, eval "
            "and pretrain)"
        )
    if type(error).__name__ == "OutOfMemoryError":
        return UsageError(
            "the device is out of memory: process fewer completions at once (eval: --batch-size; train: "
            "--completions-per-pass, --gradient-checkpointing)"
        )
    if (place := place_in_users_code(error)) is not None:
        return UsageError(
            f"{place} raised {type(error).__name__}: {error}; LOOPHOLES_TRACEBACK=1 shows the whole traceback"
        )
    if isinstance(error, OSError) and error.filename is not None:
        return RunError(f"{error.filename}: {(error.strerror or str(error)).lower()}")
    return None
