"""What can go wrong, in one tree, and the exit codes of every command: this is the only list of them.

LoopholesError        every error that the package raises on purpose
├── UsageError        the request itself is wrong: fix the command or the call; exit code 2
│   ├── UnknownName   no such game, channel, policy or parameter
│   ├── MissingExtra  an optional dependency is not installed
│   └── ContractError a game of your own returns something that a game must not
├── DataError         a file or a directory to read is missing or cannot be used; exit code 3
├── RunError          a run directory or an output file cannot be written, resumed or read; exit code 4
├── ScoringError      something that scores is broken (sandbox, judge); exit code 5
└── PolicyError       a policy cannot be loaded or does not answer; exit code 6

Without an error:

DONE                  the command did what it was asked to, and found nothing wrong; exit code 0
FOUND                 audit: an exploit; audit --replay: still paid; games --validate: a difference; exit code 1
INCONCLUSIVE          audit: no exploit, but too little was tried to rule one out; exit code 7
BUG                   a bug in loopholes (LOOPHOLES_TRACEBACK=1 shows where); exit code 70
INTERRUPTED           stopped by Ctrl-C; exit code 130
UNREAD                nobody read the output to its end (`| head`); exit code 141

Each message is one sentence that says what to do. For a CI job: 0 passes, 1 is the audit's answer, and everything else
says that there is no answer.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

DONE, FOUND, INCONCLUSIVE, BUG, INTERRUPTED, UNREAD = 0, 1, 7, 70, 130, 141


def exit_codes() -> dict[int, str]:
    """Exit codes with what each says, in order, as this module's docstring lists them."""
    lines = re.findall(r"^\W*[A-Za-z]+ {2,}(.*); exit code (\d+)$", __doc__ or "", re.MULTILINE)
    return {int(code): meaning for meaning, code in sorted(lines, key=lambda line: int(line[1]))}


class LoopholesError(Exception):
    """Base class of every error that the package raises on purpose."""

    exit_code = BUG


class UsageError(LoopholesError):
    """The request itself is wrong."""

    exit_code = 2


MOST_CHOICES = 30
"""How many choices a message lists if one of them was probably meant."""


class UnknownName(UsageError):
    """No game, channel, policy or parameter has this name."""

    def __init__(self, what: str, name: str, choices: object) -> None:
        names = map(str, choices) if isinstance(choices, (list, tuple, set, dict)) else [str(choices)]
        by_name = sorted(names, key=lambda choice: (":" in choice, choice))  # FILE.py:NAME and the like come last
        meant = closest(name, by_name)
        if meant and len(by_name) > MOST_CHOICES:
            by_name = difflib.get_close_matches(name, by_name, MOST_CHOICES)
        choose = f"hoose from: {', '.join(by_name)}"
        super().__init__(
            f"there is no {what} {name!r}; " + (f"did you mean {meant!r}? C{choose}" if meant else f"c{choose}")
        )


def closest(name: str, choices: Iterable[str]) -> str | None:
    """The choice that a misspelled name probably means, whatever its case, dashes and underscores; None if none is."""
    spelled = {choice.lower().replace("_", "-"): choice for choice in choices}
    matches = difflib.get_close_matches(name.lower().replace("_", "-"), spelled, n=1, cutoff=0.75)
    return spelled[matches[0]] if matches else None


EXTRAS = {
    **dict.fromkeys(("torch", "transformers", "trl", "accelerate", "datasets", "tokenizers"), "train"),
    "huggingface_hub": "train",
    **dict.fromkeys(("matplotlib", "nltk", "rapidfuzz", "scipy"), "games"),
    "gguf": "gguf",
    "peft": "peft",
    "vllm": "vllm",
    "openai": "endpoints",
    "ray": "cluster",
    "inspect_ai": "inspect",
    "pyarrow": "parquet",
}
"""Packages that the base does without, each with the extra that installs it; frameworks of the audit name their own."""


class MissingExtra(UsageError):
    """An optional dependency is needed for this and is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"this needs {package}, which is not installed: pip install 'loopholes[{extra}]'")


def missing_extra(error: ModuleNotFoundError) -> MissingExtra | None:
    """The error that names the extra with the package that an import did not find; None if no extra installs it."""
    package = str(error.name).partition(".")[0]
    return MissingExtra(package, EXTRAS[package]) if package in EXTRAS else None


class ContractError(UsageError):
    """A game breaks its contract: what it generates, demonstrates, observes, pays or measures is not what it has to be.

    Nothing is scored then, since any number would be made up.
    """


class DataError(LoopholesError):
    """A file or directory that the user handed over is missing, cut short, or of another layout."""

    exit_code = 3


class RunError(LoopholesError):
    """A run directory cannot be written, resumed or read."""

    exit_code = 4


class ScoringError(LoopholesError):
    """Something that scores is broken; nothing is paid rather than a made-up number."""

    exit_code = 5


class PolicyError(LoopholesError):
    """A policy cannot be loaded, or cannot take this prompt."""

    exit_code = 6
