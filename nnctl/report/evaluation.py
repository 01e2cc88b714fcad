"""What an evaluation found, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from nnctl.core.numbers import number
from nnctl.evaluation.amounts import AmountReport, AmountScore
from nnctl.evaluation.classes import ClassReport, ClassScore
from nnctl.evaluation.labels import LabelReport
from nnctl.report.tables import table, terminal_width

_MOST_ROWS = 30
"""Of more classes than these the table has those that do worst, and no matrix is drawn."""
_WORD = 10
"""How wide a class's name may be in the head of a matrix."""


def evaluation_lines(what: str, scored: Any) -> list[str]:
    """Loss and metrics of a split, then each output's own tables.

    Args:
        what: The run and the split.
        scored: A `workflow.scored.Scored`.
    """
    width = max(map(len, scored.metrics), default=0)
    lines = [f"{what}, {scored.examples} examples"]
    lines += [f"  {name:<{width}}  {number(value)}" for name, value in scored.metrics.items()]
    several = len(scored.reports) > 1
    for name, report in scored.reports.items():
        own = list(report_lines(name if several else "", report))
        lines += ["", *own] if own else []
    return lines


def report_lines(output: str, report: Any) -> Iterator[str]:
    """The tables of one output, named where there are several."""
    if isinstance(report, ClassReport):
        yield from _class_lines(output or "class", report)
    elif isinstance(report, LabelReport):
        yield from _score_table(output or "label", report.labels, report)
        yield _beside(f"all labels right {number(report.exact)}", "usual answers", report.baseline)
    elif isinstance(report, AmountReport):
        yield from _amount_lines(output or "number", report)


def _class_lines(title: str, report: ClassReport) -> Iterator[str]:
    yield from _score_table(title, report.classes, report)
    told = [("log loss", report.log_loss), ("calibration error", report.calibration_error)]
    known = [f"{name} {number(value)}" for name, value in told if value is not None]
    yield _beside(", ".join(known), f"always '{report.majority}'", report.baseline)
    if report.confusion is not None and len(report.classes) <= _MOST_ROWS:
        yield ""
        yield from _matrix([c.name for c in report.classes], report.confusion)
    elif report.mixed_up:
        yield ""
        yield from table(
            ("wanted", "predicted", "times"), [(w, f"{p}", t) for w, p, t in report.mixed_up], right={2}
        )


def _score_table(
    title: str, scores: Sequence[ClassScore], report: ClassReport | LabelReport
) -> Iterator[str]:
    """A row for each class, of many for those that do worst, and the means."""
    shown = [score for score in scores if score.support]
    left = len(shown) - _MOST_ROWS
    if left > 0:
        shown = sorted(shown, key=lambda score: score.f1)[:_MOST_ROWS]
    rows: list[tuple[Any, ...]] = [
        (s.name, number(s.precision), number(s.recall), number(s.f1), s.support, _or_none(s.roc_auc))
        for s in shown
    ]
    means = (
        ("mean of classes", report.macro, report.roc_auc),
        ("weighted by support", report.weighted, None),
    )
    total = sum(score.support for score in scores)
    rows += [
        (name, number(m.precision), number(m.recall), number(m.f1), total, _or_none(area))
        for name, m, area in means
    ]
    yield from table(
        (title, "precision", "recall", "f1", "support", "roc_auc"), rows, right=range(1, 6), drop=(5,)
    )
    if left > 0:
        yield f"{left} more, which do better: --json has them all"


def _amount_lines(title: str, report: AmountReport) -> Iterator[str]:
    shares = list(report.columns[0].residuals) if report.columns else []
    head = (title, "mae", "rmse", "r2", *(f"{float(share):.0%}" for share in shares))
    rows = [(_called(title, c, report), *_numbers(c)) for c in report.columns]
    if len(rows) != 1:
        rows.append(
            ("mean of columns", *map(number, (report.mae, report.rmse, report.r2)), *("" for _ in shares))
        )
    for column in report.columns:
        if column.scaled is not None and len(report.columns) == 1:
            scaled = (number(column.scaled.mae), number(column.scaled.rmse), "")
            rows.append(("as trained, scaled", *scaled, *("" for _ in shares)))
    base = report.baseline
    known = [number(base[name]) if name in base else "" for name in ("mae", "rmse", "r2")]
    rows.append(("always the mean", *known, *("" for _ in shares)))
    yield from table(head, rows, right=range(1, len(head)), drop=range(4, len(head)))
    if shares:
        yield "shares are quantiles of the residual, predicted less wanted"


def _called(title: str, column: AmountScore, report: AmountReport) -> str:
    return title if len(report.columns) == 1 and column.name == "0" else column.name


def _numbers(column: AmountScore) -> tuple[str, ...]:
    return tuple(map(number, (column.mae, column.rmse, column.r2, *column.residuals.values())))


def _beside(told: str, who: str, baseline: Any) -> str:
    """A line of further numbers, and what the baseline has."""
    base = ", ".join(f"{name.replace('_', ' ')} {number(value)}" for name, value in baseline.items())
    return "; ".join([told, f"{who}: {base}"] if told else [f"{who}: {base}"])


def _matrix(names: Sequence[str], confusion: Sequence[Sequence[int]]) -> Iterator[str]:
    """The confusion matrix, as many columns of it as the terminal has room for."""
    short = [name if len(name) <= _WORD else f"{name[: _WORD - 1]}…" for name in names]
    widths = [max(len(short[c]), *(len(str(row[c])) for row in confusion)) + 2 for c in range(len(names))]
    head = "wanted \\ predicted"
    room = terminal_width()
    first = max(len(head), *map(len, names))
    shown = len(names)
    while room is not None and shown > 1 and first + sum(widths[:shown]) > room:
        shown -= 1
    rows = [(name, *row[:shown]) for name, row in zip(names, confusion, strict=True)]
    yield from table((head, *short[:shown]), rows, right=range(1, shown + 1))
    if shown < len(names):
        yield f"{len(names) - shown} more columns, for which this terminal is too narrow: --json has them all"


def _or_none(value: float | None) -> str:
    return "" if value is None else number(value)
