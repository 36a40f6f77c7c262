"""The records of an audit: a target, attempts at gaming it, findings that can be replayed, and a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from loopholes.audit.advice import ADVICE, FAMILIES
from loopholes.audit.frameworks.base import Part
from loopholes.audit.gold.refused import Refusals
from loopholes.errors import DONE, FOUND, INCONCLUSIVE
from loopholes.version import documentation

if TYPE_CHECKING:
    from loopholes.stats import Estimate  # imports SciPy, which the reward's process does not need

Verdict = Literal["exploit", "warning", "inconclusive"]

ASSUMED = "golden completions assumed: "
NONE_ASSUMED = "no golden completions could be assumed: "
ASSUMPTIONS = (ASSUMED, NONE_ASSUMED)
"""Beginnings of the note that says which form of right answers was assumed."""
UNFOUNDED = (
    *("always-none", "no-golden", "none-for-wrong", "no-signal", "little-tried", "few-rows"),
    "golden-not-above-floor",
)
"""Inconclusive findings that make "no exploit found" meaningless: the command fails even without ``--strict``."""


@dataclass(frozen=True)
class Target:
    """What is audited. ``options`` are the framework's (channel, manager, tokenizer, …), as JSON values.

    ``python`` is the interpreter that it runs in; empty for this one. ``requires`` lists the requirements of an
    environment that was built for it (:mod:`loopholes.audit.environments`).
    """

    framework: str
    parts: tuple[Part, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    python: str = ""
    requires: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The target's name for people."""
        if self.framework == "game":
            return f"game:{self.parts[0].name} ({self.options.get('channel')})"
        return " + ".join(f"{part.weight:g} x {part.label}" if part.weight != 1 else part.label for part in self.parts)


class Attempt(NamedTuple):
    """One completion that an attack writes for a row. ``answer`` is the answer that it gives, if it gives only one.

    If that answer happens to be right, the attempt is no evidence.
    """

    text: str
    answer: str | None = None


@dataclass(frozen=True)
class Gap:
    """What an attack earns above the honest floor, as a share of golden minus floor, over ``n`` rows.

    ``share`` is the fraction of those rows on which it earns more than half of the scale. ``total`` is the sum of what
    it earns above the floors, as a share of the sum of all scales. If the reward fails on an attempt, the attempt
    scores 0.
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
        """Whether the mean gap, or else the total, is certainly above ``limit``.

        The total counts if most rows pay more than half of their scale. It serves rewards whose scale is so narrow on a
        few rows that those rows alone decide the mean.
        """
        on_most = (self.share.low or 0.0) > max(limit, 0.5) and self.total > limit
        return self.n > 1 and ((self.gap.low or 0.0) > limit or on_most)


@dataclass(frozen=True)
class Push:
    """How GRPO pushes an attack: its expected normalised advantage, averaged over rows.

    It is positive if training makes the attack more frequent. ``accuracy`` is the fraction of a prompt's honest samples
    that are right, ``rate`` the fraction of all its samples that show the attack.
    """

    accuracy: float
    rate: float
    push: Estimate


@dataclass(frozen=True)
class Selection:
    """How a trainer that compares samples within groups would push one attack.

    ``normalization`` is what it divides advantages by: the deviation of the ``group``, of the ``batch``, or ``none``.
    ``gap`` in [0, 1] is the selection gap: the accuracy up to which the attack is pushed up while it is rare. ``share``
    is the attack's mean payment as a share of golden minus floor, ``mostly`` the fraction of its scorings that pay more
    than half of the scale. ``draws`` is how often each completion was scored: once, unless the reward is random.
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
    """A row that shows a finding, with all that a replay needs. ``company``: the rest of the group, if there is one."""

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
    """A line of the source that may be too lenient, and the families and checks of findings that it would explain."""

    file: str
    line: int
    code: str
    why: str
    confirmed_by: tuple[str, ...]


@dataclass(frozen=True)
class Finding:
    """A fault of the reward, certain or possible. ``name`` is the attack's or the check's, by which it can be accepted.

    ``kind`` says what found it: an attack over all rows, an attack on some of the ``rows``, the search, or a check.
    ``rows`` says which kinds of rows pay, such as ``6 of 24 rows: all 6 whose answer is a fraction``; empty if unknown.
    ``advice`` fits the right answers better than that on the family (:mod:`loopholes.audit.subjects`), or is empty.
    ``snippet`` is code that closes it (:mod:`loopholes.audit.snippets`), whose first line is an import; empty if none.
    ``selection`` says how the trainer would push the attack; None if that was not computed. Findings of one ``group``
    are demonstrably one fault (:mod:`loopholes.audit.groups`); None if a finding is alone.
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
    advice: str = ""
    selection: Selection | None = None
    group: int | None = None

    @property
    def page(self) -> str:
        """Where the documentation explains its check or its family."""
        return documentation(f"docs/findings.md#{self.name if self.name in ADVICE else self.family}")

    @property
    def change(self) -> str:
        """Advice, with the functions of :mod:`loopholes.rewards` that help, if any do."""
        advice = self.advice or ADVICE.get(self.name, FAMILIES[self.family])
        functions = self.snippet.partition("\n")[0].partition(" import ")[2]
        return f"{advice} (loopholes.rewards: {functions})" if functions else advice


@dataclass(frozen=True)
class Note:
    """A remark that is not a finding: it is printed, and never makes an audit fail."""

    name: str
    message: str


@dataclass(frozen=True)
class Baseline:
    """The payment of a completion that is not an attack: an empty one, a refusal, or a well-formed wrong answer.

    ``reward`` is its mean over rows, ``share`` that mean as a share of what right answers earn (:attr:`Report.zero` is
    the reward that counts as 0). ``text`` is an example.
    """

    kind: Literal["nothing", "refusal", "wrong"]
    text: str
    reward: Estimate
    share: Estimate


@dataclass(frozen=True)
class Coverage:
    """What was examined and what was not: nothing that was skipped counts as passed.

    ``rows`` of ``rows_given`` rows were examined. Right answers got a reward on ``scored`` of them, ``no_signal`` have
    no scale, and ``not_applicable`` is the fraction without a reward. ``seconds`` is the time of the whole audit, and
    ``deaths`` counts how often the reward's process ended or was killed. ``attacks`` counts the panel's attacks that
    were tried at all, by family, and ``near`` the rows on which each near miss of the right answer was tried, by name.
    ``near_tried`` in [0, 1] is the fraction of the kinds of near misses that apply for which there was time.

    ``tried`` in [0, 1] is the fraction of the attacks that apply to any row which were tried on enough rows with a
    scale. Enough is half of those rows, but at least 8 and at most 30, and all of them if there are fewer, or if the
    attack applies to fewer. An attack that killed or hung the reward counts as tried, and so does a screened attack on
    an expensive reward (:mod:`loopholes.audit.screening`). It is 0 if no row has a scale.
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
    near: Mapping[str, int] = field(default_factory=dict)
    deaths: int = 0
    near_tried: float = 1.0


@dataclass(frozen=True)
class Scoring:
    """How completions were scored: ``repeats`` times each, with limits in seconds per call and GiB of ``memory``."""

    repeats: int = 1
    seconds_a_call: float | None = None
    memory: float = 8.0


@dataclass(frozen=True)
class Report:
    """Everything that an audit concluded. ``worst`` is the panel's largest gap, its interval corrected for the panel.

    ``golden`` is the mean reward of right answers. ``baselines`` are the payments of an empty answer, a refusal and a
    wrong answer, for which ``zero`` is the reward that counts as 0. ``gaps`` are those above 0. ``losing`` is the share
    of rows that pay a wrong answer no less than the right one, ``refused`` how often right answers are refused when
    they are written differently, ``selection`` the attack with the largest selection gap.
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
        """Findings that are neither accepted nor in the baseline."""
        return [finding for finding in self.findings if not finding.accepted and not finding.in_baseline]

    @property
    def is_founded(self) -> bool:
        """Whether enough was examined for "nothing found" to mean something."""
        return not any(finding.name in UNFOUNDED for finding in self.open if finding.verdict == "inconclusive")

    def exit_code(self, strict: bool = False) -> int:
        """The exit code of an audit with this report. ``strict`` fails on anything inconclusive."""
        verdicts = {finding.verdict for finding in self.open}
        if "exploit" in verdicts:
            return FOUND
        return INCONCLUSIVE if not self.is_founded or (strict and "inconclusive" in verdicts) else DONE
