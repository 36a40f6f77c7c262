"""The audit of a game's channel as a run of a study."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

from loopholes.progress import OnProgress
from loopholes.runs import Run
from loopholes.stats.selection import Normalization
from loopholes.studies.jobs import Job
from loopholes.studies.settings import Setting

ROWS = 64
SECONDS = 900.0
"""More time than an audit takes, so that none is cut short and the same audit always finds the same."""
ADVANTAGE: Normalization = "group"
"""The normalisation of advantages that studies train with, unless one says otherwise."""


@dataclass(frozen=True)
class ChannelAudit(Job):
    """The audit of one channel before any training. The run's summary is the audit's report."""

    setting: Setting
    channel: str
    seed: int = 0

    @property
    def label(self) -> str:
        return f"audit-{self.setting.name}-{self.channel}"

    @property
    def needs(self) -> tuple[Job, ...]:
        return ()

    @property
    def steps(self) -> int | None:
        return None

    def described(self) -> dict[str, Any]:
        parameters = self.setting.make().parameters.identifying()
        reward = {"game": self.setting.game, "parameters": parameters, "channel": self.channel, "seed": self.seed}
        return {"kind": "audit", **reward, "rows": ROWS, "panel": _panel(), "advantage": ADVANTAGE}

    def run(self, root: Path, on_progress: OnProgress | None = None) -> None:
        from loopholes.audit import AuditConfig, audit, target_of
        from loopholes.audit.frameworks import games
        from loopholes.audit.gate import Gate
        from loopholes.audit.layout import report_record

        with Run.create(self.folder(root), {**self.described(), "policy": "none"}, resume=True) as run:
            if run.status.state == "finished":
                return
            game = self.setting.make()
            rows = games.rows_of(game, ROWS, self.seed)
            options = {"parameters": dict(self.setting.parameters), "channel": self.channel, "seed": self.seed}
            gate = Gate().under(ADVANTAGE)
            config = AuditConfig(seconds=SECONDS, rows=ROWS, seed=self.seed, gate=gate)
            report = audit(
                target_of([f"game:{self.setting.game}"], None, options),
                rows,
                config,
                truth=partial(games.truth, game),
                on_progress=on_progress,
            )
            run.truncate_after(0)
            run.log_metrics({"step": 1, "seconds": report.coverage.seconds, "calls": report.coverage.calls})
            run.write_summary(report_record(report))


def _panel() -> str:
    """A digest of the attack panel: with other attacks it is another audit."""
    from loopholes.audit.attacks import PANEL

    return blake2b(" ".join(attack.name for attack in PANEL).encode(), digest_size=8).hexdigest()
