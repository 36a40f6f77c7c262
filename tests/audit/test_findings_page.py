"""docs/findings.md explains every family and every check that an audit can report, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from loopholes import rewards
from loopholes.audit.advice import ADVICE, FAMILIES
from loopholes.audit.results import Finding
from loopholes.rewards import REMEDIES
from loopholes.version import documentation

PAGE = Path(__file__).parents[2] / "docs" / "findings.md"
SECTION = re.compile(r"^### (?P<name>[a-z-]+)\n(?P<body>.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
SECTIONS = {match["name"]: match["body"] for match in SECTION.finditer(PAGE.read_text())}
SOURCE = re.compile(r"[\w.-]+/[\w.-]+[#@]\w+|arXiv \d{4}\.\d{5}")
READERS = {name for name in rewards.__all__ if name.islower()}


def test_every_family_and_every_check_has_its_section_and_no_section_is_of_anything_else() -> None:
    assert SECTIONS.keys() == {*FAMILIES, *ADVICE}


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_says_what_it_is_where_it_was_reported_and_how_to_close_it(name: str) -> None:
    what, reported, close = re.split(r"^- \*\*(?:Reported|Close it):\*\*", SECTIONS[name], flags=re.MULTILINE)
    assert len(what.split()) > 5 and reported.strip() and len(close.split()) > 3


@pytest.mark.parametrize("name", [name for name in FAMILIES if name != "contract"])
def test_a_family_cites_a_public_report(name: str) -> None:
    assert SOURCE.search(SECTIONS[name])


@pytest.mark.parametrize("name", [name for name in REMEDIES if name in SECTIONS])
def test_a_section_names_the_reader_that_the_finding_recommends(name: str) -> None:
    close = SECTIONS[name].partition("**Close it:**")[2]
    named = set(re.findall(r"\w+", " ".join(re.findall(r"`[^`]+`", close)))) & READERS
    assert named, close


def test_a_finding_links_to_its_family_or_to_its_check() -> None:
    attack = Finding("exploit", "attack", "shotgun", "count", "pays")
    check = Finding("warning", "contract", "contract", "keys-differ", "differ")
    assert attack.page == documentation("docs/findings.md#shotgun")
    assert check.page == documentation("docs/findings.md#keys-differ")
    assert {attack.page.partition("#")[2], check.page.partition("#")[2]} <= SECTIONS.keys()
