"""Figures show their numbers, on the page and in files, with lines that everybody can tell apart."""

from __future__ import annotations

import csv
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

from loopholes.report import Chart, Lines, Matrix, Section, Series, Table, export
from loopholes.report.elements import Cell
from loopholes.report.figures import draw_panel, save_chart, table_of
from loopholes.report.matrix import contrast
from loopholes.report.style import ROLES, SPARE, styles_of
from loopholes.stats import Estimate, Milestone
from loopholes.studies.channels import Arm, Played
from loopholes.studies.charts import Curve, over_seeds
from support.page_sections import game_section, noisy_curves, section_of, study_section

# Machado, Oliveira and Fernandes (2009), severity 1, for linear RGB.
VISIONS = {
    "any": np.eye(3),
    "protanopia": np.array([[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0993], [-0.0039, -0.0481, 1.0520]]),
    "deuteranopia": np.array([[0.3673, 0.8606, -0.2280], [0.2801, 0.6727, 0.0472], [-0.0118, 0.0430, 0.9688]]),
    "tritanopia": np.array([[1.2555, -0.0767, -0.1788], [-0.0784, 0.9308, 0.1476], [0.0047, 0.6914, 0.3039]]),
}


def drawn(panel: Lines | Matrix, most: int = 200) -> tuple[str, dict[str, Any]]:
    panel_drawn = draw_panel(panel, styles_of(Chart("c", "t", [panel])), "salt", most)
    return str(panel_drawn.svg), panel_drawn.data


def test_a_panel_of_lines_tells_the_pointer_what_it_draws() -> None:
    series = Series(
        "rate", [0, 1, 2, 3], [0.0, None, 0.5, 1.0], [0, None, 0.4, 0.9], [0.1, None, 0.6, 1], seeds={7: [0.1] * 4}
    )
    svg, data = drawn(Lines("Rates", "step", [series]))
    assert data["x"] == [[0, 2, 3], [0, 1, 2, 3]]
    assert data["lines"] == [
        {
            "name": "rate",
            "x": 0,
            "y": [0, 0.5, 1],
            "colour": "var(--line-1)",
            "low": [0, 0.4, 0.9],
            "high": [0.1, 0.6, 1],
        },
        {"name": "rate", "x": 1, "y": [0.1] * 4, "seed": 7},
    ]
    assert svg.count('class="seed" data-seed="7"') == 1


def test_what_the_pointer_is_told_lies_where_the_line_is_drawn() -> None:
    svg, data = drawn(Lines("Rates", "step", [Series("rate", list(range(20)), [n / 19 for n in range(20)])]))
    left, bottom, right, top = data["box"]
    x0, y0, x1, y1 = data["limits"]
    (path,) = re.findall(r'd="(M[^"]+)"[^>]*stroke: var\(--line-1\)', svg)
    first, last = [tuple(map(float, point.split())) for point in (path[1:].split("L")[0], path.split("L")[-1])]
    for (x, y), (at, value) in ((first, (0, 0)), (last, (19, 1))):
        assert x == pytest.approx(left + (right - left) * (at - x0) / (x1 - x0), abs=0.11)
        assert y == pytest.approx(bottom + (top - bottom) * (value - y0) / (y1 - y0), abs=0.11)


def test_long_lines_are_thinned_from_their_first_to_their_last_point() -> None:
    series = Series("rate", list(range(5000)), [n / 5000 for n in range(5000)], seeds={0: [0.5] * 5000})
    _, data = drawn(Lines("Rates", "step", [series]), most=50)
    (x,) = data["x"]
    assert (len(x), x[0], x[-1]) == (50, 0, 4999)


def test_a_share_below_zero_stays_within_the_panel() -> None:
    _, data = drawn(Lines("Gap", "step", [Series("gap", [0, 1], [-0.3, 0.5])]))
    assert data["limits"][1] < -0.3


def test_stairs_hold_their_value_until_the_next_point() -> None:
    def corners(stairs: bool) -> int:
        svg, _ = drawn(Lines("Left", "step", [Series("s", [0, 1, 2], [1.0, 0.5, 0.0])], stairs=stairs))
        (path,) = re.findall(r'd="(M[^"]+)"[^>]*stroke: var\(--line-1\)', svg)
        return str(path).count("L")

    assert (corners(False), corners(True)) == (2, 4)


def test_labels_of_marks_that_are_close_do_not_overlap() -> None:
    marks = [(10, "vulnerable: appears"), (11, "secure: appears"), (12, "half is gone"), (90, "end")]
    svg, _ = drawn(Lines("Rates", "step", [Series("rate", [0, 100], [0, 1.0])], marks=marks))
    places = {words: re.search(rf'x="([\d.]+)" y="([\d.]+)">{words}<', svg) for _, words in marks}
    rows = [float(place[2]) for place in places.values() if place]
    assert len(rows) == 4 and len(set(rows)) == 3 and min(rows) >= 0


def test_a_name_with_dollars_is_no_formula() -> None:
    svg, _ = drawn(Lines("Costs", "from $1 to $x^2$", [Series("s", [0, 1], [0, 1.0])], marks=[(0.5, "$a_b$ & <more>")]))
    assert ">from $1 to $x^2$<" in svg and ">$a_b$ &amp; &lt;more&gt;<" in svg


def test_a_matrix_writes_value_and_interval_in_each_cell_and_leaves_unknown_ones_empty() -> None:
    values: list[list[Estimate | None]] = [
        [Estimate(0.25, 0.2, 0.3, 10, 3), None],
        [Estimate(-0.5, None, None, 0, 0), Estimate(None, None, None, 0, 0)],
    ]
    panel = Matrix("Change", "trained", "tested", ["a", "b"], ["c", "d"], values, diverging=True)
    svg, data = drawn(panel)
    assert all(f">{words}<" in svg for words in ("+25.0", "[20.0, 30.0]", "-50.0", "trained", "tested"))
    unknown = ("not measured", "")
    assert data["cells"] == [
        [("+25.0 points [20.0, 30.0]", "10 tasks, 3 seeds"), unknown],
        [("-50.0 points", ""), unknown],
    ]
    assert svg.count("<pattern") == 1 and "<image" not in svg


def test_text_on_a_cell_can_be_read_whatever_its_value() -> None:
    values = [[Estimate(n / 20 - 1, None, None, 1, 1) for n in range(41)]]
    for diverging in (True, False):
        panel = Matrix("All", "r", "c", ["r"], [str(n) for n in range(41)], values, diverging)
        svg, _ = drawn(panel)
        fills = [
            to_rgb(colour_text) for colour_text in re.findall(r'clip-path="[^"]+" style="fill: (#[0-9a-f]{6})', svg)
        ]
        inks = [to_rgb(colour_text) for colour_text in re.findall(r"<text style=\"[^\"]*fill: (#010101|#ffffff)", svg)]
        assert len(fills) == len(inks) == 41
        assert min(contrast(fill, ink) for fill, ink in zip(fills, inks, strict=True)) > 4.5


@pytest.mark.parametrize("vision", VISIONS)
def test_series_can_be_told_apart_with_any_colour_vision(vision: str) -> None:
    names = ["vulnerable", "secure", "base", *(f"s{n}" for n in range(4))]
    roles = {"vulnerable": "vulnerable", "secure": "secure", "base": "base"}
    series = [Series(name, [0], [0.0], role=roles.get(name, "")) for name in names]  # type: ignore[arg-type]
    styles = styles_of(Chart("c", "t", [Lines("p", "x", series)]))
    for first, second in combinations(styles.values(), 2):
        apart = np.linalg.norm(seen(first.colour, vision) - seen(second.colour, vision))
        assert apart > 14 or first.dash != second.dash, (first, second, apart)


def seen(colour: str, vision: str) -> NDArray[np.float64]:
    """CIE L*a*b* (D65) of a colour as seen with this kind of colour vision."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(VISIONS[vision] @ linear, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(np.maximum(to_xyz @ linear / np.array([0.9505, 1.0, 1.089]), 0.0089))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_colours_stand_out_from_white_paper() -> None:
    assert min(contrast(to_rgb(colour), (1, 1, 1)) for colour in (*ROLES.values(), *SPARE)) > 3


def test_one_role_twice_in_a_chart_differs_by_its_dash() -> None:
    twice = [Series(name, [0], [0.0], role="vulnerable") for name in ("mini", "mini-llama")]
    first, second = styles_of(Chart("c", "t", [Lines("p", "x", twice)])).values()
    assert first.colour == second.colour and first.dash != second.dash


def test_the_table_beside_a_figure_has_its_numbers() -> None:
    lines = Lines(
        "Rates", "step", [Series("rate", [1, 2], [0.1, 0.2], [0, 0.1], [0.2, 0.3]), Series("other", [2], [0.5])]
    )
    table = table_of(lines)
    assert table.columns == ["step", "rate", "other"]
    assert [[str(cell) for cell in row] for row in table.rows] == [
        ["1", "10.0 % [0.0, 20.0]", "None"],
        ["2", "20.0 % [10.0, 30.0]", "50.0 %"],
    ]


# -- from runs to lines ------------------------------------------------------------------------------------------------


def test_the_line_over_seeds_is_their_mean_with_a_t_interval_where_two_are_known() -> None:
    series = over_seeds("rate", [1, 2, 9], {0: [0.4, 0.4, 0.4], 1: [0.6, 0.6, None], 2: [0.5, 0.5, None]}, window=1)
    assert series.y == pytest.approx([0.5, 0.5, 0.4])
    assert series.low[0] == pytest.approx(0.5 - 4.302653 * 0.1 / 3**0.5)
    assert series.low[2] is None
    alone = over_seeds("rate", [1], {0: [0.4]}, window=1)
    assert (alone.y, alone.low, alone.high) == ([0.4], [None], [None])


def test_the_line_over_seeds_is_a_mean_over_the_last_steps_as_first_appearance_is() -> None:
    series = over_seeds("rate", [1, 2, 3], {0: [0.0, 0.2, 0.7]}, window=2)
    assert series.y == [None, pytest.approx(0.1), pytest.approx(0.45)]
    assert series.seeds[0] == [0.0, 0.2, 0.7]


def test_a_band_of_shares_stays_between_0_and_1_and_others_do_not() -> None:
    seeds = {0: [0.0], 1: [1.0]}
    assert over_seeds("rate", [1], seeds, window=1).high == [1.0]
    high = over_seeds("reward", [1], seeds, share=False, window=1).high[0]
    assert high is not None and high > 1


def test_the_band_of_a_difference_of_shares_reaches_below_0_and_holds_its_mean() -> None:
    series = over_seeds("gap", [1, 2], {0: [-0.1, 0.0], 1: [0.05, 0.0]}, window=1)
    low, high = series.low[0], series.high[0]
    assert low is not None and high is not None and -1 <= low < -0.025 < high <= 1
    assert series.low[1] == 0.0


def test_a_curve_is_made_from_logged_metrics_that_may_lack_values() -> None:
    curve = Curve.of([{"step": 1, "reward": 0.5}, {"step": 2, "exploit_rate": 0.25}], seed=3)
    assert curve == Curve([1, 2], [0.5, None], [None, None], [None, 0.25], 3)


def test_a_game_shows_its_three_curves_with_every_seed_and_the_level_of_the_untrained_policy() -> None:
    section = game_section(seeds=3)
    (chart,) = section.charts
    rewards, tasks, exploits = (panel for panel in chart.panels if isinstance(panel, Lines))
    assert [series.name for series in rewards.series] == ["vulnerable", "secure"]
    assert [series.name for series in exploits.series] == ["base (untrained)", "vulnerable", "secure"]
    assert all(set(series.seeds) == {0, 1, 2} for series in rewards.series)
    assert exploits.marks == [(12.0, "vulnerable: appears at step 12")]
    assert (rewards.percent, tasks.percent) == (False, True)


def test_two_runs_of_one_seed_stay_two_lines() -> None:
    twice = Arm("vulnerable", {}, [*noisy_curves("g", 1, 9, 0.9), *noisy_curves("g", 1, 9, 0.9)])
    panel = section_of("g", [Played("g", "mini", {"vulnerable": twice})]).charts[0].panels[0]
    assert isinstance(panel, Lines) and set(panel.series[0].seeds) == {0, 1}


# -- for papers --------------------------------------------------------------------------------------------------------


def test_every_chart_and_table_becomes_a_file_and_none_overwrites_another(tmp_path: Path) -> None:
    sections = [game_section(), study_section("transfer"), study_section("transfer")]
    paths = export(sections, tmp_path / "out")
    assert sorted(paths) == sorted((tmp_path / "out").iterdir())
    assert len(paths) == 2 * (1 + 3 + 3) + (1 + 2 + 2)
    svg = (tmp_path / "out" / "reward-tampering-reward-tampering-mini.svg").read_text()
    assert all(words in svg for words in ("Exploit rate", "vulnerable", "base (untrained)", "step 12", "fill: #ffffff"))
    assert "var(--" not in svg and len(re.findall(r'id="([^"]+)"', svg)) == len(set(re.findall(r'id="([^"]+)"', svg)))
    assert (tmp_path / "out" / "transfer-matrix-0.png").read_bytes().startswith(b"\x89PNG")


def test_names_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    bad = Section("../s", "?", "!", tables=[Table("../../etc/x", "t", ["a"], [[1]]), Table("", "t", ["a"], [[2]])])
    assert [path.name for path in export([bad], tmp_path)] == ["etc-x.csv", "figure.csv"]


def test_a_table_as_csv_has_value_low_and_high_of_each_estimate(tmp_path: Path) -> None:
    rows: list[list[Cell]] = [["a, b", Estimate(0.5, 0.25, 0.75, 9, 3), True, None], ["c", None, False, 12]]
    (path,) = export(
        [Section("s", "?", "!", tables=[Table("t", "T", ["arm", "rate", "open", "step"], rows)])], tmp_path
    )
    with path.open(newline="") as lines:
        assert list(csv.reader(lines)) == [
            ["arm", "rate", "rate low", "rate high", "open", "step"],
            ["a, b", "0.5", "0.25", "0.75", "yes", ""],
            ["c", "", "", "", "no", "12"],
        ]


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_the_same_chart_gives_the_same_file_byte_for_byte(tmp_path: Path, suffix: str) -> None:
    contents = []
    for number in range(2):
        save_chart(game_section().charts[0], tmp_path / f"{number}.{suffix}")
        contents.append((tmp_path / f"{number}.{suffix}").read_bytes())
    assert contents[0] == contents[1]


def test_a_milestone_as_csv_has_the_step_and_the_seeds_that_got_there(tmp_path: Path) -> None:
    rows: list[list[Cell]] = [["a", Milestone(8, 5, 5, 70)], ["b", Milestone(None, 1, 5, 70)], ["c", None]]
    (path,) = export([Section("s", "?", "!", tables=[Table("t", "T", ["arm", "appears"], rows)])], tmp_path)
    with path.open(newline="") as lines:
        assert list(csv.reader(lines)) == [
            ["arm", "appears", "appears reached", "appears seeds"],
            ["a", "8", "5", "5"],
            ["b", "", "1", "5"],
            ["c", "", "", ""],
        ]
