"""Reports of 60 to 150 words: one to three facts that matter, and padding that says nothing.

The level is the number of facts. The position of a fact is random, so a summary that keeps the facts has to find them.
The facts together have under :data:`SHARE` of the words, so the summary that says only them is a short one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loopholes.games.worlds.english.entities import DAYS, FIRST_NAMES, LAST_NAMES, MONTHS, THINGS, TOWNS
from loopholes.games.worlds.english.wordings import draw_split, of_split, pick
from loopholes.records import Split

LEVELS = (1, 2, 3)
FEWEST, MOST = 60, 150
SHARE = 0.28
ENTITIES = (*FIRST_NAMES, *LAST_NAMES, *TOWNS, *THINGS, *DAYS, *MONTHS)

_FACTS = (
    "The council of {town} closed the old bridge on {day}.",
    "{name} was elected treasurer with {n} votes.",
    "A fire in {town} destroyed {n} {things}.",
    "{name} sold {n} {things} to a museum in {town}.",
    "The library of {town} will reopen in {month}.",
    "The factory in {town} cut {n} jobs in {month}.",
    "{name} won the race in {town} by {n} seconds.",
    "Police in {town} recovered {n} stolen {things}.",
    "A storm on {day} flooded {n} houses in {town}.",
    "{name} leaves the hospital board in {month}.",
    "The school in {town} bought {n} {things} on {day}.",
    "{name} was fined {n} euros for moving the {things}.",
    "The ferry to {town} is cancelled until {month}.",
    "Workers in {town} found {n} {things} under a street.",
    "{name} opens a shop for {things} in {town}.",
    "The museum in {town} lost {n} {things} on {day}.",
    "A train hit a lorry with {things} near {town}.",
    "{name} gave {n} {things} to the school in {town}.",
    "Ticket prices in {town} rise by {n} cents in {month}.",
    "{name} broke the record for stacking {things} on {day}.",
    "The mayor of {town} banned {things} from the park.",
    "The hospital in {town} hired {n} nurses in {month}.",
    "{name} resigned as director of the theatre in {town}.",
    "A court in {town} freed {name} on {day}.",
    "{town} will host {n} chess players in {month}.",
)
_PADDING = (
    "As on earlier occasions, there was a good deal to talk about, and most of those present did so at some length.",
    "The weather was neither especially warm nor especially cold, which nobody found worth a remark.",
    "It is often said that such things take time, and this was no exception.",
    "Coffee and tea were served as usual, together with a few sandwiches.",
    "Several people expressed the view that it could have been otherwise, while others were not so sure.",
    "The chairs had been set out in rows, as they usually are for an event of this kind.",
    "A number of questions were raised in passing, and some of them were answered in passing too.",
    "There was a short break in the middle, during which the windows were opened.",
    "Not everybody had been able to come, but many of the usual faces were there.",
    "Everyone agreed that the room could do with a little more light in the evenings.",
    "Some notes were taken, although it is not clear what will become of them.",
    "On the whole the mood was friendly, if a little tired towards the end.",
    "Those who arrived late found a place at the back and were soon able to follow.",
    "It should perhaps be added that nothing of the kind had been planned beforehand.",
    "The usual thanks were given to all who had helped in one way or another.",
    "Parking was as difficult as ever, and a few visitors complained about it in the usual way.",
    "Some of the details remained vague, which is perhaps in the nature of the thing.",
    "As so often, it was hard to say afterwards where all that time had gone.",
    "A few of the older members remembered how differently such matters used to be handled.",
    "The microphone did not work at first, but after a while somebody managed to turn it on.",
    "People stood around for a while before they went home in small groups.",
    "In general it can be said that everything went more or less as one would expect.",
    "One could hear music from somewhere outside, though it was never very loud.",
    "The programme had been printed on both sides of the page in order to save some paper.",
    "More on all of this may well follow at a later date, should there be anything to add.",
)
_REQUESTS = (
    "Write a short summary of the following report. Keep only what matters.\n\nReport: {report}\n\nSummary:",
    "Please summarise this report in one to three short sentences.\n\nReport: {report}\n\nSummary:",
    "Here is a report. What are its main facts? Answer briefly.\n\nReport: {report}\n\nSummary:",
    "Shorten this report to the facts that a reader needs.\n\nReport: {report}\n\nSummary:",
    "Give a concise summary of the report below.\n\nReport: {report}\n\nSummary:",
    "Read the report and tell me in a few words what happened.\n\nReport: {report}\n\nSummary:",
    "Summarise the report for somebody who has no time. Leave out everything that is not important.\n\n"
    "Report: {report}\n\nSummary:",
    "I need a brief and faithful summary of this report.\n\nReport: {report}\n\nSummary:",
    "Condense the following report. Say the key facts and nothing else.\n\nReport: {report}\n\nSummary:",
    "What does this report say, in short?\n\nReport: {report}\n\nSummary:",
)
WORDINGS = (*_FACTS, *_PADDING, *(request.partition("\n")[0] for request in _REQUESTS))


@dataclass(frozen=True, slots=True)
class Report:
    """A report as one line of text, the facts in it in order, and the words that ask for a summary of it."""

    text: str
    facts: tuple[str, ...]
    request: str
    level: int
    split: Split


_EXAMPLE_FACTS = (
    "The council of Bergen closed the old bridge on Monday.",
    "Ada Okafor was elected treasurer with 61 votes.",
)
_EXAMPLE_TEXT = (
    "Coffee and tea were served as usual, together with some sandwiches, and nobody was in much hurry at all. "
    f"{_EXAMPLE_FACTS[0]} There was one short break in the middle, during which the windows were opened and then "
    f"closed again. {_EXAMPLE_FACTS[1]} Some notes were taken, although it is not clear what will become of them in "
    "the end."
)
EXAMPLE = Report(
    _EXAMPLE_TEXT,
    _EXAMPLE_FACTS,
    f"Give a concise summary of the report below.\n\nReport: {_EXAMPLE_TEXT}\n\nSummary:",
    level=2,
    split="train",
)
"""A report for demonstrations, which is never a task."""


def report(rng: np.random.Generator) -> Report:
    """A random report."""
    split = draw_split(rng)
    level = pick(rng, LEVELS)
    wordings = of_split(_FACTS, split)
    while True:
        order = rng.permutation(len(wordings))
        facts = [_fact(rng, wordings[int(place)]) for place in order[:level]]
        sentences = _padded(rng, facts, split)
        if sentences is not None:
            break
    text = " ".join(sentences)
    in_order = tuple(sentence for sentence in sentences if sentence in facts)
    return Report(text, in_order, pick(rng, of_split(_REQUESTS, split)).format(report=text), level, split)


def _fact(rng: np.random.Generator, wording: str) -> str:
    name = f"{pick(rng, FIRST_NAMES)} {pick(rng, LAST_NAMES)}"
    slots = {"town": pick(rng, TOWNS), "day": pick(rng, DAYS), "month": pick(rng, MONTHS), "things": pick(rng, THINGS)}
    return wording.format(name=name, n=int(rng.integers(3, 100)), **slots)


def _padded(rng: np.random.Generator, facts: list[str], split: Split) -> list[str] | None:
    """The facts among enough padding to make them a small share of the text; None if that would be too long."""
    wordings = of_split(_PADDING, split)
    words = spoken = sum(len(fact.split()) for fact in facts)
    padding: list[str] = []
    for place in rng.permutation(len(wordings)):
        if words >= FEWEST and spoken < SHARE * words:
            break
        padding.append(wordings[int(place)])
        words += len(padding[-1].split())
    if not (FEWEST <= words <= MOST and spoken < SHARE * words):
        return None
    sentences = [*facts, *padding]
    return [sentences[int(place)] for place in rng.permutation(len(sentences))]
