"""Data that a Python program holds, as a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nnctl.core.errors import DataError
from nnctl.data.reading.npy_format import column_of, native
from nnctl.data.table import Origin, Table

NAME = "data"
"""What errors call it instead of a file."""


def table_of(data: Any) -> Table:
    """Columns by name, or one array under a name of its own; rows are counted from 0, as Python does.

    Args:
        data: A mapping of names to arrays or lists, a DataFrame, or an array (N, ...).

    Raises:
        DataError: a column holds neither numbers nor words.
    """
    if hasattr(data, "columns"):
        given = {str(name): data[name] for name in data.columns}
    elif hasattr(data, "items"):
        given = {str(name): values for name, values in data.items()}
    else:
        given = {NAME: data}
    columns = {name: column_of(_array(values, name), NAME, name) for name, values in given.items()}
    return Table(columns, Origin(NAME, 0), max(map(len, columns.values()), default=0))


def _array(values: Any, name: str) -> npt.NDArray[Any]:
    array = np.asarray(values)
    if array.dtype.kind == "O" or (array.dtype.kind in "SU" and not isinstance(values, np.ndarray)):
        # Of a list of words and numbers NumPy would make words silently.
        cells: list[Any] = list(values)
        if all(cell is None or isinstance(cell, str | float) for cell in cells) and any(
            isinstance(cell, str) for cell in cells
        ):
            array = np.array(["" if cell is None or cell != cell else str(cell) for cell in cells])
    if array.ndim == 0 or array.dtype.kind not in "biufSU":
        raise DataError(f"holds {array.dtype} values; numbers and words are known", NAME, column=name)
    return native(array) if array.dtype.kind in "iuf" else array
