"""The examples that a model is most wrong about, as people see examples: pictures, curves, cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.numbers import number
from nnctl.core.records import record
from nnctl.data.feeding.dataset import Dataset
from nnctl.data.feeding.stream import kept_of
from nnctl.data.preprocessing import NumberPrep, SequencePrep
from nnctl.evaluation.curves import evenly
from nnctl.workflow.seen import Seen
from nnctl.workflow.stored import StoredModel

SHOWN = 12
"""How many examples."""
_WIDEST = 96
"""Pixels of a picture in each direction, and steps of a curve: of more than these, evenly spaced ones."""
_SMALLEST = 8
"""An array of two axes is a picture where it has at least so many rows and columns."""
_TOLD = 8
"""How many places or numbers of an example are told."""
_CELL = 200
"""Characters of a cell."""


@record
class WrongExample:
    """An example that a model is wrong about.

    Attributes:
        file, row: Where it is, as a user finds it.
        error: How wrong the model is: see `Seen.errors`.
        wanted, predicted: What there was to say, and what the model said.
        pictures: By input, pixels (H, W, 1 or 3), uint8.
        curves: By input, numbers (T, C).
        cells: By column, what stands in the file.
    """

    file: str
    row: int
    error: float
    wanted: str
    predicted: str
    pictures: Mapping[str, Array]
    curves: Mapping[str, Array]
    cells: Mapping[str, str]


def most_wrong(
    stored: StoredModel, examples: Dataset, seen: Seen, part: Any, columns: Sequence[str] = ()
) -> list[WrongExample]:
    """Those of the largest errors, the largest first; of equal ones the first.

    Args:
        part: The source of the split.
        columns: The order in which cells are given; the others follow.

    Raises:
        DataError: the file cannot be read.
    """
    known = np.flatnonzero(np.isfinite(seen.errors))
    worst = known[np.argsort(-seen.errors[known], kind="stable")][:SHOWN]
    pictures, curves = _arrays(stored, examples, worst)
    cells = _cells(stored, examples, part, worst, columns)
    first = next(iter(examples.inputs.values()))
    found = []
    for at, example in enumerate(worst.tolist()):
        origin, row = examples.place(first, example)
        wanted, predicted = told(seen, example)
        found.append(
            WrongExample(
                file=origin.at(row)[0].file,
                row=origin.row(row),
                error=float(seen.errors[example]),
                wanted=wanted,
                predicted=predicted,
                pictures={name: drawn[at] for name, drawn in pictures.items()},
                curves={name: values[at] for name, values in curves.items()},
                cells={name: column[at] for name, column in cells.items()},
            )
        )
    return found


def told(seen: Seen, example: int) -> tuple[str, str]:
    """What an example's first places want, and what was said of them."""
    places = seen.places_of(example)
    few = places[:_TOLD]
    wanted, predicted = seen.wanted[few], seen.predicted[few]
    if seen.kind == "classes":
        classes = wanted.astype(np.int64), predicted.argmax(axis=1)
        if len(places) == 1 and predicted.min() >= 0:
            own, said = (f"{seen.names[c[0]]} ({predicted[0, c[0]]:.0%})" for c in classes)
            return own, said
        texts = [[seen.names[c] for c in numbers] for numbers in classes]
        return _listed(texts[0], len(places)), _listed(texts[1], len(places))
    if seen.kind == "labels":
        flags = wanted[0], predicted[0] > 0.5
        there, found = ([n for n, on in zip(seen.names, row, strict=True) if on] for row in flags)
        return ", ".join(there) or "none", ", ".join(found) or "none"
    count = seen.wanted[places].size
    texts = [[number(float(v)) for v in values.reshape(-1)[:_TOLD]] for values in (wanted, predicted)]
    return _listed(texts[0], count), _listed(texts[1], count)


def _listed(texts: Iterable[str], count: int) -> str:
    shown = list(texts)
    return ", ".join(shown) + (", ..." if count > len(shown) else "")


def _arrays(
    stored: StoredModel, examples: Dataset, indices: Array
) -> tuple[dict[str, Array], dict[str, Array]]:
    """By input, pictures (N, H, W, C) and curves (N, T, C) of those that are arrays."""
    pictures, curves = {}, {}
    for name, part in examples.inputs.items():
        prep, shape = stored.preprocessing.inputs[name], part.shape
        if prep.dtype == "int32":
            continue
        steps = stored.preprocessing.window is not None or prep.sequence is not None
        array = len(prep.columns) == 1 and _own_shape(prep) != ()
        drawn = drawn_as(shape, steps=steps, array=array)
        if drawn is None:
            continue
        values = np.empty((len(indices), *shape), part.dtype)
        examples.read(part, indices, values)
        if drawn == "picture":
            pictures[name] = pixels(values.reshape(*values.shape[:3], -1))
        else:
            curves[name] = _thinned(values.reshape(len(indices), shape[0], -1), 1)
    return pictures, curves


def drawn_as(shape: tuple[int, ...], *, steps: bool, array: bool) -> Literal["picture", "curve"] | None:
    """How an input of this shape is drawn; None where its columns hold one thing each.

    Args:
        steps: Whether its first axis is that of a sequence or a window.
        array: Whether its one column holds arrays.
    """
    if len(shape) == 3 and shape[2] in (1, 3) and min(shape[:2]) > 1:
        return "picture"
    if len(shape) == 2 and array and not steps and min(shape) >= _SMALLEST:
        return "picture"
    long = shape[:1] >= ((2,) if steps or len(shape) == 2 else (_SMALLEST,))
    return "curve" if long and (len(shape) == 2 or (len(shape) == 1 and (steps or array))) else None


def _own_shape(prep: Any) -> tuple[int, ...]:
    """The shape of a value of an input's first column."""
    column = next(iter(prep.columns.values()))
    return column.shape if isinstance(column, NumberPrep) else ()


def pixels(values: Array) -> Array:
    """Pictures (N, H, W, C) as bytes: 0 is black, 1 is white, or what is the least and the largest."""
    values = _thinned(_thinned(values, 1), 2).astype(np.float64)
    low, high = values.min(initial=0), values.max(initial=1)
    scaled: Array = ((values - low) / (high - low) * 255).round().astype(np.uint8)
    return scaled


def _thinned(values: Array, axis: int) -> Array:
    return values.take(evenly(values.shape[axis], _WIDEST), axis)


def _cells(
    stored: StoredModel, examples: Dataset, part: Any, indices: Array, columns: Sequence[str]
) -> dict[str, list[str]]:
    """By column, what stands in the file, for inputs whose columns hold one thing each."""
    inputs = stored.preprocessing.inputs
    names = {
        column: None
        for name, prep in inputs.items()
        if len(examples.inputs[name].shape) == 1 or prep.dtype == "int32"
        for column, own in prep.columns.items()
        if not isinstance(own, SequencePrep) and _own_shape(prep) == ()
    }
    ordered = [*(c for c in columns if c in names), *(c for c in names if c not in columns)]
    window = stored.preprocessing.window
    rows = examples.rows[indices] + (window.length - 1 if window is not None else 0)
    found = kept_of(part, stored.directory, ordered, rows) if ordered else {}
    return {name: [_cell(value) for value in cells] for name, cells in found.items()}


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= _CELL else f"{text[:_CELL]}..."
