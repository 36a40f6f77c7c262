"""Marks for tests of frameworks that the set-up does not install."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

BESIDE = "the head of tests/audit/frameworks/test_verl_managers.py says how to install it beside the others"


def needs(package: str, install: str = "", warnings: str = "ignore") -> list[pytest.MarkDecorator]:
    """Marks for slow tests that are skipped without a package; ``warnings`` filters what the package warns of.

    ``install`` says how to get it; by default, an extra of the same name installs it.
    """
    install = install or f"pip install 'loopholes[{package}]' in an environment of its own, then pytest -m slow"
    return [
        pytest.mark.slow,
        pytest.mark.skipif(find_spec(package) is None, reason=f"needs {package}: {install}"),
        pytest.mark.filterwarnings(warnings),
    ]
