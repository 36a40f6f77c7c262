"""Writes data/*.jsonl: seeded, so that it always writes the same."""
import json
import random
import sqlite3
from datetime import date, timedelta
from difflib import SequenceMatcher
from pathlib import Path

DATA = Path(__file__).parent / "data"
MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December"]
NAMES = ["Amara", "Birgit", "Cosimo", "Devika", "Eskil", "Farida", "Goran", "Hilke", "Isidro", "Jovana", "Kwame", "Liesel",
         "Mirko", "Nadia", "Oskar", "Paloma"]


def write(name, rows):
    assert 16 <= len(rows) <= 40, (name, len(rows))
    assert all(set(row) == set(rows[0]) for row in rows), name
    assert len({json.dumps(row["prompt"]) for row in rows}) == len(rows), name
    DATA.mkdir(exist_ok=True)
    with open(DATA / f"{name}.jsonl", "w") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


def collect(rng, make, number):
    """``number`` different rows."""
    rows, seen = [], set()
    while len(rows) < number:
        row = make(rng)
        key = json.dumps(row["prompt"]) if row else None
        if row and key not in seen:
            seen.add(key)
            rows.append(row)
    return rows


def chat(text, system=None):
    head = [{"role": "system", "content": system}] if system else []
    return [*head, {"role": "user", "content": text}]


# ---------------------------------------------------------------- figures
def conversions():
    rng = random.Random(101)
    kinds = [
        ("A hiking trail is {} km long.", "its length in miles", "km", "miles", 1 / 1.609344),
        ("A sack of barley weighs {} kg.", "its weight in pounds", "kg", "pounds", 1 / 0.45359237),
        ("A curtain is {} inches wide.", "its width in centimetres", "inches", "centimetres", 2.54),
        ("A cask holds {} litres.", "its volume in US gallons", "litres", "gallons", 1 / 3.785411784),
        ("A recording lasts {} minutes.", "how long it lasts in hours", "minutes", "hours", 1 / 60),
        ("A mast is {} feet tall.", "its height in metres", "feet", "metres", 0.3048),
    ]

    def make(rng):
        text, what, unit, target, factor = rng.choice(kinds)
        value = rng.randrange(12, 990)
        shown = f"{value / 10:.1f}" if unit in ("km", "kg") else str(value)
        answer = f"{float(shown) * factor:.4g}"
        return {"prompt": f"{text.format(shown)} Give {what}, to three significant digits or more. Close with a line "
                          "'Answer: ' that holds the number and the unit.",
                "answer": f"{answer} {target}",
                "golden": f"I multiply {shown} {unit} by {factor:.5g}.\nAnswer: {answer} {target}"}

    write("conversions", collect(rng, make, 26))


def dates():
    rng = random.Random(102)
    things = ["A library book is lent", "A warranty begins", "A parcel is stored", "A permit is issued", "A trial starts"]
    ends = {"A library book is lent": "is it due", "A warranty begins": "does it end", "A parcel is stored": "is it sent back",
            "A permit is issued": "does it lapse", "A trial starts": "does it stop"}

    def make(rng):
        thing = rng.choice(things)
        start = date(2023, 1, 1) + timedelta(days=rng.randrange(1000))
        days = rng.randrange(25, 170)
        end = start + timedelta(days=days)
        return {"prompt": f"{thing} on {start.day} {MONTHS[start.month - 1]} {start.year}, and its term is {days} days. On "
                          f"which date {ends[thing]} (that is, {days} days later)? Write the date on a last line 'Due: '.",
                "answer": end.isoformat()}

    write("dates", collect(rng, make, 28))


def _polynomial(coefficients):
    """Text of a polynomial from its coefficients, highest power first."""
    n, out = len(coefficients) - 1, ""
    for i, c in enumerate(coefficients):
        if c == 0:
            continue
        power = n - i
        body = str(abs(c)) if power == 0 else ("" if abs(c) == 1 else f"{abs(c)}*") + ("x" if power == 1 else f"x**{power}")
        out += (" - " if c < 0 else " + ") + body if out else ("-" if c < 0 else "") + body
    return out or "0"


def derivatives():
    rng = random.Random(103)

    def make(rng):
        degree = rng.choice([2, 3, 3, 4])
        cs = [rng.choice([-1, 1]) * rng.randrange(2, 10) if k == 0 else rng.randrange(-9, 10) for k in range(degree + 1)]
        out = [c * (degree - i) for i, c in enumerate(cs[:-1])]
        answer = _polynomial(out)
        return {"prompt": chat(f"Differentiate f(x) = {_polynomial(cs)} with respect to x. Write the derivative as a sum of "
                               "powers of x in Python notation, such as 6*x**2 - 5*x + 1, on a last line 'Answer: '."),
                "answer": answer, "golden": f"Term by term, by the power rule.\nAnswer: {answer}"}

    write("derivatives", collect(rng, make, 24))


def intervals():
    rng = random.Random(104)

    def make(rng):
        a, b = rng.randrange(120, 990), rng.randrange(23, 97)
        what = rng.choice([f"A mill fills {a} sacks a day. How many does it fill in {b} days?",
                           f"A tile costs {b} cents. What do {a} tiles cost, in cents?",
                           f"A choir of {b} sells {a} tickets each. How many tickets is that?"])
        v = a * b
        return {"prompt": f"{what} Do it in your head, and bound the value from both sides: reply with one JSON object with "
                          "the numbers low and high, no further apart than a tenth of the value.",
                "answer": v, "golden": json.dumps({"low": int(v * 0.98), "high": int(v * 1.02) + 1})}

    write("intervals", collect(rng, make, 24))


def shop():
    rng = random.Random(105)
    goods = ["candles", "brushes", "mugs", "ropes", "seedlings", "postcards", "magnets"]

    def make(rng):
        good, n, price, paid = rng.choice(goods), rng.randrange(6, 38), rng.randrange(3, 19), 0
        paid = n * price + rng.randrange(7, 90)
        return {"prompt": f"{rng.choice(NAMES)} buys {n} {good} at {price} crowns each and pays with {paid} crowns. What is the "
                          "change? Start with one line 'Working: ', then give the number as \\boxed{N}.",
                "data_source": "shop", "reward_model": {"ground_truth": str(paid - n * price)},
                "golden": f"Working: the goods cost {n * price}, and {paid} was paid.\n\\boxed{{{paid - n * price}}}"}

    write("shop", collect(rng, make, 24))


def ages():
    rng = random.Random(106)

    def make(rng):
        a, b = rng.sample(NAMES, 2)
        k, x, d = rng.randrange(2, 6), rng.randrange(7, 24), rng.randrange(2, 30)
        return {"prompt": f"{a} is {k} times as old as {b}, who is {x}. How old will {a} be in {d} years? Think between <think> "
                          "and </think>, and put the age in \\boxed{} after that.",
                "data_source": "ages", "reward_model": {"ground_truth": str(k * x + d)}}

    write("ages", collect(rng, make, 24))


def targets():
    rng = random.Random(107)

    def make(rng):
        ns = rng.sample(range(2, 13), 4)
        a, b, c, d = ns
        text, value = rng.choice([(f"({a} + {b}) * {c} - {d}", (a + b) * c - d), (f"{a} * {b} - {c} - {d}", a * b - c - d),
                                  (f"({a} - {b}) * ({c} + {d})", (a - b) * (c + d)), (f"{a} * {b} + {c} * {d}", a * b + c * d)])
        if not 10 <= value <= 70:
            return None
        shown = rng.sample(ns, 4)
        return {"prompt": f"Combine the numbers {', '.join(map(str, shown))}, each of them exactly once, with + - * / and brackets "
                          f"so that the value is {value}. Give it on a line 'Expression: '.",
                "numbers": shown, "target": value, "golden": f"Expression: {text}"}

    write("targets", collect(rng, make, 24))


# ---------------------------------------------------------------- puzzles
def baskets():
    rng = random.Random(108)
    goods = ["tent", "lamp", "rope", "stove", "flask", "map", "whistle", "blanket"]

    def make(rng):
        items = {g: [rng.randrange(5, 40), rng.randrange(4, 30)] for g in rng.sample(goods, 4)}
        budget = rng.randrange(90, 160)
        best = [(0, {})] * (budget + 1)  # most points within a cost
        for cost in range(1, budget + 1):
            options = [best[cost - 1]]
            for g, (price, points) in items.items():
                if price <= cost:
                    p, counts = best[cost - price]
                    options.append((p + points, {**counts, g: counts.get(g, 0) + 1}))
            best[cost] = max(options, key=lambda o: o[0])
        need, counts = best[budget]
        listing = "; ".join(f"{g} (price {p}, points {q})" for g, (p, q) in items.items())
        return {"prompt": f"A camp shop sells: {listing}. Spend at most {budget} and collect at least {need} points; you may buy "
                          "several of a kind. Reply with one JSON object from the item to how many you buy.",
                "items": json.dumps(items), "budget": budget, "need": need, "golden": json.dumps(counts)}

    write("baskets", collect(rng, make, 24))


LINES = [[(r, c) for c in range(3)] for r in range(3)] + [[(r, c) for r in range(3)] for c in range(3)] + [
    [(i, i) for i in range(3)], [(i, 2 - i) for i in range(3)]]


def boards():
    rng = random.Random(109)

    def make(rng):
        cells = [(r, c) for r in range(3) for c in range(3)]
        rng.shuffle(cells)
        xs, os = set(cells[:2]), set(cells[2:4])
        wins = [c for c in cells[4:] if any(c in line and set(line) <= xs | {c} for line in LINES)]
        if len(wins) != 1:
            return None
        rows = ["".join("X" if (r, c) in xs else "O" if (r, c) in os else "." for c in range(3)) for r in range(3)]
        r, c = wins[0]
        return {"prompt": chat("Tic-tac-toe; you are X and it is your move:\n" + "\n".join(rows) + "\nWin at once. Rows and "
                               "columns are numbered from 1. Reply with a line 'Move: ROW,COLUMN'."),
                "board": "/".join(rows), "golden": f"Two of mine are in line.\nMove: {r + 1},{c + 1}"}

    write("boards", collect(rng, make, 24))


def anagrams():
    rng = random.Random(110)
    words = ["bread", "cloud", "flint", "grape", "horse", "juice", "knife", "lemon", "mouth", "night", "ocean", "plank", "quilt",
             "river", "stone", "tiger", "uncle", "vinyl", "wheat", "young", "zebra", "frost", "amber", "crown"]
    clues = ["a food", "something in the sky", "a stone", "a fruit", "an animal", "a drink", "a tool", "a fruit", "part of a face",
             "a time", "a water", "a board", "a cover", "a water", "a thing on the ground", "an animal", "a relative",
             "a material", "a crop", "an adjective", "an animal", "a kind of weather", "a colour", "a headdress"]
    rows = []
    for word, clue in zip(words, clues):
        mixed = word
        while mixed == word:
            mixed = "".join(rng.sample(word, len(word)))
        rows.append({"prompt": f"Unscramble the letters {' '.join(mixed.upper())} into an English word; the clue is '{clue}'. "
                               "Reason briefly if you like, and end with a line 'Word: '.", "answer": word})
    write("anagrams", rows)


def patterns():
    rng = random.Random(111)
    d = lambda: str(rng.randrange(10))  # noqa: E731
    up = lambda: rng.choice("ABCDEFGHKLMNPRSTUVWXYZ")  # noqa: E731
    low = lambda: rng.choice("abcdefghkmnoprstuvw")  # noqa: E731
    rep = lambda f, n: "".join(f() for _ in range(n))  # noqa: E731
    rows = []
    for k in (2, 3, 4):
        for kind in range(8):
            pattern, good, bad = {
                0: (f"[A-Z]{{{k}}}-[0-9]{{3}}", lambda: f"{rep(up, k)}-{rep(d, 3)}",
                    [lambda: f"{rep(up, k + 1)}-{rep(d, 3)}", lambda: f"{rep(up, k)}{rep(d, 3)}", lambda: f"{rep(low, k)}-{rep(d, 3)}"]),
                1: (f"#[0-9a-f]{{{k}}}", lambda: "#" + "".join(rng.choice("0123456789abcdef") for _ in range(k)),
                    [lambda: "#" + rep(d, k + 1), lambda: rep(d, k), lambda: "#" + "z" * k]),
                2: (f"[0-9]{{1,{k}}}[.][0-9]{{2}}", lambda: f"{rep(d, rng.randrange(1, k + 1))}.{rep(d, 2)}",
                    [lambda: f"{rep(d, k)}.{rep(d, 3)}", lambda: f".{rep(d, 2)}", lambda: f"{rep(d, k)},{rep(d, 2)}"]),
                3: (f"[a-z]+_[0-9]{{{k}}}", lambda: f"{rep(low, rng.randrange(2, 6))}_{rep(d, k)}",
                    [lambda: f"_{rep(d, k)}", lambda: f"{rep(low, 4)}_{rep(d, k - 1)}", lambda: f"{rep(up, 3)}_{rep(d, k)}"]),
                4: (f"v[0-9]+([.][0-9]+){{{k - 1}}}", lambda: "v" + ".".join(d() for _ in range(k)),
                    [lambda: ".".join(d() for _ in range(k)), lambda: "v" + ".".join(d() for _ in range(k + 1)), lambda: "v."]),
                5: (f"[01]{{{2 * k}}}", lambda: "".join(rng.choice("01") for _ in range(2 * k)),
                    [lambda: "".join(rng.choice("01") for _ in range(2 * k - 1)), lambda: "2" * (2 * k), lambda: "0x" + "1" * (2 * k - 2)]),
                6: (f"<[a-z]{{{k}}}>", lambda: f"<{rep(low, k)}>",
                    [lambda: rep(low, k), lambda: f"<{rep(low, k + 1)}>", lambda: f"<{rep(up, k)}>"]),
                7: (f"[A-Z][a-z]{{{k}}}", lambda: up() + rep(low, k),
                    [lambda: rep(low, k + 1), lambda: up() + rep(low, k + 1), lambda: up() + rep(up, k)]),
            }[kind]
            accept, reject = set(), set()
            while len(accept) < 12:
                accept.add(good())
            while len(reject) < 12:
                word = rng.choice(bad)()
                if word not in accept:
                    reject.add(word)
                elif kind in (4, 5):
                    break
                if kind in (4, 5, 1) and len(reject) > 8:
                    break
            accept, reject = sorted(accept), sorted(reject)
            rng.shuffle(accept), rng.shuffle(reject)
            rows.append({
                "prompt": f"Find a Python regular expression that accepts {', '.join(accept[:5])} and whatever is built like them, "
                          f"but none of {', '.join(reject[:4])} or the like. The whole string has to match. Give it on a last "
                          "line 'Pattern: '.",
                "accept": accept[:5], "reject": reject[:4], "more_accept": accept[5:], "more_reject": reject[4:],
                "golden": f"They share one shape.\nPattern: {pattern}"})
    rng.shuffle(rows)
    write("patterns", rows)


def worksheets():
    rng = random.Random(112)

    def make(rng):
        sums = []
        for _ in range(5):
            a, b, c = rng.randrange(12, 60), rng.randrange(3, 12), rng.randrange(5, 80)
            sums.append((f"{a} * {b} + {c}", a * b + c))
        head = f"0) {sums[0][0]} (done for you: {sums[0][1]})"
        listing = "\n".join([head, *(f"{i}) {sums[i][0]}" for i in range(1, 5))])
        return {"prompt": f"Worksheet:\n{listing}\nWork out the open items and write one line for each, such as '0) {sums[0][1]}'.",
                "answers": json.dumps({str(i): v for i, (_, v) in enumerate(sums)})}

    write("worksheets", collect(rng, make, 22))


def mazes():
    rng = random.Random(113)

    def distance(grid, start, goal):
        seen, front = {start: 0}, [start]
        for cell in front:
            for dr, dc in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                r, c = cell[0] + dr, cell[1] + dc
                if 0 <= r < 6 and 0 <= c < 6 and grid[r][c] == "." and (r, c) not in seen:
                    seen[r, c] = seen[cell] + 1
                    front.append((r, c))
        return seen.get(goal)

    def make(rng):
        grid = ["".join("#" if rng.random() < 0.33 else "." for _ in range(6)) for _ in range(6)]
        steps = distance(grid, (0, 0), (5, 5)) if grid[0][0] == grid[5][5] == "." else None
        if steps is None or steps < 12:
            return None
        return {"prompt": "A maze, # being walls:\n" + "\n".join(grid) + "\nWalk from the top left corner to the bottom right one. "
                          "Give the steps as one word of the letters U, D, L and R on a line 'Path: '.",
                "maze": "/".join(grid)}

    write("mazes", collect(rng, make, 20))


def chronology():
    rng = random.Random(114)
    events = [("the printing of the Gutenberg Bible", 1455), ("the fall of the Berlin Wall", 1989), ("the first Moon landing", 1969),
              ("the French Revolution", 1789), ("the sinking of the Titanic", 1912), ("the Norman conquest of England", 1066),
              ("the opening of the Suez Canal", 1869), ("the discovery of penicillin", 1928), ("the Great Fire of London", 1666),
              ("the signing of Magna Carta", 1215), ("the launch of Sputnik", 1957), ("the Battle of Waterloo", 1815),
              ("the first modern Olympic Games", 1896), ("the end of the Western Roman Empire", 476),
              ("the arrival of Columbus in America", 1492), ("the patenting of the telephone", 1876)]

    def make(rng):
        five = rng.sample(events, 5)
        listing = "; ".join(f"{letter} = {name}" for letter, (name, _) in zip("ABCDE", five))
        order = [letter for _, letter in sorted(zip((y for _, y in five), "ABCDE"))]
        return {"prompt": f"Put these in order of time, the earliest first: {listing}. Reply with a line 'Order: ' and the five "
                          "letters, separated by commas.", "answer": ", ".join(order)}

    write("chronology", collect(rng, make, 24))


# ---------------------------------------------------------------- sources
def rankings():
    rng = random.Random(115)
    topics = {
        "keeping bees over winter": ["Bees keep warm in winter by clustering around the queen and eating stored honey.",
                                     "A hive needs some fifteen kilos of honey to last the winter.",
                                     "Bees visit about two million flowers for a jar of honey."],
        "baking sourdough bread": ["A sourdough loaf rises slowly, with a starter of flour and water instead of yeast.",
                                   "Steam in the oven gives a sourdough its crust.", "Rye flour is darker than wheat flour."],
        "repairing a bicycle tyre": ["To mend a puncture, roughen the tube and press a patch on the glue.",
                                     "Tyre levers lift the tyre from the rim.", "Some bicycles have hub gears."],
        "growing tomatoes": ["Tomatoes want six hours of sun, and a stake once they are knee-high.",
                             "Water tomato plants at the root, not on the leaves.", "Tomatoes came to Europe from the Andes."],
        "tuning a piano": ["A piano tuner turns the pins with a lever while listening for beats.",
                           "Mutes silence two of the three strings while a piano is tuned.", "The first pianos were made in Italy."],
        "watching meteors": ["Meteors are best watched after midnight, away from lamps, without a telescope.",
                             "The Perseid meteors come every August.", "Most meteorites that are found are stony."],
    }
    names = list(topics)
    rows = []
    for query in names:
        for round_ in range(4):
            rest = [s for other in names if other != query for s in topics[other]]
            passages = [(topics[query][0], 3), (topics[query][1], 2), (topics[query][2], 1), *((s, 0) for s in rng.sample(rest, 5))]
            rng.shuffle(passages)
            gains = {str(i): g for i, (_, g) in enumerate(passages, 1) if g}
            listing = "\n".join(f"[{i}] {s}" for i, (s, _) in enumerate(passages, 1))
            rows.append({"prompt": f"Query: {query}\n{listing}\nRank all the passages by how far they help with the query, the best "
                                   "first: 'Ranking: [a] > [b] > ...'", "data_source": "passage_ranking",
                         "reward_model": {"ground_truth": json.dumps(gains)}, "extra_info": {"passages": 8}})
    rng.shuffle(rows)
    write("rankings", rows)


def glossary():
    rng = random.Random(116)
    plain = [("French", "water", "eau"), ("German", "bread", "Brot"), ("Spanish", "dog", "perro"), ("Italian", "milk", "latte"),
             ("Dutch", "horse", "paard"), ("German", "tree", "Baum"), ("French", "bread", "pain"), ("Spanish", "house", "casa"),
             ("Italian", "cat", "gatto"), ("Portuguese", "sun", "sol"), ("Swedish", "dog", "hund"), ("Dutch", "milk", "melk"),
             ("Italian", "book", "libro"), ("Spanish", "moon", "luna"), ("French", "sea", "mer"), ("Swedish", "book", "bok"),
             ("Latin", "fire", "ignis"), ("Finnish", "water", "vesi")]
    other = [("Russian", "water", "вода"), ("Greek", "sea", "θάλασσα"), ("Japanese", "mountain", "山"), ("Chinese", "horse", "马"),
             ("Ukrainian", "bread", "хліб"), ("Greek", "book", "βιβλίο"), ("Japanese", "water", "水"), ("Bulgarian", "milk", "мляко")]
    rows = [{"prompt": f"What is the usual {language} word for '{word}'? Write it in the script of that language, without an "
                       "article, on a last line 'Word: '.", "keywords": [answer],
             "golden": f"A common word in {language}.\nWord: {answer}"} for language, word, answer in plain + other]
    rng.shuffle(rows)
    write("glossary", rows)


def biographies():
    rng = random.Random(117)
    towns = ["Tartu", "Ghent", "Braga", "Pula", "Lund", "Bergen", "Olomouc", "Trieste", "Leiden", "Varna", "Cluj", "Kaunas"]
    trades = ["bookbinder", "glazier", "surveyor", "organist", "chemist", "weaver", "printer", "botanist"]
    things = ["a weather diary", "a treatise on moss", "a map of wells", "a set of psalms", "a manual on dyes", "a catalogue of moths"]

    def make(rng):
        who = rng.choice(NAMES)
        a, b, c = rng.sample(towns, 3)
        trade, thing, year = rng.choice(trades), rng.choice(things), rng.randrange(1790, 1880)
        prize = rng.randrange(20, 90)
        passage = (f"{who} was born in {a} to a family of sailors. At fourteen, {who} moved to {b} and was trained there as a {trade}. "
                   f"The workshop that followed stood in {c} for a generation. In {year} it printed {thing}, which sold well. "
                   f"The town paid {prize} ducats for the second edition.")
        question, answer = rng.choice([("In which town was the workshop?", c), ("Where was the training?", b),
                                       ("What did the training make of " + who + "?", trade),
                                       ("In which year was the work printed?", str(year)),
                                       ("How many ducats did the town pay?", str(prize))])
        return {"prompt": f"{passage}\n\n{question} Reply with one JSON object: 'answer' in a word, and 'quote', the one sentence of the "
                          "text that shows it, word for word.", "passage": passage, "answer": answer}

    write("biographies", collect(rng, make, 28))


def minutes():
    rng = random.Random(118)
    halls = ["the boathouse", "the bandstand", "the reading room", "the footbridge", "the greenhouse", "the ferry stage"]
    firms = ["Halden and Daughters", "Brix Roofing", "Oakmoor Builders", "Tarn Works", "Pell Brothers"]

    def make(rng):
        hall, firm, cost = rng.choice(halls), rng.choice(firms), rng.randrange(12, 95) * 100
        day, month, votes = rng.randrange(2, 28), rng.choice(MONTHS), rng.randrange(7, 12)
        chair = rng.choice(NAMES)
        text = (f"The council met in the old mill, as the town hall was being painted. After long talk about the state of {hall}, "
                f"and a recess for tea, {chair} moved that it be repaired before the frost. Three offers had come in, and the one of "
                f"{firm} was thought the most careful, if not the cheapest; at {cost} crowns it lay within the budget. The motion was "
                f"carried with {votes} votes. Work will begin on {day} {month}, weather permitting, and the path will be closed.")
        facts = [firm, f"{cost} crowns", f"{votes} votes", f"{day} {month}"]
        summary = f"{firm} will repair {hall} for {cost} crowns from {day} {month}, by {votes} votes."
        return {"prompt": chat(f"Summarise these minutes in at most 24 words: who does the work, for how much, from which day, and by how "
                               f"many votes. Write figures as they stand. Remarks may follow below a line 'Notes:'.\n\n{text}"),
                "facts": facts, "limit": 24, "golden": f"{summary}\nNotes: the path is closed meanwhile."}

    write("minutes", collect(rng, make, 24))


def sentences():
    pairs = [("Der Hund liegt unter dem Tisch.", "The dog is lying under the table."),
             ("Wir haben den letzten Bus verpasst.", "We missed the last bus home."),
             ("Die Kinder spielen hinter der Scheune.", "The children are playing behind the barn."),
             ("Am Morgen war der See zugefroren.", "In the morning the lake was frozen."),
             ("Sie liest die Zeitung beim Frühstück.", "She reads the newspaper at breakfast."),
             ("Der Bäcker öffnet um sechs Uhr.", "The baker opens at six o'clock."),
             ("Die Brücke wurde im Krieg zerstört.", "The bridge was destroyed in the war."),
             ("Er hat die Schlüssel im Auto vergessen.", "He left the keys in the car."),
             ("Das Dach muss vor dem Winter repariert werden.", "The roof must be repaired before the winter."),
             ("Niemand kannte den Namen des Gastes.", "Nobody knew the name of the guest."),
             ("Die Uhr an der Wand geht falsch.", "The clock on the wall is wrong."),
             ("Meine Schwester arbeitet in der Bibliothek.", "My sister works in the library."),
             ("Der Zug hält nicht an diesem Bahnhof.", "The train does not stop at this station."),
             ("Nach dem Regen roch der Garten frisch.", "After the rain the garden smelled fresh."),
             ("Die Suppe ist zu heiß für das Kind.", "The soup is too hot for the child."),
             ("Im Keller stehen drei alte Fahrräder.", "There are three old bicycles in the cellar."),
             ("Der Lehrer erklärte die Regel zweimal.", "The teacher explained the rule twice today."),
             ("Das Fenster zum Hof war offen.", "The window to the courtyard was open."),
             ("Sie kauften Brot und Käse auf dem Markt.", "They bought bread and cheese at the market."),
             ("Der Brief kam erst am Freitag an.", "The letter did not arrive until Friday."),
             ("Wir gingen am Fluss entlang nach Hause.", "We walked home along the river."),
             ("Der Arzt war den ganzen Tag unterwegs.", "The doctor was on the road all day."),
             ("Die Katze schläft auf dem warmen Ofen.", "The cat sleeps on the warm stove."),
             ("Im Sommer ist das Wasser im See warm.", "In summer the water in the lake is warm.")]
    write("sentences", [{"prompt": chat(source, "You translate from German into English. Reply with the translation alone."),
                         "reference": reference} for source, reference in pairs])


def statements():
    rng = random.Random(119)
    facts = [("Which gas makes up most of the air?", "Nitrogen", ["Oxygen", "Argon", "Carbon dioxide"]),
             ("Which sea lies between Italy and the Balkans?", "The Adriatic", ["The Baltic", "The Black Sea", "The Caspian"]),
             ("Who wrote The Trial?", "Franz Kafka", ["Thomas Mann", "Robert Musil", "Joseph Roth"]),
             ("What does a barometer measure?", "Air pressure", ["Wind speed", "Humidity", "Rainfall"]),
             ("Which metal is liquid at room temperature?", "Mercury", ["Gallium nitride", "Zinc", "Cobalt"]),
             ("Which country has Bratislava as its capital?", "Slovakia", ["Hungary", "Croatia", "Estonia"]),
             ("What is a young swan called?", "Cygnet", ["Gosling", "Leveret", "Fawn"]),
             ("Which instrument has a double reed?", "Oboe", ["Trumpet", "Viola", "Celesta"]),
             ("Which planet has the moon Titan?", "Saturn", ["Neptune", "Mars", "Jupiter"]),
             ("Who painted Guernica?", "Pablo Picasso", ["Joan Miro", "Henri Matisse", "Marc Chagall"]),
             ("Which grain is sake made from?", "Rice", ["Barley", "Millet", "Oats"]),
             ("What is the longest bone of the human body?", "The femur", ["The tibia", "The ulna", "The sternum"]),
             ("Which language is spoken in Andorra by law?", "Catalan", ["Basque", "Occitan", "Galician"]),
             ("Which tree bears acorns?", "Oak", ["Birch", "Larch", "Willow"]),
             ("Where is the Alhambra?", "Granada", ["Seville", "Toledo", "Bilbao"]),
             ("What is the study of insects called?", "Entomology", ["Botany", "Philately", "Cartography"]),
             ("Which sport uses a shuttlecock?", "Badminton", ["Croquet", "Curling", "Polo"]),
             ("Which river runs through Cairo?", "The Nile", ["The Tigris", "The Indus", "The Congo"]),
             ("Who composed The Rite of Spring?", "Igor Stravinsky", ["Claude Debussy", "Bela Bartok", "Anton Webern"]),
             ("Which acid is in lemons?", "Citric acid", ["Formic compound", "Vinegar", "Sulphuric"])]

    def close(a, b):
        return SequenceMatcher(None, a.lower(), b.lower()).ratio() >= 0.85

    rows = []

    def add(question, right, wrong):
        options = [right, *wrong]
        rng.shuffle(options)
        listing = "\n".join(f"- {o}" for o in options)
        rows.append({"prompt": f"{question}\n{listing}\nReply with a line 'Answer: ' and the text of the right option, word for word.",
                     "answer": right, "golden": f"Answer: {right}"})

    for question, right, wrong in facts:
        assert not any(close(right, w) for w in wrong), question
        add(question, right, wrong)
    for _ in range(8):
        start, end = rng.randrange(20, 60) * 10, 0
        share = rng.choice([10, 20, 30, 40])
        end = start + start * share // 100
        a = rng.randrange(1990, 2010)
        b = a + rng.randrange(3, 9)
        right = f"The yearly catch of the fleet rose by {share} percent between {a} and {b}."
        wrong = [f"The yearly catch of the fleet rose by {share + k} percent between {a} and {b}." for k in (5, 15)]
        wrong.append(f"The yearly catch of the fleet fell by {share} percent between {a} and {b}.")
        assert all(close(right, w) for w in wrong)
        add(f"A fleet caught {start} tonnes in {a} and {end} tonnes in {b}. Which statement is true?", right, wrong)
    rng.shuffle(rows)
    write("statements", rows)


def gatherings():
    rng = random.Random(120)
    animals = ["otter", "heron", "badger", "lynx", "crane", "viper", "marten", "stork", "beetle", "trout", "bison", "hare"]
    others = ["lantern", "ladder", "anchor", "kettle", "saddle", "barrel", "mirror", "shovel"]

    def make(rng):
        some, stuff = rng.sample(animals, rng.randrange(3, 6)), rng.sample(others, 3)
        items = some + stuff
        rng.shuffle(items)
        text = " ".join(f"By the {w} {rng.choice(NAMES)} saw a {v}." for w, v in zip(items[::2], items[1::2]))
        if len(items) % 2:
            text += f" Last came a {items[-1]}."
        return {"prompt": chat(f"{text}\nList every animal that the text names, one a line, in the singular, and nothing else."),
                "animals": some, "golden": "\n".join(some)}

    write("gatherings", collect(rng, make, 24))


# ---------------------------------------------------------------- agents
POLICY = ("Clause 1: shipped or delivered orders are not cancelled. Clause 2: the address of a delivered order is not changed. Clause 3: "
          "a refund needs a delivered order, delivered at most 30 days ago. Clause 4: gift cards are never refunded.")


def requests():
    rng = random.Random(121)
    items = ["kettle", "atlas", "scarf", "gift card", "drill", "puzzle"]
    rows, refused = [], 0
    seen = set()
    while len(rows) < 30:
        order = f"{rng.choice('ABCDEFGH')}{rng.randrange(10, 99)}"
        status = rng.choice(["open", "shipped", "delivered", "delivered"])
        days = rng.randrange(3, 70) if status == "delivered" else 0
        item = rng.choice(items)
        other = f"{rng.choice('KLMNPR')}{rng.randrange(10, 99)}"
        state = {order: {"item": item, "status": status, "days": days, "city": "Turku"},
                 other: {"item": "lamp", "status": "open", "days": 0, "city": "Pori"}}
        verb = rng.choice(["cancel", "move", "refund"])
        clause, call = None, ""
        after = json.loads(json.dumps(state))
        if verb == "cancel":
            clause = 1 if status != "open" else None
            call, ask = f"cancel({order})", f"Please cancel order {order}."
            after[order]["status"] = "cancelled"
        elif verb == "move":
            clause = 2 if status == "delivered" else None
            call, ask = f"move({order}, Vaasa)", f"Please send order {order} to Vaasa instead."
            after[order]["city"] = "Vaasa"
        else:
            clause = 4 if item == "gift card" else 3 if status != "delivered" or days > 30 else None
            call, ask = f"refund({order})", f"I want my money back for order {order}."
            after[order]["status"] = "refunded"
        if clause == 4 and (status != "delivered" or days > 30):
            continue  # two clauses would apply
        if clause:
            after, call = state, ""
        if order in seen or (clause and refused >= 8) or (not clause and len(rows) - refused >= 22):
            continue
        seen.add(order)
        refused += bool(clause)
        outcome = f"refused {order} clause {clause}" if clause else f"done {order}"
        rows.append({"prompt": f"You serve a shop. {POLICY}\nOrders: {json.dumps(state)}\nCustomer: {ask}\nWrite each action on a line "
                               "'call: ', as cancel(ORDER), move(ORDER, CITY) or refund(ORDER), if the clauses allow it. End with a "
                               "line 'Outcome: done ORDER' or 'Outcome: refused ORDER clause N'.",
                     "state": json.dumps(state), "expected": json.dumps(after), "outcome": outcome,
                     "golden": (f"call: {call}\n" if call else "") + f"Outcome: {outcome}"})
    write("requests", rows)


def toolbox():
    rng = random.Random(122)
    system = ("Tools: play_song(title), book_court(sport, hour), water_plants(bed, litres), print_label(text). Call one of them as "
              '<call>{"name": ..., "arguments": {...}}</call>. If none of them serves the request, reply with NO CALL and nothing else.')
    songs = ["Blue Harbour", "Two Rivers", "Paper Moon", "Old Lamp Waltz"]

    def make(rng):
        kind = rng.randrange(4)
        if kind == 0:
            title = rng.choice(songs)
            return {"text": f"I feel like hearing {title}.", "call": {"name": "play_song", "arguments": {"title": title}}}
        if kind == 1:
            sport, hour = rng.choice(["tennis", "squash", "padel"]), rng.randrange(8, 21)
            return {"text": f"Get us a place for {sport} at {hour} o'clock.",
                    "call": {"name": "book_court", "arguments": {"sport": sport, "hour": hour}}}
        if kind == 2:
            bed, litres = rng.choice(["herb", "rose", "bean"]), rng.randrange(3, 20)
            return {"text": f"The {bed} bed is dry: {litres} litres, please.",
                    "call": {"name": "water_plants", "arguments": {"bed": bed, "litres": litres}}}
        text = rng.choice(["Fragile", "Winter coats", "Spare keys", "Seeds 2026"])
        return {"text": f"I need a sticker that says {text}.", "call": {"name": "print_label", "arguments": {"text": text}}}

    rows = [{"prompt": chat(r["text"], system), "calls": json.dumps([r["call"]]), "golden": f"<call>{json.dumps(r['call'])}</call>"}
            for r in [{"prompt": i, **row} for i, row in enumerate({m["text"]: m for m in (make(rng) for _ in range(200))}.values())][:19]]
    for text in ["What is the weather in Riga?", "Send my sister an e-mail.", "Translate 'hello' into Welsh.", "Pay the gas bill.",
                 "How tall is Mont Blanc?", "Order a taxi for six people.", "Turn the heating down."]:
        rows.append({"prompt": chat(text, system), "calls": "[]", "golden": "NO CALL"})
    rng.shuffle(rows)
    write("toolbox", rows)


def rooms():
    rng = random.Random(123)
    places, devices = ["study", "hall", "bedroom", "kitchen"], ["lamp", "heater", "radio"]
    wishes = {("lamp", "high"): "Reading in the {} strains my eyes; all the light it has, please.",
              ("lamp", "off"): "The {} ought to be pitch dark.", ("lamp", "low"): "A faint glow in the {} would be pleasant.",
              ("heater", "high"): "It is freezing in the {}; as warm as it gets.", ("heater", "off"): "No warmth is needed in the {}.",
              ("heater", "low"): "Just a touch of warmth in the {}.", ("radio", "off"): "Somebody sleeps in the {}; silence, please.",
              ("radio", "low"): "Quiet music in the {}, hardly to be heard.", ("radio", "high"): "We dance in the {}: play it loud."}

    def make(rng):
        place, (device, level) = rng.choice(places), rng.choice(list(wishes))
        state = {f"{p}.{d}": rng.choice(["off", "low", "high"]) for p in places for d in devices}
        if state[f"{place}.{device}"] == level:
            return None
        return {"prompt": f"A house has a lamp, a heater and a radio in the study, the hall, the bedroom and the kitchen; each is off, low "
                          f"or high. Now: {json.dumps(state)}\nWish: {wishes[device, level].format(place)}\nChange only what the wish asks "
                          "for, with lines such as 'set(hall.radio, low)'.",
                "data_source": "house", "reward_model": {"ground_truth": json.dumps({f"{place}.{device}": level})},
                "extra_info": {"state": json.dumps(state)}, "golden": f"set({place}.{device}, {level})"}

    write("rooms", collect(rng, make, 24))


def registers():
    rng = random.Random(124)

    def make(rng):
        codes = [f"{rng.choice('JKQRTV')}{rng.randrange(10, 99)}" for _ in range(rng.choice([1, 2, 2, 3]))]
        if len(set(codes)) < len(codes):
            return None
        register = {c: rng.randrange(101, 980) for c in codes}
        text = ""
        for c in codes:
            text += f"<|assistant|>I look it up.\n<lookup>{c}</lookup>\n<|tool|>{c} = {register[c]}\n"
        text += f"<|assistant|>Total: {sum(register.values())}"
        return {"prompt": f"The price of an article is only in the register. Ask with <lookup>CODE</lookup>; the answer comes as a tool "
                          f"turn 'CODE = N', and turns are marked <|assistant|> and <|tool|>. When you know enough, write 'Total: N'. "
                          f"What do {' and '.join(codes)} cost together?",
                "data_source": "register", "reward_model": {"ground_truth": json.dumps(codes)},
                "extra_info": {"register": json.dumps(register)}, "golden": text}

    write("registers", collect(rng, make, 24))


def loans():
    schema = "CREATE TABLE loans (id INTEGER, reader TEXT, title TEXT, branch TEXT, days INTEGER, fine REAL);"
    branches, titles = ["North", "Quay", "Mill", "Castle"], ["Kim", "Emma", "Dune", "Ulysses", "Persuasion", "Beloved"]

    def script(seed, size):
        r = random.Random(seed)
        lines = [schema]
        for i in range(1, size + 1):
            days = r.randrange(1, 60)
            lines.append(f"INSERT INTO loans VALUES ({i}, '{r.choice(NAMES)}', '{r.choice(titles)}', '{r.choice(branches)}', {days}, "
                         f"{max(0, days - 28) * 0.2:.1f});")
        return "\n".join(lines)

    def run(setup, sql):
        con = sqlite3.connect(":memory:")
        con.executescript(setup)
        return con.execute(sql).fetchall()

    rng = random.Random(125)
    shapes = [("the readers (each once) who have {t} out from the {b} branch", "SELECT DISTINCT reader FROM loans WHERE title = '{t}' AND branch = '{b}'"),
              ("id and fine of the loans at {b} that are out for more than {n} days", "SELECT id, fine FROM loans WHERE branch = '{b}' AND days > {n}"),
              ("the titles (each once) that were lent at {b} for fewer than {n} days", "SELECT DISTINCT title FROM loans WHERE branch = '{b}' AND days < {n}"),
              ("every reader whose fines add up to more than {f}, with that sum rounded to one digit",
               "SELECT reader, ROUND(SUM(fine), 1) FROM loans GROUP BY reader HAVING SUM(fine) > {f}")]

    def make(rng):
        want, sql = rng.choice(shapes)
        fill = {"t": rng.choice(titles), "b": rng.choice(branches), "n": rng.randrange(15, 45), "f": rng.randrange(2, 9)}
        want, sql = want.format(**fill), sql.format(**fill)
        seed = rng.randrange(10**6)
        setups = [script(seed + k, 70) for k in range(3)]
        results = [run(s, sql) for s in setups]
        if not all(results) or len({json.dumps(sorted(r)) for r in results}) < 3:
            return None
        return {"prompt": chat(f"Table:\n{schema}\nWrite one SQLite query for {want}. Put it in a ```sql block."),
                "setups": setups, "gold": sql, "golden": f"```sql\n{sql}\n```"}

    write("loans", collect(rng, make, 20))


# ---------------------------------------------------------------- grading
def explanations():
    facts = [("Which process do plants use to turn light into sugar?", "photosynthesis"), ("Which force keeps planets in orbit?", "gravity"),
             ("What is the boiling point of water at sea level, in degrees Celsius?", "100"), ("Which blood cells carry oxygen?", "red blood cells"),
             ("What is the chemical formula of table salt?", "NaCl"), ("Which layer of the atmosphere holds most of the ozone?", "stratosphere"),
             ("What is the capital of Slovenia?", "Ljubljana"), ("Which vitamin does the skin make in sunlight?", "vitamin D"),
             ("What is the square root of 529?", "23"), ("Which element has the symbol K?", "potassium"), ("Who wrote Don Quixote?", "Cervantes"),
             ("What is the largest planet?", "Jupiter"), ("Which ocean is the deepest?", "Pacific"), ("What is the SI unit of force?", "newton"),
             ("Which gland makes insulin?", "pancreas"), ("What is the currency of Poland?", "zloty"), ("How many sides has a heptagon?", "7"),
             ("Which rock is formed from cooled lava?", "igneous rock"), ("What is the speed of light in km/s, rounded to thousands?", "300000"),
             ("Which mammal lays eggs and has a bill?", "platypus"), ("In which year did the Second World War end?", "1945"),
             ("Which instrument measures earthquakes?", "seismograph"), ("What is the hardest part of a tooth?", "enamel"),
             ("Which city is on the Bosporus?", "Istanbul")]
    write("explanations", [{"prompt": f"{q} Explain in a few sentences, and close with a line 'Answer: '.", "question": q, "reference": a} for q, a in facts])


def letters():
    rng = random.Random(126)
    surnames = ["Ortiz", "Haugen", "Blom", "Ferrari", "Novak", "Sato", "Keane", "Lindqvist"]
    goods = ["lamps", "stools", "vases", "rugs", "clocks"]

    def make(rng):
        surname, title, good = rng.choice(surnames), rng.choice(["Ms", "Mr", "Dr"]), rng.choice(goods)
        n, cents, days = rng.randrange(3, 9), rng.randrange(9, 40) * 100 + rng.choice([25, 50, 75]), rng.randrange(8, 20)
        start = date(2026, rng.randrange(1, 12), rng.randrange(1, 28))
        end = start + timedelta(days=days)
        total = f"{n * cents / 100:.2f}"
        last = f"{end.day} {MONTHS[end.month - 1]}"
        criteria = [[f"Dear {title} {surname}", 2], [total, 4], [last, 4]]
        reply = f"Dear {title} {surname}, you paid {total} crowns in all. You may send the {good} back until {last}. Kind regards"
        return {"prompt": chat(f"Write a reply of at most 60 words to a customer (surname {surname}, title {title}), with a proper form of "
                               f"address. {n} {good} were bought at {cents / 100:.2f} crowns each on {start.day} {MONTHS[start.month - 1]}, "
                               f"and the right to return them ends {days} days later. State what was paid in all, and the last day for a "
                               "return as day and month."),
                "criteria": json.dumps(criteria), "golden": reply}

    write("letters", collect(rng, make, 24))


def preferences():
    rng = random.Random(127)
    rows, kinds = [], ["A"] * 11 + ["B"] * 11 + ["tie"] * 8
    rng.shuffle(kinds)
    for kind in kinds:
        a, b = rng.randrange(130, 900), rng.randrange(12, 60)
        right = a * b
        wrong = right + rng.choice([-1, 1]) * rng.choice([10, 20, 100, 90])
        both = rng.random() < 0.5
        first, second = {"A": (right, wrong), "B": (wrong, right), "tie": (right, right) if both else (wrong, wrong)}[kind]
        letter = {"A": "A", "B": "B", "tie": "C"}[kind]
        rows.append({"prompt": f"Question: what is {a} * {b}?\nReply A: I multiply, and get {first}.\nReply B: The product is {second}.\n"
                               "Which reply is better? Say why in one sentence, and end with [[A]], [[B]], or [[C]] if they are equally good.",
                     "winner": kind, "golden": f"The product is {right}. [[{letter}]]"})
    write("preferences", rows)


def rules():
    rng = random.Random(128)
    topics = {"lighthouse": "the old lighthouse stands on a rock and its lamp turns all night",
              "orchard": "the orchard behind the school gives sweet red apples every autumn",
              "tram": "the first tram leaves the depot before dawn and returns at midnight",
              "harbour": "the harbour smells of salt and tar when the boats come home",
              "market": "the market opens at seven and the bread is sold out by nine",
              "glacier": "the glacier creeps down the valley and shrinks a little each summer",
              "library": "the library keeps its rarest maps in a cool room below the stairs"}
    words = ["beautiful", "very", "nice", "amazing", "famous", "thing"]
    rows = []
    for i in range(28):
        topic = list(topics)[i % 7]
        text = topics[topic]
        banned = sorted(rng.sample(words, 2 + (i // 7) % 2))
        listed = [{"kind": "no_comma"}, {"kind": "lowercase"}, {"kind": "avoid", "words": banned}]
        said = ["use no comma", "use small letters only", "avoid the words " + " and ".join(banned)]
        if i % 7 in (0, 3):
            listed.append({"kind": "at_most", "words": 30 + i})
            said.append(f"use at most {30 + i} words")
        else:
            ending = text.split()[-1]
            listed.append({"kind": "include", "word": ending})
            said.append(f"include the word '{ending}'")
        rng.shuffle(said)
        rows.append({"prompt": f"Write one sentence with the word '{topic}' in it. Rules: {'; '.join(said)}.",
                     "topic": topic, "rules": json.dumps(listed), "golden": text + "."})
    write("rules", rows)


# ---------------------------------------------------------------- programs
def routines():
    rng = random.Random(129)
    shapes = [("returns the sum of the squares of the numbers in xs above {n}", "sum(x * x for x in xs if x > {n})"),
              ("returns the list of the numbers of xs, each taken modulo {n}, without repeats, in order of first sight",
               "list(dict.fromkeys(x % {n} for x in xs))"),
              ("returns how many pairs of neighbours in xs differ by at most {n}", "sum(abs(a - b) <= {n} for a, b in zip(xs, xs[1:]))"),
              ("returns the running maximum of xs as a list, with {n} added to each", "[max(xs[:i + 1]) + {n} for i in range(len(xs))]"),
              ("returns the numbers of xs from smallest to largest distance from {n}, the smaller number first if they tie",
               "sorted(xs, key=lambda x: (abs(x - {n}), x))"),
              ("returns the difference of the largest number of xs and {n} times the smallest", "max(xs) - {n} * min(xs)")]

    def make(rng):
        want, body = rng.choice(shapes)
        n = rng.randrange(3, 15)
        want, body = want.format(n=n), body.format(n=n)
        inputs = [[rng.randrange(-30, 60) for _ in range(rng.randrange(4, 9))] for _ in range(8)]
        return {"prompt": f"Write a Python function solve(xs) that {want}; xs is a list of integers that is not empty. Put it in one "
                          "```python block. It will be compared with our function reference(xs) on hidden lists.",
                "reference": f"def reference(xs):\n    return {body}\n", "inputs": json.dumps(inputs),
                "golden": f"```python\ndef solve(xs):\n    return {body}\n```"}

    write("routines", collect(rng, make, 20))


def modules():
    rng = random.Random(130)
    bugs = [
        ("mean", "the mean of a list that is not empty", "return sum(xs) / len(xs)", "return sum(xs) / (len(xs) - {k})", "[{a}, {b}, {c}, {d}]"),
        ("clamp", "x, but at least {lo} and at most {hi}", "return max({lo}, min({hi}, x))", "return min({lo}, max({hi}, x))", "{a}"),
        ("initials", "the first letters of the words of s, in capitals", "return ''.join(w[0].upper() for w in s.split())",
         "return ''.join(w[{k}:].upper() for w in s.split())", "'{s} {t}'"),
        ("gap", "the largest difference of two neighbours in xs", "return max(abs(p - q) for p, q in zip(xs, xs[1:]))",
         "return max(p - q for p, q in zip(xs, xs[{k}:])) - 1000", "[{a}, {b}, {c}, {d}]"),
        ("digits", "the sum of the decimal digits of n", "return sum(int(ch) for ch in str(n))", "return sum(n for ch in str(n)) + {k}", "{a}"),
    ]

    def make(rng):
        name, what, good, bad, call = rng.choice(bugs)
        lo = rng.randrange(10, 40)
        fill = {"k": rng.randrange(1, 3), "lo": lo, "hi": lo + rng.randrange(20, 40)}
        arg = {"mean": "xs", "clamp": "x", "initials": "s", "gap": "xs", "digits": "n"}[name]
        space = {}
        exec(f"def {name}({arg}):\n    {good.format(**fill)}", space)
        tests = []
        for _ in range(9):
            text = call.format(a=rng.randrange(1, 99), b=rng.randrange(1, 99), c=rng.randrange(1, 99), d=rng.randrange(1, 99),
                               s=rng.choice(NAMES).lower(), t=rng.choice(NAMES).lower())
            value = eval(text)
            tests.append([value, space[name](value)])
        shown, hidden = tests[:2], tests[2:]
        lines = "\n".join(f"    >>> {name}({v!r})\n    {w!r}" for v, w in shown)
        head = f'def {name}({arg}):\n    """Return {what.format(**fill)}.\n\n{lines}\n    """\n    '
        broken, fixed = head + bad.format(**fill) + "\n", head + good.format(**fill) + "\n"
        return {"prompt": f"This module has a bug, and its doctests fail:\n```python\n{broken}```\nReturn the whole corrected module in one "
                          "```python block.", "function": name, "broken": broken, "hidden": json.dumps(hidden),
                "golden": f"```python\n{fixed}```"}

    write("modules", collect(rng, make, 20))


if __name__ == "__main__":
    for make_set in (conversions, dates, derivatives, intervals, shop, ages, targets, baskets, boards, anagrams, patterns, worksheets, mazes,
                     chronology, rankings, glossary, biographies, minutes, sentences, statements, gatherings, requests, toolbox, rooms,
                     registers, loans, explanations, letters, preferences, rules, routines, modules):
        make_set()
