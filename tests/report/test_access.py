"""The page in a real Chromium, without a mouse, with a screen reader, on a phone, and in the dark scheme."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("selenium", reason="selenium is not installed: pip install -e '.[dev]'")
from selenium.webdriver.support.ui import WebDriverWait

from support.browser import (
    Keys,
    background_colour,
    contrast,
    css_colour,
    element,
    elements_of,
    panel_data,
    press_keys,
    set_viewport,
    text_contrast,
)


def test_everything_can_be_reached_and_read_by_the_keyboard(page: Any) -> None:
    reached = []
    for _ in range(80):
        press_keys(page, Keys.TAB)
        active = page.execute_script("const e = document.activeElement; return e.id || e.className || e.tagName")
        reached.append(active)
        if active == "detail":
            break
    wanted = [
        "skip",
        "card",
        "plot",
        "scroll",
        "jump",
        "f-section",
        "f-arm",
        "f-seed",
        "f-from",
        "f-exploit",
        "f-text",
        "items",
        "detail",
    ]
    assert [name for name in wanted if name not in reached] == []


def test_arrow_keys_read_a_figure_and_escape_puts_the_value_away(page: Any) -> None:
    plot = elements_of(page, "#section-2 .plot")[2]
    figure = panel_data(page, plot)
    page.execute_script("arguments[0].focus()", plot)
    press_keys(page, Keys.ARROW_RIGHT)
    assert element(page, "#tip").text.split("\n")[1:] == ["plain SFT", "step of honest training 0"]
    press_keys(page, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert element(page, "#tip").text.split("\n")[0].startswith(f"{100 * figure['lines'][0]['y'][1]:.1f} % [")
    press_keys(page, Keys.ARROW_DOWN)
    assert "plain SFT, seed 0" in element(page, "#tip").text
    press_keys(page, Keys.ESCAPE)
    assert not element(page, "#tip").is_displayed()


def test_arrow_keys_go_through_the_rollouts(page: Any) -> None:
    page.execute_script("document.getElementById('items').focus()")
    start = int(element(page, "#place").text.split()[0])
    press_keys(page, Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_UP)
    assert element(page, "#place").text.startswith(f"{start + 1} of ")
    assert element(page, "#items").get_attribute("aria-activedescendant") == f"item-{start}"


def test_a_screen_reader_finds_names_and_numbers(page: Any) -> None:
    regions = {("region", "transfer"), ("region", "Task performance and exploit rate on held-out tasks")}
    named = WebDriverWait(page, 30).until(lambda _: (names := read_out(page)) >= regions and names)
    images = {name for role, name in named if role in ("image", "img")}
    assert {"Change of the exploit rate", "Exploit rate (what is hidden)"} <= images
    assert all(
        name
        for role, name in named
        if role in ("button", "checkbox", "combobox", "searchbox", "spinbutton", "image", "link")
    )
    element(page, "#section-2 .values summary").click()
    assert "context-compliance" in element(page, "#section-2 .values table").text


def read_out(page: Any) -> set[tuple[str, str]]:
    """The roles and names for a screen reader; the browser computes them some time after loading."""
    tree = page.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    return {(node["role"]["value"], node.get("name", {}).get("value", "")) for node in tree if "role" in node}


@pytest.mark.parametrize("width", [320, 375, 768, 1280])
def test_only_tables_and_wide_figures_scroll_sideways(page: Any, width: int) -> None:
    set_viewport(page, "light", width)
    for summary in elements_of(page, "summary"):
        page.execute_script("arguments[0].parentElement.open = true", summary)
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    narrow = page.execute_script(
        "return [...document.querySelectorAll('.plot svg')].map(s => s.getBoundingClientRect().width)"
    )
    assert min(narrow) > 240


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_the_light_and_in_the_dark(page: Any, scheme: str) -> None:
    set_viewport(page, scheme, 1280)
    selectors = (
        "h1/.lead/.card .words/.question/.answer/.rest/.rules dt/.seeds .hint/.caption/caption/thead th/td .number/"
        "td .interval/.foot/.tag.yes/.tag.no/.command code/.jump/.plot svg text/.key li/summary/"
        "#count/#items .flag/#answer/#prompt/.fact.alarm .value"
    ).split("/")
    poor = {name: ratio for name in selectors if (ratio := text_contrast(page, element(page, name))) < 4.5}
    assert poor == {}
    lines = [line.value_of_css_property("stroke") for line in elements_of(page, ".key line")]
    paper = background_colour(page, element(page, ".key"))
    assert min(contrast(css_colour(line), paper) for line in lines) > 3


def test_the_dark_page_is_dark(page: Any) -> None:
    set_viewport(page, "dark", 1280)
    assert max(background_colour(page, element(page, "h1"))) < 0.2
