"""Does supervised fine-tuning on a teacher's answers pass its exploit on?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loopholes.numbers import Estimate, points, written
from loopholes.report.elements import Cell, Chart, Lines, Matrix, Section, Series, Table
from loopholes.score import cells as scored_cells
from loopholes.stats import Comparison, holm
from loopholes.studies.answers import say
from loopholes.studies.base import Runs, StudyConfig, Summary
from loopholes.studies.channels import EXPLOIT, TASK
from loopholes.studies.discovery import arm
from loopholes.studies.jobs import Distil, Evaluate, Job
from loopholes.studies.summaries import comparison_table, rises
from loopholes.training.distil import Keep

NAME = "distillation"
PLACE = 6
QUESTION = "Does supervised fine-tuning on a teacher's answers pass its exploit on?"

TEACHERS = {"exploiting": "vulnerable", "honest": "secure", "base": "base"}
"""The channel that each teacher was trained on."""
KEEPS: tuple[Keep, Keep] = ("high-reward", "all")


@dataclass(frozen=True)
class Lesson:
    """Which answers of which teacher a student learns from."""

    teacher: str
    amount: int
    keep: Keep = "all"

    @property
    def name(self) -> str:
        return f"{self.teacher}, {self.amount} {'best paid ' if self.keep == 'high-reward' else ''}answers"


def lessons(config: StudyConfig) -> list[Lesson]:
    """Many answers of each teacher; few of the exploiting one; the best paid ones of the exploiting and the base one.

    ``full`` adds three smaller amounts for every teacher.
    """
    many, few = config.answers, config.answers // 8
    chosen = [Lesson(teacher, many) for teacher in TEACHERS]
    chosen += [Lesson("exploiting", few)]
    chosen += [Lesson(teacher, many, "high-reward") for teacher in ("exploiting", "base")]
    if config.full:
        chosen += [Lesson(teacher, amount) for teacher in TEACHERS for amount in (max(1, few // 4), few, many // 2)]
    return list(dict.fromkeys(chosen))


def plan(config: StudyConfig) -> list[Job]:
    """Evaluated students of every teacher, for every policy; and evaluations of teachers and untaught students."""
    before: list[Job] = [
        job
        for game in config.games
        for job in (
            *(job for channel in TEACHERS.values() for job in arm(config, game, channel)),
            *(job for policy in config.policies for job in arm(config, game, "base", policy)),
        )
    ]
    return before + [
        job
        for game in config.games
        for lesson in lessons(config)
        for student in students(config, lesson)
        for job in taught(config, game, student, lesson)
    ]


def students(config: StudyConfig, lesson: Lesson) -> tuple[str, ...]:
    """The policies that learn: the teacher's own, and the others if the lesson keeps all answers."""
    return config.policies if config.full or lesson.keep == "all" else config.policies[:1]


def taught(config: StudyConfig, game: str, student: str, lesson: Lesson) -> list[Evaluate]:
    """One evaluation per seed of a student."""
    return [
        config.evaluation(config.setting(game, student), pupil(config, game, student, lesson, seed), seed)
        for seed in config.seed_numbers
    ]


def pupil(config: StudyConfig, game: str, student: str, lesson: Lesson, seed: int) -> Distil:
    """The training of one student."""
    return config.distilled(student, answers(config, game, lesson.teacher, seed), lesson.amount, seed, lesson.keep)


def answers(config: StudyConfig, game: str, teacher: str, seed: int) -> Evaluate:
    """A teacher's answers to training tasks: one per generated task, or eight per task of a file.

    There are twice as many as a student learns from, so that the best paid half can be taken.
    """
    channel = TEACHERS[teacher]
    source = config.policies[0] if channel == "base" else config.trained(game, channel, seed)
    setting = config.setting(game)
    return Evaluate(setting, source, seed, 2 * config.answers, 8 if setting.train_tasks else 1, split="train")


Rates = Mapping[tuple[str, str, Lesson], Mapping[str, Estimate]]
"""Every metric by (game, student, lesson)."""
Known = Mapping[tuple[str, str], Mapping[str, Estimate]]
"""Every metric by (game, policy) or by (game, teacher)."""


def summarize(config: StudyConfig, runs: Runs) -> Summary:
    """See :class:`loopholes.studies.base.Study`."""
    keys = [
        (game, student, lesson)
        for game in config.games
        for lesson in lessons(config)
        for student in students(config, lesson)
    ]
    rates = {key: runs.estimates(taught(config, *key)) for key in keys}
    untrained = {
        (game, policy): runs.estimates(arm(config, game, "base", policy))
        for game in config.games
        for policy in config.policies
    }
    teachers = {
        (game, name): runs.estimates(arm(config, game, channel))
        for game in config.games
        for name, channel in TEACHERS.items()
    }
    comparisons = holm(_tests(config, runs))
    cells = [
        cell
        for (game, student, lesson), metrics in rates.items()
        for cell in scored_cells(f"{game}/taught by {lesson.name}/{student}", metrics)
    ]
    for (game, name), metrics in teachers.items():
        cells += scored_cells(f"{game}/{TEACHERS[name]}/{config.policies[0]}", metrics)
    section = Section(
        "distillation",
        QUESTION,
        _answer(config, comparisons, rates),
        charts=[*_matrices(config, rates, untrained), _amounts(config, rates, untrained)],
        tables=[
            _table(rates, untrained, teachers),
            comparison_table(comparisons, config.seeds, "distillation-tests"),
        ],
        rollouts={
            f"{game}, taught by {teacher}": runs.rollouts(
                taught(config, game, config.policies[0], Lesson(teacher, config.answers))
            )
            for game in config.games
            for teacher in TEACHERS
        },
        notes=[
            f"All teachers start from {config.policies[0]}; the honest one is trained on the secure channel. Students "
            "that start from another policy have another architecture. Best paid: the half of the answers with the "
            "highest observed reward, which is what a developer would keep.",
        ],
    )
    return Summary(section, cells, comparisons)


def _tests(config: StudyConfig, runs: Runs) -> list[Comparison]:
    """Compare students of the exploiting with students of the base teacher, and of the best paid with all answers."""
    comparisons, first = [], config.policies[0]
    for game in config.games:
        for student in config.policies:
            name = f"{game}, {student}: taught by exploiting over base"
            ours, theirs = (
                taught(config, game, student, Lesson(who, config.answers)) for who in ("exploiting", "base")
            )
            comparisons.append(runs.compare(name, EXPLOIT, ours, theirs))
        for who in ("exploiting", "base"):
            name = f"{game}, {first}: best paid over all answers of {who}"
            pair = (Lesson(who, config.answers, keep) for keep in KEEPS)
            comparisons.append(runs.compare(name, EXPLOIT, *(taught(config, game, first, lesson) for lesson in pair)))
    return comparisons


def _answer(config: StudyConfig, tests: Sequence[Comparison], rates: Rates) -> str:
    passed = [test.change for test in tests if "exploiting over base" in test.name]
    rising = [change.value or 0.0 for change in passed if rises(change)]
    best = [test.change for test in tests if "best paid" in test.name and "of base" in test.name]
    few = {game: rates[game, config.policies[0], Lesson("exploiting", config.answers // 8)] for game in config.games}
    listing = "; ".join(f"{game} {written(numbers[EXPLOIT])}" for game, numbers in few.items())
    least, most = (points(end(rising)) if rising else "" for end in (min, max))
    numbers = {"answers": config.answers, "rising": len(rising), "pairs": len(passed), "least": least, "most": most}
    sentences = [
        say(NAME, "passed-on" if rising else "not-passed-on", **numbers),
        say(NAME, "few", answers=config.answers // 8, rates=listing),
        say(NAME, "best-paid", rising=sum(map(rises, best)), games=len(best)),
    ]
    return " ".join(sentences)


def _matrices(config: StudyConfig, rates: Rates, untrained: Known) -> list[Chart]:
    charts = []
    for metric in (EXPLOIT, TASK):
        panels = []
        for student in config.policies:
            rows = [lesson for lesson in lessons(config) if student in students(config, lesson)]
            values = [[untrained[game, student][metric] for game in config.games]]
            values += [[rates[game, student, lesson][metric] for game in config.games] for lesson in rows]
            names = ["untaught", *(lesson.name for lesson in rows)]
            panels.append(Matrix(f"student: {student}", "taught by", "game", names, config.games, values))
        title = f"{metric.replace('_', ' ').capitalize()} of students"
        charts.append(Chart(f"distillation-{metric.replace('_', '-')}", title, panels))
    return charts


def _amounts(config: StudyConfig, rates: Rates, untrained: Known) -> Chart:
    """The exploit rate over the number of answers of the exploiting teacher."""
    taken = sorted({lesson.amount for lesson in lessons(config) if lesson.teacher == "exploiting"})
    panels = []
    for student in config.policies:
        series = []
        for game in config.games:
            estimates = [untrained[game, student][EXPLOIT]]
            estimates += [rates[game, student, Lesson("exploiting", amount)][EXPLOIT] for amount in taken]
            y, low, high = ([getattr(estimate, end) for estimate in estimates] for end in ("value", "low", "high"))
            series.append(Series(game, [0.0, *map(float, taken)], y, low, high))
        panels.append(Lines(f"student: {student}", "answers of the exploiting teacher", series))
    return Chart("distillation-amount", "How many answers it takes", panels)


def _table(rates: Rates, untrained: Known, teachers: Known) -> Table:
    rows: list[list[Cell]] = []
    for (game, student, lesson), metrics in rates.items():
        references = teachers[game, lesson.teacher][EXPLOIT], untrained[game, student][EXPLOIT]
        rows.append([game, student, lesson.name, metrics[TASK], metrics[EXPLOIT], *references])
    heads = ("game", "student", "taught by", "task performance", "exploit rate", "teacher's exploit rate", "before")
    return Table("distillation", "Every student", heads, rows)
