"""nnctl's HDF5 metadata against the HDF5 library's reading of it."""

from __future__ import annotations

import hashlib
import io
import math
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnctl.runs import image
from nnctl.runs.image import pieces
from nnctl.storage.hdf5_layout import checksum, lay_out
from nnctl.storage.hdf5_writer import hdf5

DTYPES = ["<f2", "<f4", "<f8", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8"]


def write(path: Path, texts: dict[str, str], arrays: dict[str, np.ndarray]) -> None:
    path.write_bytes(b"".join(pieces(texts, arrays, {"format": "nnctl model", "version": "1"})))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0xDEADBEEF),
        (b"Four score and seven years ago", 0x17770551),
    ],
)
def test_checksum_known_answers(data: bytes, expected: int) -> None:
    assert checksum(data) == expected


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (3, 5), (2, 0, 4), (2, 1, 3, 1, 2)])
def test_every_dtype_and_rank(tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    raw = np.frombuffer(rng.bytes(math.prod(shape) * np.dtype(dtype).itemsize), dtype).reshape(shape)
    write(tmp_path / "f", {}, {"g/a": raw, "b": raw})
    with h5py.File(tmp_path / "f") as file:
        for name in ("g/a", "b"):
            dataset = file[name]
            assert dataset.dtype == np.dtype(dtype)
            assert dataset.shape == shape
            assert dataset[()].tobytes() == raw.tobytes()


def test_extreme_values(tmp_path: Path) -> None:
    values = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, 1e-45])
    arrays = {t: values.astype(t) for t in ("<f4", "<f8")}
    arrays |= {t: np.array([np.iinfo(t).min, np.iinfo(t).max], t) for t in ("<i8", "<u8", "|i1")}
    write(tmp_path / "f", {}, arrays)
    with h5py.File(tmp_path / "f") as file:
        for name, array in arrays.items():
            assert file[name][()].tobytes() == array.tobytes()


def test_attributes_texts_and_many_links(tmp_path: Path) -> None:
    arrays = {f"weights/layer_{i}/kernel": np.full(i % 5, i, "<f4") for i in range(700)}
    texts = {"config": "ä" * 5000, "empty": "", "deep/er/text": "x\ny"}
    write(tmp_path / "f", texts, arrays)
    with h5py.File(tmp_path / "f") as file:
        assert dict(file.attrs) == {"format": b"nnctl model", "version": b"1"}
        assert {name: file[name][()].decode() for name in texts} == texts
        assert h5py.check_string_dtype(file["config"].dtype).encoding == "utf-8"
        assert len(file["weights"]) == 700
        for name, array in arrays.items():
            np.testing.assert_array_equal(file[name], array)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 4048, 4049, 4064, 4065, 70_000])
def test_attributes_of_groups_and_texts_of_any_length(length: int) -> None:
    """Also of groups that hold nothing else; a text is longer than what a header can hold."""
    text, words = ("{}" * length)[:length].encode(), (b"a", "größe".encode(), b"")
    groups = {"g": {"words": words, "none": ()}, "empty/below": {"note": b"x", "version": "3"}}
    data = b"".join(hdf5({"g/a": np.arange(3, dtype="<f4")}, {"config": text, "more": text}, groups))
    with h5py.File(io.BytesIO(data)) as file:
        assert (file.attrs["config"], file.attrs["more"]) == (text.decode(), text.decode())
        assert [bytes(word) for word in file["g"].attrs["words"]] == list(words)
        assert file["g"].attrs["none"].shape == (0,)
        assert dict(file["empty/below"].attrs) == {"note": "x", "version": b"3"}
        assert list(file["empty/below"]) == []
        np.testing.assert_array_equal(file["g/a"], [0, 1, 2])
    with io.BytesIO(data) as held, h5py.File(held, "r+") as file:
        file.attrs["more"] = "y" * 9000
        file["g"].attrs["later"] = 3
        assert file.attrs["config"] == text.decode()
    with pytest.raises(ValueError, match="below an array"):
        hdf5({"g/a": np.arange(3, dtype="<f4")}, {}, {"g/a": {"x": "y"}})


NAMES = st.text(min_size=1, max_size=300).filter(lambda t: "/" not in t and "\0" not in t and t != ".")


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(NAMES.filter(lambda t: t.isprintable()), st.integers(0, 9), max_size=8))
def test_any_name(sizes: dict[str, int]) -> None:
    arrays = {f"g/{name}": np.arange(n, dtype="<i4") for name, n in sizes.items()}
    data = b"".join(pieces({}, arrays, {}))
    with h5py.File(io.BytesIO(data)) as file:
        assert sorted(file["g"] if sizes else []) == sorted(sizes)
        for name, array in arrays.items():
            np.testing.assert_array_equal(file[name], array)


def test_h5py_may_change_such_a_file(tmp_path: Path) -> None:
    write(tmp_path / "f", {"config": "{}"}, {"g/a": np.arange(6, dtype="<f4").reshape(2, 3)})
    with h5py.File(tmp_path / "f", "r+") as file:
        file["g/a"][1] = 9
        file["g/new"] = np.ones((4, 7))
        file["g"].attrs["x"] = 3
        for i in range(20):
            file[f"more/{i}"] = i
        del file["config"]
    with h5py.File(tmp_path / "f") as file:
        np.testing.assert_array_equal(file["g/a"], [[0, 1, 2], [9, 9, 9]])
        assert file["g/new"].shape == (4, 7)
        assert "config" not in file


def test_arrays_are_aligned_and_stay_where_they_are_when_texts_grow() -> None:
    specs = [("w/a", "<f4", (3,)), ("w/b", "<f8", (0,)), ("w/c", "<i8", (5, 7))]
    short = lay_out([*specs, ("config", "|S4096", ())], {}, 512)
    long = lay_out([*specs, ("config", "|S8192", ())], {}, 512)
    assert short.offsets == long.offsets
    assert short.offsets[1] is None
    assert all(o % 64 == 0 for o in short.offsets if o is not None)


@pytest.mark.parametrize(
    "specs",
    [
        [("a", "<c8", (1,))],
        [("a", "|b1", (1,))],
        [("a", ">f4", (1,))],
        [("a", "|O", (1,))],
        [("a", "<f4", ()), ("a", "<f4", ())],
        [("a", "<f4", ()), ("a/b", "<f4", ())],
        [("a/b", "<f4", ()), ("a", "<f4", ())],
    ],
)
def test_what_cannot_be_saved(specs: list[tuple[str, str, tuple[int, ...]]]) -> None:
    with pytest.raises(ValueError, match=r"cannot be saved|used twice|below an array"):
        lay_out(specs, {}, 512)


def test_writing_does_not_import_h5py() -> None:
    code = (
        "import sys; from tests.runs.examples import example_model;"
        "from nnctl.runs.store import CheckpointStore;"
        "import nnctl.runs.recorder, nnctl.runs.find, nnctl.runs.decision, tempfile, pathlib;"
        "CheckpointStore(pathlib.Path(tempfile.mkdtemp())).commit(example_model(1));"
        "assert 'h5py' not in sys.modules and 'numba' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_the_bytes_stay_as_they_are() -> None:
    """Of every type and rank, names short and long, deep groups, texts and checksums of every length."""
    rng = np.random.default_rng(3)
    arrays = {
        f"{'deep/' * (i % 3)}{'n' * (3, 255, 256)[i % 3]}{i}": rng.integers(0, 99, shape).astype(dtype)
        for i, (dtype, shape) in enumerate(
            (dtype, shape) for dtype in DTYPES for shape in ((), (0,), (3,), (2, 5), (1, 4, 3), (40_000,))
        )
    }
    whole = b"".join(pieces({"config": "x" * 5000, "deep/text": ""}, arrays, {"format": "nnctl", "v": "1"}))
    assert hashlib.sha256(whole).hexdigest()[:16] == "ff7a2c01eeb3d831"
    sums = [checksum(bytes(range(n))) for n in range(80)]
    assert hashlib.sha256(np.array(sums, "<u4").tobytes()).hexdigest()[:16] == "73b8fe417a4f55d6"
    layout = lay_out([("a", "<f4", (3,)), ("g/b", "<i2", (0, 2))], {}, 512)
    assert (layout.offsets, layout.size) == ((896, None), 908)
    assert [at for at, _ in layout.metadata] == [512, 560, 636, 718, 777]


def test_a_long_name_has_a_wide_length() -> None:
    """Up to 255 bytes its length takes one byte, above two."""
    sizes = []
    for length in (254, 255, 256):
        layout = lay_out([("n" * length, "<f4", (3,))], {}, 512)
        sizes.append(len(layout.metadata[1][1]))
    assert np.diff(sizes).tolist() == [1, 2]


def test_a_text_has_room_for_the_next_one_and_ends_in_a_nul(tmp_path: Path) -> None:
    for length, room in ((0, 4096), (4095, 4096), (4096, 8192), (8191, 8192), (8192, 12288)):
        write(tmp_path / "f", {"a": "x" * length}, {})
        with h5py.File(tmp_path / "f") as file:
            assert file["a"].dtype.itemsize == room


def test_large_arrays_are_not_copied() -> None:
    """From 128 KiB on; smaller ones are joined with what lies around them."""
    large, small = np.ones(1 << 17, "u1"), np.ones((1 << 17) - 1, "u1")
    made = pieces({}, {"a": small, "b": large, "c": small}, {})
    views = [piece for piece in made if isinstance(piece, memoryview)]
    assert [np.shares_memory(view, large) for view in views] == [True]


def test_small_pieces_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image, "_SMALL", 4)
    given = [b"a", b"bc", b"defg", b"hi", b"jk", b"l", b"mnopq", b"rstu", b"v"]
    assert list(image._joined(iter(given))) == [b"abc", b"defg", b"hijk", b"l", b"mnopq", b"rstu", b"v"]
    assert list(image._joined(iter([b"abcd"]))) == [b"abcd"]
