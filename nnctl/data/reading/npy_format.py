"""Reading one .npy array: the header is held against the bytes there are before anything is allocated."""

from __future__ import annotations

import ast
import re
import warnings
from math import prod
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from nnctl.core.errors import DataError
from nnctl.core.records import record
from nnctl.data.table import Column, Numbers, coded

_MAGIC = b"\x93NUMPY"
_HEADER_LIMIT = 10_000
_DTYPE = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248]|[SU][1-9]\d{0,5})")


@record
class NpyHeader:
    """What an .npy file says of itself."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    offset: int
    """Where the data begins."""

    @property
    def nbytes(self) -> int:
        """The size of the data."""
        return prod(self.shape) * self.dtype.itemsize


class NoRows(DataError):
    """An array without axes: it is no column, but may stand beside columns."""


def read_header(stream: IO[bytes], size: int, file: str) -> NpyHeader:
    """The header at the start of `stream`, which holds `size` bytes in all.

    Raises:
        DataError: it is damaged, describes Python objects, or claims more data than there is.
    """
    start = stream.read(8)
    if start[:6] != _MAGIC or len(start) < 8 or start[6] not in (1, 2, 3):
        raise DataError("is not an .npy array", file=file)
    width = 2 if start[6] == 1 else 4
    length = int.from_bytes(stream.read(width), "little")
    if length > min(_HEADER_LIMIT, size):
        raise DataError(f"has an .npy header of {length} bytes", file=file)
    fields = _literal(stream.read(length).decode("latin-1"), file)
    header = NpyHeader(
        _dtype(fields["descr"], file), fields["shape"], fields["fortran_order"], 8 + width + length
    )
    if header.nbytes + header.offset > size:
        raise DataError(
            f"claims {header.nbytes} bytes of data, but holds {max(0, size - header.offset)}", file=file
        )
    return header


def _literal(text: str, file: str) -> dict[str, Any]:
    try:
        with warnings.catch_warnings(action="ignore"):
            fields = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise DataError("has a damaged .npy header", file=file) from error
    keys = {"descr": (str, list), "fortran_order": bool, "shape": tuple}
    if (
        not isinstance(fields, dict)
        or set(fields) != set(keys)
        or not all(isinstance(fields[k], t) for k, t in keys.items())  # type: ignore[arg-type]
        or len(fields["shape"]) > 16
        or not all(type(n) is int and 0 <= n < 2**48 for n in fields["shape"])
    ):
        raise DataError("has a damaged .npy header", file=file)
    return fields


def _dtype(described: Any, file: str) -> np.dtype[Any]:
    if not isinstance(described, str) or not _DTYPE.fullmatch(described):
        kind = "Python objects" if "O" in str(described) else f"type {described!r}"
        raise DataError(f"holds {kind}; only numbers, booleans and fixed-length text are read", file=file)
    return np.dtype(described)


def read_array(
    stream: IO[bytes], size: int, file: str, rows: int | None = None
) -> tuple[npt.NDArray[Any], int]:
    """The array (its first `rows` rows if given), and the number of rows it has in all.

    Raises:
        DataError: as `read_header`, or the stream ends early; a scalar holds no rows.
    """
    header = read_header(stream, size, file)
    if not header.shape:
        raise NoRows("holds a single value, not rows", file=file)
    total = header.shape[0]
    keep = total if rows is None or header.fortran else min(rows, total)
    shape = (keep, *header.shape[1:])
    flat = read_exactly(stream, prod(shape) * header.dtype.itemsize, file)
    array = np.frombuffer(flat, dtype=header.dtype)
    array = array.reshape(shape[::-1]).T if header.fortran else array.reshape(shape)
    return native(array[:rows] if rows is not None else array), total


class ArrayStream:
    """An array that is read a few rows at a time, in order.

    Raises:
        DataError: as `read_array`.
    """

    def __init__(self, stream: IO[bytes], size: int, file: str) -> None:
        self.stream, self.file = stream, file
        self.header = read_header(stream, size, file)
        if not self.header.shape:
            raise NoRows("holds a single value, not rows", file=file)
        self.rows = self.header.shape[0]
        self.row_bytes = prod(self.header.shape[1:]) * self.header.dtype.itemsize
        self._whole: npt.NDArray[Any] | None = None
        self._at = 0

    def take(self, rows: int) -> npt.NDArray[Any]:
        """The next `rows` rows."""
        if self.header.fortran:
            return self._slice(rows)
        flat = read_exactly(self.stream, rows * self.row_bytes, self.file)
        return native(np.frombuffer(flat, self.header.dtype).reshape(rows, *self.header.shape[1:]))

    def _slice(self, rows: int) -> npt.NDArray[Any]:
        """Columns first: rows are not together in the file, so all of it is read."""
        if self._whole is None:
            flat = read_exactly(self.stream, self.header.nbytes, self.file)
            self._whole = np.frombuffer(flat, self.header.dtype).reshape(self.header.shape[::-1]).T
        self._at += rows
        return native(self._whole[self._at - rows : self._at])


def read_exactly(stream: IO[bytes], size: int, file: str) -> bytearray:
    """`size` bytes, growing as they come. Raises DataError if there are fewer."""
    data = bytearray()
    while len(data) < size:
        piece = stream.read(min(size - len(data), 1 << 24))
        if not piece:
            raise DataError(f"ends after {len(data)} of {size} bytes of data", file=file)
        data += piece
    return data


def native(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The array contiguous and in this machine's byte order."""
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))


def column_of(array: npt.NDArray[Any], file: str, name: str) -> Column:
    """The array (N, ...) as a column; text becomes words, empty text a missing value.

    Raises:
        DataError: text is not UTF-8, or text is not one word a row.
    """
    if array.dtype.kind not in "SU":
        return Numbers(array)
    if array.ndim != 1:
        raise DataError("an array of text must have one axis", file=file, column=name)
    distinct, codes = np.unique(array, return_inverse=True)
    try:
        words = [w.decode() if isinstance(w, bytes) else w for w in distinct.tolist()]
    except UnicodeDecodeError as error:
        raise DataError("holds text that is not UTF-8", file=file, column=name) from error
    return coded(words, codes.astype(np.int32))
