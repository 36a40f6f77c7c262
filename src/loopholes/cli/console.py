"""What a command prints: text and tables for people, JSON Lines for programs that pass ``--json``.

Results go to standard output, everything else to standard error. In a pipe or a file people read the same words as on
a terminal, at :data:`WIDTH` columns and without control codes.
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
from loopholes.numbers import Unit, interval, point

if TYPE_CHECKING:
    from loopholes.stats import Estimate

WIDTH = 100
"""Columns of what is printed where there is no terminal; the variable COLUMNS says otherwise, as on a terminal."""
EXCERPT = 70
"""Characters of a completion that are shown."""
QUIET = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "TRL_EXPERIMENTAL_SILENCE": "1",
    "DATASETS_VERBOSITY": "error",
}


def _console(*, error: bool) -> Console:
    """As wide as its terminal, or :data:`WIDTH` where the stream is none; COLUMNS decides over both."""
    stream = sys.stderr if error else sys.stdout
    terminal = stream is not None and stream.isatty()  # None where the caller closed it, as ``>&-`` does
    fixed = terminal or os.environ.get("COLUMNS", "").isdigit()
    return Console(stderr=error, highlight=False, emoji=False, width=None if fixed else WIDTH)


stdout = _console(error=False)
stderr = _console(error=True)


def is_live(console: Console) -> bool:
    """Whether lines can be drawn over: a terminal, and not a dumb one. FORCE_COLOR asks for colours, not for this."""
    return console.is_terminal and not console.is_dumb_terminal and console.file.isatty()


@contextmanager
def settled() -> Iterator[None]:
    """Keep libraries quiet for one command: telemetry off, their warnings unseen; our own go to standard error."""
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
    """Say what is wrong, on standard error, in red."""
    stderr.print(" ".join(sentence.split()), style="red", markup=False, soft_wrap=True)


def say(sentence: str) -> None:
    """Print a note on standard error: neither a result nor a complaint."""
    stderr.print(sentence, markup=False, soft_wrap=True)


def conclude(sentence: str) -> None:
    """Print the last lines of a result, such as where it is, on standard output; paths stay in one piece."""
    stdout.print(sentence, markup=False, soft_wrap=True)


def paragraph(text: str, style: str = "", indent: int = 0) -> None:
    """Print text on standard output, wrapped between words; a word longer than the line stays in one piece."""
    for line in text.splitlines():
        lines = textwrap.wrap(
            line,
            max(20, stdout.width),
            initial_indent=" " * indent,
            subsequent_indent=" " * indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        stdout.print("\n".join(lines), style=style, markup=False, soft_wrap=True)


def excerpt(completion: str) -> str:
    """The beginning of a completion in quotes, with three dots and its length if there is more."""
    more = f"… ({len(completion):,} characters)" if len(completion) > EXCERPT else ""
    return f"{completion[:EXCERPT]!r}{more}"


def share_a_stream() -> bool:
    """Whether standard output and standard error end in the same place, so that progress would mix with records."""
    try:
        return os.path.sameopenfile(sys.stdout.fileno(), sys.stderr.fileno())
    except (OSError, ValueError):
        return False


def print_line(record: Mapping[str, Any], *, error: bool = False) -> None:
    """Print one JSON object as a line on standard output, or on standard error if ``error``."""
    typer.echo(json.dumps(jsonable(record), allow_nan=False), err=error)
    (sys.stderr if error else sys.stdout).flush()


def estimates_table(found: Mapping[str, Estimate]) -> Table:
    """Metrics with their intervals; rewards in the game's units, everything else in percent."""
    table = Table(box=None, pad_edge=False)
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("95 % interval")
    table.add_column("tasks", justify="right")
    for name, estimate in found.items():
        unit: Unit = "number" if name.startswith("reward") else "share"
        table.add_row(name.replace("_", " "), point(estimate, unit), interval(estimate, unit), f"{estimate.n:,}")
    return table


def in_our_words(error: Exception) -> LoopholesError | None:
    """What others raise, where it is the machine's or the user's affair; None for what must be a bug."""
    if isinstance(error, ModuleNotFoundError):
        from loopholes.audit.frameworks import frameworks

        package = str(error.name).partition(".")[0]
        extras = EXTRAS | {str(one.PACKAGE): one.EXTRA for one in frameworks().values() if one.EXTRA is not None}
        return MissingExtra(package, extras[package]) if package in extras else None
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left on device" in str(error):
        return RunError(
            "no space is left on the disk: free some, then run the same command again, train, eval and pretrain with "
            "--resume"
        )
    if type(error).__name__ == "OutOfMemoryError":
        return UsageError(
            "the device is out of memory: fewer completions at once need less (eval: --batch-size, train: "
            "--completions-per-pass, --gradient-checkpointing)"
        )
    if isinstance(error, OSError) and error.filename is not None:
        return RunError(f"{error.filename}: {(error.strerror or str(error)).lower()}")
    return None
