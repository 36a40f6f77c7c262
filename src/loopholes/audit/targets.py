"""From a name on the command line to a target: which file or module, which function, which framework."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from loopholes.audit.definitions import declared_by, definition_of, definitions_in, is_here, modules_of
from loopholes.audit.environments import Say, built, named
from loopholes.audit.frameworks import framework, frameworks, recognising
from loopholes.audit.frameworks.base import Part, Shape
from loopholes.audit.probe import probed
from loopholes.audit.results import Target
from loopholes.errors import DataError, UnknownName, UsageError
from loopholes.modules import MOST_NAMES, source_of, split

FORMS = "FILE.py:NAME or package.module:NAME"
_WEIGHTED = re.compile(r"(?P<name>[^=(]+(\(.*\)[^=()]*)?)(=(?P<weight>[^)]*))?", re.DOTALL)
"""A name, or a call whose arguments may contain equals signs, and a weight."""


@dataclass(frozen=True)
class Runtime:
    """Where a user wants a target to run: with this ``python``, or in an environment with these ``requirements``.

    Without either, it runs with the current Python, unless it needs a package that is not installed here and that a
    framework knows how to install. ``say`` gets a sentence before anything is installed.
    """

    python: Path | None = None
    requirements: Sequence[str] = ()
    say: Say = lambda sentence: None


def target_of(
    names: Sequence[str], framework_name: str | None, options: Mapping[str, Any], runtime: Runtime = Runtime()
) -> Target:
    """The target of ``FILE.py:NAME`` or ``package.module:NAME`` (several: each ``=WEIGHT``), or of a prefix.

    A prefix that a framework declares (``game:NAME``, a URL) wins; otherwise the text names an import, and naming
    another framework, such as ``plain``, forces that. Without a name, it is the framework that recognises the
    reward. No user code is imported into this process. Raises, in one sentence, :class:`UsageError`,
    :class:`DataError` for a file that does not exist, and :class:`PolicyError` for a tokenizer that cannot be had.
    """
    if framework_name is not None:
        framework(framework_name)
    if not names:
        raise UsageError(f"there is nothing to audit: name {FORMS}, game:NAME or a URL, or give --reward")
    python, requires = settled([*names, *_files(names, framework_name)], runtime)
    target = replace(_target(names, framework_name, options, python), python=python, requires=requires)
    allowed = framework(target.framework).OPTIONS
    for option in options:
        if option not in allowed:
            raise UnknownName(f"{target.framework} option", option, sorted(allowed))
    if (tokenizer := options.get("tokenizer")) is not None:
        from loopholes.policies import available  # a tenth of a second that most audits do not need

        available(str(tokenizer))
    return target


def settled(names: Sequence[str], runtime: Runtime) -> tuple[str, tuple[str, ...]]:
    """The Python that targets run with, and the requirements of the environment that was built for them."""
    if runtime.python is not None:
        if runtime.requirements:
            raise UsageError("--python names an existing environment, and --with builds another: give only one of them")
        return named(runtime.python), ()
    frameworks_need, more = [*_requirements(names)], [*runtime.requirements]
    is_built = bool(frameworks_need or more)
    declared = [requirement for name in names for requirement in declared_by(name, is_built)]
    requires = tuple(dict.fromkeys([*frameworks_need, *declared, *more]))
    return built(requires, runtime.say) if requires else "", requires


def _requirements(names: Sequence[str]) -> Iterator[str]:
    """The requirements that frameworks know for missing modules which targets name or import."""
    for module in dict.fromkeys(module for name in names for module in modules_of(name)):
        owner = next((adapter for adapter in frameworks().values() if module in adapter.REQUIREMENTS), None)
        if owner is not None and not is_here(module):
            yield from owner.REQUIREMENTS[module]


def _check_named(text: str) -> None:
    """Raise :class:`UsageError`, with what was probably meant, for a text without the colon that all names have.

    Raises :class:`DataError` for a ``FILE.py`` that does not exist.
    """
    source, name = split(text)
    if name.startswith(":"):  # as pytest names a test
        raise UsageError(f"{text} does not name a reward; did you mean {source}:{name.lstrip(':')}?")
    if name or ":" in text:
        return
    file = source if source.endswith(".py") else f"{source}.py"
    if Path(file).is_file():
        raise UsageError(f"{text} does not say which reward: {_choices(file)}")
    module, _, attribute = source.rpartition(".")
    path = f"{module.replace('.', '/')}.py"
    if module and Path(path).is_file():
        raise UsageError(f"{text} does not name a reward; did you mean {path}:{attribute}?")
    if source.endswith(".py"):
        raise DataError(f"there is no file {source}")
    if module and source_of(module) is not None:
        raise UsageError(f"{text} does not name a reward; did you mean {module}:{attribute}?")
    raise UsageError(f"{text} does not name a reward: write {FORMS}, game:NAME, a URL or a folder that exists")


def _choices(file: str) -> str:
    """What a file defines that may be a reward, with the way to name it."""
    names = [
        name
        for name, definition in definitions_in(Path(file)).items()
        if not name.startswith("_")
        and isinstance(definition.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    if not names:
        return f"{file} defines no function and no class"
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"{file} defines {', '.join(names[:MOST_NAMES])}{more}; write {file}:{names[0]}, for example"


def _target(names: Sequence[str], name: str | None, options: Mapping[str, Any], python: str) -> Target:
    owner = prefixed(names[0])
    if len(names) == 1 and owner is not None and name in (None, owner):
        return Target(owner, (_part(owner, names[0]),), options)
    if name is not None and framework(name).recognises is None:
        raise UsageError(f"a {name} is named as {framework(name).PREFIXES[0]}:NAME, not {names[0]}")
    parts = tuple(existing(part_of(text)) for text in names)
    return Target(name or detected(parts, python), parts, options)


def _part(owner: str, name: str) -> Part:
    """The part that a name with this framework's prefix stands for."""
    prefix, _, rest = name.partition(":")
    located: Callable[[Part], Part] = getattr(framework(owner), "located", lambda part: part)
    return located(Part(prefix, rest))


def _files(names: Sequence[str], framework_name: str | None) -> Iterator[str]:
    """The parts that names with a prefix stand for, such as the class in a folder, whose file states requirements."""
    for name in names:
        owner = prefixed(name)
        if owner is not None and framework_name in (None, owner):
            yield _part(owner, name).label


def prefixed(text: str) -> str | None:
    """The framework that declares the word before the first colon as its prefix; None if there is none."""
    prefix, colon, _ = text.partition(":")
    return next((name for name, adapter in frameworks().items() if colon and prefix in adapter.PREFIXES), None)


def existing(part: Part) -> Part:
    """The part; raises :class:`DataError` if its file does not exist."""
    if part.source.endswith(".py") and not Path(part.source).is_file():
        raise DataError(f"there is no file {part.source}")
    return part


def part_of(text: str) -> Part:
    """The part that ``FILE.py:NAME`` or ``package.module:NAME`` names, optionally with ``=WEIGHT``."""
    _check_named(text)
    source, rest = split(text)
    match = _WEIGHTED.fullmatch(rest)
    if not source or match is None:
        raise UsageError(f"{text} does not name a reward: write {FORMS}")
    weight = match["weight"]
    try:
        value = float(weight or 1.0)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"{weight!r} in {text} is not a weight")
    return Part(source, match["name"].strip(), value)


def detected(parts: Sequence[Part], python: str = "") -> str:
    """The framework that all parts were written for; raises :class:`UsageError` if there is more than one."""
    names = {_detected(part, python) for part in parts}
    if len(names) > 1:
        raise UsageError(f"the rewards are written for {' and '.join(sorted(names))}: say which with --framework")
    return names.pop()


def _detected(part: Part, python: str) -> str:
    """The framework of a part: by its source, or by loading it elsewhere if the source does not show it."""
    definition = definition_of(part, python)
    shape = None if definition is None else definition.shape
    if shape is not None and not part.name.isidentifier():  # only decorators show what a call returns
        shape = Shape(decorators=shape.decorators) if recognising(Shape(decorators=shape.decorators)) else None
    names = recognising(shape or probed(part, python))
    if not names and shape is not None and shape.bases:
        names = recognising(probed(part, python))  # what it inherits may show more
    if len(names) == 1:
        return names[0]
    if names:
        raise UsageError(f"{part.label} may be written for {' or '.join(names)}: say which with --framework")
    raise UsageError(
        f"the signature of {part.label} does not say which framework calls it: a plain reward is f(completion, "
        f"**row), TRL's f(completions, **columns), verl's f(data_source, solution_str, ground_truth); or say "
        f"--framework {'|'.join(sorted(name for name, each in frameworks().items() if each.recognises is not None))}"
    )
