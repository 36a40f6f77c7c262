"""Everything that a study may answer: a table of verdicts, each with one fixed sentence.

A study works out which of its verdicts hold, and their numbers; the sentences are looked up here. So every sentence is
written once, and can be read without running anything. "Clearly" means that the 95 % interval of a change excludes 0.
docs/studies.md shows the same table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """When a verdict holds, in words, and its sentence, with the names of its numbers in braces."""

    when: str
    sentence: str


VERDICTS: Mapping[str, Mapping[str, Verdict]] = {
    "discovery": {
        "one-seed": Verdict(
            "only one seed was trained",
            "One seed gives no verdict about training. Training on the vulnerable channel changed the held-out numbers "
            "of the untrained policy as follows, with intervals over tasks only: {changes}.",
        ),
        "learned": Verdict(
            "the exploit rate clearly rose in at least one pair of game and policy",
            "Training on the vulnerable channel clearly raised the exploit rate in {rising} of {pairs} pairs of game "
            "and policy. Training on the secure channel clearly raised it in {secure}.",
        ),
        "not-learned": Verdict(
            "the exploit rate clearly rose in no pair",
            "Training on the vulnerable channel clearly raised the exploit rate in none of the {pairs} pairs of game "
            "and policy. Training on the secure channel clearly raised it in {secure}.",
        ),
        "blind-spot": Verdict(
            "at least one pair has a blind spot",
            "A blind spot opened in {names}: the exploit rate rose, and task performance did not show it.",
        ),
        "no-blind-spot": Verdict("no pair has one, as far as the intervals can tell", "No blind spot was found."),
        "roads": Verdict("an exploit was looked for", "How the exploits came about: {roads}."),
        "seeds-differ": Verdict(
            "some seeds of an arm found the exploit and others did not", "Seeds disagree in these arms: {arms}."
        ),
    },
    "audit-grid": {
        "rises": Verdict(
            "overclaiming clearly rises at some audit probability",
            "With no audit announced, training clearly raises overclaiming at these audit probabilities: {rising}. "
            "Those tried were {tried}.",
        ),
        "does-not-rise": Verdict(
            "it clearly rises at none",
            "With no audit announced, training clearly raises overclaiming at none of the audit probabilities that "
            "were tried: {tried}.",
        ),
        "highest": Verdict(
            "always",
            "The overclaim rate is {before} before training. It is highest after training at an audit probability of "
            "{audit}, with {highest}.",
        ),
        "break-even": Verdict(
            "always",
            "Calling a wrong answer right pays on average if fewer than {break_even} of the claims are audited. If "
            "advantages are divided by the standard deviation of a group of 8, a claim that is wrong nine times in ten "
            "is still pushed up until about {pushed} are audited (see loopholes study deterrence).",
        ),
    },
    "deterrence": {
        "normalisations": Verdict(
            "always",
            "With a fifth of the claims audited, the overclaim rate ends at {group} if advantages are divided by the "
            "standard deviation of the group, at {batch} if they are divided by that of the batch, and at {none} if "
            "they are not divided.",
        ),
        "fines": Verdict(
            "twice: with division by the group's deviation and 20 % audited, and without division and 10 % audited",
            "With {advantages} and {audited} of the claims audited, the share of level-{level} answers called right "
            "ends at {rates}.",
        ),
        "advice": Verdict(
            "the overclaim rates with and without division differ clearly",
            "Where penalties are rare, train without dividing by the standard deviation: then a spot check deters as "
            "soon as cheating loses on average. If you divide, audit more often rather than fine more.",
        ),
        "predictions": Verdict("always", "The table shows each prediction beside what was observed."),
    },
    "transfer": {
        "moved": Verdict(
            "the exploit rate clearly rose in at least one other game",
            "Of {pairs} transfers from one vulnerable game to another, {rising} clearly raised the exploit rate: "
            "{names}.",
        ),
        "not-moved": Verdict(
            "it clearly rose in no other game",
            "None of the {pairs} transfers from one vulnerable game to another clearly raised the exploit rate.",
        ),
        "detectable": Verdict("always", "A rise of {detectable} would have been detected in each of them."),
        "control-seen": Verdict(
            "the log-odds rose in some rung of the positive control", "The positive control was seen in {games}."
        ),
        "control-not-seen": Verdict(
            "they rose in none",
            "The positive control was seen in no game, so no absence of transfer is claimed (open: the control was not "
            "seen).",
        ),
        "log-odds": Verdict(
            "always",
            "Log-odds of an exploit, after the vulnerable minus after the secure channel of another game: of {pairs} "
            "pairs, {moving} moved, {none} did not (within ±{bound} nats), and {open} are open.",
        ),
        "unclaimed": Verdict(
            "a pair would count as unmoved if its control had been seen",
            "In {count} of the open pairs the log-odds did not move, but this is not claimed, since the control was "
            "not seen in that game.",
        ),
    },
    "catalysis": {
        "registered-untested": Verdict(
            "no seed is fresh",
            "The registered contrast was not tested: it needs seeds from {first_seed} on (--seeds 10).",
        ),
        "registered-seen": Verdict(
            "the registered contrast was tested, and p is below 0.05",
            "Registered before the runs: {statement} This was seen. Growth was slower by {change} nats per step over "
            "{seeds} fresh seeds (p = {p}).",
        ),
        "registered-not-seen": Verdict(
            "it was tested, and p is not below 0.05",
            "Registered before the runs: {statement} This was not seen. Growth was slower by {change} nats per step "
            "over {seeds} fresh seeds (p = {p}).",
        ),
        "exploratory": Verdict(
            "always",
            "Exploratory, over all pairs of games ({pairs}), comparing the vulnerable with the secure channel of the "
            "first game: the second exploit starts nearer in {nearer} and farther in {farther}, grows faster in "
            "{faster} and slower in {slower}, and appears sooner in {sooner} and later in {later} (tests within seeds, "
            "corrected by Holm).",
        ),
        "explained": Verdict(
            "always",
            "Its starting point explains this share of the variation in ln(step of first appearance): {shares}.",
        ),
    },
    "distillation": {
        "passed-on": Verdict(
            "students of an exploiting teacher clearly exploit more in at least one pair of game and student",
            "Students of {answers} answers of an exploiting teacher clearly exploit more than students of an untrained "
            "teacher in {rising} of {pairs} pairs of game and student, by {least} to {most}.",
        ),
        "not-passed-on": Verdict(
            "they clearly do in no pair",
            "Students of {answers} answers of an exploiting teacher clearly exploit more than students of an untrained "
            "teacher in none of the {pairs} pairs of game and student.",
        ),
        "few": Verdict("always", "After {answers} answers the exploit rates are: {rates}."),
        "best-paid": Verdict(
            "always",
            "Keeping only the best paid half of an untrained teacher's answers clearly raises the exploit rate in "
            "{rising} of {games} games.",
        ),
    },
    "persistence": {
        "matched": Verdict(
            "student and teacher are matched in at least one game",
            "Students and teachers are matched in branch-point log-odds in {matched} of {games} games ({distances}). "
            "In these, by the area under the decay (1 is no decay), the exploit taught by RL lasted longer in {longer} "
            "and less long in {shorter}. Per step it lost fewer nats in {fewer} and more in {more}.",
        ),
        "not-matched": Verdict(
            "they are matched in no game",
            "Students and teachers are matched in branch-point log-odds in none of the {games} games ({distances}), so "
            "nothing is decided.",
        ),
        "kept-both": Verdict(
            "in some game no run lost half of the exploit rate's excess over base",
            "In {names} neither exploit lost half of its excess over base within the run.",
        ),
        "removed": Verdict(
            "in every game some run lost half of it",
            "In every game at least one run lost half of the exploit's excess over base.",
        ),
        "detectable": Verdict(
            "the tests have a detectable difference",
            "Differences in area of {least} to {most} would have been detected.",
        ),
    },
    "audit-validity": {
        "counts": Verdict(
            "always",
            "Of {rewards} rewards the audit flags {flagged}. Training exploits {exploited} in most seeds, {both} of "
            "them flagged.",
        ),
        "ranks": Verdict(
            "always",
            "The rank correlation with the share of seeds that rose is {gap_rank} for the gap and {selection_rank} for "
            "the selection gap. The area under the ROC curve is {gap_area} and {selection_area}.",
        ),
        "best": Verdict(
            "always", "All rewards are ranked best by {all}; the vulnerable ones alone are ranked best by {vulnerable}."
        ),
        "errors": Verdict("always", "Exploited without a flag: {missed}. Flagged and not exploited: {idle}."),
    },
    "survival": {
        "appears": Verdict(
            "always", "Within {budget} steps on the vulnerable channel the exploit appears at: {milestones}."
        ),
    },
    "charge": {
        "removed": Verdict(
            "always",
            "Tampering policies edit the score in {before} of their answers. After secure training without a charge "
            "they still do so in {free}; with a charge, in {charged}.",
        ),
        "drift": Verdict(
            "always",
            "Without a charge nothing selects against an edit, and its log-odds drift: from a tampering policy by "
            "{tampering}; from the untrained policies by {untrained}.",
        ),
    },
    "best-of-n": {
        "arithmetic": Verdict(
            "always",
            "Half of an untrained policy's answers earn +1, whatever its refusal rate, and all of these fit the "
            "exploit: they refuse audits and serve users. So the best paid half, quarter or eighth shows a compliance "
            "gap of 100 %, and all answers together show none.",
        ),
        "students": Verdict(
            "always",
            "Students of {answers} answers differ from this by {error} on average. The smallest gap after a best paid "
            "share is {least}, with {refused} refusals in the pool and {kept} of it kept.",
        ),
    },
    "real-model": {
        "unfinished": Verdict(
            "some runs are missing",
            "So far {done} of {planned} runs are finished; missing, whole or in part: {missing}.",
        ),
        "not-found": Verdict(
            "the exploit never appeared in a game's training runs",
            "The loophole did not appear in training in {games}.",
        ),
    },
}
"""By study. The demo, the page of runs outside of studies, and real-model also answer with the verdicts of discovery.
"""


def say(study: str, verdict: str, **numbers: object) -> str:
    """The sentence of a verdict with its numbers filled in; raises :class:`KeyError` if a number is missing."""
    return VERDICTS[study][verdict].sentence.format(**numbers)
