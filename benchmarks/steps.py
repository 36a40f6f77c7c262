"""What part of a GRPO step on reward tampering is spent scoring (see scoring.py)."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

from loopholes.games.reward_tampering import EditedRecord, RewardTampering
from loopholes.progress import Progress
from loopholes.sandbox import Program, ProgramResult, pool, run_programs
from loopholes.training.grpo import TrainConfig, train

# private _memory: what an earlier run asked is no help to this one


PROMPTS, SAMPLES = 64, 8


class Watch:
    """Counts the seconds spent in some functions."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with its time counted."""

        def run(*arguments: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self.seconds += time.perf_counter() - began

        return run


def each_anew(programs: Sequence[Program], **options: Any) -> list[ProgramResult]:
    """``run_programs`` without its memory: a comment makes every program different."""
    different = [
        Program(f"{program.source}\n# {next(NUMBERS)}", program.entry_point, program.inputs) for program in programs
    ]
    return run_programs(different, **options)


NUMBERS = count()


def measured(rounds: int) -> dict[tuple[str, bool], list[tuple[float, float]]]:
    """Two steps of each channel per round, with identical programs run once or every time; the order rotates."""
    ways = [(channel, remember) for channel in ("vulnerable", "secure") for remember in (True, False)]
    times: dict[tuple[str, bool], list[tuple[float, float]]] = {way: [] for way in ways}
    for number in range(-(-rounds // 2)):
        first = number % len(ways)
        for channel, remember in ways[first:] + ways[:first]:
            times[channel, remember] += steps(2, channel, remember=remember)
    return times


def steps(number: int, channel: str, *, remember: bool) -> list[tuple[float, float]]:
    """Seconds of each step of ``mini`` except the first, and how many of them channel and measurement took."""
    watch, times = Watch(), []
    pool._memory = pool.Memory()  # what an earlier run asked is no help to this one

    def on_progress(progress: Progress) -> None:
        times.append((progress.numbers["seconds"] or 0.0, watch.seconds))
        watch.seconds = 0.0

    replaced = [
        patch.object(EditedRecord, "__call__", watch.timed(EditedRecord.__call__)),
        patch.object(RewardTampering, "measure", watch.timed(RewardTampering.measure)),
        patch("loopholes.instruments.programs.run_programs", run_programs if remember else each_anew),
    ]
    for each in replaced:
        each.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            config = TrainConfig(
                game="reward-tampering", channel=channel, out=Path(folder) / "run", steps=number + 1, samples=SAMPLES,
                prompts_per_step=PROMPTS,
            )  # fmt: skip
            train(config, on_progress=on_progress)
    finally:
        for each in replaced:
            each.stop()
    return times[1:]
