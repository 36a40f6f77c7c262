"""The page is one file that loads nothing, shows its sections, and keeps model text inert."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loopholes.errors import RunError, UsageError
from loopholes.report import Chart, Lines, Section, Series, Table, write_page
from loopholes.report.elements import Cell
from loopholes.report.embedding import embedded_rollouts
from loopholes.report.figures import Drawn, Panel, draw_panel
from loopholes.report.page import points_each
from loopholes.report.thinning import clip
from loopholes.stats import Estimate, Milestone
from loopholes.studies.channels import Arm, Played
from loopholes.studies.charts import Curve
from loopholes.studies.samples import choose, sampled
from support.page_sections import rollout_row, section_of, study_section

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</textarea><svg onload=alert(1)>",
    "<!--<script>",
    "]]>\u2028\u2029\x00\ud83d",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
]


class Page(HTMLParser):
    """Every element with its attributes, and the text of every script element."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._inside: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._inside.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        if self._inside and tag == self._inside[-1]:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if self._inside[-1:] == ["script"]:
            self.scripts[-1] += data
        elif not self._inside:
            self.text += data


def section(rollouts: list[dict[str, Any]] | None = None, name: str = "reward-tampering", seeds: int = 1) -> Section:
    """The section of a game's loose runs, in which all numbers differ."""
    steps = list(range(1, 21))
    rising: list[float | None] = [step / 20 for step in steps]
    gaps: list[float | None] = [None if step % 3 else 0.4 for step in steps]
    low, high = Estimate(0.01, 0.0, 0.03, 256, 1), Estimate(0.97, 0.95, 0.99, 256, 5)
    task = Estimate(0.36, 0.33, 0.39, 256, 1)
    curves = [Curve(steps, rising, gaps, rising)] * seeds
    came = Milestone(4, 5, 5, 20), Milestone(12, 4, 5, 20)
    never = Milestone(None, 1, 5, 20), Milestone(None, 0, 5, 20)
    steady = Estimate(0.0, -0.01, 0.01, 256, 5)
    rise = {"exploit_rate": Estimate(0.96, 0.94, 0.98, 256, 5), "task_performance": steady}
    flat = {"exploit_rate": Estimate(0.0, -0.02, 0.02, 256, 5), "task_performance": steady}
    arms = {
        "base": Arm("base", {"task_performance": task, "exploit_rate": low}),
        "vulnerable": Arm(
            "vulnerable", {"task_performance": task, "exploit_rate": high}, curves, *came, rise, True, road="discovered"
        ),
        "secure": Arm("secure", {"task_performance": task, "exploit_rate": low}, curves, *never, flat, False),
    }
    sample = {"vulnerable": rollouts} if rollouts else {}
    return section_of(name, [Played(name, "mini", arms)], sample, "loopholes train reward-tampering")


def written(tmp_path: Path, *sections: Section, title: str = "A page") -> tuple[Page, str]:
    html = write_page(title, sections, tmp_path / "deep" / "index.html").read_text(encoding="utf-8")
    return Page(html), html


def embedded(page: Page) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(page.scripts[1])
    return data


def test_hostile_model_text_stays_data_wherever_a_model_can_write(tmp_path: Path) -> None:
    rows = [
        rollout_row(
            step, text=text, prompt=text, task=text, reason=text, reward=None, details={text: text, "nested": [text]}
        )
        for step, text in enumerate(HOSTILE)
    ]
    harmless, hostile = written(tmp_path, section([rollout_row(1)]))[0], written(tmp_path, section(rows))[0]
    assert [attributes for tag, attributes in hostile.elements if tag == "script"] == [
        {"type": "application/json", "id": "figures"},
        {"type": "application/json", "id": "data"},
        {},
        {},
    ]
    assert hostile.elements == harmless.elements
    assert [*hostile.scripts[:1], *hostile.scripts[2:]] == [*harmless.scripts[:1], *harmless.scripts[2:]]
    assert not set("<>&\u2028\u2029") & set(hostile.scripts[1]) and hostile.scripts[1].isascii()
    assert [rollout["text"] for rollout in embedded(hostile)["rollouts"]] == HOSTILE
    assert embedded(hostile)["prompts"] == HOSTILE


EVIL = "<script>alert(1)</script>$x^2$"


def hostile_section() -> Section:
    """A section whose names and sentences all contain markup or mathematics."""
    series = Series(EVIL, [1, 2], [0.5, 0.6], seeds={0: [0.5, 0.6], 1: [0.4, 0.7]})
    chart = Chart(EVIL, EVIL + " chart", [Lines(EVIL, EVIL, [series], marks=[(1, EVIL)])], EVIL)
    table = Table(EVIL, EVIL, [EVIL, "rate"], [[EVIL, EVIL]], EVIL)
    return Section(EVIL, EVIL, EVIL, [chart], [table], {EVIL: EVIL}, [EVIL], EVIL, {EVIL: [rollout_row(1)]})


def test_hostile_names_are_escaped_too(tmp_path: Path) -> None:
    page, _ = written(tmp_path, hostile_section(), title=EVIL)
    assert sum(tag == "script" for tag, _ in page.elements) == 4
    assert page.text.count(EVIL) > 15
    assert not set("<>&") & set(page.scripts[0])


def test_the_scripts_of_the_page_never_build_markup() -> None:
    from importlib.resources import files

    for name in ("page.js", "figures.js"):
        script = files("loopholes.report").joinpath(name).read_text(encoding="utf-8")
        banned = (
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(|createContextualFragment|srcdoc"
        )
        assert not re.search(banned, script)
        assert "</script" not in script


def test_the_page_loads_nothing_and_forbids_itself_to(tmp_path: Path) -> None:
    page, html = written(tmp_path, section([rollout_row(1)]))
    policy = [
        values["content"] for tag, values in page.elements if values.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy == [
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    ]
    assert not {"link", "img", "iframe", "object", "embed", "base"} & {tag for tag, _ in page.elements}
    for _, attributes in page.elements:
        targets = [attributes[key] or "" for key in ("src", "href", "xlink:href", "action") if key in attributes]
        assert all(target.startswith("#") for target in targets)
        assert not [key for key in attributes if key.startswith("on")]
    assert "@import" not in html and not re.search(r"url\((?!#)", html)


def test_the_numbers_of_the_page_are_those_it_was_given(tmp_path: Path) -> None:
    page, _ = written(tmp_path, section())
    text = re.sub(r"\s+", " ", page.text)
    for expected in (
        "97.0 % [95.0, 99.0]",
        "1.0 % [0.0, 3.0]",
        "36.0 % [33.0, 39.0]",
        "+96.0 points [94.0, 98.0] discovered step 4 (5 of 5 seeds) step 12 (4 of 5 seeds) yes",
        "1 of 5 seeds 0 of 5 seeds by step 20 no",
        "The score <can> be edited.",
        "loopholes train reward-tampering",
        "clearly raised the exploit rate in 1 of 1 pairs of game and policy. Training on the secure channel clearly "
        "raised it in 0. A blind spot opened in reward-tampering with mini: the exploit rate rose, and task "
        "performance did not show it. How the exploits came about: discovered in reward-tampering with mini.",
    ):
        assert expected in text, expected


def test_an_arm_that_was_not_measured_is_unknown_and_not_zero(tmp_path: Path) -> None:
    nothing = Estimate(None, None, None, 0, 0)
    point = Estimate(0.5, None, None, 1, 1)
    arms = {"base": Arm("base", {"exploit_rate": nothing}), "other": Arm("other", {"gap": point})}
    bare = section_of("g", [Played("g", "m", arms)])
    page, _ = written(tmp_path, bare)
    text = re.sub(r"\s+", " ", page.text)
    assert "unknown" in text and " 0.0 %" not in text and "50.0 %" in text
    assert bare.answer == "" and "svg" not in {tag for tag, _ in page.elements}


def test_every_kind_of_cell_is_told_as_what_it_is(tmp_path: Path) -> None:
    cells: list[Cell] = [
        "text",
        1204,
        0.125,
        True,
        False,
        None,
        Estimate(0.5, 0.25, 0.75, 9, 3),
        Estimate(12.5, 10.25, 14.0, 9, 3),
    ]
    columns = [f"c{number}" for number in range(len(cells))]
    table = Table("t", "All kinds", columns, [cells], "A note.", plain=["c7"])
    text = re.sub(r"\s+", " ", written(tmp_path, Section("s", "?", "!", tables=[table]))[0].text)
    assert "text 1,204 0.12 yes no – 50.0 % [25.0, 75.0] 12.5 [10.2, 14]" in text
    assert "A note." in text


def test_no_line_breaks_between_a_number_and_its_percent_sign(tmp_path: Path) -> None:
    table = Table("t", "Tried", ["what", "share"], [["5 % of rows", "100.0 %"]], "Intervals: 95 %.")
    text = written(tmp_path, Section("s", "?", "All 100.0 %.", tables=[table]))[0].text
    assert text.count("100.0\u00a0%") == 2 and "5\u00a0% of rows" in text and "95\u00a0%" in text
    assert not re.search(r"\d %", text)


def test_many_tables_are_folded_and_each_section_has_a_card(tmp_path: Path) -> None:
    tables = [Table(f"t{number}", f"Table {number}", ["a", "b"], [["x", 1]]) for number in range(5)]
    sections = [Section(f"s{number}", "Why?", f"Because {number}.", tables=tables) for number in range(2)]
    page, _ = written(tmp_path, *sections)
    classes = [attributes.get("class") for _, attributes in page.elements]
    assert classes.count("more") == 2 * 3
    assert [a["href"] for tag, a in page.elements if tag == "a" and a.get("class") == "card"] == [
        "#section-0",
        "#section-1",
    ]
    assert page.text.count("Because 1.") == 2  # on its card and in its section


def test_a_single_section_has_no_card_and_only_the_first_sentence_of_its_answer_stands_out(tmp_path: Path) -> None:
    page, html = written(tmp_path, Section("s", "Why?", "Yes, on 3 of 8 rows. It is 1.5 times as much. So it goes."))
    assert "card" not in [attributes.get("class") for _, attributes in page.elements]
    assert page.text.count("Yes, on 3 of 8 rows.") == 1
    assert '<p class="answer">Yes, on 3 of 8 rows.</p>' in html
    assert '<p class="rest">It is 1.5 times as much. So it goes.</p>' in html


@pytest.mark.parametrize(
    ("arms", "words"),
    [
        (("base", "vulnerable", "secure"), "reward has a loophole (vulnerable), and again with the loophole closed"),
        (("base", "vulnerable"), "reward has a loophole (vulnerable). If"),
        (("secure",), "reward had a loophole, which was closed (secure). If"),
        (("base",), "was measured in environments whose reward has a loophole. If"),
    ],
)
def test_a_page_begins_with_what_was_trained_and_explains_no_other_arm(
    tmp_path: Path, arms: tuple[str, ...], words: str
) -> None:
    table = Table("t", "Arms", ("game", "arm"), [["a game", arm] for arm in arms])
    page, _ = written(tmp_path, Section("s", "?", "!", tables=[table]))
    assert words in page.text
    explained = {attributes["class"] for tag, attributes in page.elements if tag == "dt"}
    assert explained == {f"dot {arm}" for arm in arms}


def test_a_page_about_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to show"):
        write_page("Empty", [], tmp_path / "index.html")


def test_a_page_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        write_page("A page", [section()], tmp_path / "file" / "index.html")


def test_the_same_records_give_the_same_page_byte_for_byte(tmp_path: Path) -> None:
    rows = [rollout_row(step, sample) for step in range(50) for sample in range(8)]
    assert written(tmp_path, section(rows))[1] == written(tmp_path, section(rows))[1]


@pytest.mark.parametrize(
    ("exploiting", "honest", "kept_exploiting", "total_kept"),
    [
        (0, 400, 0, 150),
        (10, 400, 10, 150),
        (400, 400, 75, 150),
        (400, 20, 130, 150),
        (30, 30, 30, 60),
        (400, 0, 150, 150),
    ],
)
def test_the_sample_keeps_exploits_and_every_phase_of_training(
    exploiting: int, honest: int, kept_exploiting: int, total_kept: int
) -> None:
    rows = [rollout_row(n % 100, n, 1.0) for n in range(exploiting)] + [
        rollout_row(n % 100, n, 0.0) for n in range(honest)
    ]
    chosen = choose(rows, 150)
    assert (sum(rollout["exploit"] > 0 for rollout in chosen), len(chosen)) == (kept_exploiting, total_kept)
    for kind in {rollout["exploit"] for rollout in rows}:
        steps = [rollout["step"] for rollout in chosen if rollout["exploit"] == kind]
        available = [rollout["step"] for rollout in rows if rollout["exploit"] == kind]
        assert (steps[0], steps[-1]) == (min(available), max(available))
        assert any(abs(step - np.median(available)) < 6 for step in steps)
    assert choose(rows[::-1], 150) == chosen


def test_what_a_set_alone_can_exploit_is_sampled_all_the_same() -> None:
    assert len(choose([rollout_row(n, exploit=None) for n in range(300)], 150)) == 150


@pytest.mark.parametrize("length", [40_000, 4_000])
def test_long_answers_do_not_make_the_page_too_large(tmp_path: Path, length: int) -> None:
    rows = [
        rollout_row(n, text=f"{n} " + "語" * length, prompt=f"{n} " + "x" * length, exploit=n % 2) for n in range(120)
    ]
    sections = [section(rows, name=f"game {index}") for index in range(4)]
    path = write_page("Large", sections, tmp_path / "index.html")
    assert path.stat().st_size < 3_000_000
    assert len(embedded(Page(path.read_text(encoding="utf-8")))["rollouts"]) >= 4 * 25


def test_six_studies_of_many_charts_seeds_and_points_stay_below_five_megabytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: dict[int, Drawn] = {}

    def draw_once(panel: Panel, *how: Any) -> Drawn:
        return drawn.get(id(panel)) or drawn.setdefault(id(panel), draw_panel(panel, *how))

    monkeypatch.setattr("loopholes.report.page.draw_panel", draw_once)  # the six studies have the same panels
    rows = {
        arm: [rollout_row(n, seed=n % 8, text=f"{n} " + "語" * 4_000, prompt=f"{n}" * 2_000) for n in range(200)]
        for arm in ("vulnerable", "secure", "base")
    }
    study = replace(study_section(seeds=12, charts=4, points=1500), rollouts=rows)
    sections = [replace(study, name=f"study {n}") for n in range(6)]
    path = write_page("All of it", sections, tmp_path / "index.html")
    assert path.stat().st_size < 5_000_000
    figures = json.loads(Page(path.read_text(encoding="utf-8")).scripts[0])
    assert {len(line["y"]) for panel in figures for line in panel.get("lines", [])} == {points_each(sections)}
    assert embedded(Page(path.read_text(encoding="utf-8")))["rollouts"]


def test_a_seed_with_few_rollouts_is_shown_beside_one_with_many() -> None:
    rows = [rollout_row(step, sample, seed=0) for step in range(500) for sample in range(8)]
    rows += [rollout_row(step, 9, seed=1) for step in range(0, 500, 50)]
    seeds = [rollout["seed"] for rollout in sampled(section(rows)).rollouts["vulnerable"]]
    assert (seeds.count(0), seeds.count(1)) == (75, 10)


def test_the_number_of_rollouts_there_were_is_told() -> None:
    data = json.loads(embedded_rollouts([sampled(section([rollout_row(n) for n in range(300)]))]))
    assert (data["total"], len(data["rollouts"]), data["prompts"]) == (300, 150, ["2 + 2?"])


def test_clipping_says_how_much_is_missing() -> None:
    assert clip("short", 10) == "short"
    text = clip("a" * 100 + "b" * 100, 30)
    assert text.startswith("a" * 20 + "\n[… 170 characters") and text.endswith("b" * 10)


def test_a_figure_drawn_for_the_page_follows_its_theme(tmp_path: Path) -> None:
    html = written(tmp_path, section())[1]
    drawn = html[html.index("<figure") : html.rindex("</figure>")]
    assert "var(--vulnerable)" in drawn and "currentColor" in drawn and "#d55e00" not in drawn
