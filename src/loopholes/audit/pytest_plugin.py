"""A pytest plugin: the audit as a fixture, with a marker for its data and options.

.. code-block:: python

    @pytest.mark.loopholes(data="tests/prompts.jsonl", golden="<answer>{answer}</answer>")
    def test_the_reward_cannot_be_gamed(not_gameable):
        not_gameable(reward)

The marker applies to a test, a class or a module; arguments of the fixture override it. The verdicts are listed at the
end of the run, and ``--loopholes-out DIR`` writes the findings of rewards that failed, so that they can be replayed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from loopholes.audit.results import Report

MARKER = "loopholes"
VERDICTS = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option for the folder of findings."""
    group = parser.getgroup(MARKER, "audits of reward functions")
    group.addoption(
        "--loopholes-out",
        metavar="DIR",
        type=Path,
        help="write the findings of rewards that can be gamed to a folder for each test",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and start an empty list of verdicts."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(data, **options): arguments that not_gameable passes to loopholes.audit.assert_not_gameable",
    )
    config.stash[VERDICTS] = []


@pytest.fixture
def not_gameable(request: pytest.FixtureRequest) -> Callable[..., Report]:
    """``not_gameable(reward, **options)``: fails the test with the findings if a reward can be gamed.

    ``options`` are those of :func:`loopholes.audit.assert_not_gameable`; the marker ``loopholes`` gives defaults.
    """
    defaults: dict[str, Any] = {}
    for mark in request.node.iter_markers(MARKER):  # closest first
        if len(mark.args) + ("data" in mark.kwargs) > 1:
            raise pytest.UsageError("the marker loopholes takes one data, and everything else by its name")
        defaults = {**dict(zip(["data"], mark.args, strict=False)), **mark.kwargs, **defaults}

    def check(reward: Any, data: Any = None, **options: Any) -> Report:
        __tracebackhide__ = True  # pytest then shows the line of the user's test, and not these
        from loopholes.audit.assertion import Gameable, assert_not_gameable
        from loopholes.errors import LoopholesError

        settings = {**defaults, **options, **({} if data is None else {"data": data})}
        if "data" not in settings:
            raise pytest.UsageError("no data: use @pytest.mark.loopholes(data=...) or not_gameable(reward, data)")
        try:
            report = assert_not_gameable(reward, settings.pop("data"), **settings)
        except Gameable as error:
            _note(request, error.report)
            _save(request, error.report)
            raise
        except LoopholesError as error:
            raise error.with_traceback(None) from None  # without the lines between the test and the mistake
        _note(request, report)
        return report

    return check


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the verdict on each audited reward."""
    if config.stash[VERDICTS]:
        terminalreporter.section("audited rewards")
        for line in config.stash[VERDICTS]:
            terminalreporter.write_line(line)


def _note(request: pytest.FixtureRequest, report: Report) -> None:
    from loopholes.audit.summary import verdict

    request.config.stash[VERDICTS].append(f"{report.target.label}: {verdict(report)}")


def _save(request: pytest.FixtureRequest, report: Report) -> None:
    from loopholes.audit.folder import save

    folder = request.config.getoption("--loopholes-out")
    if folder is not None:
        save(report, folder / re.sub(r"[^\w.-]+", "-", request.node.nodeid).strip("-"))
