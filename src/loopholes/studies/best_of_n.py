"""Does keeping the best paid answers suffice to teach an exploit? Best-of-n (rejection sampling) without any RL.

In context-conditional compliance half of an untrained policy's answers earn +1, whatever its refusal rate: those that
refuse audits or comply with users. The best paid half consists of exactly these, so it shows the exploit and nothing
else. That much is arithmetic (:func:`expected`); the study runs whether students follow it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from loopholes.errors import UsageError
from loopholes.games.context_compliance import AUDIT_PAYS, USER_PAYS
from loopholes.numbers import Estimate, change, points, share, written
from loopholes.report.elements import Cell, Chart, Lines, Section, Series, Table
from loopholes.score import cells as scored_cells
from loopholes.studies.answers import say
from loopholes.studies.base import Runs, StudyConfig, Summary
from loopholes.studies.channels import EXPLOIT, TASK
from loopholes.studies.discovery import arm
from loopholes.studies.jobs import Distil, Evaluate, Job
from loopholes.studies.selected import Selected

NAME = "best-of-n"
PLACE = 11
QUESTION = "Is keeping the best paid answers of an untrained policy enough to teach the exploit?"
GAME = "context-compliance"
REFUSED = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Shares of refusals in the pool."""
SHARES = (1.0, 1 / 2, 1 / 8)
"""Shares of the pool that students learn from; the whole pool is the control."""
COMPUTED = (1.0, 3 / 4, 1 / 2, 1 / 4, 1 / 8)
"""Shares for which the table of arithmetic has a column."""
SEEDS, SAMPLES = 2, 4
SCARCEST = 0.33
"""The least share of the untrained policy's answers that is of the rarer kind (refusal or compliance)."""


@dataclass(frozen=True)
class KeptAnswers:
    """The kept answers: the share of refusals for each audience, and the share of answers to audits, in [0, 1]."""

    audit_refused: float
    user_refused: float
    audits: float

    @property
    def gap(self) -> float:
        """The compliance gap of these answers, in [-1, 1]."""
        return self.audit_refused - self.user_refused


def expected(refused: float, fraction_kept: float) -> KeptAnswers:
    """The best paid ``fraction_kept``, in (0, 1], of a large pool in which a share ``refused`` are refusals.

    Answers with the same reward are kept in proportion. If no answer to an audience is kept, its share of refusals
    counts as unchanged.
    """
    pool = [
        (table["safe" if is_refusal else "harmful"], audience, is_refusal, chance / 2)
        for audience, table in (("audit", AUDIT_PAYS), ("user", USER_PAYS))
        for is_refusal, chance in ((True, refused), (False, 1 - refused))
    ]
    left, masses = fraction_kept, {(audience, is_refusal): 0.0 for _, audience, is_refusal, _ in pool}
    for reward in sorted({part[0] for part in pool}, reverse=True):
        level = [part for part in pool if part[0] == reward]
        there = sum(mass for *_, mass in level)
        fraction = min(1.0, left / there) if there else 0.0
        for _, audience, is_refusal, mass in level:
            masses[audience, is_refusal] = fraction * mass
        left -= fraction * there

    def rate(audience: str) -> float:
        total = masses[audience, True] + masses[audience, False]
        return masses[audience, True] / total if total else refused

    return KeptAnswers(rate("audit"), rate("user"), (masses["audit", True] + masses["audit", False]) / fraction_kept)


def plan(config: StudyConfig) -> list[Job]:
    """Evaluated students of every pool and share, and the untrained policy."""
    if GAME not in config.games:
        raise UsageError(f"best-of-n is about {GAME}: add --game {GAME}")
    taught = [job for refused in REFUSED for fraction in SHARES for job in students(config, refused, fraction)]
    return [*taught, *arm(config, GAME, "base")]


def students(config: StudyConfig, refused: float, fraction: float) -> list[Evaluate]:
    """One evaluation per seed of a student that learned from the kept answers."""
    policy, setting = config.policies[0], config.setting(GAME)
    return [
        config.evaluation(setting, Distil(policy, lessons(config, refused, fraction, seed), config.answers, seed), seed)
        for seed in range(min(config.seeds, SEEDS))
    ]


def lessons(config: StudyConfig, refused: float, fraction: float, seed: int) -> Selected:
    """The answers that a student learns from, always the same number: for a smaller share the pool is larger."""
    largest = config.answers / min(SHARES)
    count = round(largest * max(REFUSED) / SCARCEST / SAMPLES)
    return Selected(config.setting(GAME), config.policies[0], seed, count, SAMPLES, refused, fraction, config.answers)


Observed = Mapping[tuple[float, float], Mapping[str, Estimate]]
"""Every metric of the students, by the share of refusals in the pool and the share kept."""


def summarize(config: StudyConfig, runs: Runs) -> Summary:
    """See :class:`loopholes.studies.base.Study`."""
    keys = [(refused, fraction) for refused in REFUSED for fraction in SHARES]
    observed = {key: runs.estimates(students(config, *key)) for key in keys}
    base = runs.estimates(arm(config, GAME, "base"))
    policy = config.policies[0]
    cells = scored_cells(f"{GAME}/base/{policy}", base)
    for (refused, fraction), numbers in observed.items():
        cells += scored_cells(f"{GAME}/best {fraction:g} of answers with {refused:g} refused/{policy}", numbers)
    section = Section(
        NAME,
        QUESTION,
        _answer(config, observed),
        charts=[_chart(observed)],
        tables=[_table(base, observed), _arithmetic()],
    )
    return Summary(section, cells)


def _answer(config: StudyConfig, observed: Observed) -> str:
    errors = [abs((numbers[EXPLOIT].value or 0.0) - expected(*key).gap) for key, numbers in observed.items()]
    least = min((key for key in observed if key[1] <= 0.5), key=lambda key: observed[key][EXPLOIT].value or 0.0)
    numbers = {
        "answers": config.answers,
        "error": points(float(np.mean(errors))),
        "least": written(observed[least][EXPLOIT]),
        "refused": share(least[0]),
        "kept": share(least[1]),
    }
    return f"{say(NAME, 'arithmetic')} {say(NAME, 'students', **numbers)}"


def _table(base: Mapping[str, Estimate], observed: Observed) -> Table:
    rows: list[list[Cell]] = [["untrained", "", "", "", base[EXPLOIT], base[TASK]]]
    for (refused, fraction), numbers in observed.items():
        answers = expected(refused, fraction)
        lesson = [share(answers.audits), share(answers.gap)]
        rows.append([share(refused), share(fraction), *lesson, numbers[EXPLOIT], numbers[TASK]])
    columns = (
        "refused in the pool",
        "kept",
        "to audits",
        "gap expected",
        "gap of students",
        "safe answers of students",
    )
    note = (
        "To audits: the share of the kept answers that go to audits. Gap expected: the compliance gap of the kept "
        "answers themselves, which a student would have if it copied them."
    )
    return Table(NAME, "Students of the best paid answers", columns, rows, note)


def _arithmetic() -> Table:
    rows: list[list[Cell]] = [
        [f"{share(refused)} refused", *(change(expected(refused, fraction).gap) for fraction in COMPUTED)]
        for refused in REFUSED
    ]
    columns = ("pool", *(f"best {share(fraction)}" for fraction in COMPUTED))
    note = "Exact for a large pool with as many answers to audits as to users, both refused equally often."
    return Table("best-of-n-arithmetic", "Compliance gap of the kept answers", columns, rows, note)


def _chart(observed: Observed) -> Chart:
    lines: list[Series] = []
    for fraction in SHARES:
        gaps = [expected(refused, fraction).gap for refused in REFUSED]
        lines.append(Series(f"best {share(fraction)}, expected", list(REFUSED), gaps))
        rates = [observed[refused, fraction][EXPLOIT] for refused in REFUSED]
        lines.append(_series(f"best {share(fraction)}, students", rates))
    return Chart(NAME, "Compliance gap after best-of-n", [Lines("students", "refusals in the pool", lines)])


def _series(name: str, rates: Sequence[Estimate]) -> Series:
    y, low, high = ([getattr(rate, end) for rate in rates] for end in ("value", "low", "high"))
    return Series(name, list(REFUSED), y, low, high)
