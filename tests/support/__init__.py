"""What several test files share. ``tests/`` is on the search path, so that they say ``from support.X import ...``."""
