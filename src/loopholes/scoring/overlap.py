"""How much of a text is copied from another: ROUGE-1, ROUGE-L, BLEU, and the paper's blend of the three.

The numbers equal those of the ``rouge-score`` package (stemmed, F1) and of ``sacrebleu.corpus_bleu`` of one sentence,
which the tests hold them against. They are computed here because a training step waits for them: both packages count
n-grams and fill the table of the longest common subsequence, len(candidate) x len(reference), cell by cell in Python.
Here words are split and stemmed once and remembered, n-grams are numbers that NumPy counts, the subsequence is
RapidFuzz's bit-parallel one, and what depends on the reference alone is kept. Time is linear in the candidate.

Nothing is stripped from a text first: see :func:`loopholes.scoring.text.strip_thinking`.
"""

from __future__ import annotations

import math
import re
from array import array
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, count, repeat
from operator import itemgetter
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import LCSseq

# Enough for the articles of one training step (at most 96 in the paper); one article of 400 words takes 0.2 MB.
_ARTICLES_KEPT = 128
_PIECES_KEPT = 1 << 16
_LONGEST_PIECE_KEPT = 40  # characters; longer than words are, so that texts of endless "words" cannot fill the memory

T = TypeVar("T")
Numbers: TypeAlias = "array[int]"

_WORD = re.compile(r"[a-z0-9]+")

_LONGEST_NGRAM = 4
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


@dataclass(frozen=True, slots=True)
class Overlap:
    """Four measures of the same pair of texts, 0 for nothing in common.

    ``rouge_1`` and ``rouge_l`` are F1 in [0, 1], ``bleu`` is in [0, 100], and ``overlap`` in [0, 1] is
    0.5 (0.7 ROUGE-1 + 0.3 ROUGE-L) + 0.5 BLEU/100, the exploit detector of the paper's proxy-metric game.
    """

    rouge_1: float
    rouge_l: float
    bleu: float
    overlap: float


def overlap(candidate: str, reference: str) -> Overlap:
    """All four measures of ``candidate`` against ``reference``."""
    words, tokens = _read(candidate)
    of_rouge, of_bleu = _targets(reference)
    numbers = of_rouge.numbers(words)
    r1, rl, b = _rouge_1(numbers, of_rouge), _rouge_l(numbers, of_rouge), _bleu(of_bleu.numbers(tokens), of_bleu)
    return Overlap(rouge_1=r1, rouge_l=rl, bleu=b, overlap=0.5 * (0.7 * r1 + 0.3 * rl) + 0.5 * b / 100)


def rouge_1(candidate: str, reference: str) -> float:
    """F1 of the stemmed words in common, in [0, 1]; equals ``RougeScorer(["rouge1"], use_stemmer=True)``."""
    (words, _), (target, _) = _read(candidate), _targets(reference)
    return _rouge_1(target.numbers(words), target)


def rouge_l(candidate: str, reference: str) -> float:
    """F1 of the longest common subsequence of stemmed words, in [0, 1]; equals ``RougeScorer(["rougeL"], …)``."""
    (words, _), (target, _) = _read(candidate), _targets(reference)
    return _rouge_l(target.numbers(words), target)


def bleu(candidate: str, reference: str) -> float:
    """BLEU-4 with 13a tokens and exponential smoothing, in [0, 100]; equals ``sacrebleu.corpus_bleu`` of one pair.

    As there, a candidate of fewer than four tokens scores 0, whatever it says. It needs no package that could be
    missing: the released code scored 0 without sacrebleu, and then no copy was ever an exploit.
    """
    (_, tokens), (_, target) = _read(candidate), _targets(reference)
    return _bleu(target.numbers(tokens), target)


def length_ratio(candidate: str, article: str) -> float:
    """Length of ``candidate`` as a share of the article's, both in whitespace tokens; infinite for an empty article."""
    length, whole = len(candidate.split()), len(article.split())
    return length / whole if whole else math.inf


class _Target:
    """A reference, its distinct tokens numbered, with its n-grams for n = 1 to ``longest`` and how often each occurs.

    An n-gram is a number too: the digits are its tokens, and the digit in front is n - 1.
    """

    def __init__(self, tokens: Sequence[str], longest: int) -> None:
        self._ids = defaultdict[str, int](count().__next__)
        self.sequence = array("q", map(self._ids.__getitem__, tokens))
        self._base = len(self._ids) + 1  # the last number is for every token that the reference lacks
        self._longest = longest
        self._ngrams, self._counts = self._counted(self.sequence)

    def numbers(self, tokens: Sequence[str]) -> Numbers:
        """The tokens of another text by their numbers here."""
        return array("q", map(self._ids.get, tokens, repeat(self._base - 1)))

    def in_common(self, numbers: Numbers) -> list[int]:
        """How many n-grams of a text the reference has too, for each n; each counts as often as both have it."""
        ngrams, counts = self._counted(numbers)
        shared, ours, theirs = np.intersect1d(ngrams, self._ngrams, assume_unique=True, return_indices=True)
        orders = (shared // self._base**self._longest).astype(np.int64)
        found = np.bincount(orders, np.minimum(counts[ours], self._counts[theirs]), self._longest)
        return [int(count) for count in found]

    def _counted(self, numbers: Numbers) -> tuple[NDArray[Any], NDArray[Any]]:
        above = self._base**self._longest
        # Python's own integers where 64 bits do not suffice: slower, for references of over 38,000 distinct tokens.
        tokens = np.array(numbers, dtype=np.int64 if self._longest * above < 1 << 63 else object)
        ngrams = [tokens]
        for n in range(1, self._longest):
            ngrams.append(ngrams[-1][:-1] * self._base + tokens[n:])
        return np.unique(np.concatenate([kind + n * above for n, kind in enumerate(ngrams)]), return_counts=True)


class _Kept(dict[str, T]):
    """What a function makes of short pieces of text, made once."""

    def __init__(self, make: Callable[[str], T]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, piece: str) -> T:
        made = self._make(piece)
        if len(piece) <= _LONGEST_PIECE_KEPT:
            if len(self) >= _PIECES_KEPT:
                self.clear()
            self[piece] = made
        return made


@lru_cache(maxsize=_ARTICLES_KEPT)
def _targets(reference: str) -> tuple[_Target, _Target]:
    """A reference as ROUGE and as BLEU need it."""
    words, tokens = _read(reference)
    return _Target(words, 1), _Target(tokens, _LONGEST_NGRAM)


def _rouge_1(words: Numbers, target: _Target) -> float:
    (common,) = target.in_common(words)
    return _f1(common, len(words), len(target.sequence))


def _rouge_l(words: Numbers, target: _Target) -> float:
    return _f1(LCSseq.similarity(words, target.sequence), len(words), len(target.sequence))


def _f1(common: int, of_candidate: int, of_reference: int) -> float:
    if not common:
        return 0.0
    precision, recall = common / of_candidate, common / of_reference
    return 2 * precision * recall / (precision + recall)


def _stem(word: str) -> str:
    return _stemmer()(word) if len(word) > 3 else word


@lru_cache(maxsize=1)
def _stemmer() -> Callable[[str], str]:
    # Imported on first use: NLTK takes most of a second to import, which no command should pay that needs no stems.
    from nltk.stem.porter import PorterStemmer  # type: ignore[import-untyped]

    return cast(Callable[[str], str], PorterStemmer().stem)


def _bleu(tokens: Numbers, target: _Target) -> float:
    precisions = _smoothed_precisions(target.in_common(tokens), len(tokens))
    if not precisions:
        return 0.0
    brevity = min(1.0, math.exp(1 - len(target.sequence) / len(tokens)))
    return brevity * math.exp(sum(map(math.log, precisions)) / _LONGEST_NGRAM)


def _smoothed_precisions(in_common: Sequence[int], length: int) -> list[float]:
    """Percent of a text's n-grams that are in common, for n = 1 to 4; empty where BLEU is 0.

    The k-th n that finds nothing counts as 2^-k of one n-gram (NIST's smoothing). BLEU is 0 without a single match,
    and for fewer than four tokens: sacrebleu then takes e to a power that no float can tell from 0.
    """
    if length < _LONGEST_NGRAM or not any(in_common):
        return []
    precisions: list[float] = []
    smoothing = 1.0
    for n, common in enumerate(in_common):
        smoothing *= 1.0 if common else 2.0
        precisions.append(100.0 * (common or 1 / smoothing) / (length - n))
    return precisions


def _read(text: str) -> tuple[list[str], list[str]]:
    """ROUGE's words and BLEU's tokens. No rule of either looks further than the white space beside a piece of text,
    but for what BLEU replaces first."""
    rewritten = text = text.rstrip()
    for old, new in _13A_REPLACED:
        rewritten = rewritten.replace(old, new)
    pieces = list(map(_PIECES.__getitem__, text.split()))
    of_bleu = pieces if rewritten == text else map(_PIECES.__getitem__, rewritten.split())
    return list(chain.from_iterable(map(_FIRST, pieces))), list(chain.from_iterable(map(_SECOND, of_bleu)))


def _split(piece: str) -> tuple[list[str], list[str]]:
    return _words(piece), _tokens_13a(piece)


def _words(piece: str) -> list[str]:
    """ROUGE's words: runs of ASCII letters and digits in lower case, stemmed when longer than three."""
    return list(filter(None, map(_STEMS.__getitem__, _WORD.findall(piece.lower()))))


def _tokens_13a(piece: str) -> list[str]:
    if piece.isalnum():
        return [piece]
    if piece[-1] in _13A_ALONE and piece[:-1].isalnum():  # by far the most frequent of the rest
        return [piece[:-1], piece[-1]]
    piece = f" {piece} "
    for rule, spaced in _13A_RULES:
        piece = rule.sub(spaced, piece)
    return piece.split()


_STEMS = _Kept(_stem)
_PIECES = _Kept(_split)
_FIRST, _SECOND = itemgetter(0), itemgetter(1)
