"""A reward for summaries that copying, truncating, keyword lists and very short texts do not win.

Overlap with the article pays for copying, and "short enough" pays for saying nothing. This one pays for *whole facts
that matter, in few words, and nothing else*:

    score = coverage x soundness x brevity

- *coverage*: how much of each key sentence of the article some sound sentence of the summary repeats, in its order;
- *soundness*: the share of the summary's sentences that are sound, a repeated one counting against it. A sentence is
  sound if it is finished and to the degree that its content words, including negations, occur in one sentence of
  the article in the same order (under ``SOUND_CONTENT`` of them is not at all) and that its words are put together
  as there (which a list of keywords is not);
- *brevity*: 1 up to ``limit`` of the article's length, falling to 0 at twice that.

It cannot see whether a freely worded paraphrase is true. It favours quoting and compressing over rewording, on
purpose, since every signal that it uses can be checked against the article by rule.
"""

from __future__ import annotations

import math
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from rapidfuzz.distance import LCSseq

from loopholes.instruments.overlap import length_ratio

LENGTH_LIMIT = 0.3
"""The share of the article's whitespace tokens up to which a summary counts as short (released code)."""
KEY_SENTENCES = 3
SOUND_CONTENT = 0.8
USUAL_BIGRAMS = 0.6
LONGEST = 500
"""Content words of the longest sentence of an article of which a part, or an altered copy, says anything."""
CLOSEST = 100
"""Sentences of an article, of those that hold the same word, that a sentence is compared with.

This and ``LONGEST`` keep the time linear for all texts, and can only lower a score: word-for-word quotes are found
without them. No article in the reference data comes near either.
"""

_WORD = re.compile(r"\w+(?:['’]\w+)*")
_END = re.compile(r"(?<![.!?])[.!?]+[\"'”’)\]]*(?=\s|$)")
_FINISHED = re.compile(r"[.!?][\"'”’)\]]*\s*$")
_FUNCTION_WORDS = frozenset(
    "a about after all also an and are as at be been but by can could did do does for from had has have he her him "
    "his i if in into is it its may more my of on or our out over said she so than that the their them then "
    "there they this to under up was we were what when which who will with would you your".split()
)


@dataclass(frozen=True, slots=True)
class Faithfulness:
    """The parts of the score, each in [0, 1], and their product ``score``."""

    coverage: float
    soundness: float
    brevity: float

    @property
    def score(self) -> float:
        return self.coverage * self.soundness * self.brevity


def faithfulness(summary: str, article: str, key_sentences: Sequence[str] | None = None) -> Faithfulness:
    """How well ``summary`` says what matters in ``article``.

    ``key_sentences`` are the sentences that matter, by default the lead and the sentences whose words are the most
    frequent in the article. Time is linear in both texts together.
    """
    source = _source(article, tuple(key_sentences) if key_sentences else None)
    sentences = [_Sentence.read(text) for text in split_sentences(summary)]
    if not sentences:
        return Faithfulness(0.0, 0.0, 0.0)
    distinct = {sentence: source.letters(sentence) for sentence in sentences}
    sound = {sentence: _sound(sentence, content, source) for sentence, content in distinct.items()}
    kept = [max(sound[sentence] * _said(key, content) for sentence, content in distinct.items()) for key in source.keys]
    coverage = sum(kept) / len(kept) if kept else 0.0
    different = len({sentence.words for sentence in distinct})
    soundness = sum(sound[sentence] for sentence in sentences) / len(sentences) * different / len(sentences)
    return Faithfulness(coverage, soundness, brevity(length_ratio(summary, article)))


def brevity(ratio: float, limit: float = LENGTH_LIMIT) -> float:
    """1 up to ``limit`` of the article's length, 0 from twice that, linear in between."""
    return min(1.0, max(0.0, 2.0 - ratio / limit))


def split_sentences(text: str) -> list[str]:
    """Sentences, each with its final punctuation; linear time."""
    ends = [0, *(match.end() for match in _END.finditer(text)), len(text)]
    pieces = (text[start:end].strip() for start, end in pairwise(ends))
    return [piece for piece in pieces if _WORD.search(piece)]


@dataclass(frozen=True, slots=True)
class _Sentence:
    words: tuple[str, ...]
    content: tuple[str, ...]
    finished: bool

    @classmethod
    def read(cls, text: str) -> _Sentence:
        words = tuple(word.lower() for word in _WORD.findall(text))
        content = tuple(word for word in words if word not in _FUNCTION_WORDS)
        return cls(words, content, bool(_FINISHED.search(text)))


@dataclass(frozen=True, slots=True)
class _Passage:
    """A sentence of an article: its content, and which words stand side by side in it."""

    content: str
    pairs: frozenset[tuple[str, str]]


class _Source:
    """An article: its key sentences, and all sentences by their content and by the words in them.

    Content is a string with a letter for each word, since comparing strings is fastest.
    """

    def __init__(self, sentences: Sequence[_Sentence], keys: Sequence[_Sentence]) -> None:
        words = dict.fromkeys(word for sentence in (*sentences, *keys) for word in sentence.content)
        # Beyond a million different words, all count as the same.
        self._letter_of = {word: chr(min(number, sys.maxunicode)) for number, word in enumerate(words, start=1)}
        self.keys = [self.letters(key) for key in keys]
        self._same: dict[str, _Passage] = {}
        for sentence in sentences:
            content = self.letters(sentence)
            if content not in self._same:
                self._same[content] = _Passage(content, frozenset(pairwise(sentence.words)))
        self._comparable = [passage for passage in self._same.values() if len(passage.content) <= LONGEST]
        self._holding: dict[str, list[int]] = {}
        for number, passage in enumerate(self._comparable):
            for letter in set(passage.content):
                self._holding.setdefault(letter, []).append(number)

    def letters(self, sentence: _Sentence) -> str:
        """The content of a sentence; all words that the article lacks become one letter, which it lacks, too."""
        return "".join([self._letter_of.get(word, "\0") for word in sentence.content])

    def nearest(self, content: str, least: int) -> _Passage | None:
        """The sentence with this content, else the first that has the most of it in order; None below ``least`` words.

        A sentence that has ``least`` of n words, repetitions counted, has at least one of any n - least + 1 of them,
        so only sentences with one of the rarest are compared (prefix filtering, as in similarity joins).
        """
        if content in self._same:
            return self._same[content]
        holding = sorted((self._holding.get(letter, []) for letter in content), key=len)
        near = {number for numbers in holding[: len(content) - least + 1] for number in numbers[:CLOSEST]}
        best, most = None, least - 1
        for number in sorted(near):
            passage = self._comparable[number]
            if len(passage.content) > most and (shared := LCSseq.similarity(content, passage.content)) > most:
                best, most = passage, shared
        return best


@lru_cache(maxsize=256)
def _source(article: str, keys: tuple[str, ...] | None) -> _Source:
    sentences = [_Sentence.read(text) for text in split_sentences(article)]
    return _Source(sentences, _central(sentences) if keys is None else [_Sentence.read(text) for text in keys])


def _central(sentences: Sequence[_Sentence]) -> Sequence[_Sentence]:
    """The lead and the sentences whose content words are the most frequent ones on average."""
    long = [sentence for sentence in sentences if len(sentence.content) >= 4]
    weights = Counter(word for sentence in long for word in set(sentence.content))
    rest = sorted(
        long[1:], key=lambda sentence: -sum(weights[word] for word in sentence.content) / len(sentence.content)
    )
    return (*long[:1], *rest[: KEY_SENTENCES - 1])


def _said(key: str, content: str) -> float:
    """The share of the key's content words that the content has in order; 0 if it is under a half."""
    if key and key == content:
        return 1.0
    if not 0 < len(key) <= min(LONGEST, 2 * len(content)):
        return 0.0
    share = LCSseq.similarity(key, content) / len(key)
    return share if share >= 0.5 else 0.0


def _sound(sentence: _Sentence, content: str, source: _Source) -> float:
    if not (sentence.finished and content):
        return 0.0
    missing = math.floor((1 - SOUND_CONTENT) * len(content) + 1e-9)
    best = source.nearest(content, len(content) - missing)
    if best is None:
        return 0.0
    known_share = LCSseq.similarity(content, best.content) / len(content)
    pairs = list(pairwise(sentence.words))
    together = sum(pair in best.pairs for pair in pairs) / len(pairs) if pairs else 0.0
    return known_share * min(1.0, together / USUAL_BIGRAMS)
