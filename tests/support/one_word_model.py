"""A model that says the same word to everything."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch

from support.checkpoints import make_model, make_tokenizer


def one_word_checkpoint(folder: Path, word: str) -> Path:
    """A checkpoint that always says ``word``: each token leads to the next, and attention adds nothing."""
    tokenizer = make_tokenizer("qwen3")
    model = make_model("qwen3", context=2048)
    chain = [*tokenizer("\n")["input_ids"][-1:], *tokenizer(word)["input_ids"], tokenizer.eos_token_id]
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                weight.zero_()
        model.config.tie_word_embeddings = False
        model.lm_head.weight = torch.nn.Parameter(torch.zeros_like(model.lm_head.weight))
        model.get_input_embeddings().weight.zero_()
        for place, (token, following) in enumerate(pairwise(chain)):
            model.get_input_embeddings().weight[token, place] = 1
            model.lm_head.weight[following, place] = 1
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
