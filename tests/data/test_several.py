"""Patterns and lists of files: one table, whose errors name the file and the row in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from pydantic import ValidationError

from nnctl.core.errors import DataError
from nnctl.data.base import Source, no_hint, sources
from nnctl.data.open import open_data
from nnctl.data.spec import DataSpec
from nnctl.data.splitting.trained_on import moved
from tests.data.examples import examples


def source(value: dict[str, Any]) -> Source:
    found: Source = DataSpec.model_validate({"source": value}).source
    return found


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)


@pytest.mark.parametrize("path", ["p*.csv", ["pa.csv", "pb.csv", "pc.csv"], ["pa.csv", "p[bc].csv"]])
def test_rows_follow_each_other_in_the_order_of_names(path: Any, tmp_path: Path) -> None:
    write(tmp_path, pc="x,w\n5,A13\n", pa="x,w\n1,007\n2,8\n", pb="x,w\n4.5,9\n")
    read = source({"type": "csv", "path": path})
    table = read.read(tmp_path)
    assert table.columns["x"].values.tolist() == [1, 2, 4.5, 5]  # type: ignore[union-attr]
    # 007 is a word in every file, because one holds A13 besides.
    words = table.columns["w"]
    assert [words.vocabulary[c] for c in words.codes] == ["007", "8", "9", "A13"]  # type: ignore[union-attr]
    assert table.total == 4
    assert [str(table.origin.error("bad", i, "x")) for i in range(4)] == [
        "pa.csv:2, column 'x': bad",
        "pa.csv:3, column 'x': bad",
        "pb.csv:2, column 'x': bad",
        "pc.csv:2, column 'x': bad",
    ]
    assert read.read(tmp_path, no_hint, 3).longest == 3
    assert read.read(tmp_path, no_hint, 3).total is None
    blocks = read.blocks(tmp_path, no_hint, lambda names, _: ["x"], lambda _: False)
    assert [block.origin.file for block in blocks] == ["pa.csv", "pb.csv", "pc.csv"]
    assert read.size(tmp_path) == sum((tmp_path / f"p{n}.csv").stat().st_size for n in "abc")


def test_the_types_of_columns_and_ids_of_many_digits(tmp_path: Path) -> None:
    write(tmp_path, a="i\n1\n", b="i\n9007199254740993\n")
    (column,) = source({"path": ["a.csv", "b.csv"]}).read(tmp_path).columns.values()
    assert column.values.tolist() == [1, 9007199254740993]  # type: ignore[union-attr]
    write(tmp_path, c="i\n0.5\n")
    (column,) = source({"path": ["b.csv", "c.csv"]}).read(tmp_path).columns.values()
    assert column.dtype == np.float64  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("files", "path", "said"),
    [
        ({"a": "x,y\n1,2\n", "b": "x\n1\n"}, "*.csv", "b.csv: has no column 'y', which 'a.csv' has"),
        ({"a": "x\n1\n"}, "b*.csv", "b*.csv: no file matches this pattern"),
        ({"a": "x\n1\n"}, ["a.csv", "b.csv"], "b.csv: no such file"),
        ({"a": "x\n1\n"}, "no/*.csv", "no/*.csv: no file matches this pattern"),
        ({"a": "x\n1\n", "b": "x\n1,2\n"}, "*.csv", "b.csv:2: has 2 cells, but there are 1 columns"),
    ],
)
def test_what_does_not_fit(files: dict[str, str], path: Any, said: str, tmp_path: Path) -> None:
    write(tmp_path, **files)
    with pytest.raises(DataError) as caught:
        source({"type": "csv", "path": path}).read(tmp_path)
    assert str(caught.value).startswith(said)


def test_a_folder_says_how_to_name_its_files(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    write(tmp_path / "d", a="x\n1\n")
    with pytest.raises(DataError, match=r"d: is a directory, not a file") as caught:
        source({"type": "csv", "path": "d"}).read(tmp_path)
    assert caught.value.hint == "for the files in it: d/*.csv"


@pytest.mark.parametrize(
    "path", ["https://a.b/c.csv", "s3://a/b.csv", "file:/a.csv", ["a.csv", "HTTP://x/y.csv"]]
)
@pytest.mark.parametrize("kind", ["csv", "npy", "npz", "hdf5", "characters"])
def test_an_address_is_refused_by_name(path: Any, kind: str) -> None:
    with pytest.raises(
        ValidationError, match=r"(?i)(https|s3|file|http): is an address; data is read from files"
    ):
        sources.get(kind).model_validate({"path": path})  # type: ignore[union-attr]


def test_an_address_without_a_type(tmp_path: Path) -> None:
    for value in ("https://a.b/c", {"path": "https://a.b/c.csv"}):
        with pytest.raises(ValidationError, match="https: is an address"):
            DataSpec.model_validate({"source": value})


def test_a_file_whose_name_looks_like_a_pattern(tmp_path: Path) -> None:
    write(tmp_path, **{"a[1]": "x\n7\n", "a1": "x\n8\n"})
    (column,) = source({"path": "a[1].csv"}).read(tmp_path).columns.values()
    assert column.values.tolist() == [7]  # type: ignore[union-attr]


def test_arrays_of_several_files(tmp_path: Path) -> None:
    for i, rows in enumerate((2, 3)):
        np.save(tmp_path / f"x{i}.npy", np.arange(rows * 2).reshape(rows, 2) + 10 * i)
        np.save(tmp_path / f"y{i}.npy", np.arange(rows) + 5 * i)
        np.savez(tmp_path / f"z{i}.npz", a=np.arange(rows) + i)
        with h5py.File(tmp_path / f"h{i}.h5", "w") as file:
            file["a"] = np.arange(rows) + i
    table = source({"type": "npy", "path": "x*.npy", "name": "x", "others": {"y": "y*.npy"}}).read(tmp_path)
    assert table.columns["x"].values.tolist() == [[0, 1], [2, 3], [10, 11], [12, 13], [14, 15]]  # type: ignore[union-attr]
    assert table.columns["y"].values.tolist() == [0, 1, 5, 6, 7]  # type: ignore[union-attr]
    assert str(table.at("y").error("bad", 3)) == "y1.npy:2: bad"
    assert str(table.at("x").error("bad", 3)) == "x1.npy:2: bad"
    for path in ("z*.npz", "h*.h5"):
        (column,) = source({"path": path}).read(tmp_path).columns.values()
        assert column.values.tolist() == [0, 1, 1, 2, 3]  # type: ignore[union-attr]
    with pytest.raises(DataError, match=r"x\*.npy: stands for 2 files: `name:` says"):
        source({"path": "x*.npy"}).read(tmp_path)
    with pytest.raises(DataError, match=r"y0.npy, column 'y': stands for 1 files, but `path` for 2"):
        source({"path": "x*.npy", "name": "x", "others": {"y": "y0.npy"}}).read(tmp_path)
    np.save(tmp_path / "x2.npy", np.zeros((1, 3)))
    with pytest.raises(DataError, match=r"x2.npy, column 'x': has the shape \(3,\) a row, where 'x0.npy'"):
        source({"path": "x*.npy", "name": "x"}).read(tmp_path)


def test_images_and_labels_of_several_idx_files(tmp_path: Path) -> None:
    for name, labels in (("a", b"xy"), ("b", b"z")):
        count = len(labels)
        image = b"\0\0\x08\x03" + bytes([0, 0, 0, count, 0, 0, 0, 1, 0, 0, 0, 2]) + bytes(range(2 * count))
        (tmp_path / f"{name}-i.idx").write_bytes(image)
        (tmp_path / f"{name}-l.idx").write_bytes(b"\0\0\x08\x01\0\0\0" + bytes([count]) + labels)
    table = source({"type": "idx", "images": "*-i.idx", "labels": "*-l.idx"}).read(tmp_path)
    assert table.columns["label"].values.tolist() == list(b"xyz")  # type: ignore[union-attr]
    assert table.columns["image"].values[:, 0, :, 0].tolist() == [[0, 1], [2, 3], [0, 1]]  # type: ignore[union-attr,index]
    assert str(table.at("label").error("bad", 2)) == "b-l.idx:1: bad"
    with pytest.raises(DataError, match="stands for 1 files, but `images` for 2"):
        source({"type": "idx", "images": "*-i.idx", "labels": "a-l.idx"}).read(tmp_path)


def test_large_arrays_stay_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nnctl.data.sources.hdf5.IN_MEMORY", 10)
    whole = np.arange(22.0).reshape(11, 2)
    for i, part in enumerate((whole[:7], whole[7:])):
        with h5py.File(tmp_path / f"{i}.h5", "w") as file:
            file["a"] = part
    values: Any = source({"path": "*.h5"}).read(tmp_path).columns["a"].values  # type: ignore[union-attr]
    assert not isinstance(values, np.ndarray)
    rows = np.array([9, 0, 6, 7, 9])
    assert values.take(rows).tolist() == whole[rows].tolist()
    assert values.whole().tolist() == whole.tolist()


def test_the_hash_follows_names_and_content_not_the_place(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder, a="x,y\n1,2\n3,5\n", b="x,y\n4,9\n")
    config = {"source": "one/*.csv", "target": "y", "shuffle": False}
    spec = DataSpec.model_validate(config)
    data = open_data(spec, tmp_path, 0)
    assert examples(data.train)["input"].tolist() == [[1], [3], [4]]
    ((name, file),) = data.files.items()
    assert (name, file.path, file.rows, file.bytes) == ("source.path", "one/*.csv", 3, 20)
    there = moved(spec, tmp_path / "two")
    assert there.source.path == str(tmp_path / "two" / "*.csv")
    assert open_data(there, tmp_path, 0).data_sha256 == data.data_sha256
    (tmp_path / "two" / "b.csv").rename(tmp_path / "two" / "c.csv")
    assert open_data(there, tmp_path, 0).data_sha256 != data.data_sha256
