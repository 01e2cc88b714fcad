"""The examples of a data set as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nnctl.data.feeding.dataset import Dataset
from nnctl.data.table import Numbers, Rows, Table, Words


def examples(split: Dataset, indices: Rows | None = None) -> dict[str, npt.NDArray[Any]]:
    """What batches are read from, by model input, model output and `sample_weight`; all examples or some.

    The weights of several outputs are `sample_weight:<output>`.
    """
    chosen = np.arange(len(split)) if indices is None else indices
    one = len(split.weights) == 1
    weights = {"sample_weight" if one else f"sample_weight:{o}": part for o, part in split.weights.items()}
    parts = {**split.inputs, **split.targets, **weights}
    out = {name: np.empty((len(chosen), *part.shape), dtype=part.dtype) for name, part in parts.items()}
    for name, part in parts.items():
        split.read(part, chosen, out[name])
    return out


def cells(table: Table, name: str) -> list[Any]:
    """A column's cells as Python's values: words, or None; numbers."""
    column = table.columns[name]
    if isinstance(column, Words):
        return [column.vocabulary[code] if code >= 0 else None for code in column.codes]
    assert isinstance(column, Numbers)
    values = column.values if isinstance(column.values, np.ndarray) else column.values.whole()
    found: list[Any] = values.tolist()
    return found
