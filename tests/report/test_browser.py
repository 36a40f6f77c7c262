"""The page in a real Chromium: it opens from disk without an error or a request, and everything on it works."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

pytest.importorskip("selenium", reason="selenium is not installed: pip install -e '.[dev]'")

from selenium.webdriver.support.wait import WebDriverWait

from support.browser import (
    Select,
    answer_count,
    answer_texts,
    element,
    elements_of,
    panel_data,
    point_at,
    select_option,
)
from support.page_sections import EXPLOITING


def test_it_opens_from_disk_without_an_error_or_a_request(page: Any, address: str) -> None:
    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    requested = [
        event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"
    ]
    assert requested == [address] and address.startswith("file://")
    element(page, "#next").click()
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
    everything = answer_count(page)
    select_option(page, selector, label)
    assert 0 < answer_count(page) < everything
    assert all(words in text for text in answer_texts(page))
    select_option(page, selector, "all")
    assert answer_count(page) == everything


def test_a_sample_of_the_rollouts_is_called_one_with_how_it_was_drawn(page: Any) -> None:
    data = json.loads(element(page, "#data").get_attribute("textContent"))
    words = element(page, "#count").text
    drawn = element(page, "#sampled")
    assert drawn.is_displayed() == ("sample" in words) == (len(data["rollouts"]) < data["total"])
    shown = drawn.get_attribute("textContent")
    assert "from each arm and seed" in shown and "half of them exploits" in shown


def test_rollouts_are_filtered_by_step_text_and_exploit(page: Any) -> None:
    element(page, "#f-from").send_keys("13")
    element(page, "#f-to").send_keys("25")
    steps = {int(match[1]) for text in answer_texts(page) if (match := re.match(r"step (\d+)", text))}
    assert steps == {13, 19, 25}
    before = answer_count(page)
    element(page, "#f-exploit").click()
    assert 0 < answer_count(page) < before
    assert all("exploit" in text for text in answer_texts(page))
    assert "2 + 2?" in element(page, "#prompt").text
    element(page, "#f-text").send_keys("no such words")
    assert answer_count(page) == 0 and element(page, "#place").text == "no answer matches"


def test_a_rollout_tells_what_was_paid_and_what_was_true_and_marks_the_exploit(page: Any) -> None:
    values_by_name = WebDriverWait(page, 20).until(
        lambda page: elements_of(page, "#facts .fact")
    )  # the page unpacks it when it opens
    facts = {fact.text.split("\n")[0]: fact.text.split("\n")[1] for fact in values_by_name}
    assert facts == {
        "paid (reward)": "1",
        "true (task score)": "0.75",
        "exploit": "yes",
        "arm": "vulnerable",
        "seed": "0",
        "step": "13",
        "task": "sum-13",
    }
    assert "exploit" in element(page, "#items li[aria-selected=true] .flag").text


def test_a_completion_with_a_script_stays_text(page: Any) -> None:
    assert element(page, "#answer").text == EXPLOITING
    assert page.execute_script("return document.querySelectorAll('#browser script').length") == 0
    assert len(elements_of(page, "script")) == 4


def test_the_link_of_a_section_leads_to_its_exploits(page: Any) -> None:
    elements_of(page, ".jump")[1].click()
    assert [Select(element(page, name)).first_selected_option.text for name in ("#f-section", "#f-arm")] == [
        "self-grading",
        "vulnerable",
    ]
    assert answer_count(page) > 0 and all("exploit" in text for text in answer_texts(page))


def test_a_seed_switched_off_hides_its_lines_and_its_rollouts_in_its_section_alone(page: Any) -> None:
    def seen(section: int, seed: int) -> set[bool]:
        return {line.is_displayed() for line in elements_of(page, f"#section-{section} .seed[data-seed='{seed}']")}

    means = len([line for line in elements_of(page, "#section-0 .plot path") if line.is_displayed()])
    lines = len(elements_of(page, "#section-0 .seed[data-seed='1']"))
    assert lines == 6 and seen(0, 1) == seen(2, 1) == {True}
    before = answer_count(page)
    element(page, "#section-0 .seeds input[data-seed='1']").click()
    assert (seen(0, 1), seen(0, 2), seen(2, 1)) == ({False}, {True}, {True})
    assert len([line for line in elements_of(page, "#section-0 .plot path") if line.is_displayed()]) == means - lines
    assert answer_count(page) < before
    select_option(page, "#f-section", "reward-tampering")
    assert {match[1] for text in answer_texts(page) if (match := re.search(r"seed (\d)", text))} == {"0", "2"}
    element(page, "#section-0 .seeds input[data-seed='1']").click()
    assert seen(0, 1) == {True}


def test_a_pointer_over_a_line_reads_the_nearest_value(page: Any) -> None:
    plot = elements_of(page, "#section-2 .plot")[2]
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", plot)
    figure = panel_data(page, plot)
    line = next(line for line in figure["lines"] if line["name"] == "KL" and "seed" not in line)
    at = len(line["y"]) // 2
    point_at(page, plot, figure, figure["x"][line["x"]][at], line["y"][at])
    tip = element(page, "#tip").text.split("\n")
    low, value, high = (100 * line[name][at] for name in ("low", "y", "high"))
    assert tip == [
        f"{value:.1f} % [{low:.1f}, {high:.1f}]",
        "KL",
        f"step of honest training {figure['x'][line['x']][at]:.4g}",
    ]


def test_a_pointer_over_a_cell_reads_it(page: Any) -> None:
    plot = elements_of(page, "#section-2 .plot")[0]
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", plot)
    figure = panel_data(page, plot)
    point_at(page, plot, figure, 1.5, 2.4)
    assert element(page, "#tip").text.split("\n") == [
        figure["cells"][2][1][0],
        "proxy-metric · self-grading",
        "192 tasks, 3 seeds",
    ]
    point_at(page, plot, figure, 2.5, 2.4)
    assert element(page, "#tip").text.startswith("not measured")


def test_the_pointer_does_not_find_a_seed_that_is_switched_off(page: Any) -> None:
    plot = elements_of(page, "#section-0 .plot")[0]
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", plot)
    figure = panel_data(page, plot)
    line = next(line for line in figure["lines"] if line.get("seed") == 2)
    at = max(range(len(line["y"])), key=lambda index: line["y"][index])  # above all others
    place = (figure["x"][line["x"]][at], line["y"][at])
    point_at(page, plot, figure, *place)
    assert ", seed 2" in element(page, "#tip").text
    element(page, "#section-0 .seeds input[data-seed='2']").click()
    point_at(page, plot, figure, *place)
    assert ", seed 2" not in element(page, "#tip").text
