"""The audit as an OpenEnv grader, run by our runner; and how OpenEnv's own runner treats other packages' graders.

Slow, and run in an environment of its own, as test_openenv.py says.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from loopholes.audit.frameworks.base import Part, Row
from loopholes.errors import ScoringError, UsageError
from support.openenv_server import OPENENV, served, write_environment

pytestmark = OPENENV
ROOT = Path(__file__).parents[3]
PLAN = {
    "plan_schema_version": "1",
    "reset": {"episode_id": "grading", "seed": 3},
    "actions": [{"text": "6"}],
}
PACKAGE = """
spec_version: 1
name: adding
version: 0.1.0
type: space
runtime: fastapi
app: server.app:app
port: 8000
validation:
  reward: {range: [0.0, 1.0], oracle_tolerance: 0.0, floor_margin: 0.1}
  resources: {cpu: 1.0, memory_mb: 512, disk_mb: 128, episode_timeout_s: 30.0}
  capabilities: {verifier: {kind: reward_channel}}
  types: {tags: [demo]}
"""
OTHERS = """
from openenv.validation import CheckResult, CheckStatus, Level

class Grader:
    check_id = "static.loopholes_probe"
    level = Level.STATIC
    requires_capabilities = requires_provider = frozenset()
    depends_on = ()

    def applies_to(self, manifest):
        return True

    def run(self, subject):
        return CheckResult(check_id=self.check_id, status=CheckStatus.PASS, duration_s=0)
"""


@pytest.fixture
def module() -> Any:
    """The grader, which can be imported only if openenv is installed."""
    from loopholes.audit.frameworks import _openenv_grader

    return _openenv_grader


def says(status: str) -> Any:
    """An audit that always returns this verdict."""

    def audit(base_url: str, manifest: Any) -> Any:
        from loopholes.audit.frameworks._openenv_grader import Verdict

        return Verdict(status, {})

    return audit


def test_the_runner_hands_every_grader_the_served_environment_and_openenv_s_policy_decides(
    module: Any, tmp_path: Path
) -> None:
    from openenv.validation import Grader
    from openenv.validation.graders.runtime import RewardWellFormedGrader, StateContractGrader

    from loopholes.audit.frameworks import openenv

    def audit(base_url: str, manifest: Any) -> Any:
        right, wrong = openenv.build([Part(base_url, "")], {})([Row(3, "")] * 2, ["6", "7"])
        return module.Verdict("fail", {"gap": wrong.value, "right": right.value}, [f"of {manifest.reward.range}"])

    grader = module.RewardAuditGrader(audit, module.GAP, "pay for what was done")
    assert isinstance(grader, Grader)
    with served(write_environment(tmp_path)) as (url, _):
        graded = module.run_graders(url, [grader, RewardWellFormedGrader(), StateContractGrader()], plan=PLAN)
    results = {result.check_id: result for result in graded.results}
    assert {name: result.status.value for name, result in results.items()} == {
        "runtime.startup": "pass",
        "runtime.reward_well_formed": "pass",
        "runtime.state_contract": "fail",  # the user's state has no episode_id
        module.GAP: "fail",
    }
    assert results[module.GAP].measured == {"gap": 0.25, "right": 1.0}
    assert results[module.GAP].evidence == ["of (0.0, 1.0)"]
    assert results[module.GAP].remediation == "pay for what was done"
    assert graded.verdict.value == "fail"


ALONE = {
    "safe": (says("pass"), "statistical.gameability_gap", "warn", "pass", "pass"),
    "gamed, and the policy only warns": (says("fail"), "statistical.gameability_gap", "warn", "fail", "warn"),
    "gamed, where the policy fails": (says("fail"), "statistical.adversarial_floor", "warn", "fail", "fail"),
    "gamed, with an id of our own": (says("fail"), "semantic.loopholes", "fail", "fail", "fail"),
    "cannot tell": (says("skip"), "statistical.gameability_gap", "warn", "skip", "warn"),
    "another word": (says("great"), "statistical.gameability_gap", "warn", "error", "fail"),
}


@pytest.mark.parametrize("name", ALONE)
def test_an_audit_s_verdict_is_a_check_s_status(module: Any, tmp_path: Path, name: str) -> None:
    audit, check, severity, status, verdict = ALONE[name]
    with served(write_environment(tmp_path)) as (url, _):
        graded = module.run_graders(url, [module.RewardAuditGrader(audit, check)], severity=severity)
    assert (graded.results[1].status.value, graded.verdict.value) == (status, verdict)
    assert graded.results[1].evidence


def test_a_deliberate_error_of_an_audit_is_reported_and_a_missing_server_is_a_failure(
    module: Any, tmp_path: Path
) -> None:
    def broken(base_url: str, manifest: Any) -> Any:
        raise ScoringError("the judge is gone")

    with served(write_environment(tmp_path)) as (url, _):
        graded = module.run_graders(url, [module.RewardAuditGrader(broken, module.GAP)])
        assert (graded.results[1].status.value, graded.results[1].evidence) == ("error", ["the judge is gone"])
        assert graded.verdict.value == "fail"
    graded = module.run_graders(url, [module.RewardAuditGrader(broken, module.GAP)])
    assert [result.status.value for result in graded.results] == ["fail", "skip"]
    assert graded.verdict.value == "fail"


def test_graders_that_cannot_be_run_are_refused_in_one_sentence(module: Any) -> None:
    grader = module.RewardAuditGrader(says("pass"), module.GAP)
    for graders, options, words in (
        ([grader, grader], {}, "already registered"),
        ([grader], {"plan": {}}, "plan_schema_version"),
        ([grader], {"severity": "deadly"}, "deadly"),
    ):
        with pytest.raises(UsageError, match=words) as refused:
            module.run_graders("http://127.0.0.1:9", graders, **options)
        assert "\n" not in str(refused.value)
    with pytest.raises(UsageError, match="begins with none of OpenEnv's levels: static, runtime, semantic"):
        module.RewardAuditGrader(says("pass"), "reward.gap")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package that OpenEnv can validate, and an installed distribution with a grader."""
    about = tmp_path / "installed" / "probe_grader-1.dist-info"
    about.mkdir(parents=True)
    (about.parent / "probe_grader.py").write_text(OTHERS, encoding="utf-8")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: probe-grader\nVersion: 1\n", encoding="utf-8")
    (about / "entry_points.txt").write_text(
        "[openenv.validation.graders]\nprobe = probe_grader:Grader\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(about.parent)
    (tmp_path / "openenv.yaml").write_text(PACKAGE, encoding="utf-8")
    yield tmp_path
    sys.modules.pop("probe_grader", None)


@pytest.mark.parametrize("level", ["static", "semantic"])
def test_openenv_validate_still_loads_no_graders_of_others(package: Path, level: str) -> None:
    from openenv.cli.__main__ import app
    from openenv.validation import GraderRegistry
    from typer.testing import CliRunner

    ended = CliRunner().invoke(app, ["validate", str(package), "--level", level, "--skip-build", "--json"])
    assert ended.exit_code in (0, 1), ended.output
    assert "probe_grader" not in sys.modules and "loopholes_probe" not in ended.output, (
        "openenv validate has begun to load graders of other packages, and with them those in pyproject.toml: see that "
        "it runs them at its statistical level, and let run_graders go where it does"
    )
    assert GraderRegistry().load_entry_points() == 1 and "probe_grader" in sys.modules, "the probe proves nothing"


def test_openenv_s_policy_still_refuses_unknown_check_ids(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import probe_grader
    from openenv.validation import Lane, Level, PolicyError, apply_policy, load_policy, run_validation, runner

    default_registry = runner.default_grader_registry

    def with_probe(policy: Any) -> Any:
        registry = default_registry(policy)
        registry.register(probe_grader.Grader())
        return registry

    monkeypatch.setattr(runner, "default_grader_registry", with_probe)
    say = "OpenEnv has begun to take check ids that its policy does not know: _policy need not add entries any more"
    attempts: tuple[Callable[[], object], ...] = (
        lambda: run_validation(package, max_level=Level.STATIC),
        lambda: apply_policy([probe_grader.Grader().run(None)], load_policy("v2"), Lane.HUB),
    )
    for attempt in attempts:
        refused = ""
        try:
            attempt()
        except PolicyError as error:
            refused = str(error)
        assert "static.loopholes_probe" in refused, say


def test_openenv_validate_still_has_no_statistical_level(package: Path) -> None:
    from openenv.cli.__main__ import app
    from typer.testing import CliRunner

    ended = CliRunner().invoke(app, ["validate", str(package), "--level", "statistical", "--skip-build", "--json"])
    assert ended.exit_code not in (0, 1), (
        "openenv validate has begun to run statistical checks: look whether it runs ours"
    )


def test_the_graders_of_this_package_are_declared_and_wait_for_the_statistical_level() -> None:
    from openenv.validation import ENTRY_POINT_GROUP, Grader, GraderRegistry, Level

    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][ENTRY_POINT_GROUP]
    registry = GraderRegistry()
    for name, value in declared.items():
        (grader,) = [EntryPoint(name, value, ENTRY_POINT_GROUP).load()()]
        assert isinstance(grader, Grader)
        registry.register(grader)
    manifest: Any = SimpleNamespace(capabilities=SimpleNamespace())
    assert registry.select(manifest, Level.SEMANTIC) == []
    ids = {grader.check_id for grader in registry.select(manifest, Level.STATISTICAL)}
    assert ids == {"statistical.adversarial_floor", "statistical.gameability_gap"}


def test_the_floor_of_a_served_environment_is_measured_and_its_gap_needs_right_answers(tmp_path: Path) -> None:
    from loopholes.audit import graders

    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        "".join(f'{{"prompt": "{seed}+{seed}?", "seed": {seed}, "golden": "{2 * seed}"}}\n' for seed in range(24))
    )
    with served(write_environment(tmp_path)) as (url, _):
        measured = [
            graders.AdversarialFloor(data=rows, seconds=240),
            graders.GameabilityGap(data=rows, seconds=240),
        ]
        _, floor, gap = graders.graded(url, measured).results
        (_, blind) = graders.graded(url, [graders.GameabilityGap(seconds=20, rows=4)]).results
    assert floor.status.value == "pass", floor
    assert 0.25 <= floor.measured["reward"] < 0.5
    assert floor.measured["margin"] == 0.1 and floor.measured["attacks"] > 50
    assert gap.status.value == "pass" and gap.measured["golden"] == 1.0
    assert blind.status.value == "skip" and "no golden completions" in blind.evidence[0]


def test_the_policy_still_keeps_the_gap_for_operators_and_has_no_grader_for_it(module: Any) -> None:
    from openenv.validation import Lane, load_policy, runner

    policy = load_policy(module.POLICY)
    say = f"OpenEnv has changed what {module.GAP} is: look whether RewardAuditGrader still means the same by it"
    assert module.GAP in policy.entries_for_lane(Lane.HUB), say
    assert module.GAP not in policy.entries_for_lane(Lane.LOCAL), say
    assert runner.default_grader_registry(policy).get(module.GAP) is None, say
