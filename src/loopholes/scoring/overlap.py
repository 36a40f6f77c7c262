"""How much of a text is copied from another: ROUGE-1, ROUGE-L, BLEU, and the paper's blend of the three.

The numbers equal those of the ``rouge-score`` package (stemmed, F1) and of ``sacrebleu.corpus_bleu`` of one sentence,
which the tests hold them against. They are computed here because a training step scores many candidates against the
same few articles: what depends on the article alone is kept, and the longest common subsequence, a table of
len(candidate) x len(article) in ``rouge-score``, is RapidFuzz's bit-parallel one.

Nothing is stripped from a text first: see :func:`loopholes.scoring.text.strip_thinking`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from rapidfuzz.distance import LCSseq

# Enough for the articles of one training step (at most 96 in the paper); one article of 400 words takes 0.2 MB.
_ARTICLES_KEPT = 128

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
_13A_REPLACED = (("<skipped>", ""), ("-\n", ""), ("\n", " "))
_13A_ENTITIES = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))

_Ngram = tuple[str, ...]


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
    words, target = _words(candidate), _rouge_target(reference)
    r1, rl, b = _rouge_1(words, target), _rouge_l(words, target), bleu(candidate, reference)
    return Overlap(rouge_1=r1, rouge_l=rl, bleu=b, overlap=0.5 * (0.7 * r1 + 0.3 * rl) + 0.5 * b / 100)


def rouge_1(candidate: str, reference: str) -> float:
    """F1 of the stemmed words in common, in [0, 1]; equals ``RougeScorer(["rouge1"], use_stemmer=True)``."""
    return _rouge_1(_words(candidate), _rouge_target(reference))


def rouge_l(candidate: str, reference: str) -> float:
    """F1 of the longest common subsequence of stemmed words, in [0, 1]; equals ``RougeScorer(["rougeL"], …)``."""
    return _rouge_l(_words(candidate), _rouge_target(reference))


def bleu(candidate: str, reference: str) -> float:
    """BLEU-4 with 13a tokens and exponential smoothing, in [0, 100]; equals ``sacrebleu.corpus_bleu`` of one pair.

    As there, a candidate of fewer than four tokens scores 0, whatever it says.
    """
    tokens, target = _tokens_13a(candidate), _bleu_target(reference)
    precisions = _smoothed_precisions(tokens, target.counts)
    if not precisions:
        return 0.0
    brevity = min(1.0, math.exp(1 - target.length / len(tokens)))
    return brevity * math.exp(sum(map(math.log, precisions)) / _LONGEST_NGRAM)


def length_ratio(candidate: str, article: str) -> float:
    """Length of ``candidate`` as a share of the article's, both in whitespace tokens; infinite for an empty article."""
    length, whole = len(candidate.split()), len(article.split())
    return length / whole if whole else math.inf


@dataclass(frozen=True, slots=True)
class _RougeTarget:
    """A reference as ROUGE needs it. ``ids`` numbers its distinct words; ``sequence`` is its words as numbers."""

    counts: Counter[str]
    ids: dict[str, int]
    sequence: Sequence[int]


@lru_cache(maxsize=_ARTICLES_KEPT)
def _rouge_target(reference: str) -> _RougeTarget:
    words = _words(reference)
    ids: dict[str, int] = {}
    sequence = [ids.setdefault(word, len(ids)) for word in words]
    return _RougeTarget(Counter(words), ids, sequence)


def _rouge_1(words: list[str], target: _RougeTarget) -> float:
    common = sum(min(count, target.counts[word]) for word, count in Counter(words).items() if word in target.ids)
    return _f1(common, len(words), len(target.sequence))


def _rouge_l(words: list[str], target: _RougeTarget) -> float:
    # Words that the reference lacks cannot be part of a common subsequence.
    shared = [target.ids[word] for word in words if word in target.ids]
    return _f1(LCSseq.similarity(shared, target.sequence), len(words), len(target.sequence))


def _f1(common: int, of_candidate: int, of_reference: int) -> float:
    if not common:
        return 0.0
    precision, recall = common / of_candidate, common / of_reference
    return 2 * precision * recall / (precision + recall)


def _words(text: str) -> list[str]:
    """ROUGE's words: runs of ASCII letters and digits in lower case, stemmed when longer than three."""
    found = _WORD.findall(text.lower())
    return [stem for word in found if (stem := _stem(word) if len(word) > 3 else word)]


@lru_cache(maxsize=1 << 16)
def _stem(word: str) -> str:
    return _stemmer()(word)


@lru_cache(maxsize=1)
def _stemmer() -> Callable[[str], str]:
    # Imported on first use: NLTK takes most of a second to import, which no command should pay that needs no stems.
    from nltk.stem.porter import PorterStemmer  # type: ignore[import-untyped]

    return cast(Callable[[str], str], PorterStemmer().stem)


@dataclass(frozen=True, slots=True)
class _BleuTarget:
    """A reference as BLEU needs it: how often each n-gram of one to four tokens occurs, and its length in tokens."""

    counts: Counter[_Ngram]
    length: int


@lru_cache(maxsize=_ARTICLES_KEPT)
def _bleu_target(reference: str) -> _BleuTarget:
    tokens = _tokens_13a(reference)
    counts: Counter[_Ngram] = Counter()
    for n in range(1, _LONGEST_NGRAM + 1):
        counts.update(_ngrams(tokens, n))
    return _BleuTarget(counts, len(tokens))


def _smoothed_precisions(tokens: list[str], target: Counter[_Ngram]) -> list[float]:
    """Percent of the n-grams found in the target, for n = 1 to 4; empty where BLEU is 0.

    The k-th n that finds nothing counts as 2^-k of one n-gram (NIST's smoothing). BLEU is 0 without a single match,
    and for fewer than four tokens: sacrebleu then takes e to a power that no float can tell from 0.
    """
    if len(tokens) < _LONGEST_NGRAM:
        return []
    precisions: list[float] = []
    smoothing, anything = 1.0, False
    for n in range(1, _LONGEST_NGRAM + 1):
        ngrams = Counter(_ngrams(tokens, n))
        common = sum(min(count, target[ngram]) for ngram, count in ngrams.items() if ngram in target)
        anything = anything or common > 0
        smoothing *= 1.0 if common else 2.0
        precisions.append(100.0 * (common or 1 / smoothing) / (len(tokens) - n + 1))
    return precisions if anything else []


def _ngrams(tokens: list[str], n: int) -> zip[_Ngram]:
    return zip(*(tokens[start:] for start in range(n)), strict=False)


def _tokens_13a(text: str) -> list[str]:
    text = text.rstrip()
    for old, new in _13A_REPLACED + (_13A_ENTITIES if "&" in text else ()):
        text = text.replace(old, new)
    text = f" {text} "
    for rule, spaced in _13A_RULES:
        text = rule.sub(spaced, text)
    return text.split()
