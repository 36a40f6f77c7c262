"""``loopholes pretrain`` and ``loopholes train``."""

from __future__ import annotations

from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from loopholes.cli.console import complain, conclude, print_line, say
from loopholes.cli.display import display
from loopholes.cli.options import Bf16, Channel, Game, Json, Resume, Sandbox, Seed, Set, SkipBad, Tasks, pairs
from loopholes.errors import MissingExtra, RunError, UsageError
from loopholes.files import check_folder
from loopholes.modules import recorded, without_folder
from loopholes.numbers import plain

PRETRAINING = {"loss": "loss", "tokens_per_second": "tokens/s"}
FITS = {
    "each": "It fits on each device.",
    "sharded": "It fits only if weights, gradients and optimizer states are sharded over the devices.",
    "nowhere": "It does not fit: use fewer completions per pass, --lora, or more or larger devices.",
    "": "The memory of the device is not known.",
}
Name = Annotated[str, typer.Argument(metavar="NAME", help="mini or mini-llama.")]


def pretrain(
    name: Name = "mini",
    out: Annotated[
        Path | None, typer.Option(help="Directory for the policy. Default: runs/pretrain-NAME.", show_default=False)
    ] = None,
    resume: Resume = False,
    json_: Json = False,
) -> None:
    """Train one of the shipped mini policies again from scratch."""
    from loopholes.minis.pretrain import pretrain as make
    from loopholes.minis.recipe import recipe

    chosen = recipe(name)
    folder = out or Path("runs") / f"pretrain-{name}"
    check_folder(folder)
    if folder.exists() and not resume and any(folder.iterdir()):
        raise RunError(f"{folder} is not empty: continue it with --resume, or choose another --out")
    say(f"{name}: {chosen.examples:,} examples, into {folder}")
    with display(name, json=json_, numbers=PRETRAINING) as progress:
        policy = make(chosen, folder, resume=resume, on_progress=progress.show)
    _end(json_, {"policy": str(policy)}, f"The policy is in {policy}")


def train(
    game: Game,
    out: Annotated[Path, typer.Option(help="Directory for the run.", show_default=False)],
    channel: Channel = "vulnerable",
    policy: Annotated[
        str,
        typer.Option(
            help="Policy to train: mini, mini-llama, a model's name or directory, or the directory of a training run."
        ),
    ] = "mini",
    steps: Annotated[
        int | None,
        typer.Option(
            help="GRPO steps. Default: 100 for a mini, 60 with the preset lora, else the paper's epochs over --tasks. "
            "Generated tasks are drawn for all steps at once, so a shorter run is not the beginning of a longer one.",
            show_default=False,
        ),
    ] = None,
    seed: Seed = 0,
    tasks: Tasks = None,
    set_: Set = None,
    samples: Annotated[int, typer.Option(help="Completions per prompt (the GRPO group size).")] = 8,
    prompts_per_step: Annotated[int | None, typer.Option(help="Prompts per step.", show_default=False)] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak learning rate.", show_default=False)] = None,
    temperature: Annotated[float | None, typer.Option(help="Sampling temperature.", show_default=False)] = None,
    max_completion_tokens: Annotated[
        int | None, typer.Option(help="Longest completion, in tokens.", show_default=False)
    ] = None,
    completions_per_pass: Annotated[
        int | None, typer.Option(help="Completions per forward pass; fewer need less memory.", show_default=False)
    ] = None,
    save_every: Annotated[int | None, typer.Option(help="Steps between checkpoints.", show_default=False)] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="mini, lora or paper. Default: mini for a mini, lora for smollm2 and for --lora on a CPU, else paper.",
            show_default=False,
        ),
    ] = None,
    lora: Annotated[bool, typer.Option("--lora", help="Train a LoRA adapter; --peft changes it.")] = False,
    peft: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Set a field of peft.LoraConfig; implies --lora. Repeatable."),
    ] = None,
    bf16: Bf16 = None,
    gradient_checkpointing: Annotated[
        bool | None,
        typer.Option(
            "--gradient-checkpointing/--no-gradient-checkpointing",
            help="Recompute activations to save memory.",
            show_default=False,
        ),
    ] = None,
    vllm: Annotated[bool, typer.Option("--vllm", help="Generate completions with vLLM.")] = False,
    report_to: Annotated[
        list[str] | None, typer.Option(help="Also log to wandb, trackio or tensorboard. Repeatable.")
    ] = None,
    trainer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE", help="Set any field of trl.GRPOConfig; overrides every other option. Repeatable."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Estimate memory and time; train nothing.")] = False,
    device: Annotated[
        str | None,
        typer.Option(
            metavar="[N x]NAME",
            help="With --dry-run: devices to estimate for, as in 8xH100. Default: those of this machine.",
        ),
    ] = None,
    resume: Resume = False,
    skip_bad: SkipBad = False,
    sandbox: Sandbox = None,
    json_: Json = False,
) -> None:
    """Train a policy with GRPO on the rewards that a channel of a game pays.

    The same command trains the minis on a laptop and real models on several devices, there with
    accelerate launch -m loopholes train …. Options without a default take their values from the preset.
    """
    options = {
        "steps": steps,
        "prompts_per_step": prompts_per_step,
        "learning_rate": learning_rate,
        "temperature": temperature,
        "max_completion_tokens": max_completion_tokens,
        "completions_per_pass": completions_per_pass,
        "save_every": save_every,
        "bf16": bf16,
        "preset": preset,
        "gradient_checkpointing": gradient_checkpointing,
    }
    fields = {
        **{key: value for key, value in options.items() if value is not None},
        "game": recorded(game),
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
    if dry_run:
        _estimate(fields, device, json_)
    elif device is not None:
        raise UsageError("--device is for --dry-run; accelerate decides which devices to train on")
    else:
        _train(fields, sandbox, resume, json_)


def _train(fields: dict[str, Any], sandbox: str | None, resume: bool, json_: bool) -> None:
    from loopholes.games import game as make_game
    from loopholes.training.config import TrainConfig

    if find_spec("torch") is None:
        raise MissingExtra("torch", "train")  # the extra also installs what the game may need
    config = TrainConfig.of(**fields)
    game = make_game(config.game, **config.parameters)
    game.channel(config.channel)  # this and what follows before torch, which takes seconds to import
    config.check_out(resume)
    tasks = config.loaded_tasks(game)
    from loopholes.evaluation import eval_command, task_options
    from loopholes.training.grpo import train as run_training
    from loopholes.training.no_gradient import FOREIGN, is_foreign, no_gradient

    if is_foreign(config.policy, config.game):
        complain(f"{without_folder(config.game)}: {FOREIGN}")
    with display(f"{without_folder(config.game)} {config.channel}", json=json_) as progress:
        run = run_training(config, game=game, tasks=tasks, resume=resume, on_progress=progress.show)
    record = {"run": str(run.path), "state": run.status.state, "step": run.status.step}
    options = task_options(run.config, sandbox)
    measure = eval_command(str(run.path), config.game, config.parameters, Path(f"{run.path}-eval"), options)
    held_out = "" if config.tasks is None else " (better with a file of tasks that it was not trained on)"
    nothing = no_gradient(run.metrics(), run.config)
    _end(json_, record, f"The run is in {run.path}\nMeasure it{held_out}: {measure}")
    if nothing:
        complain(f"{run.path}: {nothing}")


def _estimate(fields: dict[str, Any], device: str | None, json_: bool) -> None:
    """Print an estimate of the memory and the time that the run would take."""
    from loopholes.games import game as make_game
    from loopholes.training.config import TrainConfig

    if find_spec("torch") is None:
        raise MissingExtra("torch", "train")
    config = TrainConfig.of(**fields)
    tasks = config.loaded_tasks(make_game(config.game, **config.parameters))
    from loopholes.training.estimate import Devices, estimate

    forecast = estimate(config, None if device is None else Devices.named(device), tasks=tasks)
    if json_:
        print_line({**asdict(forecast), "fits": forecast.fits, "hours": forecast.hours})
        return
    shape, devices = forecast.shape, forecast.devices
    trained = "all" if shape.trained == shape.parameters else _count(shape.trained)
    conclude(f"{_count(shape.parameters)} parameters, {trained} of them trained")
    conclude(
        f"Devices: {devices.count} x {devices.name}"
        + ("" if devices.memory is None else f", {_gb(devices.memory)} each")
    )
    parts = ", ".join(f"{name} {_gb(size)}" for name, size in forecast.memory.items())
    conclude(f"Memory on each: {_gb(sum(forecast.memory.values()))} ({parts})")
    if devices.count > 1:
        conclude(f"Sharded (FSDP, ZeRO-3): {_gb(sum(forecast.sharded.values()))} on each")
    conclude(FITS[forecast.fits])
    step = [value for value in forecast.seconds.values() if value is not None]
    if step:
        phases = ", ".join(f"{name} {plain(value)}" for name, value in forecast.seconds.items() if value is not None)
        conclude(f"A step: at most {plain(sum(step))} seconds ({phases}), if every answer is as long as allowed")
    if forecast.hours is not None:
        hours = forecast.hours
        time = f"{plain(hours)} hours" if hours >= 1 else _several(max(1, round(60 * hours)), "minute")
        conclude(f"{_several(forecast.steps or 0, 'step')}: at most {time}, without scoring and checkpoints")


def _several(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'}"


def _count(parameters: int) -> str:
    """A number of parameters, in the unit in which people say it."""
    return f"{parameters / 1e9:.3g} billion" if parameters >= 1e9 else f"{parameters / 1e6:.3g} million"


def _gb(size: float) -> str:
    return f"{size / 1e9:.3g} GB"


def _end(json_: bool, record: dict[str, Any], sentences: str) -> None:
    if json_:
        print_line(record)
    else:
        conclude(sentences)
