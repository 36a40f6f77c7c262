"""Checkpoints that a kill at any moment cannot spoil."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import TrainerCallback

COMPLETE = "complete"


class MarkComplete(TrainerCallback):  # type: ignore[misc]
    """Leaves a mark in each checkpoint after its last file was written; one without a mark is not resumed from."""

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            (Path(args.output_dir) / f"checkpoint-{state.global_step}" / COMPLETE).touch()


def latest_checkpoint(folder: Path) -> str | None:
    """The newest checkpoint under ``folder`` that was written to its end; None if there is none."""
    steps = [(checkpoint_step(path.parent), path.parent) for path in folder.glob(f"checkpoint-*/{COMPLETE}")]
    return str(max(steps)[1]) if steps else None


def checkpoint_step(checkpoint: str | Path) -> int:
    """The number of steps that were done when ``checkpoint`` was written."""
    return int(Path(checkpoint).name.rpartition("-")[2])
