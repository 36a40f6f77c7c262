"""Loose runs of a game as a section of a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loopholes.report.curves import over_seeds
from loopholes.report.numbers import percent, with_interval
from loopholes.report.records import Arm, Cell, Chart, GameSection, Lines, Quantity, Role, Section, Series, Table
from loopholes.stats import Estimate

QUANTITIES: dict[Quantity, str] = {
    "reward": "Reward (what is paid)",
    "task_performance": "Task performance (what is wanted)",
    "exploit_rate": "Exploit rate (what is hidden)",
}
ROLES: dict[str, Role] = {"base": "base", "vulnerable": "vulnerable", "secure": "secure"}
QUESTION = "What does a policy learn from a reward with this loophole, and would the task metric show it?"
CAPTION = "Strong lines are running means, thin ones each seed as logged"


def game_section(section: GameSection) -> Section:
    """The three curves together, the held-out numbers of each arm, and what happened, in a sentence."""
    facts = {"Goal": section.goal, "Loophole": section.loophole}
    return Section(
        section.name,
        QUESTION,
        finding(section),
        charts=[_chart(section)] if any(arm.curves for arm in section.arms) else [],
        tables=[_table(section)] if section.arms else [],
        facts={term: words for term, words in facts.items() if words},
        command=section.command,
        rollouts={arm.name: arm.rollouts for arm in section.arms if arm.rollouts},
    )


def finding(section: GameSection) -> str:
    """What happened in this game, in a sentence."""
    base, trained = section.arm("base"), section.arm("vulnerable")
    if base is None or trained is None:
        return ""
    exploits, tasks = (_move(base, trained, metric) for metric in ("exploit_rate", "task_performance"))
    sentence = f"On the vulnerable reward, the exploit rate {exploits} and task performance {tasks}"
    closed = _of(section.arm("secure"), "exploit_rate")
    if closed is not None and closed.value is not None:
        sentence += f"; with the loophole closed, exploits ended at {with_interval(closed)}"
    unseen = " The task metric alone would not have shown it: the blind spot is open." if trained.blind_spot else ""
    return f"{sentence}.{unseen}"


def _move(before: Arm, after: Arm, metric: str) -> str:
    start, end = _of(before, metric), _of(after, metric)
    if end is None or end.value is None:
        return "is unknown"
    from_, to = percent(start.value if start else None), percent(end.value)
    return f"stayed at {with_interval(end)}" if from_ == to else f"went from {from_} to {with_interval(end)}"


def _of(arm: Arm | None, metric: str) -> Estimate | None:
    return None if arm is None else arm.estimates.get(metric)


def _chart(section: GameSection) -> Chart:
    panels = [_panel(section, quantity, title) for quantity, title in QUANTITIES.items()]
    several = max(len(arm.curves) for arm in section.arms) > 1
    band = "; bands are 95 % intervals over seeds." if several else "."
    return Chart(f"{section.name}-curves", section.name, panels, CAPTION + band)


def _panel(section: GameSection, quantity: Quantity, title: str) -> Lines:
    last = max((step for arm in section.arms for curve in arm.curves for step in curve.steps), default=1)
    series = [found for arm in section.arms if (found := _series(arm, quantity, last)) is not None]
    marks = [
        (float(arm.first_appearance), f"{arm.name}: exploit appears at step {arm.first_appearance}")
        for arm in section.arms
        if quantity == "exploit_rate" and arm.curves and arm.first_appearance is not None
    ]
    return Lines(title, "training step", series, percent=quantity != "reward", marks=marks)


def _series(arm: Arm, quantity: Quantity, last: int) -> Series | None:
    """An arm's curves, or the level of an arm that was not trained; None if there is neither."""
    role = ROLES.get(arm.name, "")
    level = arm.estimates.get(quantity)
    if not arm.curves:
        return None if level is None or level.value is None else _level(arm.name, level, last, role)
    x = sorted({step for curve in arm.curves for step in curve.steps})
    seeds: dict[int, list[float | None]] = {}
    for number, curve in enumerate(arm.curves):
        known = dict(zip(curve.steps, getattr(curve, quantity), strict=True))
        seeds[_free(number if curve.seed is None else curve.seed, seeds)] = [known.get(step) for step in x]
    if all(value is None for values in seeds.values() for value in values):
        return None
    return over_seeds(arm.name, x, seeds, role=role, share=quantity != "reward")


def _level(name: str, level: Estimate, last: int, role: Role) -> Series:
    return Series(f"{name} (untrained)", [0, last], [level.value] * 2, [level.low] * 2, [level.high] * 2, role)


def _free(seed: int, taken: Mapping[int, Any]) -> int:
    """Two runs of one seed, as loose runs may be, stay two lines."""
    return seed if seed not in taken else max(taken) + 1


def _table(section: GameSection) -> Table:
    metrics = _metrics(section)
    columns = ["arm", *(metric.replace("_", " ") for metric in metrics), "exploit appears", "dominates", "blind spot"]
    rows = [[arm.name, *(arm.estimates.get(m) for m in metrics), *_milestones(arm)] for arm in section.arms]
    return Table(f"{section.name}-arms", "On held-out tasks", columns, rows, f"Intervals: 95 %{_counted(section)}.")


def _metrics(section: GameSection) -> list[str]:
    names = dict.fromkeys(["task_performance", "exploit_rate"])
    for arm in section.arms:
        names.update(dict.fromkeys(arm.estimates))
    return [name for name in names if any(name in arm.estimates for arm in section.arms)]


def _milestones(arm: Arm) -> Sequence[Cell]:
    steps = [arm.first_appearance, arm.domination]
    return [*(_step(step) if arm.curves else None for step in steps), arm.blind_spot]


def _step(step: int | None) -> str:
    return "never" if step is None else f"step {step}"


def _counted(section: GameSection) -> str:
    """How much evidence the best measured arm rests on."""
    found = max((e for arm in section.arms for e in arm.estimates.values()), key=lambda e: e.n, default=None)
    if found is None or not found.n:
        return ""
    return f", from up to {found.n:,} tasks over {found.seeds} seed{'' if found.seeds == 1 else 's'} an arm"
