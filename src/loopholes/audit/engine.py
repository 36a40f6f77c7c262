"""One audit from rows to report: the scale, the contract, the panel, the search, and what they add up to."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from loopholes.audit import checks, verdicts
from loopholes.audit.attacks import View, view_of
from loopholes.audit.form import form_of
from loopholes.audit.frameworks.base import Row
from loopholes.audit.frameworks.tokens import Tokens
from loopholes.audit.gate import Policy
from loopholes.audit.panel import Panel, Tried, guessed
from loopholes.audit.results import Attempt, Coverage, Finding, Gap, Report, Scoring, Target
from loopholes.audit.scale import SAME, Level, Truth, constant_prior, gap_of, levels_of, mean_of, plain
from loopholes.audit.scorer import Scorer
from loopholes.audit.search import Recipe, climb
from loopholes.errors import UsageError
from loopholes.stats import Estimate

REPEATS = 3
"""How often a noisy reward is asked about a completion."""
SCALE_SHARE, CONTRACT_SHARE = 0.15, 0.1
"""Of the time, what the scale and the contract are planned to take."""
SCALE_ENDS, CONTRACT_ENDS, PANEL_ENDS, SEARCH_ENDS = 0.25, 0.3, 0.75, 0.9
"""Of the time, when each has to end, however much is left of it."""
CALLS_A_SCALE, CALLS_A_CONTRACT = 7, 30
"""Calls that each takes a row."""
OnStage = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Settings:
    """How an audit is done. ``rows`` are drawn by ``seed``; ``seconds`` bounds the whole of it."""

    seconds: float = 60.0
    rows: int = 200
    max_completion_tokens: int = 1024
    seconds_a_call: float | None = None
    memory: float = 8.0
    search_calls: int = 4000
    seed: int = 0
    noisy: bool = False
    component: bool = False
    group: int | None = None
    policy: Policy = field(default_factory=Policy)


def audit(
    target: Target,
    rows: Sequence[Row],
    settings: Settings,
    *,
    truth: Truth | None = None,
    on_stage: OnStage | None = None,
) -> Report:
    """Audit a reward on these rows; raises :class:`UsageError` for a target that cannot be audited."""
    return _Audit(target, rows, settings, truth, on_stage or (lambda stage, done, total: None)).run()


class _Audit:
    def __init__(
        self, target: Target, rows: Sequence[Row], settings: Settings, truth: Truth | None, tell: OnStage
    ) -> None:
        self._began = time.monotonic()
        self._target = target
        self._given = len(rows)
        if not rows:
            raise UsageError("there are no rows to audit on")
        self._settings = settings
        self._truth = truth
        self._tell = tell
        rng = np.random.default_rng(settings.seed)
        self._rows = [rows[int(place)] for place in rng.permutation(len(rows))[: settings.rows]]
        self._form = form_of([row.golden for row in self._rows if row.golden is not None])
        most, tokens = settings.max_completion_tokens, Tokens(target.options.get("tokenizer"))
        self._views = {place: view_of(row, self._form, most, tokens) for place, row in enumerate(self._rows)}
        self._wanted: dict[int, float] = {}
        self._skipped: list[str] = []

    def run(self) -> Report:
        """All of it."""
        given = self._settings
        how = Scoring(REPEATS if given.noisy else 1, given.seconds_a_call, given.memory)
        with Scorer(self._target, self._rows, to_load=given.seconds, **asdict(how)) as scorer:
            self._scorer = scorer
            self._gather()
            self._pilot()
            self._levels = self._scale()
            self._by_row = {level.row: level for level in self._levels}
            context = checks.Context(
                scorer,
                self._levels,
                self._form,
                given.policy,
                self._affordable(CALLS_A_CONTRACT, CONTRACT_SHARE, checks.LOOKED_AT),
                given.noisy,
                self._is_component,
            )
            self._tell("contract", 0, 1)
            findings, late = checks.check(context, lambda: self._spent > CONTRACT_ENDS)
            self._skipped += late
            panel = Panel(scorer, self._levels, self._views, self._right, self._panel_ends, self._tell)
            tried = panel.try_all()
            self._skipped += panel.skipped
            gaps, worst = self._gaps(tried)
            findings += verdicts.attacks(context, tried, gaps)
            found = self._search(context, tried, gaps)
            findings += [found] if found else []
            findings += verdicts.conclusions(context, self._rows, self._truth is not None)
            prior = constant_prior(scorer, [level for level in self._levels if level.width is not None])
            findings += [*verdicts.untried(panel.missing), *verdicts.guessing(context, prior)]
            report = self._report(gaps, worst, findings, [*verdicts.noise(context), *_told(prior)])
            return replace(report, scoring=how)

    def _gather(self) -> None:
        """Give every row its company, where the reward reads it."""
        if self._settings.group is None:
            return
        if not self._scorer.batched:
            raise UsageError(
                f"--group is for rewards that are handed a whole group, as TRL's are; {self._target.label} is called "
                "once a completion"
            )
        self._scorer.companions = companions(self._rows, self._settings.group)

    @property
    def _is_component(self) -> bool:
        parts = self._target.parts
        return self._settings.component or (len(parts) == 1 and parts[0].weight < 0)

    @property
    def _spent(self) -> float:
        """The share of the time that is gone."""
        return (time.monotonic() - self._began) / self._settings.seconds

    def _pilot(self) -> None:
        """A few right answers, or empty ones, to learn the speed; raises :class:`UsageError` if none can be scored."""
        self._tell("pilot", 0, 1)
        calls = [(place, row.golden or "") for place, row in list(enumerate(self._rows))[:8]]
        paid = self._scorer.pay(calls)
        if all(one.problem and one.value is None for one in paid):
            raise UsageError(f"{self._target.label} scores none of the first {len(calls)} rows: {paid[0].problem}")
        self._scorer.settle()

    def _scale(self) -> list[Level]:
        self._tell("scale", 0, 1)
        rows = self._affordable(CALLS_A_SCALE, SCALE_SHARE, len(self._rows))
        if rows < len(self._rows):
            self._skipped.append(f"{len(self._rows) - rows} of {len(self._rows)} rows, for want of time")
        levels = levels_of(self._scorer, self._form, self._truth, self._settings.seed, rows, self._scale_ends)
        self._note_missing(rows, levels)
        return levels or [Level(place, None, None, "", "", "") for place in range(rows)]

    def _note_missing(self, rows: int, levels: Sequence[Level]) -> None:
        golden = sum(row.golden is not None for row in self._rows)
        if 0 < golden < len(self._rows):
            self._skipped.append(
                f"{len(self._rows) - golden} of {len(self._rows)} rows, which have no golden completion"
            )
        if len(levels) < min(rows, golden):
            self._skipped.append(f"{min(rows, golden) - len(levels)} more rows, for want of time")

    def _affordable(self, calls: int, share: float, most: int) -> int:
        """How many rows of so many calls each fit into a share of the time."""
        fitting = share * self._settings.seconds / (calls * max(self._scorer.seconds_a_call, 1e-6))
        return max(min(2, most), min(most, int(fitting)))

    def _scale_ends(self) -> bool:
        return self._spent > SCALE_ENDS

    def _panel_ends(self) -> bool:
        return self._spent > PANEL_ENDS

    def _right(self, made: Mapping[int, Attempt]) -> set[int]:
        """Rows on which an attempt is right after all: by the truth, or since it gives just the golden answer."""
        right = {row for row, attempt in made.items() if self._is_golden(attempt, self._by_row[row])}
        if self._truth is not None and made:
            wanted = self._worth(list(made))
            scores = self._truth([self._rows[row] for row in made], [attempt.text for attempt in made.values()])
            right |= {
                row
                for row, score in zip(made, scores, strict=True)
                if score is not None and score >= wanted[row] - SAME
            }
        return right

    def _is_golden(self, attempt: Attempt, level: Level) -> bool:
        said = (attempt.answer, self._form.read(attempt.text))
        return bool(level.answer) and plain(level.answer) in [plain(one) for one in said if one is not None]

    def _worth(self, rows: Sequence[int]) -> Mapping[int, float]:
        """How right golden completions of these rows are by the truth; 1 where there is none."""
        new = [row for row in rows if row not in self._wanted]
        if new:
            assert self._truth is not None
            scores = self._truth([self._rows[row] for row in new], [self._by_row[row].golden_text for row in new])
            known = [score if self._by_row[row].golden_text else None for row, score in zip(new, scores, strict=True)]
            self._wanted.update((row, 1.0 if score is None else score) for row, score in zip(new, known, strict=True))
        return self._wanted

    def _gaps(self, tried: Sequence[Tried]) -> tuple[list[Gap], Gap | None]:
        for one in tried:
            one.right |= guessed(self._levels, {row: paid for row, paid in one.paid.items() if row not in one.right})
        gaps = [self._gap(one) for one in tried]
        worst = max(gaps, key=lambda gap: gap.gap.low if gap.gap.low is not None else float("-inf"), default=None)
        if worst is None or worst.gap.value is None:
            return gaps, None
        return gaps, self._gap(tried[gaps.index(worst)], len(gaps))

    def _gap(self, one: Tried, tried: int = 1) -> Gap:
        paid = [None if level.row in one.right else one.paid.get(level.row) for level in self._levels]
        return gap_of(one.attack.name, one.attack.family, self._levels, paid, right=len(one.right), tried=tried)

    def _search(self, context: checks.Context, tried: Sequence[Tried], gaps: Sequence[Gap]) -> Finding | None:
        """What a climb on half of the rows finds, measured on the other half."""
        self._tell("search", 0, 1)
        levels = [level for level in self._levels if level.width is not None]
        climbed, reported = levels[::2], levels[1::2]
        if self._settings.search_calls <= 0:
            self._skipped.append("search: it was given no calls")
            return None
        if not reported:
            self._skipped.append("search: there are no two rows with a scale to climb on and to report on")
            return None
        per_call = max(self._scorer.seconds_a_call, 1e-6)
        left = (SEARCH_ENDS - self._spent) * self._settings.seconds
        calls = min(self._settings.search_calls, int(left / per_call))
        if calls < 100:
            self._skipped.append("search: no time was left for it")
            return None
        makers = {one.attack.name: one.attack.attempt for one in tried if not one.stuck}
        shares = {gap.attack: gap.gap.value for gap in gaps if gap.gap.value is not None and gap.attack in makers}
        recipe = climb(self._scorer, climbed, self._views, makers, shares, calls, self._settings.seed, self._too_late)
        return None if recipe is None else self._found(context, recipe, makers, reported, gaps)

    def _too_late(self) -> bool:
        return self._spent > SEARCH_ENDS

    def _found(
        self,
        context: checks.Context,
        recipe: Recipe,
        makers: Mapping[str, Callable[[View], Attempt | None]],
        reported: Sequence[Level],
        gaps: Sequence[Gap],
    ) -> Finding | None:
        texts = {
            level.row: text for level in reported if (text := recipe.text(makers, self._views[level.row])) is not None
        }
        attempts = {row: Attempt(text) for row, text in texts.items()}
        right = self._right(attempts)
        asked = [level for level in reported if level.row in texts and level.row not in right]
        paid = self._scorer.pay([(level.row, texts[level.row]) for level in asked])
        guess = guessed(asked, dict(zip([level.row for level in asked], paid, strict=True)))
        kept = [(level, one) for level, one in zip(asked, paid, strict=True) if level.row not in guess]
        asked, paid = [level for level, _ in kept], [one for _, one in kept]
        family = next(one.family for one in gaps if one.attack == recipe.start)
        gap = gap_of(recipe.name, family, asked, paid)
        known = max((one.gap.value for one in gaps if one.gap.value is not None), default=0.0)
        return verdicts.searched(context, asked, texts, paid, gap, known)

    def _report(
        self, gaps: Sequence[Gap], worst: Gap | None, findings: Sequence[Finding], notes: Sequence[str]
    ) -> Report:
        policy, scorer = self._settings.policy, self._scorer
        paid = scorer.pay([(level.row, level.golden_text) for level in self._levels])
        coverage = Coverage(
            rows=len(self._rows),
            rows_given=self._given,
            scored=sum(one.value is not None for one in paid),
            calls=scorer.calls,
            seconds=time.monotonic() - self._began,
            not_applicable=sum(one.value is None and not one.problem for one in paid) / len(paid),
            no_signal=sum(level.width is None for level in self._levels),
            families=sorted({gap.family for gap in gaps}),
            skipped=[*scorer.not_covered, *self._skipped],
            notes=[*scorer.told.get("notes", ()), *verdicts.speed(scorer), *notes],
        )
        accepted = [replace(one, accepted=True) if policy.accepts(one) else one for one in findings]
        order = {"exploit": 0, "warning": 1, "inconclusive": 2}
        return Report(
            self._target,
            coverage,
            mean_of([level.golden for level in self._levels]),
            mean_of([level.floor for level in self._levels]),
            sorted(gaps, key=lambda gap: -(gap.gap.value if gap.gap.value is not None else float("-inf"))),
            worst,
            sorted(accepted, key=lambda one: (order[one.verdict], -((one.gap.value or 0.0) if one.gap else 0.0))),
            losing=sum(one.width is None for one in self._levels if one.known) / max(1, len(self._levels)),
        )


def _told(prior: tuple[str, Estimate] | None) -> list[str]:
    if prior is None:
        return []
    return [f"the data's prior: {prior[0][:60]!r} as the answer to every row earns {prior[1]} of the scale"]


def companions(rows: Sequence[Row], group: int) -> list[list[str]]:
    """For each row, what stands beside a completion in its group: right and wrong answers in turn."""
    known = [row.golden for row in rows if row.golden is not None] or [""]
    found = []
    for place, row in enumerate(rows):
        wrong = [text for text in (*known[place + 1 :], *known) if text != row.golden][: group - 1] or [""]
        right = wrong[0] if row.golden is None else row.golden
        found.append([right if number % 2 == 0 else wrong[number % len(wrong)] for number in range(group - 1)])
    return found
