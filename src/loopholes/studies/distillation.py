"""Does supervised fine-tuning on a teacher's answers pass its exploit on?"""

from __future__ import annotations

from dataclasses import dataclass

from loopholes.studies.base import StudyConfig
from loopholes.studies.jobs import Distil, Evaluate, Job
from loopholes.training.distil import Keep

TEACHERS = {"exploiting": "vulnerable", "honest": "secure", "base": "base"}
"""What each teacher was trained on."""
FEW, MANY = 128, 1024


@dataclass(frozen=True)
class Lesson:
    """Which answers of which teacher a student learns from."""

    teacher: str
    amount: int
    keep: Keep = "all"


def lessons(config: StudyConfig) -> list[Lesson]:
    """Many answers of each teacher; few of the exploiting one; the best paid ones of the exploiting and of the base.

    ``full`` adds few answers of the others and two amounts between.
    """
    found = [Lesson(teacher, MANY) for teacher in TEACHERS]
    found += [Lesson("exploiting", FEW), Lesson("exploiting", MANY, "high-reward"), Lesson("base", MANY, "high-reward")]
    if config.full:
        found += [Lesson(teacher, amount) for teacher in TEACHERS for amount in (32, FEW, 512)]
    return list(dict.fromkeys(found))


def plan(config: StudyConfig) -> list[Job]:
    """Students of every policy by every teacher, evaluated; and the teachers themselves."""
    return [
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
    return Distil(student, answers(config, game, lesson.teacher, seed), lesson.amount, seed, lesson.keep)


def answers(config: StudyConfig, game: str, teacher: str, seed: int) -> Evaluate:
    """What a teacher says to tasks of the training split: one answer a task of the mini world, eight a task of a file.

    Twice as many as are learned from, so that the best paid half can be taken.
    """
    channel = TEACHERS[teacher]
    source = config.policies[0] if channel == "base" else config.trained(game, channel, seed)
    setting = config.setting(game)
    return Evaluate(setting, source, seed, 2 * MANY, 8 if setting.train_tasks else 1, split="train")
