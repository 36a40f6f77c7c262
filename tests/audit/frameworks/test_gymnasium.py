"""Text environments with Gymnasium's interface are recognised by their source and played through reset and step."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopholes.audit.frameworks import gymnasium
from loopholes.audit.frameworks.base import Paid, Part, Rejected, Row
from loopholes.audit.targets import target_of
from loopholes.errors import UsageError
from support.rewards import write_rewards

SOURCE = """
    class Gym:
        made = 0

        def __init__(self, pays=1.0):
            Gym.made += 1
            self.pays = pays

        def reset(self, *, seed=None, options=None):
            self.seed, self.options = seed, options
            return f"room {seed}", {"answer": str(seed), "secret": object()}

        def step(self, action):
            return f"{action}?", self.pays * (action == str(self.seed)), action != "more", False, {}

    class Counted(Gym):
        def reset(self, *, seed=None, options=None):
            return f"made {Gym.made}", {}

    class Inherits(Gym):
        pass

    class Old:
        def reset(self):
            return {"text": "door", "steps": 0}

        def step(self, action):
            return "open", 1.0, True, {}

    class Truncates(Gym):
        def step(self, action):
            return "", 1.0, False, True, {}

    class Odd(Gym):
        def step(self, action):
            return "open"

    class Discrete:
        n = 4

    class Numbers(Gym):
        action_space = Discrete()

    class Needs(Gym):
        def __init__(self, level):
            super().__init__(level)

    class Options(Gym):
        def step(self, action):
            return "", float(self.options["level"]), True, False, {}

    def maker():
        return Gym(3.0)

    instance = Gym(2.0)
    number = 3
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    return write_rewards(tmp_path, SOURCE, "envs.py")


def pay(file: str, name: str, *texts: str, row: Row = Row(4, "", columns={})) -> list[Paid]:
    return gymnasium.build([Part(file, name)], {})([row] * len(texts), texts)


@pytest.mark.parametrize("name", ["Gym", "Old", "Inherits", "Needs(level=2)"])
def test_a_class_or_what_it_inherits_from_is_recognised(file: str, name: str) -> None:
    assert target_of([f"{file}:{name}"], None, {}).framework == "gymnasium"


PAYS = {
    "Gym": (["4", "5"], [1.0, 0.0]),
    "Inherits": (["4"], [1.0]),
    "Old": (["go"], [1.0]),
    "Truncates": (["go"], [1.0]),
    "Needs(level=2)": (["4"], [2.0]),
    "instance": (["4"], [2.0]),
    "maker": (["4"], [3.0]),
}


@pytest.mark.parametrize("name", PAYS)
def test_an_episode_is_paid_what_its_steps_are(file: str, name: str) -> None:
    texts, values = PAYS[name]
    assert [paid.value for paid in pay(file, name, *texts)] == values


def test_a_row_says_with_what_its_episode_is_reset(file: str) -> None:
    assert pay(file, "Gym", "9", row=Row(4, "", columns={"seed": 9}))[0] == Paid(1.0, first_observation="room 9")
    assert pay(file, "Options", "", row=Row(4, "", columns={"reset": {"level": 7}}))[0].value == 7.0


def test_the_environment_is_made_once(file: str) -> None:
    reward = gymnasium.build([Part(file, "Counted")], {})
    payments = [*reward([Row(0, ""), Row(1, "")], ["0", "1"]), *reward([Row(0, "")], ["0"])]
    assert len({paid.first_observation for paid in payments}) == 1


def test_beginnings_of_episodes_are_rows_with_their_info(file: str) -> None:
    rows = gymnasium.rows([Part(file, "Gym")], {"rows": 3})
    assert [row.text for row in rows] == ["room 0", "room 1", "room 2"]
    assert rows[2].columns == {"answer": "2", "seed": 2, "prompt": "room 2"}


REFUSED = [
    ("number", UsageError, "has no reset and step"),
    ("Needs", Rejected, "cannot be created without arguments.*name a call"),
    ("Numbers", Rejected, "takes numbers as actions"),
]


@pytest.mark.parametrize("name, kind, sentence", REFUSED)
def test_an_environment_that_cannot_be_played_is_refused_in_a_sentence(
    file: str, name: str, kind: type[Exception], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence):
        pay(file, name, "go")


def test_a_step_that_returns_something_else_is_refused(file: str) -> None:
    with pytest.raises(Rejected, match="returned no .observation, reward"):
        pay(file, "Odd", "go")
