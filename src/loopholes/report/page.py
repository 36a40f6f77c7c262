"""One self-contained HTML file: opens from disk, loads nothing, and shows model text only as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from loopholes.errors import UsageError
from loopholes.report.figures import QUANTITIES, panel_svg
from loopholes.report.records import Arm, GameSection
from loopholes.report.sampling import embedded_rollouts
from loopholes.stats import Estimate
from loopholes.storage import disk_errors, replace_file

LEAD = (
    "A language model was trained by ordinary reinforcement learning, with no instruction to cheat, in environments "
    "whose reward has a loophole (vulnerable), and again with the loophole closed (secure). "
    "Where the exploit rate climbs while task performance holds steady, a developer who watches only the task metric "
    "sees nothing: that is the blind spot."
)


@dataclass(frozen=True)
class _Panel:
    title: str
    svg: Markup


def write_page(title: str, sections: Sequence[GameSection], out: str | Path, *, lead: str = LEAD) -> Path:
    """Write the page and return its path; a page that is there is replaced, since it is made from the runs.

    Under 3 MB whatever the rollouts hold: a sample of them is embedded. Raises :class:`UsageError` if there is
    nothing to show and :class:`RunError` if the file cannot be written.
    """
    if not sections:
        raise UsageError("there is nothing to show: no game was trained or evaluated")
    out = Path(out)
    html = _template().render(
        title=title,
        lead=lead,
        sections=sections,
        panels=_panels,
        metrics=_metrics,
        label=_label,
        finding=finding,
        percent=_percent,
        bar=_bar,
        counted=_counted,
        style=Markup(_asset("page.css")),
        script=Markup(_asset("page.js")),
        data=Markup(embedded_rollouts(sections)),
    )
    with disk_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        replace_file(out, html.encode("utf-8", "backslashreplace"))
    return out


def finding(section: GameSection) -> str:
    """What happened in this game, in a sentence."""
    base, trained = section.arm("base"), section.arm("vulnerable")
    if base is None or trained is None:
        return ""
    exploits, tasks = (_move(base, trained, metric) for metric in ("exploit_rate", "task_performance"))
    sentence = f"On the vulnerable reward, the exploit rate {exploits} and task performance {tasks}"
    secure = section.arm("secure")
    if secure is not None and _of(secure, "exploit_rate") is not None:
        sentence += f"; with the loophole closed, exploits ended at {_percent(_of(secure, 'exploit_rate'))}"
    return sentence + "."


def _move(before: Arm, after: Arm, metric: str) -> str:
    start, end = _percent(_of(before, metric)), _percent(_of(after, metric))
    return f"stayed at {end}" if start == end else f"went from {start} to {end}"


def _of(arm: Arm, metric: str) -> float | None:
    found = arm.estimates.get(metric)
    return None if found is None else found.value


def _percent(value: float | None) -> str:
    if value is None:
        return "unknown"
    return f"{100 * value:.1f} %" if 0 < abs(value) < 0.0995 else f"{100 * value:.0f} %"


def _bar(found: Estimate) -> dict[str, float]:
    """Where an interval lies on a track from 0 to 100; gaps below zero are drawn at zero."""
    low, high = (found.value if end is None else end for end in (found.low, found.high))
    low, high, value = (100 * min(1.0, max(0.0, end or 0.0)) for end in (low, high, found.value))
    return {"low": round(low, 2), "width": round(max(high - low, 0.8), 2), "value": round(value, 2)}


def _metrics(section: GameSection) -> list[str]:
    names = dict.fromkeys(["task_performance", "exploit_rate"])
    for arm in section.arms:
        names.update(dict.fromkeys(arm.estimates))
    return [name for name in names if any(name in arm.estimates for arm in section.arms)]


def _counted(section: GameSection) -> str:
    """How much evidence the best measured arm rests on."""
    found = max((e for arm in section.arms for e in arm.estimates.values()), key=lambda e: e.n, default=None)
    if found is None or not found.n:
        return ""
    return f", from up to {found.n:,} tasks over {found.seeds} seed{'' if found.seeds == 1 else 's'} an arm"


def _label(name: str) -> str:
    return name.replace("_", " ")


def _panels(section: GameSection) -> list[_Panel]:
    if not any(arm.curves for arm in section.arms):
        return []
    return [_Panel(title, Markup(panel_svg(section, quantity))) for quantity, title in QUANTITIES.items()]


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_asset("page.html.j2"))


def _asset(name: str) -> str:
    return files("loopholes.report").joinpath(name).read_text(encoding="utf-8")
