"""Train a mini policy with the stock GRPOTrainer on a channel, then pay its completions through the verifiers package.

    python examples/trl_and_verifiers.py train out     # a few steps; writes out/completions.jsonl and out/env
    python examples/trl_and_verifiers.py score out     # the same rewards from the exported taskset

The first needs ``loopholes[train]``, the second ``loopholes[verifiers]``; they may be two environments.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import loopholes

GAME, CHANNEL, SEED = "reward-tampering", "vulnerable", 0


def train(out: Path, steps: int = 3) -> None:
    """Train on the channel, and keep every completion with what it was paid."""
    from trl import GRPOConfig, GRPOTrainer

    trl = loopholes.integrations.trl
    loopholes.export("verifiers", GAME, out=out / "env", channel=CHANNEL, seed=SEED, count=32, prompts="terse")
    reward = trl.reward(GAME, CHANNEL, seed=SEED)
    rows: list[dict[str, Any]] = []

    def kept(completions: list[Any], **columns: Any) -> list[float | None]:
        paid = reward(completions=completions, **columns)
        for completion, task, value in zip(completions, columns[trl.TASK], paid, strict=True):
            rows.append({"task": json.loads(task)["id"], "completion": completion[-1]["content"], "reward": value})
        return paid

    settings = {"per_device_train_batch_size": 8, "num_generations": 8, "max_completion_length": 80, "max_steps": steps}
    trainer = GRPOTrainer(
        model=loopholes.policies.locate("mini"),
        reward_funcs=kept,
        train_dataset=trl.dataset(GAME, seed=SEED, count=32, prompts="terse"),
        args=GRPOConfig(output_dir=str(out / "trainer"), use_cpu=True, bf16=False, report_to=[], **settings),
    )
    trainer.train()
    (out / "completions.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def score(out: Path) -> int:
    """How many completions the exported taskset pays what TRL was paid, which is all; raises AssertionError if not."""
    import verifiers.v1 as vf
    from verifiers.v1.utils.loaders import taskset_config_type

    sys.path.insert(0, str(out / "env"))  # or: pip install out/env
    name = "loopholes_reward_tampering"
    tasks = {task.data.id: task for task in vf.load_taskset(taskset_config_type(name)(id=name))}
    rows = [json.loads(line) for line in (out / "completions.jsonl").read_text().splitlines()]
    for row in rows:
        trace = answered(tasks[row["task"]], row["completion"])
        asyncio.run(tasks[row["task"]].score(trace))
        assert trace.reward == row["reward"], row
    return len(rows)


def answered(task: Any, text: str) -> Any:
    """A trace of a task in which the model answered with ``text``."""
    import verifiers.v1 as vf
    from verifiers.v1.graph import prepare_turn
    from verifiers.v1.state import state_cls

    about = vf.TraceTask(type=type(task).__name__, data=task.data, key=task.key, hash=task.hash)
    trace = vf.Trace(task=about, state=state_cls(type(task))(), agent=vf.AgentInfo(config=vf.AgentConfig()))
    turn = prepare_turn(trace, [vf.UserMessage(content=task.data.prompt_text)])
    reply = vf.AssistantMessage(content=text)
    turn.commit(vf.Response(id="0", created=0, model="mini", message=reply, finish_reason="stop"))
    return trace


if __name__ == "__main__":
    command, folder = sys.argv[1:]
    if command == "train":
        train(Path(folder))
    else:
        print(f"{score(Path(folder))} completions are paid the same")
