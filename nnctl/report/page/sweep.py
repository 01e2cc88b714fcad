"""What a sweep has found: its trials in order, and how much each setting mattered."""

from __future__ import annotations

from nnctl.core.numbers import duration, number
from nnctl.report.page.charts import share_bars, trial_values
from nnctl.report.page.markup import Markup, joined, tag
from nnctl.report.page.parts import chart, note, table
from nnctl.workflow.sweep.kept import KeptSweep, KeptTrial


def trials(sweep: KeptSweep) -> Markup:
    """The value of every trial as a chart, and all of them as a table, the best one marked."""
    drawn = [
        {"trial": one.trial, "value": one.value, "outcome": one.outcome}
        for one in sweep.trials
        if one.value is not None
    ]
    line = [{"trial": trial, "best": value} for trial, value in sweep.best_so_far()]
    figure = tag("div", chart(sweep.objective, trial_values(drawn, line)), class_="charts wide")
    paths = list(dict.fromkeys(path for one in sweep.trials for path in one.settings))
    head = ("trial", sweep.objective, "", *paths, "epochs", "time")
    rows = [
        _row(one, paths, sweep.best is not None and one.trial == sweep.best.trial) for one in sweep.trials
    ]
    told = note(f"What follows is the run of the best trial, {sweep.best.trial}.") if sweep.best else None
    return joined(
        [figure if drawn else None, told, table(head, rows, right={0, 1, len(head) - 2, len(head) - 1})]
    )


def _row(trial: KeptTrial, paths: list[str], best: bool) -> list[Markup | str]:
    return [
        f"{trial.trial}",
        "" if trial.value is None else number(trial.value),
        tag("span", "best", class_="good") if best else trial.outcome,
        *(_setting(trial.settings[path]) if path in trial.settings else "" for path in paths),
        "" if trial.epochs is None else f"{trial.epochs:,}",
        "" if trial.seconds is None else duration(trial.seconds),
    ]


def _setting(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def settings(sweep: KeptSweep) -> Markup:
    """The share of each setting in how the objective varies; nothing where that cannot be told."""
    if not sweep.importance:
        return Markup("")
    found = sorted(sweep.importance.items(), key=lambda one: -one[1])
    rows = [{"setting": path, "share": share} for path, share in found]
    bars = chart("Importance of settings", share_bars(rows, [path for path, _ in found]))
    told = "How much each setting has to do with whether a trial is among the better ones (PED-ANOVA)."
    return joined([note(told), tag("div", bars, class_="charts wide")])
