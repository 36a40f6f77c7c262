"""One audit, in two phases: call the reward, then judge the answers.

:func:`observe` calls the reward, stage by stage: the scale, the contract, the panel, the search, and what the
conclusions need. The search starts from the panel's payments; no other call depends on a verdict. The reward's process
has ended before :func:`loopholes.audit.verdicts.judge` begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from loopholes.audit import baselines
from loopholes.audit.advantage import draw
from loopholes.audit.answers import answers_of
from loopholes.audit.attacks import PANEL, Attack, View, views_of
from loopholes.audit.budget import LOOKED_AT, Budget
from loopholes.audit.checks import Checks
from loopholes.audit.episodes.policies import ATTACKS as EPISODES
from loopholes.audit.folder import hashes
from loopholes.audit.form import Form, form_of
from loopholes.audit.frameworks.base import Paid, Row, wanting
from loopholes.audit.frameworks.tokens import Tokens
from loopholes.audit.gate import Gate
from loopholes.audit.gold.equivalents import ask_equivalents
from loopholes.audit.gold.near import NearMisses
from loopholes.audit.gold.orders import ask_orders
from loopholes.audit.hints import families_to_try, hints_of, with_hints
from loopholes.audit.inferred import UNPAID, Assumed, assume_golden, is_unpaid
from loopholes.audit.observations import Observations, Usage
from loopholes.audit.panel import PROSE, Panel, Tried
from loopholes.audit.process import Process, RewardProcess
from loopholes.audit.results import Gap, Hint, Report, Scoring, Target
from loopholes.audit.scale import Correctness, Level, Truth, ask_priors, levels_of
from loopholes.audit.scorer import SHORTEST_LIMIT, Scorer, companions_of
from loopholes.audit.screening import EXPENSIVE
from loopholes.audit.search import Search
from loopholes.audit.snippets import with_advice
from loopholes.audit.verdicts import judge
from loopholes.audit.width import widen
from loopholes.errors import UsageError
from loopholes.progress import OnProgress, Progress

REPEATS = 3
"""How often a noisy reward scores each completion."""
SUGGESTING = 0.1
"""Fraction of the budget for programs that suggested code runs, even if the calls have used up the budget."""
FEWER = 8
"""Screening is expected to divide the panel's calls per row by this."""
PILOT = 8
"""Rows whose right answers are scored first, to measure the speed."""
LATE_CALLS = 30
"""After the first late calls, a limit lets so many of them fit into the budget, unless it were below :data:`HASTE`."""
HASTE = 0.5
"""Shortest time limit of a call in seconds, however small the budget: a busy machine may take as long."""


@dataclass(frozen=True)
class AuditConfig:
    """Settings of an audit.

    At most ``rows`` rows are drawn, by ``seed``. ``seconds`` limits the whole audit and ``seconds_a_call`` each call
    (None: twenty times the usual time); ``memory`` is in GiB. The search may use ``search_calls`` calls. ``group`` is a
    group size, for rewards that read their group. ``noisy``: the reward is not deterministic, and should not be.
    ``component``: the reward is one part of a sum, and gets warnings only. ``attacks`` are the user's own, tried in
    addition to the panel.
    """

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
    gate: Gate = field(default_factory=Gate)
    attacks: Sequence[Attack] = ()

    @property
    def scoring(self) -> Scoring:
        """The settings by which each completion is scored."""
        return Scoring(REPEATS if self.noisy else 1, self.seconds_a_call, self.memory)


def audit(
    target: Target,
    rows: Sequence[Row],
    config: AuditConfig,
    *,
    truth: Truth | None = None,
    process: Process | None = None,
    data: Path | None = None,
    on_progress: OnProgress | None = None,
) -> Report:
    """The report of an audit; see :func:`audited`."""
    return audited(target, rows, config, truth=truth, process=process, data=data, on_progress=on_progress)[1]


def audited(
    target: Target,
    rows: Sequence[Row],
    config: AuditConfig,
    *,
    truth: Truth | None = None,
    process: Process | None = None,
    data: Path | None = None,
    on_progress: OnProgress | None = None,
) -> tuple[Observations, Report]:
    """Audit a reward on these rows; raises :class:`UsageError` for a target that cannot be audited.

    ``process`` is one that has loaded the target already, such as the one that listed its rows. Without it, the target
    gets a process that ends with the calls. ``data`` is the file of the rows, for the report's hashes. ``on_progress``
    is called at the start of each stage, and for each attack of the panel.
    """
    if not rows:
        raise UsageError("there are no rows to audit on")
    digests, hints = hashes(target, data), hints_of(target)
    budget = Budget(config.seconds, used=0.0 if process is None else process.load_seconds)
    own = RewardProcess(target, memory=config.memory, seconds_to_load=config.seconds) if process is None else None
    with own or nullcontext():
        running = process or own
        assert running is not None
        observations = observe(running, rows, config, truth, budget, on_progress or (lambda progress: None), hints)
    report = replace(judge(observations, config.gate), hashes=digests)
    end = max(budget.seconds, budget.spent + SUGGESTING * budget.seconds)
    findings = with_advice(with_hints(report.findings, hints), observations, hints, has_time=lambda: budget.spent < end)
    return observations, replace(report, findings=findings)


def observe(
    process: Process,
    rows: Sequence[Row],
    config: AuditConfig,
    truth: Truth | None,
    budget: Budget,
    tell: OnProgress,
    hints: Sequence[Hint] = (),
) -> Observations:
    """Make every call that the report will need, those that the ``hints`` point to first."""
    target, scoring = process.target, config.scoring
    order = np.random.default_rng(config.seed).permutation(len(rows))[: config.rows]
    sample: Sequence[Row] = [rows[int(place)] for place in order]
    scorer = scorer_of(process, sample, config)
    tell(Progress("first calls", 0, 1))
    _pilot(scorer)
    budget.begin()
    assumed = _assumed(process, scorer, config, budget)
    if assumed is not None and assumed.is_filled:
        sample = assumed.rows
        scorer = scorer_of(process, sample, config)
        _pilot(scorer)
    form = form_of([row.golden for row in sample if row.golden is not None])
    views = _views(target, sample, form, config)
    tell(Progress("right and wrong answers", 0, 1))
    scale = Scale(scorer, form, truth, config.seed, budget)
    attacks = [*config.attacks, *PANEL, *(EPISODES if scorer.turns > 1 else ())]
    scale.begin(len(attacks))
    levels = scale.levels
    tell(Progress("contract between reward and trainer", 0, 1))
    correctness = Correctness(sample, levels, form, truth)
    looked_at = budget.affordable_rows("contract", scorer.pace, LOOKED_AT)
    idle = baselines.ask(scorer, levels, form, correctness, looked_at)
    answers = Checks(scorer, levels, form, rows=looked_at, noisy=config.noisy).ask(budget)
    widen(scorer, answers)
    near_misses = NearMisses(scorer, levels, form, truth, rows=looked_at)
    near_misses.ask(budget)
    equivalents, not_asked = ask_equivalents(scorer, levels, form, budget, truth, rows=looked_at)
    reordered = ask_orders(scorer, levels, form, budget, truth, rows=looked_at)
    panel = Panel(scorer, levels, views, correctness, budget, tell, attacks)
    first = [*families_to_try(hints), *(["code"] if any(view.codes for view in views.values()) else [])]
    last = PROSE if all(view.codes for view in views.values()) else ()
    panel.try_all(first, last)
    while panel.has_time and (more := scale.more()):
        correctness.add(more)
        panel.add(more)
        panel.try_all(first, last)
    near = near_misses.ask(budget, "search")
    tried = panel.results()
    gaps = [attack.gap(levels) for attack in tried]
    differs = config.noisy or any(repeated.differs for repeated in answers.again)
    drawn, not_drawn = draw(scorer, levels, tried, gaps, budget, is_random=differs)
    tell(Progress("search", 0, 1))
    measurable = [level for level in levels if level.width is not None]
    search = _search(scorer, measurable, views, tried, gaps)
    climbed, not_searched = search.run(correctness, config.search_calls, config.seed, budget)
    rounds = _rounds(scorer, measurable[:looked_at]) if config.noisy else []
    return Observations(
        target=target,
        rows=sample,
        rows_given=len(rows),
        scoring=scoring,
        levels=levels,
        golden=scorer.pay([(level.row, level.golden_text) for level in levels]),
        answers=answers,
        tried=tried,
        gaps=gaps,
        missing=panel.missing,
        climbed=climbed,
        priors=ask_priors(scorer, levels, correctness),
        rounds=rounds,
        skipped=[
            *scorer.not_covered,
            *scale.skipped,
            *answers.skipped,
            *near_misses.skipped,
            *not_asked,
            *panel.skipped,
            *not_drawn,
            *not_searched,
        ],
        usage=Usage(scorer.calls, budget.spent, scorer.seconds_a_call, scorer.singles, scorer.deaths),
        companions=scorer.companions,
        component=config.component or _is_penalty(target),
        mutates=scorer.mutates,
        has_truth=truth is not None,
        idle=idle,
        share_tried=panel.share_tried,
        near=near,
        further=near_misses.further,
        share_near=near_misses.share_tried,
        equivalents=equivalents,
        reordered=reordered,
        own=[attack.name for attack in config.attacks],
        drawn=drawn,
        alone=assumed.alone if assumed is not None else None,
        assumed=assumed.source if assumed is not None else "",
        notes=[*([assumed.note] if assumed is not None else []), *scorer.notes],
    )


def _assumed(process: Process, scorer: Scorer, config: AuditConfig, budget: Budget) -> Assumed | None:
    """Golden completions if the data has none, or if its own are paid like wrong ones; None if its own can be used."""
    if all(row.golden is None for row in scorer.rows):
        return assume_golden(scorer, budget)
    if process.target.framework == "game" or config.component or not is_unpaid(scorer):
        return None
    assumed = assume_golden(scorer_of(process, [replace(row, golden=None) for row in scorer.rows], config), budget)
    process.use(scorer.rows)
    return replace(assumed, note=f"{assumed.note}. {UNPAID}") if assumed.clear else None


def _is_penalty(target: Target) -> bool:
    """Whether the target is a single reward with a negative weight, which can only be one part of a sum."""
    return len(target.parts) == 1 and target.parts[0].weight < 0


def _views(target: Target, rows: Sequence[Row], form: Form, config: AuditConfig) -> dict[int, View]:
    """The view of each row, by its place."""
    tokens = Tokens(target.options.get("tokenizer"))
    return dict(enumerate(views_of(rows, form, config.max_completion_tokens, tokens)))


def scorer_of(process: Process, rows: Sequence[Row], config: AuditConfig) -> Scorer:
    """A scorer for these rows, in groups if the user asks; raises :class:`UsageError` if the reward reads no group."""
    process.start()
    if config.group is not None and not process.facts.batched:
        raise UsageError(
            "--group is for rewards that are passed a whole group, as TRL's are; "
            f"{process.target.label} is called once per completion"
        )
    scoring = config.scoring
    return Scorer(
        process,
        rows,
        seconds_a_call=scoring.seconds_a_call,
        shortest_limit=min(SHORTEST_LIMIT, max(HASTE, config.seconds / LATE_CALLS)),
        repeats=scoring.repeats,
        companions=None if config.group is None else companions_of(rows, config.group),
    )


def _pilot(scorer: Scorer) -> None:
    """Score a few right answers to warm up and measure the speed; raises :class:`UsageError` if all fail.

    Without golden completions, what the rows' columns hold is scored; and if that fails, an empty text.
    """
    calls = [(place, row.golden or _bare_answer(row)) for place, row in enumerate(scorer.rows[:PILOT])]
    scorer.warm_up(calls[0])
    paid = scorer.pay(calls)
    has_right = any(row.golden is not None for row in scorer.rows)
    if not has_right and _fail(paid):
        paid = [payment for payment in scorer.pay([(place, "") for place, _ in calls]) if not payment.is_none]
    if paid and _fail(paid):
        problem = paid[0].problem
        raise UsageError(
            f"{scorer.target.label} scores none of the first {len(calls)} rows: {problem}{wanting(problem)}"
        )
    scorer.settle()


def _fail(paid: Sequence[Paid]) -> bool:
    """Whether none of these payments is a reward."""
    return all(payment.problem and payment.value is None for payment in paid)


def _bare_answer(row: Row) -> str:
    """The likeliest reading of a row's answer, without any form; empty if no column holds one."""
    return next((answer.text for answer in answers_of(row).values()), "")


class Scale:
    """The scales of as many rows as there is time for, replanned as more is known about the speed.

    ``levels`` holds the scales so far.
    """

    def __init__(self, scorer: Scorer, form: Form, truth: Truth | None, seed: int, budget: Budget) -> None:
        self.levels: list[Level] = []
        self._scorer = scorer
        self._budget = budget
        self._of_rows = partial(levels_of, scorer, form, truth, seed, budget=budget)
        self._golden = sum(row.golden is not None for row in scorer.rows)

    def begin(self, attacks: int) -> None:
        """Scale as many rows as leave time to try this number of attacks on half of them."""
        if not self._golden:
            self.levels += [Level(place, None, None, "", "", "") for place in range(self._planned(attacks))]
        while (count := self._planned(attacks)) > len(self.levels):
            self.levels += self._of_rows(range(len(self.levels), count), stage="scale")
            if self._budget.is_over("scale"):
                return

    def more(self) -> list[Level]:
        """Scale up to as many rows again; none once the panel's time is over."""
        if not self._golden or self._budget.is_over("panel"):
            return []
        more = self._of_rows(range(len(self.levels), 2 * len(self.levels)), stage="panel")
        self.levels += more
        return more

    @property
    def skipped(self) -> list[str]:
        """What was left out, in sentences."""
        total, left = len(self._scorer.rows), (self._golden or len(self._scorer.rows)) - len(self.levels)
        sentences = [f"{left} of {total} rows, for lack of time"] if left else []
        if 0 < self._golden < total:
            sentences.append(f"{total - self._golden} of {total} rows, which have no golden completion")
        return sentences

    def _planned(self, attacks: int) -> int:
        most = self._golden or len(self._scorer.rows)
        if self._scorer.pace > EXPENSIVE:
            attacks //= FEWER  # screening tries most of them on two rows only
        return self._budget.affordable_rows("scale", self._scorer.pace, most, attacks)


def _search(
    scorer: Scorer, levels: Sequence[Level], views: Mapping[int, View], tried: Sequence[Tried], gaps: Sequence[Gap]
) -> Search:
    """A search that starts from the panel's payments."""
    makers = {attack.attack.name: attack.attack.attempt for attack in tried if not attack.is_stuck}
    shares = {gap.attack: gap.gap.value for gap in gaps if gap.gap.value is not None and gap.attack in makers}
    return Search(scorer, levels, views, makers, shares)


def _rounds(scorer: Scorer, levels: Sequence[Level]) -> list[list[Paid]]:
    """Repeated payments of right answers."""
    calls = [(level.row, level.golden_text) for level in levels]
    return [scorer.pay_again(calls) for _ in range(scorer.repeats)] if calls else []
