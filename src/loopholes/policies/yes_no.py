"""The verdict of a model on its own answer: does it say yes?

Departs from the paper's released code, which lets the model write ten tokens greedily and counts the answer as "yes"
if "yes" occurs in them more often than "no". Here the logits of the first token decide, where every spelling of Yes
competes with every spelling of No: one forward pass instead of ten, and a verdict even if the model would have written
something else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from loopholes.errors import PolicyError
from loopholes.policies.prefix_tree import causal_model, lay_out, obstacle, tree_states
from loopholes.policies.sampling import left_pad
from loopholes.policies.tokens import context_length, encode_prompts
from loopholes.records import Message

YES = ("Yes", "yes", "YES", " Yes", " yes", " YES")
NO = ("No", "no", "NO", " No", " no", " NO")


class ModelAsker:
    """Asks a model yes/no questions, ``batch_size`` at a time. The model's mode is restored afterwards."""

    def __init__(self, model: Any, tokenizer: PreTrainedTokenizerBase, batch_size: int = 128) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._batch_size = batch_size
        self._yes = _first_tokens(tokenizer, YES)
        self._no = _first_tokens(tokenizer, NO)
        if not self._yes.isdisjoint(self._no):
            raise PolicyError("the tokenizer begins Yes and No with the same token, so they cannot be told apart")

    def says_yes(self, prompts: Sequence[Sequence[Message]]) -> list[bool]:
        """Whether the likeliest spelling of Yes is likelier than that of No, right after each generation prompt.

        Raises :class:`PolicyError` for a prompt longer than the model's context.
        """
        ids = self._encode(prompts)
        order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
        verdicts = [False] * len(ids)
        with _evaluating(self._model):
            for start in range(0, len(order), self._batch_size):
                rows = order[start : start + self._batch_size]
                for row, verdict in zip(rows, self._verdicts([ids[r] for r in rows]), strict=True):
                    verdicts[row] = verdict
        return verdicts

    def _encode(self, prompts: Sequence[Sequence[Message]]) -> list[list[int]]:
        ids = encode_prompts(self._tokenizer, prompts)
        context = context_length(self._model.config)
        longest = max((len(row) for row in ids), default=0)
        if context is not None and longest >= context:
            raise PolicyError(
                f"a self-grading question has {longest} tokens and its answer one more, which is over the model's "
                f"context of {context}: allow shorter completions"
            )
        return ids

    @torch.no_grad()
    def _verdicts(self, ids: list[list[int]]) -> list[bool]:
        logits = self._padded_logits(ids) if obstacle(self._model) else self._shared_logits(ids)
        yes, no = (logits[:, sorted(words)].max(dim=1).values for words in (self._yes, self._no))
        verdicts: list[bool] = (yes > no).tolist()
        return verdicts

    def _shared_logits(self, ids: list[list[int]]) -> torch.Tensor:
        """Logits after each row, (rows, vocabulary); prefixes that questions share are read once."""
        rows = [tuple(row) for row in ids]
        tree = lay_out(rows, causal_model(self._model))
        last = torch.tensor([int(tree.path(row)[-1]) for row in rows])
        logits: torch.Tensor = causal_model(self._model).lm_head(tree_states(self._model, tree)[last])
        return logits.float()

    def _padded_logits(self, ids: list[list[int]]) -> torch.Tensor:
        tokens, mask = left_pad(ids, self._tokenizer.pad_token_id, self._model.device)
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        out = self._model(
            input_ids=tokens, attention_mask=mask, position_ids=positions, use_cache=False, logits_to_keep=1
        )
        logits: torch.Tensor = out.logits[:, -1]
        return logits.float()


def _first_tokens(tokenizer: PreTrainedTokenizerBase, words: Sequence[str]) -> set[int]:
    """The token that each spelling begins with; a bare space begins both verdicts and is left out."""
    space = tokenizer(" ", add_special_tokens=False)["input_ids"]
    first = {tokenizer(word, add_special_tokens=False)["input_ids"][0] for word in words}
    return first - set(space)


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    """Evaluation mode for one block."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)
