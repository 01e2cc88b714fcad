"""A sweep as tables: every trial with its settings, the best one, and which settings mattered."""

from __future__ import annotations

from typing import Any

from nnctl.core.numbers import duration, number
from nnctl.report.tables import table
from nnctl.workflow.sweep.results import Swept, TrialTold


def trial_line(trial: TrialTold) -> str:
    """What is said as soon as a trial has ended."""
    value = f" {number(trial.value)}" if trial.value is not None else ""
    why = f" ({trial.reason.splitlines()[0]})" if trial.reason else ""
    settings = ", ".join(f"{path.rpartition('.')[2]}={_short(v)}" for path, v in trial.settings.items())
    return f"trial {trial.number}: {trial.outcome}{value}{why}  {settings}"


def sweep_lines(swept: Swept) -> list[str]:
    """The trials as a table, the importance of settings as another, and what to do next."""
    paths = list(dict.fromkeys(path for trial in swept.trials for path in trial.settings))
    head = ("trial", swept.objective, "", *(_called(path, paths) for path in paths), "epochs", "time")
    rows = [
        (
            trial.number,
            "" if trial.value is None else number(trial.value),
            f"{trial.outcome}{' *' if swept.best is not None and trial.number == swept.best.number else ''}",
            *(_short(trial.settings.get(path, "")) for path in paths),
            "" if trial.epochs is None else trial.epochs,
            "" if trial.seconds is None else duration(trial.seconds),
        )
        for trial in swept.trials
    ]
    lines = table(head, rows, right={0, 1, len(head) - 2, len(head) - 1})
    if swept.importance:
        shares = [(path, f"{share:.0%}") for path, share in swept.importance.items()]
        lines += ["", *table(("setting", "importance"), shares, right={1})]
    lines += ["", f"{swept.ended} of {len(swept.trials)} trials have ended: {swept.place}"]
    if swept.best is not None and swept.best.value is not None:
        lines += [f"best: trial {swept.best.number}, {swept.objective} {number(swept.best.value)}"]
        lines += [f"next: nnctl train {swept.best_config}"]
    return lines


def _called(path: str, paths: list[str]) -> str:
    """A setting's last word, where no other one ends in it."""
    last = path.rpartition(".")[2]
    return last if sum(other.rpartition(".")[2] == last for other in paths) == 1 else path


def _short(value: Any) -> str:
    return (
        number(value)
        if isinstance(value, float) and abs(value) >= 0.001
        else f"{value:.3g}"
        if isinstance(value, float)
        else str(value)
    )
