"""The name of a panel: a hash of the code that decides a verdict, so that rates can say what they were measured with.

The hash covers syntax trees, not bytes. Comments, docstrings and layout do not change a verdict, and rates that were
measured before such an edit still hold after it.
"""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path

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
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        name = file.relative_to(folder).as_posix()
        if not name.startswith(UNDECIDING):
            digest.update(f"{name} {_code(ast.parse(file.read_bytes()))!a}\n".encode())
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
