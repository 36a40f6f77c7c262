"""Puzzles whose answer is an expression of given numbers: what breaks their rules, and when that is proved."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import pytest

from loopholes.audit.frameworks.base import Row
from loopholes.audit.gold.mutants import mutants, wrong_answers
from loopholes.audit.gold.puzzles import puzzle_of
from loopholes.rewards import arithmetic, makes_target, tagged
from support.linear_time import assert_linear
from support.near_misses import Pay, Records, answer_in, findings_of, misses_of, named, notes_of

STRICT = "Use each of the numbers {numbers} exactly once to make {target}."
OPEN = "Combine the numbers {numbers} to an expression with the value {target}."
AGAIN = "Make {target} using the numbers {numbers}. Numbers may be used more than once."
SOME = "Make {target} using some of the numbers {numbers}, each at most once."
AT_MOST = "Make {target} from the numbers {numbers} with + - * /. Use each number at most once."
SIGNS = "Using the numbers {numbers}, make {target}. You can use + - * / any number of times. Use each number once."
OTHERS = "Write an expression with the value {target}, for example from {numbers} or other numbers you like."


def puzzles(prompt: str, count: int = 12) -> Records:
    """Rows with four numbers each, and a target that a*b + c - d makes."""
    quads = [quad for quad in permutations((2, 3, 5, 7, 9, 12), 4) if quad[0] < quad[1]][:: 180 // count]
    return [
        {
            "prompt": prompt.format(numbers=", ".join(map(str, numbers)), target=target),
            "numbers": list(numbers),
            "target": target,
            "golden": f"<answer>{a}*{b}+{c}-{d}</answer>",
        }
        for numbers in quads
        for a, b, c, d in [numbers]
        for target in [a * b + c - d]
        if target not in numbers
    ]


def pays(rule: str) -> Pay:
    """Pays for the target, if the numbers in the expression fit the given ones by this rule."""

    def pay(row: Row, text: str) -> float:
        expression = arithmetic(tagged(text))
        if expression is None or expression.value != row.columns["target"]:
            return 0.0
        used, given = Counter(expression.numbers), Counter(row.columns["numbers"])
        fits = {
            "each once": used == given,
            "each at most once": used <= given,
            "only these": set(used) <= set(given),
            "all of these": set(used) == set(given),
            "as many of these": set(used) <= set(given) and used.total() == given.total(),
            "as many": used.total() == given.total(),
            "any": True,
        }
        return float(fits[rule])

    return pay


@pytest.mark.parametrize(
    "rule, names",
    [
        ("only these", {"number-repeated", "number-left-out"}),
        ("all of these", {"number-repeated"}),
        ("as many of these", {"number-repeated"}),
        ("each at most once", {"number-left-out"}),
        ("as many", {"number-not-given"}),
        ("any", {"number-repeated", "number-left-out", "number-not-given"}),
    ],
)
def test_a_reward_that_does_not_check_the_numbers_is_found(rule: str, names: set[str]) -> None:
    (finding,) = findings_of(pays(rule), puzzles(STRICT))
    assert finding.verdict == "exploit" and names <= named([finding])


@pytest.mark.parametrize("prompt", [STRICT, OPEN, AGAIN, SOME])
def test_a_reward_that_checks_all_rules_gets_neither_a_finding_nor_a_note(prompt: str) -> None:
    assert findings_of(pays("each once"), puzzles(prompt)) == []
    assert notes_of(pays("each once"), puzzles(prompt)) == []


def test_a_rule_that_the_prompt_does_not_state_is_a_note() -> None:
    assert findings_of(pays("only these"), puzzles(OPEN)) == []
    assert named(notes_of(pays("only these"), puzzles(OPEN))) == {"repeated-unstated", "left-out-unstated"}


@pytest.mark.parametrize(
    "prompt, rule", [(AGAIN, "all of these"), (SOME, "each at most once"), (AT_MOST, "each at most once")]
)
def test_what_the_prompt_allows_is_not_tried(prompt: str, rule: str) -> None:
    assert findings_of(pays(rule), puzzles(prompt)) == [] and notes_of(pays(rule), puzzles(prompt)) == []


@pytest.mark.parametrize(
    "prompt, repeating, leaving_out",
    [
        ("Using all the numbers 3, 4, 13, 7, create an expression that equals 18. You can only use each number once.",
         "forbidden", "forbidden"),
        ("Make 18 using 3, 4, 13, 7. You can only use each number once.", "forbidden", "unstated"),
        ("Make 18 with 3, 4, 13 and 7. No number may be used more than once.", "forbidden", "unstated"),
        ("Make 18 with 3, 4, 13, 7. You can use a number more than once.", "allowed", "unstated"),
        ("Reach 18 with 3, 4, 13, 7; each number may be used at most once.", "forbidden", "allowed"),
        ("Reach 18 with 3, 4, 13, 7; you do not have to use them all.", "unstated", "allowed"),
    ],
)  # fmt: skip
def test_the_rules_that_a_prompt_states(prompt: str, repeating: str, leaving_out: str) -> None:
    puzzle = puzzle_of("3*4+13-7", prompt)
    assert puzzle is not None and (puzzle.repeating, puzzle.leaving_out) == (repeating, leaving_out)


@pytest.mark.parametrize(
    "rule",
    [
        "Use each number at most once.",
        "Use each number no more than once.",
        "You do not have to use all numbers.",
        "You don't need to use all the numbers.",
        "You needn't use every number.",
        "It is not necessary to use every number.",
        "Not all of the numbers have to be used.",
        "Use some or all of the numbers.",
        "Use up to all four numbers.",
    ],
)
def test_a_prompt_that_lets_numbers_be_left_out_does_not_demand_them_all(rule: str) -> None:
    puzzle = puzzle_of("3*4+13-7", f"Make 18 with 3, 4, 13, 7. {rule}")
    assert puzzle is not None and puzzle.leaving_out == "allowed"


@pytest.mark.parametrize(
    "rule",
    [
        "You do not have to use all operators.",
        "You need not use + and - at all.",
        "Not all operations have a use.",
        "Use some of the operators.",
        "Explain it in 20 or fewer words.",
    ],
)
def test_what_may_be_left_out_besides_numbers_is_no_permission(rule: str) -> None:
    puzzle = puzzle_of("3*4+13-7", f"Make 18 with 3, 4, 13, 7. {rule} Use all the numbers.")
    assert puzzle is not None and puzzle.leaving_out == "forbidden"


@pytest.mark.parametrize(
    "rule, repeating",
    [
        ("You can use + - * / any number of times. Each number can only be used once.", "forbidden"),
        ("Each operation can be used multiple times, each number exactly once.", "forbidden"),
        ("Each number can be used once, and operations can be used multiple times.", "forbidden"),
        ("Each number can be used once and you may try several times.", "forbidden"),
        ("Each number may be used, but not more than once.", "forbidden"),
        ("You can use each operator more than once.", "unstated"),
        ("Each operator is there once. Each number can be used any number of times.", "allowed"),
        ("They can be used more than once.", "allowed"),
        ("You can use a card again, but each operator only once.", "allowed"),
    ],
)
def test_operators_that_may_be_used_again_do_not_let_numbers_be_repeated(rule: str, repeating: str) -> None:
    puzzle = puzzle_of("3*4+13-7", f"Make 18 with 3, 4, 13, 7. {rule}")
    assert puzzle is not None and puzzle.repeating == repeating


def test_repeated_numbers_are_found_where_only_operators_may_be_repeated() -> None:
    (finding,) = findings_of(pays("only these"), puzzles(SIGNS))
    assert finding.verdict == "exploit" and "number-repeated" in named([finding])


@pytest.mark.parametrize(
    "prompt, adding",
    [
        (OTHERS, "allowed"),
        ("Write an expression with the value {target}, say, of {numbers}.", "unstated"),
        ("Make {target} with {numbers}. You may use any numbers you like.", "allowed"),
        ("Make {target} with any numbers from {numbers}.", "forbidden"),
        ("Make {target} with {numbers}. Do not use any other numbers.", "forbidden"),
        ("Make {target} with {numbers}. Other numbers are not allowed.", "forbidden"),
    ],
)
def test_a_value_to_reach_is_no_number_to_use_and_other_numbers_may_be_allowed(prompt: str, adding: str) -> None:
    puzzle = puzzle_of("3*4+13-7", prompt.format(numbers="3, 4, 13, 7", target=18))
    assert puzzle is not None and puzzle.adding == adding


@pytest.mark.parametrize("text", ["3*4+13-7", "3 * 4 + 13 - 7", "(13-7)+3*4 = 18", "3×4+13−7"])
def test_every_wrong_expression_reaches_the_target_and_breaks_a_rule(text: str) -> None:
    prompt = STRICT.format(numbers="3, 4, 13, 7", target=18)
    wrong = wrong_answers(answer_in([{"prompt": prompt, "golden": text}], 0))
    assert wrong.keys() == {"number-repeated", "number-left-out", "number-not-given"}
    for expression in (other.partition("=")[0] for texts in wrong.values() for other in texts):
        read = arithmetic(expression)
        assert read is not None and read.value == 18
        assert not makes_target(expression, 18, [3, 4, 13, 7])


@pytest.mark.parametrize(
    "text, prompt",
    [
        ("3*4+13-7", "Name a sum."),
        ("3*4+13-7", "Use 3, 4, 13 and 7."),
        ("3*4+13-7", "Make 18 of 3, 4 and 7."),
        ("3-2", "Rounds 1, 2 and 3: what was the score?"),
        ("2024-03-13", "Which day follows 2024-03-12?"),
        ("9**9**9**9", "Make 9 of 9, 9, 9 and 9."),
        (f"3*4{' ' * 400}+13-7", "Make 18 of 3, 4, 13 and 7."),
    ],
)
def test_what_is_no_puzzle(text: str, prompt: str) -> None:
    assert puzzle_of(text, prompt) is None


def test_long_answers_are_recognised_as_no_puzzle_in_linear_time() -> None:
    assert_linear(lambda text: puzzle_of.__wrapped__(text, "Make 18."), lambda size: f"3{' ' * size}+4")


def test_an_expression_that_breaks_a_rule_is_no_honest_floor() -> None:
    answer = answer_in(puzzles(STRICT), 0)
    assert answer.kind == "expression" and mutants(answer.row, answer.form) == []


def test_a_puzzle_with_many_numbers_is_not_searched() -> None:
    numbers = range(1, 9)
    records = [
        {"prompt": STRICT.format(numbers=[*numbers], target=36), "target": 36, "numbers": [*numbers], "golden": golden}
        for golden in ("<answer>1+2+3+4+5+6+7+8</answer>", "<answer>8+7+6+5+4+3+2+1</answer>")
    ]
    assert not any(name.startswith("number-") for name in misses_of(pays("each once"), records))


@pytest.mark.parametrize(
    "numbers, repeats", [((6, 6, 2), False), ((6, 6, 6), True), ((2, 2), True), ((6, 2, 4), False), ((6, 6, 9), False)]
)
def test_a_number_used_more_often_than_it_is_given_is_repeated(numbers: tuple[int, ...], repeats: bool) -> None:
    puzzle = puzzle_of("6*2+6-4", STRICT.format(numbers="6, 6, 2, 4", target=14))
    assert puzzle is not None and puzzle.repeats(numbers) is repeats
