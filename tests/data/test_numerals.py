"""Numbers, missing values and ids as files write them: no digit is lost, one rule in every command."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from nnctl.core.errors import DataError
from nnctl.data.feeding.from_file import read_examples
from nnctl.data.feeding.stream import read_blocks
from nnctl.data.open import Data
from nnctl.data.reading import lines, text_blocks
from nnctl.data.reading.blocks import below, joined
from nnctl.data.sources import text
from nnctl.data.sources.text import CSV
from nnctl.data.table import Numbers, Origin, Table, Words, as_words
from tests.data.examples import examples
from tests.data.given import opened, write
from tests.data.test_csv import read, values, words
from tests.data.whole import read_inputs

IDS = [9007199254740992, 9007199254740993, 9007199254740994]
"""Around 2^53, where float64 begins to skip whole numbers."""


def saved(directory: Path, ending: str, ids: list[int], x: list[float] | None = None) -> str:
    """A file with the columns id, x and y; its name."""
    rows = len(ids)
    columns = {"id": np.array(ids), "x": np.array(x or range(rows)), "y": np.arange(rows) % 2}
    name = f"a.{ending}"
    if ending == "csv":
        cells = zip(*(c.tolist() for c in columns.values()), strict=True)
        write(directory, name, "id,x,y\n" + "".join(f"{i},{v},{y}\n" for i, v, y in cells))
    elif ending == "npz":
        np.savez(directory / name, **columns)
    else:
        with h5py.File(directory / name, "w") as file:
            for column, array in columns.items():
                file[column] = array
    return name


@pytest.mark.parametrize("ending", ["csv", "npz", "h5"])
class TestIdsBeyondFloats:
    """Ids that float64 cannot tell apart stay apart, whatever they are used for."""

    def test_as_groups(self, ending: str, tmp_path: Path) -> None:
        name = saved(tmp_path, ending, IDS * 4)
        data = opened(tmp_path, {"source": name, "target": "y", "split": {"group": "id", "test": 0.34}})
        rows = {id_: [i for i in range(12) if (IDS * 4)[i] == id_] for id_ in IDS}
        assert data.test is not None
        assert data.test.rows.tolist() in rows.values()

    def test_as_strata(self, ending: str, tmp_path: Path) -> None:
        name = saved(tmp_path, ending, IDS * 4)
        data = opened(tmp_path, {"source": name, "target": "y", "split": {"stratify": "id", "test": 3}})
        assert data.test is not None
        assert sorted(i % 3 for i in data.test.rows.tolist()) == [0, 1, 2]

    def test_as_series(self, ending: str, tmp_path: Path) -> None:
        name = saved(tmp_path, ending, [i for i in IDS for _ in range(4)])
        config = {"source": name, "target": "x", "inputs": "x", "window": {"length": 3, "group": "id"}}
        data = opened(tmp_path, config)
        assert data.train.rows.tolist() == [0, 4, 8]
        found = read_inputs(tmp_path / name, data.preprocessing)
        assert found.rows.tolist() == [0, 1, 4, 5, 8, 9]
        assert read_examples(tmp_path / name, data.preprocessing).rows.tolist() == [0, 4, 8]

    def test_as_classes(self, ending: str, tmp_path: Path) -> None:
        name = saved(tmp_path, ending, IDS * 4)
        config = {"source": name, "target": "y", "inputs": "id", "columns": {"id": "category"}}
        data = opened(tmp_path, config)
        assert data.inputs["input"].shape == (3,)
        found = read_inputs(tmp_path / name, data.preprocessing)
        np.testing.assert_array_equal(examples(found)["input"], np.tile(np.eye(3), (4, 1)))


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (["9007199254740993", "1", ""], ["9007199254740993", "1", None]),
        (["9007199254740993.0", "+7", "0.5"], ["9007199254740993", "7", "0.5"]),
        (["36893488147419103233", "36893488147419103232"], ["36893488147419103233", "36893488147419103232"]),
        (["18446744073709551615", "18446744073709551614"], ["18446744073709551615", "18446744073709551614"]),
        (["-9007199254740993", "-9007199254740992"], ["-9007199254740993", "-9007199254740992"]),
        (["1e300", "2"], [str(int(1e300)), "2"]),
    ],
)
def test_ids_keep_their_digits_beside_anything(
    cells: list[str], names: list[str | None], tmp_path: Path
) -> None:
    """With missing values, fractions or more digits than 64 bits hold; late ones, too."""
    held = as_words(read(tmp_path, "a\n" + "".join(f'"{c}"\n' for c in cells)).columns["a"])
    assert [held.vocabulary[c] if c >= 0 else None for c in held.codes] == names


def test_a_late_id_takes_those_before_it_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "CHUNK", 2)
    monkeypatch.setattr(lines, "CHUNK", 2)
    column = read(tmp_path, "a\n1\n2\n3\n2.5\n9007199254740993\n4\n9007199254740992\n").columns["a"]
    held = as_words(column)
    expected = ["1", "2", "3", "2.5", "9007199254740993", "4", "9007199254740992"]
    assert [held.vocabulary[c] for c in held.codes] == expected
    assert isinstance(column, Numbers)
    assert np.asarray(column.values).tolist() == [1, 2, 3, 2.5, 2.0**53, 4, 2.0**53]


def test_whole_numbers_of_64_bits_are_kept(tmp_path: Path) -> None:
    table = read(tmp_path, "a,b\n9007199254740993,18446744073709551615\n-1,0\n")
    assert values(table, "a") == [9007199254740993, -1]
    assert values(table, "b") == [2**64 - 1, 0]


def test_without_a_header_a_file_reads_as_it_did_in_training(tmp_path: Path) -> None:
    """`01234` stays a word: `eval --data` and `predict` of the training file give training's own arrays."""
    write(tmp_path, "a.csv", "01234,1,0\n1234,2,1\n00234,3,0\n")
    for header, zipped, target in ((["zip", "x", "y"], "zip", "y"), (False, "0", "2")):
        config = {"source": {"path": "a.csv", "header": header}, "target": target}
        config["columns"] = {zipped: {"type": "category", "unknown": "other"}}
        data = opened(tmp_path, config, categorical={target: True})
        trained = examples(data.train)
        for found in (read_examples, read_inputs):
            again = examples(found(tmp_path / "a.csv", data.preprocessing))
            np.testing.assert_array_equal(again["input"], trained["input"])
        write(tmp_path, "inputs.csv", "01234,1\n1234,2\n00234,3\n")
        only = examples(read_inputs(tmp_path / "inputs.csv", data.preprocessing))["input"]
        np.testing.assert_array_equal(only, trained["input"])


def test_training_says_what_a_column_is(tmp_path: Path) -> None:
    """007 and 012 are words where training has A13 besides: in other sources, in `eval`, in `predict`."""
    write(tmp_path, "train.csv", "code,y\n007,1\n012,2\nA13,3\nA13,4\n")
    write(tmp_path, "more.csv", "code,y\n007,1\n012,2\n")
    config = {"train": "train.csv", "validation": "more.csv", "test": "more.csv", "target": "y"}
    config["columns"] = {"y": {"type": "number"}}  # type: ignore[assignment]
    data = opened(tmp_path, config)
    expected = [[1, 0, 0], [0, 1, 0]]
    for part in (data.validation, data.test):
        assert part is not None
        assert examples(part)["input"].tolist() == expected
    for found in (read_inputs, read_examples):
        assert examples(found(tmp_path / "more.csv", data.preprocessing))["input"].tolist() == expected


@pytest.mark.parametrize("cell", ["-999", "-999.0", " -999", "-9.99e2", '" -999 "'])
@pytest.mark.parametrize("marker", ["-999", "-999.0", " -999 ", -999, -999.0])
def test_markers_that_are_numbers_compare_as_numbers(cell: str, marker: str | float, tmp_path: Path) -> None:
    found = values(read(tmp_path, f"a,b\n1,2\n{cell},4\n", missing=[marker]), "a")
    assert found[0] == 1
    assert np.isnan(found[1])


@pytest.mark.parametrize("cell", ["n_a", " n_a", "n_a ", '" n_a "'])
@pytest.mark.parametrize("marker", ["n_a", " n_a "])
def test_markers_are_words_without_their_blanks(cell: str, marker: str, tmp_path: Path) -> None:
    """Among numbers and among words; an underscore in one is no fault."""
    table = read(tmp_path, f"a,b\n1,x\n{cell},{cell}\n2,x\n", missing=[marker])
    assert np.isnan(values(table, "a")[1])
    assert words(table, "b") == ["x", None, "x"]


def test_blanks_around_words_do_not_count(tmp_path: Path) -> None:
    """In text, and in arrays of text."""
    table = read(tmp_path, 'a,b\nred,1\n red ,2\n"red ",3\n')
    assert words(table, "a") == ["red"] * 3


FLOATS = {"x": [1.0, 1e300, 2.0, 3.0], "y": [0, 1, 0, 1]}


@pytest.mark.parametrize("prepared", [{}, {"scale": "standard"}, {"scale": "minmax"}, {"missing": "mean"}])
@pytest.mark.parametrize("ending", ["csv", "npz", "h5"])
@pytest.mark.parametrize("column", ["x", "y"])
def test_a_value_too_large_for_the_model_is_placed(
    column: str, ending: str, prepared: dict[str, Any], tmp_path: Path
) -> None:
    """In training data: the file, the row and the column."""
    name = saved(tmp_path, ending, [1, 2, 3, 4], FLOATS["x"])
    config = {"source": name, "inputs": "id", "target": "x", "columns": {"x": prepared}}
    if column == "x":
        config |= {"inputs": "x", "target": "y"}
    row = 3 if ending == "csv" else 2
    with pytest.raises(DataError, match=rf"{name}:{row}, column 'x': .*1e\+300.* is too large"):
        opened(tmp_path, config)


def trained(directory: Path, **columns: Any) -> Data:
    write(directory, "t.csv", "x,y\n1,1\n2,3\n3,5\n")
    return opened(directory, {"source": "t.csv", "target": "y", "columns": columns})


@pytest.mark.parametrize("prepared", [{}, {"scale": "standard"}, {"scale": 0.5}])
@pytest.mark.parametrize("cell", ["1e300", "-1e39", "3.4e38"])
def test_a_value_too_large_for_predict(cell: str, prepared: dict[str, Any], tmp_path: Path) -> None:
    data = trained(tmp_path, x=prepared)
    write(tmp_path, "new.csv", f"x\n1\n{cell}\n")
    if cell == "3.4e38" and not prepared:
        found = examples(read_inputs(tmp_path / "new.csv", data.preprocessing))["input"]
        assert found[1] == np.float32(3.4e38)
        return
    with pytest.raises(DataError, match=r"new.csv:3, column 'x': .*too large for float32"):
        read_inputs(tmp_path / "new.csv", data.preprocessing)


def test_class_numbers_beyond_int32_are_refused(tmp_path: Path) -> None:
    for value in (-(2**63), 2**31, 2**63 - 1):
        np.savez(tmp_path / "a.npz", x=np.arange(2.0), y=np.array([0, value]))
        with pytest.raises(DataError, match=r"a.npz:2, column 'y': .* is beyond class numbers"):
            opened(tmp_path, {"source": "a.npz", "inputs": "x", "target": "y"}, categorical={"y": True})


@pytest.mark.parametrize("written", [{}, {"unknown": "error"}])
def test_missing_other_leaves_unknown_words_an_error(written: dict[str, str], tmp_path: Path) -> None:
    """`missing: other` speaks of missing values alone; `unknown: other` of words alone."""
    write(tmp_path, "t.csv", "w,y\na,1\n,2\nb,3\n")
    column = {"type": "category", "missing": "other", **written}
    data = opened(tmp_path, {"source": "t.csv", "inputs": "w", "target": "y", "columns": {"w": column}})
    assert examples(data.train)["input"].tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
    write(tmp_path, "new.csv", "w\n?\nc\n")
    with pytest.raises(DataError, match=r"new.csv:3, column 'w': 'c' does not occur"):
        read_inputs(tmp_path / "new.csv", data.preprocessing)
    column |= {"unknown": "other"}
    data = opened(tmp_path, {"source": "t.csv", "inputs": "w", "target": "y", "columns": {"w": column}})
    assert (
        examples(read_inputs(tmp_path / "new.csv", data.preprocessing))["input"].tolist() == [[0, 0, 1]] * 2
    )
    column |= {"missing": "error"}
    with pytest.raises(DataError, match=r"t.csv:3, column 'w': the value is missing"):
        opened(tmp_path, {"source": "t.csv", "inputs": "w", "target": "y", "columns": {"w": column}})


def test_predict_does_not_read_the_targets(tmp_path: Path) -> None:
    """Their cells may hold anything, or nothing that could be read in training."""
    data = trained(tmp_path)
    write(tmp_path, "new.csv", "x,y\n4,unknown yet\n5,?\n")
    assert examples(read_inputs(tmp_path / "new.csv", data.preprocessing))["input"].tolist() == [[4], [5]]
    with pytest.raises(DataError, match=r"new.csv:2, column 'y': 'unknown yet' is not a number"):
        read_examples(tmp_path / "new.csv", data.preprocessing)


def test_a_csv_source_counts_its_columns(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "\n1,2,3\n")
    assert CSV(path="a.csv", header=False).width(tmp_path) == 3


def test_an_id_of_thousands_of_digits(tmp_path: Path) -> None:
    held = as_words(read(tmp_path, f"a\n{'9' * 5000}\n-00{'8' * 5000}.0\n").columns["a"])
    assert held.vocabulary == ("9" * 5000, "-" + "8" * 5000)


def test_ids_stay_apart_where_blocks_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`predict` reads in blocks: small ids, large ones and words may come in different ones."""
    monkeypatch.setattr(text_blocks, "BLOCK_ROWS", 3)
    monkeypatch.setattr(lines, "CHUNK", 3)
    for ids in (
        [str(i) for i in (7, *IDS) for _ in range(4)],
        [i for i in ("7", *map(str, IDS), "a") for _ in range(4)],
    ):
        write(tmp_path, "a.csv", "id,x\n" + "".join(f"{id_},{i}\n" for i, id_ in enumerate(ids)))
        config = {"source": "a.csv", "inputs": "x", "target": "x", "window": {"length": 3, "group": "id"}}
        data = opened(tmp_path, config)
        found = [examples(b.examples)["input"] for b in read_blocks(tmp_path / "a.csv", data.preprocessing)]
        starts = np.concatenate(found)[:, 0, 0].tolist()
        assert starts == [i for i in range(len(ids)) if i % 4 < 2]


def test_columns_cut_and_joined_keep_their_digits() -> None:
    """Integers beside floats become floats, as values; as ids they stay what they were."""
    exact = Numbers(np.array([IDS[1], IDS[2]]))
    mixed = Numbers(np.array([2.0**53, 0.5]), Words(np.array([0, 1], np.int32), (str(IDS[1]), "0.5")))
    plain = Numbers(np.array([1.5, np.nan]))
    for a, b in itertools.product((exact, mixed, plain), repeat=2):
        table = joined(Table({"id": a}, Origin("a")), Table({"id": b}, Origin("a")))
        expected = [
            [w.vocabulary[c] if c >= 0 else None for c in w.codes] for w in (as_words(a), as_words(b))
        ]
        for first in (0, 1, 3):
            held = as_words(below(table, first).columns["id"])
            found = [held.vocabulary[c] if c >= 0 else None for c in held.codes]
            assert found == [*expected[0], *expected[1]][first:]
