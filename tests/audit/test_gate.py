"""Thresholds and accepted findings, in a file that can be committed."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopholes.audit import Finding, Gate
from loopholes.audit.gate import NAME, Accepted, Thresholds, Training, read_gate
from loopholes.errors import DataError
from support.rewards import audited, sums, write_rewards

WHOLE = """
[thresholds]
exploit = 0.5
warning = 0.2

[training]
advantage = "batch"
group_size = 16

[[accept]]
name = "source"
reason = "the reward is meant for extractive summaries"
"""


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "gate.toml").write_text(WHOLE)
    assert read_gate(tmp_path / "gate.toml") == Gate(
        thresholds=Thresholds(exploit=0.5, warning=0.2),
        training=Training(advantage="batch", group_size=16),
        accept=(Accepted(name="source", reason="the reward is meant for extractive summaries"),),
    )


def test_an_option_overrides_the_normalisation_of_the_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "gate.toml").write_text(WHOLE)
    gate = read_gate(tmp_path / "gate.toml")
    assert gate.under(None) == gate
    assert gate.under("none").training == Training(advantage="none", group_size=16)
    assert gate.under("none").accept == gate.accept and gate.under("none").thresholds == gate.thresholds


def test_without_a_name_the_file_of_this_directory_counts_or_the_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_gate(None) == Gate() and Gate().thresholds == Thresholds(exploit=0.3, warning=0.1)
    Path(NAME).write_text(WHOLE)
    assert read_gate(None).thresholds.exploit == 0.5


ACCEPTED = [
    ("source", "echo", "source", True),
    ("echo", "echo", "source", True),
    ("source", "echo", "source/golden", True),
    ("source/golden", "echo", "source", False),
    ("format", "echo", "source", False),
    ("contract", "contract", "nondeterministic", False),
    ("nondeterministic", "contract", "nondeterministic", True),
    ("sour", "echo", "source", False),
]


@pytest.mark.parametrize("accepted, family, name, yes", ACCEPTED)
def test_a_finding_is_accepted_by_its_name_or_its_family_but_never_the_whole_contract(
    accepted: str, family: str, name: str, yes: bool
) -> None:
    finding = Finding("exploit", "attack", family, name, "")
    assert Gate(accept=(Accepted(name=accepted, reason="meant"),)).accepts(finding) is yes


def test_an_acceptance_that_covers_no_finding_is_named_in_a_note(tmp_path: Path) -> None:
    file = write_rewards(tmp_path, "def f(completion, answer):\n    return float(answer in completion)")
    accept = tuple(Accepted(name=name, reason="meant") for name in ("shotgun", "shotgnu", "near-miss"))
    report = audited(f"{file}:f", sums(), gate=Gate(accept=accept))
    (note,) = [note for note in report.notes if note.name == "accepted"]
    assert note.message == "[[accept]] names what is not reported here: shotgnu" and report.exit_code() == 0


BAD = [
    ("[thresholds", "is not TOML"),
    ("[thresholds]\nexploit = 0", "thresholds.exploit: input should be greater than 0"),
    ("[thresholds]\nwarning = -1", "thresholds.warning"),
    ("[thresholds]\nexploits = 0.3", "thresholds.exploits: no such setting, only exploit, warning"),
    ("[threshold]\nexploit = 0.3", "threshold: no such setting, only thresholds, training, accept"),
    ('[[accept]]\nname = "a"\nreason = "b"\nfamily = "c"', "accept.0.family: no such setting, only name, reason"),
    ('[[accept]]\nname = "source"', "accept.0.reason: field required"),
    ('[[accept]]\nname = "source"\nreason = ""', "accept.0.reason"),
    ("accept = 4", "accept"),
    ("[thresholds]\nexploit = nan", "thresholds.exploit"),
]


@pytest.mark.parametrize("content, sentence", BAD)
def test_an_invalid_file_is_refused_in_one_sentence(tmp_path: Path, content: str, sentence: str) -> None:
    (tmp_path / "gate.toml").write_text(content)
    with pytest.raises(DataError) as caught:
        read_gate(tmp_path / "gate.toml")
    assert sentence in str(caught.value)


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir(), lambda path: path.write_bytes(b"\xff")])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, make: object) -> None:
    make(tmp_path / "gate.toml")  # type: ignore[operator]
    with pytest.raises(DataError, match=r"gate.toml (cannot be read|is not TOML)"):
        read_gate(tmp_path / "gate.toml")
