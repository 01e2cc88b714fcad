"""Columns of Arrow as columns of a table: nulls are missing values, lists are sequences."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nnctl.core.errors import DataError
from nnctl.core.records import record
from nnctl.data.reading.numerals import EXACT
from nnctl.data.reading.ragged import FlatRows, Ragged
from nnctl.data.table import Column, Kind, Numbers, Origin, Words, coded

if TYPE_CHECKING:
    import pyarrow as pa

Held = Numbers | Words | DataError


@record
class Read:
    """Columns as they are read.

    Attributes:
        columns: Those that can be columns of a table.
        unread: Why others are none.
        kinds: What the file says that columns are, where numbers and words do not.
    """

    columns: dict[str, Column]
    unread: dict[str, DataError]
    kinds: dict[str, Kind]


def read_columns(fields: Iterable[tuple[str, Any]], origin: Origin) -> Read:
    """Columns by name, each an array of Arrow or one in chunks."""
    columns: dict[str, Column] = {}
    unread: dict[str, DataError] = {}
    kinds: dict[str, Kind] = {}
    for name, array in fields:
        kind = kind_of(array.type)
        try:
            columns[name] = column_of(array, name, origin)
        except DataError as error:
            unread[name] = error
        else:
            if kind is not None:
                kinds[name] = kind
    return Read(columns, unread, kinds)


def kind_of(of: pa.DataType) -> Kind | None:
    """What a column of this type is, where its being numbers or words does not say it."""
    from pyarrow import types

    if types.is_temporal(of):
        return "time"
    if types.is_list(of) or types.is_large_list(of):
        return "sequence"
    return "category" if types.is_dictionary(of) else None


def column_of(array: Any, name: str, origin: Origin) -> Column:
    """An array as a column.

    Raises:
        DataError: it holds what is neither numbers nor words, nor lists of numbers.
    """
    import pyarrow as pa

    if isinstance(array, pa.ChunkedArray):
        array = array.unify_dictionaries().combine_chunks()
    return _reader(array.type, name, origin)(array)


def _reader(of: pa.DataType, name: str, origin: Origin) -> Callable[[Any], Column]:
    from pyarrow import types

    if types.is_boolean(of) or types.is_integer(of) or types.is_floating(of) or types.is_decimal(of):
        return _numbers
    if types.is_string(of) or types.is_large_string(of) or types.is_string_view(of):
        return lambda array: _words(array.dictionary_encode())
    if types.is_dictionary(of):
        return lambda array: _words(array)
    if types.is_timestamp(of) or types.is_date(of):
        return lambda array: _words(_written(array).dictionary_encode())
    if types.is_list(of) or types.is_large_list(of):
        return lambda array: _sequences(array, name, origin)
    if types.is_fixed_size_list(of):
        return lambda array: _arrays(array, name, origin)
    if types.is_null(of):
        return lambda array: Numbers(np.full(len(array), np.nan))
    held = f"holds {of}; numbers, texts, times, and lists of numbers are read"
    raise origin.error(held if len(held) < 200 else held[:200] + "...", column=name)


def _numbers(array: Any) -> Numbers:
    """Numbers; ids beyond what float64 holds keep their names where a value is missing beside them."""
    from pyarrow import compute, types

    if types.is_decimal(array.type):
        array = compute.cast(array, "float64", safe=False)
    if types.is_boolean(array.type) and array.null_count:
        array = compute.cast(array, "int8")
    if not array.null_count:
        return Numbers(_native(array.to_numpy(zero_copy_only=False)))
    whole = types.is_integer(array.type)
    floats = compute.cast(array, "float64", safe=False) if whole else array
    values = _native(floats.to_numpy(zero_copy_only=False))
    with np.errstate(invalid="ignore"):
        beyond = whole and bool((np.abs(values) >= EXACT).any())
    return Numbers(values, _words(compute.cast(array, "string").dictionary_encode()) if beyond else None)


def _native(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("="))


def _words(array: Any) -> Words:
    """Words of an array that is coded already; what is missing has no code."""
    from pyarrow import compute

    known = array.dictionary
    names = compute.cast(_written(known), "string") if not len(known) or known.type != "string" else known
    codes = compute.fill_null(array.indices.cast("int32"), -1)
    words = [name if name is not None else "" for name in names.to_pylist()]
    return coded(words, codes.to_numpy(zero_copy_only=False))


def _written(array: Any) -> Any:
    """Times as ISO 8601 writes them, on the clock of their zone; anything else as it is."""
    from pyarrow import compute, types

    of = array.type
    if types.is_timestamp(of) and of.tz is not None:
        array = compute.local_timestamp(array)
    return compute.cast(array, "string") if types.is_timestamp(of) or types.is_date(of) else array


def _sequences(array: Any, name: str, origin: Origin) -> Numbers:
    """Lists of numbers, each as long as it is."""
    from pyarrow import compute

    _need_all(array, name, origin)
    lengths = compute.list_value_length(array).to_numpy(zero_copy_only=False).astype(np.int64)
    return Numbers(FlatRows(_steps(array.flatten(), name, origin), Ragged.behind_another(lengths)))


def _arrays(array: Any, name: str, origin: Origin) -> Numbers:
    """Lists of one length: an array (N, length, ...)."""
    _need_all(array, name, origin)
    size = array.type.list_size
    steps = _steps(array.flatten(), name, origin)
    return Numbers(steps.reshape(len(array), size, *steps.shape[1:]))


def _steps(array: Any, name: str, origin: Origin) -> npt.NDArray[Any]:
    from pyarrow import types

    of = array.type
    if types.is_fixed_size_list(of):
        values = _arrays(array, name, origin).values
    elif types.is_boolean(of) or types.is_integer(of) or types.is_floating(of):
        values = _numbers(array).values
    else:
        raise origin.error(f"holds lists of {of}; lists of numbers are read", column=name)
    assert isinstance(values, np.ndarray)
    return values


def _need_all(array: Any, name: str, origin: Origin) -> None:
    if array.null_count:
        row = int(np.argmax(array.is_null().to_numpy(zero_copy_only=False)))
        raise origin.error("the list is missing", row, name)
