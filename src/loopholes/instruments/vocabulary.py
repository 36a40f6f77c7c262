"""How ROUGE and BLEU split texts, and a memory for it: most of a text has been split and stemmed before.

The words are those of the ``rouge-score`` package with its stemmer, the tokens those of ``sacrebleu``'s 13a. Both come
as numbers, because numbers are counted faster than strings.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import count
from typing import TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Numbers: TypeAlias = NDArray[np.int64]

_SIZE = 1 << 18  # pieces and numbers in a vocabulary: some 50 MB; English news rarely fill it
_LONGEST_KEPT = 40  # characters; real words are shorter

_WORD = re.compile(r"[a-z0-9]+")
# The rules of NIST's mteval-v13a, in their order: each rule sees what the one before it left.
_13A_RULES = (
    # every ASCII symbol except . , - ' stands alone
    (re.compile(r"([!-&(-+/:-@\[-`{-~])"), r" \1 "),
    # so do full stop and comma, except between digits
    (re.compile(r"([^0-9])([.,])"), r"\1 \2 "),
    (re.compile(r"([.,])([^0-9])"), r" \1 \2"),
    # and a hyphen after a digit
    (re.compile(r"([0-9])(-)"), r"\1 \2 "),
)
_13A_ALONE = frozenset('!"#$%&()*+,./:;<=>?@[\\]^_`{|}~')  # at the end of a word or number
_13A_REPLACED = (("<skipped>", ""), ("-\n", ""), ("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))


class Vocabulary:
    """The words and tokens met so far, numbered, and the short pieces of text between white space as rows of numbers.

    Endless new texts cannot fill the memory: a full vocabulary should be replaced, and long words are stored as
    digests. Only texts that were read by the same vocabulary can be compared.
    """

    def __init__(self) -> None:
        self._numbers = defaultdict[str | bytes, int](count().__next__)
        self._stems = _Memory(_stem)
        self._pieces = _Memory(self._split)

    @property
    def is_full(self) -> bool:
        """Whether it should be replaced by a new one."""
        return len(self._numbers) + len(self._stems) + len(self._pieces) > _SIZE

    def read(self, text: str) -> tuple[Numbers, Numbers]:
        """ROUGE's words and BLEU's tokens.

        Apart from BLEU's initial replacements, no rule of either looks beyond the white space around a piece of text.
        """
        rewritten = text = text.rstrip()
        for old, new in _13A_REPLACED:
            rewritten = rewritten.replace(old, new)
        pieces = self._pieces_of(text)
        of_bleu = pieces if rewritten == text else self._pieces_of(rewritten)
        words, tokens = b"".join([words for words, _ in pieces]), b"".join([tokens for _, tokens in of_bleu])
        return np.frombuffer(words, np.int64), np.frombuffer(tokens, np.int64)

    def _pieces_of(self, text: str) -> list[tuple[bytes, bytes]]:
        return list(map(self._pieces.__getitem__, text.split()))

    def _split(self, piece: str) -> tuple[bytes, bytes]:
        words = filter(None, map(self._stems.__getitem__, _WORD.findall(piece.lower())))
        return self._numbered(words), self._numbered(_tokens_13a(piece))

    def _numbered(self, tokens: Iterable[str]) -> bytes:
        keys = (token if len(token) <= _LONGEST_KEPT else _digest(token) for token in tokens)
        return array("q", map(self._numbers.__getitem__, keys)).tobytes()


class _Memory(dict[str, T]):
    """Remembers what a function returns for short texts."""

    def __init__(self, make: Callable[[str], T]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, text: str) -> T:
        result = self._make(text)
        if len(text) <= _LONGEST_KEPT:
            self[text] = result
        return result


def _digest(token: str) -> bytes:
    return hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _stem(word: str) -> str:
    """ROUGE stems words of more than three letters."""
    return _stemmer()(word) if len(word) > 3 else word


@lru_cache(maxsize=1)
def _stemmer() -> Callable[[str], str]:
    # Imported on first use: NLTK takes most of a second to import, which commands without stems should not pay.
    from nltk.stem.porter import PorterStemmer  # type: ignore[import-untyped]

    return cast(Callable[[str], str], PorterStemmer().stem)


def _tokens_13a(piece: str) -> list[str]:
    """The 13a tokens of a piece of text with white space around it."""
    if piece.isalnum():
        return [piece]
    if piece[-1] in _13A_ALONE and piece[:-1].isalnum():  # by far the most frequent of the rest
        return [piece[:-1], piece[-1]]
    piece = f" {piece} "
    for rule, spaced in _13A_RULES:
        piece = rule.sub(spaced, piece)
    return piece.split()
