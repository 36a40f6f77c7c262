"""What happens between the steps of a training run."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

import numpy as np
from accelerate import PartialState
from accelerate.utils import gather_object
from transformers import TrainerCallback, set_seed

from loopholes.training.checkpoints import COMPLETE
from loopholes.training.recorder import Recorder
from loopholes.training.rewards import ChannelReward


def step_seed(seed: int, step: int, process: int) -> int:
    """A seed for the generators of one process in one step."""
    return int(np.random.SeedSequence([seed, step, process]).generate_state(1)[0])


class SeedEachStep(TrainerCallback):  # type: ignore[misc]
    """Seeds every generator from (seed, step, process) as a step begins.

    What happens in a step then depends only on the weights before it: not on a resume, and not on how much randomness a
    measurement used.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        set_seed(step_seed(self._seed, state.global_step, PartialState().process_index))


class Flush(TrainerCallback):  # type: ignore[misc]
    """Passes what the reward function saw in a step, in all processes, to the recorder in the main one."""

    def __init__(
        self,
        reward: ChannelReward,
        recorder: Recorder | None,
        updates_per_step: int,
        log: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self._reward = reward
        self._recorder = recorder
        self._updates = updates_per_step
        self._log = log
        self._learning_rate = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._recorder is not None:
            self._recorder.start()

    def on_step_begin(self, args: Any, state: Any, control: Any, lr_scheduler: Any = None, **kwargs: Any) -> None:
        self._learning_rate = float(lr_scheduler.get_last_lr()[0])

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step % self._updates:
            return
        batches = gather_object(list(self._reward.batches))
        self._reward.batches.clear()
        if self._recorder is None or not batches:
            return
        metrics = self._recorder.record(batches, self._learning_rate)
        if self._log is not None:
            self._log(
                {f"loopholes/{name}": value for name, value in metrics.items() if isinstance(value, (int, float))}
            )


class Graceful(TrainerCallback):  # type: ignore[misc]
    """The first Ctrl-C finishes the current step and saves a checkpoint; the second stops at once."""

    def __init__(self, updates_per_step: int) -> None:
        self.asked = False
        self._updates = updates_per_step
        self._previous: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.asked and state.global_step % self._updates == 0:
            control.should_save = control.should_training_stop = True


class MarkComplete(TrainerCallback):  # type: ignore[misc]
    """Marks each checkpoint after its last file was written; a checkpoint without a mark is not resumed from."""

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            (Path(args.output_dir) / f"checkpoint-{state.global_step}" / COMPLETE).touch()
