"""The rewards with reported loopholes are what they say, and an audit tells their two channels apart."""

from __future__ import annotations

from itertools import islice

import pytest

import loopholes
from loopholes.audit import AuditConfig, Report, audit, target_of
from loopholes.audit.frameworks import games
from loopholes.games import BUILT_IN, REPORTED
from loopholes.games.base import Game
from loopholes.games.reported.base import ByRule
from loopholes.games.validate import validate
from loopholes.minis import mixture
from loopholes.records import KINDS, Completion, Kind
from loopholes.studies.jobs import Train
from loopholes.studies.settings import REWARDS, Setting

EVERY_NAME = pytest.mark.parametrize("name", REPORTED)
EVERY_SETTING = pytest.mark.parametrize("setting", REWARDS, ids=[f"{r.game} {r.parameters}" for r in REWARDS])
FLAGGED = {
    ("any-box", None): True,
    ("unreadable", 0.25): False,
    ("unreadable", 0.5): True,
    ("unreadable", 1.0): True,
    ("first-number", 0.25): False,
    ("first-number", 0.5): True,
    ("first-number", 1.0): True,
    ("length-bonus", 0.25): False,
    ("length-bonus", 0.5): True,
    ("length-bonus", 1.0): True,
    ("keywords", 0.0): True,
    ("keywords", 0.25): True,
    ("keywords", 0.5): True,
}
"""Whether the audit calls the vulnerable channel exploitable, by the strength of its loophole."""


def measured(game: Game, kind: Kind) -> dict[str, float]:
    tasks = game.tasks("test", count=40)
    outcomes = game.measure(tasks, [game.demonstrate(kind, task) for task in tasks])
    return {name: estimate.value for name, estimate in game.summarize(tasks, outcomes).items()}


def audited(setting: Setting, channel: str) -> Report:
    game = setting.make()
    options = {"channel": channel, "parameters": dict(setting.parameters), "seed": 0}
    target = target_of([f"game:{setting.game}"], None, options)
    return audit(
        target,
        games.rows_of(game, 12, 0),
        AuditConfig(seconds=300, rows=12, search_calls=0),
        truth=lambda rows, texts: games.truth(game, rows, texts),
    )


@EVERY_SETTING
def test_every_demonstration_replays(setting: Setting) -> None:
    assert validate(setting.make()) == []


@EVERY_NAME
def test_scripts_answer_any_task_as_they_answer_the_demonstration(name: str) -> None:
    rates = {kind: measured(loopholes.game(name), kind) for kind in KINDS}
    assert rates["honest"] == {"task_performance": 1.0, "exploit_rate": 0.0}
    assert rates["exploiting"] == {"task_performance": 0.0, "exploit_rate": 1.0}
    assert rates["inept"] == {"task_performance": 0.0, "exploit_rate": 0.0}


@EVERY_NAME
def test_a_measurement_does_not_depend_on_the_channels(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise AssertionError("a measurement asked what is paid")

    before = [measured(loopholes.game(name), kind) for kind in KINDS]
    monkeypatch.setattr(ByRule, "__call__", forbidden)
    monkeypatch.setattr(type(loopholes.game(name)), "channels", property(forbidden))
    assert [measured(loopholes.game(name), kind) for kind in KINDS] == before


@pytest.mark.parametrize(
    ("name", "strength"),
    [("unreadable", "unreadable"), ("first-number", "operand"), ("length-bonus", "bonus")],
)
def test_without_strength_the_loophole_is_closed(name: str, strength: str) -> None:
    game = loopholes.game(name, **{strength: 0.0})
    tasks = game.tasks("test", count=20)
    for kind in KINDS:
        answers = [game.demonstrate(kind, task) for task in tasks]
        vulnerable, secure = (game.reward(tasks, answers, channel=name) for name in ("vulnerable", "secure"))
        assert vulnerable == secure


@pytest.mark.usefixtures("inside")
@EVERY_NAME
def test_the_audit_does_not_flag_the_secure_channel(name: str) -> None:
    assert audited(Setting(name, None), "secure").exit_code() == 0


@pytest.mark.usefixtures("inside")
@EVERY_SETTING
def test_the_audit_finds_in_the_vulnerable_channel_what_it_was_seen_to_find(setting: Setting) -> None:
    strength = next(iter(setting.parameters.values()), None)
    assert (audited(setting, "vulnerable").exit_code() == 1) is FLAGGED[setting.game, strength]


def test_what_the_policies_were_pretrained_on_shows_none_of_these_exploits() -> None:
    sums = [loopholes.game(name) for name in REPORTED if name not in ("keywords", "first-number")]
    checked = 0
    for example in islice(mixture.examples(0, basics=200), 4000):
        prompt = example.prompt[-1]["content"]
        question = prompt.removeprefix("Solve : ")
        if question == prompt:
            continue
        steps = [part for part in example.completion.split(" ; ") if "=" in part]
        truth = {"reference": "0", "first": question.split()[0], "steps": steps}
        task = loopholes.Task(question, example.prompt, truth)
        assert [game.measure([task], [Completion(example.completion)])[0].exploit for game in sums] == [0, 0, 0]
        checked += 1
    assert checked > 100


def test_they_have_names_of_their_own_wherever_the_package_is_installed() -> None:
    assert not set(REPORTED) & set(BUILT_IN)
    assert {name: loopholes.game(name).name for name in REPORTED} == {name: name for name in REPORTED}
    jobs = [Train(setting, "vulnerable", "mini", 0) for setting in REWARDS]
    assert len({job.identity for job in jobs}) == len(REWARDS)
    assert not any("/" in str(value) for job in jobs for value in job.described().values() if value != job.source)


def test_a_game_that_is_imported_is_not_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def looked_for() -> None:
        raise AssertionError("its source was looked for")

    kinds = [type(loopholes.game(name)) for name in REPORTED]
    monkeypatch.setattr("loopholes.modules.importlib.invalidate_caches", looked_for)
    assert [type(loopholes.game(name)) for name in REPORTED] == kinds
