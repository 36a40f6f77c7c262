"""What is published about the reward fixtures is counted from the records beside it."""

from __future__ import annotations

import json
from pathlib import Path

from audit_fixtures import rates
from loopholes.audit.selftest import FOLDER

RESULTS = Path(__file__).parents[2] / "results"


def test_the_rates_that_the_self_test_prints_are_those_of_the_published_records() -> None:
    records = json.loads((RESULTS / "audit-blind-2.json").read_text())
    committed = json.loads((FOLDER / "rates.json").read_text())
    assert rates(records, committed["panel"], ["blind_2"]) == committed
