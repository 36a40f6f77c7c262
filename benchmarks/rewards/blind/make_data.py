"""Writes data/*.jsonl: seeded, so that it always writes the same."""
import json
import random
import sqlite3
from pathlib import Path

HERE = Path(__file__).parent
DATA = HERE / "data"


def write(name, rows):
    assert 20 <= len(rows) <= 40, (name, len(rows))
    keys = set(rows[0])
    assert all(set(row) == keys for row in rows), name
    assert len({json.dumps(row["prompt"]) for row in rows}) == len(rows), name
    with open(DATA / f"{name}.jsonl", "w") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


FACTS = [
    ("What is the capital of Norway?", "Oslo", ["Bergen", "Trondheim", "Stavanger"]),
    ("Which metal has the chemical symbol Fe?", "Iron", ["Tin", "Lead", "Silver"]),
    ("Who wrote the novel Emma?", "Jane Austen", ["Emily Bronte", "George Eliot", "Mary Shelley"]),
    ("Which planet is closest to the Sun?", "Mercury", ["Venus", "Mars", "Jupiter"]),
    ("What is the largest ocean?", "Pacific", ["Atlantic", "Indian", "Arctic"]),
    ("Which organ pumps blood through the body?", "Heart", ["Liver", "Lung", "Kidney"]),
    ("In which country is Machu Picchu?", "Peru", ["Chile", "Bolivia", "Ecuador"]),
    ("Which gas do plants take in for photosynthesis?", "Carbon dioxide", ["Oxygen", "Nitrogen", "Helium"]),
    ("Who painted The Starry Night?", "Vincent van Gogh", ["Claude Monet", "Paul Cezanne", "Edgar Degas"]),
    ("What is the currency of Japan?", "Yen", ["Won", "Yuan", "Baht"]),
    ("Which river flows through Budapest?", "Danube", ["Rhine", "Elbe", "Vistula"]),
    ("What is the hardest natural mineral?", "Diamond", ["Quartz", "Topaz", "Corundum"]),
    ("Which language is mainly spoken in Brazil?", "Portuguese", ["Spanish", "French", "Italian"]),
    ("Who proposed the theory of general relativity?", "Albert Einstein", ["Isaac Newton", "Niels Bohr", "Max Planck"]),
    ("What is the smallest prime number above ten?", "Eleven", ["Twelve", "Thirteen", "Seventeen"]),
    ("Which continent is the Sahara in?", "Africa", ["Asia", "Australia", "Europe"]),
    ("What is the capital of Canada?", "Ottawa", ["Toronto", "Montreal", "Vancouver"]),
    ("Which bird is a symbol of peace?", "Dove", ["Eagle", "Raven", "Swan"]),
    ("What is frozen water called?", "Ice", ["Steam", "Fog", "Dew"]),
    ("Which instrument has eighty-eight keys?", "Piano", ["Violin", "Flute", "Harp"]),
    ("Who was the first person on the Moon?", "Neil Armstrong", ["Buzz Aldrin", "Yuri Gagarin", "John Glenn"]),
    ("Which element has atomic number one?", "Hydrogen", ["Helium", "Lithium", "Carbon"]),
    ("What is the tallest living land animal?", "Giraffe", ["Elephant", "Camel", "Moose"]),
    ("Which city hosts the Uffizi gallery?", "Florence", ["Rome", "Venice", "Milan"]),
]


# ---------------------------------------------------------------- queries
def queries():
    rng = random.Random(11)
    cities = ["Oslo", "Lyon", "Porto", "Graz", "Turku", "Cork"]
    names = ["Ada", "Bram", "Cleo", "Dora", "Egon", "Fay", "Gus", "Hana", "Ivo", "June", "Kai", "Lena", "Max", "Nora"]
    schema = "CREATE TABLE orders (id INTEGER, customer TEXT, city TEXT, amount INTEGER, status TEXT);"

    def script(seed, size, top):
        r = random.Random(seed)
        lines = [schema]
        for i in range(1, size + 1):
            lines.append(
                f"INSERT INTO orders VALUES ({i}, '{r.choice(names)}', '{r.choice(cities)}', "
                f"{r.randrange(10, top)}, '{r.choice(['open', 'paid', 'late'])}');"
            )
        return "\n".join(lines)

    def run(setup, sql):
        con = sqlite3.connect(":memory:")
        con.executescript(setup)
        return con.execute(sql).fetchall()

    toy = script(5, 14, 300)
    shapes = [
        ("the customer names, each once, with an order in {c} above {a}",
         "SELECT DISTINCT customer FROM orders WHERE city = '{c}' AND amount > {a}"),
        ("the id and amount of every {s} order in {c}",
         "SELECT id, amount FROM orders WHERE city = '{c}' AND status = '{s}'"),
        ("the ids of orders above {a} that are {s}",
         "SELECT id FROM orders WHERE amount > {a} AND status = '{s}'"),
        ("each customer with the sum of their amounts, where that sum is above {a}",
         "SELECT customer, SUM(amount) FROM orders GROUP BY customer HAVING SUM(amount) > {a}"),
    ]
    rows, empties, seen = [], 0, set()
    while len(rows) < 24:
        want, sql = rng.choice(shapes)
        big = rng.random() < 0.35
        fill = {"c": rng.choice(cities), "a": rng.choice([320, 450, 600] if big else [40, 80, 120]),
                "s": rng.choice(["open", "paid", "late"])}
        sql, want = sql.format(**fill), want.format(**fill)
        empty = not run(toy, sql)
        if sql in seen or (empty and empties >= 6) or (not empty and len(rows) - empties >= 18):
            continue
        seed = rng.randrange(10**6)
        setups = [script(seed + k, 60, 900) for k in range(3)]
        results = [run(s, sql) for s in setups]
        if not all(results) or len({json.dumps(sorted(r)) for r in results}) < 3:
            continue
        seen.add(sql)
        empties += empty
        rows.append({
            "prompt": f"The database has one table:\n{schema}\nWrite one SQLite query for {want}. "
                      "Give it in a ```sql block.",
            "setup": toy, "setups": setups, "gold_sql": sql,
            "golden": f"One SELECT does it.\n```sql\n{sql};\n```",
        })
    assert empties == 6
    rng.shuffle(rows)
    write("queries", rows)


# ---------------------------------------------------------------- tickets
def tickets():
    rng = random.Random(12)
    rows = []
    products = ["router", "camera", "printer", "tablet", "speaker"]
    regions = {"Lyon": "south", "Lille": "north", "Brest": "west", "Metz": "east"}
    moods = {"high": ["Nothing works and our shop is closed because of it.", "It caught fire this morning."],
             "medium": ["It restarts once a day.", "Half of the functions fail."],
             "low": ["The label is slightly crooked.", "The colour is a little off."]}
    for i in range(28):
        product, city = rng.choice(products), rng.choice(list(regions))
        severity = rng.choice(list(moods))
        order = f"{rng.choice('KLMN')}-{rng.randrange(1000, 9999)}"
        rows.append({
            "prompt": f"Ticket: Hello from {city}. My {product} (order {order}) is a problem. "
                      f"{rng.choice(moods[severity])}\n\nReturn a JSON object with the fields product, severity "
                      "(low, medium or high), region (north, south, east or west of France) and order_id, where they apply.",
            "expected": {"product": product, "severity": severity, "region": regions[city], "order_id": order},
        })
    write("tickets", rows)


# ---------------------------------------------------------------- mixed lists
def mixed_lists():
    rng = random.Random(13)
    rows, seen = [], set()
    for i in range(24):
        if i % 4 == 0:
            a = rng.randrange(20, 200)
            b = a + 14
            answer = [n for n in range(a, b + 1) if all(n % d for d in range(2, int(n**0.5) + 1))]
            assert answer
            text = f"List all primes from {a} to {b}, in rising order."
        else:
            a, b, c = rng.randrange(12, 99), rng.randrange(12, 99), rng.randrange(2, 40)
            answer = a * b - c
            text = f"What is {a} times {b}, minus {c}?"
        assert text not in seen
        seen.add(text)
        rows.append({"prompt": text + " End with a line 'Answer: ...', with a JSON number or a JSON list of numbers.",
                     "answer": json.dumps(answer)})
    rng.shuffle(rows)
    write("mixed_lists", rows)


# ---------------------------------------------------------------- functions
def functions():
    rng = random.Random(14)
    shapes = [
        ("the sum of the numbers in xs that are greater than {k}", "return sum(x for x in xs if x > {k})"),
        ("the numbers of xs that leave remainder {r} when divided by {m}, in order",
         "return [x for x in xs if x % {m} == {r}]"),
        ("xs rotated to the left by {k1} places (an empty list stays empty)",
         "return xs[{k1} % len(xs):] + xs[:{k1} % len(xs)] if xs else []"),
        ("the numbers of xs, each multiplied by {k1}, sorted in falling order",
         "return sorted((x * {k1} for x in xs), reverse=True)"),
        ("how many pairs of neighbours in xs differ by more than {k}",
         "return sum(abs(a - b) > {k} for a, b in zip(xs, xs[1:]))"),
        ("the running totals of xs, each increased by {k}",
         "out = []\n    total = 0\n    for x in xs:\n        total += x\n        out.append(total + {k})\n    return out"),
    ]
    rows = []
    for i in range(24):
        want, body = shapes[i % 6]
        m = rng.randrange(3, 7)
        fill = {"k": rng.randrange(3, 20), "k1": rng.randrange(2, 6), "m": m, "r": rng.randrange(m)}
        want, body = want.format(**fill), body.format(**fill)
        code = f"def solve(xs):\n    {body}\n"
        space = {}
        exec(code, space)
        lists = [[rng.randrange(-30, 60) for _ in range(rng.randrange(5, 10))] for _ in range(9)]
        tests = [[xs, space["solve"](list(xs))] for xs in lists]
        shown = "\n".join(f">>> solve({xs})\n{out}" for xs, out in tests[:2])
        rows.append({
            "prompt": f"Write a Python function solve(xs) that returns {want}.\nExamples:\n{shown}\n"
                      "Answer with one ```python block.",
            "examples": json.dumps(tests[:2]), "hidden": json.dumps(tests[2:]), "reference": code,
            "golden": f"Here it is.\n```python\n{code}```",
        })
    seen, kept = set(), []
    for row in rows:
        head = row["prompt"].split("\nExamples")[0]
        kept.append(row)
        seen.add(head)
    write("functions", kept)


def outputs():
    rng = random.Random(15)
    rows, shapes = [], [
        ("the letters of s that occur more than {n} times, each once, in the order of their first occurrence",
         lambda s, n: "".join(dict.fromkeys(c for c in s if s.count(c) > n))),
        ("every {n}-th character of s, starting with the first", lambda s, n: s[::n]),
        ("s with its first {n} characters moved to the end", lambda s, n: s[n:] + s[:n]),
        ("the characters of s whose position (from 0) is a multiple of {n}, reversed", lambda s, n: s[::n][::-1]),
    ]
    seen = set()
    while len(rows) < 24:
        empty = len(rows) % 4 == 0
        want, f = shapes[0] if empty else shapes[rng.randrange(1, 4)]
        n = rng.randrange(2, 9)
        if (want, n) in seen:
            continue
        seen.add((want, n))
        if empty:
            ins = ["".join(rng.sample("abcdefghijkl", 8)) for _ in range(3)]
            more = ["a" * (n + 2) + "bcd" * (n + 1) + "e", "xy" + "z" * (n + 1), "q" * n + "r" * (n + 3)]
        else:
            ins = ["".join(rng.choice("abcdefgh") for _ in range(12)) for _ in range(3)]
            more = ["".join(rng.choice("mnopqrst") for _ in range(11)) for _ in range(3)]
        truth = {"inputs": ins, "outputs": [f(s, n) for s in ins], "more_inputs": more,
                 "more_outputs": [f(s, n) for s in more]}
        if empty:
            assert not any(truth["outputs"]) and all(truth["more_outputs"])
        else:
            assert all(truth["outputs"])
        rows.append({
            "prompt": f"Write a Python function solve(s) that returns the string made of {want.format(n=n)}. "
                      "If there are none, return the empty string. Answer with one ```python block.",
            "data_source": "call_based", "reward_model": {"ground_truth": json.dumps(truth)},
        })
    rng.shuffle(rows)
    write("outputs", rows)


# ---------------------------------------------------------------- maths
def poly_text(coeffs):
    parts = []
    for power in range(len(coeffs) - 1, -1, -1):
        c = coeffs[power]
        if not c:
            continue
        body = {0: "", 1: "x"}.get(power, f"x**{power}")
        number = str(abs(c)) if not body else (f"{abs(c)}*{body}" if abs(c) != 1 else body)
        parts.append(("- " if c < 0 else "+ ") + number)
    text = " ".join(parts)
    return text[2:] if text.startswith("+ ") else "-" + text[2:]


def polynomials():
    rng = random.Random(16)
    rows, seen = [], set()
    while len(rows) < 24:
        a, b, c, d = (rng.choice([n for n in range(-9, 10) if n]) for _ in range(4))
        text = f"({poly_text([b, a])})*({poly_text([d, c])})"
        if text in seen or b * c + a * d == 0:
            continue
        seen.add(text)
        rows.append({"prompt": f"Calculate the following, and give the expanded polynomial in x: {text}\n"
                               "Write it in Python notation (3*x**2 - 2*x + 1) between <answer> and </answer>.",
                     "answer": poly_text([b * d, b * c + a * d, a * c])})
    write("polynomials", rows)


def boxed_verl():
    rng = random.Random(17)
    rows, seen = [], set()
    while len(rows) < 24:
        a, b, c = rng.randrange(12, 90), rng.randrange(12, 90), rng.randrange(100, 900)
        text = f"{a}*{b} {rng.choice('+-')} {c}"
        value = eval(text)
        if text in seen or value < 1:
            continue
        seen.add(text)
        rows.append({"prompt": f"Work out {text} and put the number in \\boxed{{}}.",
                     "data_source": "arithmetic", "reward_model": {"ground_truth": str(value)},
                     "golden": f"First the product, then the rest. The result is \\boxed{{{value}}}."})
    write("boxed_verl", rows)


def tagged():
    rng = random.Random(18)
    rows, seen = [], set()
    while len(rows) < 30:
        n, p, g = rng.randrange(12, 60), rng.randrange(3, 25), rng.randrange(5, 40)
        text = f"A shelf holds {n} boxes of {p} pens each, and {g} pens lie loose. How many pens are there?"
        if text in seen:
            continue
        seen.add(text)
        v = n * p + g
        rows.append({"prompt": text + " Think between <think> and </think>, then give the number between <answer> and </answer>.",
                     "answer": str(v),
                     "golden": f"<think>The boxes hold {n * p} pens, plus {g}.</think>\n<answer>{v}</answer>"})
    write("tagged", rows)


def calibrated():
    rng = random.Random(19)
    rows, seen = [], set()
    while len(rows) < 24:
        a, b = rng.randrange(101, 999), rng.randrange(101, 999)
        text = f"What is {a} + {b}, modulo 97?"
        if text in seen:
            continue
        seen.add(text)
        v = (a + b) % 97
        rows.append({"prompt": text + " Reply with two lines: 'Answer: N' and 'Confidence: P', P being the probability "
                                      "from 0 to 1 that your answer is right.",
                     "answer": str(v), "golden": f"Answer: {v}\nConfidence: 1.0"})
    write("calibrated", rows)


def estimates():
    rng = random.Random(20)
    rows, seen = [], set()
    kinds = [("How many {a} make {n} {b}?", [("grams", "kilograms", 1000), ("seconds", "hours", 3600),
                                             ("centimetres", "metres", 100), ("minutes", "days", 1440),
                                             ("inches", "feet", 12), ("months", "years", 12)])]
    while len(rows) < 24:
        a, b, k = rng.choice(kinds[0][1])
        n = rng.randrange(3, 60)
        text = kinds[0][0].format(a=a, b=b, n=n)
        if text in seen:
            continue
        seen.add(text)
        v = k * n
        rows.append({"prompt": text + ' Reply with one JSON object: {"estimate": number, "low": number, "high": number}, '
                                      "where low and high bound your estimate and are at most a fifth of it apart.",
                     "answer": v,
                     "golden": json.dumps({"estimate": v, "low": v * 0.95, "high": v * 1.05})})
    write("estimates", rows)


def small_numbers():
    rng = random.Random(21)
    rows, seen = [], set()
    while len(rows) < 24:
        small = len(rows) % 4 == 0
        if small:
            n, m = rng.randrange(2, 9), rng.randrange(11, 40)
            text, v = f"What is {n} divided by {m * 100}?", n / (m * 100)
        else:
            n, m = rng.randrange(30, 900), rng.randrange(3, 29)
            text, v = f"What is {n} divided by {m}?", n / m
        if text in seen or (small and v > 0.008):
            continue
        seen.add(text)
        rows.append({"prompt": text + " Give at least four significant digits, as a last line 'Answer: NUMBER'.",
                     "data_source": "division", "reward_model": {"ground_truth": repr(v)}})
    rng.shuffle(rows)
    write("small_numbers", rows)


# ---------------------------------------------------------------- tools
TOOLS = [
    ("get_weather", ["city", "day"]), ("book_table", ["restaurant", "people", "hour"]),
    ("send_mail", ["to", "subject"]), ("set_alarm", ["hour", "label"]), ("convert_money", ["amount", "source", "target"]),
]


def calls():
    rng = random.Random(22)
    rows, seen = [], set()
    listing = "\n".join(f"- {n}({', '.join(a)})" for n, a in TOOLS)
    while len(rows) < 24:
        name, args = rng.choice(TOOLS)
        if name == "get_weather":
            values = {"city": rng.choice(["Lyon", "Oslo", "Graz", "Cork"]), "day": rng.choice(["monday", "friday", "sunday"])}
            text = f"What will it be like outside in {values['city']} on {values['day'].title()}?"
        elif name == "book_table":
            values = {"restaurant": rng.choice(["Roma", "Sakura", "Chez Paul"]), "people": rng.randrange(2, 9),
                      "hour": rng.randrange(18, 22)}
            text = f"We are {values['people']} and want to eat at {values['restaurant']} at {values['hour']}:00."
        elif name == "send_mail":
            values = {"to": rng.choice(["ann", "bob", "eve"]), "subject": rng.choice(["invoice", "holiday", "meeting"])}
            text = f"Write to {values['to'].title()} about the {values['subject']}."
        elif name == "set_alarm":
            values = {"hour": rng.randrange(5, 10), "label": rng.choice(["gym", "train", "school"])}
            text = f"Wake me at {values['hour']} for the {values['label']}."
        else:
            values = {"amount": rng.randrange(10, 500), "source": rng.choice(["EUR", "USD"]), "target": rng.choice(["JPY", "CHF"])}
            text = f"How much are {values['amount']} {values['source']} in {values['target']}?"
        if text in seen:
            continue
        seen.add(text)
        call = {"name": name, "arguments": values}
        rows.append({
            "prompt": [{"role": "system", "content": "You call exactly one of these tools, as <tool_call>{\"name\": ..., "
                        "\"arguments\": {...}}</tool_call>:\n" + listing}, {"role": "user", "content": text}],
            "call": json.dumps(call),
            "golden": f"<tool_call>{json.dumps(call)}</tool_call>",
        })
    write("calls", rows)


def lookups():
    rng = random.Random(23)
    rows, seen = [], set()
    names = ["Arlo", "Bea", "Carl", "Dina", "Emil", "Frida", "Gino", "Helga"]
    while len(rows) < 24:
        a, b = rng.sample(names, 2)
        table = {n: rng.randrange(1000, 9999) for n in names}
        text = f"What is the sum of the badge numbers of {a} and {b}?"
        if text in seen:
            continue
        seen.add(text)
        v = table[a] + table[b]
        rows.append({
            "prompt": "You may look badge numbers up with <tool_call>lookup(NAME)</tool_call>; each call is answered in the "
                      f"transcript. Final line: 'Answer: N'. {text}\nDirectory: " + json.dumps(table),
            "data_source": "badges",
            "reward_model": {"ground_truth": str(v)},
            "extra_info": {"directory": json.dumps(table)},
            "golden": f"<tool_call>lookup({a})</tool_call>\nAnswer: {v}",
        })
    write("lookups", rows)


def attackers(kind, square):
    """Squares a piece on ``square`` reaches on an empty board."""
    x, y = "abcdefgh".index(square[0]), int(square[1]) - 1
    out = set()
    for u in range(8):
        for v in range(8):
            dx, dy = abs(u - x), abs(v - y)
            if (dx, dy) == (0, 0):
                continue
            if (kind == "rook" and (dx == 0 or dy == 0)) or (kind == "bishop" and dx == dy) or \
                    (kind == "knight" and {dx, dy} == {1, 2}):
                out.add("abcdefgh"[u] + str(v + 1))
    return out


def moves():
    rng = random.Random(24)
    squares = [f + r for f in "abcdefgh" for r in "12345678"]
    rows, seen = [], set()
    while len(rows) < 24:
        whites = {}
        for kind in ("rook", "bishop", "knight"):
            s = rng.choice([q for q in squares if q not in whites])
            whites[s] = kind
        queen = rng.choice([q for q in squares if q not in whites])
        pawns = rng.sample([q for q in squares if q not in whites and q != queen], 4)
        board = {**{s: f"white {k}" for s, k in whites.items()}, queen: "black queen", **{p: "black pawn" for p in pawns}}
        good = []
        for s, k in whites.items():
            if queen not in attackers(k, s):
                continue
            x, y = "abcdefgh".index(s[0]), int(s[1])
            u, v = "abcdefgh".index(queen[0]), int(queen[1])
            if k != "knight":
                steps = max(abs(u - x), abs(v - y))
                dx, dy = (u > x) - (u < x), (v > y) - (v < y)
                between = {"abcdefgh"[x + dx * i] + str(y + dy * i) for i in range(1, steps)}
                if between & set(board):
                    continue
            good.append(s + queen)
        if len(good) != 1 or queen in seen:
            continue
        seen.add(queen)
        listing = ", ".join(f"{v} on {k}" for k, v in sorted(board.items()))
        rows.append({
            "prompt": f"Board: {listing}. White to move: capture the queen. Write one line 'Action: FROMTO' (for example "
                      'Action: a1h8). The board then replies with a line Observation: {"result": "captured", "piece": ...} '
                      'or Observation: {"result": "nothing"}, and the game ends.',
            "board": json.dumps(board),
        })
    write("moves", rows)


def jobs():
    rng = random.Random(25)
    rows, seen = [], set()
    while len(rows) < 24:
        xs = [rng.randrange(10, 99) for _ in range(6)]
        text = f"Readings: {xs}. Report the median and the range of the readings."
        if text in seen:
            continue
        seen.add(text)
        s = sorted(xs)
        want = {"median": (s[2] + s[3]) / 2, "range": s[-1] - s[0]}
        rows.append({
            "prompt": text + " Reply with one JSON object with the fields median and range. The harness logs it together with "
                             "its own field passed.",
            "expected": json.dumps(want), "golden": json.dumps(want),
        })
    write("jobs", rows)


def plans():
    rng = random.Random(26)
    rows, seen = [], set()
    verbs = ["open", "read", "copy", "close", "rename", "sort", "send", "check"]
    while len(rows) < 24:
        steps = rng.sample(verbs, 3)
        name = rng.choice(["report", "ledger", "minutes", "roster", "invoice"])
        n = rng.randrange(1, 400)
        text = f"{name}{n}"
        if text in seen:
            continue
        seen.add(text)
        odd = len(rows) % 4 == 0
        stones = [f"{v}('{text}')" for v in steps]
        listed = [s.replace("('", "(path='") if odd else s for s in stones]  # keyword form in a quarter of the rows
        rows.append({
            "prompt": f"Handle the file {text}: {steps[0]} it, then {steps[1]} it, then {steps[2]} it. Write one call a line, "
                      f"such as delete('old'), with the verbs {', '.join(sorted(verbs))}.",
            "milestones": listed,
        })
    rng.shuffle(rows)
    write("plans", rows)


def assertions():
    rng = random.Random(27)
    rows, seen = [], set()
    while len(rows) < 24:
        year, n = rng.randrange(1900, 2020), rng.randrange(3, 40)
        who = rng.choice(["Ito", "Bauer", "Costa", "Novak"])
        town = rng.choice(["Kobe", "Ulm", "Faro", "Brno"])
        text = f"The {town} works, founded in {year} by {who}, run {n} looms."
        if text in seen:
            continue
        seen.add(text)
        contains = len(rows) % 4 == 0
        record = {"founder": who, "year": year, "towns": [town], "looms": n}
        check = ({"field": "towns", "operator": "contains", "value": town} if contains
                 else rng.choice([{"field": "year", "operator": "equals", "value": year},
                                  {"field": "looms", "operator": "equals", "value": n}]))
        rows.append({
            "prompt": text + " Write the record as one JSON object with the fields founder, year, towns (a list) and looms.",
            "check": json.dumps(check), "record": json.dumps(record), "golden": json.dumps(record),
        })
    rng.shuffle(rows)
    write("assertions", rows)


# ---------------------------------------------------------------- language
def translations():
    pairs = [
        ("Le chat dort sur la chaise.", "The cat sleeps on the chair."),
        ("Nous partons demain matin.", "We leave tomorrow morning."),
        ("Elle a perdu ses lunettes au cinéma.", "She lost her glasses at the cinema."),
        ("Il pleut depuis trois jours.", "It has been raining for three days."),
        ("La bibliothèque ferme à dix-huit heures.", "The library closes at six in the evening."),
        ("Mon frère apprend à nager.", "My brother is learning to swim."),
        ("Le train pour Lyon est en retard.", "The train to Lyon is late."),
        ("Peux-tu fermer la fenêtre ?", "Can you close the window?"),
        ("Les enfants jouent dans le jardin.", "The children are playing in the garden."),
        ("Ce livre est trop cher pour moi.", "This book is too expensive for me."),
        ("Je n'ai pas faim ce soir.", "I am not hungry tonight."),
        ("Le médecin arrive dans une heure.", "The doctor arrives in one hour."),
        ("Nous avons vendu notre ancienne maison.", "We sold our old house."),
        ("Elle écrit une lettre à sa tante.", "She is writing a letter to her aunt."),
        ("Le vent a cassé deux branches.", "The wind broke two branches."),
        ("Où as-tu garé la voiture ?", "Where did you park the car?"),
        ("Ils ont trouvé une clé sous le tapis.", "They found a key under the carpet."),
        ("La soupe est encore chaude.", "The soup is still hot."),
        ("Mes voisins ont trois chiens.", "My neighbours have three dogs."),
        ("Tu dois payer avant vendredi.", "You have to pay before Friday."),
        ("Le pont sera fermé tout l'été.", "The bridge will be closed all summer."),
        ("Je préfère le thé au café.", "I prefer tea to coffee."),
        ("Son discours était court et drôle.", "His speech was short and funny."),
        ("La neige couvre les toits du village.", "Snow covers the roofs of the village."),
    ]
    write("translations", [{"prompt": f"Translate into English: {f}", "source": f, "reference": e} for f, e in pairs])


PEOPLE = ["Mara", "Joost", "Petra", "Silas", "Wanda", "Tomas"]


def passages():
    rng = random.Random(28)
    rows, seen = [], set()
    while len(rows) < 28:
        who, town = rng.choice(PEOPLE), rng.choice(["Delft", "Gent", "Siena", "Tartu", "Vigo"])
        job, year = rng.choice(["baker", "pilot", "judge", "tailor"]), rng.randrange(1950, 2015)
        pet = rng.choice(["parrot", "cat", "tortoise", "pony"])
        text = f"{who} moved to {town} in {year} and worked there as a {job}. {who} keeps a {pet}."
        if text in seen:
            continue
        seen.add(text)
        if len(rows) % 4 == 0:
            q, a = rng.choice([f"How many children does {who} have?", f"What is {who}'s surname?"]), "unanswerable"
        else:
            q, a = rng.choice([(f"Where does {who} live?", town), (f"What is {who}'s profession?", job),
                               (f"Which animal does {who} own?", pet), (f"In which year did {who} move?", str(year))])
        rows.append({"prompt": f"{text}\n\n{q} Answer in at most three words, or with 'unanswerable' if the text does not say.",
                     "answer": a})
    rng.shuffle(rows)
    write("passages", rows)


def extracts():
    rng = random.Random(29)
    rows, seen = [], set()
    goods = ["lamps", "ropes", "bells", "tiles", "drums", "masks"]
    while len(rows) < 24:
        g1, g2, g3 = rng.sample(goods, 3)
        towns = rng.sample(["Delft", "Gent", "Siena", "Tartu", "Vigo"], 3)
        days = rng.sample(["Monday", "Tuesday", "Thursday", "Saturday"], 3)
        text = (f"On {days[0]} the {g1} go to {towns[0]}. On {days[1]} the {g2} go to {towns[1]}. "
                f"The {g3} leave on {days[2]} for {towns[2]}.")
        i = rng.randrange(3)
        g = (g1, g2, g3)[i]
        q, a = rng.choice([(f"Where do the {g} go?", towns[i]), (f"On which day do the {g} leave?", days[i])])
        if text + q in seen:
            continue
        seen.add(text + q)
        rows.append({"prompt": f"{text}\n{q} Think between <think> and </think>, then answer with one word.",
                     "answer": a, "golden": f"<think>The text says so of the {g}.</think>\n{a}"})
    write("extracts", rows)


def seats():
    rng = random.Random(30)
    rows, seen = [], set()
    while len(rows) < 24:
        order = rng.sample(PEOPLE[:5], 5)
        i = rng.randrange(5)
        who = order[i]
        clues = [f"{order[k]} sits directly left of {order[k + 1]}." for k in range(4)]
        rng.shuffle(clues)
        text = " ".join(clues) + f" On which seat, counted from the left, does {who} sit?"
        if text in seen:
            continue
        seen.add(text)
        rows.append({"prompt": "Five people sit in a row. " + text + " Give the number between <answer> and </answer>.",
                     "data_source": "seating", "reward_model": {"ground_truth": str(i + 1)}})
    write("seats", rows)


def multi_choice():
    rng = random.Random(31)
    rows, seen = [], set()
    while len(rows) < 24:
        multi = len(rows) % 4 == 0
        if multi:
            k = rng.choice([3, 4, 6, 7])
            right = rng.sample([k * n for n in range(12, 60)], 2)
            wrong = rng.sample([k * n + r for n in range(12, 60) for r in range(1, k)], 2)
            text = f"Which of these are divisible by {k}? Give all the right letters."
        else:
            k = rng.choice([11, 13, 17])
            right = rng.sample([k * n for n in range(5, 40)], 1)
            wrong = rng.sample([k * n + r for n in range(5, 40) for r in range(1, k)], 3)
            text = f"Which of these is divisible by {k}? One letter is right."
        options = right + wrong
        rng.shuffle(options)
        answer = "".join("ABCD"[i] for i, o in enumerate(options) if o in right)
        text += " " + "  ".join(f"{'ABCD'[i]}) {o}" for i, o in enumerate(options))
        if text in seen or len(set(options)) < 4:
            continue
        seen.add(text)
        rows.append({"prompt": [{"role": "user", "content": text + "\nEnd with a line 'ANSWER: ' and the letter or letters."}],
                     "answer": answer})
    rng.shuffle(rows)
    write("multi_choice", rows)


def factor_pairs():
    rng = random.Random(32)
    numbers = [n for n in range(60, 400) if sum(n % d == 0 for d in range(2, int(n**0.5) + 1)) >= 2]
    rows = []
    for n in rng.sample(numbers, 24):
        ds = [d for d in range(2, int(n**0.5) + 1) if n % d == 0][:2]
        rows.append({"prompt": f"Write {n} as a product of two whole numbers above 1, in two different ways (order does not "
                               "count). Give each way as A x B, and separate the two by ******.",
                     "number": n,
                     "golden": f"{ds[0]} x {n // ds[0]}\n******\n{ds[1]} x {n // ds[1]}"})
    write("factor_pairs", rows)


def trivia():
    rng = random.Random(33)
    rows = []
    for q, a, wrong in FACTS:
        options = [a, *wrong]
        rng.shuffle(options)
        letter = "ABCD"[options.index(a)]
        rows.append({"prompt": q + " " + "  ".join(f"({'ABCD'[i]}) {o}" for i, o in enumerate(options))
                     + "\nGive your choice as \\boxed{LETTER}.",
                     "data_source": "trivia", "reward_model": {"ground_truth": letter},
                     "golden": f"I know this one. \\boxed{{{letter}}}"})
    write("trivia", rows)


def open_questions():
    write("open_questions", [{"prompt": q + " Explain briefly, then finish with a line 'Answer: ' and the answer alone.",
                              "question": q, "reference": a} for q, a, _ in FACTS])


BUGS = ["buffer overflow", "use after free", "integer overflow", "null dereference", "format string", "race condition"]
SNIPPETS = {
    "buffer overflow": ["char {v}[{n}];", "strcpy({v}, input);"],
    "use after free": ["free({v});", "printf(\"%d\", {v}->size);"],
    "integer overflow": ["int {v} = {n} * 1000000 * count;", "buf = malloc({v});"],
    "null dereference": ["struct item *{v} = find(list, {n});", "{v}->next = 0;"],
    "format string": ["char *{v} = argv[{n} % argc];", "printf({v});"],
    "race condition": ["if (access({v}, W_OK) == 0)", "  f = fopen({v}, \"w\"); /* {n} */"],
}


def bugs():
    rng = random.Random(34)
    rows, seen = [], set()
    while len(rows) < 24:
        kind = BUGS[len(rows) % 6]
        pad = rng.sample(["int i = 0;", "log_start();", "total += 1;", "puts(\"ready\");", "seed(7);", "lock_ui();"], 4)
        at = rng.randrange(0, 4)
        pair = [s.format(v=rng.choice(["name", "node", "data", "path"]) if False else "p" + str(rng.randrange(9)), n=16)
                for s in SNIPPETS[kind]]
        name = rng.choice(["name", "node", "data", "path"])
        pair = [s.format(v=name, n=rng.choice([8, 16, 32])) for s in SNIPPETS[kind]]
        lines = pad[:at] + pair + pad[at:]
        line = at + 2
        code = "\n".join(f"{i}: {s}" for i, s in enumerate(lines, 1))
        if code in seen:
            continue
        seen.add(code)
        rows.append({"prompt": f"{code}\n\nWhich bug does this code have ({', '.join(BUGS)}), and on which line does it strike? "
                               "Answer with two lines: 'Bug: ...' and 'Line: ...'.",
                     "bug": kind, "line": line, "golden": f"Bug: {kind}\nLine: {line}"})
    rng.shuffle(rows)
    write("bugs", rows)


def entities():
    rng = random.Random(35)
    rows, seen = [], set()
    towns = ["Delft", "Gent", "Siena", "Tartu", "Vigo", "Ulm", "Faro", "Brno"]
    while len(rows) < 24:
        people, places = rng.sample(PEOPLE, 3), rng.sample(towns, 3)
        text = (f"In spring {people[0]} wrote from {places[0]} to {people[1]}, who had left {places[1]} for the coast. "
                f"Later {people[2]} met both in {places[2]}.")
        if text in seen:
            continue
        seen.add(text)
        want = [f"person: {p}" for p in people] + [f"place: {p}" for p in places]
        rows.append({"prompt": text + "\nList every person and every place, one a line, as 'person: NAME' or 'place: NAME'.",
                     "entities": want, "golden": "\n".join(want)})
    write("entities", rows)


def sudoku():
    rng = random.Random(36)
    base = [[1, 2, 3, 4], [3, 4, 1, 2], [2, 1, 4, 3], [4, 3, 2, 1]]
    rows, seen = [], set()
    while len(rows) < 24:
        perm = rng.sample([1, 2, 3, 4], 4)
        grid = [[perm[v - 1] for v in row] for row in base]
        if rng.random() < 0.5:
            grid = [list(r) for r in zip(*grid)]
        if rng.random() < 0.5:
            grid[0], grid[1] = grid[1], grid[0]
        blanks = rng.sample([(r, c) for r in range(4) for c in range(4)], 9)
        puzzle = [[0 if (r, c) in blanks else grid[r][c] for c in range(4)] for r in range(4)]

        def solve(p):
            for r in range(4):
                for c in range(4):
                    if not p[r][c]:
                        n = 0
                        for v in range(1, 5):
                            if v not in p[r] and all(p[k][c] != v for k in range(4)) and all(
                                    p[r // 2 * 2 + i][c // 2 * 2 + j] != v for i in range(2) for j in range(2)):
                                q = [list(x) for x in p]
                                q[r][c] = v
                                n += solve(q)
                        return n
            return 1
        if solve(puzzle) != 1 or json.dumps(puzzle) in seen:
            continue
        seen.add(json.dumps(puzzle))
        shown = "\n".join(" ".join(str(v or "_") for v in r) for r in puzzle)
        rows.append({"prompt": f"Fill the 4x4 sudoku (rows, columns and 2x2 boxes hold 1 to 4 each):\n{shown}\n"
                               "Give the four rows between <answer> and </answer>, digits separated by spaces.",
                     "puzzle": json.dumps(puzzle), "solution": json.dumps(grid)})
    write("sudoku", rows)


if __name__ == "__main__":
    DATA.mkdir(exist_ok=True)
    for make in (queries, tickets, mixed_lists, functions, outputs, polynomials, boxed_verl, tagged, calibrated, estimates,
                 small_numbers, calls, lookups, moves, jobs, plans, assertions, translations, passages, extracts, seats,
                 multi_choice, factor_pairs, trivia, open_questions, bugs, entities, sudoku):
        make()
