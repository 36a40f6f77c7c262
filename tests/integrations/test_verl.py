"""An exported game under verl itself: its loader of rewards, its reward managers and its data set.

The tests are slow, since verl is not in the set-up; the head of tests/audit/frameworks/test_verl_managers.py says how
to install it beside the others. Then ``pytest -m slow tests/integrations/test_verl.py`` (12 s of CPU time).
"""

from __future__ import annotations

import asyncio
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loopholes.integrations.packing import Package
from support.checkpoints import make_tokenizer
from support.exports import CHANNELS, ONE_PASS, answers, exported, packed
from support.frameworks import BESIDE, needs

pytestmark = needs("verl", BESIDE)


def configured(folder: Path) -> Any:
    """What verl reads of its configuration for a reward of one's own."""
    from omegaconf import OmegaConf

    path = str(folder / "compute_score.py")
    return OmegaConf.create(
        {"reward": {"custom_reward_function": {"path": path, "name": "compute_score", "reward_kwargs": {}}}}
    )


def rows(folder: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    table: list[dict[str, Any]] = pq.read_table(folder / "train.parquet").to_pylist()
    return table


def managed(folder: Path, package: Package, manager: str) -> list[dict[str, Any]]:
    """What a reward manager makes of each scripted answer, one after another."""
    import torch
    from verl import DataProto
    from verl.experimental.reward_loop.reward_manager import get_reward_manager_cls
    from verl.trainer.ppo.reward import get_custom_reward_fn

    tokenizer, config = make_tokenizer("qwen3"), configured(folder)
    kind = get_reward_manager_cls(manager)

    async def score_all() -> list[dict[str, Any]]:
        scores = kind(config=config, tokenizer=tokenizer, compute_score=get_custom_reward_fn(config))
        results = []
        for answer in answers(package):
            ids = torch.tensor([tokenizer(answer.text)["input_ids"]])
            row = {key: np.array([value], dtype=object) for key, value in rows(folder)[answer.number].items()}
            tensors = {"responses": ids, "attention_mask": torch.ones_like(ids)}
            results.append(await scores.run_single(DataProto.from_dict(tensors=tensors, non_tensors=row)))
        return results

    return asyncio.run(score_all())


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(("name", "set_"), ONE_PASS, ids=str)
def test_the_naive_manager_pays_and_records_what_the_game_does(
    name: str, set_: dict[str, Any], channel: str, tmp_path: Path
) -> None:
    package = packed(name, set_, channel)
    folder = exported("verl", package, tmp_path / "env")
    for answer, result in zip(answers(package), managed(folder, package, "naive"), strict=True):
        assert result["reward_score"] == answer.reward(json.dumps(["", answer.task.id, answer.text, 1]))
        shown = {key: result["reward_extra_info"][key] for key in ("task_score", "exploit")}
        assert {key: value for key, value in shown.items() if not math.isnan(value)} == answer.truth


@pytest.mark.parametrize("manager", ["dapo", "rate_limited"])
def test_verl_s_other_managers_pay_the_same(manager: str, tmp_path: Path) -> None:
    package = packed("reward-tampering", {}, "vulnerable", count=1)
    folder = exported("verl", package, tmp_path / "env")
    naive, other = (managed(folder, package, kind) for kind in ("naive", manager))
    assert [result["reward_score"] for result in other] == [result["reward_score"] for result in naive]
    assert [result["reward_extra_info"] for result in other] == [result["reward_extra_info"] for result in naive]
    assert len({result["reward_score"] for result in other}) > 1


def test_verl_s_data_set_reads_the_prompts_of_the_game(tmp_path: Path) -> None:
    from omegaconf import OmegaConf
    from verl.utils.dataset.rl_dataset import RLHFDataset

    package = packed("reward-tampering", {"world": "mini"}, "vulnerable")
    folder = exported("verl", package, tmp_path / "env")
    config = OmegaConf.create({"cache_dir": str(tmp_path), "prompt_key": "prompt", "max_prompt_length": 4096})
    data = RLHFDataset(data_files=str(folder / "train.parquet"), tokenizer=make_tokenizer("qwen3"), config=config)
    assert len(data) == len(package.tasks["train"])
    assert [tuple(data[number]["raw_prompt"]) for number in range(3)] == [
        task.prompt for task in package.tasks["train"]
    ]
    assert [data[number]["index"] for number in range(3)] == [0, 1, 2]
