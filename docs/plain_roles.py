"""Turns docstrings into Markdown for the reference on the website: Sphinx roles become code."""

from __future__ import annotations

import re
from typing import Any

import griffe

ROLE = re.compile(r":(?:func|class|meth|attr|data|mod|exc|obj):`~?(?P<name>[^`]+)`")
LITERAL = re.compile(r"^[ \t]*::[ \t]*\n", re.MULTILINE)


class PlainRoles(griffe.Extension):
    """``:func:`NAME``` becomes ```NAME```, and the ``::`` above an indented block is removed."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite one object's docstring in place."""
        if obj.docstring:
            obj.docstring.value = LITERAL.sub("", ROLE.sub(r"`\g<name>`", obj.docstring.value))
