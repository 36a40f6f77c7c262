"""Training curves: reward, task performance and exploit rate beside one another, as SVG for the page or as files."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from loopholes.report.records import Arm, GameSection, Quantity

QUANTITIES: dict[Quantity, str] = {
    "reward": "Reward (what is paid)",
    "task_performance": "Task performance (what is wanted)",
    "exploit_rate": "Exploit rate (what is hidden)",
}
# Okabe and Ito (2008): told apart with any colour vision; the line styles differ too.
COLOURS = {"vulnerable": "#d55e00", "secure": "#0072b2", "base": "#767676"}
_SPARE = ("#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_INK, _RULE = "#1f2328", "#dcdfe4"
# Inlined in the page, colours follow its light or dark theme.
_THEMED = {
    _INK: "currentColor",
    _RULE: "var(--rule)",
    **{colour: f"var(--{name})" for name, colour in COLOURS.items()},
}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.edgecolor": _RULE,
    "axes.labelcolor": _INK,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": _RULE,
    "grid.linewidth": 0.8,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
}


def panel_svg(section: GameSection, quantity: Quantity) -> str:
    """One panel as an ``<svg>`` element to put into HTML: text stays text, colours are the page's variables."""
    with mpl.rc_context({**_STYLE, "svg.hashsalt": f"{section.name} {quantity}"}):
        figure = Figure(figsize=(4.3, 2.9), layout="constrained")
        _draw(figure.subplots(), section, quantity, titled=False)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _inline(buffer.getvalue(), f"{section.name}: {QUANTITIES[quantity]} over training steps")


def save_figure(section: GameSection, path: str | Path) -> None:
    """All three panels as one figure on white, in the format of the path's suffix (``.svg``, ``.png``, ``.pdf``)."""
    with mpl.rc_context({**_STYLE, "svg.hashsalt": section.name}):
        figure = Figure(figsize=(11, 3.3), layout="constrained", facecolor="white")
        for axes, quantity in zip(np.ravel(figure.subplots(1, 3)), QUANTITIES, strict=True):
            _draw(axes, section, quantity, titled=True)
        handles = {line.get_label(): line for axes in figure.axes for line in axes.get_lines()}
        named = {label: line for label, line in handles.items() if not str(label).startswith("_")}
        figure.suptitle(section.name, x=0.01, ha="left", fontweight="bold", fontsize=12)
        figure.legend(named.values(), list(map(str, named)), loc="upper right", ncols=len(named) or 1)
        undated = {"Date": None} if Path(path).suffix == ".svg" else None
        figure.savefig(path, dpi=160, metadata=undated)


def _draw(axes: Axes, section: GameSection, quantity: Quantity, titled: bool) -> None:
    spare = iter(_SPARE * len(section.arms))
    for arm in section.arms:
        colour = COLOURS.get(arm.name) or next(spare)
        _draw_arm(axes, arm, quantity, colour)
    if quantity != "reward":
        axes.set_ylim(-0.03, 1.03)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_xlabel("training step")
    if titled:
        axes.set_title(QUANTITIES[quantity], loc="left", fontsize=10, pad=17)


def _draw_arm(axes: Axes, arm: Arm, quantity: Quantity, colour: str) -> None:
    level = arm.estimates.get(quantity)
    if not arm.curves and level is not None and level.value is not None:
        axes.axhline(level.value, color=colour, linestyle=(0, (4, 3)), linewidth=1.4, label=f"{arm.name} (untrained)")
    several = len(arm.curves) > 1
    for index, curve in enumerate(arm.curves):
        values = np.array([np.nan if value is None else value for value in getattr(curve, quantity)], dtype=float)
        if np.isnan(values).all():
            continue
        label = arm.name if index == 0 else f"_{arm.name} {index}"
        marker = "s" if arm.name == "secure" else "o"
        axes.plot(curve.steps, values, marker, color=colour, markersize=2.4, alpha=0.28, markeredgewidth=0)
        width, alpha = (1.3, 0.75) if several else (2.2, 1.0)
        axes.plot(curve.steps, smooth(values), color=colour, linewidth=width, alpha=alpha, label=label)
    if quantity == "exploit_rate" and arm.first_appearance is not None and arm.curves:
        _mark(axes, arm.first_appearance, max(arm.curves[0].steps, default=1), colour)


def _mark(axes: Axes, step: int, last: int, colour: str) -> None:
    """A vertical line where the exploit appears, labelled above the plot, where no curve runs."""
    axes.axvline(step, color=colour, linewidth=1, linestyle=":")
    side = "left" if step < 0.25 * last else "right" if step > 0.75 * last else "center"
    where = axes.get_xaxis_transform()
    axes.text(step, 1.01, f"appears at step {step}", transform=where, color=colour, fontsize=9, ha=side, va="bottom")


def smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """A centred running mean over about a twelfth of the curve; gaps are skipped. Only for the eye."""
    half = max(1, len(values) // 24)
    means = np.full(len(values), np.nan)
    for center in range(len(values)):
        known = values[max(0, center - half) : center + half + 1]
        known = known[~np.isnan(known)]
        if len(known):
            means[center] = known.mean()
    return means


def _inline(svg: str, label: str) -> str:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r' id="(figure|axes|patch|line2d|text|matplotlib\.axis|xtick|ytick|legend)_\d+"', "", svg)
    svg = re.sub(r'^<svg [^>]*?viewBox="([^"]+)"[^>]*>', r'<svg viewBox="\1" role="img">', svg)
    for colour, variable in _THEMED.items():
        svg = svg.replace(colour, variable)
    title = label.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return svg.replace('role="img">', f'role="img"><title>{title}</title>', 1)
