"""What the logs tell: a chart for each of them over the epochs, all runs over each other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from nnctl.evaluation.curves import evenly
from nnctl.report.page.charts import SERIES, Row, log_curves
from nnctl.report.page.markup import Markup, tag
from nnctl.report.page.parts import chart, charts, note
from nnctl.workflow.report import RunReport

_NO_LOGS = ("epoch", "step", "seconds")
_OF_VALIDATION = "val_"
_MOST = 400
"""Epochs of a line; of more, evenly spaced ones."""


def history(runs: Sequence[RunReport]) -> Markup:
    """The charts of all logs."""
    names = list(
        dict.fromkeys(
            name.removeprefix(_OF_VALIDATION)
            for run in runs
            for row in run.shown.metrics
            for name in row
            if name not in _NO_LOGS
        )
    )
    # The learning rate is no result: it comes last.
    names.sort(key=lambda name: name == "learning_rate")
    called = [run.name for run in runs]
    figures = []
    for name in names:
        rows = [row for run in runs for row in _points(run, name)]
        if rows:
            figures.append(chart(name.replace("_", " "), log_curves(rows, called)))
    if not figures:
        return Markup("")
    longest = max(len(run.shown.metrics) for run in runs)
    thinned = note(f"Of {longest:,} epochs {_MOST} are drawn, evenly spaced.") if longest > _MOST else None
    return tag("div", _legend(runs), charts(*figures), thinned)


def _points(run: RunReport, name: str) -> Iterator[Row]:
    for split, log in (("training", name), ("validation", _OF_VALIDATION + name)):
        known = [row for row in run.shown.metrics if _finite(row.get(log))]
        for at in evenly(len(known), _MOST).tolist():
            row = known[at]
            yield {"run": run.name, "split": split, "epoch": int(row.get("epoch", at)) + 1, "value": row[log]}


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _legend(runs: Sequence[RunReport]) -> Markup:
    """Which line is whose."""
    colours = [(run.name, f"var(--series-{number % SERIES + 1})") for number, run in enumerate(runs)]
    kinds = [
        tag("span", _stroke("var(--ink)", None), "validation"),
        tag("span", _stroke("var(--ink)", "4 3"), "training"),
    ]
    own = [tag("span", _stroke(colour, None), name) for name, colour in colours] if len(runs) > 1 else []
    return tag("div", *own, *kinds, class_="legend")


def _stroke(colour: str, dashes: str | None) -> Markup:
    line = tag("line", x1=0, x2="100%", y1=4, y2=4, stroke=colour, stroke_width=2, stroke_dasharray=dashes)
    return tag("svg", line, aria_hidden="true")
