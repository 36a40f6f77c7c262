"""The data sets whose answers are prose: labels, articles, reports, slogans, instructions, questions, purchases."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

Record = dict[str, Any]

BIRDS = {
    "barn owl": "a pale heart-shaped face and a hunt by night over open fields",
    "kingfisher": "a bright blue back and a dive from a branch into a stream",
    "white stork": "red legs and a large nest on a chimney",
    "robin": "an orange breast and a song in gardens all winter",
    "great cormorant": "black wings hung out to dry on a rock",
    "hoopoe": "a crest like a fan and a long curved bill",
    "wren": "a tiny round body and a tail held upright",
    "raven": "a deep croak and a wedge-shaped tail",
    "lapwing": "a thin crest and a tumbling flight over wet meadows",
    "nightjar": "mottled brown feathers and a churring call at dusk",
    "dipper": "a white bib and a walk along the bed of a stream",
    "goldfinch": "a red face and a taste for thistle seeds",
}


def labels() -> list[Record]:
    """Which bird is described? Six names to choose from; prompts are chats."""
    rng, rows = random.Random(21), []
    names = list(BIRDS)
    for number in range(36):
        gold = names[number % len(names)]
        shown = [*rng.sample([name for name in names if name != gold], 5), gold]
        rng.shuffle(shown)
        rows.append(
            {
                "prompt": [
                    {"role": "system", "content": "Reply as <think>your reasoning</think><answer>one name</answer>."},
                    {
                        "role": "user",
                        "content": f"Sighting {number + 1}: {BIRDS[gold]}. Which bird is it: {', '.join(shown)}?",
                    },
                ],
                "classes": shown,
                "answer": gold,
                "golden": f"<think>It shows {BIRDS[gold]}.</think>\n<answer>{gold}</answer>",
            }
        )
    return rows


TOWNS = "Arnholt Brevik Calmore Dunstead Elverum Farnley Glinka Harrowby Istrel Jorvale Kestwick Lindau".split()
WORKS = [
    ("tram line", "carries passengers between the station and the harbour"),
    ("public library", "lends books and tools in a former warehouse"),
    ("flood wall", "keeps the lower streets dry in spring"),
    ("solar park", "supplies the schools and the hospital"),
    ("swimming hall", "opens before dawn for early swimmers"),
    ("seed bank", "stores grain varieties from three valleys"),
    ("ferry service", "crosses the bay every forty minutes"),
    ("night market", "brings food stalls back to the old square"),
]
FILLER = [
    "Residents had argued about the plan for the better part of a decade.",
    "An earlier proposal failed when the regional bank withdrew its offer.",
    "Shopkeepers nearby expect more customers, although parking will be scarce during the works.",
    "The council published the tender in both local newspapers and on its website.",
    "Engineers from the technical college checked the ground before the first machines arrived.",
    "A petition against the noise gathered some signatures but was set aside in autumn.",
    "School classes painted the fence around the site with scenes of the river.",
    "Officials said that similar projects in neighbouring districts had taken much longer.",
]


def articles() -> list[Record]:
    """Short news articles with a reference summary and the answers of a quiz about them."""
    rng, rows = random.Random(22), []
    for number in range(24):
        town, (work, use) = TOWNS[number % len(TOWNS)], WORKS[number % len(WORKS)]
        cost, year, jobs = rng.randint(3, 90), rng.randint(2027, 2039), rng.randint(11, 240)
        filler = rng.sample(FILLER, 6)
        article = " ".join(
            [
                f"The town of {town} has begun to build a new {work}, its council announced on Tuesday.",
                filler[0],
                f"The {work}, which {use}, will cost {cost} million crowns and is paid for by a regional fund.",
                *filler[1:4],
                f"Work should end in {year}, and {jobs} people are to find employment there.",
                *filler[4:],
            ]
        )
        reference = f"{town} is building a {work} for {cost} million crowns; it opens in {year} with {jobs} jobs."
        rows.append(
            {
                "prompt": f"Summarise the article in one sentence.\n\nARTICLE\n{article}",
                "article": article,
                "reference": reference,
                "topic": work,
                "quiz": [town, work, f"{cost} million", str(year), str(jobs)],
                "golden": reference,
            }
        )
    return rows


CROPS = "barley hemp saffron walnut quince millet sorrel flax chicory lentil rye hazelnut".split()
PLACES = ["the northern terraces", "the river islands", "the chalk plateau", "the coastal dunes"]
PESTS = "weevils rust mildew voles aphids slugs".split()
USES = ["bread", "oil", "rope", "dye", "fodder", "soap", "beer", "paper"]


def reports() -> list[Record]:
    """A report is to cover given facts in a paragraph."""
    rng, rows = random.Random(23), []
    for number in range(24):
        crop, place = CROPS[number % len(CROPS)], rng.choice(PLACES)
        pest, use = rng.choice(PESTS), rng.sample(USES, 2)
        month = rng.choice(["May", "June", "August", "October"])
        tons = rng.randint(12, 380)
        facts = [crop, place, pest, use[0], use[1], month, f"{tons} tons"]
        golden = (
            f"This year {crop} was grown on {place}, where the soil drains well after rain. Farmers brought in "
            f"{tons} tons, most of it during {month}. Losses were small, although {pest} damaged a few plots near "
            f"the woods. Most of the harvest goes into {use[0]}, which sells at the weekly fair. What remains is "
            f"kept for {use[1]}, a trade that several families have followed for generations. The growers plan to "
            f"sow a little earlier next season and to rest one field in five, so that the ground can recover."
        )
        rows.append(
            {
                "prompt": f"Write a report of about 80 words on this year's {crop}. Cover: {'; '.join(facts)}.",
                "topic": crop,
                "facts": facts,
                "golden": golden,
            }
        )
    return rows


GOODS = "kettle lamp scarf bread tent boots soap chair radio pencil ladder basket".split()
ADJECTIVES = "warm bright quiet sturdy simple honest gentle lasting cheerful clever modest fine".split()
TAILS = ["for all", "at home", "for you", "any day", "for life", "all year", "today", "forever", "at last", "on time"]


def slogans() -> list[Record]:
    """Slogans of exactly twenty characters."""
    rows: list[Record] = []
    seen: set[str] = set()
    for good in GOODS:
        fitting = [f"{a} {good} {t}." for a in ADJECTIVES for t in TAILS if len(f"{a} {good} {t}.") == 20]
        for golden in fitting[:2]:
            if golden in seen:
                continue
            seen.add(golden)
            prompt = f"Write slogan {len(rows) + 1}, for a {good}, in 20 characters."
            rows.append({"prompt": prompt, "product": good, "golden": golden})
    return rows


def _satisfying(kind: str, topic: str, value: Any) -> str:
    """A text about a topic that keeps to one instruction."""
    if kind == "all_lowercase":
        return f"a good {topic} lasts for years and is easy to mend."
    if kind == "quoted":
        return f'"A good {topic} lasts for years and is easy to mend."'
    if kind == "bullets":
        return "\n".join(f"* Point {n} about the {topic}." for n in range(1, value + 1))
    if kind == "ends_with":
        return f"A good {topic} lasts for years. {value}"
    if kind == "no_comma":
        return f"A good {topic} lasts for years and is easy to mend."
    return f"A good {topic} lasts for years, and {value} is what keeps it so."


ASKS = {
    "all_lowercase": "Use lower-case letters only.",
    "quoted": "Put the whole reply in double quotation marks.",
    "bullets": "Use exactly {} bullet points that begin with '* '.",
    "ends_with": "End with exactly: {}",
    "no_comma": "Use no commas.",
    "keyword": "Use the word '{}'.",
}


def instructions() -> list[Record]:
    """One instruction a row that a program can check; two of the six kinds are the rarer ones."""
    rng, rows = random.Random(24), []
    kinds = list(ASKS)
    for number in range(36):
        kind, topic = kinds[number % len(kinds)], GOODS[(number * 5 + number // 12) % len(GOODS)]
        value: Any = None
        if kind == "bullets":
            value = 2 + number // 6 % 4
        elif kind == "ends_with":
            value = f"That is all about item {number}."
        elif kind == "keyword":
            value = rng.choice(["patience", "oil", "thread", "sunlight", "care", "rest"])
        rows.append(
            {
                "prompt": f"Write about a {topic}. {ASKS[kind].format(value)}",
                "topic": topic,
                "instruction": kind,
                "value": value,
                "golden": _satisfying(kind, topic, value),
            }
        )
    return rows


CAPITALS = {
    "Norway": "Oslo", "Kenya": "Nairobi", "Peru": "Lima", "Japan": "Tokyo", "Hungary": "Budapest", "Cuba": "Havana",
    "Ghana": "Accra", "Iceland": "Reykjavik", "Nepal": "Kathmandu", "Portugal": "Lisbon", "Senegal": "Dakar",
    "Uruguay": "Montevideo", "Latvia": "Riga", "Jordan": "Amman", "Vietnam": "Hanoi", "Bulgaria": "Sofia",
}  # fmt: skip
METALS = {
    "Au": "gold", "Ag": "silver", "Fe": "iron", "Cu": "copper", "Pb": "lead", "Sn": "tin", "Zn": "zinc",
    "Ni": "nickel", "Hg": "mercury", "W": "tungsten", "Na": "sodium", "K": "potassium", "Ti": "titanium",
    "Pt": "platinum", "Al": "aluminium", "Mg": "magnesium",
}  # fmt: skip


def questions() -> list[Record]:
    """Open questions with a reference answer and the answers that would be wrong."""
    rows = []
    asked = [(f"What is the capital of {key}?", value, CAPITALS, f"The capital of {key} is {value}.")
             for key, value in CAPITALS.items()]  # fmt: skip
    asked += [(f"Which metal has the chemical symbol {key}?", value, METALS, f"{key} is the symbol of {value}.")
              for key, value in METALS.items()]  # fmt: skip
    for question, reference, others, golden in asked:
        rows.append(
            {
                "prompt": question,
                "question": question,
                "reference": reference,
                "others": [value for value in others.values() if value != reference],
                "golden": golden,
            }
        )
    return rows


THINGS = "apples candles rope honey paint nails cheese gloves stamps onions yarn matches plums twine salt lamps".split()


def purchases() -> list[Record]:
    """Which things were bought, of those that a conversation names? Prompts are chats."""
    rng = random.Random(25)
    rows: list[Record] = []
    seen: set[tuple[str, ...]] = set()
    while len(rows) < 24:
        named = rng.sample(THINGS, 6)
        bought = sorted(rng.sample(named, rng.choice([2, 3])))
        if tuple(bought) in seen:
            continue
        seen.add(tuple(bought))
        left = [thing for thing in named if thing not in bought]
        talk = (
            f"At the stall I looked at {', '.join(named)}. I put back the {' and the '.join(left)} and took the rest."
        )
        rows.append(
            {
                "prompt": [{"role": "user", "content": f"{talk} What did I buy?"}],
                "named": named,
                "items": bought,
                "golden": f"You bought {' and '.join(bought)}.",
            }
        )
    return rows


SETS: tuple[Callable[[], list[Record]], ...] = (labels, articles, reports, slogans, instructions, questions, purchases)
