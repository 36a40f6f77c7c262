"""What a release says of itself is the same in every file, and the forms that a code host reads are complete."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
SOURCE = PROJECT["urls"]["Source"]
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
QUESTIONS = {"dropdown", "input", "textarea", "checkboxes"}


def text_of(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def mapping(path: str) -> Mapping[str, Any]:
    """What a YAML file holds."""
    content = yaml.safe_load(text_of(path))
    assert isinstance(content, dict)
    return content


def test_the_suite_runs_on_every_python_that_the_classifiers_name() -> None:
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    job = mapping(".github/workflows/test.yml")["jobs"]["tests"]
    assert job["strategy"]["matrix"]["python"] == named
    oldest = named[0]
    assert PROJECT["requires-python"] == f">={oldest}"
    assert PYPROJECT["tool"]["mypy"]["python_version"] == oldest
    assert PYPROJECT["tool"]["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"


def test_the_workflow_checks_types_and_builds_the_documentation() -> None:
    jobs = mapping(".github/workflows/test.yml")["jobs"]
    commands = {step["run"] for job in jobs.values() for step in job["steps"] if "run" in step}
    assert {"make test PYTHON=python", "make docs PYTHON=python"} <= commands
    makefile = text_of("Makefile")
    assert "\ntest: lint\n" in makefile and "$(BIN)/mypy" in makefile


def test_the_citation_names_the_paper_the_license_and_the_repository() -> None:
    citation = mapping("CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert (citation["license"], citation["repository-code"]) == (PROJECT["license"], SOURCE)
    (paper,) = citation["references"]
    identifier = paper["url"].removeprefix("https://arxiv.org/abs/")
    assert paper["title"] in text_of("README.md").replace("\n", " ") and f"arXiv {identifier}" in text_of("README.md")


@pytest.mark.parametrize("form", [form for form in FORMS if form.stem != "config"], ids=lambda form: form.stem)
def test_an_issue_form_has_what_a_code_host_asks_of_it(form: Path) -> None:
    content = mapping(form.relative_to(ROOT).as_posix())
    assert {"name", "description", "body"} <= content.keys()
    assert {field["type"] for field in content["body"]} <= QUESTIONS
    assert all(field["attributes"]["label"] for field in content["body"])
    identifiers = [field["id"] for field in content["body"]]
    assert len(identifiers) == len(set(identifiers))


def test_security_bugs_are_reported_privately_at_one_address() -> None:
    (link,) = mapping(".github/ISSUE_TEMPLATE/config.yml")["contact_links"]
    assert link["url"] == f"{SOURCE}/security/advisories/new" and f"<{link['url']}>" in text_of("SECURITY.md")
