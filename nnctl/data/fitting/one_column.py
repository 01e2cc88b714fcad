"""Fitting: what the training rows say about means, ranges and classes. Exact sums, so machine independent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from nnctl.core.errors import DataError
from nnctl.data.column_spec import ColumnSpec
from nnctl.data.columns.sequences import look_like_sequences
from nnctl.data.columns.texts import look_like_texts
from nnctl.data.columns.times import numbers
from nnctl.data.feeding.feeds import ScaledNumbers
from nnctl.data.fitting.statistics import extent, moments
from nnctl.data.preprocessing import CategoryPrep, Floats, NumberPrep, TimePrep
from nnctl.data.table import (
    Column,
    Kind,
    Numbers,
    Origin,
    Rows,
    Table,
    Values,
    Words,
    as_words,
    blocks,
    natural,
)
from nnctl.data.time_format import TimePart, look_like_times

MANY_CLASSES = 1000
"""More classes than this in an undeclared column of words are taken for a mistake."""

LARGEST = 1e150
"""Squares of larger values, summed, leave float64's range."""


def fit_number(column: Column, rows: Rows, spec: ColumnSpec, name: str, origin: Origin) -> NumberPrep:
    """How a column of numbers is filled and scaled, from its training `rows`.

    Raises:
        DataError: the column holds words, or nothing but missing values.
    """
    if isinstance(column, Words):
        row = int(np.argmax(column.codes >= 0))
        raise origin.error(
            f"'{column.vocabulary[column.codes[row]]}' is not a number",
            row,
            name,
            hint="the config declares this column a number",
        )
    values, shape = column.values, column.shape
    if spec.scale in ("standard", "minmax") or spec.missing == "mean":
        _check_sums(values, rows, name, origin)
    lanes = shape[-1] if len(shape) > 0 and not isinstance(spec.scale, float) else 1
    fill = _fill(values, rows, spec.missing, lanes, name, origin)
    base: dict[str, Any] = {"shape": shape, "fill": fill}
    plain = ScaledNumbers(values, NumberPrep(**base), name, origin)
    if isinstance(spec.scale, float):
        return NumberPrep(scale="divide", divide=(spec.scale,), **base)
    if spec.scale == "standard":
        means, deviations = moments(plain, rows, lanes)
        divide = tuple(spread(d, abs(mean)) for d, mean in zip(deviations, means, strict=True))
        if divide != deviations:
            # A constant becomes 0 exactly: its mean may be a rounding error away from it.
            found = zip(means, *extent(plain, rows, lanes), strict=True)
            means = tuple(low if low == high else mean for mean, low, high in found)
        return NumberPrep(scale="standard", shift=means, divide=divide, **base)
    if spec.scale == "minmax":
        lows, highs = extent(plain, rows, lanes)
        ends = zip(lows, highs, strict=True)
        spans = tuple(spread(high - low, max(abs(low), abs(high))) for low, high in ends)
        return NumberPrep(scale="minmax", shift=lows, divide=spans, **base)
    return NumberPrep(**base)


def spread(found: float, size: float) -> float:
    """What to divide by: a deviation or range of values of this size; 1 where it is only rounding errors.

    The mean of n equal numbers is off by up to two roundings (2^-52 of it), and so is a missing value that a
    mean fills.
    """
    return found if found > 2.0**-51 * size else 1.0


USUAL_PARTS: tuple[TimePart, ...] = ("year", "month", "day", "weekday", "hour", "minute", "second")
"""What a time becomes unless the config says what."""


def fit_time(column: Column, rows: Rows, spec: ColumnSpec, name: str, origin: Origin) -> TimePrep:
    """The parts of a column of times, each filled and scaled from its training `rows`.

    Raises:
        DataError: it holds something else, or nothing but missing values.
    """
    if column.shape:
        raise origin.error("an array holds no times", column=name)
    parts = spec.parts or USUAL_PARTS
    values = numbers(as_words(column), parts, spec.format, name, origin)
    return TimePrep(
        parts=parts,
        format=spec.format,
        numbers=fit_number(Numbers(values), rows, spec, name, origin),
    )


def fit_category(
    column: Column,
    rows: Rows,
    spec: ColumnSpec,
    name: str,
    origin: Origin,
    encoding: Literal["onehot", "index"],
) -> CategoryPrep:
    """The classes of a column, from its training `rows`.

    Raises:
        DataError: it is an array column, or has suspiciously many classes without being declared a category.
    """
    if column.shape:
        raise origin.error("an array cannot be a category", column=name)
    words = as_words(column)
    counts = np.bincount(words.codes[rows] + 1, minlength=len(words.vocabulary) + 1)[1:]
    classes = natural([w for w, c in zip(words.vocabulary, counts.tolist(), strict=True) if c])
    if len(classes) > MANY_CLASSES and spec.kind is None:
        kind = _kind_of_many(classes)
        raise origin.error(
            f"holds {len(classes)} different words",
            column=name,
            hint=f"leave it out with `inputs: [...]`, or declare columns: {{{name}: {{type: {kind}}}}}",
        )
    if not classes:
        raise origin.error("has no value in the training split", column=name)
    fill: str | None = None
    if spec.missing == "most_frequent":
        by_word = dict(zip(words.vocabulary, counts.tolist(), strict=True))
        fill = max(classes, key=lambda w: by_word[w])
    elif spec.missing not in (None, "error", "other"):
        fill = word_of(spec.missing)
        if fill not in classes:
            raise origin.error(
                f"missing values shall become '{fill}', but the training split has no such class", column=name
            )
    to_other = spec.missing == "other"
    return CategoryPrep(
        words=tuple(classes),
        encoding=encoding,
        fill=fill,
        other=spec.unknown == "other" or to_other,
        missing_other=to_other,
        unknown_other=spec.unknown == "other",
    )


def _kind_of_many(words: Sequence[str]) -> Kind:
    """What a column of so many different words is likely to be."""
    if look_like_times(words):
        return "time"
    if look_like_sequences(words):
        return "sequence"
    return "text" if look_like_texts(words) else "category"


def _check_sums(values: Values, rows: Rows, name: str, origin: Origin) -> None:
    """Raise DataError for a value whose square, or whose sum with others, float64 cannot hold."""
    if values.dtype != np.float64:
        return
    for part, raw in blocks(values, rows):
        over = (np.abs(raw) > LARGEST).reshape(len(part), -1).any(axis=1)
        if over.any():
            i = int(np.argmax(over))
            shown = float(np.nanmax(np.abs(raw[i])))
            raise origin.error(f"a value of {shown:g} is too large to be scaled", int(part[i]), name)


def word_of(value: str | float | None) -> str:
    """What stands in for a missing word, as the column would have it: 3.0 is "3"."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _fill(
    values: Values, rows: Rows, missing: str | float | None, lanes: int, name: str, origin: Origin
) -> Floats | None:
    """What replaces missing values, a lane; None where they are an error."""
    if missing is None or missing == "error":
        return None
    if isinstance(missing, float):
        return (missing,) * lanes
    if missing == "zero":
        return (0.0,) * lanes
    if missing not in ("mean", "median"):
        raise DataError(
            f"missing numbers cannot become '{missing}'",
            column=name,
            hint="expected error, mean, median, zero or a number",
        )
    found = []
    everything = np.concatenate([_lanes(raw, lanes) for _, raw in blocks(values, rows)])
    for lane in range(lanes):
        present = everything[~np.isnan(everything[:, lane]), lane]
        if not len(present):
            raise origin.error("has no value in the training split", column=name)
        found.append(_median(present) if missing == "median" else math.fsum(present.tolist()) / len(present))
    return tuple(found)


def _lanes(raw: npt.NDArray[Any], lanes: int) -> npt.NDArray[np.float64]:
    """A block of values as float64 (elements, lanes)."""
    return raw.reshape(-1, lanes).astype(np.float64)


def _median(values: npt.NDArray[np.float64]) -> float:
    ordered = np.sort(values)
    middle = len(ordered) // 2
    return float(ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2)


def kind_of(table: Table, name: str, spec: ColumnSpec) -> Kind:
    """What a column is: as declared, else as the source holds it. Raises DataError where that is doubtful."""
    if spec.kind:
        return spec.kind
    if name in table.doubts:
        raise table.doubts[name]
    return "number" if isinstance(table.columns[name], Numbers) else "category"
