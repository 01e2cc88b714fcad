"""NPY, NPZ and IDX files: what is read, and hostile files refused before anything is allocated."""

from __future__ import annotations

import contextlib
import gzip
import io
import pickle
import struct
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnctl.core.errors import DataError, NnctlError
from nnctl.data.reading.npy_format import read_array
from nnctl.data.sources.arrays import NPY, NPZ
from nnctl.data.sources.idx import IDX
from nnctl.data.table import Numbers, Words
from tests.data.examples import examples
from tests.data.given import opened

X = np.random.default_rng(0).integers(0, 256, (13, 5, 3)).astype(np.uint8)
Y = (np.arange(13) % 3).astype(np.int64)


def saved(array: np.ndarray, version: tuple[int, int] | None = None) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version=version, allow_pickle=False)
    return stream.getvalue()


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize("dtype", ["<f4", ">f8", "|b1", "<i2", ">u4", "<f2"])
def test_npy_as_numpy_reads_it(version: tuple[int, int], dtype: str) -> None:
    array = np.arange(24).reshape(4, 2, 3).astype(dtype)
    for stored in (array, np.asfortranarray(array)):
        raw = saved(stored, version)
        found, total = read_array(io.BytesIO(raw), len(raw), "x.npy")
        np.testing.assert_array_equal(found, array)
        assert found.dtype.isnative
        assert total == 4
        first, total = read_array(io.BytesIO(raw), len(raw), "x.npy", rows=3)
        np.testing.assert_array_equal(first, array[:3])
        assert total == 4


def header(text: str) -> bytes:
    padded = text.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded


HOSTILE = {
    "objects": header("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}") + pickle.dumps([1]),
    "records": header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}") + b"0000",
    "huge": header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}") + b"0" * 8,
    "overflow": header("{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296)}"),
    "negative": header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}"),
    "boolean": header("{'descr': '<f8', 'fortran_order': False, 'shape': (True,)}") + b"0" * 8,
    "long double": header("{'descr': '<f16', 'fortran_order': False, 'shape': (1,)}") + b"0" * 16,
    "dates": header("{'descr': '<M8[s]', 'fortran_order': False, 'shape': (1,)}") + b"0" * 8,
    "code": header("__import__('os').system('true')"),
    "deep": header("(" * 3000),
    "extra key": header("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'x': 1}") + b"0" * 8,
    "scalar": header("{'descr': '<f8', 'fortran_order': False, 'shape': ()}") + b"0" * 8,
    "wide text": header("{'descr': '<U9999999', 'fortran_order': False, 'shape': (1,)}"),
    "long header": b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31) + b" " * 100,
    "empty": b"",
    "magic": b"PK\x03\x04aaaaaaaa",
}


@pytest.mark.parametrize("name", list(HOSTILE))
def test_hostile_npy(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.npy").write_bytes(HOSTILE[name])
    with pytest.raises(DataError, match=r"x.npy"):
        NPY(path="x.npy").read(tmp_path)
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("a.npy", HOSTILE[name])
    with pytest.raises(DataError, match=r"x.npz"):
        NPZ(path="x.npz").read(tmp_path)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_mutated_npy(data: st.DataObject) -> None:
    raw = bytearray(saved(np.arange(10.0)))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(NnctlError):
        read_array(io.BytesIO(raw), len(raw), "x.npy")


def test_npz_columns(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", x=X, y=Y, name=np.array(["ü", "", "b"] * 4 + ["b"]))
    table = NPZ(path="a.npz").read(tmp_path)
    assert table.total == 13
    assert isinstance(table.columns["x"], Numbers)
    assert table.columns["x"].dtype == np.uint8
    names = table.columns["name"]
    assert isinstance(names, Words)
    assert names.vocabulary == ("b", "ü")
    assert names.codes[:3].tolist() == [1, -1, 0]


def test_npz_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nnctl.data.reading.bounds.FREE", 1 << 20)
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros(1 << 20))
    with pytest.raises(DataError, match=r"over the bound"):
        NPZ(path="a.npz").read(tmp_path)


def test_npz_that_claims_more_than_the_file_holds(tmp_path: Path) -> None:
    """Its members would have to overlap; what the directory says of one is made larger here."""
    np.savez_compressed(tmp_path / "a.npz", x=X)
    raw = bytearray((tmp_path / "a.npz").read_bytes())
    claim = raw.index(b"PK\1\2") + 20
    raw[claim : claim + 4] = struct.pack("<I", len(raw) + 1)
    (tmp_path / "b.npz").write_bytes(raw)
    with pytest.raises(DataError, match=r"b.npz: claims more compressed data than the file holds"):
        NPZ(path="b.npz").read(tmp_path)
    raw[claim : claim + 4] = struct.pack("<I", len(raw))
    (tmp_path / "b.npz").write_bytes(raw)
    assert NPZ(path="b.npz").read(tmp_path).total == 13


def test_npz_with_something_else_inside(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("../evil.py", "x")
    with pytest.raises(DataError, match=r"which is no .npy array"):
        NPZ(path="a.npz").read(tmp_path)


def test_truncated_and_twice_named_npz(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=X)
    raw = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "b.npz").write_bytes(raw[:200])
    with pytest.raises(DataError, match=r"not a readable .npz"):
        NPZ(path="b.npz").read(tmp_path)
    with zipfile.ZipFile(tmp_path / "c.npz", "w") as archive:
        archive.writestr("x.npy", saved(Y))
        with warnings.catch_warnings(action="ignore"):
            archive.writestr("x.npy", saved(Y))
    with pytest.raises(DataError, match=r"same name"):
        NPZ(path="c.npz").read(tmp_path)


def idx(array: np.ndarray, code: int) -> bytes:
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, code, array.ndim]) + sizes + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.mark.parametrize(
    ("code", "dtype"), [(8, "u1"), (9, "i1"), (11, "i2"), (12, "i4"), (13, "f4"), (14, "f8")]
)
def test_idx_types(tmp_path: Path, code: int, dtype: str) -> None:
    array = np.arange(-3, 3).reshape(3, 2).astype(dtype)
    (tmp_path / "a.idx").write_bytes(idx(array, code))
    column = IDX(images="a.idx").read(tmp_path).columns["image"]
    assert isinstance(column, Numbers)
    np.testing.assert_array_equal(np.asarray(column.values), array)


def test_idx_images_train_scaled(tmp_path: Path) -> None:
    (tmp_path / "i.gz").write_bytes(gzip.compress(idx(X, 8)))
    (tmp_path / "l-ubyte").write_bytes(idx(Y.astype(np.uint8), 8))
    data = opened(
        tmp_path,
        {"source": {"type": "idx", "images": "i.gz", "labels": "l-ubyte", "target": "label"}}
        | {"columns": {"image": {"scale": 255}}},
        categorical={"label": True},
    )
    arrays = examples(data.train)
    np.testing.assert_array_equal(arrays["input"], (X[..., None] / 255.0).astype(np.float32))
    assert arrays["label"].tolist() == Y.tolist()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0\0\x08",
        b"\0\0\x07\x01\0\0\0\x01a",
        b"\0\0\x08\x01\0\0\0\x02a",
        b"\0\0\x08\x01\0\0\0\x01ab",
        b"\0\0\x08\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\0\0\x08\xff" + b"\0" * 64,
    ],
)
@pytest.mark.parametrize("packed", [True, False])
def test_damaged_idx(tmp_path: Path, raw: bytes, packed: bool) -> None:
    name = "a.idx.gz" if packed else "a.idx"
    (tmp_path / name).write_bytes(gzip.compress(raw) if packed else raw)
    with pytest.raises(DataError, match=r"a.idx"):
        IDX(images=name).read(tmp_path)


def test_labels_of_another_length(tmp_path: Path) -> None:
    (tmp_path / "i.idx").write_bytes(idx(X, 8))
    (tmp_path / "l.idx").write_bytes(idx(Y[:5].astype(np.uint8), 8))
    with pytest.raises(DataError, match=r"l.idx: holds 5 labels, but 'i.idx' 13"):
        IDX(images="i.idx", labels="l.idx").read(tmp_path)


def test_arrays_of_other_lengths(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=X, y=Y[:4], z=Y[:2])
    with pytest.raises(DataError, match=r"column 'x' has 13 rows, but column 'y' has 4"):
        opened(tmp_path, {"source": "a.npz", "inputs": "x", "target": "y"})


def test_labels_from_another_npy_are_named_in_errors(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "t.npy", np.where(Y == 2, 0.5, Y))
    source = {"path": "x.npy", "others": {"y": "t.npy"}, "target": "y"}
    with pytest.raises(DataError, match=r"t.npy:3, column 'y': 0.5 is not a class number"):
        opened(tmp_path, {"source": source}, categorical={"y": True})


def test_scaling_by_channel_and_missing_in_arrays(tmp_path: Path) -> None:
    x = np.random.default_rng(1).normal(size=(7, 4, 2))
    x[2, 1, 0] = np.nan
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(7))
    config = {"source": "a.npz", "inputs": "x", "target": "y"}
    with pytest.raises(DataError, match=r"a.npz:3, column 'x': the value is missing"):
        opened(tmp_path, config)
    config["columns"] = {"x": {"scale": "standard", "missing": "mean"}}  # type: ignore[assignment]
    found = examples(opened(tmp_path, config, dtype="float64").train)["input"]
    filled = np.where(np.isnan(x), np.nanmean(x, axis=(0, 1)), x)
    expected = (filled - filled.mean(axis=(0, 1))) / filled.std(axis=(0, 1))
    np.testing.assert_allclose(found, expected, atol=1e-14)


def test_padded_sequences_are_given_as_they_are(tmp_path: Path) -> None:
    ids = np.array([[3, 1, 0, 0], [2, 2, 5, 0], [1, 0, 0, 0]])
    np.savez(tmp_path / "a.npz", ids=ids, y=np.arange(3.0))
    config = {"source": "a.npz", "inputs": "ids", "target": "y"}
    data = opened(tmp_path, config, input_shapes={"text": (None,)}, integer_inputs={"text"})
    assert examples(data.train)["text"].tolist() == ids.tolist()
    assert data.inputs["text"].dtype == "int32"
