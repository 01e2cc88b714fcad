"""One .npy array: how far each claim of a header may go, what is read of the file, and what errors say."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import DataError
from nnctl.data.reading.npy_format import (
    ArrayStream,
    NoRows,
    column_of,
    read_array,
    read_exactly,
    read_header,
)
from nnctl.data.table import Numbers, Words


def header(text: str, version: int = 1, length: int | None = None) -> bytes:
    """A header of this text, filled up to a length."""
    padded = text.encode().ljust(length or 0) if length else text.encode()
    return (
        b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(padded)) + padded
    )


def says(shape: str, descr: str = "'<f8'", fortran: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}}}"


def saved(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


@pytest.mark.parametrize("version", [1, 2, 3])
def test_what_a_header_says(version: int) -> None:
    """The longest header there may be is 10,000 bytes; then come the data, to the last byte of the file."""
    raw = header(says("(3, 2)", "'>i2'", "True"), version, 10_000) + bytes(12)
    found = read_header(io.BytesIO(raw), len(raw), "x.npy")
    assert (found.shape, found.dtype, found.fortran) == ((3, 2), np.dtype(">i2"), True)
    assert (found.nbytes, found.offset) == (12, len(raw) - 12)


DAMAGED = "has a damaged .npy header"
FOREIGN = "only numbers, booleans and fixed-length text are read"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "is not an .npy array"),
        (b"\x93NUMPY\x01", "is not an .npy array"),
        (b"\x93NUMPX\x01\x00" + header(says("(0,)"))[8:], "is not an .npy array"),
        (header(says("(0,)"), 4), "is not an .npy array"),
        (b"\x93NUMPY\x00\x00" + header(says("(0,)"), 2)[8:], "is not an .npy array"),
        (header(says("(0,)"), 1, 10_001), "has an .npy header of 10001 bytes"),
        (b"\x93NUMPY\x01\x00" + struct.pack("<H", 100) + b" " * 60, "has an .npy header of 100 bytes"),
        (header(says("(1,)")) + bytes(7), "claims 8 bytes of data, but holds 7"),
        (header(says("(3, 2)")), "claims 48 bytes of data, but holds 0"),
        (header("[1, 2]"), DAMAGED),
        (header("{'descr': '<f8', 'shape': (0,)}"), DAMAGED),
        (header(says("[0]")), DAMAGED),
        (header(says("(0,)", fortran="0")), DAMAGED),
        (header(says("(0,)", descr="8")), DAMAGED),
        (header(says("(0.0,)")), DAMAGED),
        (header(says("(-1,)")), DAMAGED),
        (header(says(f"({2**48}, 0)")), DAMAGED),
        (header(says(f"(0, {'1, ' * 16})")), DAMAGED),
        (header(says("(0,)", "'|O'")), f"holds Python objects; {FOREIGN}"),
        (header(says("(0,)", "[('a', 'O')]")), f"holds Python objects; {FOREIGN}"),
        (header(says("(0,)", "'<M8[s]'")), f"holds type '<M8[s]'; {FOREIGN}"),
        (header(says("(0,)", "[('a', '<f4')]")), f"holds type [('a', '<f4')]; {FOREIGN}"),
    ],
)
def test_what_no_header_may_say(raw: bytes, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read_header(io.BytesIO(raw), len(raw), "x.npy")
    assert str(caught.value) == f"x.npy: {message}"


@pytest.mark.parametrize("shape", [(2**48 - 1, 0), (0, *[1] * 15)])
def test_the_largest_shapes(shape: tuple[int, ...]) -> None:
    raw = header(says(str(shape)))
    assert read_header(io.BytesIO(raw), len(raw), "x.npy").shape == shape


def test_a_cut_off_header_is_one_that_claims_too_much() -> None:
    """What is claimed is held against the file's size, which may be less than the header's own end."""
    raw = header(says("(1,)"))
    with pytest.raises(DataError, match=r"claims 8 bytes of data, but holds 0$"):
        read_header(io.BytesIO(raw), len(raw) - 9, "x.npy")


@pytest.mark.parametrize("order", ["C", "F"])
def test_only_what_is_wanted_is_read(order: Any) -> None:
    """But for columns first, where rows are not together."""
    array = np.asarray(np.arange(24.0).reshape(4, 3, 2), dtype=">f4", order=order)
    raw = saved(array)
    for rows, kept in ((1, 1), (3, 3), (4, 4), (9, 4), (0, 0)):
        stream = io.BytesIO(raw)
        found, total = read_array(stream, len(raw), "x.npy", rows)
        np.testing.assert_array_equal(found, array[:kept])
        assert total == 4
        assert found.flags.c_contiguous
        assert found.dtype == np.dtype("=f4")
        assert len(raw) - stream.tell() == ((4 - kept) * 24 if order == "C" else 0)
    stream = io.BytesIO(raw)
    rows_of = ArrayStream(stream, len(raw), "x.npy")
    assert (rows_of.rows, rows_of.row_bytes) == (4, 24)
    for first, last in ((0, 1), (1, 3), (3, 4)):
        part = rows_of.take(last - first)
        np.testing.assert_array_equal(part, array[first:last])
        assert part.dtype == np.dtype("=f4")
        assert len(raw) - stream.tell() == ((4 - last) * 24 if order == "C" else 0)


def test_a_single_value_has_no_rows() -> None:
    raw = saved(np.array(3.5))
    for read in (read_array, ArrayStream):
        with pytest.raises(NoRows, match=r"^x\.npy: holds a single value, not rows$"):
            read(io.BytesIO(raw), len(raw), "x.npy")


class Pieces(io.RawIOBase):
    """A stream of so many bytes, which gives so many at a time and remembers how many were asked for."""

    def __init__(self, size: int, at_once: int) -> None:
        self.left, self.at_once = size, at_once
        self.asked: list[int] = []

    def read(self, size: int = -1) -> bytes:
        self.asked.append(size)
        given = min(size, self.at_once, self.left)
        self.left -= given
        return bytes(given)


def test_bytes_are_asked_for_as_they_come() -> None:
    """No more than are left, and 16 MiB at most: memory grows with what is there, not with claims."""
    stream = Pieces(9, 4)
    assert read_exactly(stream, 9, "x.npy") == bytes(9)
    assert stream.asked == [9, 5, 1]
    stream = Pieces(2**24 + 3, 2**25)
    assert len(read_exactly(stream, 2**24 + 3, "x.npy")) == 2**24 + 3
    assert stream.asked == [2**24, 3]
    with pytest.raises(DataError, match=r"^x\.npy: ends after 5 of 8 bytes of data$"):
        read_exactly(Pieces(5, 4), 8, "x.npy")


def test_text_becomes_words() -> None:
    for array in (np.array(["b", " a", "", "b"]), np.array([b"b", b" a", b"", b"b"])):
        column = column_of(array, "x.npy", "x")
        assert isinstance(column, Words)
        assert [None if c < 0 else column.vocabulary[c] for c in column.codes] == ["b", "a", None, "b"]
    assert isinstance(column_of(np.array([True]), "x.npy", "x"), Numbers)
    with pytest.raises(DataError, match=r"^x\.npy, column 'x': an array of text must have one axis$"):
        column_of(np.array([["a"]]), "x.npy", "x")
    with pytest.raises(DataError, match=r"^x\.npy, column 'x': holds text that is not UTF-8$"):
        column_of(np.array([b"\xff"]), "x.npy", "x")
