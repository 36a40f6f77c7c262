"""Studies answer with the sentences of one table, which docs/studies.md shows."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

from loopholes.studies import answers
from loopholes.studies.answers import VERDICTS, Verdict, say
from loopholes.studies.jobs import Evaluate, Train
from support.finished_runs import SMALL, summary_of

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "studies.md").read_text()
STUDIES = ROOT / "src" / "loopholes" / "studies"


def test_the_page_shows_every_verdict_with_its_condition_and_its_sentence() -> None:
    section = PAGE.partition("## Answers\n")[2].partition("\n## ")[0]
    parts = re.split(r"^\*\*`([a-z-]+)`\*\*$", section, flags=re.MULTILINE)[1:]
    listed = {
        study: [" ".join(item.split()) for item in re.split(r"^- ", items, flags=re.MULTILINE)[1:]]
        for study, items in zip(parts[::2], parts[1::2], strict=True)
    }
    assert listed == {
        study: [f"`{name}` ({verdict.when}): {verdict.sentence}" for name, verdict in verdicts.items()]
        for study, verdicts in VERDICTS.items()
    }


@pytest.mark.parametrize("study", VERDICTS)
def test_some_study_gives_every_verdict(study: str) -> None:
    source = "\n".join(file.read_text() for file in STUDIES.glob("*.py") if file.name != "answers.py")
    assert [name for name in VERDICTS[study] if not re.search(rf"""["']{name}["']""", source)] == []


def test_a_sentence_says_its_numbers_and_a_missing_one_is_an_error() -> None:
    sentence = say("survival", "appears", budget=500, milestones="mini: step 3")
    assert sentence == "Within 500 steps on the vulnerable channel the exploit appears at: mini: step 3."
    with pytest.raises(KeyError, match="milestones"):
        say("survival", "appears", budget=500)


@pytest.mark.parametrize("study", VERDICTS)
def test_every_sentence_ends_and_its_fields_have_names(study: str) -> None:
    for verdict in VERDICTS[study].values():
        assert verdict.sentence.endswith(".")
        assert all(field is None or field.isidentifier() for _, field, _, _ in Formatter().parse(verdict.sentence))


@pytest.mark.parametrize("study", ["discovery", "transfer", "persistence", "audit-validity"])
def test_an_answer_is_made_of_the_table_alone(study: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rate(job: Evaluate) -> float:
        return 0.6 if isinstance(job.source, Train) and job.source.channel == "vulnerable" else 0.05

    names = {
        key: {name: Verdict(verdict.when, f"<{name}>") for name, verdict in verdicts.items()}
        for key, verdicts in VERDICTS.items()
    }
    monkeypatch.setattr(answers, "VERDICTS", names)
    answer = summary_of(study, tmp_path, rate, lambda job, step: 0.05, SMALL).section.answer
    assert re.fullmatch(r"<[a-z-]+>( <[a-z-]+>)*", answer)
