"""HDF5: lazy reads in the order asked for within a bounded cache, and files that must be refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from nnctl.core.errors import DataError
from nnctl.data.feeding import in_memory
from nnctl.data.feeding.from_file import read_examples
from nnctl.data.open import Data
from nnctl.data.reading import hdf5_file
from nnctl.data.sources import hdf5
from nnctl.data.sources.hdf5 import HDF5, ArrayOnDisk
from tests.data.examples import examples
from tests.data.given import opened

X = np.random.default_rng(0).normal(size=(41, 3, 2)).astype(np.float32)
Y = np.arange(41) % 5


def stay_on_disk(monkeypatch: pytest.MonkeyPatch, memory: int = 0) -> None:
    """Every data set is large, and the machine has `memory` bytes to hold them."""
    monkeypatch.setattr(hdf5, "IN_MEMORY", 0)
    monkeypatch.setattr(in_memory, "budget", lambda: memory)


def write(directory: Path, **options: Any) -> None:
    with h5py.File(directory / "a.h5", "w") as file:
        file.create_dataset("group/x", data=X, **options)
        file["y"] = Y


@pytest.mark.parametrize("options", [{}, {"chunks": (4, 3, 2)}, {"chunks": (7, 1, 2), "compression": "gzip"}])
@pytest.mark.parametrize("cache", [0, 200, 1 << 20])
def test_lazy_reads_equal_memory(
    tmp_path: Path, options: dict[str, Any], cache: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, **options)
    stay_on_disk(monkeypatch)
    monkeypatch.setattr(hdf5, "CACHE", cache)
    column = HDF5(path="a.h5").read(tmp_path).columns["group/x"]
    assert isinstance(column.values, ArrayOnDisk)  # type: ignore[union-attr]
    stored = column.values  # type: ignore[union-attr]
    random = np.random.default_rng(2)
    for size in (0, 1, 6, 41):
        rows = random.integers(0, 41, size)
        np.testing.assert_array_equal(stored.take(rows), X[rows])
        assert sum(chunk.nbytes for chunk in stored.kept.values()) <= cache


def test_training_data_is_the_same_lazily(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, chunks=(4, 3, 2))
    config = {
        "source": "a.h5",
        "inputs": "group/x",
        "target": "y",
        "split": {"test": 0.2},
        "columns": {"group/x": {"scale": "standard"}},
    }
    one = opened(tmp_path, config, categorical={"y": True})
    stay_on_disk(monkeypatch)
    two = opened(tmp_path, config, categorical={"y": True})
    assert one.preprocessing == two.preprocessing
    for name, array in examples(one.train).items():
        np.testing.assert_array_equal(examples(two.train)[name], array)


def on_disk(data: Data) -> set[str]:
    """The inputs and targets that batches read from disk."""
    parts = {**data.train.inputs, **data.train.targets}
    return {name for name, part in parts.items() if not part.feed.kept()}


def test_what_fits_in_memory_is_held_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a random order; the values are those on disk, and a plan counts them."""
    write(tmp_path, chunks=(20, 3, 2))
    config = {"source": "a.h5", "inputs": "group/x", "target": "y"}
    small = opened(tmp_path, config)
    stay_on_disk(monkeypatch, X.nbytes + Y.nbytes)
    held = opened(tmp_path, config)
    assert on_disk(held) == set()
    assert held.nbytes >= X.nbytes
    np.testing.assert_array_equal(examples(held.train)["input"], examples(small.train)["input"])
    stay_on_disk(monkeypatch, X.nbytes + Y.nbytes - 1)
    assert on_disk(opened(tmp_path, config)) == {"input"}
    stay_on_disk(monkeypatch, X.nbytes + Y.nbytes)
    for order in (False, "batch", 8):
        assert on_disk(opened(tmp_path, {**config, "shuffle": order})) == {"input", "y"}
    assert not held.train.on_disk
    assert opened(tmp_path, {**config, "shuffle": 8}).train.on_disk


@pytest.mark.parametrize(("rows", "warned"), [(20, True), (16, True), (15, False), (None, False)])
def test_chunks_that_make_a_random_order_slow(
    rows: int | None, warned: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, chunks=None if rows is None else (rows, 3, 2))
    config = {"source": "a.h5", "inputs": "group/x", "target": "y"}

    def said(**more: Any) -> list[str]:
        return [w.message for w in opened(tmp_path, config | more).warnings if "chunks" in w.message]

    assert said() == []
    stay_on_disk(monkeypatch)
    assert len(said()) == warned
    assert all(f"stored in chunks of {rows} rows" in message for message in said())
    assert said(shuffle=False) == said(shuffle="batch") == said(shuffle=64) == []


def test_a_bad_value_read_lazily_is_placed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = X.copy()
    bad[17, 1, 1] = np.inf
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"], file["y"] = bad, Y
    stay_on_disk(monkeypatch)
    data = opened(tmp_path, {"source": "a.h5", "inputs": "x", "target": "y"})
    with pytest.raises(DataError, match=r"a.h5:18, column 'x': the value is infinite"):
        examples(data.train)


def test_a_negative_weight_read_lazily_is_placed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = np.arange(len(Y), dtype=np.float64)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"], file["y"], file["w"], file["v"] = X, Y, weights, weights - np.where(weights == 17, 17.5, 0)
    stay_on_disk(monkeypatch)
    config = {"source": "a.h5", "inputs": "x", "target": "y"}
    good = opened(tmp_path, {**config, "sample_weight": "w"}).train
    assert examples(good)["sample_weight"].tolist() == weights.tolist()
    bad = opened(tmp_path, {**config, "sample_weight": "v"}).train
    with pytest.raises(DataError, match=r"a.h5:18, column 'v': a sample weight is negative"):
        examples(bad)


def test_columns_side_by_side_read_lazily(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["u"], file["v"], file["y"] = X[:, 0], X[:, 1, 0], Y
    stay_on_disk(monkeypatch)
    data = opened(tmp_path, {"source": "a.h5", "inputs": ["v", "u"], "target": "y"})
    expected = np.column_stack([X[:, 1, 0], X[:, 0]])
    np.testing.assert_array_equal(examples(data.train)["input"], expected)


def test_fixed_text_becomes_words(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"], file["y"] = X[:4], np.array([b"b", b"a", b"b", b"cc"])
    data = opened(tmp_path, {"source": "a.h5", "target": "y"})
    assert data.class_names == {"y": ("a", "b", "cc")}


@pytest.mark.parametrize("dtype", [h5py.string_dtype(), h5py.string_dtype("ascii"), "S6"])
@pytest.mark.parametrize("bound", [1, 1 << 20])
def test_text_becomes_classes(
    tmp_path: Path, dtype: Any, bound: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As h5py writes labels by default, or of fixed length; blanks around them do not count."""
    monkeypatch.setattr(hdf5_file, "_TEXT", bound)
    labels = ["setosa", "iris ", "setosa", " iris"]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = X[:4]
        file.create_dataset("y", data=labels, dtype=dtype)
    data = opened(tmp_path, {"source": "a.h5", "target": "y"}, categorical={"y": True})
    assert data.class_names == {"y": ("iris", "setosa")}
    assert examples(data.train)["y"].tolist() == [1, 0, 1, 0]
    again = read_examples(tmp_path / "a.h5", data.preprocessing)
    assert examples(again)["y"].tolist() == [1, 0, 1, 0]


def test_text_that_cannot_be_classes(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = X[:4]
        file.create_dataset("y", data=[b"a", b"\xff", b"a", b"a"], dtype=h5py.string_dtype())
        file.create_dataset("z", data=[["a", "b"]] * 4, dtype=h5py.string_dtype())
    for name, message in (("y", "is not UTF-8"), ("z", "must have one axis")):
        with pytest.raises(DataError, match=rf"a.h5, column '{name}': .*{message}"):
            opened(tmp_path, {"source": "a.h5", "inputs": "x", "target": name})


def _external_link(file: h5py.File) -> None:
    file["x"] = h5py.ExternalLink("secret.h5", "/x")


def _soft_link(file: h5py.File) -> None:
    file["real"] = X
    file["x"] = h5py.SoftLink("/real")


def _external_storage(file: h5py.File) -> None:
    file.create_dataset("x", (4,), dtype="u1", external=[("secret.bin", 0, 4)])


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout(shape=(4,), dtype="f4")
    layout[:] = h5py.VirtualSource("secret.h5", "x", shape=(4,))
    file.create_virtual_dataset("x", layout)


def _variable_length(file: h5py.File) -> None:
    file.create_dataset("x", (2,), dtype=h5py.vlen_dtype(np.int32))


def _references(file: h5py.File) -> None:
    file.create_dataset("x", data=[file.ref], dtype=h5py.ref_dtype)


def _records(file: h5py.File) -> None:
    file.create_dataset("x", data=np.zeros(2, dtype=[("a", "f4")]))


def _hollow(file: h5py.File) -> None:
    file.create_dataset("x", (10**12,), dtype="f8", chunks=(1024,))


def _deep(file: h5py.File) -> None:
    file["/".join("abcdefghijkl") + "/x"] = X


@pytest.mark.parametrize(
    "hostile",
    [
        _external_link,
        _soft_link,
        _external_storage,
        _virtual,
        _variable_length,
        _references,
        _records,
        _hollow,
        _deep,
    ],
)
def test_hostile_files(tmp_path: Path, hostile: Any) -> None:
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x"] = np.zeros(4, np.float32)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        hostile(file)
    if hostile is _soft_link:
        # What stands beside a link is read; who wants the link gets the error.
        table = HDF5(path="a.h5").read(tmp_path)
        assert list(table.columns) == ["real"]
        with pytest.raises(DataError, match=r"a.h5, column 'x': is a link to another place"):
            opened(tmp_path, {"source": "a.h5", "inputs": "x"})
        return
    with pytest.raises(DataError, match=r"a.h5"):
        HDF5(path="a.h5").read(tmp_path)
    with h5py.File(tmp_path / "b.h5", "w") as file:
        hostile(file)
        file["y"] = Y
    if hostile is not _deep:
        assert list(HDF5(path="b.h5").read(tmp_path).columns) == ["y"]


def test_a_circle_of_groups_ends(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["g/x"] = X
        file["g/again"] = file["g"]
    assert list(HDF5(path="a.h5").read(tmp_path).columns) == ["g/x"]


@pytest.mark.parametrize("size", [0, 3, 500, 1500])
def test_cut_off_files(tmp_path: Path, size: int) -> None:
    write(tmp_path)
    raw = (tmp_path / "a.h5").read_bytes()
    (tmp_path / "b.h5").write_bytes(raw[:size])
    with pytest.raises(DataError, match=r"b.h5"):
        HDF5(path="b.h5").read(tmp_path)


def test_as_many_chunks_as_memory_is_for_stay_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """64 MiB of a data set; the least recently used leaves first, and one of over a quarter never stays."""
    assert (hdf5.IN_MEMORY, hdf5.CACHE) == (64 * 2**20, 64 * 2**20)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        x = file.create_dataset("x", (20, 2), "f4", chunks=(2, 2), data=np.arange(40.0).reshape(20, 2))
        monkeypatch.setattr(hdf5, "CACHE", 64)
        stored = hdf5.ArrayOnDisk(x, "a.h5", "x")
        assert (stored.block, stored.limit, stored.chunk_rows) == (2, 4, 2)
        for rows, kept in (([0, 1], [0]), ([9, 2, 2], [0, 1, 4]), ([6], [0, 1, 4, 3]), ([1], [1, 4, 3, 0])):
            found = stored.take(np.array(rows))
            assert found.tolist() == [[2.0 * r, 2.0 * r + 1] for r in rows]
            assert list(stored.kept) == kept
        stored.take(np.array([19]))
        assert list(stored.kept) == [4, 3, 0, 9]
        monkeypatch.setattr(hdf5, "CACHE", 63)
        direct = hdf5.ArrayOnDisk(x, "a.h5", "x")
        assert (direct.block, direct.chunk_rows) == (0, 2)
        assert direct.take(np.array([5, 4, 19, 5])).tolist() == [[10, 11], [8, 9], [38, 39], [10, 11]]
        assert direct.take(np.array([], dtype=np.int64)).shape == (0, 2)
        assert not direct.kept
        whole = file.create_dataset("y", data=np.arange(3.0))
        plain = hdf5.ArrayOnDisk(whole, "a.h5", "y")
        assert (plain.block, plain.chunk_rows) == (0, 1)
        assert plain.whole().tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("gap", "span"), [(0, 1), (16, 24), (16, 1 << 20), (1 << 20, 80), (1 << 20, 1 << 20)]
)
def test_rows_that_lie_near_each_other_are_read_at_once(
    gap: int, span: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (hdf5.GAP, hdf5.SPAN) == (32 << 10, 1 << 20)
    monkeypatch.setattr(hdf5, "GAP", gap)
    monkeypatch.setattr(hdf5, "SPAN", span)
    values = np.arange(60.0, dtype=">f4").reshape(30, 2)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        stored = hdf5.ArrayOnDisk(file.create_dataset("x", data=values), "a.h5", "x")
        for rows in ([], [7], [3, 4, 5], [28, 0, 2, 9, 10, 13, 29, 2], [*range(30)], [*range(0, 30, 2)]):
            assert stored.take(np.array(rows, np.int64)).tolist() == values[rows].tolist()
    reads: list[tuple[int, int]] = []

    class Counted:
        shape, dtype, chunks = (30, 2), np.dtype("f4"), None

        def __getitem__(self, rows: slice) -> Any:
            reads.append((rows.start, rows.stop))
            return values[rows]

        def read_direct(self, out: Any, source: slice, target: slice) -> None:
            out[target] = self[source]

    hdf5.ArrayOnDisk(Counted(), "a.h5", "x").take(np.array([0, 2, 9, 10, 13, 28, 29]))  # type: ignore[arg-type]
    assert (
        reads
        == {
            (0, 1): [(0, 1), (2, 3), (9, 10), (10, 11), (13, 14), (28, 29), (29, 30)],
            (16, 24): [(0, 3), (9, 11), (13, 14), (28, 30)],
            (16, 1 << 20): [(0, 3), (9, 11), (13, 14), (28, 30)],
            (1 << 20, 80): [(0, 10), (10, 14), (28, 30)],
            (1 << 20, 1 << 20): [(0, 30)],
        }[gap, span]
    )


def test_how_many_objects_and_how_deep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (hdf5_file._DEPTH, hdf5_file._OBJECTS, hdf5_file._TEXT) == (8, 10_000, 256 * 2**20)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a/b/c/d/e/f/g/x"] = X
        file["y"] = Y
        assert sorted(name for name, _ in hdf5_file.datasets(file, "a.h5")) == ["a/b/c/d/e/f/g/x", "y"]
        monkeypatch.setattr(hdf5_file, "_OBJECTS", 9)
        assert len(list(hdf5_file.datasets(file, "a.h5"))) == 2
        monkeypatch.setattr(hdf5_file, "_OBJECTS", 8)
        with pytest.raises(DataError, match=r"^a\.h5: holds too many objects, or groups nested too deep$"):
            list(hdf5_file.datasets(file, "a.h5"))
        monkeypatch.setattr(hdf5_file, "_OBJECTS", 1)
        with pytest.raises(DataError, match=r"^a\.h5: holds 2 objects in one group$"):
            list(hdf5_file.datasets(file, "a.h5"))
        monkeypatch.undo()
        file["a/b/c/d/e/f/g/h/x"] = X
        with pytest.raises(DataError, match="groups nested too deep"):
            list(hdf5_file.datasets(file, "a.h5"))


def test_a_claim_that_the_stored_bytes_back_as_far_as_they_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = np.zeros(10)
        for free, ratio, refused in ((0, 1, False), (80, 0.5, False), (79, 0.5, True)):
            monkeypatch.setattr(hdf5_file, "FREE", free)
            monkeypatch.setattr(hdf5_file, "RATIO", ratio)
            ((_, found),) = hdf5_file.datasets(file, "a.h5")
            assert isinstance(found, DataError) == refused
    assert str(found) == (
        "a.h5, column 'x': claims 80 bytes of data, but stores 80, over the bound of 0.5 to 1\n"
        "  if this is real data, store it uncompressed"
    )


def test_an_array_without_a_shape_is_named(tmp_path: Path) -> None:
    """HDF5's null dataspace: there is no value, not even none of a kind."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"], file["y"] = h5py.Empty("f4"), np.arange(4.0)
    with pytest.raises(DataError, match=r"a\.h5, column 'x': holds no values"):
        opened(tmp_path, {"source": "a.h5", "inputs": "x", "target": "y"})
