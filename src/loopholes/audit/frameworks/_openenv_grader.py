"""Audits of a reward as OpenEnv 0.10 graders, and a runner for graders of a served environment.

``openenv validate`` does not load other packages' graders, nor graders of its statistical level (tests will notice when
it does). So :func:`run_graders` does what it would do: it checks that the server is up, gives every grader the same
subject, and applies OpenEnv's severity policy. :mod:`loopholes.audit.graders` has the two graders of this package.
"""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from openenv.validation import (
    CheckResult,
    CheckStatus,
    GraderRegistry,
    Lane,
    Level,
    NormalizedManifest,
    PolicyEntry,
    ProviderCapability,
    Severity,
    SignatureKind,
    Subject,
    apply_policy,
    load_policy,
)
from openenv.validation.runtime.collector import collect_runtime_evidence
from openenv.validation.runtime.contracts import RuntimePlan
from openenv.validation.runtime.scheduler import execute_graders

from loopholes.errors import LoopholesError, UsageError

FLOOR = "statistical.adversarial_floor"
GAP = "statistical.gameability_gap"
"""OpenEnv's own ids. Its policy reserves them for operators, and it has no graders for them."""
STARTED = "runtime.startup"
POLICY = "v2"
SECONDS = 30.0
VERDICTS = {"pass": CheckStatus.PASS, "fail": CheckStatus.FAIL, "skip": CheckStatus.SKIP}
"""The possible verdicts. ``skip`` means that the audit was inconclusive, which never counts as safe."""


class Verdict(NamedTuple):
    """The verdict on a running environment: ``pass``, ``fail`` or ``skip``, measurements, and sentences of evidence."""

    status: str
    measured: Mapping[str, Any]
    evidence: Sequence[str] = ()


Audit = Callable[[str, NormalizedManifest], Verdict]
"""An audit of the environment at an address, whose manifest states the range of rewards."""


class RewardAuditGrader:
    """An OpenEnv ``Grader`` that runs an audit of the running environment.

    Args:
        audit: called once with the address of the running environment and its manifest.
        check_id: ``level.name``, like OpenEnv's own ids.
        remediation: what to do if the audit fails.

    Raises :class:`UsageError` for an id without one of OpenEnv's levels.
    """

    requires_capabilities: frozenset[str] = frozenset()
    requires_provider: frozenset[ProviderCapability] = frozenset()
    depends_on: tuple[str, ...] = (STARTED,)

    def __init__(self, audit: Audit, check_id: str, remediation: str = "") -> None:
        level = check_id.partition(".")[0].upper()
        if level not in Level.__members__:
            levels = ", ".join(name.lower() for name in Level.__members__)
            raise UsageError(f"the check id {check_id} begins with none of OpenEnv's levels: {levels}")
        self.check_id = check_id
        self.level = Level[level]
        self._audit = audit
        self._remediation = remediation

    def applies_to(self, manifest: NormalizedManifest) -> bool:
        """Always true, since every environment has a reward."""
        return True

    def run(self, subject: Subject) -> CheckResult:
        """The audit's verdict; SKIP if no environment is running, ERROR with the audit's message if it raised one."""
        begun = time.monotonic()
        if subject.running is None:
            return self._result(begun, CheckStatus.SKIP, ["no environment is running: start its server"])
        try:
            verdict = self._audit(subject.running.base_url, subject.manifest)
        except LoopholesError as error:
            return self._result(begun, CheckStatus.ERROR, [str(error)])
        if verdict.status not in VERDICTS:
            words = f"the audit returned {verdict.status!r}, which is none of: {', '.join(VERDICTS)}"
            return self._result(begun, CheckStatus.ERROR, [words])
        evidence = list(verdict.evidence) or [f"the audit returned {verdict.status}"]
        return self._result(begun, VERDICTS[verdict.status], evidence, verdict.measured)

    def _result(
        self, begun: float, status: CheckStatus, evidence: list[str], measured: Mapping[str, Any] | None = None
    ) -> CheckResult:
        return CheckResult(
            check_id=self.check_id,
            status=status,
            measured=dict(measured or {}),
            evidence=evidence,
            remediation=(self._remediation or None) if status is CheckStatus.FAIL else None,
            duration_s=time.monotonic() - begun,
        )


class Graded(NamedTuple):
    """OpenEnv's ``CheckResult`` of every grader, the start of the server first, and the policy's ``Verdict``."""

    results: list[CheckResult]
    verdict: Any


def run_graders(
    base_url: str,
    graders: Sequence[Any],
    *,
    manifest: NormalizedManifest | None = None,
    plan: Mapping[str, Any] | None = None,
    folder: Path | None = None,
    severity: str = "warn",
) -> Graded:
    """Run graders, OpenEnv's own or others, on the environment served at an address.

    Args:
        base_url: ``http(s)://…``; the server has to be running, and is not stopped.
        graders: objects of OpenEnv's ``Grader`` protocol.
        manifest: the environment's manifest; by default, one that only declares rewards in [0, 1].
        plan: a ``RuntimePlan`` to collect as evidence, which OpenEnv's own runtime graders need.
        folder: the environment's source, for graders that read it.
        severity: the effect of failures that the policy does not know: ``fail``, ``warn`` or ``advisory``.

    Raises :class:`UsageError` for two graders with the same id, and for an invalid plan or severity.
    """
    described = manifest or _manifest()
    registry = GraderRegistry()
    try:
        for grader in graders:
            registry.register(grader)
        planned = None if plan is None else RuntimePlan.model_validate(dict(plan))
        policy = _policy(graders, Severity(severity))
    except ValueError as error:
        raise UsageError(f"these graders cannot be run: {' '.join(str(error).split())}") from error
    root = Path() if folder is None else folder
    started = _started(base_url)
    seen = None if planned is None else collect_runtime_evidence(base_url, planned, episode_timeout_s=SECONDS)
    running = _Running(base_url)
    subject = Subject(root, described, image_ref=None, running=running, outputs_dir=root, runtime_evidence=seen)
    chosen = registry.select(described, Level.STATISTICAL)
    results = [started, *execute_graders(chosen, subject, prior=[started])]
    return Graded(results, apply_policy(results, policy, Lane.HUB))


@dataclass(frozen=True)
class _Running:
    """A server that somebody else started: it can be called, but not entered or stopped."""

    base_url: str

    def inspect(self) -> dict[str, Any]:
        return {"base_url": self.base_url}

    def logs(self, max_bytes: int = 65536) -> str:
        return ""

    def exec(self, argv: list[str], timeout_s: float) -> Any:
        raise UsageError("nothing can be run next to a server that was started elsewhere")

    def stop(self) -> None:
        return None


def _policy(graders: Sequence[Any], severity: Severity) -> Any:
    """OpenEnv's policy, with entries for unknown ids, which it would refuse otherwise."""
    policy = load_policy(POLICY)
    covered = {entry.check_id for entry in policy.entries}
    own = [
        PolicyEntry(check_id=grader.check_id, level=grader.level, lane=Lane.HUB, severity=severity)
        for grader in graders
        if grader.check_id not in covered
    ]
    version = f"{policy.policy_version}+loopholes" if own else policy.policy_version
    return policy.model_copy(update={"policy_version": version, "entries": [*policy.entries, *own]})


def _started(base_url: str) -> CheckResult:
    """The check that the server is up, on which all others depend."""
    begun, status, evidence = time.monotonic(), CheckStatus.PASS, "the server answers"
    plain = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        plain.open(f"{base_url.rstrip('/')}/health", timeout=SECONDS).close()
    except (OSError, ValueError) as error:
        status, evidence = CheckStatus.FAIL, f"no OpenEnv server answers at {base_url} ({error}): start it"
    return CheckResult(check_id=STARTED, status=status, evidence=[evidence], duration_s=time.monotonic() - begun)


def _manifest() -> NormalizedManifest:
    return NormalizedManifest.model_validate(
        {
            "manifest_schema_version": "1",
            "name": "served",
            "signature": SignatureKind.OPENENV_SERVED,
            "reward": {"floor_margin": 0.1},
            "resources": {"cpu": 1, "memory_mb": 512, "disk_mb": 128, "episode_timeout_s": SECONDS},
            "capabilities": {"verifier": {"kind": "reward_channel"}},
            "types": {"tags": ["served"]},
        }
    )
