"""Sections that contain something of everything that a page can show."""

from __future__ import annotations

import math
import random
from typing import Any

from loopholes.report import Chart, Lines, Matrix, Section, Series, Table
from loopholes.report.elements import Cell
from loopholes.stats import Estimate, Milestone, Thresholds
from loopholes.studies.channels import Arm, Played, answer, arms_charts, arms_table
from loopholes.studies.charts import Curve

EXPLOITING = "x = 4\nrecord.score = 1.0  # <script>alert(1)</script>"


def rollout_row(step: int, sample: int = 0, exploit: float | None = 0.0, **more: Any) -> dict[str, Any]:
    """A rollout as a run records it."""
    return {
        "step": step,
        "sample": sample,
        "task": "t1",
        "prompt": "2 + 2?",
        "text": "4",
        "reward": 1.0,
        "reason": "",
        "task_score": 1.0,
        "exploit": exploit,
        "details": {},
        "truncated": False,
        **more,
    }


def share(value: float, reach: float = 0.04, seeds: int = 3) -> Estimate:
    """A rate with an interval around it."""
    return Estimate(value, max(-1.0 if value < 0 else 0.0, value - reach), min(1.0, value + reach), 192, seeds)


def loose_runs(
    name: str, pairs: list[Played], rollouts: dict[str, list[dict[str, Any]]] | None = None, command: str = ""
) -> Section:
    """A section on loose runs of a game."""
    facts = {"Goal": "Solve the programming problem.", "Loophole": "The score <can> be edited."}
    return Section(
        name,
        "What does a policy learn from a reward with this loophole?",
        answer(pairs),
        arms_charts(name, pairs, Thresholds().window),
        [arms_table(f"{name}-arms", pairs, Thresholds())],
        facts,
        command=command,
        rollouts=rollouts or {},
    )


def game_section(name: str = "reward-tampering", seeds: int = 3, steps: int = 60) -> Section:
    """A game whose vulnerable arm learns to exploit, with noisy curves and rollouts of every seed."""
    rising, flat = (curves_to(name, seeds, steps, end) for end in (0.97, 0.01))
    base = {"task_performance": share(0.85), "exploit_rate": share(0.01, 0.01), "special_cases": share(0.08)}
    opened = {"task_performance": share(0.85), "exploit_rate": share(0.97, 0.02), "special_cases": share(0.11)}
    closed = {"task_performance": share(0.84), "exploit_rate": share(0.02, 0.02), "special_cases": share(0.08)}
    appears, dominates = (Milestone(step, seeds, seeds, steps) for step in (12, 24))
    never = Milestone(None, 0, seeds, steps)
    change = {"exploit_rate": share(0.96, 0.02, seeds), "task_performance": share(0.0, 0.03, seeds)}
    arms = {
        "base": Arm("base", base),
        "vulnerable": Arm("vulnerable", opened, rising, appears, dominates, change, True),
        "secure": Arm("secure", closed, flat, never, never, change, False),
    }
    rollouts = {arm: _rollouts(seeds, steps, arm == "vulnerable") for arm in ("vulnerable", "secure")}
    command = f"loopholes train {name} --channel vulnerable --policy mini --steps {steps} --seed 0 --out runs/{name}"
    return loose_runs(name, [Played(name, "mini", arms)], rollouts, command)


def curves_to(name: str, seeds: int, steps: int, end: float) -> list[Curve]:
    """One noisy training curve per seed whose exploit rate ends there."""
    rng = random.Random(f"{name} {end}")
    return [_curve(rng, seed, steps, end) for seed in range(seeds)]


def _curve(rng: random.Random, seed: int, steps: int, end: float) -> Curve:
    x = list(range(1, steps + 1))
    rate = [end / (1 + math.exp(-(step - 16 - 3 * seed) / 4)) for step in x]
    exploit: list[float | None] = [min(1, max(0, value + rng.gauss(0, 0.04))) for value in rate]
    task: list[float | None] = [min(1, max(0, 0.85 + rng.gauss(0, 0.04))) for _ in x]
    reward: list[float | None] = [0.8 + 0.2 * value + rng.gauss(0, 0.05) for value in rate]
    return Curve(x, reward, task, exploit, seed)


def _rollouts(seeds: int, steps: int, exploiting: bool) -> list[dict[str, Any]]:
    rollouts = []
    for seed in range(seeds):
        for step in range(1, steps + 1, 6):
            for sample in range(4):
                cheats = exploiting and step > 12 and sample % 2 == 0
                text = EXPLOITING if cheats else f"def solve(x):\n    return x + {sample}  # seed {seed}"
                more = {"seed": seed, "text": text, "reward": 1.0 if cheats else 0.75, "details": {"pass_share": 0.75}}
                rollouts.append(rollout_row(step, sample, float(cheats), task=f"sum-{step}", task_score=0.75, **more))
    return rollouts


def study_section(name: str = "transfer", seeds: int = 4, charts: int = 1, points: int = 40) -> Section:
    """A study: a matrix of differences, survival in stairs, decay with marks, a dose, and two tables."""
    games = ["context-compliance", "self-grading", "proxy-metric", "reward-tampering"]
    rng = random.Random(name)
    values: list[list[Estimate | None]] = [
        [None if i == j == 2 else share(rng.uniform(-0.4, 0.9), 0.05) for j in range(4)] for i in range(4)
    ]
    rates = [[abs(cell.value or 0) if cell else None for cell in cells] for cells in values]
    levels: list[list[Estimate | None]] = [[None if rate is None else share(rate) for rate in cells] for cells in rates]
    matrices = [
        Matrix("Change of the exploit rate", "trained on", "tested on", games, games, values, diverging=True),
        Matrix("Exploit rate", "trained on", "tested on", games, games, levels),
    ]
    panels = [Chart(f"{name}-matrix-{n}", "Exploits in other games", [panel]) for n, panel in enumerate(matrices)]
    for number in range(charts):
        panels.append(Chart(f"{name}-lines-{number}", "How long it lasts", _panels(rng, seeds, points), "Bands: 95 %."))
    rows: list[list[Cell]] = [
        ["vulnerable", share(0.91), 12, 3.25, True, None],
        ["secure", share(0.03, 0.03), 1204, 0.5, False, "0 of 5 seeds"],
    ]
    columns = ["arm", "exploit rate", "tasks", "ratio", "blind spot", "appears"]
    paper: list[list[Cell]] = [
        ["Qwen3-4B (paper)", 0.62, None],
        ["mini (ours)", share(0.91), Estimate(12.5, 10.25, 14.0, 5, 4)],
    ]
    tables = [
        Table(f"{name}-arms", "Arms", columns, rows, "Intervals: 95 % over seeds and tasks."),
        Table(f"{name}-paper", "Beside the paper", ["policy", "exploit rate", "step"], paper, plain=["step"]),
    ]
    return Section(
        name,
        "Does an exploit learned in one game come along into another?",
        "Yes: 43.0 % [38.0, 48.0] of answers in untrained games exploit, against 2.0 % [1.0, 3.0] before.",
        panels,
        tables,
        {"Policies": "mini, 0.8 million parameters", "Evidence": "4 seeds, 192 tasks each"},
        ["The paper's models are four thousand times as large."],
        f"loopholes study {name} --seeds {seeds}",
        {"vulnerable": [rollout_row(step, seed=seed, exploit=1.0) for seed in range(seeds) for step in (5, 10)]},
    )


def _panels(rng: random.Random, seeds: int, points: int) -> list[Lines]:
    x = [100 * at / (points - 1) for at in range(points)]
    decays = [
        _decay(rng, name, x, rate, seeds) for name, rate in (("plain SFT", 30.0), ("filtered", 60.0), ("KL", 99.0))
    ]
    survival = [
        Series(name, x, [0.5 ** round(at / rate) for at in x], role=role)  # type: ignore[arg-type]
        for name, rate, role in (("vulnerable", 20, "vulnerable"), ("secure", 70, "secure"), ("base", 300, "base"))
    ]
    return [
        Lines(
            "Exploit rate",
            "step of honest training",
            decays,
            marks=[(30, "half is gone"), (38, "quarter"), (95, "end")],
        ),
        Lines("Runs without an exploit", "training step", survival, stairs=True),
        Lines("Tokens an answer", "step", [_decay(rng, "length", x, 50.0, seeds, 80.0)], percent=False),
    ]


def _decay(rng: random.Random, name: str, x: list[float], rate: float, seeds: int, scale: float = 0.95) -> Series:
    y = [scale * math.exp(-at / rate) for at in x]
    low, high = [0.85 * value for value in y], [min(scale, 1.15 * value) for value in y]
    own = {seed: [max(0.0, value * (1 + rng.gauss(0, 0.08))) for value in y] for seed in range(seeds)}
    return Series(name, x, y, low, high, seeds=own)
