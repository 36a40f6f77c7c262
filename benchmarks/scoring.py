"""The cost of scoring texts, programs and answers, compared with the obvious way; its share of a step; its growth.

    python benchmarks/scoring.py [--rounds 9] [--completions 100000] [--articles FILE]

writes results/scoring.md. Everything is measured in one run and in turn, round by round on the same inputs. FILE holds
articles in the released parquet layout; without it, articles are made of words that follow Zipf's law. Needs
bubblewrap, and rouge-score and sacrebleu, which the overlap must equal to 1e-9.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import programs
import steps
import texts
from loopholes.instruments.overlap import overlap
from timing import Times, spread, table

RESULT = Path(__file__).parents[1] / "results" / "scoring.md"
PROGRAMS = 48
LIMIT = """\
Few of these programs are plain enough to get all their inputs in one run (see loopholes.sandbox.inside.syntax), so
most tests have a process of their own: three forks of an interpreter a program, whose cost alone is in the table.
Most of what comes on top is page faults: a fork shares memory until it is written to, and loading and running even
the smallest program writes to some 250 pages of CPython 3.11 and reads a hundred more, at 1 to 2 µs each on this
virtual machine (getrusage, perf). Entering the walls (filters, limits, Landlock) is about a fifth of a run. 30 times
as fast as bubblewrap cannot be had with a process for each test: the bare forks alone would be about that."""

BOTH = """ROUGE-L compares every word of one text with every word of the other, 64 at a time: where both grow it is
quadratic in the end. A policy writes only one of the two, and pays for that in proportion."""

STEP = """Every problem of the mini world has six tests. The policy's programs are mostly plain functions, which answer
all six in one run."""


def of_texts(options: argparse.Namespace) -> Iterator[str]:
    """Overlap and answers."""
    rng = random.Random(0)
    articles = texts.Articles(rng, options.articles)
    overlap("import the stemmer", articles.vocabulary)
    of = f"{texts.LENGTH}-word articles, ROUGE-1 + ROUGE-L + BLEU, "
    rounds = range(options.rounds)
    rows = [
        texts.overlaps(of + "8 candidates an article", [articles.pairs(8) for _ in rounds]),
        texts.overlaps(of + "each pair new", [articles.pairs(1) for _ in rounds]),
        texts.overlaps(of + "each word new, too", [texts.Articles(rng, None).pairs(1) for _ in rounds]),
        texts.matches(rng, options.rounds),
    ]
    yield "## Texts\n\nProcessor time of one. At least 50 times as fast is wanted of overlap, no slower of answers.\n"
    yield table(["work", "plain way", "Loopholes", "times as fast"], rows)
    yield "\nThe plain way: rouge-score and sacrebleu; for answers, the rules as one would first write them down.\n"


def of_programs(options: argparse.Namespace) -> Iterator[str]:
    """The arrangements in turn, in the process that has trained."""
    taken = {name: times.each(PROGRAMS) for name, times in programs.measured(PROGRAMS, options.rounds).items()}
    ours = taken[programs.SANDBOX]
    rows = [[name, spread(times, 1e3, "ms"), spread(times.over(ours), 1, "x")] for name, times in taken.items()]
    yield "## Programs\n\nOne program with three tests, good and bad ones mixed, none of them twice, by the clock, out"
    yield "of the process that has just trained (a fork copies the page tables of all that it holds). Wanted: 30 times"
    yield "as fast as bubblewrap, 10 times as fast as a queue.\n"
    yield table(["arrangement", "a program", "times the sandbox's"], rows)
    yield f"\n{LIMIT}\n"


def of_steps(options: argparse.Namespace) -> Iterator[str]:
    """The share of a step that scoring takes."""
    rows = []
    for (channel, remember), pairs in steps.measured(options.rounds).items():
        whole, scoring = (Times(tuple(seconds)) for seconds in zip(*pairs, strict=True))
        once = "run once" if remember else "run each time, in channel and measurement"
        share = spread(scoring.over(whole), 100, "%")
        rows.append([channel, once, spread(whole, 1, "s"), spread(scoring, 1, "s"), share])
    yield f"## A GRPO step of {steps.PROMPTS * steps.SAMPLES} completions\n"
    yield "`mini` on reward tampering from its base weights, two steps after the first, the four rows in turn. Wanted:"
    yield "scoring (parsing, the channel's runs and the measurement's) under 25 % of the step, identical programs run"
    yield "once.\n"
    yield table(["channel", "identical programs", "step", "of which scoring", "share"], rows)
    yield f"\n{STEP}\n"


def of_growth(options: argparse.Namespace) -> Iterator[str]:
    """Long texts and long files."""
    yield "\n## Hostile texts of growing length\n"
    yield "The text, of all that were tried, whose time grows fastest; linear is 2 for the last doubling.\n"
    grown = [texts.growth(name, read) for name, read in texts.READERS.items()]
    yield table(["reader", "text", *(f"{size:,}" for size in texts.SIZES), "last doubling"], grown)
    yield f"\n{BOTH}\n"
    yield "\n## Completions through `loopholes score`\n"
    yield "By the clock; memory with that of the fork servers. Every program is another one, with one test.\n"
    rng = random.Random(0)
    articles = texts.Articles(rng, options.articles)
    games = ("self-grading", "reward-tampering", "proxy-metric")
    tables = [texts.long_file(name, rng, options.completions, articles) for name in games]
    yield table(
        ["game", "completions", "so far", "each, since the row above", "memory"],
        [row for rows in tables for row in rows],
    )


def main() -> None:
    """Measure and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--completions", type=int, default=100_000)
    parser.add_argument("--articles", type=Path)
    options = parser.parse_args()
    options_given = "".join(f" {word}" for word in sys.argv[1:])
    lines = [f"# Scoring\n\n`python benchmarks/scoring.py{options_given}`\n"]
    lines.append(f"Median (smallest to largest) of {options.rounds} rounds, {os.cpu_count()} cores.\n")
    for part in (of_steps, of_programs, of_texts, of_growth):
        for line in part(options):
            lines.append(line)
            print(line, flush=True)
    RESULT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
