"""Finds out the shape of a reward in a process of its own, if its source does not show it.

Partials, instances and the results of calls or decorators are known only once their module is imported, which the
command's own process never does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from loopholes.audit.environments import command
from loopholes.audit.frameworks.base import Part, Shape, load, parameters
from loopholes.errors import LoopholesError, UsageError

SECONDS = 120.0
"""Time limit for importing a reward, in seconds."""


def probed(part: Part, python: str = "") -> Shape:
    """The shape of a part, loaded by this ``python``; raises :class:`UsageError` if it cannot be loaded."""
    look = [*command(python, "loopholes.audit.probe"), part.source, part.name]
    quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    try:
        answer = subprocess.run(look, stdout=subprocess.PIPE, timeout=SECONDS, check=False, **quiet).stdout
    except subprocess.TimeoutExpired:
        raise UsageError(f"{part.label} took longer than {SECONDS:.0f} s to load: say its --framework") from None
    if not answer:
        raise UsageError(f"{part.label} ended the process in which it was loaded")
    shape = json.loads(answer)
    if "error" in shape:
        raise UsageError(shape["error"])
    return Shape(shape["parameters"], frozenset(shape["bases"]), methods=frozenset(shape["methods"]))


def main() -> None:
    """Load the part that the arguments name and write its shape to standard output, where nothing else may write."""
    answer = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    try:
        shape: dict[str, Any] = _shape(load(Part(sys.argv[1], sys.argv[2])))
    except LoopholesError as error:
        shape = {"error": str(error)}
    os.write(answer, json.dumps(shape).encode())
    os._exit(0)


def _shape(value: Any) -> dict[str, list[str]]:
    kind = value if isinstance(value, type) else type(value)
    signature = parameters(value) if callable(value) and not isinstance(value, type) else None
    methods = [name for name in dir(kind) if callable(getattr(kind, name, None)) and not name.startswith("_")]
    bases = [base.__name__ for base in kind.__mro__]
    return {"parameters": list(signature or ()), "bases": bases, "methods": methods}
