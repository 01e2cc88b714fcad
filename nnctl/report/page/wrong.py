"""The examples that a model is most wrong about, a card each; and which columns it looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nnctl.core.arrays import Array
from nnctl.core.numbers import number
from nnctl.report.page.charts import importance_bars
from nnctl.report.page.markup import Markup, joined, tag
from nnctl.report.page.parts import chart, note
from nnctl.report.page.png import data_uri
from nnctl.workflow.importance import Importances
from nnctl.workflow.most_wrong import WrongExample
from nnctl.workflow.report import Evaluated

_MOST_CELLS = 12
"""Cells of a card."""
_LONG = 12
"""Characters of a name and its cell that stand side by side."""
_MOST_CHANNELS = 4
"""Lines of a curve."""
_MOST_BARS = 30
"""Columns in the chart of importance."""


def wrong_examples(evaluated: Evaluated) -> Markup:
    """Cards by output."""
    several = len(evaluated.wrong) > 1
    return joined(
        tag("div", tag("h3", name) if several else None, _cards(examples))
        for name, examples in evaluated.wrong.items()
        if examples
    )


def _cards(examples: Sequence[WrongExample]) -> Markup:
    wide = any(example.cells or example.curves for example in examples)
    named = {example.file for example in examples}
    cards = (
        tag(
            "div",
            *(_picture(name, pixels) for name, pixels in example.pictures.items()),
            *(_curve(name, values) for name, values in example.curves.items()),
            _said(example),
            _cells(example.cells),
            tag("div", _where(example, len(named) > 1), class_="note"),
            class_="card",
        )
        for example in examples
    )
    place = note(f"Rows of {named.pop()}, the largest errors first.") if len(named) == 1 else None
    return joined([place, tag("div", *cards, class_="cards rows" if wide else "cards")])


def _where(example: WrongExample, named: bool) -> str:
    return f"row {example.row:,}" + (f" of {example.file}" if named else "")


def _picture(name: str, pixels: Array) -> Markup:
    return tag("img", src=data_uri(pixels), alt=name)


def _curve(name: str, values: Array) -> Markup:
    """Numbers (T, C) as lines over their steps, in a box of 100 x 60."""
    low, high = float(values.min()), float(values.max())
    scale = 56 / (high - low) if high > low else 0.0
    across = 100 / max(1, len(values) - 1)
    lines = (
        tag(
            "polyline",
            points=" ".join(f"{t * across:.2f},{58 - (v - low) * scale:.2f}" for t, v in enumerate(channel)),
        )
        for channel in values.T[:_MOST_CHANNELS].tolist()
    )
    return tag("svg", *lines, viewBox="0 0 100 60", preserveAspectRatio="none", role="img", aria_label=name)


def _cells(cells: Mapping[str, str]) -> Markup:
    if not cells:
        return Markup("")
    shown = list(cells.items())[:_MOST_CELLS]
    left = len(cells) - len(shown)
    more = note(f"and {left:,} more columns") if left > 0 else None
    return joined([tag("dl", *(_named(name, value) for name, value in shown), class_="cells"), more])


def _named(name: str, value: str) -> Markup:
    """A cell beside its column's name; below it where it is long."""
    return tag("div", tag("dt", name), tag("dd", value), class_="long" if len(name + value) > _LONG else None)


def _said(example: WrongExample) -> Markup:
    told = {"wanted": example.wanted, "predicted": example.predicted, "error": number(example.error)}
    pairs = (joined([tag("dt", name), tag("dd", value)]) for name, value in told.items())
    return tag("dl", *pairs, class_="pair")


def importance(found: Importances | str) -> Markup:
    """How much the loss grows where a column's values are another example's."""
    if isinstance(found, str):
        return note(f"Not measured: {found}.")
    shown = found.columns[:_MOST_BARS]
    rows = [
        {"column": one.column, "mean": one.mean, "low": min(one.growth), "high": max(one.growth)}
        for one in shown
    ]
    repeats = len(shown[0].growth)
    told = (
        f"How much the loss, {number(found.loss)}, grows where a column's values are those of other "
        f"examples: the mean of {repeats} permutations (bar), the least and the largest (line), over "
        f"{found.examples:,} examples."
    )
    left = len(found.columns) - len(shown)
    more = note(f"{left:,} more columns matter less.") if left > 0 else None
    bars = importance_bars(rows, [one.column for one in shown])
    return joined([note(told), tag("div", chart("Importance of columns", bars), class_="charts wide"), more])
