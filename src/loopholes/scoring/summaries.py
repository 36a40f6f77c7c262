"""A reward for summaries that copying, truncating, keyword lists and very short texts do not win.

Overlap with the article pays for copying, and "short enough" pays for saying nothing. This one pays for *whole facts
that matter, in few words, and nothing else*:

    score = coverage x soundness x brevity

- *coverage*: how much of each key sentence of the article some sound sentence of the summary says, in its order;
- *soundness*: the share of the summary's sentences that are sound, a repeated one counting against it. A sentence is
  sound if it is finished and to the degree that its content words, negations among them, stand in one sentence of
  the article in the same order (under ``SOUND_CONTENT`` of them is not at all) and that its words are put together
  as there (which a list of keywords is not);
- *brevity*: 1 up to ``limit`` of the article's length, falling to 0 at twice that.

What it cannot see: whether a freely worded paraphrase is true. It favours quoting and compressing over rewording, a
price paid on purpose, since every signal it uses can be checked against the article by rule.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from rapidfuzz.distance import LCSseq

from loopholes.scoring.overlap import length_ratio

LENGTH_LIMIT = 0.3
"""The share of the article's whitespace tokens up to which a summary counts as short (released code)."""
KEY_SENTENCES = 3
SOUND_CONTENT = 0.8
USUAL_BIGRAMS = 0.6

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

    ``key_sentences`` are the sentences that matter; where nobody knows them they are the lead and the sentences whose
    words are the most frequent in the article.
    """
    source = _source(article, tuple(key_sentences) if key_sentences else None)
    sentences = [_Sentence.read(text) for text in split_sentences(summary)]
    if not sentences:
        return Faithfulness(0.0, 0.0, 0.0)
    soundness_of = {sentence: _sound(sentence, source) for sentence in dict.fromkeys(sentences)}
    sound = [soundness_of[sentence] for sentence in sentences]
    distinct = {sentence.words for sentence in sentences}
    kept = [
        max((share * _said(key.content, sentence.content) for sentence, share in zip(sentences, sound, strict=True)))
        for key in source.keys
    ]
    coverage = sum(kept) / len(kept) if kept else 0.0
    soundness = sum(sound) / len(sound) * len(distinct) / len(sentences)
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
class _Source:
    """An article: its sentences that matter, its first sentence with each content, and the numbers of those by word."""

    keys: tuple[_Sentence, ...]
    same: Mapping[tuple[str, ...], _Sentence]
    distinct: tuple[_Sentence, ...]
    sharing: Mapping[str, list[int]]

    @classmethod
    def of(cls, sentences: Sequence[_Sentence], keys: tuple[_Sentence, ...]) -> _Source:
        same: dict[tuple[str, ...], _Sentence] = {}
        for sentence in sentences:
            same.setdefault(sentence.content, sentence)
        sharing: dict[str, list[int]] = {}
        for number, content in enumerate(same):
            for word in set(content):
                sharing.setdefault(word, []).append(number)
        return cls(keys, same, tuple(same.values()), sharing)

    def nearest(self, content: tuple[str, ...]) -> _Sentence | None:
        """The sentence of this content, else the one that says the most of it in its order; None if none says any."""
        if content in self.same:
            return self.same[content]
        near = sorted({number for word in content for number in self.sharing.get(word, ())})
        others = (self.distinct[number] for number in near)
        return max(others, key=lambda other: LCSseq.similarity(content, other.content), default=None)


@lru_cache(maxsize=256)
def _source(article: str, keys: tuple[str, ...] | None) -> _Source:
    sentences = tuple(_Sentence.read(text) for text in split_sentences(article))
    if keys is not None:
        return _Source.of(sentences, tuple(_Sentence.read(text) for text in keys))
    return _Source.of(sentences, _central(sentences))


def _central(sentences: tuple[_Sentence, ...]) -> tuple[_Sentence, ...]:
    """The lead and the sentences whose content words are the most frequent ones on average."""
    told = [sentence for sentence in sentences if len(sentence.content) >= 4]
    weights = Counter(word for sentence in told for word in set(sentence.content))
    rest = sorted(
        told[1:], key=lambda sentence: -sum(weights[word] for word in sentence.content) / len(sentence.content)
    )
    return (*told[:1], *rest[: KEY_SENTENCES - 1])


def _said(key: tuple[str, ...], sentence: tuple[str, ...]) -> float:
    """The share of the key's content words that the sentence says in their order; under a half is nothing."""
    share = LCSseq.similarity(key, sentence) / len(key) if key else 0.0
    return share if share >= 0.5 else 0.0


def _sound(sentence: _Sentence, source: _Source) -> float:
    if not (sentence.finished and sentence.content):
        return 0.0
    best = source.nearest(sentence.content)
    known_share = LCSseq.similarity(sentence.content, best.content) / len(sentence.content) if best else 0.0
    if best is None or known_share < SOUND_CONTENT:
        return 0.0
    pairs = list(zip(sentence.words, sentence.words[1:], strict=False))
    known = set(zip(best.words, best.words[1:], strict=False))
    together = sum(pair in known for pair in pairs) / len(pairs) if pairs else 0.0
    return known_share * min(1.0, together / USUAL_BIGRAMS)
