"""Pages that a test types as they stand: their files, their commands, and the output that they show.

In such a page a fenced block is one of three. ``python title="FILE"`` (or ``json``, ``toml``) is a file to write,
``sh`` is typed into bash, and ``text title="output"`` is what the ``sh`` block before it prints on standard output. In
shown output, a line ``...`` stands for any lines and ``…`` for anything on its line. Everything else has to be the
same, except for spaces at the end of a line.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

BLOCK = re.compile(r'^```(?P<language>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL)


class Step(NamedTuple):
    """A fenced block of a page."""

    language: str
    title: str
    text: str


def steps(page: str) -> Iterator[Step]:
    """The fenced blocks of a page, in order."""
    for match in BLOCK.finditer(page):
        yield Step(match["language"], match["title"] or "", match["text"])


def type_page(page: str, folder: Path) -> None:
    """Do in ``folder`` what a reader of the page does. Raises AssertionError where the page is not true."""
    printed = ""
    for step in steps(page):
        if step.language == "sh":
            printed = typed(step.text, folder)
        elif step.title == "output":
            assert shows(step.text, printed), f"the page shows\n{step.text}\nand this was printed\n{printed}"
        else:
            assert step.title, f"a block of {step.language} is neither a file nor output:\n{step.text}"
            (folder / step.title).write_text(step.text, encoding="utf-8")


def typed(commands: str, folder: Path) -> str:
    """What the commands print on standard output, without spaces at the ends of lines; each has to succeed."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": programs, "COLUMNS": "100", "LOOPHOLES_CACHE": str(folder.parent / "cache")}
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, f"{commands}\nended with {ran.returncode}:\n{ran.stdout}{ran.stderr}"
    return "".join(f"{line.rstrip()}\n" for line in ran.stdout.splitlines())


def shows(shown: str, printed: str) -> bool:
    """Whether the shown output is what was printed, but for what ``...`` and ``…`` stand for."""
    lines = [line.rstrip() for line in shown.splitlines()]
    patterns = [r"(?:.*\n)*?" if line == "..." else re.escape(line).replace("…", ".*?") + r"\n" for line in lines]
    return re.fullmatch("".join(patterns), printed) is not None
