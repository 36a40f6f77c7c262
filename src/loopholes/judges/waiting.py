"""How long an endpoint asks to be left alone, where that is longer than the ``openai`` client waits by itself."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from email.utils import mktime_tz, parsedate_tz

PATIENCE = 120.0  # seconds: the client waits up to that, and gives up at once on more
LONGEST = 900.0  # seconds: the longest single wait; a run that would wait longer is better stopped and resumed
PASSING = (408, 409, 429)  # and every status from 500 on


def long_wait(status: int, headers: Mapping[str, str]) -> float:
    """The seconds that a response asks for, if the client did not wait for them; else 0."""
    passes = status in PASSING or status >= 500
    if not passes or headers.get("x-should-retry") == "false":
        return 0.0
    asked = _asked(headers)
    return asked if math.isfinite(asked) and asked > PATIENCE else 0.0


def _asked(headers: Mapping[str, str]) -> float:
    """What Retry-After says, which is seconds or a date; 0 where it is neither."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            return float(headers.get(name, "")) / unit
        except ValueError:
            continue
    date = parsedate_tz(headers.get("retry-after", ""))
    try:
        return mktime_tz(date) - time.time() if date else 0.0
    except (ValueError, OverflowError, OSError):
        return 0.0
