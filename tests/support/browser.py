"""Helpers for tests of a page in a browser: look at it, choose, press, point and read."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.ui import WebDriverWait

from loopholes.report.matrix import contrast

__all__ = [
    "Keys",
    "Select",
    "answer_count",
    "answer_texts",
    "background_colour",
    "contrast",
    "css_colour",
    "element",
    "elements_of",
    "open_page",
    "panel_data",
    "point_at",
    "press_keys",
    "select_option",
    "set_viewport",
    "text_contrast",
]


def open_page(browser: Any, address: str) -> None:
    """Open a page and wait until all of it is there; the driver alone may return while it is still read."""
    browser.get(address)
    WebDriverWait(browser, 30).until(lambda _: browser.execute_script("return document.readyState") == "complete")


def set_viewport(browser: Any, scheme: str, width: int) -> None:
    """Show pages at this width in pixels, in the light or the dark scheme."""
    features = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}  # a click waits for no scrolling
    chosen = [{"name": name, "value": value} for name, value in features.items()]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": chosen})
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def element(page: Any, selector: str) -> Any:
    """The first element that matches a CSS selector."""
    return page.find_element(By.CSS_SELECTOR, selector)


def elements_of(page: Any, selector: str) -> list[Any]:
    """Every element that matches a CSS selector."""
    elements: list[Any] = page.find_elements(By.CSS_SELECTOR, selector)
    return elements


def answer_texts(page: Any) -> list[str]:
    """The texts of the answers in the list."""
    return [
        str(text)
        for text in page.execute_script("return [...document.querySelectorAll('#items li')].map(li => li.textContent)")
    ]


def answer_count(page: Any) -> int:
    """The number of answers that match the filters, as the page says it."""
    return int(element(page, "#count").text.split()[0])


def select_option(page: Any, selector: str, label: str) -> None:
    """Choose an option of a select by its label."""
    Select(element(page, selector)).select_by_visible_text(label)


def press_keys(page: Any, *keys: str) -> None:
    """Press keys one after another."""
    ActionChains(page).send_keys(*keys).perform()


def panel_data(page: Any, plot: Any) -> dict[str, Any]:
    """The data that the page holds for a plot."""
    figures = json.loads(page.execute_script("return document.getElementById('figures').textContent"))
    data: dict[str, Any] = figures[int(plot.get_attribute("data-panel"))]
    return data


def point_at(page: Any, plot: Any, figure: dict[str, Any], x: float, y: float) -> None:
    """Move the mouse to a place of a plot, in the units of its data."""
    (left, bottom, right, top), (x0, y0, x1, y1) = figure["box"], figure["limits"]
    inside = (left + (right - left) * (x - x0) / (x1 - x0), bottom + (top - bottom) * (y - y0) / (y1 - y0))
    svg = plot.find_element(By.TAG_NAME, "svg")
    box = "const b = arguments[0].getBoundingClientRect(), v = arguments[0].viewBox.baseVal;"
    wide, tall, units, high = page.execute_script(f"{box} return [b.width, b.height, v.width, v.height]", svg)
    offset = (round(wide * (inside[0] / units - 0.5)), round(tall * (inside[1] / high - 0.5)))
    ActionChains(page).move_to_element_with_offset(svg, *offset).perform()


def text_contrast(page: Any, element: Any) -> float:
    """The contrast of an element's text with its background."""
    name = "fill" if element.tag_name == "text" else "color"
    return contrast(css_colour(element.value_of_css_property(name)), background_colour(page, element))


def background_colour(page: Any, element: Any) -> tuple[float, ...]:
    """The first background behind an element that is not transparent."""
    behind = """let e = arguments[0], colour;
    do { colour = getComputedStyle(e).backgroundColor; e = e.parentElement; }
    while (e && colour === 'rgba(0, 0, 0, 0)');
    return colour"""
    return css_colour(page.execute_script(behind, element))


def css_colour(css: str) -> tuple[float, ...]:
    """Red, green and blue of a CSS colour, in [0, 1]."""
    parts: Sequence[str] = re.findall(r"[\d.]+", css)
    return tuple(float(part) / 255 for part in parts[:3])
