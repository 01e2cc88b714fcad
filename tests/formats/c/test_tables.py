"""The program in a C file: rows of a CSV file become what `nnctl predict` writes of them."""

from __future__ import annotations

import csv
import ctypes
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.data.preprocessing import InputPrep, NumberPrep, Preprocessing
from nnctl.formats.c.columns import Columns, columns_of
from nnctl.workflow.export import export
from nnctl.workflow.predict import predict
from nnctl.workflow.train import start
from tests.formats.c.compiled import built

CONFIGS = Path(__file__).resolve().parents[3] / "configs"

HEAD = "age,job,city,count,paid,class,amount"
ROWS = [
    "31,cook,Ulm,3,yes,a,1.5",
    "-0.25,nurse,Köln,0,no,b,-2",
    ",cook,Ulm,2,no,c,7e3",
    "1e3, judge ,Bonn,1,yes,a,0.5",
    '44,"cook",Ulm,3,no,c,12',
    "NA,nurse,Köln,0,yes,b,3",
]
CONFIG = """
nnctl: 1
name: all-sorts
seed: 3
data:
  source: {type: csv, path: rows.csv}
  inputs: {person: [age, job], place: city, twice: age, count: count}
  targets: {paid: paid, kind: class, amount: amount}
  columns:
    age: {type: number, scale: standard, missing: mean}
    job: {type: category, unknown: other}
    city: {type: category, encoding: index, missing: other}
    amount: {type: number, scale: minmax}
  batch_size: 4
model:
  inputs:
    person: {shape: [5]}
    place: {shape: [1]}
    twice: {shape: [1]}
    count: {shape: [1], dtype: int32}
  layers:
    - {type: Embedding, input_dim: 4, output_dim: 2, inputs: place, name: where}
    - {type: Embedding, input_dim: 5, output_dim: 2, inputs: count, name: many}
    - {type: Flatten, inputs: where, name: flat}
    - {type: Flatten, inputs: many, name: flatter}
    - {type: Concatenate, inputs: [person, flat, flatter, twice], name: all}
    - {type: Dense, units: 1, inputs: all, name: paid}
    - {type: Dense, units: 3, inputs: all, name: kind}
    - {type: Dense, units: 1, inputs: all, name: amount}
  outputs: [paid, kind, amount]
training:
  epochs: 1
  optimizer: {type: SGD, learning_rate: 0.1}
  loss:
    paid: {type: BinaryCrossentropy, from_logits: true}
    kind: {type: SparseCategoricalCrossentropy, from_logits: true}
    amount: mse
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on numbers and words of all sorts."""
    folder = tmp_path_factory.mktemp("table")
    (folder / "rows.csv").write_text("\n".join([HEAD, *ROWS * 3, ""]), encoding="utf-8")
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    return trained(folder / "config.yaml", folder / "run")


def trained(config: Path, run: Path, *overrides: str) -> Path:
    for _ in start(config, run_dir=run, overrides=list(overrides)).events():
        pass
    return run


def program(run: Path, folder: Path) -> Path:
    """The program of a run's model, compiled."""
    export(str(run), "c", folder / "exported.c")
    text = (folder / "exported.c").read_text(encoding="utf-8")
    return built(text, folder, "-O1", "-DNNCTL_MAIN", name="program")


def output(made: Path, table: str) -> subprocess.CompletedProcess[str]:
    """What the program makes of a table, from standard input."""
    return subprocess.run(
        [str(made)], input=table, capture_output=True, text=True, encoding="utf-8", check=False
    )


def cells(text: str) -> list[list[str | np.float32]]:
    """Rows of cells, numbers as float32."""
    return [[_number(cell) for cell in row] for row in csv.reader(text.splitlines())]


def _number(cell: str) -> Any:
    try:
        return np.float32(cell)
    except ValueError:
        return cell


def predicted(run: Path, table: str, folder: Path) -> str:
    """What `nnctl predict` writes."""
    (folder / "in.csv").write_text(table, encoding="utf-8")
    predict(str(run), folder / "in.csv", folder / "out.csv", force=True)
    return (folder / "out.csv").read_text(encoding="utf-8")


def table(*rows: str) -> str:
    return "\n".join([HEAD, *rows, ""])


def test_all_sorts_of_columns(run: Path, tmp_path: Path) -> None:
    made = program(run, tmp_path)
    given = table(*ROWS, "7,baker,,2,?,?,?", "", '" 8 ",,Bonn,4,,"",')
    given = given.replace(",,Bonn", ",clerk,Bonn")
    found = output(made, given)
    assert found.stderr == ""
    assert cells(found.stdout) == cells(predicted(run, given, tmp_path))


def test_columns_may_stand_otherwise(run: Path, tmp_path: Path) -> None:
    """With a byte order mark, ends of lines as Windows has them, quotes, and columns of others."""
    made = program(run, tmp_path)
    rows = ['3,"a ""b"", c",Ulm,31,cook', "0,,Köln,-0.25,nurse"]
    given = "\r\n".join(["\ufeffcount,more,city,age,job", *rows])
    found = output(made, given)
    assert found.stderr == ""
    assert cells(found.stdout) == cells(predicted(run, given, tmp_path))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("31,cook,Paris,3,,,", "row 2, column city: nothing prepares for its value"),
        ("31,,Ulm,3,,,", "row 2, column job: nothing prepares for its value"),
        ("31,cook,Ulm,,,,", "row 2, column count: nothing prepares for its value"),
        ("31,cook,Ulm,2.5,,,", "row 2, column count: nothing prepares for its value"),
        ("inf,cook,Ulm,2,,,", "row 2, column age: nothing prepares for its value"),
        ("1e39,cook,Ulm,2,,,", "row 2, column age: nothing prepares for its value"),
        ("0x1p3,cook,Ulm,2,,,", "row 2, column age: '0x1p3' is no number"),
        ("3 4,cook,Ulm,2,,,", "row 2, column age: '3 4' is no number"),
        ("3,cook,Ulm,2,", "row 2 has 5 cells, but there are 7 columns"),
        ("3,cook,Ulm,2,,,,", "row 2 has 8 cells, but there are 7 columns"),
        ("3,cook,Ulm,2,,,x" + "y" * 5000, "a cell is longer than 4095 bytes"),
    ],
)
def test_what_is_wrong_is_said(row: str, message: str, run: Path, tmp_path: Path) -> None:
    found = output(program(run, tmp_path), table(row))
    assert (found.returncode, found.stderr) == (3, f"{message}\n")


def test_a_column_that_is_not_there(run: Path, tmp_path: Path) -> None:
    found = output(program(run, tmp_path), "age,job\n1,cook\n")
    assert (found.returncode, found.stderr) == (3, "there is no column count\n")


@pytest.mark.parametrize("stride", [1, 3])
def test_windows(stride: int, tmp_path: Path) -> None:
    config = CONFIGS / "sunspots_lstm.yaml"
    made = trained(config, tmp_path / "run", "training.epochs=1", f"data.window.stride={stride}")
    given = (CONFIGS / "data" / "sunspots.csv").read_text()
    found = output(program(made, tmp_path), given)
    assert cells(found.stdout) == cells(predicted(made, given, tmp_path))


ARRAYS = """
nnctl: 1
name: arrays
seed: 3
data:
  source: {type: npz, path: arrays.npz, target: y}
  columns:
    x: {scale: standard, missing: mean}
    y: {scale: standard}
  batch_size: 4
model:
  inputs:
    x: {shape: [2, 3]}
  layers:
    - Flatten
    - {type: Dense, units: 2, name: y}
training:
  epochs: 1
  optimizer: {type: SGD, learning_rate: 0.1}
  loss: mse
"""


def test_columns_of_arrays(tmp_path: Path) -> None:
    """Scaled by the elements of the last axis; they have no cells, so that there is no program."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((12, 2, 3)) * [1, 10, 100] + [5, 6, 7]
    x[3, 1, 2] = x[5, 0, 0] = np.nan
    np.savez(tmp_path / "arrays.npz", x=x, y=rng.standard_normal((12, 2)) * [3, 40] + [1, 2])
    (tmp_path / "config.yaml").write_text(ARRAYS)
    run = trained(tmp_path / "config.yaml", tmp_path / "run")
    x[7, :, 2] = float(np.finfo(np.float32).max)
    np.savez(tmp_path / "in.npz", x=x)
    predict(str(run), tmp_path / "in.npz", tmp_path / "out.npy")
    wanted = np.load(tmp_path / "out.npy")
    export(str(run), "c", tmp_path / "a.c")
    text = (tmp_path / "a.c").read_text()
    assert "NNCTL_MAIN" not in text
    library = ctypes.CDLL(str(built(text, tmp_path, "-shared", "-fPIC")))
    for row, one in zip(x, wanted, strict=True):
        given, bare, shown = np.zeros(6, np.float32), np.zeros(2, np.float32), np.zeros(2, np.float32)
        assert library.arrays_prepare(_at(np.ascontiguousarray(row)), _at(given)) == 0
        library.arrays_predict(_at(given), _at(bare))
        library.arrays_out_y_shown(_at(bare), _at(shown))
        assert shown.tobytes() == one.tobytes()
    assert library.arrays_prepare(_at(np.full(6, 3.5e38)), _at(given)) == 1


def _at(array: Any) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def test_columns_that_do_not_fill_the_input() -> None:
    """As only a stranger's file has them."""
    prep = InputPrep(columns={"x": NumberPrep(shape=(4,))}, shape=(4,))
    preprocessing = Preprocessing(inputs={"a": prep}, targets={})
    assert isinstance(columns_of(preprocessing, {"a": (2, 2)}), Columns)
    assert columns_of(preprocessing, {"a": (5,)}) == "the input 'a' has not the shape of its columns"
    assert columns_of(preprocessing, {"b": (4,)}) == "the model's inputs have no columns"


def test_texts_are_taken_prepared(tmp_path: Path) -> None:
    made = trained(CONFIGS / "sentences.yaml", tmp_path / "run", "training.epochs=1")
    result = export(str(made), "c", tmp_path / "s.c")
    assert "inputs are taken as nnctl prepares them" in result["hint"]
    text = (tmp_path / "s.c").read_text()
    assert "holds texts" in text
    assert "_prepare(" not in text
    built(text, tmp_path, "-c", "-O0", name="s.o")
