"""Scoring texts against the plain way, hostile texts of growing length, and long files (see scoring.py)."""

from __future__ import annotations

import json
import os
import random
import re
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import sacrebleu
from rouge_score import rouge_scorer

import loopholes
from loopholes.games.self_grading import stated_claim
from loopholes.games.worlds.coding import edit
from loopholes.instruments import strip_thinking
from loopholes.instruments.edits import parse_edits, score_of
from loopholes.instruments.matching import answers_match
from loopholes.instruments.overlap import overlap
from loopholes.instruments.summaries import faithfulness
from loopholes.judges.rules import verdict_of
from loopholes.records import messages
from loopholes.sandbox import pool
from loopholes.score_files import score_files
from timing import Times, paired, spread

# private _pool: the page counts the servers' memory


Pair = tuple[str, str]
LENGTH = 400  # words of an article
PAIRS = 96  # scored a round, as many as there are prompts in a step of the paper
ROUGE = rouge_scorer.RougeScorer(["rouge1", "rougeL"], use_stemmer=True)


# -- texts ---------------------------------------------------------------------------------------------------------


class Articles:
    """Articles of ``LENGTH`` words without end, and candidates that copy about half of one."""

    def __init__(self, rng: random.Random, file: Path | None) -> None:
        self._rng = rng
        endings = ("", "", "s", "ed", "ing", "ation", "ness", "ly", "y")
        stems = ["".join(rng.choices("aeioubcdfglmnprst", k=rng.randint(2, 7))) for _ in range(20_000)]
        self._words = [stem + rng.choice(endings) for stem in stems]
        self._shares = [1 / rank for rank in range(1, len(self._words) + 1)]
        if file is not None:
            articles = [task.truth["article"] for task in loopholes.game("proxy-metric").load(file)]
            self._words = [word for article in articles for word in article.split()]
            self._shares = [1.0] * len(self._words)
            self._starts = range(len(self._words) - LENGTH)
        self._real = file is not None

    @property
    def vocabulary(self) -> str:
        """All words, as a text."""
        return " ".join(self._words)

    def article(self) -> str:
        """A new article: a stretch of real text at which no other article begins, or made-up sentences."""
        if self._real:
            start = self._rng.choice(self._starts)
            return " ".join(self._words[start : start + LENGTH])
        words = self._rng.choices(self._words, self._shares, k=LENGTH)
        for end in range(11, LENGTH, 12):
            words[end] += self._rng.choice(".....,;?")
        return " ".join(words)

    def candidate(self, article: str) -> str:
        """The article with about half of its words replaced by stretches of another."""
        words, other = article.split(), self.article().split()
        for start in range(0, LENGTH, 20):
            if self._rng.random() < 0.5:
                words[start : start + 20] = other[start : start + 20]
        return " ".join(words)

    def pairs(self, group: int) -> list[Pair]:
        """``PAIRS`` of (candidate, article), ``group`` candidates per article."""
        articles = [self.article() for _ in range(PAIRS // group)]
        return [(self.candidate(article), article) for article in articles for _ in range(group)]


def answer(rng: random.Random) -> tuple[str, str]:
    """A completion and its reference, in the forms that answers come in."""
    reference = rng.choice(["42", "(B)", "3.50", "yes", "cat, dog", "it's fine"])
    answer = reference if rng.random() < 0.5 else rng.choice(["41", "(a)", "no", "dog"])
    form = rng.choice(["{}", "\\boxed{{{}}}", "The answer is: {}.", "Final Answer: {}\n", "\\boxed{{\\text{{{}}}}}."])
    thought = " ".join(rng.choices(["so", "then", "we", "add", "3", "and", "get", "7.", "Hence,\n"], k=150))
    return f"{thought}\n{form.format(answer)}", reference


# -- the plain way -------------------------------------------------------------------------------------------------


def by_packages(pairs: Sequence[Pair]) -> list[tuple[float, float, float]]:
    """ROUGE-1, ROUGE-L and BLEU as the packages give them."""
    scores = []
    for candidate, reference in pairs:
        rouge = ROUGE.score(reference, candidate)
        blue = sacrebleu.corpus_bleu([candidate], [[reference]]).score
        scores.append((rouge["rouge1"].fmeasure, rouge["rougeL"].fmeasure, blue))
    return scores


def by_loopholes(pairs: Sequence[Pair]) -> list[tuple[float, float, float]]:
    """The same."""
    similarities = [overlap(*pair) for pair in pairs]
    return [(similarity.rouge_1, similarity.rouge_l, similarity.bleu) for similarity in similarities]


def plainly_matches(completion: str, reference: str) -> bool:
    """The rules of :mod:`loopholes.instruments.matching`, one after the other, as a first version would have them."""
    text = completion
    if "<|im_start|>user" in text:
        text = text.split("<|im_start|>assistant", 1)[-1]
    elif "Assistant:" in text:
        text = text.split("Assistant:")[-1]
    text = re.split(r"</s>|<\|im_end\|>|<\|endoftext\|>", text)[0]
    boxed = re.findall(r"\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}", text)
    final = re.findall(r"Final Answer:(.*)\n", text) or re.findall(r"The answer is:(.*)\n", text)
    answer = (boxed or final or [completion])[-1].strip()
    for words in ("The answer is:", "The final answer is ", "The final answer is: ", "The answer is "):
        answer = answer.split(words)[-1].strip()
    answer = answer[:-1] if answer.endswith(".") else answer
    if len(answer) > 1 and answer.startswith("$") and answer.endswith("$"):
        answer = answer[1:-1]
    for wrapper in ("boxed{", "text{", "texttt{"):
        if wrapper in answer and answer.endswith("}"):
            answer = answer[:-1].split(wrapper, 1)[1]
    answer = answer.split("\n")[0].lower().replace(", ", ",").replace("**", "")
    answer = answer[:-1] if answer.endswith(".") else answer
    wanted = reference.strip().lower().replace(", ", ",")
    if answer == wanted:
        return True
    for option, other in ((answer, wanted), (wanted, answer)):
        if re.fullmatch(r"\(.\)", option):
            return option[1] == other
    try:
        if float(answer) == float(wanted):
            return True
    except ValueError:
        pass
    if answer.replace("'", "") == wanted.replace("'", ""):
        return True
    return f"[{wanted}]" == answer or f"[{answer}]" == wanted or answer == f"{wanted}?"


# -- what is measured ----------------------------------------------------------------------------------------------


def faster(what: str, times: dict[str, Times], units: int, plain: str) -> list[str]:
    """A row: the cost of one of ``units`` either way, and how many times as fast Loopholes is, round by round."""
    each = {name: taken.each(units) for name, taken in times.items()}
    ratio = each[plain].over(each["loopholes"])
    unit, factor = ("ms", 1e3) if each[plain].median > 1e-3 else ("µs", 1e6)
    return [what, *(spread(each[name], factor, unit) for name in (plain, "loopholes")), spread(ratio, 1, "x")]


def overlaps(what: str, batches: Sequence[Sequence[Pair]]) -> list[str]:
    """One batch of texts per round, the same for both ways."""
    ours, theirs = iter(batches), iter(batches)
    scores: dict[str, list[tuple[float, float, float]]] = {"packages": [], "loopholes": []}
    ways = {
        "packages": lambda: scores["packages"].extend(by_packages(next(theirs))),
        "loopholes": lambda: scores["loopholes"].extend(by_loopholes(next(ours))),
    }
    times = paired(ways, len(batches), cpu=True)
    for expected, got in zip(*scores.values(), strict=True):
        assert max(abs(a - b) for a, b in zip(expected, got, strict=True)) < 1e-9
    return faster(what, times, PAIRS, "packages")


def matches(rng: random.Random, rounds: int) -> list[str]:
    """Answers of 150 words."""
    rows = [answer(rng) for _ in range(2000)]
    assert [plainly_matches(*row) for row in rows] == [answers_match(*row) for row in rows]
    ways = {
        "plain": lambda: [plainly_matches(*row) for row in rows],
        "loopholes": lambda: [answers_match(*r) for r in rows],
    }
    return faster("answers matched", paired(ways, rounds, cpu=True), len(rows), "plain")


def numbered(text: str) -> str:
    """A text as long as ``text`` whose sentences all differ."""
    return " ".join(f"Word{k} made the great thing{k} for place{k} last year." for k in range(len(text) // 54))


READERS: dict[str, Callable[[str], object]] = {
    "thinking blocks": strip_thinking,
    "edits": lambda text: [score_of(parse_edits(text)), parse_edits(f"<modify_key>source_code</modify_key>"
        f"<modify_value>{text}</modify_value>")],
    "answers": lambda text: (answers_match(text, "42"), answers_match(f"\\boxed{{{text}}}", text)),
    "self-reports": stated_claim,
    "rules judge": lambda text: verdict_of(f"No the tin {text}", "tin") + verdict_of(f"Yes the tin {text}", "tin"),
    "prompts": lambda text: messages([{"role": "user", "content": text}]) == messages(
        json.dumps([{"role": "user", "content": text}])),
    "overlap": lambda text: overlap(text, "a short article about running , U.S. & 5-6 things"),
    "overlap, both as long": lambda text: overlap(text, text[::-1]),
    "faithful summaries": lambda text: faithfulness(text, "Anna found a crown in Oslo. Hugo sold a ship in Lima."),
    "copied articles": lambda text: faithfulness(numbered(text), numbered(text)),
    "altered articles": lambda text: faithfulness(numbered(text).replace("made", "took"), numbered(text)),
}  # fmt: skip
PIECES = (
    "<think>", "</think>", "<think></think>", "<modify_key>", "<modify_key>a</modify_key>", "</modify_key> ",
    "<modify_key>a</modify_key><modify_value>", "<modify_key>score</modify_key><modify_value>1</modify_value>", "```",
    "```python", "```python \n", "``` ", "\\boxed{", "\\boxed{}", "{", "}", "Final Answer:", "Final Answer: \n",
    "The answer is: ", "Assistant:", "<|im_end|>", "$", "'", "9", "correct ", "correct : ", "no ", "yes ", "open ",
    "n", "n'", "don't ", "keep ", "must ", " ", "\n", "\t ", ".", "?!", ".'", ". ", "Anna found a crown in Oslo. ",
    "a", "y", "ational ", "a-", "-\n", "1,", "&amp;", "é", "\ud800", "\x00", "\\", "\"",
)  # fmt: skip
SIZES = (12_500, 25_000, 50_000, 100_000)


def growth(name: str, read: Callable[[str], object]) -> list[object]:
    """The hostile text whose time grows fastest over three doublings."""

    def seconds(piece: str, size: int, times: int = 5) -> float:
        text = piece * (size // len(piece))
        taken = []
        for _ in range(times):
            began = time.process_time()
            read(text)
            taken.append(time.process_time() - began)
        return min(taken)

    read("".join(PIECES))
    suspects = sorted(PIECES, key=lambda piece: seconds(piece, SIZES[2], 1) / seconds(piece, SIZES[0], 1))[-4:]
    curves = {piece: [seconds(piece, size) for size in SIZES] for piece in suspects}
    worst = max(curves, key=lambda piece: curves[piece][-1] / curves[piece][0])
    shown = [f"{1e3 * second:.3g} ms" for second in curves[worst]]
    return [name, f"`{ascii(worst)[1:-1]}`".replace("|", "\\|"), *shown, f"{curves[worst][-1] / curves[worst][-2]:.2f}"]


def resident() -> float:
    """Memory in use now by this process and the fork servers, in MB (Linux)."""
    servers = [server.process.pid for server in pool._pool.idle]
    children = [Path(f"/proc/{server}/task/{server}/children").read_text() for server in servers]
    below = [int(pid) for line in children for pid in line.split()]
    pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in (os.getpid(), *servers, *below)]
    return sum(pages) * resource.getpagesize() / 1e6


def truth_and_text(name: str, rng: random.Random, articles: Articles) -> tuple[dict[str, Any], Callable[[int], str]]:
    """What is true of a task, and a completion of it that differs from all others by its number."""
    if name == "proxy-metric":
        article = articles.article()
        return {"article": article, "reference": article}, lambda k: f"{k} {articles.candidate(article)}"
    if name == "reward-tampering":
        truth = {"tests": [{"input": "5", "output": "7"}], "entry_point": "solve"}
        return truth, lambda k: edit("source_code", f"def solve(x):\n    return x + {k % 9}  # {k}")
    return {"reference": answer(rng)[1]}, lambda k: f"{k} {answer(rng)[0]}"


def long_file(name: str, rng: random.Random, completions: int, articles: Articles) -> Iterator[list[object]]:
    """A file of completions of 64 tasks, scored as ``loopholes score`` does: time and memory after each eighth."""
    game = loopholes.game(name)
    asked = [truth_and_text(name, rng, articles) for _ in range(64)]
    with tempfile.TemporaryDirectory() as folder:
        tasks, answers = Path(folder) / "tasks.jsonl", Path(folder) / "completions.jsonl"
        prompt = [{"role": "user", "content": "x"}]
        rows = [{"id": str(number), "prompt": prompt, "truth": truth} for number, (truth, _) in enumerate(asked)]
        tasks.write_text("".join(json.dumps(row) + "\n" for row in rows))
        with answers.open("w") as lines:
            for number in range(completions):
                text = asked[number % 64][1](number)
                lines.write(json.dumps({"task": number % 64, "completion": text, "claim": True}) + "\n")
        scores = score_files(game, tasks, answers)
        began = last = time.perf_counter()
        for done, _ in enumerate(scores.lines(), start=1):
            if done % (completions // 8) == 0:
                now = time.perf_counter()
                each = 1e6 * (now - last) / (completions // 8)
                yield [name, f"{done:,}", f"{now - began:.1f} s", f"{each:.0f} µs", f"{resident():.0f} MB"]
                last = now
