"""Which checkpoints of a training run were written to their end."""

from __future__ import annotations

from pathlib import Path

COMPLETE = "complete"
"""The file that is written into a checkpoint last."""


def latest_checkpoint(folder: Path) -> str | None:
    """The newest complete checkpoint under ``folder``; None if there is none."""
    steps = [(checkpoint_step(path.parent), path.parent) for path in folder.glob(f"checkpoint-*/{COMPLETE}")]
    return str(max(steps)[1]) if steps else None


def checkpoint_step(checkpoint: str | Path) -> int:
    """The number of steps that were done when ``checkpoint`` was written."""
    return int(Path(checkpoint).name.rpartition("-")[2])
