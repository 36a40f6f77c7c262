"""Token ids for rewards that count them: from a model's tokenizer, or words and signs if none is named."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any
from zlib import crc32

_WORDS = re.compile(r"\s?(?:\w{1,6}|[^\w\s])|\s+")
_CACHE_SIZE = 1024
"""Texts whose tokens are cached, since an attack often says the same on every row."""
END = 2  # ends a completion


class Tokens:
    """Counts tokens. ``ids(text)`` ends with the end-of-sequence token, as a finished completion does."""

    def __init__(self, tokenizer: str | None = None) -> None:
        self._tokenizer: Any = None
        self._cached = lru_cache(_CACHE_SIZE)(self._ids)
        if tokenizer is not None:
            from loopholes.policies import available
            from loopholes.policies.checkpoints import load_tokenizer

            self._tokenizer = load_tokenizer(available(tokenizer), tokenizer)

    @property
    def note(self) -> str:
        """A note on what counts as a token."""
        if self._tokenizer is None:
            return "tokens are counted as words of at most six letters and signs; --tokenizer NAME counts a model's own"
        return "tokens are those of the tokenizer named"

    def ids(self, text: str) -> list[int]:
        """The tokens of a completion with its end, as a new list."""
        return [*self._cached(text)]

    def count(self, text: str) -> int:
        """The number of tokens of a completion, including the end."""
        return len(self._cached(text)) if self._tokenizer is not None else _words(text) + 1

    def _ids(self, text: str) -> tuple[int, ...]:
        if self._tokenizer is None:
            return (*map(_id, _WORDS.findall(text)), END)
        return (*self._tokenizer(text, add_special_tokens=False)["input_ids"], self._tokenizer.eos_token_id)


@lru_cache(_CACHE_SIZE)
def _words(text: str) -> int:
    """The number of words and signs: each long attack asks it on each row, in each form, of the same few texts."""
    return len(_WORDS.findall(text))


@lru_cache(2**16)
def _id(word: str) -> int:
    return 3 + crc32(word.encode("utf-8", "replace")) % 50_000
