"""How likely a causal language model is to give an answer: its tokens are forced, and nothing is sampled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from loopholes.policies.sampling import left_pad
from loopholes.policies.tokens import context_length, encode_prompts, encode_texts
from loopholes.records import END, Message

LOGITS = 2**28  # largest number of logits in one pass: a gigabyte


@torch.no_grad()
def log_likelihoods(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Sequence[Message]],
    answers: Sequence[str],
    batch_size: int,
) -> list[float]:
    """The log-probability of each answer after its prompt (natural logarithm, temperature 1), in order.

    An answer that ends in ``END`` stops there; any other stands for every answer that begins with it. NaN for a prompt
    and answer that together are longer than the model's context.
    """
    ids = encode_prompts(tokenizer, prompts)
    texts = encode_texts(tokenizer, [answer.removesuffix(END) for answer in answers])
    forced = [
        tokens + [tokenizer.eos_token_id] * answer.endswith(END) for tokens, answer in zip(texts, answers, strict=True)
    ]
    rows = [prompt + answer for prompt, answer in zip(ids, forced, strict=True)]
    longest = context_length(model.config)
    fitting = [row for row in range(len(rows)) if longest is None or len(rows[row]) <= longest]
    order = sorted(fitting, key=lambda row: (len(rows[row]), len(forced[row])))
    likelihoods = [float("nan")] * len(rows)
    most = LOGITS // ((max(map(len, forced), default=0) + 1) * model.config.get_text_config().vocab_size)
    batch_size = max(1, min(batch_size, most))
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        sums = _forced(model, [rows[i] for i in batch], [len(forced[i]) for i in batch], tokenizer.pad_token_id)
        for index, total in zip(batch, sums, strict=True):
            likelihoods[index] = total
    return likelihoods


def _forced(model: Any, rows: Sequence[list[int]], lengths: Sequence[int], pad: int) -> list[float]:
    """For each row of tokens the log-probability of its last tokens, as many as ``lengths`` says."""
    ids, mask = left_pad(rows, pad, model.device)
    kept = max(lengths) + 1
    logits = model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=(mask.cumsum(1) - 1).clamp(min=0),
        use_cache=False,
        logits_to_keep=kept,
    ).logits
    log_probs = logits[:, -kept:-1].float().log_softmax(dim=-1)  # (rows, longest answer, vocabulary)
    chosen = log_probs.gather(-1, ids[:, 1 - kept :, None])[..., 0].double() if kept > 1 else ids[:, :0].double()
    return [float(row[len(row) - length :].sum()) for row, length in zip(chosen, lengths, strict=True)]
