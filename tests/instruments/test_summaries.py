"""A summary's sentences are compared with few of the article's, and score as if they were compared with all."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import LCSseq

from loopholes.instruments import summaries
from loopholes.instruments.summaries import CLOSEST, LONGEST, SOUND_CONTENT, faithfulness
from support.linear_time import assert_linear

# private _Source, _Passage, _comparable, _source: the fast search is held to a plain one, put in its place


words = st.sampled_from("Anna found sold crown ship Oslo not".split())
# Short ones, and those of the lengths where 80 % is a whole number of words.
sentences = st.lists(words, min_size=1, max_size=3) | st.sampled_from([5, 10, 15]).flatmap(
    lambda length: st.lists(words, min_size=length, max_size=length)
)


@st.composite
def altered(draw: st.DrawFn, said: list[str]) -> list[str]:
    """A sentence with up to four words replaced, left out or put in."""
    said = list(said)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(said)))
        said[at : at + draw(st.integers(0, 1))] = draw(st.lists(words | st.just("Lima"), max_size=1))
    return said


@st.composite
def texts(draw: st.DrawFn) -> tuple[str, str]:
    """A summary and its article."""
    written = draw(st.lists(sentences, min_size=1, max_size=8))
    said = [draw(altered(draw(st.sampled_from(written)))) for _ in range(draw(st.integers(1, 4)))]
    summary, article = (" ".join(" ".join([*sentence, "."]) for sentence in many) for many in (said, written))
    return summary, article


def plainly_nearest(source: summaries._Source, content: str, least: int) -> summaries._Passage | None:
    """The first of all sentences of the article that say the most of it, if that is enough."""
    best = max(
        source._comparable,
        key=lambda passage: (passage.content == content, LCSseq.similarity(content, passage.content)),
    )
    return best if LCSseq.similarity(content, best.content) / len(content) >= SOUND_CONTENT else None


@settings(max_examples=400, deadline=None)
@given(texts())
def test_comparing_with_all_sentences_gives_the_same(pair: tuple[str, str]) -> None:
    score = faithfulness(*pair)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(summaries._Source, "nearest", plainly_nearest)
        assert score == faithfulness(*pair)


@pytest.mark.parametrize(
    ("summary", "article", "expected"),
    [
        pytest.param("Go go go go stop.", "Go go go go on.", 0.8, id="a word counts as often as both have it"),
        pytest.param("Go go go stop now.", "Go go go go on.", 0.0, id="and no more often"),
        pytest.param(
            "Ann Bob Cid Dee Eve.", "Ann Bob Cid Dee Flo. Ann Bob Cid Dee Eve Flo.", 1.0, id="the best counts"
        ),
        pytest.param("Flo Ann Bob Cid Dee.", "Ann Bob Cid Dee Flo.", 0.8, id="order counts"),
    ],
)
def test_soundness_is_the_share_of_words_that_one_sentence_has_in_that_order(
    summary: str, article: str, expected: float
) -> None:
    assert faithfulness(summary, article).soundness == pytest.approx(expected)


@pytest.mark.parametrize("key", ["", ".", "It was."])
def test_a_key_sentence_without_content_is_never_said(key: str) -> None:
    for summary in ("Anna found a crown.", "It was.", "."):
        assert faithfulness(summary, "Anna found a crown. It was.", [key]).coverage == 0.0


def test_the_bounds_only_take_and_only_from_what_was_altered(monkeypatch: pytest.MonkeyPatch) -> None:
    giant = " ".join(f"word{number}" for number in range(LONGEST + 1))
    backwards = " ".join(f"Today number{number} Oslo found Anna." for number in range(CLOSEST))
    last = "Anna found Oslo today again."
    for article, copy, changed in (
        (f"{giant}.", f"{giant}.", f"{giant} again."),
        (f"{backwards} {last}", last, last.replace("again", "indeed")),
    ):
        assert faithfulness(copy, article, [copy]).coverage == faithfulness(copy, article).soundness == 1.0
        assert faithfulness(changed, article).soundness == 0.0
        with monkeypatch.context() as patched:
            patched.setattr(summaries, "LONGEST", 10_000)
            patched.setattr(summaries, "CLOSEST", 10_000)
            summaries._source.cache_clear()
            assert faithfulness(changed, article).soundness > 0.7
        summaries._source.cache_clear()


def test_a_rare_word_leads_to_the_sentence_also_in_the_longest_article() -> None:
    article = " ".join(f"Anna found number{number} in Oslo today." for number in range(3 * CLOSEST))
    assert faithfulness(f"Anna found number{3 * CLOSEST - 1} in Oslo again.", article).soundness > 0.7


def numbered(size: int) -> str:
    return " ".join(f"Word{k} made the great thing{k} for place{k} and gave it away." for k in range(size // 60 + 1))


def few_words(size: int) -> str:
    rng = random.Random(size)
    return " ".join(" ".join(f"w{rng.randrange(8)}" for _ in range(12)) + "." for _ in range(size // 37 + 1))


# What an article of a size is, and what the summary makes of it.
LONG: dict[str, tuple[Callable[[int], str], Callable[[str], str]]] = {
    "a copy": (numbered, str),
    "every sentence altered": (numbered, lambda text: text.replace("gave", "lent")),
    "few words in all": (few_words, lambda text: text.replace("w1 w2", "w2 w1")),
    "few words, and a new one in each": (few_words, lambda text: text.replace(". ", ". New ")),
    "one giant sentence": (lambda size: numbered(size).replace(".", "") + ".", lambda text: f"New {text}"),
    "pieces of a giant sentence": (
        lambda size: numbered(size).replace(".", "") + ".",
        lambda text: text.replace(" for", "."),
    ),
    "one word over and over": (lambda size: "go " * (size // 3) + "on.", lambda text: f"New {text}"),
    "a giant of many small ones": (numbered, lambda text: text.replace(".", "") + "."),
    "the smallest sentences": (lambda size: "a b. " * (size // 5), str),
}


@pytest.mark.parametrize("kind", LONG)
def test_time_is_linear_in_summary_and_article(kind: str) -> None:
    make, summary = LONG[kind]

    def work(article: str) -> None:
        summaries._source.cache_clear()
        faithfulness(summary(article), article)

    assert_linear(work, make)


@pytest.mark.parametrize("kind", LONG)
def test_comparisons_are_linear_in_summary_and_article(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, as rapidfuzz works: 64 words of one text against one of the other at a time."""
    make, summary = LONG[kind]
    spent = 0

    def counted(first: str, second: str) -> int:
        nonlocal spent
        spent += 1 + min(len(first), len(second)) * (1 + max(len(first), len(second)) // 64)
        return similarity(first, second)

    similarity = LCSseq.similarity
    monkeypatch.setattr(LCSseq, "similarity", counted)
    costs = []
    for size in (20_000, 80_000):
        spent = 0
        faithfulness(summary(make(size)), make(size))
        costs.append(spent)
    assert costs[1] <= 6 * costs[0] + 1000
