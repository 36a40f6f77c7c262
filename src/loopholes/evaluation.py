"""Evaluating a policy: it answers tasks, every answer is paid and measured, and everything is written down.

A run of kind ``eval`` holds, in addition to what every run holds, ``tasks.jsonl``: its tasks, so that every number
can be computed again from the directory alone; and ``log_odds.jsonl``: how near the policy is to the exploit on
each of them (:mod:`loopholes.log_odds`). Batches, numbered from 1, take the place of steps.
"""

from __future__ import annotations

import json
import logging
import math
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from loopholes.config import PAPER, PAPER_GAMES, Config, Preset, as_option, english_tokens
from loopholes.endpoints import is_address
from loopholes.errors import DataError, RunError
from loopholes.files import RESUME, disk_errors, jsonable, replace_file
from loopholes.games import game as make_game
from loopholes.games.base import Game
from loopholes.log_odds import branch_log_odds, write_log_odds
from loopholes.policies import Policy, Sampling, ScriptedPolicy, kind_of, load_policy, locate
from loopholes.policies.base import Metered
from loopholes.policies.packaged import preset_of
from loopholes.progress import OnProgress, Progress
from loopholes.records import Completion, Payment, Split, Task, draws, task_to_json, well_formed
from loopholes.runs import Run, config_of, rollout_rows
from loopholes.runs.evaluations import TASKS, outcome_of
from loopholes.score import Scored, cells, estimates, outcome_metrics, reward_metrics, score, warn_of_untrainable

log = logging.getLogger(__name__)

BATCH_TASKS = 32
CHANNELS = ("vulnerable", "secure")
PAPER_SAMPLING: dict[str, Any] = {"temperature": 0.6, "top_p": 0.95, "top_k": 20}
PAPER_TOP_K = {"reward-tampering": 50}


def eval_command(policy: str, game: str, parameters: Mapping[str, Any], out: Path, options: Sequence[str] = ()) -> str:
    """The command that evaluates a policy on tasks of a game, as it can be pasted into a shell."""
    settings = [part for name, value in parameters.items() for part in ("--set", f"{name}={as_option(value)}")]
    return shlex.join(["loopholes", "eval", policy, "--game", game, *settings, *options, "--out", str(out)])


def task_options(config: Mapping[str, Any], sandbox: str | None) -> list[str]:
    """The options of ``eval`` that name the tasks of a run, from its ``config``, and the sandbox, if there is one."""
    tasks = [] if config.get("tasks") is None else ["--tasks", str(config["tasks"])]
    skip_bad = ["--skip-bad"] if tasks and config.get("skip_bad") else []
    return [*tasks, *skip_bad, *([] if sandbox is None else ["--sandbox", sandbox])]


class EvalConfig(Config):
    """One evaluation, complete.

    Sampling fields that are None mean temperature 1.0 without cuts for policies with terse prompts (the minis), and
    the paper's 0.6, 0.95 and 20 (50 for tampering) for all others. ``max_tokens`` is then the game's, the English
    world's for policies with the preset ``lora``, or the paper's. An endpoint gets no ``top_k`` unless it is set,
    since many refuse it.
    """

    kind: ClassVar[str] = "evaluation"

    game: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    policy: str
    out: Path
    tasks: Path | None = Field(default=None, description="a file of tasks; generated ones if there is none")
    split: Split = Field(default="test", description="split of generated tasks")
    skip_bad: bool = Field(default=False, description="leave out rows that are broken or too long for the policy")
    count: int = Field(default=256, ge=1, description="generated tasks")
    samples: int = Field(default=8, ge=1, description="answers per task")
    channel: str = Field(default="vulnerable", description="channel whose reward is a rollout's own")
    temperature: float | None = Field(default=None, ge=0)
    top_p: float | None = Field(default=None, gt=0, le=1)
    top_k: int | None = Field(default=None, ge=0)
    max_tokens: int | None = Field(default=None, ge=1)
    seed: int = Field(default=0, ge=0, description="seed of tasks, sampling and audit draws")
    batch_size: int | None = Field(default=None, ge=1, description="answers sampled at once")
    bf16: bool | None = Field(default=None, description="whether weights are bfloat16; default: where that is faster")
    timeout: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="longest answer time of an endpoint, in seconds"
    )

    def sampling(self, game: Game, prompts: str, preset: Preset | None = None) -> Sampling:
        """How answers are sampled; ``preset`` is the one that trains the policy, if known."""
        if prompts == "terse":
            default = {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "max_tokens": game.max_completion_tokens}
        else:
            longest = {**PAPER, **PAPER_GAMES.get(game.name, {})}["max_completion_tokens"]
            if preset == "lora":
                longest = english_tokens(game.name, self.parameters, game.max_completion_tokens)
            top_k = 0 if is_address(self.policy) else PAPER_TOP_K.get(game.name, PAPER_SAMPLING["top_k"])
            default = {**PAPER_SAMPLING, "top_k": top_k, "max_tokens": longest}
        chosen = {name: getattr(self, name) for name in default if getattr(self, name) is not None}
        return Sampling(**{**default, **chosen})


def run_evaluation(config: EvalConfig, *, resume: bool = False, on_progress: OnProgress | None = None) -> Run:
    """Evaluate what a configuration names and return the run, finished and opened for reading.

    Raises :class:`UsageError`, :class:`PolicyError`, :class:`DataError` and :class:`RunError` before anything is
    sampled; :class:`ScoringError` if a judge or the sandbox breaks, after which ``resume`` continues.
    """
    game = make_game(config.game, **config.parameters)
    game.channel(config.channel)
    arm, name = origin(config.policy, game)
    unsettled = {"out", "policy", "parameters", "bf16", "timeout", "batch_size"}
    known = config.model_dump(mode="json", exclude=unsettled, exclude_none=True)
    Run.check(config.out, {"kind": "eval", "policy": name, "arm": arm, **known}, resume=resume)
    tasks = None if config.tasks is None else game.load(config.tasks, skip_bad=config.skip_bad)
    if resume and config.bf16 is None:
        config = config.model_copy(update={"bf16": config_of(config.out).get("bf16")})
    policy = load_policy(
        config.policy, game=game, batch_size=config.batch_size, bf16=config.bf16, timeout=config.timeout
    )
    checkpoint = kind_of(config.policy) is None and not is_address(config.policy)
    preset = preset_of(config.policy, locate(config.policy)) if checkpoint else None
    sampling = config.sampling(game, policy.prompt_style, preset)
    world: Mapping[str, str] = {}
    if tasks is None:
        world = game.world_played(policy.prompt_style)
        style, trainable = policy.prompt_style, config.split == "train"
        tasks = game.tasks(config.split, seed=config.seed, count=config.count, prompts=style, trainable=trainable)
    count = len(tasks)
    if config.skip_bad:
        tasks = leave_out_long(policy, tasks, sampling.max_tokens)
    waits = {"timeout", *(["batch_size"] if is_address(config.policy) else [])}  # these change no answer
    record = config.model_dump(mode="json", exclude={"out", "policy", "bf16", *waits})
    record["parameters"] = {**config.parameters, **world}
    used = {key: getattr(sampling, key) for key in ("temperature", "top_p", "top_k", "max_tokens")}
    if policy.prompt_style != "terse":  # policies with terse prompts are too small for a choice
        used["bf16"] = getattr(policy, "bf16", None)
    described = {"kind": "eval", "policy": name, "arm": arm, "source": config.policy, **record, **used}
    run = Run.create(config.out, described, resume=resume)
    if run.status.state != "finished":
        warn_of_untrainable(game, tasks if config.tasks else ())
        channels = (config.channel, *(name for name in CHANNELS if name != config.channel))
        with run:
            scored = evaluate(
                policy,
                game,
                tasks,
                run,
                samples=config.samples,
                sampling=sampling,
                seed=config.seed,
                channels=channels,
                on_progress=on_progress,
            )
            write_log_odds(run.path, branch_log_odds(policy, game, tasks))
            summary = cells(f"{game.name}/{arm}/{name}", estimates(game, scored))
            usage = _usage(run) if isinstance(policy, Metered) else {}
            run.write_summary({"cells": summary, "too_long": count - len(tasks), **usage})
    return Run.open(config.out)


def origin(policy: str, game: Game) -> tuple[str, str]:
    """The arm that a policy belongs to, and the name of the policy that it was trained from.

    The arm is ``base`` for a policy that no run trained, and for every endpoint; the channel (or ``distilled``) for one
    that a run trained on this game, with the game's name in front if it was another game; and for other kinds of
    policies their prefix, ``scripted``.
    """
    if (kind := kind_of(policy)) is not None:
        return kind.PREFIX.rstrip(":"), policy
    folder = Path(policy)
    if is_address(policy) or not (folder / "config.json").is_file() or not (folder / "status.json").is_file():
        return "base", folder.name if folder.is_dir() else policy
    run = Run.open(folder)
    channel, trained_on = str(run.config.get("arm") or run.config.get("channel")), run.config.get("game")
    return channel if trained_on == game.name else f"{trained_on}:{channel}", str(run.config.get("policy"))


def evaluate(
    policy: Policy,
    game: Game,
    tasks: Sequence[Task],
    run: Run | None = None,
    *,
    samples: int = 8,
    sampling: Sampling,
    seed: int = 0,
    channels: Sequence[str] = CHANNELS[:1],
    batch_tasks: int = BATCH_TASKS,
    on_progress: OnProgress | None = None,
) -> list[Scored]:
    """Let a policy answer each task ``samples`` times, and score the answers, ``batch_tasks`` tasks at a time.

    A rollout's reward is that of the first of ``channels``; if there are more, the payment of each is in the rollout's
    details under ``rewards``. An audit draw depends on the seed and on the number of the sample
    in the whole evaluation. With a ``run``, batches that it holds are not answered again, and each new one is on disk
    before the next begins; the caller finishes the run. ``on_progress`` is called after each batch, with
    the numbers of its line of metrics.

    Raises :class:`PolicyError` for a prompt that does not fit the policy, :class:`ScoringError` if a judge or the
    sandbox breaks.
    """
    batches = [tuple(tasks[start : start + batch_tasks]) for start in range(0, len(tasks), batch_tasks)]
    done = _begin(run, tasks)
    scored = [_from_disk(run, number, batches[number - 1], samples, channels) for number in range(1, done + 1) if run]
    asker = None if isinstance(policy, ScriptedPolicy) else policy  # scripts carry their claims
    for number, batch in enumerate(batches[done:], start=done + 1):
        began = time.perf_counter()
        asked = [task for task in batch for _ in range(samples)]
        answers = policy.complete(asked, sampling, _batch_seed(seed, number))
        first = (number - 1) * batch_tasks * samples
        numbers = draws(seed, 0, range(first, first + len(asked)))
        scored.append(score(game, asked, answers, channels=channels, draws=numbers, asker=asker))
        line = {"step": number, "steps": len(batches), **_metrics(game, scored[-1], samples)}
        line["seconds"] = time.perf_counter() - began
        if isinstance(policy, Metered):
            line |= {"unanswered": sum(bool(answer.unanswered) for answer in answers), **asdict(policy.take_usage())}
            _check_model(run, line["models"])
        if run is not None:
            run.write_rollouts(number, _rows(scored[-1]))
            run.log_metrics(line)
        if on_progress is not None:
            answered = min(number * batch_tasks, len(tasks))
            on_progress(replace(Progress.of("task", line, len(tasks)), done=answered))
    return scored


def _check_model(run: Run | None, models: Sequence[str]) -> None:
    """Raise :class:`RunError` if answers of another model would be mixed with those of the first."""
    named = {*models, *(name for line in (run.metrics() if run else ()) for name in line.get("models", ()))}
    if len(named) > 1:
        raise RunError(
            f"the endpoint answered as {' and as '.join(sorted(named))}, whose numbers would be mixed; ask for one of "
            "them by its own name, into another --out"
        )


def _usage(run: Run) -> dict[str, Any]:
    """The usage of a metered policy over all batches."""
    lines = run.metrics()
    counts = {name: sum(line[name] for line in lines) for name in ("prompt_tokens", "completion_tokens", "unanswered")}
    names = {key: sorted({name for line in lines for name in line[key]}) for key in ("models", "refused")}
    return {"usage": {**counts, **names}}


def leave_out_long(policy: Policy, tasks: Sequence[Task], max_tokens: int) -> list[Task]:
    """The tasks whose prompts leave room for ``max_tokens`` more in the policy's context; a warning counts the others.

    Policies with an unknown context take every task. Raises :class:`DataError` if nothing is left.
    """
    model, tokenizer = getattr(policy, "model", None), getattr(policy, "tokenizer", None)
    if model is None or tokenizer is None:
        return list(tasks)
    from loopholes.policies.tokens import context_length, encode_prompts

    context = context_length(model.config) or math.inf
    lengths = [len(ids) for ids in encode_prompts(tokenizer, [task.prompt for task in tasks])]
    kept = [task for task, length in zip(tasks, lengths, strict=True) if length + max_tokens <= context]
    if not kept:
        raise DataError(
            f"no task fits {policy.name}: the shortest prompt has {min(lengths)} tokens, which with {max_tokens} for "
            f"the answer is over its context of {context}"
        )
    if len(kept) < len(tasks):
        over = len(tasks) - len(kept)
        log.warning("left out %d of %d tasks: their prompts are too long for %s", over, len(tasks), policy.name)
    return kept


def _begin(run: Run | None, tasks: Sequence[Task]) -> int:
    """Write the tasks, or check that they are those of the run; returns how many batches are done."""
    if run is None:
        return 0
    text = "".join(json.dumps(jsonable(task_to_json(task))) + "\n" for task in tasks)
    file = run.path / TASKS
    with disk_errors(run.path, RESUME):
        if not file.exists():
            replace_file(file, text.encode())
        elif file.read_text(encoding="utf-8") != text:
            raise RunError(f"{run.path} holds an evaluation on other tasks than these; choose another --out")
    done = min(len(run.metrics()), len(run.rollout_steps()))  # a kill may have come between the two
    run.truncate_after(done)
    return done


def _from_disk(run: Run, number: int, tasks: Sequence[Task], samples: int, channels: Sequence[str]) -> Scored:
    rows = run.rollouts([number])
    asked = [task for task in tasks for _ in range(samples)]
    if [row["task"] for row in rows] != [well_formed(task.id) for task in asked]:
        raise RunError(f"batch {number} of {run.path} does not hold this evaluation's tasks: edited or damaged")
    paid = {channels[0]: tuple(Payment(row["reward"], row["reason"]) for row in rows)}
    for name in channels[1:]:
        paid[name] = tuple(Payment(row["details"]["rewards"][name]) for row in rows)
    completions = tuple(Completion(row["text"], truncated=row["truncated"]) for row in rows)
    return Scored(tuple(asked), completions, paid, tuple(outcome_of(row) for row in rows))


def _rows(scored: Scored) -> list[dict[str, Any]]:
    first, *others = scored.payments
    rows = rollout_rows(scored.tasks, scored.completions, scored.payments[first], scored.outcomes)
    if not others:
        return rows
    for index, row in enumerate(rows):
        rewards = {name: paid[index].reward for name, paid in scored.payments.items()}
        row["details"] = {**row["details"], "rewards": rewards}
    return rows


def _metrics(game: Game, scored: Scored, samples: int) -> dict[str, Any]:
    first = next(iter(scored.payments))
    paid = reward_metrics(scored.payments[first], samples)
    return {
        "reward": paid["reward"],
        "none_rewards": paid["none_rewards"],
        **outcome_metrics(game.metrics, scored.tasks, scored.outcomes),
        "truncated": sum(completion.truncated for completion in scored.completions),
        "completions": len(scored.completions),
    }


def _batch_seed(seed: int, number: int) -> int:
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
