"""Why a file of weights is refused, case by case; how long texts, deep paths and large chunks may be."""

from __future__ import annotations

import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from h5py import h5d, h5g, h5s, h5t

from nnctl.storage import hdf5_reader as hdf5
from nnctl.storage.hdf5_reader import FileRefused, Hdf5Reader
from tests.storage.test_hostile_hdf5 import CORPUS, F4, forge

LINK = "is a soft or external link; nnctl follows neither"
TYPE = "is neither an integer nor a float array"
WHY = {
    **dict.fromkeys(("external_link", "external_link_as_group", "soft_link", "soft_link_to_itself"), LINK),
    **dict.fromkeys(
        ("variable_length", "variable_length_text", "object_reference", "region_reference"), TYPE
    ),
    **dict.fromkeys(("compound", "enumeration", "opaque", "array_type"), TYPE),
    **dict.fromkeys(("committed_type", "group"), "is not a dataset"),
    "external_storage": "is stored in another file",
    "virtual_dataset": "is a virtual dataset",
    "other_float": "is <f8 (3,), expected <f4 (3,)",
    "other_byte_order": "is >f4 (3,), expected <f4 (3,)",
    "other_shape": "is <f4 (3, 1), expected <f4 (3,)",
    "scalar": "is <f4 (), expected <f4 (3,)",
    "huge_shape": "is <f4 (1099511627776, 1048576), expected <f4 (3,)",
    "nothing_stored": "does not hold the bytes that its shape needs",
    "chunked": "is chunked; nnctl writes contiguous arrays",
    "compressed": "is chunked; nnctl writes contiguous arrays",
    "missing": "is missing",
}


@pytest.mark.parametrize("name", WHY)
def test_why_an_array_is_refused(tmp_path: Path, name: str) -> None:
    path = forge(tmp_path, CORPUS[name])
    as_text = (
        WHY[name] if WHY[name] in (LINK, "is not a dataset", "is missing") else "is not a fixed-length string"
    )
    with Hdf5Reader(path) as reader:
        for read, why in (
            (lambda: reader.array("a", F4, (3,)), WHY[name]),
            (lambda: reader.text("a"), as_text),
        ):
            with pytest.raises(FileRefused) as caught:
                read()
            assert str(caught.value) == f"{path}: 'a' {why}"


def stored(directory: Path, **datasets: object) -> Path:
    with h5py.File(directory / "f.h5", "w") as file:
        for name, value in datasets.items():
            file[name] = value
    return directory / "f.h5"


def refusal(path: Path, name: str, **options: bool) -> str:
    with Hdf5Reader(path, **options) as reader, pytest.raises(FileRefused) as caught:
        reader.text(name)
    return str(caught.value)


def test_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one cell, in UTF-8, and up to a length."""
    path = stored(
        tmp_path, a=np.bytes_("äb".encode()), b=np.array([b"x"]), c=np.bytes_(b"\xff"), d=np.bytes_("abcde")
    )
    assert (hdf5.MAX_TEXT, hdf5.MAX_DEPTH, hdf5.MAX_CHUNK) == (64 * 2**20, 32, 64 * 2**20)
    monkeypatch.setattr(hdf5, "MAX_TEXT", 3)
    with Hdf5Reader(path) as reader:
        assert reader.text("a") == "äb"
    for name, why in {
        "b": "is not one text of acceptable length",
        "c": "is not UTF-8",
        "d": "is not one text of acceptable length",
    }.items():
        assert refusal(path, name) == f"{path}: '{name}' {why}"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "is not a plain path"),
        ("a/", "is not a plain path"),
        ("g/./a", "is not a plain path"),
        ("g/../a", "is not a plain path"),
        ("a\0", "is not a plain path"),
        ("a/b", "is missing"),
        ("g/b", "is missing"),
        ("/".join(["x"] * 32), "is missing"),
        ("/".join(["x"] * 33), "lies too deep"),
    ],
)
def test_paths(name: str, why: str, tmp_path: Path) -> None:
    path = stored(tmp_path, **{"a": 1.0, "g/a": 2.0})
    assert refusal(path, name) == f"{path}: '{name}' {why}"


def test_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they are read, up to so many bytes, and unpacked by known filters."""
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file.create_dataset("a", (8,), F4, chunks=(4,), compression="gzip", data=np.arange(8))
        file.create_dataset("b", (8,), F4, chunks=(5,), data=np.arange(8))
        file.create_dataset("c", (8,), F4, chunks=(4,), compression="lzf", data=np.arange(8))
        file.create_dataset("d", (10_000,), F4, chunks=(4,))
    monkeypatch.setattr(hdf5, "MAX_CHUNK", 16)
    with Hdf5Reader(tmp_path / "f.h5", filters=True) as reader:
        assert reader.array("a", F4, (8,)).tolist() == list(range(8))
        for name, size, why in (
            ("b", 8, "has chunks that are too large"),
            ("c", 8, "is compressed by a filter that nnctl does not read"),
            ("d", 10_000, "lacks some of its chunks"),
        ):
            with pytest.raises(FileRefused) as caught:
                reader.array(name, F4, (size,))
            assert str(caught.value) == f"{tmp_path / 'f.h5'}: '{name}' {why}"


def test_a_file_that_is_given_open_stays_open(tmp_path: Path) -> None:
    path = stored(tmp_path, a=np.zeros((0, 3), F4), b=np.array([1, 2], "<i8"))
    with open(path, "rb") as given:
        with Hdf5Reader(path, given) as reader:
            assert reader.array("a", F4, (0, 3)).shape == (0, 3)
            assert reader.array("b", np.dtype("<i8"), (2,)).tolist() == [1, 2]
            with pytest.raises(FileRefused, match="'a' is not a group"):
                reader.names("a")
        assert not given.closed
    with Hdf5Reader(path) as reader:
        own = reader._own
    assert own is not None
    assert own.closed


def test_types_that_numpy_has_no_word_for(tmp_path: Path) -> None:
    """Bit fields, floats of ten bytes and more, floats of another precision, whole numbers of odd sizes."""
    three, sixteen = h5t.STD_I64LE.copy(), h5t.STD_I64LE.copy()
    three.set_size(3)
    sixteen.set_size(16)
    other = h5t.IEEE_F32LE.copy()  # bfloat16
    other.set_fields(15, 7, 8, 0, 7)
    other.set_size(2)
    with h5py.File(tmp_path / "f.h5", "w") as file:
        space = h5s.create_simple((3,))
        kinds = [h5t.STD_B16LE, h5t.NATIVE_LDOUBLE, other, three, sixteen]
        for name, kind in zip((b"a", b"b", b"c", b"d", b"e"), kinds, strict=True):
            h5d.create(file.id, name, kind, space)
    with Hdf5Reader(tmp_path / "f.h5") as reader:
        for name in "abcde":
            with pytest.raises(FileRefused) as caught:
                reader.describe(name)
            assert str(caught.value) == f"{tmp_path / 'f.h5'}: '{name}' {TYPE}"


@pytest.mark.parametrize(
    "dtype", ["<f2", "<f4", "<f8", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8"]
)
def test_every_type_that_is_written_is_read(dtype: str, tmp_path: Path) -> None:
    value = np.arange(6).astype(dtype).reshape(2, 3)
    with Hdf5Reader(stored(tmp_path, a=value)) as reader:
        assert reader.describe("a") == (np.dtype(dtype), (2, 3))
        np.testing.assert_array_equal(reader.array("a", np.dtype(dtype), (2, 3)), value)


def test_a_text_that_is_not_stored(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file.create_dataset("a", (), "S5")
    assert refusal(tmp_path / "f.h5", "a").endswith("'a' does not hold the bytes that its shape needs")


def test_as_many_bytes_as_the_file_has(tmp_path: Path) -> None:
    """Chunks that lie over one another claim more: here all three are at the first one's place."""
    path = tmp_path / "f.h5"
    with h5py.File(path, "w") as file:
        made = file.create_dataset("a", data=np.arange(30_000, dtype="u1"), chunks=(10_000,))
        first, *others = (made.id.get_chunk_info(i).byte_offset for i in range(3))
    assert path.stat().st_size == others[1] + 10_000
    with Hdf5Reader(path, filters=True) as reader:
        assert reader.array("a", np.dtype("u1"), (30_000,)).sum() == np.arange(30_000, dtype="u1").sum()
    data = path.read_bytes()
    for offset in others:
        data = data.replace(offset.to_bytes(8, "little"), first.to_bytes(8, "little"))
    end = first + 10_000
    data = data.replace(path.stat().st_size.to_bytes(8, "little"), end.to_bytes(8, "little"))
    path.write_bytes(data[:end])
    with (
        Hdf5Reader(path, filters=True) as reader,
        pytest.raises(FileRefused, match="claims more bytes than the file has"),
    ):
        reader.array("a", np.dtype("u1"), (30_000,))


def test_nothing_stays_open(tmp_path: Path) -> None:
    """Neither a file that is refused nor what was found in one that is closed; a given one is the giver's."""
    (tmp_path / "x").write_bytes(b"no HDF5")
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(FileRefused) as caught:
        Hdf5Reader(tmp_path / "x")
    assert len(os.listdir("/proc/self/fd")) == before, caught
    with open(tmp_path / "x", "rb") as given:
        with pytest.raises(FileRefused):
            Hdf5Reader(tmp_path / "x", given)
        assert not given.closed
    with Hdf5Reader(stored(tmp_path, a=np.zeros(3))) as reader:
        found = reader._dataset("a")
        assert found.valid
    assert not found.valid


@pytest.mark.parametrize(
    "error",
    [OSError, RuntimeError, ValueError, TypeError, KeyError, OverflowError, MemoryError],
)
def test_whatever_the_library_says(
    error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stored(tmp_path, a=np.zeros(3))

    def fail(*args: object) -> None:
        raise error(*said)

    with Hdf5Reader(path) as reader:
        monkeypatch.setattr(h5g, "open", fail)
        for said, told in (((), error.__name__), (("odd\nand more",), "odd")):
            told = repr("odd\nand more") if error is KeyError and said else told
            for name, shown in (("", "the root"), ("g", "g")):
                with pytest.raises(FileRefused) as caught:
                    reader.names(name)
                assert str(caught.value) == f"{path}: '{shown}' cannot be read: {told}"
