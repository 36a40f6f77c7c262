"""The page in a real Chromium: it opens from disk without a complaint or a request, and everything on it works."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from loopholes.report import game_section, write_page
from loopholes.report.matrix import contrast

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: pip install -e '.[dev]'")

from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.select import Select  # noqa: E402

sys.path.append(str(Path(__file__).parent))

from samples import EXPLOITING, learned, study  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
SWITCHES = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --window-size=1280,900"
).split()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser of our own; Selenium is told where the driver is, so that it looks for none and downloads none."""
    if not CHROMIUM or not DRIVER:
        pytest.skip("chromium and chromedriver are needed to look at the page in a browser")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for switch in (*SWITCHES, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, Service(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page with two games and a study."""
    games = [game_section(learned(seeds=3)), game_section(learned("self-grading", seeds=1))]
    return write_page("Learned", [*games, study()], tmp_path_factory.mktemp("page") / "page.html").as_uri()


@pytest.fixture
def page(chromium: Any, address: str) -> Any:
    """The page, freshly opened on a desktop in the light."""
    show(chromium, "light", 1280)
    chromium.get_log("browser")
    chromium.get_log("performance")
    chromium.get(address)
    return chromium


def show(browser: Any, scheme: str, width: int) -> None:
    features = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}  # a click waits for no scrolling
    told = [{"name": name, "value": value} for name, value in features.items()]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": told})
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def one(page: Any, selector: str) -> Any:
    return page.find_element(By.CSS_SELECTOR, selector)


def every(page: Any, selector: str) -> list[Any]:
    found: list[Any] = page.find_elements(By.CSS_SELECTOR, selector)
    return found


def listed(page: Any) -> list[str]:
    return [
        str(text)
        for text in page.execute_script("return [...document.querySelectorAll('#items li')].map(li => li.textContent)")
    ]


def count(page: Any) -> int:
    return int(one(page, "#count").text.split()[0])


def choose(page: Any, selector: str, label: str) -> None:
    Select(one(page, selector)).select_by_visible_text(label)


def press(page: Any, *keys: str) -> None:
    ActionChains(page).send_keys(*keys).perform()


def test_it_opens_from_disk_without_an_error_or_a_request(page: Any, address: str) -> None:
    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    asked = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert asked == [address] and address.startswith("file://")
    one(page, "#next").click()
    assert page.get_log("browser") == []


def test_the_page_could_not_ask_for_anything_if_it_wanted(page: Any) -> None:
    asking = (
        "const done = arguments[0]; fetch('https://example.invalid/').then(() => done('asked'), e => done(String(e)))"
    )
    assert "Failed to fetch" in page.execute_async_script(asking)
    assert any("Content Security Policy" in entry["message"] for entry in page.get_log("browser"))


@pytest.mark.parametrize(
    "selector, label, words",
    [("#f-arm", "secure", "secure"), ("#f-seed", "2", "seed 2"), ("#f-section", "self-grading", "self-grading")],
)
def test_rollouts_are_filtered_by_section_arm_and_seed(page: Any, selector: str, label: str, words: str) -> None:
    everything = count(page)
    choose(page, selector, label)
    assert 0 < count(page) < everything
    assert all(words in text for text in listed(page))
    choose(page, selector, "all")
    assert count(page) == everything


def test_rollouts_are_filtered_by_step_text_and_exploit(page: Any) -> None:
    one(page, "#f-from").send_keys("13")
    one(page, "#f-to").send_keys("25")
    steps = {int(found[1]) for text in listed(page) if (found := re.match(r"step (\d+)", text))}
    assert steps == {13, 19, 25}
    before = count(page)
    one(page, "#f-exploit").click()
    assert 0 < count(page) < before
    assert all("exploit" in text for text in listed(page))
    assert "2 + 2?" in one(page, "#prompt").text
    one(page, "#f-text").send_keys("no such words")
    assert count(page) == 0 and one(page, "#place").text == "nothing matches"


def test_a_rollout_tells_what_was_paid_and_what_was_true_and_marks_the_exploit(page: Any) -> None:
    facts = {fact.text.split("\n")[0]: fact.text.split("\n")[1] for fact in every(page, "#facts .fact")}
    assert facts == {
        "paid (reward)": "1",
        "true (task score)": "0.75",
        "exploit": "yes",
        "arm": "vulnerable",
        "seed": "0",
        "step": "13",
        "task": "sum-13",
    }
    assert "exploit" in one(page, "#items li[aria-selected=true] .flag").text


def test_a_completion_with_a_script_stays_text(page: Any) -> None:
    assert one(page, "#answer").text == EXPLOITING
    assert page.execute_script("return document.querySelectorAll('#browser script').length") == 0
    assert len(every(page, "script")) == 4


def test_the_link_of_a_section_leads_to_its_exploits(page: Any) -> None:
    every(page, ".jump")[1].click()
    assert [Select(one(page, name)).first_selected_option.text for name in ("#f-section", "#f-arm")] == [
        "self-grading",
        "vulnerable",
    ]
    assert count(page) > 0 and all("exploit" in text for text in listed(page))


def test_a_seed_switched_off_hides_its_lines_and_its_rollouts_in_its_section_alone(page: Any) -> None:
    def seen(section: int, seed: int) -> set[bool]:
        return {line.is_displayed() for line in every(page, f"#section-{section} .seed[data-seed='{seed}']")}

    means = len([line for line in every(page, "#section-0 .plot path") if line.is_displayed()])
    lines = len(every(page, "#section-0 .seed[data-seed='1']"))
    assert lines == 6 and seen(0, 1) == seen(2, 1) == {True}
    before = count(page)
    one(page, "#section-0 .seeds input[data-seed='1']").click()
    assert (seen(0, 1), seen(0, 2), seen(2, 1)) == ({False}, {True}, {True})
    assert len([line for line in every(page, "#section-0 .plot path") if line.is_displayed()]) == means - lines
    assert count(page) < before
    choose(page, "#f-section", "reward-tampering")
    assert {found[1] for text in listed(page) if (found := re.search(r"seed (\d)", text))} == {"0", "2"}
    one(page, "#section-0 .seeds input[data-seed='1']").click()
    assert seen(0, 1) == {True}


def test_a_pointer_over_a_line_reads_the_nearest_value(page: Any) -> None:
    plot = every(page, "#section-2 .plot")[2]
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", plot)
    figure = told(page, plot)
    line = next(line for line in figure["lines"] if line["name"] == "KL" and "seed" not in line)
    at = len(line["y"]) // 2
    point_at(page, plot, figure, figure["x"][line["x"]][at], line["y"][at])
    tip = one(page, "#tip").text.split("\n")
    low, value, high = (100 * line[name][at] for name in ("low", "y", "high"))
    assert tip == [
        f"{value:.1f} % ({low:.1f} to {high:.1f})",
        "KL",
        f"step of honest training {figure['x'][line['x']][at]:.4g}",
    ]


def test_a_pointer_over_a_cell_reads_it(page: Any) -> None:
    plot = every(page, "#section-2 .plot")[0]
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", plot)
    figure = told(page, plot)
    point_at(page, plot, figure, 1.5, 2.4)
    assert one(page, "#tip").text.split("\n") == [
        figure["cells"][2][1][0],
        "proxy-metric · self-grading",
        "192 tasks, 3 seeds",
    ]
    point_at(page, plot, figure, 2.5, 2.4)
    assert one(page, "#tip").text.startswith("not measured")


def test_the_pointer_does_not_find_a_seed_that_is_switched_off(page: Any) -> None:
    plot = every(page, "#section-0 .plot")[0]
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", plot)
    figure = told(page, plot)
    line = next(line for line in figure["lines"] if line.get("seed") == 2)
    at = max(range(len(line["y"])), key=lambda index: line["y"][index])  # above all others
    place = (figure["x"][line["x"]][at], line["y"][at])
    point_at(page, plot, figure, *place)
    assert ", seed 2" in one(page, "#tip").text
    one(page, "#section-0 .seeds input[data-seed='2']").click()
    point_at(page, plot, figure, *place)
    assert ", seed 2" not in one(page, "#tip").text


def told(page: Any, plot: Any) -> dict[str, Any]:
    figures = json.loads(page.execute_script("return document.getElementById('figures').textContent"))
    found: dict[str, Any] = figures[int(plot.get_attribute("data-panel"))]
    return found


def point_at(page: Any, plot: Any, figure: dict[str, Any], x: float, y: float) -> None:
    """Move the mouse to a place in the data's own units."""
    (left, bottom, right, top), (x0, y0, x1, y1) = figure["box"], figure["limits"]
    inside = (left + (right - left) * (x - x0) / (x1 - x0), bottom + (top - bottom) * (y - y0) / (y1 - y0))
    svg = plot.find_element(By.TAG_NAME, "svg")
    box = "const b = arguments[0].getBoundingClientRect(), v = arguments[0].viewBox.baseVal;"
    wide, tall, units, high = page.execute_script(f"{box} return [b.width, b.height, v.width, v.height]", svg)
    offset = (round(wide * (inside[0] / units - 0.5)), round(tall * (inside[1] / high - 0.5)))
    ActionChains(page).move_to_element_with_offset(svg, *offset).perform()


def test_everything_can_be_reached_and_read_by_the_keyboard(page: Any) -> None:
    reached = []
    for _ in range(80):
        press(page, Keys.TAB)
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
    plot = every(page, "#section-2 .plot")[2]
    figure = told(page, plot)
    page.execute_script("arguments[0].focus()", plot)
    press(page, Keys.ARROW_RIGHT)
    assert one(page, "#tip").text.split("\n")[1:] == ["plain SFT", "step of honest training 0"]
    press(page, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert one(page, "#tip").text.split("\n")[0].startswith(f"{100 * figure['lines'][0]['y'][1]:.1f} % (")
    press(page, Keys.ARROW_DOWN)
    assert "plain SFT, seed 0" in one(page, "#tip").text
    press(page, Keys.ESCAPE)
    assert not one(page, "#tip").is_displayed()


def test_arrow_keys_go_through_the_rollouts(page: Any) -> None:
    page.execute_script("document.getElementById('items').focus()")
    start = int(one(page, "#place").text.split()[0])
    press(page, Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_UP)
    assert one(page, "#place").text.startswith(f"{start + 1} of ")
    assert one(page, "#items").get_attribute("aria-activedescendant") == f"item-{start}"


def test_a_screen_reader_finds_names_and_numbers(page: Any) -> None:
    tree = page.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    named = {(node["role"]["value"], node.get("name", {}).get("value", "")) for node in tree if "role" in node}
    assert ("region", "transfer") in named and ("region", "On held-out tasks") in named
    images = {name for role, name in named if role in ("image", "img")}
    assert {"Change of the exploit rate", "Exploit rate (what is hidden)"} <= images
    assert all(
        name
        for role, name in named
        if role in ("button", "checkbox", "combobox", "searchbox", "spinbutton", "image", "link")
    )
    one(page, "#section-2 .values summary").click()
    assert "context-compliance" in one(page, "#section-2 .values table").text


@pytest.mark.parametrize("width", [320, 375, 768, 1280])
def test_only_tables_and_wide_figures_scroll_sideways(page: Any, width: int) -> None:
    show(page, "light", width)
    for summary in every(page, "summary"):
        page.execute_script("arguments[0].parentElement.open = true", summary)
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    narrow = page.execute_script(
        "return [...document.querySelectorAll('.plot svg')].map(s => s.getBoundingClientRect().width)"
    )
    assert min(narrow) > 240


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_the_light_and_in_the_dark(page: Any, scheme: str) -> None:
    show(page, scheme, 1280)
    selectors = (
        "h1/.lead/.card .words/.question/.answer/.rules dt/.seeds .hint/.caption/caption/thead th/td .number/.foot/"
        "td .interval/.tag.yes/.tag.no/.command code/.jump/.plot svg text/.key li/summary/"
        "#count/#items .flag/#answer/#prompt/.fact.alarm .value"
    ).split("/")
    poor = {name: ratio for name in selectors if (ratio := readable(page, one(page, name))) < 4.5}
    assert poor == {}
    lines = [line.value_of_css_property("stroke") for line in every(page, ".key line")]
    paper = background(page, one(page, ".key"))
    assert min(contrast(colour(line), paper) for line in lines) > 3


def test_the_dark_page_is_dark(page: Any) -> None:
    show(page, "dark", 1280)
    assert max(background(page, one(page, "h1"))) < 0.2


def readable(page: Any, element: Any) -> float:
    """The contrast of an element's text with what is behind it."""
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
