"""A browser for tests of the page; without one these tests are skipped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from loopholes.report import write_page
from support.page_sections import game_section, study_section

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
SWITCHES = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --window-size=1280,900"
).split()


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A fresh browser. Selenium gets the path of the driver, so that it does not search for one or download one."""
    if not CHROMIUM or not DRIVER:
        pytest.skip("chromium and chromedriver are needed to look at the page in a browser")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for switch in (*SWITCHES, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, Service(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a page with two games and a study."""
    games = [game_section(seeds=3), game_section("self-grading", seeds=1)]
    return write_page("Learned", [*games, study_section()], tmp_path_factory.mktemp("page") / "page.html").as_uri()


@pytest.fixture
def page(chromium: Any, address: str) -> Any:
    """The page, freshly opened at desktop width in the light scheme."""
    from support.browser import open_page, set_viewport

    set_viewport(chromium, "light", 1280)
    chromium.get_log("browser")
    chromium.get_log("performance")
    open_page(chromium, address)
    return chromium
