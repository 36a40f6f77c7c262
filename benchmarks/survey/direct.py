"""Pays the completions of exploit findings by calling the published functions directly, without the audit.

    SURVEY_SOURCES=DIR python benchmarks/survey/direct.py WORK/findings/NAME [...]

prints a line of JSON per finding: what the completion is paid on the finding's row, what the golden completion is paid
there, and how many of the target's rows pay the same completion as well as the golden one. Run it with the interpreter
of the target's environment. For packages that were audited whole, name the folder of a target below WORK/packages.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import io
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import upstream

PUBLISHED = Path(__file__).parents[1] / "published"
Row = dict[str, Any]
Pay = Callable[[Row, str], float]


def payer(finding: Mapping[str, Any]) -> Pay:
    """How the target of a finding is called, by the framework that it is written for."""
    target = finding["target"]
    part = target["parts"][0]
    if part["source"].endswith("upstream.py"):
        reward = eval(part["name"], {"reward": upstream.reward})
        return lambda row, text: float(reward(text, **row))
    if Path(part["source"]).parent == PUBLISHED:
        return _of_published(part, target["framework"])
    return CALLERS[target["framework"]](target)


def _of_published(part: Mapping[str, Any], framework: str) -> Pay:
    os.environ["PUBLISHED_SOURCES"] = os.environ["SURVEY_SOURCES"]
    sys.path.insert(0, str(PUBLISHED))
    confirm = importlib.import_module("confirm")
    pay: Pay = confirm.payer(confirm.imported(f"{Path(part['source']).name}:{part['name']}"), framework)
    return pay


def _reasoning_gym(target: Mapping[str, Any]) -> Pay:
    gym = importlib.import_module("reasoning_gym")
    options = target["options"]
    data = gym.create_dataset(
        target["parts"][0]["name"], **{"seed": options.get("seed") or 0, **(options.get("config") or {})}
    )

    def pay(row: Row, text: str) -> float:
        # a few data sets draw from Python sets, so that their entries are others in another process
        entry = next((entry for entry in data if entry["question"] == row["prompt"]), row)
        return float(data.score_answer(text, entry))

    return pay


def _trl(target: Mapping[str, Any]) -> Pay:
    parts = []
    for part in target["parts"]:
        module = importlib.import_module(part["source"])
        function = eval(part["name"], {name: getattr(module, name) for name in dir(module)})
        parts.append((function, part["weight"]))

    def pay(row: Row, text: str) -> float:
        columns = {key: [value] for key, value in row.items() if key not in ("golden",)}
        columns["completion_ids"] = [list(range(len(text) // 4))]
        columns["prompts"] = columns.pop("prompt")
        paid = [function(completions=[upstream.said(text)], **columns)[0] for function, _ in parts]
        return float(sum(weight * (value or 0.0) for value, (_, weight) in zip(paid, parts, strict=True)))

    return pay


def _verl(target: Mapping[str, Any]) -> Pay:
    sys.path.insert(0, str(PUBLISHED))
    importlib.import_module("sources").verl_score("gsm8k")
    importlib.import_module("sources").stub("verl.utils.import_utils")
    bare = sys.modules["verl.utils.reward_score"]
    code = Path(next(iter(bare.__path__)), "__init__.py").read_text(encoding="utf-8")
    exec(compile(code, "reward_score", "exec"), vars(bare))  # what the bare package left out
    score = bare.default_compute_score
    name = target["parts"][0]["name"]

    def pay(row: Row, text: str) -> float:
        value = score(name, text, row["reward_model"]["ground_truth"], row.get("extra_info"))
        return float(value["score"] if isinstance(value, dict) else value)

    return pay


def _skyrl_gym(target: Mapping[str, Any]) -> Pay:
    gym = importlib.import_module("skyrl_gym")
    config = importlib.import_module("omegaconf").DictConfig({})

    def pay(row: Row, text: str) -> float:
        spec = row.get("reward_spec") or {"ground_truth": row["answer"]}
        extras = {"reward_spec": spec, "reward_model": spec, **row}
        environment = gym.make(target["parts"][0]["name"], env_config=config, extras={"max_turns": 1, **extras})
        environment.init([{"role": "user", "content": row["prompt"]}])
        return float(environment.step(text)["reward"])

    return pay


def _inspect_ai(target: Mapping[str, Any]) -> Pay:
    part = target["parts"][0]
    scoring = importlib.import_module(part["source"])
    scorer = eval(part["name"], {name: getattr(scoring, name) for name in scoring.__all__})
    models, solvers = importlib.import_module("inspect_ai.model"), importlib.import_module("inspect_ai.solver")

    def pay(row: Row, text: str) -> float:
        output = models.ModelOutput.from_content("none/audit", text)
        messages = [models.ChatMessageUser(content=row["prompt"]), output.choices[0].message]
        goal = scoring.Target(row.get("target", row.get("answer")))
        state = solvers.TaskState(
            model="none/audit", sample_id=0, epoch=1, input=row["prompt"], messages=messages, output=output, target=goal
        )
        return float(scoring.value_to_float()(asyncio.run(scorer(state, goal)).value))

    return pay


def _verifiers(target: Mapping[str, Any]) -> Pay:
    """The rewards of a taskset's tasks that read the reply alone; the reply is all that a trace holds here."""
    path = Path(target["parts"][0]["source"])
    sys.path.insert(0, str(path.parents[1]))
    kind = getattr(importlib.import_module(f"{path.parent.name}.{path.stem}"), target["parts"][0]["name"])
    generic = importlib.import_module("verifiers.v1.utils.generic")
    decorators = importlib.import_module("verifiers.v1.utils.decorators")
    vf = importlib.import_module("verifiers.v1")
    tasks = kind(generic.concrete_type(kind, vf.TasksetConfig, origin=vf.Taskset)()).load()

    def pay(row: Row, text: str) -> float:
        task = next(task for task in tasks if task.data.prompt == row["prompt"])
        rewards = decorators.discover_decorated(task, "reward")
        return float(sum(asyncio.run(reward(SimpleNamespace(last_reply=text))) for reward in rewards))

    return pay


CALLERS: dict[str, Callable[[Mapping[str, Any]], Pay]] = {
    "reasoning_gym": _reasoning_gym,
    "trl": _trl,
    "verl": _verl,
    "skyrl_gym": _skyrl_gym,
    "inspect_ai": _inspect_ai,
    "verifiers": _verifiers,
}


def paid(pay: Pay, row: Row, text: str) -> Any:
    """What a completion is paid, or what went wrong."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return round(pay(row, text), 4)
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:80]}"


def main() -> None:
    """Pay what the folders named hold."""
    sys.path.insert(0, str(Path(__file__).parent))
    for folder in sys.argv[1:]:
        for path in sorted(Path(folder).rglob("0*.json")):
            finding = json.loads(path.read_text(encoding="utf-8"))
            if finding["verdict"] == "exploit":
                print(json.dumps(_line(Path(folder).name, finding), ensure_ascii=False), flush=True)


def _line(name: str, finding: Mapping[str, Any]) -> dict[str, Any]:
    evidence = finding["evidence"]
    row = {"prompt": evidence["prompt"], **evidence["columns"]}
    line = {
        "target": name,
        "finding": f"{finding['family']}/{finding['name']}",
        "prompt": str(evidence["prompt"])[-160:],
        "completion": evidence["completion"][:200],
        "audit": evidence["reward"],
        "floor": evidence["floor"],
        "golden": evidence["golden"],
    }
    pay = payer(finding)
    return {**line, "paid": paid(pay, row, evidence["completion"])}


if __name__ == "__main__":
    main()
