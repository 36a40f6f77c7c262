"""``loopholes audit --selftest``: audits known rewards and compares the verdicts with the committed ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopholes.cli.console import paragraph, print_line, stdout
from loopholes.errors import DONE, FOUND
from loopholes.numbers import written

if TYPE_CHECKING:
    from loopholes.audit.selftest import Outcome


def selftest(json_: bool) -> int:
    """Run the self-test and print each verdict as it comes; returns 1 if any differs from the committed one."""
    from loopholes.audit.panel_hash import panel_hash
    from loopholes.audit.selftest import cases, committed_rates, run

    outcomes = []
    for outcome in run(cases()):
        outcomes.append(outcome)
        _show(outcome, json_)
    differing = sum(not outcome.agrees for outcome in outcomes)
    rates = committed_rates()
    if json_:
        records = (
            [] if rates is None else [{"what": rate.what, "count": rate.count, "of": rate.of} for rate in rates.rates]
        )
        print_line({"cases": len(outcomes), "differing": differing, "rates": records})
        return FOUND if differing else DONE
    summary = f"{len(outcomes) - differing} of {len(outcomes)} verdicts agree with the committed ones."
    stdout.print(f"\n{summary}", style="bold red" if differing else "bold green", markup=False)
    if rates is not None:
        paragraph("\nMeasured on rewards that the audit was not tuned on:")
        for rate in rates.rates:
            paragraph(f"{rate.what}: {rate.count} of {rate.of}, {written(rate.estimate, 'share')}", indent=2)
        here = panel_hash()
        version = "this version" if rates.panel == here else f"sources {rates.panel[:12]}; these are {here[:12]}"
        paragraph(f"measured with {version}: {rates.command}", indent=2)
    return FOUND if differing else DONE


def _show(outcome: Outcome, json_: bool) -> None:
    case = outcome.case
    if json_:
        print_line({"reward": case.reward, "agrees": outcome.agrees, "exploits": list(outcome.families)})
        return
    verdict = f"can be gamed ({', '.join(outcome.families)})" if outcome.families else "no exploit"
    expected = "" if outcome.agrees else f"; expected: {case.family or 'no exploit'}"
    style = "" if outcome.agrees else "red"
    mark = "ok" if outcome.agrees else "DIFFERS"
    stdout.print(f"{mark:8}{case.reward:22}{verdict}{expected}", style=style, markup=False, soft_wrap=True)
