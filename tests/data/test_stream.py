"""Files for `predict`, read block by block: the same examples, kept columns and errors as read whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from nnctl.core.errors import DataError
from nnctl.data.feeding.stream import kept_of, read_blocks
from nnctl.data.preprocessing import Preprocessing
from nnctl.data.reading import blocks, lines, text_blocks
from nnctl.data.sources.text import CSV
from tests.data.examples import examples
from tests.data.given import opened, write
from tests.data.whole import read_inputs


@pytest.fixture(params=[1, 2, 3, 7, 1000])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many rows a block has."""
    monkeypatch.setattr(blocks, "BLOCK_ROWS", request.param)
    monkeypatch.setattr(text_blocks, "BLOCK_ROWS", request.param)
    monkeypatch.setattr(lines, "CHUNK", request.param)
    return int(request.param)


def streamed(path: Path, preprocessing: Preprocessing, *keep: str) -> tuple[Any, dict[str, list[Any]], int]:
    """All blocks put together: inputs by name, what is kept, and how many blocks there were."""
    found = list(read_blocks(path, preprocessing, "float32", keep))
    names = preprocessing.inputs
    arrays = [examples(block.examples) for block in found]
    kept = {name: [cell for block in found for cell in block.kept[name]] for name in keep}
    return {name: np.concatenate([a[name] for a in arrays]) for name in names}, kept, len(found)


def table(directory: Path, **more: Any) -> Preprocessing:
    """A model of a number that is filled and scaled, and a word."""
    rows = "".join(f"{i * 1.5},{'ab'[i % 2]},{i}\n" for i in range(20))
    write(directory, "train.csv", "x,w,y\n" + rows)
    columns = {"x": {"missing": "mean", "scale": "standard"}, "w": {"unknown": "other"}}
    config = {"source": {"path": "train.csv"}, "target": "y", "inputs": ["x", "w"], "columns": columns}
    return opened(directory, config | more).preprocessing


CELLS = {
    "plain": "id,x,w\n007,1.5,a\n012,,b\n3,2,new\n4,3.25,a\n5,1e3,b\nA6,7,a\n7.0,8,a\n",
    "without a column of ids": "w,x\na,1\nb,2\n" + "a,3\n" * 9,
    "quotes, blank lines, long cells": 'id,x,w\n"a\nb",1,a\n\n\n"c ""d""",2,b\n,3,a\n"x,y",4,b\n\n5,5,a\n',
    "no end of line": "id,x,w\n1,1,a\n2,2,b",
}


@pytest.mark.parametrize("text", CELLS.values(), ids=list(CELLS))
def test_text(text: str, size: int, tmp_path: Path) -> None:
    preprocessing = table(tmp_path)
    path = tmp_path / "new.csv"
    path.write_text(text)
    whole = read_inputs(path, preprocessing)
    keep = ["id", "row"] if text.startswith("id") else ["row"]
    arrays, kept, count = streamed(path, preprocessing, *keep)
    np.testing.assert_array_equal(arrays["input"], examples(whole)["input"])
    assert kept["row"] == [whole.origin.row(i) for i in whole.rows.tolist()]
    assert count >= len(whole) / size


def test_cells_are_kept_as_they_are_written(size: int, tmp_path: Path) -> None:
    """Ids keep their zeros, markers of missing values their letters, also of a column that is an input."""
    preprocessing = table(tmp_path)
    path = tmp_path / "new.csv"
    path.write_text("id,x,w\n007,1.50,a\nNA,NA,b\n9007199254740993,2,new\n")
    _, kept, _ = streamed(path, preprocessing, "id", "x", "w")
    assert kept == {"id": ["007", "NA", "9007199254740993"], "x": ["1.50", "NA", "2"], "w": ["a", "b", "new"]}


def test_numbers_alone_and_a_word_late(size: int, tmp_path: Path) -> None:
    """The quick way for plain numbers, left in the middle of the file."""
    rows = "".join(f"{i},{i % 7},{i / 3}\n" for i in range(20))
    write(tmp_path, "train.csv", "x,z,y\n" + rows)
    config = {"source": {"path": "train.csv"}, "target": "y", "inputs": ["x", "z"]}
    preprocessing = opened(tmp_path, config).preprocessing
    path = tmp_path / "new.csv"
    path.write_text("z,note,x\n" + "".join(f"{i},{i},{i * 2}\n" for i in range(9)) + "3,word,4\n5,6,7\n")
    whole = read_inputs(path, preprocessing)
    arrays, kept, _ = streamed(path, preprocessing, "row")
    np.testing.assert_array_equal(arrays["input"], examples(whole)["input"])
    assert kept["row"] == list(range(2, 13))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,w\n1,a\n2,b\n3,a\n4,a,b\n", "new.csv:5: has 3 cells, but there are 2 columns"),
        ("x,w\n1,a\n\n2,b\n3,a\nfour,a\n", "new.csv:6, column 'x': 'four' is not a number"),
        ('x,w\n1,"a\nb"\n2,b\n3,\n', "new.csv:5, column 'w': the value is missing"),
        ("x,w\n1,a\n2,b\n3,a\ninf,a\n", "new.csv:5, column 'x': the value is infinite"),
        ("x,v\n1,2\n", "new.csv: has no column 'w'"),
    ],
)
def test_errors_keep_their_rows(text: str, message: str, size: int, tmp_path: Path) -> None:
    preprocessing = table(tmp_path)
    path = tmp_path / "new.csv"
    path.write_text(text)
    for read in (read_inputs, streamed):
        with pytest.raises(DataError) as caught:
            read(path, preprocessing)
        assert message in str(caught.value)


def test_a_column_that_is_not_there_cannot_be_kept(tmp_path: Path) -> None:
    preprocessing = table(tmp_path)
    with pytest.raises(DataError, match=r"has no column 'id' to keep\n.*it has: x, w, y"):
        streamed(tmp_path / "train.csv", preprocessing, "id")


def test_an_error_does_not_list_ten_thousand_columns(tmp_path: Path) -> None:
    preprocessing = table(tmp_path)
    path = tmp_path / "new.csv"
    names = [f"c{i}" for i in range(10_000)]
    path.write_text(f"{','.join(names)}\n{','.join('1' for _ in names)}\n")
    for keep in ([], ["some other name"]):
        with pytest.raises(DataError, match=r"it has: c0, c1, .* and 9,988 more$"):
            streamed(path, preprocessing, *keep)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("ending", ["npy", "npz", "packed.npz", "h5"])
def test_arrays(ending: str, order: Any, size: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    np.savez(tmp_path / "train.npz", image=rng.integers(0, 255, (9, 4, 3), np.uint8), label=np.arange(9) % 3)
    config = {"source": {"path": "train.npz"}, "target": "label", "columns": {"image": {"scale": 255}}}
    preprocessing = opened(tmp_path, config, categorical={"label": True}).preprocessing
    image = np.asarray(rng.integers(0, 255, (11, 4, 3)), np.uint8, order=order)
    arrays = {"image": image, "id": np.array([f"n{i}" for i in range(11)], "S4"), "t": np.arange(11) * 0.5}
    path = tmp_path / f"image.{ending}"
    if ending == "npy":
        np.save(path, image)
    elif ending == "h5":
        with h5py.File(path, "w") as file:
            for name, values in arrays.items():
                file[name] = values
    else:
        (np.savez if ending == "npz" else np.savez_compressed)(path, **arrays)
    keep = ["row"] if ending == "npy" else ["id", "t", "row"]
    found, kept, count = streamed(path, preprocessing, *keep)
    whole = read_inputs(path, preprocessing)
    np.testing.assert_array_equal(found["input"], examples(whole)["input"])
    assert kept["row"] == [whole.origin.row(i) for i in range(11)]
    assert count == -(-11 // size)
    if "id" in keep:
        assert (kept["id"], kept["t"]) == ([f"n{i}" for i in range(11)], [i * 0.5 for i in range(11)])


@pytest.mark.parametrize("ending", ["npz", "h5"])
def test_arrays_of_unequal_length(ending: str, tmp_path: Path) -> None:
    """An array that nobody needs may have any length; those that belong together may not."""
    rows = "".join(f"{i},{i % 7},{i / 3}\n" for i in range(20))
    write(tmp_path, "train.csv", "x,z,y\n" + rows)
    config = {"source": {"path": "train.csv"}, "target": "y", "inputs": ["x", "z"]}
    preprocessing = opened(tmp_path, config).preprocessing

    def stored(**arrays: Any) -> Path:
        path = tmp_path / f"new.{ending}"
        if ending == "npz":
            np.savez(path, **arrays)
        else:
            with h5py.File(path, "w") as file:
                for name, values in arrays.items():
                    file[name] = values
        return path

    found, _, _ = streamed(stored(x=np.arange(3.0), z=np.arange(3.0), other=np.arange(5.0)), preprocessing)
    assert found["input"].tolist() == [[0, 0], [1, 1], [2, 2]]
    with pytest.raises(DataError, match="column 'x' has 3 rows, but column 'z' has 4"):
        streamed(stored(x=np.arange(3.0), z=np.arange(4.0)), preprocessing)


@pytest.mark.parametrize("length", [1, 2, 4])
@pytest.mark.parametrize("stride", [1, 2, 5])
@pytest.mark.parametrize("group", [None, "g"])
def test_windows(group: str | None, stride: int, length: int, size: int, tmp_path: Path) -> None:
    """Windows cross blocks and no series; strides are counted from where a series begins."""
    rng = np.random.default_rng(length * stride)
    names = np.repeat(["a", "b", "a", "c", "d"], [8, 1, 5, 9, 6])
    rows = [f"{x:.3f},{name},{i}" for i, (x, name) in enumerate(zip(rng.random(29), names, strict=True))]
    write(tmp_path, "train.csv", "x,g,t\n" + "\n".join(rows) + "\n")
    window = {"length": length, "stride": stride, "horizon": 1, "group": group}
    config = {"source": {"path": "train.csv"}, "target": "x", "inputs": ["x"], "window": window}
    preprocessing = opened(tmp_path, config).preprocessing
    path = tmp_path / "train.csv"
    whole = read_inputs(path, preprocessing)
    arrays, kept, _ = streamed(path, preprocessing, "t", "row")
    np.testing.assert_array_equal(arrays["input"], examples(whole)["input"])
    ends = whole.rows + length - 1
    assert kept == {"t": [str(i) for i in ends], "row": [i + 2 for i in ends]}


def test_series_by_ids_that_look_like_numbers_for_a_while(size: int, tmp_path: Path) -> None:
    """A block that holds only 007 must not call it 7: the next one, with A13, would begin another series."""
    ids = ["007"] * 9 + ["7"] * 5 + ["A13"] * 4 + ["007"] * 6
    rows = [f"{i},{name}" for i, name in enumerate(ids)]
    write(tmp_path, "train.csv", "x,g\n" + "\n".join(rows) + "\n")
    window = {"length": 3, "group": "g"}
    config = {"source": {"path": "train.csv"}, "target": "x", "inputs": ["x"], "window": window}
    preprocessing = opened(tmp_path, config).preprocessing
    arrays, kept, _ = streamed(tmp_path / "train.csv", preprocessing, "row")
    whole = read_inputs(tmp_path / "train.csv", preprocessing)
    np.testing.assert_array_equal(arrays["input"], examples(whole)["input"])
    assert kept["row"] == [4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 18, 19, 22, 23, 24, 25]


def test_too_few_rows_for_a_window(size: int, tmp_path: Path) -> None:
    write(tmp_path, "train.csv", "x\n" + "".join(f"{i}\n" for i in range(9)))
    config = {"source": {"path": "train.csv"}, "target": "x", "inputs": ["x"], "window": {"length": 4}}
    preprocessing = opened(tmp_path, config).preprocessing
    write(tmp_path, "new.csv", "x\n1\n2\n3\n")
    with pytest.raises(DataError, match=r"new\.csv: has 3 rows, too few for a window of 4"):
        streamed(tmp_path / "new.csv", preprocessing)


def test_what_is_carried_over_of_rows_in_any_order(size: int, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,name\n" + "".join(f"{i},n{i}\n" for i in range(7)))
    source = CSV(path="a.csv")
    rows = np.array([5, 0, 6, 0, 3])
    found = kept_of(source, tmp_path, ["name", "row"], rows)
    assert found == {"name": ["n5", "n0", "n6", "n0", "n3"], "row": [7, 2, 8, 2, 5]}
    assert kept_of(source, tmp_path, ["row"], rows[:1]) == {"row": [7]}
    with pytest.raises(DataError) as caught:
        kept_of(source, tmp_path, ["nam"], rows)
    assert str(caught.value) == "a.csv: has no column 'nam' to keep\n  did you mean 'name'?"


def test_how_many_rows_make_a_block() -> None:
    """16,384, or as many as 16 MiB hold; one at least."""
    rows = [blocks.block_rows(size) for size in (0, 1, 1024, 1025, 2**20, 2**24, 2**25)]
    assert rows == [16384, 16384, 16384, 16368, 16, 1, 1]


def test_a_part_of_all_examples_comes_in_pieces(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.arange(65_537), y=np.arange(65_537) % 3)
    train = opened(tmp_path, {"source": "a.npz", "target": "y"}).train
    found = [(start, values.shape) for start, values in train.pieces(train.inputs["input"], "float32")]
    assert found == [(0, (65_536, 1)), (65_536, (1, 1))]
