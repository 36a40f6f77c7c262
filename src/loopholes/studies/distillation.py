"""Does supervised fine-tuning on a teacher's answers pass its exploit on?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loopholes.numbers import Estimate, points, written
from loopholes.report.elements import Cell, Chart, Lines, Matrix, Section, Series, Table
from loopholes.score import cells as scored_cells
from loopholes.stats import Comparison, holm
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
"""What each teacher was trained on."""
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
    """Many answers of each teacher; few of the exploiting one; the best paid ones of the exploiting and of the base.

    ``full`` adds few answers of the others and two amounts between.
    """
    many, few = config.answers, config.answers // 8
    found = [Lesson(teacher, many) for teacher in TEACHERS]
    found += [Lesson("exploiting", few), Lesson("exploiting", many, "high-reward"), Lesson("base", many, "high-reward")]
    if config.full:
        found += [Lesson(teacher, amount) for teacher in TEACHERS for amount in (max(1, few // 4), few, many // 2)]
    return list(dict.fromkeys(found))


def plan(config: StudyConfig) -> list[Job]:
    """Students of every policy by every teacher, evaluated; and the teachers and students before that."""
    before: list[Job] = [
        job
        for game in config.games
        for job in (
            *(one for channel in TEACHERS.values() for one in arm(config, game, channel)),
            *(one for policy in config.policies for one in arm(config, game, "base", policy)),
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
    """Who learns: the teacher's own architecture, and the others where all answers are learned from."""
    return config.policies if config.full or lesson.keep == "all" else config.policies[:1]


def taught(config: StudyConfig, game: str, student: str, lesson: Lesson) -> list[Evaluate]:
    """One evaluation a seed of a student."""
    return [
        config.evaluation(config.setting(game, student), pupil(config, game, student, lesson, seed), seed)
        for seed in config.seed_numbers
    ]


def pupil(config: StudyConfig, game: str, student: str, lesson: Lesson, seed: int) -> Distil:
    """One student."""
    return config.distilled(student, answers(config, game, lesson.teacher, seed), lesson.amount, seed, lesson.keep)


def answers(config: StudyConfig, game: str, teacher: str, seed: int) -> Evaluate:
    """What a teacher says to tasks of the training split: one answer a generated task, eight a task of a file.

    Twice as many as are learned from, so that the best paid half can be taken.
    """
    channel = TEACHERS[teacher]
    source = config.policies[0] if channel == "base" else config.trained(game, channel, seed)
    setting = config.setting(game)
    return Evaluate(setting, source, seed, 2 * config.answers, 8 if setting.train_tasks else 1, split="train")


Rates = Mapping[tuple[str, str, Lesson], Mapping[str, Estimate]]
"""By (game, student, lesson), every metric."""
Known = Mapping[tuple[str, str], Mapping[str, Estimate]]
"""By (game, policy) or (game, teacher), every metric."""


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
        for (game, student, lesson), found in rates.items()
        for cell in scored_cells(f"{game}/taught by {lesson.name}/{student}", found)
    ]
    for (game, name), found in teachers.items():
        cells += scored_cells(f"{game}/{TEACHERS[name]}/{config.policies[0]}", found)
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
            f"Teachers are trained from {config.policies[0]}, the honest one on the secure channel. A student of "
            "another policy has another architecture. Best paid: the half with the highest observed reward, which is "
            "what a developer would keep.",
        ],
    )
    return Summary(section, cells, comparisons)


def _tests(config: StudyConfig, runs: Runs) -> list[Comparison]:
    """The exploiting teacher's students over the base teacher's; those of the best paid answers over those of all."""
    found, first = [], config.policies[0]
    for game in config.games:
        for student in config.policies:
            name = f"{game}, {student}: taught by exploiting over base"
            ours, theirs = (
                taught(config, game, student, Lesson(who, config.answers)) for who in ("exploiting", "base")
            )
            found.append(runs.compare(name, EXPLOIT, ours, theirs))
        for who in ("exploiting", "base"):
            name = f"{game}, {first}: best paid over all answers of {who}"
            pair = (Lesson(who, config.answers, keep) for keep in KEEPS)
            found.append(runs.compare(name, EXPLOIT, *(taught(config, game, first, lesson) for lesson in pair)))
    return found


def _answer(config: StudyConfig, tests: Sequence[Comparison], rates: Rates) -> str:
    passed = [test.change for test in tests if "exploiting over base" in test.name]
    rising = [change.value or 0.0 for change in passed if rises(change)]
    by = f", by {points(min(rising))} to {points(max(rising))}" if rising else ""
    best = [test.change for test in tests if "best paid" in test.name and "of base" in test.name]
    few = {game: rates[game, config.policies[0], Lesson("exploiting", config.answers // 8)] for game in config.games}
    shown = "; ".join(f"{game} {written(numbers[EXPLOIT])}" for game, numbers in few.items())
    return (
        f"{config.answers} answers of an exploiting teacher raise the student's exploit rate over those of an "
        f"untrained teacher in {len(rising)} of {len(passed)} pairs of game and student{by}. After "
        f"{config.answers // 8} answers the exploit rates are: {shown}. Keeping only the best paid half of an "
        f"untrained teacher's answers raises the exploit rate in {sum(map(rises, best))} of {len(best)} games."
    )


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
    """Exploit rate over the number of the exploiting teacher's answers."""
    taken = sorted({lesson.amount for lesson in lessons(config) if lesson.teacher == "exploiting"})
    panels = []
    for student in config.policies:
        series = []
        for game in config.games:
            found = [untrained[game, student][EXPLOIT]]
            found += [rates[game, student, Lesson("exploiting", amount)][EXPLOIT] for amount in taken]
            y, low, high = ([getattr(one, end) for one in found] for end in ("value", "low", "high"))
            series.append(Series(game, [0.0, *map(float, taken)], y, low, high))
        panels.append(Lines(f"student: {student}", "answers of the exploiting teacher", series))
    return Chart("distillation-amount", "How many answers it takes", panels)


def _table(rates: Rates, untrained: Known, teachers: Known) -> Table:
    rows: list[list[Cell]] = []
    for (game, student, lesson), found in rates.items():
        others = teachers[game, lesson.teacher][EXPLOIT], untrained[game, student][EXPLOIT]
        rows.append([game, student, lesson.name, found[TASK], found[EXPLOIT], *others])
    heads = ("game", "student", "taught by", "task performance", "exploit rate", "teacher's exploit rate", "before")
    return Table("distillation", "Every student", heads, rows)
