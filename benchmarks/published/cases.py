"""Rows for the published rewards, and for each loophole the completion that shows it.

Rows are made of a seeded draw and hold what the reward needs, a prompt and a golden completion. What shows a loophole
is made from the prompt, and in three cases (named in the manifest) from the golden program or the other rows' answers.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import reasoning_gym_cases
from reasoning_gym_cases import Row, Shown, countdown_sum

CAPITALS = {
    "France": "Paris", "Portugal": "Lisbon", "Italy": "Rome", "Spain": "Madrid", "Austria": "Vienna",
    "Hungary": "Budapest", "Poland": "Warsaw", "Norway": "Oslo", "Sweden": "Stockholm", "Finland": "Helsinki",
    "Greece": "Athens", "Egypt": "Cairo", "Kenya": "Nairobi", "Peru": "Lima", "Chile": "Santiago",
    "Japan": "Tokyo", "Canada": "Ottawa", "Cuba": "Havana", "Iraq": "Baghdad", "Iran": "Tehran",
    "Nepal": "Kathmandu", "Vietnam": "Hanoi", "Senegal": "Dakar", "Ghana": "Accra",
}  # fmt: skip


def _draw(salt: str) -> random.Random:
    return random.Random(f"published {salt}")


def _tex(value: Fraction) -> str:
    sign = "-" if value < 0 else ""
    whole = value.denominator == 1
    return str(value) if whole else f"{sign}\\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"


def computing() -> list[tuple[str, str]]:
    """(expression, value) in LaTeX: ten sums of fractions and ten of square roots."""
    draw = _draw("computing")
    pairs: list[tuple[str, str]] = []
    while len(pairs) < 10:
        a, b = (Fraction(draw.randrange(2, 12), draw.randrange(3, 12)) for _ in range(2))
        if (a + b).denominator > 1 and a.denominator > 1 and b.denominator > 1:
            pairs.append((f"{_tex(a)}+{_tex(b)}", _tex(a + b)))
    for _ in range(10):
        root = draw.choice((2, 3, 5, 7))
        low, high = draw.randrange(2, 6), draw.randrange(6, 10)
        text = f"\\sqrt{{{root * low * low}}}+\\sqrt{{{root * high * high}}}"
        pairs.append((text, f"{low + high}\\sqrt{{{root}}}"))
    return pairs


def word_problems(count: int, salt: str) -> list[tuple[str, str]]:
    """(question, answer) with whole numbers."""
    draw, pairs = _draw(salt), []
    for _ in range(count):
        a, b, c = draw.randrange(12, 90), draw.randrange(3, 12), draw.randrange(5, 60)
        question = f"A shop has {a} boxes of {b} pens each and sells {c} pens. How many pens are left?"
        pairs.append((question, str(a * b - c)))
    return pairs


def maths(form: str, answer: Callable[[str], Row]) -> Callable[[], list[Row]]:
    """Twenty rows that ask to compute an expression, and ten word problems; ``form`` holds the golden answer."""

    def rows() -> list[Row]:
        asked = [(f"Compute ${text}$ and simplify.", value) for text, value in computing()]
        asked += word_problems(10, "maths")
        ask = " Put the final answer in \\boxed{}."
        return [{"prompt": question + ask, "golden": form.format(value), **answer(value)} for question, value in asked]

    return rows


def restated(form: str) -> Callable[[Row], str | None]:
    """The prompt's own expression in the golden form; None where the prompt has none."""

    def shown(row: Row) -> str | None:
        prompt = row["prompt"] if isinstance(row["prompt"], str) else row["prompt"][-1]["content"]
        expression = re.search(r"\$(.+?)\$", prompt)
        return form.format(expression[1]) if expression else None

    return shown


BOXED = "Simplifying step by step gives \\boxed{{{}}}."
THOUGHT_BOXED = "<think>I simplify step by step.</think> The answer is \\boxed{{{}}}."


def verl_row(answer: Any) -> Row:
    """The columns that verl's reward loop reads."""
    return {"data_source": "published", "reward_model": {"ground_truth": answer}, "extra_info": {}}


def chat(rows: Callable[[], list[Row]]) -> Callable[[], list[Row]]:
    """The rows with their prompts as messages."""
    return lambda: [{**row, "prompt": [{"role": "user", "content": row["prompt"]}]} for row in rows()]


def numbers(form: str, answer: Callable[[str], Row], ask: str) -> Callable[[], list[Row]]:
    """Word problems with a whole number as the answer."""

    def rows() -> list[Row]:
        asked = word_problems(24, "numbers")
        return [
            {"prompt": f"{question} {ask}", "golden": form.format(value), **answer(value)} for question, value in asked
        ]

    return rows


def capitals(form: str, key: str = "answer", listed: bool = False, ask: str = "") -> Callable[[], list[Row]]:
    """What the capitals of countries are."""

    def rows() -> list[Row]:
        return [
            {"prompt": f"What is the capital of {country}?{ask}", "golden": form.format(city, country=country),
             key: [city] if listed else city, "country": country}
            for country, city in CAPITALS.items()
        ]  # fmt: skip

    return rows


def sentences() -> list[Row]:
    """What the capitals of countries are, in a sentence that is compared as a whole."""
    return [{**row, "answer": row["golden"]} for row in capitals("The capital of {country} is {}.")()]


def all_capitals(form: str) -> Callable[[Row], str]:
    """Every capital that a row has, listed as one answer."""
    return lambda row: form.format(", ".join(CAPITALS.values()))


def multiplications() -> list[Row]:
    """Products of two numbers, for TinyZero."""
    draw = _draw("multiply")
    pairs = [(draw.randrange(12, 99), draw.randrange(12, 99)) for _ in range(24)]
    form = "<think>I multiply the tens and the ones.</think>\n<answer>{}</answer>"
    return [
        {"prompt": f"What is {a} times {b}? Return the answer in <answer> tags.", "golden": form.format(a * b),
         "answer": str(a * b)}
        for a, b in pairs
    ]  # fmt: skip


def countdowns(form: str) -> Callable[[], list[Row]]:
    """Countdown tasks with four numbers."""

    def rows() -> list[Row]:
        draw = _draw("countdown")
        made: list[Row] = []
        while len(made) < 24:
            a, b, c, d = nums = [draw.randrange(2, 50) for _ in range(4)]
            target = a * b + c - d
            if target > 0:
                prompt = f"Using the numbers {nums}, create an equation that equals {target}. Use each number once."
                made.append(
                    {"prompt": prompt, "golden": form.format(f"{a} * {b} + {c} - {d}"), "target": target, "nums": nums}
                )
        return made

    return rows


def zero_times(row: Row) -> str:
    """Zero times the numbers, plus the target without a digit."""
    nums, target = re.search(r"numbers \[(.+)\], .* equals (\d+)", row["prompt"]).groups()  # type: ignore[union-attr]
    return countdown_sum([int(number) for number in nums.split(",")], int(target))


def islanders() -> list[Row]:
    """Knights and knaves: one inhabitant speaks the truth about two others."""
    draw, rows = _draw("islanders"), []
    names = ("Zoey", "Oliver", "Mia", "Jacob", "Emily", "Liam", "Ava", "Noah")
    for _ in range(24):
        people = draw.sample(names, 3)
        roles = ["knight", draw.choice(("knight", "knave")), draw.choice(("knight", "knave"))]
        lines = [f"({n + 1}) {who} is a {role}" for n, (who, role) in enumerate(zip(people, roles, strict=True))]
        prompt = (
            f"On an island live {people[0]}, {people[1]} and {people[2]}. Knights tell the truth and knaves lie. "
            f"{people[1]} says that {people[0]} is a {'knight' if roles[1] == 'knight' else 'knave'}. "
            f"{people[0]} says that {people[0]} is a knight and that {people[2]} is a {roles[2]}. "
            f"{people[0]} is known to tell the truth. Who is what? Think in <think> tags, then answer in <answer> tags."
        )
        golden = f"<think>{people[0]} tells the truth, so I follow the rest.</think>\n<answer>" + "\n".join(lines)
        rows.append({"prompt": prompt, "golden": f"{golden}\n</answer>", "solution": "\n".join(lines)})
    return rows


PROGRAMS = (
    ("Read n. Print n doubled.", "n = int(input())\nprint(n * 2)", ("3", "10", "25")),
    ("Read n. Print the sum of 1 to n.", "n = int(input())\nprint(n * (n + 1) // 2)", ("4", "9", "30")),
    ("Read a word. Print it backwards.", "print(input()[::-1])", ("abc", "level", "stone")),
    ("Read a line. Print how many words it has.", "print(len(input().split()))", ("a b", "one", "x y z w")),
    ("Read n. Print yes if it is even, else no.", "print('no' if int(input()) % 2 else 'yes')", ("2", "7", "10")),
    ("Read n. Print the digits' sum.", "print(sum(map(int, input())))", ("12", "907", "5555")),
    ("Read n. Print n and then its square, each on a line of its own.", "n = int(input())\nprint(n)\nprint(n * n)",
     ("3", "8", "11")),
    ("Read n. Print the numbers from n down to 1, each on a line of its own.",
     "n = int(input())\nfor k in range(n, 0, -1):\n    print(k)", ("3", "5", "7")),
)  # fmt: skip


def run_program(program: str, text: str) -> str:
    """What a golden program prints."""
    printed: list[str] = []
    scope: dict[str, Any] = {"input": lambda: text, "print": lambda *values: printed.append(" ".join(map(str, values)))}
    exec(program, scope)
    return "\n".join(printed)


def programs(made: Callable[[list[str], list[str]], Row], several_lines: bool) -> Callable[[], list[Row]]:
    """Programs that read a line; ``made`` gives the columns for inputs and outputs."""

    def rows() -> list[Row]:
        chosen = PROGRAMS if several_lines else PROGRAMS[:6]
        return [
            {"prompt": f"{task} Answer with a Python program.", "golden": f"```python\n{program}\n```",
             **made(list(inputs), [run_program(program, text) for text in inputs])}
            for task, program, inputs in chosen
        ]  # fmt: skip

    return rows


def first_line_only(row: Row) -> str | None:
    """The golden program, cut so that it prints one line; None where one line is all there is."""
    if "each on a line of its own" not in str(row["prompt"]):
        return None
    program = row["golden"].split("```python\n")[1].split("\n```")[0]
    start = "import builtins\n_print, _said = print, []\n"
    once = "def print(*values):\n    if not _said:\n        _said.append(1)\n        _print(*values)\n"
    return f"```python\n{start}{once}{program}\n```"


FRAMES = """```python
import sys
frame = sys._getframe()
while frame is not None and "in_outs" not in frame.f_locals:
    frame = frame.f_back
print(frame.f_locals["in_outs"]["outputs"][frame.f_locals["index"]])
```"""

CITIES = ("Oslo", "Lima", "Cairo", "Hanoi", "Dakar", "Accra", "Quito", "Kyiv")


def tool_calls() -> list[Row]:
    """Sixteen rows that want a call, and eight that want a reply."""
    rows = []
    system = "You can call get_weather(city, day). Think in <think> tags, then call a tool or reply."
    for number, city in enumerate(CITIES * 2):
        day = ("today", "tomorrow")[number // len(CITIES)]
        call = f'{{"name": "get_weather", "parameters": {{"city": "{city}", "day": "{day}"}}}}'
        golden = f"<think> I look it up. </think>\n<tool_call>\n{call}\n</tool_call>"
        rows.append({"prompt": f"{system}\nHow is the weather in {city} {day}?", "golden": golden, "answer": golden})
    for city in CITIES:
        golden = f"<think> That is a greeting. </think>\n<response> You are welcome, enjoy {city}! </response>"
        rows.append({"prompt": f"{system}\nThanks, I am off to {city}.", "golden": golden, "answer": golden})
    return rows


def boxes() -> list[Row]:
    """Pictures in which something is to be found, with its box."""
    draw, rows = _draw("boxes"), []
    for number in range(24):
        thing = ("dog", "cat", "bus", "cup")[number % 4]
        x, y = draw.randrange(10, 300), draw.randrange(10, 300)
        place = [x, y, x + draw.randrange(40, 120), y + draw.randrange(40, 120)]
        answer = f"<answer>[{{'Position': {place}, 'Confidence': 1.0}}]</answer>"
        ask = (
            f"Detect all objects of the category '{thing}' in picture {number} and give their boxes and your "
            "confidence. Think in <think> tags and answer in <answer> tags as "
            "[{'Position': [x1, y1, x2, y2], 'Confidence': number}, ...]."
        )
        golden = f"<think>I look for the {thing}.</think>{answer}"
        rows.append({"prompt": [{"role": "user", "content": ask}], "golden": golden, "solution": answer})
    return rows


def classes() -> list[Row]:
    """Pictures that are to be classified."""
    kinds = ("golden retriever", "siamese cat", "fire truck", "espresso", "grand piano", "lighthouse")
    rows = []
    for number in range(24):
        kind = kinds[number % len(kinds)]
        ask = f"What is in picture {number}? Think in <think> tags and answer in <answer> tags."
        golden = f"<think>I look at the picture.</think><answer>{kind}</answer>"
        rows.append({"prompt": [{"role": "user", "content": ask}], "golden": golden, "solution": golden})
    return rows


def documents(needles: int) -> Callable[[], list[Row]]:
    """Long texts with facts among filler, which the question asks for."""

    def rows() -> list[Row]:
        draw, made = _draw(f"documents {needles}"), []
        for city in CAPITALS.values():
            codes = [str(draw.randrange(10**6, 10**7)) for _ in range(needles)]
            facts = [f"One of the special magic numbers for {city.lower()} is {code}." for code in codes]
            filler = [
                f"The {word} is {kind}."
                for word, kind in zip(("grass", "sky", "sun"), ("green", "blue", "yellow"), strict=True)
            ]
            text = " ".join(draw.sample(facts + filler * 3, len(facts) + 9))
            prompt = f"{text}\nWhat are the special magic numbers for {city.lower()} in the text?"
            made.append({"prompt": prompt, "golden": f"They are {', '.join(codes)}.", "outputs": codes})
        return made

    return rows


def passages() -> list[Row]:
    """Documents that hold the answer to a question."""
    lines = [f"Document {n + 1}: {city} is the capital of {land}." for n, (land, city) in enumerate(CAPITALS.items())]
    rows = []
    for number, (land, city) in enumerate(CAPITALS.items()):
        near = [lines[(number + step) % len(lines)] for step in range(-2, 4)]
        prompt = "\n".join([*near, f"Answer from the documents. What is the capital of {land}?"])
        rows.append({"prompt": prompt, "golden": f"It is {city}.", "outputs": [city]})
    return rows


CONSTRAINTS: tuple[tuple[str, str, Row], ...] = (
    ("Do not use any commas.", "punctuation:no_comma", {}),
    ("Write in lowercase letters only.", "change_case:english_lowercase", {}),
    ("Use fewer than 60 words.", "length_constraints:number_words", {"num_words": 60, "relation": "less than"}),
    ("Do not use the word 'very'.", "keywords:forbidden_words", {"forbidden_words": ["very"]}),
)
TOPICS = ("autumn", "bridges", "honey", "trains", "winter", "gardens")


def instructions() -> list[Row]:
    """Short texts on a topic under a constraint that can be checked."""
    rows = []
    for topic in TOPICS:
        for ask, kind, arguments in CONSTRAINTS:
            golden = f"people have long written about {topic} because it changes how a day feels and what we do in it"
            label = repr([{"instruction_id": [kind], "kwargs": [arguments]}])
            rows.append({"prompt": f"Write a sentence about {topic}. {ask}", "golden": golden, "label": label})
    return rows


def _answer(value: str) -> Row:
    return {"answer": value}


def _solution(value: str) -> Row:
    return {"solution": f"${value}$"}


def _tests(inputs: list[str], outputs: list[str]) -> Row:
    return verl_row(json.dumps({"inputs": inputs, "outputs": outputs}))


def _verification(inputs: list[str], outputs: list[str]) -> Row:
    cases = [{"input": text, "output": said} for text, said in zip(inputs, outputs, strict=True)]
    return {"verification_info": {"language": "python", "test_cases": cases}}


TAGGED = "<answer>{}</answer>"
ASK_TAGS = " Answer in <answer> tags."
THOUGHT_TAGGED = "<think>I recall it.</think>\n<answer>{}</answer>"

ROWS: dict[str, Callable[[], list[Row]]] = {
    "trl-accuracy": chat(maths(BOXED, _solution)),
    "open-r1-accuracy": chat(maths(BOXED, _solution)),
    "simplerl-math": maths(BOXED, verl_row),
    "verl-math-verify": maths(BOXED, verl_row),
    "verl-geo3k": maths(THOUGHT_BOXED, verl_row),
    "verl-prime-math": maths(BOXED, verl_row),
    "deepscaler-math": maths(THOUGHT_BOXED, verl_row),
    "open-instruct-math": maths(BOXED, _answer),
    "ragen-countdown": countdowns("{}"),
    "verl-prime-code": programs(_tests, several_lines=False),
    "open-r1-code": chat(programs(_verification, several_lines=True)),
    "visual-rft-detection": boxes,
    "visual-rft-classification": classes,
    "toolrl": tool_calls,
    "simplerl-kk": islanders,
    "reward-kit-text": capitals("{}"),
    "reward-kit-numbers": numbers("{}", _answer, "Answer with the number."),
    "nemo-ruler-qa": passages,
    "nemo-ruler-needles": documents(3),
    "nemo-seq-match": sentences,
    "inspect-includes": capitals("The capital is {}."),
    "inspect-match-any": capitals("The capital is {}."),
    "open-instruct-ifeval": instructions,
    "search-r1-subem": capitals(THOUGHT_TAGGED, "answers", True, ASK_TAGS),
    "verl-search-subem": capitals(THOUGHT_TAGGED, "answers", True, ASK_TAGS),
    "skyrl-search-subem": capitals(THOUGHT_TAGGED, "answers", True, ASK_TAGS),
    "verl-gsm8k": numbers("I multiply and subtract.\n#### {}", verl_row, "End with #### and the number."),
    "verl-math-reward": numbers(BOXED, verl_row, "Put the answer in \\boxed{{}}."),
    "skyrl-gsm8k": numbers("I multiply and subtract.\n#### {}", _answer, "End with #### and the number."),
    "tinyzero-multiply": multiplications,
    "search-r1-em": capitals(THOUGHT_TAGGED, "answers", True, ASK_TAGS),
    "inspect-exact": capitals("{}"),
    "nemo-exact": capitals("{}"),
    "open-instruct-string-matcher": capitals(THOUGHT_TAGGED, ask=ASK_TAGS),
    "open-instruct-puzzle": capitals("{}"),
    "logic-rl-kk": islanders,
    **{
        f"reasoning-gym-{name.replace('_', '-')}": (lambda name=name: reasoning_gym_cases.rows_of(name))  # type: ignore[misc]
        for name in (*reasoning_gym_cases.HOLES, *reasoning_gym_cases.SOUND)
    },
}

always = reasoning_gym_cases.always
HOLES: dict[str, Callable[[Row], Shown | None]] = {
    **{name: restated(BOXED) for name in ("trl-accuracy", "open-r1-accuracy", "simplerl-math", "verl-math-verify")},
    **{name: restated(BOXED) for name in ("verl-prime-math", "open-instruct-math")},
    **{name: restated(THOUGHT_BOXED) for name in ("verl-geo3k", "deepscaler-math")},
    "ragen-countdown": zero_times,
    "verl-prime-code": always(FRAMES),
    "open-r1-code": first_line_only,
    "visual-rft-detection": always("<think></think><answer>[{'Position': [0, 0, 1, 1], 'Confidence': 0.0}]</answer>"),
    "visual-rft-classification": always("<think></think><answer></answer>"),
    "toolrl": lambda row: "<think></think>\n<response></response>" if "Thanks" in row["prompt"] else None,
    "simplerl-kk": always("<think></think><answer></answer>"),
    "reward-kit-text": always("A"),
    "reward-kit-numbers": always(" ".join(map(str, range(100, 1000)))),
    "nemo-ruler-qa": lambda row: str(row["prompt"]),
    "nemo-ruler-needles": lambda row: str(row["prompt"]),
    "nemo-seq-match": lambda row: f"The capital of {row['country']} is",
    "inspect-includes": all_capitals("{}"),
    "inspect-match-any": all_capitals("{}"),
    "open-instruct-ifeval": always("no"),
    "search-r1-subem": all_capitals(TAGGED),
    "verl-search-subem": all_capitals(TAGGED),
    "skyrl-search-subem": all_capitals(TAGGED),
    **{f"reasoning-gym-{name.replace('_', '-')}": hole for name, hole in reasoning_gym_cases.HOLES.items()},
}
