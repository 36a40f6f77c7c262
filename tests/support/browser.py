"""What a test does with a page in a browser: set it up, find elements, choose, press, point and read."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from loopholes.report.matrix import contrast

__all__ = [
    "Keys",
    "Select",
    "background",
    "choose",
    "colour",
    "contrast",
    "count",
    "elements",
    "listed_items",
    "point_at",
]
__all__ += ["element", "figure_of", "press", "readable", "show"]


def show(browser: Any, scheme: str, width: int) -> None:
    features = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}  # a click waits for no scrolling
    media = [{"name": name, "value": value} for name, value in features.items()]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def element(page: Any, selector: str) -> Any:
    return page.find_element(By.CSS_SELECTOR, selector)


def elements(page: Any, selector: str) -> list[Any]:
    matches: list[Any] = page.find_elements(By.CSS_SELECTOR, selector)
    return matches


def listed_items(page: Any) -> list[str]:
    return [
        str(text)
        for text in page.execute_script("return [...document.querySelectorAll('#items li')].map(li => li.textContent)")
    ]


def count(page: Any) -> int:
    return int(element(page, "#count").text.split()[0])


def choose(page: Any, selector: str, label: str) -> None:
    Select(element(page, selector)).select_by_visible_text(label)


def press(page: Any, *keys: str) -> None:
    ActionChains(page).send_keys(*keys).perform()


def figure_of(page: Any, plot: Any) -> dict[str, Any]:
    figures = json.loads(page.execute_script("return document.getElementById('figures').textContent"))
    figure: dict[str, Any] = figures[int(plot.get_attribute("data-panel"))]
    return figure


def point_at(page: Any, plot: Any, figure: dict[str, Any], x: float, y: float) -> None:
    """Move the mouse to a place in the data's own units."""
    (left, bottom, right, top), (x0, y0, x1, y1) = figure["box"], figure["limits"]
    inside = (left + (right - left) * (x - x0) / (x1 - x0), bottom + (top - bottom) * (y - y0) / (y1 - y0))
    svg = plot.find_element(By.TAG_NAME, "svg")
    box = "const b = arguments[0].getBoundingClientRect(), v = arguments[0].viewBox.baseVal;"
    wide, tall, units, high = page.execute_script(f"{box} return [b.width, b.height, v.width, v.height]", svg)
    offset = (round(wide * (inside[0] / units - 0.5)), round(tall * (inside[1] / high - 0.5)))
    ActionChains(page).move_to_element_with_offset(svg, *offset).perform()


def readable(page: Any, element: Any) -> float:
    """The contrast of an element's text with its background."""
    name = "fill" if element.tag_name == "text" else "color"
    return contrast(colour(element.value_of_css_property(name)), background(page, element))


def background(page: Any, element: Any) -> tuple[float, ...]:
    behind = """let e = arguments[0], found;
    do { found = getComputedStyle(e).backgroundColor; e = e.parentElement; } while (e && found === 'rgba(0, 0, 0, 0)');
    return found"""
    return colour(page.execute_script(behind, element))


def colour(css: str) -> tuple[float, ...]:
    parts: Sequence[str] = re.findall(r"[\d.]+", css)
    return tuple(float(part) / 255 for part in parts[:3])
