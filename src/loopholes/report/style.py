"""The look of lines: one colour, dash and marker per series, the same on the page, in its key and in files."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from loopholes.report.elements import Chart, Lines, Role

# Colours of roles after Okabe and Ito (2008); the others differ from them with any colour vision. Dashes differ, too.
ROLES: dict[Role, str] = {"vulnerable": "#d55e00", "secure": "#0072b2", "base": "#767676"}
SPARE = ("#1b9e5a", "#a8468c", "#7a5c00", "#4b3fb0", "#1f2328")
DASHES: tuple[tuple[float, ...], ...] = ((), (4, 2), (1.2, 1.4), (6, 1.6, 1.2, 1.6))
MARKERS = ("o", "s", "^", "D", "v", "P")
INK, RULE, SOFT = "#1f2329", "#dcdfe4", "#5d646e"
# On the page, colours become variables that follow its light or dark theme.
THEMED = {
    INK: "currentColor",
    RULE: "var(--rule)",
    SOFT: "var(--soft)",
    **{colour: f"var(--{name})" for name, colour in ROLES.items()},
    **{colour: f"var(--line-{number})" for number, colour in enumerate(SPARE, 1)},
}
RC: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 10,
    "hatch.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.edgecolor": RULE,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
}


@dataclass(frozen=True, slots=True)
class Style:
    """How one series is drawn everywhere."""

    colour: str
    dash: tuple[float, ...]
    marker: str

    @property
    def themed(self) -> str:
        """The colour as a variable of the page."""
        return THEMED[self.colour]


def styles_of(chart: Chart) -> dict[str, Style]:
    """A style for every series name in a chart: colour by role, and a dash if colours could be confused."""
    names = {s.name: s.role for panel in chart.panels if isinstance(panel, Lines) for s in panel.series}
    used: Counter[str] = Counter({ROLES["base"]: 1})  # the base policy is never a solid line, since it does not train
    styles, spare = {}, 0
    for number, (name, role) in enumerate(names.items()):
        colour = ROLES.get(role) or SPARE[spare % len(SPARE)]
        dash = used[colour] if role in ROLES else spare
        styles[name] = Style(colour, DASHES[dash % len(DASHES)], MARKERS[number % len(MARKERS)])
        spare += role not in ROLES
        used[colour] += 1
    return styles
