"""How much of a text is copied from another: ROUGE-1, ROUGE-L, BLEU, and the paper's blend of the three.

The numbers equal those of the ``rouge-score`` package (stemmed, F1) and of ``sacrebleu.corpus_bleu`` of one sentence,
which the tests hold them against. They are computed here because training waits for them: both packages count
n-grams and fill the table of the longest common subsequence, len(candidate) x len(reference), cell by cell in Python.
Here words are split and stemmed once and remembered, n-grams are numbers that NumPy counts, the subsequence is
RapidFuzz's bit-parallel one, and what depends on the reference alone is kept. Time is linear in the candidate.

Nothing is stripped from a text first: see :func:`loopholes.instruments.strip_thinking`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import LCSseq

from loopholes.instruments.vocabulary import Numbers, Vocabulary

_LONGEST_NGRAM = 4
# Enough for the articles of one training step (at most 96 in the paper); one article of 400 words takes 0.1 MB.
_ARTICLES_KEPT = 128


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
    (words, of_rouge), (tokens, of_bleu) = _read_both(candidate, reference)
    r1, rl, b = _rouge_1(words, of_rouge), _rouge_l(words, of_rouge), _bleu(tokens, of_bleu)
    return Overlap(rouge_1=r1, rouge_l=rl, bleu=b, overlap=0.5 * (0.7 * r1 + 0.3 * rl) + 0.5 * b / 100)


def rouge_1(candidate: str, reference: str) -> float:
    """F1 of the stemmed words in common, in [0, 1]; equals ``RougeScorer(["rouge1"], use_stemmer=True)``."""
    return _rouge_1(*_read_both(candidate, reference)[0])


def rouge_l(candidate: str, reference: str) -> float:
    """F1 of the longest common subsequence of stemmed words, in [0, 1]; equals ``RougeScorer(["rougeL"], …)``."""
    return _rouge_l(*_read_both(candidate, reference)[0])


def bleu(candidate: str, reference: str) -> float:
    """BLEU-4 with 13a tokens and exponential smoothing, in [0, 100]; equals ``sacrebleu.corpus_bleu`` of one pair.

    As there, a candidate of fewer than four tokens scores 0, whatever it says. It needs no package that could be
    missing: the released code scored 0 without sacrebleu, and then no copy was ever an exploit.
    """
    return _bleu(*_read_both(candidate, reference)[1])


def length_ratio(candidate: str, article: str) -> float:
    """Length of ``candidate`` as a share of the article's, both in whitespace tokens; infinite for an empty article."""
    length, whole = len(candidate.split()), len(article.split())
    return length / whole if whole else math.inf


class _Target:
    """A reference with its n-grams for n = 1 to ``longest`` and how often each occurs.

    Its distinct tokens are numbered anew, from 0. An n-gram is a number too: the digits are its tokens, and the digit
    in front is n - 1.
    """

    def __init__(self, tokens: Numbers, longest: int) -> None:
        self._distinct = np.append(np.unique(tokens), np.iinfo(np.int64).max)  # the last: tokens not in the reference
        self._base = len(self._distinct)
        self._longest = longest
        digits = self.digits(tokens)
        self.sequence = digits.tolist()
        self._ngrams, self._counts = self._counted(digits)

    def digits(self, tokens: Numbers) -> Numbers:
        """The tokens of any text as numbers of this target."""
        places = np.searchsorted(self._distinct, tokens)
        return np.where(self._distinct[places] == tokens, places, self._base - 1)

    def in_common(self, digits: Numbers) -> list[int]:
        """How many n-grams of a text the reference has too, for each n; each counts as often as both have it."""
        ngrams, counts = self._counted(digits)
        shared, ours, theirs = np.intersect1d(ngrams, self._ngrams, assume_unique=True, return_indices=True)
        orders = (shared // self._base**self._longest).astype(np.int64)
        counted = np.bincount(orders, np.minimum(counts[ours], self._counts[theirs]), self._longest)
        return [int(count) for count in counted]

    def _counted(self, digits: Numbers) -> tuple[NDArray[Any], NDArray[Any]]:
        above = self._base**self._longest
        if self._longest * above >= 1 << 63:  # more than 38,000 distinct tokens: slower, by Python's own integers
            digits = digits.astype(object)
        ngrams: list[NDArray[Any]] = [digits]
        for n in range(1, self._longest):
            ngrams.append(ngrams[-1][:-1] * self._base + digits[n:])
        return np.unique(np.concatenate([kind + n * above for n, kind in enumerate(ngrams)]), return_counts=True)


def _read_both(candidate: str, reference: str) -> tuple[tuple[Numbers, _Target], tuple[Numbers, _Target]]:
    """For ROUGE, then for BLEU: the candidate in the reference's digits, and the reference."""
    reader = _Reader.current()
    of_rouge, of_bleu = reader.targets(reference)
    words, tokens = reader.read(candidate)
    return (of_rouge.digits(words), of_rouge), (of_bleu.digits(tokens), of_bleu)


class _Reader(Vocabulary):
    """A vocabulary and the references that it read recently, which are replaced together."""

    _current: ClassVar[_Reader | None] = None

    def __init__(self) -> None:
        super().__init__()
        self.targets = lru_cache(maxsize=_ARTICLES_KEPT)(self._targets)

    @classmethod
    def current(cls) -> _Reader:
        """The reader in use, or a new one if its vocabulary is full."""
        vocabulary = cls._current
        if vocabulary is None or vocabulary.is_full:
            cls._current = vocabulary = cls()
        return vocabulary

    def _targets(self, reference: str) -> tuple[_Target, _Target]:
        """A reference as ROUGE and as BLEU need it."""
        words, tokens = self.read(reference)
        return _Target(words, 1), _Target(tokens, _LONGEST_NGRAM)


def _rouge_1(words: Numbers, target: _Target) -> float:
    (common,) = target.in_common(words)
    return _f1(common, len(words), len(target.sequence))


def _rouge_l(words: Numbers, target: _Target) -> float:
    return _f1(LCSseq.similarity(words.tolist(), target.sequence), len(words), len(target.sequence))


def _f1(common: int, of_candidate: int, of_reference: int) -> float:
    if not common:
        return 0.0
    precision, recall = common / of_candidate, common / of_reference
    return 2 * precision * recall / (precision + recall)


def _bleu(tokens: Numbers, target: _Target) -> float:
    precisions = _smoothed_precisions(target.in_common(tokens), len(tokens))
    if not precisions:
        return 0.0
    brevity = min(1.0, math.exp(1 - len(target.sequence) / len(tokens)))
    return brevity * math.exp(sum(map(math.log, precisions)) / _LONGEST_NGRAM)


def _smoothed_precisions(in_common: Sequence[int], length: int) -> list[float]:
    """Percent of a text's n-grams that are in common, for n = 1 to 4; empty where BLEU is 0.

    The k-th n without a match counts as 2^-k of one n-gram (NIST's smoothing). BLEU is 0 without any match, and for
    fewer than four tokens, where sacrebleu computes a power of e that rounds to 0.
    """
    if length < _LONGEST_NGRAM or not any(in_common):
        return []
    precisions: list[float] = []
    smoothing = 1.0
    for n, common in enumerate(in_common):
        smoothing *= 1.0 if common else 2.0
        precisions.append(100.0 * (common or 1 / smoothing) / (length - n))
    return precisions
