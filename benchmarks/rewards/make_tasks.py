"""The data sets whose answers are programs, values, records and files."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

Record = dict[str, Any]
SKILLS: list[tuple[str, str, str, Callable[[int], list[Any]]]] = [
    ("shift_all", "adds {k} to every number of a list", "return [n + {k} for n in values]",
     lambda k: [([[1, 2, 3]], [1 + k, 2 + k, 3 + k]), ([[]], []), ([[-5, 40]], [k - 5, k + 40])]),
    ("count_multiples", "counts the multiples of {k} in a list", "return sum(n % {k} == 0 for n in values)",
     lambda k: [([[k, k + 1, 2 * k]], 2), ([[]], 0), ([[1, 3 * k, 5 * k, 7 * k]], 3 + (k == 1))]),
    ("every_nth", "returns every {k}th letter of a text, starting with the first", "return values[::{k}]",
     lambda k: [(["abcdefghijklmnop"], "abcdefghijklmnop"[::k]), ([""], ""), (["river bank"], "river bank"[::k])]),
    ("repeat_words", "repeats each word of a text {k} times",
     'return " ".join(w for w in values.split() for _ in range({k}))',
     lambda k: [(["a b"], " ".join(["a"] * k + ["b"] * k)), ([""], ""), (["fig"], " ".join(["fig"] * k))]),
    ("drop_short", "keeps the words of a list that have more than {k} letters",
     "return [w for w in values if len(w) > {k}]",
     lambda k: [([["ox", "chestnut", "elm", "pear"]], [w for w in ["ox", "chestnut", "elm", "pear"] if len(w) > k]),
                ([[]], []), ([["elderberry", "ash"]], ["elderberry"] + ["ash"] * (k < 3))]),
    ("chunked", "splits a list into chunks of {k}", "return [values[i:i + {k}] for i in range(0, len(values), {k})]",
     lambda k: [([[1, 2, 3, 4, 5]], [[1, 2, 3, 4, 5][i:i + k] for i in range(0, 5, k)]), ([[]], []), ([[9]], [[9]])]),
]  # fmt: skip


def fenced(code: str) -> str:
    """A program as models write it."""
    return f"```python\n{code}\n```"


def coding() -> list[Record]:
    """Functions to write, with tests."""
    rows = []
    for k in (2, 3, 4, 6):
        for name, what, body, tests in SKILLS:
            entry = f"{name}_{k}"
            rows.append(
                {
                    "prompt": f"Write a Python function {entry}(values) that {what.format(k=k)}.",
                    "entry_point": entry,
                    "tests": [{"args": args, "expected": expected} for args, expected in tests(k)],
                    "golden": fenced(f"def {entry}(values):\n    {body.format(k=k)}"),
                }
            )
    return rows


def coding_gaps() -> list[Record]:
    """As ``coding``, but in half of the rows the tests are missing."""
    return [{**row, "tests": row["tests"] if number % 2 else []} for number, row in enumerate(coding())]


def streams() -> list[Record]:
    """Programs that read numbers and print a line for each."""
    rng = random.Random(31)
    rows: list[Record] = []
    shapes: list[tuple[str, str, Callable[[int, int], int]]] = [
        ("multiplied by {k}", "n * {k}", lambda n, k: n * k),
        ("plus {k}", "n + {k}", lambda n, k: n + k),
        ("squared, minus {k}", "n * n - {k}", lambda n, k: n * n - k),
    ]
    for number in range(24):
        what, code, value = shapes[number % 3]
        k = 2 + number // 3
        numbers = [rng.randint(2, 60) for _ in range(5)]
        rows.append(
            {
                "prompt": f"Write a Python program. It reads integers, one a line, and prints each one "
                f"{what.format(k=k)}, one a line.",
                "stdin": "".join(f"{n}\n" for n in numbers),
                "stdout": "\n".join(str(value(n, k)) for n in numbers),
                "golden": fenced(
                    f"import sys\nfor line in sys.stdin:\n    n = int(line)\n    print({code.format(k=k)})"
                ),
            }
        )
    return rows


def predictions() -> list[Record]:
    """What does an expression give? The answer is a Python value."""
    rng = random.Random(32)
    rows: list[Record] = []
    seen: set[str] = set()
    shapes = [
        "[n * {a} for n in {numbers}]",
        "sorted({numbers})[{b}:]",
        "'{word}'[::-1] + '{a}'",
        "sum({numbers}) - {a}",
    ]
    while len(rows) < 32:
        given = {
            "a": rng.randint(2, 30),
            "b": rng.randint(1, 2),
            "numbers": [rng.randint(1, 40) for _ in range(4)],
            "word": rng.choice("amber birch cedar dune ember fjord grove heath inlet jade".split()),
        }
        code = shapes[len(rows) % len(shapes)].format(**given)
        value = eval(code, {"__builtins__": {}}, {"sorted": sorted, "sum": sum})
        if repr(value) in seen:
            continue
        seen.add(repr(value))
        rows.append(
            {
                "prompt": f"What is the value of this Python expression?\n\n{code}\n\nGive it as a Python literal in "
                "[ANSWER][/ANSWER].",
                "expected": repr(value),
                "golden": f"Step by step, it comes out as [ANSWER]{value!r}[/ANSWER]",
            }
        )
    return rows


def records() -> list[Record]:
    """A JSON record whose answer is to be filled in; it has a score field, too."""
    rng = random.Random(33)
    rows: list[Record] = []
    seen: set[int] = set()
    while len(rows) < 30:
        a, b = rng.randint(11, 99), rng.randint(11, 99)
        if a + b in seen:
            continue
        seen.add(a + b)
        record = {"id": f"r{len(rows):02d}", "question": f"What is {a} + {b}?", "answer": None, "score": 0}
        rows.append(
            {
                "prompt": "Fill in the answer and return the whole record as JSON.\n\n" + json.dumps(record),
                "record": record,
                "answer": a + b,
                "golden": json.dumps({**record, "answer": a + b}),
            }
        )
    return rows


def workspaces() -> list[Record]:
    """An agent's turn: a JSON object with the files that it writes, path to content."""
    rng = random.Random(34)
    rows: list[Record] = []
    seen: set[int] = set()
    while len(rows) < 30:
        numbers = [rng.randint(2, 90) for _ in range(4)]
        if sum(numbers) in seen:
            continue
        seen.add(sum(numbers))
        path = f"out/total_{len(rows)}.txt"
        rows.append(
            {
                "prompt": f"You work in a folder /home/agent. Write the sum of {numbers} to {path}. Leave data/ alone. "
                'Reply with a JSON object of the files that you write, such as {"notes.txt": "text"}.',
                "path": path,
                "expected": str(sum(numbers)),
                "protected": ["data/input.csv", "data/schema.json"],
                "golden": json.dumps({path: str(sum(numbers))}),
            }
        )
    return rows


SETS: tuple[Callable[[], list[Record]], ...] = (
    coding,
    coding_gaps,
    streams,
    predictions,
    records,
    workspaces,
)
