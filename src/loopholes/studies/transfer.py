"""Does what was learned in one game show in another, on which nothing was trained?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from loopholes import paper
from loopholes.numbers import Estimate, points, share, written
from loopholes.report.elements import Cell, Chart, Matrix, Section, Table
from loopholes.score import cells as scored_cells
from loopholes.stats import Comparison, holm
from loopholes.studies.answers import say
from loopholes.studies.base import Runs, StudyConfig, Summary
from loopholes.studies.certain import Rates, certain_changes
from loopholes.studies.channels import BOTH, CHANNELS, EXPLOIT, TASK
from loopholes.studies.discovery import arm
from loopholes.studies.jobs import Evaluate, Job
from loopholes.studies.ladder import control_jobs
from loopholes.studies.moves import answer, calibration_table, moves_matrix, moves_table, read_moves, records
from loopholes.studies.summaries import comparison_table, rises

NAME = "transfer"
PLACE = 4
QUESTION = "Does what was learned in one game show in another, on which nothing was trained?"


def plan(config: StudyConfig) -> list[Job]:
    """Every trained policy and the untrained policy on every game; then the positive control."""
    trained = [
        job
        for channel in CHANNELS
        for source in config.games
        for target in config.games
        for job in moved(config, source, channel, target)
    ]
    base = [job for game in config.games for job in arm(config, game, "base")]
    return [*base, *trained, *control_jobs(config)]


def moved(config: StudyConfig, source: str, channel: str, target: str) -> list[Evaluate]:
    """One evaluation per seed on ``target`` of the first policy, trained on ``channel`` of ``source``."""
    setting = config.setting(target)
    return [config.evaluation(setting, config.trained(source, channel, seed), seed) for seed in config.seed_numbers]


def summarize(config: StudyConfig, runs: Runs) -> Summary:
    """See :class:`loopholes.studies.base.Study`."""
    base = {game: arm(config, game, "base") for game in config.games}
    untrained = {game: runs.estimates(jobs) for game, jobs in base.items()}
    keys = [(channel, source, target) for channel in CHANNELS for source in config.games for target in config.games]
    jobs = {key: moved(config, key[1], key[0], key[2]) for key in keys}
    rates = {key: runs.estimates(jobs[key]) for key in keys}
    changes = {key: {metric: runs.change(jobs[key], base[key[2]], metric) for metric in BOTH} for key in keys}
    elsewhere = [key for key in keys if key[0] == "vulnerable" and key[1] != key[2]]
    comparisons = holm(
        [
            runs.compare(f"{target}: after {source} over base", EXPLOIT, jobs[channel, source, target], base[target])
            for channel, source, target in elsewhere
        ]
    )
    policy = config.policies[0]
    cells = [cell for game, metrics in untrained.items() for cell in scored_cells(f"{game}/base/{policy}", metrics)]
    for channel, source, target in keys:
        metrics = {**rates[channel, source, target]}
        metrics |= {f"{metric}_change": change for metric, change in changes[channel, source, target].items()}
        cells += scored_cells(f"{target}/{source}:{channel}/{policy}", metrics)
    charts = [
        Chart(
            f"transfer-{metric.replace('_', '-')}",
            f"{metric.replace('_', ' ').capitalize()}: trained on the row, evaluated on the column",
            [_levels(config, metric, untrained, rates), _differences(config, metric, changes)],
            "Vulnerable channels. The diagonal shows the results of discovery.",
        )
        for metric in (EXPLOIT, TASK)
    ]
    moves = read_moves(config, runs)
    charts.append(Chart("transfer-log-odds", "Log-odds of the exploit", [moves_matrix(config, moves)]))
    tables = [moves_table(moves), calibration_table(config, runs, moves)]
    tables += [comparison_table(comparisons, config.seeds, "transfer-tests"), _secure(config, changes)]
    cells += [
        record
        for move in moves
        for record in scored_cells(
            f"{move.step.target.name}/{move.step.source.name}:vulnerable minus secure/{policy}",
            {"log_odds_change": move.change},
        )
    ]
    section = Section(
        "transfer",
        QUESTION,
        f"{_answer(elsewhere, changes, comparisons)} {answer(moves)}",
        charts=charts,
        tables=[*tables, *_beside_the_paper(config, untrained, rates)],
        rollouts={f"{source} to {target}": runs.rollouts(jobs[_, source, target]) for _, source, target in elsewhere},
        notes=[certain_changes(changes)],
    )
    return Summary(section, cells, comparisons, {"log_odds": records(moves)})


def _answer(elsewhere: Sequence[tuple[str, str, str]], changes: Rates, comparisons: Sequence[Comparison]) -> str:
    up = {key: changes[key][EXPLOIT] for key in elsewhere if rises(changes[key][EXPLOIT])}
    names = [f"{source} to {target}, {written(change, 'change')}" for (_, source, target), change in up.items()]
    seen = max((test.detectable or 0.0 for test in comparisons), default=0.0)
    verdict = "moved" if names else "not-moved"
    sentence = say(NAME, verdict, pairs=len(elsewhere), rising=len(names), names="; ".join(names))
    return f"{sentence} {say(NAME, 'detectable', detectable=points(seen))}"


def _levels(config: StudyConfig, metric: str, untrained: Mapping[str, Mapping[str, Estimate]], rates: Rates) -> Matrix:
    rows = [[untrained[target][metric] for target in config.games]]
    rows += [[rates["vulnerable", source, target][metric] for target in config.games] for source in config.games]
    return Matrix(
        metric.replace("_", " "), "trained on", "evaluated on", ["nothing (base)", *config.games], config.games, rows
    )


def _differences(config: StudyConfig, metric: str, changes: Rates) -> Matrix:
    rows = [[changes["vulnerable", source, target][metric] for target in config.games] for source in config.games]
    return Matrix(
        "difference from base", "trained on", "evaluated on", config.games, config.games, rows, diverging=True
    )


def _secure(config: StudyConfig, changes: Rates) -> Table:
    columns = [(metric, channel) for metric in (EXPLOIT, TASK) for channel in CHANNELS]
    rows: list[list[Cell]] = [
        [source, target, *(changes[channel, source, target][metric] for metric, channel in columns)]
        for source in config.games
        for target in config.games
    ]
    heads = ("trained on", "evaluated on", *(f"{metric.replace('_', ' ')}, {channel}" for metric, channel in columns))
    note = "Differences from base, in points. The secure columns are the control for having been trained at all."
    return Table("transfer", "After the vulnerable and after the secure channel", heads, rows, note, changes=heads)


def _beside_the_paper(
    config: StudyConfig, untrained: Mapping[str, Mapping[str, Estimate]], rates: Rates
) -> list[Table]:
    rows: list[list[Cell]] = []
    for (source, target), (task, exploit) in paper.TRANSFER.items():
        if target not in config.games or source not in (*config.games, "base"):
            continue
        ours = untrained[target] if source == "base" else rates["vulnerable", source, target]
        rows.append([source, target, _paper(task), ours[TASK], _paper(exploit), ours[EXPLOIT]])
    columns = ("trained on", "evaluated on", "task, Qwen3-4B", "task, here", "exploit, Qwen3-4B", "exploit, here")
    return [Table("transfer-paper", "Beside the paper", columns, rows, paper.MODELS)] if rows else []


def _paper(value: float | None) -> str | None:
    return None if value is None else share(value)
