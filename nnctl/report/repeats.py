"""Runs of several folds or seeds as a table: a row for each, then their mean and deviation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nnctl.core.numbers import duration, number
from nnctl.report.errors import error_lines
from nnctl.report.tables import table
from nnctl.workflow.repeated import Ended
from nnctl.workflow.repeats import Part, Repeats


def repeat_line(part: Part, ended: Ended) -> str:
    """What is said as soon as one has ended."""
    return f"{part.name}: {ended.status} ({duration(ended.seconds)})"


def repeat_lines(repeats: Repeats) -> list[str]:
    """The table, and below it what was expected, what failed, and where all of it is."""
    columns = [(split, name) for split, names in repeats.mean.items() for name in _shown(names)]
    head = ["", *(_called(split, name) for split, name in columns), "epochs"]
    rows: list[Sequence[str]] = []
    for part, run in zip(repeats.parts, repeats.runs, strict=True):
        values = [run.numbers.get(split, {}).get(name) for split, name in columns]
        rows.append([part.name, *map(_cell, values), str(run.epochs)])
    for title, of in (("mean", repeats.mean), ("deviation", repeats.deviation)):
        rows.append([title, *(_cell(of.get(split, {}).get(name)) for split, name in columns), ""])
    lines = table(head, rows, right=range(1, len(head)))
    lines += [outcome.line() for outcome in repeats.outcomes]
    for part, run in zip(repeats.parts, repeats.runs, strict=True):
        if run.error is not None:
            lines += ["", f"{part.name}:", *(f"  {line}" for line in error_lines(run.error))]
    lines += ["", f"runs: {repeats.path}"]
    return [*lines, f"predictions: {repeats.predictions}"] if repeats.predictions is not None else lines


def _shown(names: Mapping[str, float]) -> list[str]:
    """Without the means over classes, of which there are many; `--json` has them."""
    return [name for name in names if name.partition("_")[0] not in ("macro", "weighted")]


def _called(split: str, name: str) -> str:
    return name if split == "test" else f"{'val' if split == 'validation' else split}_{name}"


def _cell(value: float | None) -> str:
    return "" if value is None else number(value)
