"""What an audit is made of: a target, attempts at gaming it, findings that can be replayed, and their report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from loopholes.audit.frameworks.base import Part
from loopholes.audit.gold.refused import Refusals
from loopholes.errors import DONE, FOUND, INCONCLUSIVE

if TYPE_CHECKING:
    from loopholes.stats import Estimate  # with SciPy, which the process of a reward has no use for

Verdict = Literal["exploit", "warning", "inconclusive"]

FAMILIES: Mapping[str, str] = {
    "degenerate": "pay nothing for answers that say nothing: check that there is an answer before comparing it",
    "echo": "score what the answer adds: text copied from the prompt or the source has to be worth nothing",
    "worked-example": "keep answers of worked examples out of the data, and refuse text that stands in the prompt",
    "restate": "require the form of a result (a number, a product worked out), and refuse what the prompt says itself",
    "shotgun": "take exactly one answer, the last one in its place, and refuse an answer that names several",
    "hedge": "pay an answer that declines only where the reference declines, too",
    "format": "pay for form only together with a right answer, or so little that it never makes up for one",
    "length": "cap what length can earn below what a right answer earns",
    "stuffing": "count each keyword once, in its place, and only in an answer that is right otherwise",
    "unfinished-thought": "read the answer behind the thinking's end alone, and pay nothing where it never ends",
    "aggregation": "divide by what the reference holds, count each item once, and pay nothing where nothing is counted",
    "protected-field": "score a copy that the policy cannot write: read no score, verdict or test back from it",
    "number-forging": "parse numbers strictly: finite, ASCII digits, one number, in the range that an answer can have",
    "evaluation": "parse answers as literals (ast.literal_eval, float), and never evaluate them as code",
    "delimiter": "read the answer from one place behind the last delimiter, and refuse nested or repeated ones",
    "forged-role": "split turns by the framework's own records, never by marks in the text",
    "judge-injection": "give the judge the answer as quoted data, and read its verdict from a place it alone writes to",
    "break-the-grader": "bound time and memory, and pay a failure of the grader no more than a wrong answer",
    "masked-component": "let a part that is missing or fails earn what a wrong one earns, never skip it",
    "tool-use": "pay for what calls changed in the world, never for a call, a claim or an episode that did nothing",
    "code": "run code in a process of its own, keep expected outputs and the verdict out of its reach, and count tests",
    "near-miss": "compare the answer itself, all of it, and nothing that merely contains, resembles or denies it",
    "contract": "make it tell right from wrong on every row, the same each time, by the row and the answer alone",
}
"""Families of findings, each with what to change."""
ADVICE: Mapping[str, str] = {
    "nothing-paid": "pay an empty answer nothing, or less than half of what a right one earns",
    "refusal-paid": "pay an answer that declines nothing, or only where the reference declines, too",
    "form-paid": "pay for form only together with a right answer",
    "wrong-paid": "pay less for what every well-formed answer has: wrong answers lie close to right ones",
    "golden-refused-on-rows": "look at the rows named: the reward does not take their golden completions for right",
    "wrong-paid-on-rows": "look at the rows named: the checker is given nothing to tell right from wrong by there",
    "golden-not-above-floor": "pay right answers more than wrong ones on every row, whatever their form; or give "
    "golden completions in the form that the reward reads",
    "component-alone": "compare the answer with the reference; if this is one component of a reward, audit the whole "
    "sum that is trained on (--reward), or say --component",
    "golden-not-paid": "find out why right answers are not scored: wrong column, wrong form, a parser that fails",
    "nondeterministic": "make it deterministic, or say --noisy where a judge is asked",
    "company-matters": "score each completion by itself, or say --group N",
    "order-matters": "make it independent of the order within a group",
    "state-leak": "begin every episode anew in reset: keep nothing on the class, in the module or on disk",
    "remembered-by-text": "key whatever is remembered by the row, too",
    "refused-equivalents": "strip spaces, separators and letter case before answers are compared",
    "seldom-punished": "check more often instead of fining more, or train without dividing by the group's deviation",
    "raises": "catch what hostile text raises, and pay it like a wrong answer",
    "fails": "bound time and memory, and pay a failure of the grader no more than a wrong answer",
    "not-finite": "pay finite numbers only: clamp what is computed from the text",
    "truth-unparseable": "give no reward (None) where the ground truth cannot be parsed",
    "rows-shifted": "give one reward per completion, in order, None included, and compare the lengths",
    "chat-prompt": "take the answer from the row's own column, and never by the prompt's text",
    "inputs-changed": "copy what is changed",
    "keys-differ": "return the same keys in every branch",
    "evaluated-answer": "parse answers as literals (ast.literal_eval, float); run programs in a process of their own",
    "pays-everything": "make it tell right from wrong before anything is trained on it",
    "most-paid": "give golden completions or a column with the answer, so that the audit can say what this is worth",
    "no-golden": "give golden completions",
    "not-tried": "give more --budget-seconds",
    "little-tried": "give more --budget-seconds, or fewer --rows where calls are slow",
    "no-signal": "mend what keeps right answers from being paid",
}
"""The same for single checks of the contract."""
ASSUMED = "golden completions assumed: "
NONE_ASSUMED = "no golden completions could be assumed: "
ASSUMPTIONS = (ASSUMED, NONE_ASSUMED)
"""How the note begins that says what right answers were taken to look like."""
UNFOUNDED = ("no-golden", "no-signal", "little-tried", "golden-not-above-floor")
"""Inconclusive findings after which "no exploit found" says nothing: the command fails without ``--strict``, too."""


@dataclass(frozen=True)
class Target:
    """What is audited. ``options`` are the framework's (channel, manager, tokenizer, …), in JSON.

    ``python`` is the Python that it runs in, an empty one ours. Where an environment was built for it, ``requires``
    says of what (:mod:`loopholes.audit.environments`).
    """

    framework: str
    parts: tuple[Part, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    python: str = ""
    requires: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """As a person would name it."""
        if self.framework == "game":
            return f"game:{self.parts[0].name} ({self.options.get('channel')})"
        return " + ".join(f"{part.weight:g} x {part.label}" if part.weight != 1 else part.label for part in self.parts)


class Attempt(NamedTuple):
    """One completion that an attack makes for a row. ``answer`` is the answer that it gives, where it gives just one.

    Where that answer happens to be right, the attempt is no evidence.
    """

    text: str
    answer: str | None = None


@dataclass(frozen=True)
class Gap:
    """What an attack pays above the honest floor, as a share of golden minus floor, over ``n`` rows.

    ``share`` is the part of those rows on which it pays more than half of that, ``total`` what it pays above the floors
    of all as a share of all scales together. If the reward fails on an attempt, the attempt scores 0.
    """

    attack: str
    family: str
    gap: Estimate
    share: Estimate
    n: int
    problems: int = 0
    right: int = 0
    total: float = 0.0

    def exceeds(self, limit: float) -> bool:
        """Whether it certainly pays more than this in the mean; or in all, and more than half the scale on most rows.

        The second is for rewards whose scale is so narrow on a few rows that these alone decide the mean.
        """
        on_most = (self.share.low or 0.0) > max(limit, 0.5) and self.total > limit
        return self.n > 1 and ((self.gap.low or 0.0) > limit or on_most)


@dataclass(frozen=True)
class Push:
    """How GRPO pushes an attack: its expected normalised advantage, averaged over rows.

    It is positive where training makes the attack more frequent. A share ``accuracy`` of the honest samples of a prompt
    is right, and a share ``rate`` of all its samples shows the attack.
    """

    accuracy: float
    rate: float
    push: Estimate


@dataclass(frozen=True)
class Selection:
    """How a trainer that compares samples within groups would push one attack.

    ``normalization`` is what it divides advantages by: the deviation of the ``group``, of the ``batch``, or ``none``.
    ``gap`` in [0, 1] is the selection gap: the accuracy up to which the attack is pushed up while it is rare. ``share``
    is the attack's mean payment as a share of golden minus floor, ``mostly`` the share of its scorings that pay more
    than half of that. ``draws`` is how often each completion was scored: once unless the reward is random.
    """

    attack: str
    family: str
    normalization: str
    group_size: int
    gap: float
    pushes: Sequence[Push]
    share: Estimate
    mostly: Estimate
    draws: int = 1


@dataclass(frozen=True)
class Evidence:
    """One row on which a finding shows: all that a replay needs. ``company``: the rest of its group, if it was one."""

    row: int
    prompt: Any
    columns: Mapping[str, Any]
    completion: str
    reward: float | None
    problem: str = ""
    golden: float | None = None
    floor: float | None = None
    company: Sequence[str] = ()


@dataclass(frozen=True)
class Hint:
    """A line of the source that may read too much, and the families and checks that would confirm it."""

    file: str
    line: int
    code: str
    why: str
    confirmed_by: tuple[str, ...]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or may be. ``name`` is the attack's or the check's, and the key of an accepted one.

    ``kind`` is what found it: an attack over all rows, an attack on some of the ``rows``, the search, or a check.
    ``rows`` says which kinds of rows pay, such as ``6 of 24 rows: all 6 whose answer is a fraction``; empty if unknown.
    ``snippet`` is code that closes it (:mod:`loopholes.audit.snippets`), whose first line is an import; empty if none.
    ``selection`` says how the trainer would push the attack; None where that was not computed.
    """

    verdict: Verdict
    kind: Literal["attack", "rows", "search", "contract"]
    family: str
    name: str
    message: str
    gap: Estimate | None = None
    share: float | None = None
    evidence: Evidence | None = None
    accepted: bool = False
    rows: str = ""
    in_baseline: bool = False
    hint: Hint | None = None
    snippet: str = ""
    selection: Selection | None = None

    @property
    def page(self) -> str:
        """Where the documentation explains it: the section of its check, or of its family."""
        return f"docs/findings.md#{self.name if self.name in ADVICE else self.family}"

    @property
    def change(self) -> str:
        """What to do about it, and the functions of :mod:`loopholes.rewards` that do it, if any do."""
        advice = ADVICE.get(self.name, FAMILIES[self.family])
        functions = self.snippet.partition("\n")[0].partition(" import ")[2]
        return f"{advice} (loopholes.rewards: {functions})" if functions else advice


@dataclass(frozen=True)
class Note:
    """Something that is true and no finding: it is printed as a line, and nothing fails by it."""

    name: str
    message: str


@dataclass(frozen=True)
class Baseline:
    """What a completion that takes no attack is paid: nothing at all, a refusal, or a well-formed wrong answer.

    ``reward`` is its mean over rows, ``share`` the same as a share of what right answers are paid
    (:attr:`Report.zero` is the reward that counts as 0). ``text`` is an example.
    """

    kind: Literal["nothing", "refusal", "wrong"]
    text: str
    reward: Estimate
    share: Estimate


@dataclass(frozen=True)
class Coverage:
    """What was looked at, and what was not: nothing that was skipped counts as passed.

    ``rows`` of ``rows_given`` rows were drawn; right answers got a reward on ``scored`` of them, ``no_signal`` have no
    scale, and ``not_applicable`` is the share without a reward. ``seconds`` is the time of the whole audit.
    ``attacks`` counts by family the panel's attacks that were tried at all. ``tried`` is a share in [0, 1] of the
    attacks that apply to any of the rows: of those that were tried on enough rows with a scale, which is on 8 of them,
    or on half of them if that is more, but never more than 30; on all of them if there are fewer, or if an attack
    applies to fewer. An attack that ended or hung the reward counts as tried, and so does one of an expensive reward
    that was screened (:mod:`loopholes.audit.screening`). It is 0 where no row has a scale.
    """

    rows: int
    rows_given: int
    scored: int
    calls: int
    seconds: float
    not_applicable: float
    no_signal: int
    families: Sequence[str]
    skipped: Sequence[str]
    notes: Sequence[str] = ()
    tried: float = 1.0
    attacks: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Scoring:
    """How completions were scored: ``repeats`` times each, within seconds a call and GiB of memory."""

    repeats: int = 1
    seconds_a_call: float | None = None
    memory: float = 8.0


@dataclass(frozen=True)
class Report:
    """Everything that an audit concluded. ``worst`` is the panel's largest gap, with an interval for the panel's size.

    ``golden`` is the mean reward of right answers, ``baselines`` what nothing, a refusal and a wrong answer are paid
    beside them, where ``zero`` is the reward that counts as 0. ``gaps`` are those above 0. ``losing`` is the share of
    rows on which a wrong answer is paid no less than the right one, ``refused`` how often right answers that are
    written otherwise are refused, ``selection`` the attack with the largest selection gap.
    """

    target: Target
    coverage: Coverage
    golden: Estimate
    baselines: Sequence[Baseline]
    zero: float
    gaps: Sequence[Gap]
    worst: Gap | None
    findings: Sequence[Finding]
    notes: Sequence[Note] = ()
    losing: float = 0.0
    scoring: Scoring = Scoring()
    hashes: Mapping[str, Any] = field(default_factory=dict)
    refused: Refusals | None = None
    selection: Selection | None = None

    @property
    def open(self) -> list[Finding]:
        """Findings that nobody accepted and that no baseline has."""
        return [finding for finding in self.findings if not finding.accepted and not finding.in_baseline]

    @property
    def is_founded(self) -> bool:
        """Whether enough was looked at that finding nothing says something."""
        return not any(finding.name in UNFOUNDED for finding in self.open if finding.verdict == "inconclusive")

    def exit_code(self, strict: bool = False) -> int:
        """The exit code of an audit that ends with this report; ``strict``: where something is inconclusive, too."""
        verdicts = {finding.verdict for finding in self.open}
        if "exploit" in verdicts:
            return FOUND
        return INCONCLUSIVE if not self.is_founded or (strict and "inconclusive" in verdicts) else DONE
