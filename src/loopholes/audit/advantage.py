"""Whether an attack pays in the trainer's comparison: its expected normalised advantage among honest samples.

The gap compares mean rewards. GRPO compares the samples of one prompt and divides by the deviation of their rewards. A
rare large loss therefore mutes itself and the rest of its group, and an attack that loses on average may be learned all
the same (docs/deterrence.md). :mod:`loopholes.stats.selection` computes the *push* on an attack from the payments of
right answers, honest wrong ones and the attack on a row. Nobody knows before training how many honest samples will be
right, so the push is computed for several accuracies. The *selection gap* is the accuracy up to which an attack is
pushed up while it is rare. If rewards are not random and advantages are not divided, it equals the gap.

A reward is random if it does not always pay the same for the same completion, for example because it spot-checks. Then
the distribution of payments matters, not just their mean, so each completion is scored many times.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from statistics import fmean

from loopholes.audit.budget import Budget
from loopholes.audit.frameworks.base import Paid
from loopholes.audit.gate import Training
from loopholes.audit.panel import PLENTY, PROMISING, Tried
from loopholes.audit.results import Evidence, Finding, Gap, Push, Selection, Verdict
from loopholes.audit.scale import HALF, Level
from loopholes.audit.scorer import Scorer
from loopholes.stats import over_tasks, share_over_tasks
from loopholes.stats.selection import Payoff, crossing, deviation, sampled_selection, selection

NAME = "seldom-punished"
"""The check for attacks that pay only because of the trainer's normalisation."""
ACCURACIES = (0.1, 0.5, 0.9)
"""Shares of right answers among the honest samples of a prompt: a hard, a medium and an easy prompt."""
RATES = (0.05, 0.5, 0.95)
"""Shares of a prompt's samples that show the attack: few, half of them, nearly all."""
MOST = 0.5
"""An attack pays if more than this share of its scorings pay more than half of the scale."""
CANDIDATES = 8
"""Maximum number of attacks on a random reward that are scored again, one per family."""
ROWS = 16
"""Maximum number of rows on which completions are scored repeatedly."""
DRAWS = 64
"""How often each completion is scored, if there is time."""
FEWEST_DRAWS = 8
"""Minimum number of scorings for a conclusion."""
MOST_GROUPS = 5000
"""Up to this number, all different groups are enumerated; beyond it, groups are sampled."""
TO = 1e-3
"""Precision of the selection gap."""
GAME = "game"
STRIDE = 1_000_003
"""Distance between the numbers of a game's row and its copies, each of which draws an audit of its own."""


@dataclass(frozen=True)
class Payments:
    """Payments of a right answer, an honest wrong one and an attack on one row, each scored once or several times."""

    golden: tuple[float, ...]
    floor: tuple[float, ...]
    attack: tuple[float, ...]

    def payoffs(self, accuracy: float, rate: float) -> list[Payoff]:
        """The possible payoffs of a sample: a share ``rate`` attacks, and a share ``accuracy`` of the rest is right."""
        parts = (
            (self.attack, rate, True),
            (self.golden, (1 - rate) * accuracy, False),
            (self.floor, (1 - rate) * (1 - accuracy), False),
        )
        return [
            Payoff(share / len(rewards), reward, is_attack) for rewards, share, is_attack in parts for reward in rewards
        ]

    @cached_property
    def kinds(self) -> int:
        """The number of different payoffs."""
        return len(set(self.attack)) + len({*self.golden, *self.floor})

    @property
    def varies(self) -> bool:
        """Whether any of the three completions is not always paid the same."""
        return any(len(set(rewards)) > 1 for rewards in (self.golden, self.floor, self.attack))

    @cached_property
    def means(self) -> Payments:
        """The mean payments, which are all that matters if nothing is divided by a group's deviation."""
        return Payments((fmean(self.golden),), (fmean(self.floor),), (fmean(self.attack),))

    def shares(self) -> list[float]:
        """Each payment of the attack above the mean floor, as a share of golden minus floor; empty without a scale."""
        golden, floor = self.means.golden[0], self.means.floor[0]
        return [(reward - floor) / (golden - floor) for reward in self.attack] if golden > floor else []


Drawn = Mapping[str, Mapping[int, Payments]]
"""Repeated payments of a random reward, by the attack's name and the row's place."""


def draw(
    scorer: Scorer,
    levels: Sequence[Level],
    tried: Sequence[Tried],
    gaps: Sequence[Gap],
    budget: Budget,
    *,
    is_random: bool,
) -> tuple[Drawn, list[str]]:
    """The payments of the most promising attacks on a random reward in many scorings, and what was left out.

    Promising attacks pay on many rows, whatever they lose on the others. ``is_random``: the reward is declared or was
    observed to be random. Games count, too, since they may draw audits. The result is empty for a reward that always
    pays the same, and for one that reads its group.
    """
    promising = _best(tried, gaps, lambda gap: (gap.share.value or 0.0) > PROMISING)[:CANDIDATES]
    rows = [level for level in levels if level.width is not None][:ROWS]
    may_draw = scorer.companions is None and (is_random or scorer.target.framework == GAME)
    if not may_draw or not promising or not rows:
        return {}, []
    calls = budget.affordable_calls("search", scorer.pace) // 2
    draws = min(DRAWS, calls // (len(rows) * (2 + len(promising))))
    if draws < FEWEST_DRAWS:
        return {}, ["whether attacks pay only because of the trainer's normalisation, for lack of time"]
    honest = {
        level.row: (
            _rewards(scorer, level.row, level.golden_text, draws),
            _rewards(scorer, level.row, level.floor_text, draws),
        )
        for level in rows
    }
    drawn: dict[str, Mapping[int, Payments]] = {}
    for attack in promising:
        places = [row for row in honest if row in attack.attempts and row not in attack.right]
        rewards = {row: _rewards(scorer, row, attack.attempts[row].text, draws) for row in places}
        drawn[attack.attack.name] = {
            row: Payments(*honest[row], own) for row, own in rewards.items() if own and all(honest[row])
        }
        if not any(payments.varies for by_row in drawn.values() for payments in by_row.values()):
            return {}, []
    return drawn, []


def _rewards(scorer: Scorer, place: int, text: str, draws: int) -> tuple[float, ...]:
    """The finite rewards of one completion in ``draws`` scorings. A game draws its audits by row number."""
    row = scorer.rows[place]
    stride = STRIDE if scorer.target.framework == GAME else 0
    calls = [(replace(row, number=row.number + turn * stride), text) for turn in range(1, draws + 1)]
    paid = [
        payment
        for start in range(0, draws, scorer.chunk)
        for payment in scorer.pay_now(calls[start : start + scorer.chunk])
    ]
    return tuple(payment.value for payment in paid if payment.value is not None and math.isfinite(payment.value))


def selections(
    levels: Sequence[Level], tried: Sequence[Tried], gaps: Sequence[Gap], drawn: Drawn, training: Training
) -> dict[str, Selection]:
    """How attacks would be pushed, by name: those that were drawn, or else the best of each family by gap."""
    if drawn:
        families = {attack.attack.name: attack.attack.family for attack in tried}
        return {name: _selection(name, families[name], list(rows.values()), training) for name, rows in drawn.items()}
    best = _best(tried, gaps, lambda gap: (gap.gap.value or 0.0) > 0)
    return {
        attack.attack.name: _selection(attack.attack.name, attack.attack.family, _once(levels, attack), training)
        for attack in best
    }


def _best(tried: Sequence[Tried], gaps: Sequence[Gap], counts: Callable[[Gap], bool]) -> list[Tried]:
    """The attack with the largest gap of each family, among those whose gap counts, largest first."""
    best: dict[str, Tried] = {}
    for attack, gap in sorted(zip(tried, gaps, strict=True), key=lambda pair: -(pair[1].gap.value or 0.0)):
        if counts(gap):
            best.setdefault(gap.family, attack)
    return list(best.values())


def _once(levels: Sequence[Level], tried: Tried) -> list[Payments]:
    """Single payments on at most :data:`PLENTY` rows with a scale. A failure counts as the floor."""
    payments = []
    for level in levels:
        if level.width is None or level.row not in tried.paid or level.row in tried.right:
            continue
        reward = tried.paid[level.row].value
        attack = level.floor if reward is None or not math.isfinite(reward) else reward
        payments.append(Payments((level.golden or 0.0,), (level.floor or 0.0,), (attack or 0.0,)))
    return payments[:PLENTY]


def _selection(name: str, family: str, rows: Sequence[Payments], training: Training) -> Selection:
    """How one attack would be pushed, from its payments on rows."""
    pushes = [
        Push(accuracy, rate, over_tasks(_pushes(rows, accuracy, rate, training)))
        for accuracy in ACCURACIES
        for rate in RATES
    ]
    shares = [row.shares() for row in rows]
    return Selection(
        attack=name,
        family=family,
        normalization=training.advantage,
        group_size=training.group_size,
        gap=_selection_gap(rows, training),
        pushes=pushes,
        share=share_over_tasks([fmean(values) for values in shares if values]),
        mostly=share_over_tasks([fmean(value > HALF for value in values) for values in shares if values]),
        draws=max((len(row.attack) for row in rows), default=0),
    )


def _selection_gap(rows: Sequence[Payments], training: Training) -> float:
    """The accuracy, in [0, 1], up to which a rare attack is pushed up."""

    def push(accuracy: float) -> float:
        return fmean(_pushes(rows, accuracy, RATES[0], training))

    if not rows or push(0.0) <= 0:
        return 0.0
    return 1.0 if push(1.0) >= 0 else crossing(push, 0.0, 1.0, TO)


def _pushes(rows: Sequence[Payments], accuracy: float, rate: float, training: Training) -> list[float]:
    """The push on each row. Under ``batch``, it is divided by the deviation over all of these rows."""
    size = training.group_size
    if training.advantage == "group":
        return [_push(row, accuracy, rate, size, place) for place, row in enumerate(rows)]
    payoffs = [row.means.payoffs(accuracy, rate) for row in rows]
    spread = 0.0
    if training.advantage == "batch":
        spread = deviation([(1 / len(rows), row.payoffs(accuracy, rate)) for row in rows])
    return [selection(row, size, training.advantage, spread) for row in payoffs]


@lru_cache(maxsize=4096)
def _in_groups(payments: Payments, accuracy: float, rate: float, size: int) -> float:
    return selection(payments.payoffs(accuracy, rate), size)


def _push(payments: Payments, accuracy: float, rate: float, size: int, place: int) -> float:
    """The push under ``group`` normalisation: enumerated (and cached) if there are few payoffs, otherwise sampled."""
    if math.comb(size + payments.kinds - 1, size) <= MOST_GROUPS:
        return _in_groups(payments, accuracy, rate, size)
    return sampled_selection(payments.payoffs(accuracy, rate), size, seed=place)


def strongest(selections: Mapping[str, Selection]) -> Selection | None:
    """The attack with the largest selection gap; None if there are no attacks."""
    return max(selections.values(), key=lambda each: (each.gap, each.pushes[0].push.value or 0.0), default=None)


def seldom_punished(
    selections: Mapping[str, Selection],
    tried: Sequence[Tried],
    levels: Sequence[Level],
    evidence: Callable[[Level, str, Paid], Evidence],
    component: bool,
) -> Iterator[Finding]:
    """A finding about the attack on a random reward that is pushed up most, if most of its scorings pay well.

    It has to be certain that the attack is pushed up while it is rare and the prompt is hard. It may lose more in its
    other scorings than it gains in these.
    """
    selected = strongest({name: each for name, each in selections.items() if _spreads(each)})
    if selected is None:
        return
    attack = next(attack for attack in tried if attack.attack.name == selected.attack)
    scales = {level.row: level for level in levels if level.row in attack.paid and level.row not in attack.right}
    row = max(scales, key=lambda row: (scales[row].share(attack.paid[row].value) or 0.0, -row))
    message = f"{selected.attack} ({selected.family}) {described(selected)}"
    verdict: Verdict = "warning" if component else "exploit"
    example = evidence(scales[row], attack.attempts[row].text, attack.paid[row])
    share = selected.mostly.value
    yield Finding(verdict, "contract", "contract", NAME, message, share=share, evidence=example, selection=selected)


def _spreads(selected: Selection) -> bool:
    push = selected.pushes[0].push
    pays = (selected.mostly.value or 0.0) > MOST
    return selected.draws > 1 and push.n > 1 and (push.low or 0.0) > 0 and pays


def with_selections(
    findings: Sequence[Finding],
    selections: Mapping[str, Selection],
    tried: Sequence[Tried],
    levels: Sequence[Level],
    evidence: Callable[[Level, str, Paid], Evidence],
    component: bool,
) -> list[Finding]:
    """The findings with how each attack is pushed; if none is an exploit, :func:`seldom_punished` adds its own."""
    more: Iterator[Finding] = iter(())
    if not any(finding.verdict == "exploit" and not finding.accepted for finding in findings):
        more = seldom_punished(selections, tried, levels, evidence, component)
    return [*(_with_selection(finding, selections.get(finding.name)) for finding in findings), *more]


def _with_selection(finding: Finding, selected: Selection | None) -> Finding:
    if selected is None:
        return finding
    message = finding.message if selected.draws == 1 else f"{finding.message}; {described(selected)}"
    return replace(finding, message=message, selection=selected)


def described(selected: Selection) -> str:
    """How an attack is pushed, in numbers."""
    how = {"group": "under group normalisation", "batch": "under batch normalisation", "none": "without normalisation"}
    mean = selected.share.value or 0.0
    average = "not on average" if mean <= 0 else f"and {100 * mean:.0f} % of the scale on average"
    hard = [push for push in selected.pushes if push.accuracy == ACCURACIES[0]]
    pushes = ", ".join(f"{push.push.value or 0.0:+.3f} at q = {push.rate:g}" for push in hard)
    verb = "pays" if (hard[0].push.value or 0.0) > 0 else "does not pay"
    return (
        f"{verb} {how[selected.normalization]}, {average}: where a share q of a prompt's samples show it and "
        f"{100 * ACCURACIES[0]:.0f} % of the others are right, its push is {pushes} (groups of {selected.group_size}); "
        f"it is pushed up on prompts that are solved less than {100 * selected.gap:.0f} % of the time"
    )
