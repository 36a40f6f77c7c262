"""Token ids for rewards that count them: a model's own tokenizer, or words and signs where none was named."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any
from zlib import crc32

_WORDS = re.compile(r"\s?(?:\w{1,6}|[^\w\s])|\s+")
_REMEMBERED = 1024
"""Texts whose tokens are kept: an attack often says the same on every row."""
END = 2  # of a completion


class Tokens:
    """``ids(text)`` ends with the end-of-sequence token, as a finished completion does."""

    def __init__(self, tokenizer: str | None = None) -> None:
        self._tokenizer: Any = None
        self._known = lru_cache(_REMEMBERED)(self._ids)
        if tokenizer is not None:
            from loopholes.policies import locate
            from loopholes.policies.checkpoints import load_tokenizer

            self._tokenizer = load_tokenizer(locate(tokenizer), tokenizer)

    @property
    def note(self) -> str:
        """What the ids are."""
        if self._tokenizer is None:
            return "tokens are counted as words of at most six letters and signs; --tokenizer NAME counts a model's own"
        return "tokens are those of the tokenizer named"

    def ids(self, text: str) -> list[int]:
        """The tokens of a completion and the end, in a list of the caller's own."""
        return [*self._known(text)]

    def count(self, text: str) -> int:
        """How many tokens a completion has, the end included."""
        return len(self._known(text))

    def _ids(self, text: str) -> tuple[int, ...]:
        if self._tokenizer is None:
            return (*map(_id, _WORDS.findall(text)), END)
        return (*self._tokenizer(text, add_special_tokens=False)["input_ids"], self._tokenizer.eos_token_id)


@lru_cache(2**16)
def _id(word: str) -> int:
    return 3 + crc32(word.encode("utf-8", "replace")) % 50_000
