"""Data of the development pairs: functions, programs, repairs and queries. `make_data.py` writes them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from development.make_answers import PEOPLE, verl

Record = dict[str, Any]

FUNCTIONS = (
    ("sum_list(nums)", "returning the sum", "sum(nums)"),
    ("largest(nums)", "returning the largest number, 0 for none", "max(nums, default=0)"),
    ("smallest(nums)", "returning the smallest number, 0 for none", "min(nums, default=0)"),
    ("count_even(nums)", "returning how many are even", "sum(n % 2 == 0 for n in nums)"),
    ("count_negative(nums)", "returning how many are below zero", "sum(n < 0 for n in nums)"),
    ("doubled(nums)", "returning a list with each number doubled", "[2 * n for n in nums]"),
    ("reversed_list(nums)", "returning the list backwards", "nums[::-1]"),
    ("distinct(nums)", "returning how many different numbers there are", "len(set(nums))"),
    ("span(nums)", "returning largest minus smallest, 0 for none", "max(nums) - min(nums) if nums else 0"),
    ("last_digit_sum(nums)", "returning the sum of the last digits", "sum(abs(n) % 10 for n in nums)"),
    ("evens(nums)", "returning the even ones, in their order", "[n for n in nums if n % 2 == 0]"),
    ("squares(nums)", "returning a list of the squares", "[n * n for n in nums]"),
    ("sorted_down(nums)", "returning them sorted, largest first", "sorted(nums, reverse=True)"),
    ("absolute_sum(nums)", "returning the sum of the absolute values", "sum(abs(n) for n in nums)"),
    ("first_half(nums)", "returning the first half, rounded down", "nums[: len(nums) // 2]"),
    ("alternating(nums)", "returning first minus second plus third and so on", "sum(nums[::2]) - sum(nums[1::2])"),
)


def _cases(rng: random.Random, body: str, count: int) -> list[Record]:
    cases = []
    for _ in range(count):
        nums = [rng.randint(-40, 60) for _ in range(rng.randint(3, 7))]
        cases.append({"args": [nums], "expected": eval(body, {"nums": nums})})
    return cases


EDGES: tuple[list[int], ...] = ([], [7], [-4], [6, 6])


def functions(rng: random.Random) -> list[Record]:
    """Functions with examples in the prompt and further tests."""
    rows = []
    for signature, what, body in FUNCTIONS:
        name = signature.partition("(")[0]
        visible, hidden = _cases(rng, body, 3), _cases(rng, body, 3)
        hidden += [{"args": [nums], "expected": eval(body, {"nums": nums})} for nums in EDGES]
        shown = "\n".join(f"{name}({case['args'][0]}) == {case['expected']}" for case in visible)
        rows.append(
            {
                "prompt": f"Write {signature} {what}. It has to satisfy:\n{shown}",
                "entry_point": name,
                "visible": visible,
                "hidden": hidden,
                "golden": f"```python\ndef {signature}:\n    return {body}\n```",
            }
        )
    return rows


STREAMS = (
    ("the sum of the numbers", "print(sum(numbers))", sum),
    ("the largest number", "print(max(numbers))", max),
    ("how many numbers there are", "print(len(numbers))", len),
    ("the smallest number", "print(min(numbers))", min),
    ("the number of even ones", "print(sum(n % 2 == 0 for n in numbers))", lambda xs: sum(n % 2 == 0 for n in xs)),
    ("largest minus smallest", "print(max(numbers) - min(numbers))", lambda xs: max(xs) - min(xs)),
    ("the first number times two", "print(2 * numbers[0])", lambda xs: 2 * xs[0]),
    ("the last number plus one", "print(numbers[-1] + 1)", lambda xs: xs[-1] + 1),
)


def streams(rng: random.Random) -> list[Record]:
    """Problems in the manner of contests: numbers on standard input, one number on standard output."""
    rows = []
    for number in range(16):
        what, body, compute = STREAMS[number % 8]
        lists = [[rng.randint(1, 80) for _ in range(rng.randint(3, 6))] for _ in range(4)]
        cases = [{"stdin": " ".join(map(str, xs)) + "\n", "stdout": str(compute(xs))} for xs in lists]
        rows.append(
            {
                "prompt": f"Problem {number + 1}. The input is one line of spaced integers. Output {what}.\n"
                f"Sample input\n{cases[0]['stdin']}Sample output\n{cases[0]['stdout']}",
                "cases": cases,
                "golden": f"```python\nnumbers = list(map(int, input().split()))\n{body}\n```",
            }
        )
    return rows


def repairs(rng: random.Random) -> list[Record]:
    """A module with a fault and a test that fails; the reply writes files."""
    rows = []
    for number, (signature, what, body) in enumerate(FUNCTIONS):
        name = signature.partition("(")[0]
        tests = _cases(rng, body, 4)
        tests += [{"args": [nums], "expected": eval(body, {"nums": nums})} for nums in EDGES]
        source = f"def {signature}:\n    return nums and nums[0]\n"
        fixed = f"def {signature}:\n    return {body}\n"
        truth = {"path": "tools.py", "source": source, "entry_point": name, "tests": tests}
        record = {
            "prompt": f"The test of {name} in tools.py fails. It is documented as {what}.\n\ntools.py:\n{source}\n"
            "Fix the module. Reply with a JSON object of the files that you write, path to content.",
            **truth,
            "golden": json.dumps({"tools.py": fixed}),
        }
        rows.append(verl(record, truth, number))
    return rows


def queries(rng: random.Random) -> list[Record]:
    """Questions about one table; a quarter of the gold queries return nothing on the first database."""
    rows = []
    towns = "Lund Visby Falun Skara".split()
    for number in range(24):
        people = rng.sample(PEOPLE, 6)
        facts = [(name, rng.randint(20, 60), rng.choice(towns)) for name in people]
        create = "CREATE TABLE staff (name TEXT, age INTEGER, town TEXT);\n"
        setup = create + "".join(f"INSERT INTO staff VALUES ('{n}', {a}, '{t}');\n" for n, a, t in facts)
        age, town = rng.randint(25, 45), rng.choice(towns)
        bounds = [limit + step for limit in (age, 60 + number % 5) for step in (-1, 0, 1, 2)]
        further = [
            (rng.choice(["Zora", "Yngve", "Xenia", "Ulla"]), bound, place)
            for bound in bounds
            for place in (town, towns[towns.index(town) - 1])
        ]
        more = "".join(f"INSERT INTO staff VALUES ('{n}', {a}, '{t}');\n" for n, a, t in further)
        ask, gold = (
            (
                f"the names of those older than {60 + number % 5}",
                f"SELECT name FROM staff WHERE age > {60 + number % 5}",
            ),
            ("the towns, once for each person", "SELECT town FROM staff"),
            (
                f"name and age of those over {age}, oldest first",
                f"SELECT name, age FROM staff WHERE age > {age} ORDER BY age DESC",
            ),
            (
                f"how many people live in {town} or are over {age}",
                f"SELECT COUNT(*) FROM staff WHERE town = '{town}' OR age > {age}",
            ),
        )[number % 4]
        record = {
            "prompt": f"{setup}\nWrite a query for {ask}. Reply with SQL in a code block.",
            "setup": setup,
            "more": more,
            "gold": gold,
            "golden": f"```sql\n{gold};\n```",
        }
        rows.append(verl(record, {"setup": setup, "more": more, "gold": gold}, number))
    return rows


SETS: dict[str, Callable[[random.Random], list[Record]]] = {
    make.__name__: make for make in (functions, streams, repairs, queries)
}
