"""``loopholes pretrain`` and ``loopholes train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from loopholes.cli.console import Steps, as_lines, print_line, say
from loopholes.cli.options import Channel, Game, Json, Resume, Sandbox, Seed, Set, SkipBad, Tasks, pairs
from loopholes.errors import RunError
from loopholes.files import read_json

PRETRAINING = {"loss": "loss", "tokens_per_second": "tokens/s"}
Made = Annotated[str, typer.Argument(metavar="[NAME]", help="mini or mini-llama.")]


def pretrain(
    name: Made = "mini",
    out: Annotated[Path | None, typer.Option(help="Where to make it; default: runs/pretrain-NAME.")] = None,
    resume: Resume = False,
    json_: Json = False,
) -> None:
    """Make a mini policy again, from nothing."""
    from loopholes.minis.pretrain import pretrain as make
    from loopholes.minis.recipe import recipe

    chosen = recipe(name)
    folder = out or Path("runs") / f"pretrain-{name}"
    if folder.exists() and not resume and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(f"{folder} is not empty: use --resume to go on with what is there, or choose another --out")
    say(f"{name}: {chosen.examples:,} examples, into {folder}")
    with Steps(name, None, lines=as_lines(json_), shown=PRETRAINING) as steps:
        made = make(
            chosen,
            folder,
            resume=resume,
            on_step=lambda metrics: steps.step(metrics, metrics["step"], metrics["steps"]),
        )
    _end(json_, {"policy": str(made)}, f"The policy is in {made}.")


def train(
    game: Game,
    out: Annotated[Path, typer.Option(help="The run's directory.", show_default=False)],
    channel: Channel = "vulnerable",
    policy: Annotated[str, typer.Option(help="mini, mini-llama, a model's name or directory, or a run.")] = "mini",
    steps: Annotated[int | None, typer.Option(help="Rounds of GRPO; default: the preset's.")] = None,
    seed: Seed = 0,
    tasks: Tasks = None,
    set_: Set = None,
    samples: Annotated[int, typer.Option(help="Completions a prompt: the group.")] = 8,
    prompts_per_step: Annotated[int | None, typer.Option(help="Prompts a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option()] = None,
    temperature: Annotated[float | None, typer.Option()] = None,
    max_completion_tokens: Annotated[int | None, typer.Option(help="The longest completion.")] = None,
    completions_per_pass: Annotated[int | None, typer.Option(help="Completions on a device at once.")] = None,
    save_every: Annotated[int | None, typer.Option(help="Steps between checkpoints.")] = None,
    lora: Annotated[bool, typer.Option("--lora", help="Train a LoRA adapter with PEFT's defaults.")] = False,
    peft: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="A field of peft.LoraConfig; implies --lora.")
    ] = None,
    bf16: Annotated[bool | None, typer.Option("--bf16/--no-bf16", help="Default: the preset's.")] = None,
    gradient_checkpointing: Annotated[
        bool | None,
        typer.Option("--gradient-checkpointing/--no-gradient-checkpointing", help="Default: the preset's."),
    ] = None,
    vllm: Annotated[bool, typer.Option("--vllm", help="Sample with vLLM.")] = False,
    report_to: Annotated[list[str] | None, typer.Option(help="wandb, trackio or tensorboard.")] = None,
    trainer: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Any field of trl.GRPOConfig; wins over all else.")
    ] = None,
    resume: Resume = False,
    skip_bad: SkipBad = False,
    sandbox: Sandbox = None,
    json_: Json = False,
) -> None:
    """Train a policy with GRPO on what a game's channel pays.

    One path for the minis on a laptop and for real models: accelerate launch -m loopholes train … works as well.
    Without --steps: 100 steps for a mini, the paper's epochs over --tasks for other models.
    """
    given = {
        "steps": steps,
        "prompts_per_step": prompts_per_step,
        "learning_rate": learning_rate,
        "temperature": temperature,
        "max_completion_tokens": max_completion_tokens,
        "completions_per_pass": completions_per_pass,
        "save_every": save_every,
        "bf16": bf16,
        "gradient_checkpointing": gradient_checkpointing,
    }
    fields = {
        **{key: value for key, value in given.items() if value is not None},
        "game": game,
        "parameters": pairs(set_, "--set"),
        "channel": channel,
        "policy": policy,
        "out": out,
        "seed": seed,
        "tasks": tasks,
        "samples": samples,
        "skip_bad": skip_bad,
        "use_vllm": vllm,
        "report_to": report_to or [],
        "peft": pairs(peft, "--peft") if peft or lora else None,
        "trainer": pairs(trainer, "--trainer"),
    }
    _train(fields, resume, json_)


def _train(fields: dict[str, Any], resume: bool, json_: bool) -> None:
    from loopholes.games import game as make_game
    from loopholes.training.config import TrainConfig

    config = TrainConfig.of(**fields)
    make_game(config.game, **config.parameters).channel(config.channel)  # before the seconds that torch takes
    from loopholes.training.grpo import train as run_training

    title = f"{config.game} {config.channel}"
    total = config.steps
    with Steps(title, total, lines=as_lines(json_)) as steps:

        def on_step(metrics: dict[str, Any]) -> None:
            nonlocal total
            total = total or int(read_json(config.out / "config.json")["steps"])
            steps.step(metrics, metrics["step"], total)

        run = run_training(config, resume=resume, on_step=on_step)
    done = {"run": str(run.path), "state": run.status.state, "step": run.status.step}
    _end(json_, done, f"The run is in {run.path}; loopholes eval {run.path} --game {config.game} --out … measures it.")


def _end(json_: bool, record: dict[str, Any], sentence: str) -> None:
    if as_lines(json_):
        print_line(record)
    else:
        say(sentence)
