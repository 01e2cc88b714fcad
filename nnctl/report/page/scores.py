"""What an evaluation found: numbers beside the baseline's, and pictures of each output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.numbers import number
from nnctl.evaluation.amounts import AmountReport
from nnctl.evaluation.classes import ClassReport, ClassScore
from nnctl.evaluation.curves import average_precision, evenly, precision_recall_curve, roc_curve
from nnctl.evaluation.labels import LabelReport
from nnctl.evaluation.report import Report, named_numbers
from nnctl.evaluation.spread import spread
from nnctl.report.page.charts import Row, calibration, class_lines, histogram, matrix, scatter
from nnctl.report.page.markup import Markup, joined, tag
from nnctl.report.page.parts import chart, charts, note, table
from nnctl.workflow.report import Evaluated
from nnctl.workflow.seen import Seen

_MOST_CLASSES = 30
"""Of more classes than these no matrix is drawn, and the table has those that do worst."""
_MOST_LINES = 20
"""Of more classes than these, curves are drawn of those that do worst."""
_LINE = 150
"""Points of a curve."""
_POINTS = 1500
"""Points of a scatter plot."""
_COLUMNS = 4
"""Of more columns than these, the ones that are predicted worst are drawn."""
_PARTS = 30
"""Parts of a histogram."""


def scores(evaluated: Evaluated) -> Markup:
    """Each output's numbers and pictures."""
    several = len(evaluated.scored.reports) > 1
    return joined(
        tag("div", tag("h3", name) if several else None, *_output(report, evaluated.seen.get(name)))
        for name, report in evaluated.scored.reports.items()
    )


def _output(report: Report, seen: Seen | None) -> Iterator[Markup]:
    yield _beside_baseline(report)
    if isinstance(report, ClassReport):
        yield _score_table("class", report.classes, report)
        yield charts(*_class_charts(report, seen))
        if report.mixed_up and (report.confusion is None or len(report.classes) > _MOST_CLASSES):
            yield tag("h3", "Mixed up most")
            yield table(
                ("wanted", "predicted", "times"),
                [(_shown(w), _shown(p), f"{n:,}") for w, p, n in report.mixed_up],
                right={2},
            )
    elif isinstance(report, LabelReport):
        yield _score_table("label", report.labels, report)
        if seen is not None:
            yield charts(*_curves(report.labels, seen, seen.wanted.T))
    elif isinstance(report, AmountReport):
        if len(report.columns) > 1:
            yield _column_table(report)
        if seen is not None:
            yield joined(_amount_charts(report, seen))


def _beside_baseline(report: Report) -> Markup:
    """A report's numbers, with what the baseline has."""
    own = named_numbers(report)
    who = f"always '{report.majority}'" if isinstance(report, ClassReport) else "baseline"
    rows = [
        (
            name.replace("_", " "),
            number(value),
            number(report.baseline[name]) if name in report.baseline else "",
        )
        for name, value in own.items()
        if "_" not in name or name.partition("_")[0] not in ("macro", "weighted")
    ]
    return table(("", f"{report.places:,} places", who), rows, right=(1, 2))


def _score_table(title: str, classes: Sequence[ClassScore], report: ClassReport | LabelReport) -> Markup:
    shown = [one for one in classes if one.support]
    left = len(shown) - _MOST_CLASSES
    if left > 0:
        shown = sorted(shown, key=lambda one: one.f1)[:_MOST_CLASSES]
    rows = [
        (
            _shown(one.name),
            *map(number, (one.precision, one.recall, one.f1)),
            f"{one.support:,}",
            _or_none(one.roc_auc),
        )
        for one in shown
    ]
    for name, mean in (("mean of classes", report.macro), ("weighted by support", report.weighted)):
        rows.append((name, *map(number, (mean.precision, mean.recall, mean.f1)), "", ""))
    head = (title, "precision", "recall", "f1", "support", "ROC AUC")
    more = note(f"{left:,} more do better.") if left > 0 else None
    return joined([tag("h3", f"By {title}"), table(head, rows, right=range(1, 6), ruled={len(shown)}), more])


def _shown(name: str) -> str:
    """A class's name, in quotes where blanks at its ends would not be seen."""
    return name if name and name == name.strip() else repr(name)


def _or_none(value: float | None) -> str:
    return "" if value is None else number(value)


def _class_charts(report: ClassReport, seen: Seen | None) -> Iterator[Markup]:
    names = [_shown(one.name) for one in report.classes]
    if report.confusion is not None and len(names) <= _MOST_CLASSES:
        yield chart(
            "Confusion", matrix(_matrix_rows(names, report.confusion), names), "each row shaded by its shares"
        )
    if seen is not None:
        # Of two classes the second says all.
        scored = report.classes[1:] if len(names) == 2 else report.classes
        first = len(names) - len(scored)
        yield from _curves(scored, seen, [seen.wanted == n for n in range(first, len(names))], first)
    if report.calibration:
        rows = [
            {"confidence": b.confidence, "accuracy": b.accuracy, "count": b.count} for b in report.calibration
        ]
        yield chart(
            "Calibration", calibration(rows), "is what is said with probability p right p of the time?"
        )


def _matrix_rows(names: Sequence[str], confusion: Sequence[Sequence[int]]) -> list[Row]:
    return [
        {"wanted": wanted, "predicted": predicted, "count": count, "share": count / max(1, sum(row))}
        for wanted, row in zip(names, confusion, strict=True)
        for predicted, count in zip(names, row, strict=True)
    ]


def _curves(
    scored: Sequence[ClassScore], seen: Seen, there: Sequence[Array] | Array, first: int = 0
) -> Iterator[Markup]:
    """ROC and precision-recall curves, one class against the rest.

    Args:
        there: By class, at which places it is wanted.
        first: The number of the first of these classes.
    """
    known = [at for at, one in enumerate(scored) if one.roc_auc is not None]
    worst = sorted(known, key=lambda at: scored[at].roc_auc or 0.0)[:_MOST_LINES]
    roc: list[Row] = []
    recalled: list[Row] = []
    for at in sorted(worst):
        is_there, values = np.asarray(there[at]), seen.predicted[:, first + at]
        roc += _line(_shown(scored[at].name), scored[at].roc_auc or 0.0, *roc_curve(is_there, values))
        recall, precision = precision_recall_curve(is_there, values)
        recalled += _line(_shown(scored[at].name), average_precision(recall, precision), recall, precision)
    if not roc:
        return
    which = f"the {len(worst)} classes that do worst" if len(worst) < len(known) else ""
    several = "; point at a line for its class" if len(worst) > 1 else ""
    yield chart(
        "ROC",
        class_lines(roc, "false positive rate", "true positive rate", diagonal=True),
        f"{which}{several}".strip("; "),
    )
    yield chart("Precision and recall", class_lines(recalled, "recall", "precision"), which)


def _line(name: str, area: float, x: Array, y: Array) -> list[Row]:
    return [
        {"class": name, "area": area, "x": float(x[at]), "y": float(y[at])}
        for at in evenly(len(x), _LINE).tolist()
    ]


def _column_table(report: AmountReport) -> Markup:
    rows = [
        (
            c.name,
            *map(number, (c.mae, c.rmse, c.r2)),
            number(c.baseline.mae) if c.baseline is not None else "",
        )
        for c in report.columns
    ]
    return table(("column", "mae", "rmse", "r2", "mae of the mean"), rows, right=range(1, 5))


def _amount_charts(report: AmountReport, seen: Seen) -> Iterator[Markup]:
    """Of each column what was predicted against what was wanted, and the residuals."""
    width = seen.wanted.shape[1]
    chosen = list(range(width))
    if len(report.columns) == width:
        chosen.sort(key=lambda c: report.columns[c].r2)
    drawn = sorted(chosen[:_COLUMNS])
    if width > _COLUMNS:
        worst = "that are predicted worst" if len(report.columns) == width else "that come first"
        yield note(f"Of {width:,} columns those {_COLUMNS} are drawn {worst}.")
    places = evenly(len(seen.wanted), _POINTS)
    for c in drawn:
        if width > 1:
            yield tag("h3", seen.names[c])
        yield charts(*_column_charts(seen, c, places))
    if len(places) < len(seen.wanted):
        yield note(f"Of {len(seen.wanted):,} places {len(places):,} are drawn as points, evenly spaced.")


def _column_charts(seen: Seen, column: int, places: Array) -> Iterator[Markup]:
    wanted, predicted = (values[:, column].astype(np.float64) for values in (seen.wanted, seen.predicted))
    residuals = predicted - wanted
    examples = (seen.examples[places] + 1).tolist()
    ends = [float(min(wanted.min(), predicted.min())), float(max(wanted.max(), predicted.max()))]
    against = _rows(wanted[places], predicted[places], examples)
    yield chart("Predicted against wanted", scatter(against, "wanted", "predicted", diagonal=ends))
    left = _rows(predicted[places], residuals[places], examples)
    yield chart("Residuals", scatter(left, "predicted", "predicted less wanted", level=0.0))
    parts = spread(residuals, _PARTS)
    if parts is not None:
        edges = parts.edges()
        rows = [
            {"low": low, "high": high, "count": count}
            for low, high, count in zip(edges[:-1], edges[1:], parts.parts, strict=True)
        ]
        yield chart("Distribution of residuals", histogram(rows, "predicted less wanted"))


def _rows(x: Array, y: Array, examples: Sequence[int]) -> list[Row]:
    return [
        {"x": one, "y": other, "example": example}
        for one, other, example in zip(x.tolist(), y.tolist(), examples, strict=True)
    ]
