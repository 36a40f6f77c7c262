"""Does what the audit finds before training tell what training then exploits?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from loopholes.numbers import Estimate, share, written
from loopholes.policies import MINIS
from loopholes.report.elements import Cell, Chart, Lines, Section, Series, Table
from loopholes.score import cells as scored_cells
from loopholes.studies.audit_grid import GAME as AUDITED_GAME
from loopholes.studies.audit_grid import sweep
from loopholes.studies.audits import ChannelAudit
from loopholes.studies.base import Runs, StudyConfig, Summary
from loopholes.studies.channels import CHANNELS, EXPLOIT
from loopholes.studies.discovery import control
from loopholes.studies.jobs import Evaluate, Job, Train
from loopholes.studies.settings import REWARDS, SETTINGS, Setting
from loopholes.studies.summaries import listed, rises

NAME = "audit-validity"
PLACE = 8
QUESTION = "Does the gap that an audit finds before training tell which exploit training then finds?"
RESAMPLES = 2000
STRONGEST = {one.game: one for one in REWARDS}
DEFAULT = (*STRONGEST.values(), next(one for one in REWARDS if one.game == "length-bonus"))
"""Of the rewards with reported loopholes, those that are trained on without ``full``."""


@dataclass(frozen=True)
class Environment:
    """A reward that is audited and trained on: a channel of a game, with its parameters."""

    name: str
    setting: Setting
    channel: str


def environments(config: StudyConfig) -> list[Environment]:
    """Both channels of every game; self-grading at every audit probability; the control; rewards of reported loopholes.

    Of these, the strongest of each kind and one weak one on their vulnerable channels, and the secure channel once a
    kind; with ``full`` every strength.
    """
    found = [
        Environment(f"{game}, {channel}", config.setting(game), channel)
        for game in config.games
        for channel in CHANNELS
    ]
    if AUDITED_GAME in config.games:
        usual = config.setting(AUDITED_GAME)
        for probability in sweep():
            setting = usual.with_parameters(audit_probability=probability)
            if setting.parameters != usual.parameters:
                found.append(Environment(f"{AUDITED_GAME}, {probability:.3g} audited", setting, "vulnerable"))
    without = control(config)
    if without is not None:
        found.append(Environment("reward-tampering without a score", without, "vulnerable"))
    return [*found, *_reported(config)]


def _reported(config: StudyConfig) -> list[Environment]:
    if set(config.games) != set(SETTINGS) or config.policies[0] not in MINIS:
        return []
    chosen = [one for one in REWARDS if config.full or one in DEFAULT]
    played = [replace(one, steps=config.steps or one.steps) for one in chosen]
    last = {one.game: one for one in played}
    strengths = ["".join(f" {value:g}" for value in one.parameters.values()) for one in played]
    return [
        *(
            Environment(f"{one.game}{how}, vulnerable", one, "vulnerable")
            for one, how in zip(played, strengths, strict=True)
        ),
        *(Environment(f"{name}, secure", one, "secure") for name, one in last.items()),
    ]


def plan(config: StudyConfig) -> list[Job]:
    """An audit of each, and what discovery and audit-grid train on it, evaluated; and the untrained policy."""
    jobs: list[Job] = []
    for one in environments(config):
        jobs += [ChannelAudit(one.setting, one.channel), *trained(config, one), *untrained(config, one)]
    return jobs


def trained(config: StudyConfig, one: Environment) -> list[Evaluate]:
    """One evaluation a seed after training."""
    policy = config.policies[0]
    return [
        config.evaluation(one.setting, Train(one.setting, one.channel, policy, seed), seed)
        for seed in config.seed_numbers
    ]


def untrained(config: StudyConfig, one: Environment) -> list[Evaluate]:
    """The same before."""
    setting = one.setting
    if setting.name == AUDITED_GAME and setting.parameters != config.setting(AUDITED_GAME).parameters:
        setting = config.setting(AUDITED_GAME).with_parameters(telling=0.0)  # what is audited changes no answer
    return [config.evaluation(setting, config.policies[0], seed) for seed in config.seed_numbers]


@dataclass(frozen=True)
class Found:
    """One environment. ``gap`` is the audit's, ``rise`` the change of the exploit rate by training."""

    environment: Environment
    gap: float
    flagged: bool
    why: str
    rise: Estimate

    @property
    def rose(self) -> bool:
        """Whether it rose for certain."""
        return bool(rises(self.rise))


def summarize(config: StudyConfig, runs: Runs) -> Summary:
    """See :class:`loopholes.studies.base.Study`."""
    found = [_found(config, runs, one) for one in environments(config)]
    rank, area = _with_interval(found, rank_correlation), _with_interval(found, ranked_above)
    cells = [
        cell
        for one in found
        for cell in scored_cells(
            f"{one.environment.name}/{config.policies[0]}",
            {"gap": Estimate(one.gap, None, None, 1, 1), "exploit_change": one.rise},
        )
    ]
    cells += scored_cells("all", {"rank_correlation": rank, "area_under_roc": area})
    section = Section(
        "audit-validity",
        QUESTION,
        _answer(found, rank, area),
        charts=[_chart(found)],
        tables=[_table(found)],
        notes=[
            "The gap is the largest of the attack panel, as a share of golden minus floor and at most 1, or the share "
            "of rows on which a wrong answer is paid no less than the right one, if that is more. Intervals draw "
            "environments: they are few, and those of self-grading are kin."
        ],
    )
    return Summary(section, cells)


def _found(config: StudyConfig, runs: Runs, one: Environment) -> Found:
    told = runs.summary(ChannelAudit(one.setting, one.channel))
    worst = (told.get("worst") or {}).get("gap", {}).get("value") or 0.0
    exploits = [finding for finding in told.get("findings", []) if finding["verdict"] == "exploit"]
    why = listed(list(dict.fromkeys(finding["family"] for finding in exploits)))
    gap = float(np.clip(max(worst, told.get("losing") or 0.0), 0.0, 1.0))
    rise = runs.change(trained(config, one), untrained(config, one), EXPLOIT)
    return Found(one, gap, told.get("status") == 1, why, rise)


def rank_correlation(found: Sequence[Found]) -> float | None:
    """Spearman's, of gaps and rises; None where one of them does not vary."""
    from scipy.stats import spearmanr

    gaps, rises_ = [one.gap for one in found], [one.rise.value or 0.0 for one in found]
    return float(spearmanr(gaps, rises_).statistic) if np.ptp(gaps) and np.ptp(rises_) else None


def ranked_above(found: Sequence[Found]) -> float | None:
    """The chance that a reward that was exploited has the larger gap than one that was not: the area under the ROC."""
    rose, others = ([one.gap for one in found if one.rose is kind] for kind in (True, False))
    pairs = [(mine > theirs) + 0.5 * (mine == theirs) for mine in rose for theirs in others]
    return float(np.mean(pairs)) if pairs else None


def _with_interval(found: Sequence[Found], statistic: Callable[[Sequence[Found]], float | None]) -> Estimate:
    """A statistic with a bootstrap interval over environments."""
    rng = np.random.default_rng(0)
    value = statistic(found)
    drawn = (statistic([found[int(at)] for at in rng.integers(len(found), size=len(found))]) for _ in range(RESAMPLES))
    known = [one for one in drawn if one is not None]
    if value is None or len(known) < RESAMPLES / 2:
        return Estimate(value, None, None, len(found), 1)
    low, high = (float(end) for end in np.quantile(known, [0.025, 0.975]))
    return Estimate(value, low, high, len(found), 1)


def _answer(found: Sequence[Found], rank: Estimate, area: Estimate) -> str:
    flagged, rose = [one for one in found if one.flagged], [one for one in found if one.rose]
    missed = listed([one.environment.name for one in rose if not one.flagged])
    idle = listed([one.environment.name for one in flagged if not one.rose])
    return (
        f"Of {len(found)} rewards the audit flags {len(flagged)}, and training exploits {len(rose)}, "
        f"{sum(one.rose for one in flagged)} of them flagged; the rank correlation of gap and rise is "
        f"{written(rank, 'number')}, and a reward that was exploited had the larger gap with a chance of "
        f"{written(area, 'number')}. Exploited without a flag: {missed}; flagged and not exploited: {idle}."
    )


def _chart(found: Sequence[Found]) -> Chart:
    games = list(dict.fromkeys(one.environment.setting.name for one in found))
    series = [_series(game, [one for one in found if one.environment.setting.name == game]) for game in games]
    rises_ = Lines("exploit rate after training, above base", "gap that the audit found", series)
    cuts = sorted({one.gap for one in found}, reverse=True)
    rose, others = ([one.gap for one in found if one.rose is kind] for kind in (True, False))
    hits, alarms = ([_share(side, cut) for cut in [2.0, *cuts]] for side in (rose, others))
    roc = Lines(
        "exploited rewards at or above the gap", "share of the others", [Series("ROC", alarms, hits)], stairs=True
    )
    caption = (
        "Each point is a reward: a channel of a game. Left: points of a game are joined in the order of their gaps."
    )
    return Chart("audit-validity", "What the audit found, and what training made of it", [rises_, roc], caption)


def _series(game: str, mine: Sequence[Found]) -> Series:
    ordered = sorted(mine, key=lambda one: one.gap)
    y, low, high = ([getattr(one.rise, end) for one in ordered] for end in ("value", "low", "high"))
    return Series(game, [one.gap for one in ordered], y, low, high)


def _share(gaps: Sequence[float], cut: float) -> float:
    return sum(gap >= cut for gap in gaps) / len(gaps) if gaps else 0.0


def _table(found: Sequence[Found]) -> Table:
    rows: list[list[Cell]] = [
        [
            one.environment.name,
            share(one.gap),
            "exploit" if one.flagged else "no",
            one.why or None,
            one.rise,
            one.rose,
        ]
        for one in sorted(found, key=lambda one: -one.gap)
    ]
    columns = ("reward", "gap", "audit", "family", "rise of the exploit rate", "exploited")
    note = "Exploited: the interval of the rise lies above 0."
    return Table("audit-validity", "Every reward", columns, rows, note, changes=("rise of the exploit rate",))
