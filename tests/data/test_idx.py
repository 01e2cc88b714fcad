"""IDX files: axes, types and lengths to the byte, and what errors say of damaged ones."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from nnctl.core.errors import DataError
from nnctl.data.base import by_ending
from nnctl.data.sources.idx import IDX, read_idx

ONE = b"\0\0\x08\x01\0\0\0\x02ab"
"""Two bytes, a and b."""


def write(directory: Path, raw: bytes, name: str = "a.idx") -> Path:
    (directory / name).write_bytes(gzip.compress(raw) if name.lower().endswith(".gz") else raw)
    return directory / name


@pytest.mark.parametrize(
    ("raw", "plain", "packed"),
    [
        (b"\0\0\x08", "is not an IDX file", None),
        (b"\0\x01\x08\x01\0\0\0\x02ab", "is not an IDX file", None),
        (b"\x01\0\x08\x01\0\0\0\x02ab", "is not an IDX file", None),
        (b"\0\0\x0a\x01\0\0\0\x02ab", "is not an IDX file", None),
        (b"\0\0\x08\0", "is not an IDX file", None),
        (b"\0\0\x08\x02\0\0\0\x02ab", "has a damaged IDX header", None),
        (b"\0\0\x08\x09" + b"\0\0\0\x01" * 9 + b"a", "has a damaged IDX header", None),
        (ONE[:-1], "claims 2 bytes of data, but holds 1", "ends after 1 of 2 bytes of data"),
        (ONE + b"c", "claims 2 bytes of data, but holds 3", "holds more than the 2 bytes of data it claims"),
        (
            b"\0\0\x0b\x02\0\0\0\x02\0\0\0\x03" + b"0" * 11,
            "claims 12 bytes of data, but holds 11",
            "ends after 11 of 12 bytes of data",
        ),
    ],
)
def test_damaged_files(raw: bytes, plain: str, packed: str | None, tmp_path: Path) -> None:
    for name, message in (("a.idx", plain), ("a.idx.GZ", packed or plain)):
        with pytest.raises(DataError) as caught:
            read_idx(write(tmp_path, raw, name), name)
        assert str(caught.value) == f"{name}: {message}"


def test_the_first_rows_and_the_number_of_all(tmp_path: Path) -> None:
    raw = b"\0\0\x0b\x02\0\0\0\x03\0\0\0\x02" + np.arange(6, dtype=">i2").tobytes()
    for name in ("a.idx", "a.idx.gz"):
        file = write(tmp_path, raw, name)
        for rows, kept in ((None, 3), (1, 1), (3, 3), (7, 3)):
            found, total = read_idx(file, name, rows)
            assert found.tolist() == [[0, 1], [2, 3], [4, 5]][:kept]
            assert found.dtype == np.dtype("=i2")
            assert total == 3
    eight = b"\0\0\x08\x08" + b"\0\0\0\x01" * 8 + b"a"
    assert read_idx(write(tmp_path, eight), "a.idx")[0].shape == (1,) * 8


@pytest.mark.parametrize(
    ("axes", "shape"), [((3,), ()), ((3, 2), (2,)), ((3, 2, 1), (2, 1, 1)), ((3, 1, 2, 2), (1, 2, 2))]
)
def test_images_get_an_axis_of_channels(
    axes: tuple[int, ...], shape: tuple[int, ...], tmp_path: Path
) -> None:
    sizes = b"".join(n.to_bytes(4, "big") for n in axes)
    write(tmp_path, bytes([0, 0, 8, len(axes)]) + sizes + bytes(int(np.prod(axes))))
    write(tmp_path, b"\0\0\x08\x01\0\0\0\x03abc", "l.idx")
    alone, both = IDX(images="a.idx"), IDX(images="a.idx", labels="l.idx")
    assert alone.files() == {"images": "a.idx"}
    assert both.files() == {"images": "a.idx", "labels": "l.idx"}
    assert list(alone.read(tmp_path).columns) == ["image"]
    table = both.read(tmp_path, rows=2)
    assert table.columns["image"].shape == shape
    assert [len(column) for column in table.columns.values()] == [2, 2]
    assert (table.total, table.complete, table.options) == (3, False, {"type": "idx"})
    assert [table.at(name).file for name in ("image", "label")] == ["a.idx", "l.idx"]


@pytest.mark.parametrize(
    "name",
    [
        "a.idx",
        "a.idx.gz",
        "a.idx1",
        "a.idx3",
        "a.idx4",
        "a.idx3.gz",
        "train-images-idx3-ubyte",
        "t10k-UBYTE.gz",
    ],
)
def test_names_of_idx_files(name: str) -> None:
    assert by_ending(name) is IDX
    assert by_ending("a.idx2") is None
