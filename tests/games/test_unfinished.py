"""A user's mistakes in a game of their own: one sentence that says what is expected, and never a bug of ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from loopholes.cli import main
from loopholes.errors import BUG, ContractError, LoopholesError, ScoringError, UsageError

GAME = """
from dataclasses import dataclass
from loopholes import Completion, Game, Outcome, Payment, Task, message


@dataclass(frozen=True)
class Word:
    def __call__(self, tasks, completions, draws):
        return [Payment(1.0) for _ in tasks]


class Mine(Game):
    name = "mine"
    failure = "specification"
    goal = "Say the word."
    loophole = "Anything is paid."
    payoffs = "1"

    def generate(self, rng, prompts):
        while True:
            word = f"word {rng.integers(1000)}"
            yield Task(word, (message("user", word),), {"word": word})

    @property
    def channels(self):
        return {"vulnerable": Word(), "secure": Word()}

    def measure(self, tasks, completions):
        return [Outcome(1.0, 0.0) for _ in tasks]

    def demonstrate(self, kind, task):
        return Completion(kind)

    def demonstrations(self):
        task = Task("a", (message("user", "a"),), {"word": "a"})
        return self.demonstrated(task, dict.fromkeys(("honest", "exploiting", "inept"), (1, 1, 1, 0)))
"""
EVAL = "eval scripted:honest --game mine.py:Mine --count 4 --samples 1 --out new"
SHOW, VALIDATE = "games mine.py:Mine", "games mine.py:Mine --validate"
AUDIT = "audit game:mine.py:Mine --rows 4 --budget-seconds 5"
SCORED = "return [Outcome(1.0, 0.0) for _ in tasks]"
DEMONSTRATED = 'return self.demonstrated(task, dict.fromkeys(("honest", "exploiting", "inept"), (1, 1, 1, 0)))'
ENDLESS = 'yield Task(word, (message("user", word),), {"word": word})'
OUTCOMES = "measure() of mine must return a list of Outcome records"
MISTAKES = {
    "no demonstrations": (
        "    def demonstrations(",
        "    def other(",
        (SHOW, VALIDATE, EVAL, AUDIT),
        "methods: demonstrations()",
    ),
    "no goal": ('    goal = "Say the word."', "", (SHOW, VALIDATE, EVAL, AUDIT), "define its texts: goal"),
    "a goal that is no text": ('"Say the word."', "4", (SHOW, VALIDATE), "define its texts: goal"),
    "an empty list of demonstrations": (
        DEMONSTRATED,
        "return []",
        (SHOW, VALIDATE),
        "return at least one of each kind",
    ),
    "demonstrations without return": (
        DEMONSTRATED,
        "pass",
        (SHOW, VALIDATE),
        "list of Demonstration records, not None",
    ),
    "measure returns a float": (SCORED, "return 1.0", (SHOW, VALIDATE, EVAL), f"{OUTCOMES}, not a float"),
    "measure returns floats": (
        SCORED,
        "return [1.0 for _ in tasks]",
        (SHOW, VALIDATE, EVAL, AUDIT),
        f"{OUTCOMES}, and returned a float in it",
    ),
    "a measured text": (
        SCORED,
        'return [Outcome("yes", 0.0)] * len(tasks)',
        (SHOW, VALIDATE, EVAL),
        "gives 'yes' as task score",
    ),
    "a paid float": ("Payment(1.0)", "1.0", (SHOW, VALIDATE, EVAL), "must return a list of Payment records"),
    "a demonstrated text": (
        "Completion(kind)",
        "kind",
        (SHOW, VALIDATE),
        "the honest demonstration needs a Completion, not a str",
    ),
    "an answer that is a text": (
        "Completion(kind)",
        "kind",
        (EVAL, AUDIT),
        "demonstrate() of mine must return a Completion, not a str",
    ),
    "tasks that are texts": (
        ENDLESS,
        "yield word",
        (VALIDATE, EVAL, AUDIT),
        "generate() of mine must yield Task records, not a str",
    ),
    "an error in a method": (SCORED, "return 1 / 0", (SHOW, VALIDATE, EVAL), "mine.py, line"),
}
CASES = [
    pytest.param(old, new, command, words, id=f"{name}-{command.partition(' ')[0]}{'-validate' * ('--v' in command)}")
    for name, (old, new, commands, words) in MISTAKES.items()
    for command in commands
]


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Writes the game into the current folder, with one text replaced by another."""
    monkeypatch.chdir(tmp_path)

    def write(old: str = "", new: str = "") -> None:
        assert old in GAME
        Path("mine.py").write_text(GAME.replace(old, new, 1) if old else GAME)

    return write


@pytest.mark.parametrize("command", [SHOW, VALIDATE, EVAL])
def test_a_whole_game_is_shown_validated_and_evaluated(written: Callable[..., None], command: str) -> None:
    written()
    assert main(command.split()) == 0


@pytest.mark.parametrize(("old", "new", "command", "words"), CASES)
def test_a_mistake_in_a_game_is_one_sentence_with_what_is_expected(
    written: Callable[[str, str], None],
    capsys: pytest.CaptureFixture[str],
    old: str,
    new: str,
    command: str,
    words: str,
) -> None:
    written(old, new)
    code = main(command.split())
    sentences = capsys.readouterr().err.splitlines()
    finding = command == VALIDATE and code == 1  # a finding about the game, and no refusal to load it
    assert code == (1 if finding else UsageError.exit_code)
    assert any(words in sentence for sentence in sentences)
    assert "bug in loopholes" not in "".join(sentences)


def test_a_contract_that_is_broken_is_a_user_s_error_and_not_a_broken_sandbox() -> None:
    assert ContractError.exit_code == UsageError.exit_code not in (BUG, ScoringError.exit_code)
    assert issubclass(ContractError, LoopholesError)


def test_what_every_demonstration_runs_into_is_said_once(
    written: Callable[[str, str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    written(SCORED, "return 1.0")
    assert main([*VALIDATE.split(), "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {"mine": [f"{OUTCOMES}, not a float"]}
