"""Helpers for several test files. ``tests/`` is on the search path, so they use ``from support.X import ...``."""
