"""The name of a panel: a hash of the code that decides a verdict, so that rates can say what they were measured with.

The hash covers syntax trees, not bytes. Comments, docstrings and layout do not change a verdict, and rates that were
measured before such an edit still hold after it.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

from loopholes.errors import LoopholesError
from loopholes.files import cache_folder, replace_file

UNDECIDING = (
    *("targets.py", "environments.py", "definitions.py", "discovery.py", "probe.py", "frameworks/"),
    *("rows.py", "truth.py", "survey.py", "attacks/from_file.py"),
    *("process.py", "process_tree.py", "replies.py", "worker.py", "forks.py"),
    *("folder.py", "layout.py", "panel_hash.py", "sarif.py", "section.py", "summary.py", "snippets.py", "groups.py"),
    *("advice.py", "signatures.py", "comparisons.py", "subjects.py", "terms.py", "trials.py"),
    *("assertion.py", "against.py", "rights.py", "identity.py", "selftest/"),
)
"""Files and folders of this package that do not affect verdicts, so that :func:`panel_hash` leaves them out.

They find, load and call a target, read its data and the user's own attacks, run its process, write and show a report,
or compare finished audits. Files that are not listed count as deciding.
"""


@cache
def panel_hash(folder: Path = Path(__file__).parent) -> str:
    """SHA-256 of the code that decides a verdict: attacks, near misses, the scale, the stages and the rules.

    It covers the files of this package except :data:`UNDECIDING`, in the order of their names, and is the same under
    every Python that the package supports. Two audits with the same hash make the same calls and judge the answers
    alike; rates measured with another hash belong to another tool. ``folder`` may hold other sources of this package,
    such as an earlier commit's.
    """
    files = {file.relative_to(folder).as_posix(): file for file in sorted(folder.rglob("*.py"))}
    sources = {name: file.read_bytes() for name, file in files.items() if not name.startswith(UNDECIDING)}
    with suppress(OSError, LoopholesError):  # without a cache, or a home for it, the hash takes half a second each time
        return _kept(sources)
    return _hash(sources)


def _kept(sources: Mapping[str, bytes]) -> str:
    """The hash of these sources from the cache, where it is kept under the hash of their bytes."""
    digest = hashlib.sha256(repr(sources).encode())
    kept = cache_folder() / "panels" / digest.hexdigest()
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        replace_file(kept, _hash(sources).encode())
    return kept.read_text()


def _hash(sources: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, source in sources.items():
        digest.update(f"{name} {_code(ast.parse(source))!a}\n".encode())
    return digest.hexdigest()


def _code(node: object) -> object:
    """A syntax tree as nested lists, without docstrings: strings that are statements of their own.

    Empty fields are left out because later Pythons have more of them (``type_params`` since 3.12), and because
    ``ast.dump`` itself writes them in some versions only.
    """
    if isinstance(node, list):
        return [_code(member) for member in node if not _is_docstring(member)]
    if not isinstance(node, ast.AST):
        return node
    fields = ((name, getattr(node, name, None)) for name in node._fields)
    return [type(node).__name__, *([name, _code(value)] for name, value in fields if value is not None and value != [])]


def _is_docstring(node: object) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
