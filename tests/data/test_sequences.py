"""Columns of sequences: cells and arrays with lengths, filled up and cut as Keras's pad_sequences does it."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest
from pydantic import ValidationError

from nnctl.core.errors import ConfigError, DataError, RunError
from nnctl.data import head as head_module
from nnctl.data.column_spec import ColumnSpec
from nnctl.data.feeding.dataset import Signature
from nnctl.data.feeding.from_file import read_examples
from nnctl.data.feeding.stream import read_blocks
from nnctl.data.feeding.table_feeds import restore
from nnctl.data.head import head
from nnctl.data.open import Data
from nnctl.data.preprocessing import Preprocessing
from nnctl.data.reading.given import table_of
from nnctl.data.sources import hdf5
from nnctl.data.spec import DataSpec
from nnctl.data.warnings.columns import text_or_ids_as_classes
from nnctl.graph.units import unit
from tests.data.examples import examples
from tests.data.given import evidence, opened, write
from tests.data.whole import read_inputs

CELLS = ["3 17  4 4", "5", "", "1 2 3 4 5 6", " 9 8 "]
IDS = [[3, 17, 4, 4], [5], [], [1, 2, 3, 4, 5, 6], [9, 8]]


def cells(directory: Path, written: list[str], column: dict[str, Any], **wanted: Any) -> Data:
    """The data whose only input are these cells."""
    rows = "".join(f'"{cell}",{i % 2}\n' for i, cell in enumerate(written))
    write(directory, "s.csv", "s,y\n" + rows)
    config = {"source": "s.csv", "target": "y", "columns": {"s": {"type": "sequence", **column}}}
    return opened(directory, config, **wanted)


def arrays(directory: Path, column: dict[str, Any], ending: str = "npz", **named: Any) -> Data:
    """The data whose only input is the array `s`, with the lengths `n` beside it."""
    _store(directory / f"a.{ending}", {"y": np.arange(len(named["s"]), dtype=np.float64), **named})
    config = {"source": f"a.{ending}", "target": "y", "columns": {"s": {"type": "sequence", **column}}}
    return opened(directory, config)


def _store(path: Path, named: dict[str, Any]) -> None:
    if path.suffix == ".npz":
        np.savez(path, **named)
        return
    path.unlink(missing_ok=True)  # it may be open still
    with h5py.File(path, "w") as file:
        for name, values in named.items():
            file.create_dataset(name, data=values, chunks=(1, *np.shape(values)[1:]))


def read(directory: Path, name: str, data: Data) -> npt.NDArray[Any]:
    """What `predict` makes of a file with what was stored."""
    stored = Preprocessing.from_data(json.loads(json.dumps(data.preprocessing.config())))
    return examples(read_inputs(directory / name, stored))["input"]


@pytest.mark.keras
def test_against_pad_sequences(tmp_path: Path) -> None:
    from keras.utils import pad_sequences

    ends: list[Any] = ["pre", "post"]
    for maxlen, padding, truncating in itertools.product((None, 3), ends, ends):
        how = {"maxlen": maxlen, "padding": padding, "truncating": truncating, "value": 7}
        data = cells(tmp_path, CELLS, {"missing": "empty", **how}, integer_inputs=["input"])
        found = examples(data.train)["input"]
        assert found.dtype == np.int32
        np.testing.assert_array_equal(found, pad_sequences(IDS, **how))
        lengths = [len(ids) for ids in IDS]
        padded = np.array([(ids + [99] * 6)[:6] for ids in IDS])
        beside = arrays(tmp_path, {"lengths": "n", **how}, s=padded, n=lengths)
        np.testing.assert_array_equal(examples(beside.train)["input"], pad_sequences(IDS, **how))
        flat = arrays(tmp_path, {"row_lengths": "n", **how}, s=np.concatenate(IDS), n=lengths, y=lengths)
        np.testing.assert_array_equal(examples(flat.train)["input"], pad_sequences(IDS, **how))


def test_what_was_fitted_holds_for_other_files(tmp_path: Path) -> None:
    """Means of what training sees, its longest sequence, how its numbers are written."""
    write(tmp_path, "s.csv", "s;y;part\n1,5|2,5;0;train\n;1;train\n|0,5;0;train\n9|9|9|9;1;test\n")
    column = {"type": "sequence", "separator": "|", "scale": "standard", "missing": "mean", "value": -1}
    config = {
        "source": {"type": "csv", "path": "s.csv", "decimal": ",", "missing": ["NA", ""]},
        "target": "y",
        "columns": {"s": column},
        "split": {"by": "part"},
    }
    with pytest.raises(DataError, match=r"s.csv:3, column 's': the sequence is missing\n.*missing: empty"):
        opened(tmp_path, config)
    config["source"] |= {"missing": ["NA", "-"]}
    with pytest.raises(DataError, match=r"s.csv:4, column 's': '' is not a number"):
        opened(tmp_path, config)
    write(tmp_path, "s.csv", "s;y;part\n1,5|2,5;0;train\n  ;1;train\nNA|0,5|-;0;train\n9|9|9|9|2,5;1;test\n")
    data = opened(tmp_path, config)
    deviation = np.std([1.5, 2.5, 1.5, 0.5, 1.5])
    expected = np.array([[0, 1 / deviation, -1], [-1, -1, -1], [0, -1 / deviation, 0]])
    np.testing.assert_allclose(examples(data.train)["input"], expected, rtol=1e-6)
    assert data.test is not None
    cut = (np.array([9, 9, 2.5]) - 1.5) / deviation
    np.testing.assert_allclose(examples(data.test)["input"], [cut], rtol=1e-6)
    write(tmp_path, "new.csv", "z;s\n1;2,5\n2;\n")
    np.testing.assert_allclose(
        read(tmp_path, "new.csv", data), [[1 / deviation, -1, -1], [-1] * 3], rtol=1e-6
    )


def test_scales_are_of_the_steps_that_the_model_sees(tmp_path: Path) -> None:
    data = cells(tmp_path, ["9 1 2", "3"], {"maxlen": 2, "scale": "minmax"})
    assert examples(data.train)["input"].tolist() == [[0, 0.5], [1, 0]]


@pytest.mark.parametrize("ending", ["npz", "h5"])
def test_arrays_with_lengths(ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several numbers a step, scaled each by itself; numbers behind a sequence's end are never looked at."""
    monkeypatch.setattr(hdf5, "IN_MEMORY", 0)
    monkeypatch.setattr("nnctl.data.feeding.in_memory.SHARE", 1 << 60)
    steps = np.array([[[1, 10], [3, 20]], [[5, 60], [np.inf, np.nan]], [[np.nan, -np.inf], [0, 0]]])
    lengths = np.array([2, 1, 0], dtype=np.uint8)
    data = arrays(tmp_path, {"lengths": "n", "scale": "standard", "value": -2}, ending, s=steps, n=lengths)
    assert data.inputs == {"input": Signature((2, 2), "float32")}
    known = np.array([[1, 10], [3, 20], [5, 60]])
    first = (known - known.mean(0)) / known.std(0)
    expected = np.full((3, 2, 2), -2.0)
    expected[0], expected[1, 0] = first[:2], first[2]
    np.testing.assert_allclose(examples(data.train)["input"], expected, rtol=1e-6, atol=1e-7)
    _store(tmp_path / f"new.{ending}", {"n": [1, 3], "s": np.full((2, 3, 2), [3, 30])})
    same = np.broadcast_to((np.array([3, 30]) - known.mean(0)) / known.std(0), (2, 2, 2)).copy()
    same[0, 1] = -2
    np.testing.assert_allclose(read(tmp_path, f"new.{ending}", data), same, rtol=1e-6, atol=1e-7)
    for name, held, message in (
        ("n", [[1, 3], [1, 1]], "does not hold one length per row"),
        ("n", [1, 4], r":2, column 'n': 4 is no length of a sequence of 's', which has room for 3"),
        ("n", [1, -1], r":2, column 'n': -1 is no length"),
        ("n", [0.5, np.nan], r":1, column 'n': 0.5 is no length"),
        ("n", [1], r"column '\w' has \d rows, but column '\w' has \d"),
        ("m", [1, 2], "has no column 'n'"),
    ):
        _store(tmp_path / f"new.{ending}", {name: held, "s": np.ones((2, 3, 2))})
        with pytest.raises(DataError, match=message):
            [*read_blocks(tmp_path / f"new.{ending}", data.preprocessing)]
    _store(tmp_path / f"new.{ending}", {"n": [1, 2], "s": np.ones((2, 3))})
    with pytest.raises(DataError, match=r"one step has the shape \(\), but \(2,\) in training"):
        [*read_blocks(tmp_path / f"new.{ending}", data.preprocessing)]
    with pytest.raises(DataError, match=r"column 's': holds arrays, where sequences are cells"):
        arrays(tmp_path, {}, ending, s=steps, n=lengths)
    with pytest.raises(DataError, match=r"holds no array \(N, T, ...\)"):
        arrays(tmp_path, {"lengths": "n"}, ending, s=lengths, n=lengths)
    for by in ("lengths", "row_splits"):
        with pytest.raises(ConfigError, match="the data has no column 'm'") as caught:
            arrays(tmp_path, {by: "m"}, ending, s=steps, n=lengths)
        assert caught.value.problems[0].path == ("data", "columns", "s", by)


@pytest.mark.parametrize("ending", ["npz", "h5"])
@pytest.mark.parametrize(("by", "cuts"), [("row_lengths", [2, 0, 1, 3]), ("row_splits", [0, 2, 2, 3, 6])])
def test_flat_arrays(
    ending: str, by: str, cuts: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same as an array with a row for each sequence: examples, scales, what is predicted, its rows."""
    monkeypatch.setattr(hdf5, "IN_MEMORY", 0)
    steps = np.array([[1, 10], [3, 20], [5, 60], [7, 7], [8, 8], [9, 9]], dtype=np.float32)
    rows = np.zeros((4, 3, 2), dtype=np.float32)
    rows[0, :2], rows[2, 0], rows[3] = steps[:2], steps[2], steps[3:]
    how = {"scale": "standard", "value": -2, "maxlen": 2}
    filled = arrays(tmp_path, {"lengths": "n", **how}, ending, s=rows, n=[2, 0, 1, 3])
    named = {"s": steps, "n": cuts, "y": np.arange(4.0)}
    for share in (1 << 60, 1):
        monkeypatch.setattr("nnctl.data.feeding.in_memory.SHARE", share)
        data = arrays(tmp_path, {by: "n", **how}, ending, **named)
        kept = data.train.inputs["input"].feed.kept()
        assert (sum(array.nbytes for array in kept) < steps.nbytes + 64) == (ending == "h5" and share > 1)
        # In memory, too, there is no place for what is behind the end of a sequence.
        assert max(array.nbytes for array in kept) <= steps.nbytes
        assert data.inputs == filled.inputs
        np.testing.assert_array_equal(examples(data.train)["input"], examples(filled.train)["input"])
    monkeypatch.setattr("nnctl.data.feeding.stream.BLOCK_ROWS", 3)
    _store(tmp_path / f"new.{ending}", {"s": steps, "n": cuts})
    blocks = [*read_blocks(tmp_path / f"new.{ending}", data.preprocessing, keep=["row"])]
    assert [block.kept["row"] for block in blocks] == [[1, 2, 3], [4]]
    found = np.concatenate([examples(block.examples)["input"] for block in blocks])
    np.testing.assert_array_equal(found, examples(filled.train)["input"])
    again = read_examples(table_of(named), data.preprocessing)
    np.testing.assert_array_equal(examples(again)["input"], found)
    _store(tmp_path / f"new.{ending}", {"s": np.full((6, 2), np.nan), "n": cuts})
    with pytest.raises(DataError, match=r":1, column 's': the value is missing"):
        [examples(block.examples) for block in read_blocks(tmp_path / f"new.{ending}", data.preprocessing)]


@pytest.mark.parametrize("ending", ["npz", "h5"])
@pytest.mark.parametrize(
    ("by", "cuts", "message"),
    [
        ("row_lengths", [2, 1], r"column 'n': the lengths come to 3 steps, but 's' holds 4"),
        ("row_lengths", [4, 4], r"column 'n': the lengths come to 8 steps, but 's' holds 4"),
        ("row_lengths", [5, -1], r":1, column 'n': 5 is no length of a sequence of 's', which holds 4 steps"),
        ("row_lengths", [1 << 62] * 2, r":1, column 'n': 4611686018427387904 is no length"),
        ("row_lengths", [2, -2], r":2, column 'n': -2 is no length"),
        ("row_lengths", [2.5, 1.5], r":1, column 'n': 2.5 is no length"),
        ("row_lengths", [2, np.nan], r":2, column 'n': nan is no length"),
        ("row_lengths", [[2, 2], [0, 0]], r"column 'n': does not hold one number per row, as row_lengths do"),
        ("row_lengths", [2, 1, 1], r"has \d rows, but column '\w' has \d"),
        ("row_splits", [0, 3, 1, 4], r":3, column 'n': 1 stands behind 3, as no row split"),
        ("row_splits", [1, 2, 4], r"splits go from 1 to 4, but 's' has the steps from 0 to 4"),
        ("row_splits", [0, 2, 3], r"go from 0 to 3, but 's' has the steps from 0 to 4"),
        ("row_splits", [0, 5, 4], r":2, column 'n': 5 is no place between steps of 's'"),
        ("row_splits", [0, 4], r"has \d rows, but column '\w' has \d"),
    ],
)
def test_flat_arrays_that_are_cut_wrongly(
    ending: str, by: str, cuts: list[Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        arrays(tmp_path, {by: "n"}, ending, s=np.arange(4.0), n=cuts, y=[1.0, 2.0])


def test_a_declared_length_is_filled_up_to(tmp_path: Path) -> None:
    known = cells(tmp_path, ["1 2", "3"], {}, input_shapes={"x": (3, 1)})
    assert examples(known.train)["x"].tolist() == [[[1], [2], [0]], [[3], [0], [0]]]
    with pytest.raises(ConfigError, match=r"the data gives \(5\)") as caught:
        cells(tmp_path, ["1 2 3 4 5", "3"], {}, input_shapes={"x": (3, 1)})
    assert "maxlen: 3 of 's'" in str(caught.value.problems[0].expected)


def test_of_a_large_file_the_longest_is_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_module, "WHOLE", 10)
    write(tmp_path, "s.csv", "s,y\n1 2,3\n1,4\n")
    for column, shape, signature in (
        ({}, None, (None,)),
        ({}, (None, 1), (None, 1)),
        ({"maxlen": 5}, (None, 1), (5, 1)),
    ):
        config: dict[str, Any] = {"source": "s.csv", "target": "y"}
        config["columns"] = {"s": {"type": "sequence", **column}}
        found = head(DataSpec.model_validate(config), tmp_path, 1, input_shapes={"x": shape})
        assert found.inputs == {"x": Signature(signature, "float32")}
        assert found.targets == {"y": Signature((), "float32")}
        columns = {"y": config["columns"]["s"]}
        found = head(DataSpec.model_validate(config | {"columns": columns, "inputs": "y"}), tmp_path, 1)
        assert found.targets == {"y": Signature((column.get("maxlen"),), "float32")}


@pytest.mark.parametrize(
    ("written", "column", "message"),
    [
        (["1 2", "3 x"], {}, "s.csv:3, column 's': 'x' is not a number"),
        (["1 2", "3;4"], {}, r"s.csv:3, column 's': '3;4' is not a number\n.*separator: \";\"}} reads it"),
        (
            ["1 2", "3 4"],
            {"separator": "|"},
            r"s.csv:2, column 's': '1 2' is not .*\n.*separator: whitespace",
        ),
        (["1|2", "3||4"], {"separator": "|"}, "s.csv:3, column 's': the value is missing"),
        (["1 2", "inf 3"], {}, "s.csv:3, column 's': the value is infinite"),
        (["1 2", "3 1e39"], {}, "s.csv:3, column 's': the value 1e[+]39 is too large"),
        (["1 2", "3 0.5"], {"ids": True}, "s.csv:3, column 's': 0.5 is not a class number"),
        (["NA", ""], {"missing": "empty"}, "column 's': has no sequence with a step in the training split"),
    ],
)
def test_what_is_no_sequence(
    written: list[str], column: dict[str, Any], message: str, tmp_path: Path
) -> None:
    wanted = {"integer_inputs": ["input"]} if column.pop("ids", False) else {}
    with pytest.raises(DataError, match=message):
        cells(tmp_path, written, column, **wanted)


def test_what_an_input_cannot_take(tmp_path: Path) -> None:
    write(tmp_path, "s.csv", "s,z,y\n1 2,1,0\n3,2,1\n")
    columns: dict[str, Any] = {"s": {"type": "sequence", "value": 0.5}}
    config: dict[str, Any] = {"source": "s.csv", "target": "y", "columns": columns}
    with pytest.raises(ConfigError, match="'s' holds sequences for input 'input', and stands beside 'z'"):
        opened(tmp_path, config)
    with pytest.raises(ConfigError, match=r"(?s)a window makes one of several"):
        opened(tmp_path, config | {"inputs": "s", "window": {"length": 1}})
    with pytest.raises(ConfigError, match=r"'s' holds class numbers; 0[.]5"):
        opened(tmp_path, config | {"inputs": "s"}, integer_inputs=["input"])
    with pytest.raises(ConfigError, match="'s' holds sequences for output 's', and stands beside 'y'"):
        opened(tmp_path, config | {"inputs": "z", "target": ["s", "y"]})
    with pytest.raises(ConfigError, match=r"'s' holds class numbers; 0.5 is none"):
        opened(tmp_path, config | {"inputs": "z", "target": "s"}, outputs=["s"], categorical={"s": True})
    columns["s"] = {"type": "sequence", "scale": 3}
    with pytest.raises(ConfigError, match="'s' holds class numbers for output 's'; they cannot be prep"):
        opened(tmp_path, config | {"inputs": "z", "target": "s"}, outputs=["s"], categorical={"s": True})


@pytest.mark.parametrize("padding", ["pre", "post"])
def test_places_of_targets_that_fill_nothing_up(padding: str, tmp_path: Path) -> None:
    """Of sequences those within their lengths, from any example on; of numbers all."""
    write(tmp_path, "s.csv", "x,s\n1,1 2 3\n2,4\n3,5 6\n4,7 8 9\n")
    column = {"type": "sequence", "padding": padding}
    config = {"source": "s.csv", "target": "s", "columns": {"s": column}, "shuffle": False}
    data = opened(tmp_path, config, outputs=["s"], categorical={"s": True})
    expected = np.array([[1, 1, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1]], bool)
    expected = expected[:, ::-1] if padding == "pre" else expected
    np.testing.assert_array_equal(data.train.own_places("s", 0, (4, 3)), expected)
    found = data.train.own_places("s", 1, (2, 3, 2))
    np.testing.assert_array_equal(found, np.stack([expected[1:3]] * 2, axis=-1))
    assert data.train.own_places("s", 1, (2,)).tolist() == [True, True]
    numbers = opened(tmp_path, {"source": "s.csv", "target": "x", "inputs": "s", "columns": {"s": column}})
    assert numbers.train.own_places("x", 1, (2, 3)).all()


def test_columns_side_by_side(tmp_path: Path) -> None:
    """Each is prepared by itself; together they are the numbers of the steps; in `predict`, too."""
    temp, load = ["1 2 3", "4", "5 6"], ["10;20;30", "40", "50;60"]
    rows = "".join(f"{t},{n},{i}\n" for i, (t, n) in enumerate(zip(temp, load, strict=True)))
    write(tmp_path, "s.csv", "temp,load,y\n" + rows)
    columns: dict[str, Any] = {
        "temp": {"type": "sequence", "padding": "pre", "value": -1},
        "load": {"type": "sequence", "separator": ";", "scale": 10, "padding": "pre", "value": -2},
    }
    config: dict[str, Any] = {
        "source": "s.csv",
        "target": "y",
        "inputs": ["temp", "load"],
        "columns": columns,
        "batching": {"bucket_boundaries": [3]},
    }
    data = opened(tmp_path, config, input_shapes={"x": (None, 2)})
    assert data.inputs == {"x": Signature((None, 2), "float32")}
    wanted = [[[1, 1], [2, 2], [3, 3]], [[-1, -2], [-1, -2], [4, 4]], [[-1, -2], [5, 5], [6, 6]]]
    assert examples(data.train)["x"].tolist() == wanted
    assert data.train.input_shapes(0) == {"x": (2, 2)}
    short = np.empty((2, 2, 2), dtype=np.float32)
    data.train.read(data.train.inputs["x"], np.array([1, 2]), short)
    assert short.tolist() == [step[1:] for step in wanted[1:]]
    stored = Preprocessing.from_data(json.loads(json.dumps(data.preprocessing.config())))
    assert examples(read_inputs(tmp_path / "s.csv", stored))["x"].tolist() == wanted
    write(tmp_path, "s.csv", "temp,load,y\n1 2,1;2,0\n1 2,1;2;3,0\n")
    with pytest.raises(DataError, match=r"s.csv:3, column 'load': .* 3 steps, but that of 'temp' has 2"):
        read_inputs(tmp_path / "s.csv", stored)
    with pytest.raises(DataError, match=r"s.csv:3, column 'load': .* 3 steps, but that of 'temp' has 2"):
        opened(tmp_path, config, input_shapes={"x": (None, 2)})
    columns["load"] |= {"maxlen": 2, "padding": "post"}
    del config["batching"]
    with pytest.raises(ConfigError) as caught:
        opened(tmp_path, config, input_shapes={"x": (None, 2)})
    places = [problem.path for problem in caught.value.problems]
    assert places == [("data", "columns", "load", field) for field in ("maxlen", "padding")]
    broken = stored.config()
    broken["inputs"]["x"]["columns"]["load"]["length"] = 2
    with pytest.raises(RunError, match="are cut and filled up alike"):
        Preprocessing.from_data(broken)


def test_a_target_for_each_step(tmp_path: Path) -> None:
    """Predictions of a scaled one are given in its own units; to predict takes no lengths of targets."""
    steps, lengths = np.array([[[1.0, 5], [3, 5]], [[2, 8], [7, 9]]]), np.array([2, 1])
    np.savez(tmp_path / "a.npz", x=[1, 2], y=steps, n=lengths, t=[[3, 1], [2, 9]])
    column = {"type": "sequence", "lengths": "n"}
    config = {
        "source": "a.npz",
        "inputs": "x",
        "targets": {"o": "y", "p": "t"},
        "columns": {"y": column | {"scale": "standard"}, "t": column},
    }
    data = opened(tmp_path, config, outputs=["o", "p"], categorical={"o": False, "p": True})
    assert data.targets == {"o": Signature((2, 2), "float32"), "p": Signature((2,), "int32")}
    found = examples(data.train)
    assert found["p"].tolist() == [[3, 1], [2, 0]]
    np.testing.assert_allclose(found["o"][1, 1], [0, 0])
    back = restore(data.preprocessing.targets["o"], found["o"])
    np.testing.assert_allclose(back[0], steps[0], rtol=1e-6)
    np.testing.assert_allclose(back[1, 0], steps[1, 0], rtol=1e-6)
    assert unit(data.preprocessing.targets["o"]) is None
    np.savez(tmp_path / "new.npz", x=[1])
    assert examples(read_inputs(tmp_path / "new.npz", data.preprocessing)) == {"input": [[1]]}
    np.savez(tmp_path / "new.npz", x=[1], y=steps[:1], t=[[1, 1]])
    with pytest.raises(DataError, match="has no column 'n'"):
        read_examples(tmp_path / "new.npz", data.preprocessing)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"type": "number", "maxlen": 9}, "'maxlen' is for sequences; say `type: sequence`"),
        ({"type": "sequence", "separator": ".5"}, "one character that no number is written with"),
        ({"type": "sequence", "separator": "e"}, "one character that no number is written with"),
        ({"type": "sequence", "separator": ";", "lengths": "n"}, "'separator' is for sequences in cells"),
        ({"type": "sequence", "separator": ";", "row_splits": "n"}, "cells, 'row_splits' for those"),
        ({"type": "sequence", "lengths": "n", "row_lengths": "n"}, "'lengths' and 'row_lengths' contradict"),
        ({"type": "sequence", "encoding": "index"}, "'encoding' is not for sequences"),
        (
            {"type": "sequence", "lengths": "n", "missing": "empty"},
            "is error, mean, median, zero or a number",
        ),
        ({"type": "sequence", "missing": "other"}, "is error, mean, median, zero, empty or a number"),
        ({"type": "sequence", "max_tokens": 3}, "'max_tokens' is for texts"),
    ],
)
def test_what_contradicts_itself(column: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        ColumnSpec.model_validate(column)


def test_nothing_is_said_of_sequences_where_there_is_none() -> None:
    assert "padding" not in ColumnSpec(type="text", output_sequence_length=3).config()
    written = ColumnSpec.model_validate("sequence").config()
    assert (written["padding"], written["truncating"], written["value"]) == ("post", "pre", 0)
    assert ColumnSpec.model_validate(written).config() == written


def test_a_stranger_may_have_stored_it(tmp_path: Path) -> None:
    stored = cells(tmp_path, ["1 2", "3"], {}).preprocessing.config()
    column = stored["inputs"]["input"]["columns"]["s"]
    wrongs: list[dict[str, Any]] = [{"length": 0}, {"length": 1 << 40}, {"separator": "e"}, {"flat": "rows"}]
    for wrong in [*wrongs, {"value": "inf"}, {"decimal": ""}]:
        stored["inputs"]["input"]["columns"]["s"] = column | wrong
        with pytest.raises(RunError, match="the stored preprocessing"):
            Preprocessing.from_data(stored)


def test_classes_that_are_sequences_are_warned_of() -> None:
    said = [f"{i} {i + 1}" for i in range(30)]
    (problem,) = text_or_ids_as_classes(evidence({"said": said, "y": list(range(30))}))
    assert "type: sequence" in str(problem.expected)
