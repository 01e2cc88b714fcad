"""Files for `predict` and `eval --data`: read as training read its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from nnctl.core.errors import ConfigError, DataError, RunError
from nnctl.data.feeding.from_file import read_examples
from nnctl.data.open import Data
from tests.data.examples import examples
from tests.data.given import PEOPLE, opened, write
from tests.data.whole import read_inputs


def people(directory: Path) -> Data:
    write(directory, "p.csv", PEOPLE.replace(",", ";"))
    config: dict[str, Any] = {"source": {"path": "p.csv", "delimiter": ";"}, "target": "income"}
    config["inputs"] = ["age", "hours", "job"]
    config["columns"] = {
        "age": {"missing": "mean", "scale": "standard"},
        "hours": {"missing": 0},
        "job": {"unknown": "other"},
    }
    return opened(directory, config, categorical={"income": True})


def test_by_name_in_any_order_without_the_target(tmp_path: Path) -> None:
    data = people(tmp_path)
    write(tmp_path, "new.csv", "job;id;hours;age\nsmith;x1;38.5;?\nking;x2;20;52\n")
    found = read_inputs(tmp_path / "new.csv", data.preprocessing)
    whole = examples(data.train)["input"]
    np.testing.assert_array_equal(examples(found)["input"][0], whole[1])
    np.testing.assert_array_equal(examples(found)["input"][1], [*whole[3][:2], 0, 0, 0, 1])
    assert found.targets == {}


def test_with_the_target_for_eval(tmp_path: Path) -> None:
    data = people(tmp_path)
    found = examples(read_examples(tmp_path / "p.csv", data.preprocessing))
    np.testing.assert_array_equal(found["income"], examples(data.train)["income"])
    np.testing.assert_array_equal(found["input"], examples(data.train)["input"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("age;job\n1;clerk\n", "new.csv: has no column 'hours'"),
        ("age;hours;job\n1;x;clerk\n", "new.csv:2, column 'hours': 'x' is not a number"),
        ("age;hours;job\n1;2;\n", "new.csv:2, column 'job': the value is missing"),
    ],
)
def test_what_does_not_fit(tmp_path: Path, text: str, message: str) -> None:
    data = people(tmp_path)
    write(tmp_path, "new.csv", text)
    with pytest.raises(DataError) as caught:
        read_inputs(tmp_path / "new.csv", data.preprocessing)
    assert message in str(caught.value)


def test_an_unknown_ending(tmp_path: Path) -> None:
    data = people(tmp_path)
    with pytest.raises(ConfigError, match=r"new.xlsx"):
        read_inputs(tmp_path / "new.xlsx", data.preprocessing)


def numbers(directory: Path, header: Any = True) -> Data:
    rows = "".join(f"{i},{i + 1},{2 * i},{i % 2}\n" for i in range(6))
    write(directory, "a.csv", ("a,b,c,y\n" if header is True else "") + rows)
    target = "y" if header is True else "3"
    source = {"path": "a.csv", "header": header}
    return opened(
        directory, {"source": source, "target": target, "columns": {"*": {"scale": "minmax"}}}, categorical={}
    )


@pytest.mark.parametrize("shape", [(6, 3), (6, 3, 1)])
def test_an_array_stands_for_the_columns(tmp_path: Path, shape: tuple[int, ...]) -> None:
    data = numbers(tmp_path)
    table = np.array([[i, i + 1, 2 * i] for i in range(6)], dtype=np.float64)
    np.save(tmp_path / "x.npy", table.reshape(shape))
    np.savez(tmp_path / "x.npz", input=table.reshape(shape), other=table)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["input"] = table
    for name in ("x.npy", "x.npz", "x.h5"):
        found = examples(read_inputs(tmp_path / name, data.preprocessing))["input"]
        np.testing.assert_array_equal(found, examples(data.train)["input"])


def test_an_array_of_another_width(tmp_path: Path) -> None:
    data = numbers(tmp_path)
    np.save(tmp_path / "x.npy", np.zeros((2, 4)))
    with pytest.raises(DataError, match=r"gives 4 numbers an example, but .* on 3 columns"):
        read_inputs(tmp_path / "x.npy", data.preprocessing)


def test_without_a_header_the_order_counts(tmp_path: Path) -> None:
    data = numbers(tmp_path, header=False)
    write(tmp_path, "all.csv", "0,1,0,0\n5,6,10,1\n")
    write(tmp_path, "inputs.csv", "0,1,0\n5,6,10\n")
    write(tmp_path, "few.csv", "0,1\n")
    for name in ("all.csv", "inputs.csv"):
        found = examples(read_inputs(tmp_path / name, data.preprocessing))["input"]
        assert found.tolist() == [[0, 0, 0], [1, 1, 1]]
    with pytest.raises(DataError, match=r"has 2 columns, but the training data had 4"):
        read_inputs(tmp_path / "few.csv", data.preprocessing)


def test_images_of_another_size(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", image=np.zeros((4, 5, 3, 1), np.uint8), y=np.arange(4))
    data = opened(tmp_path, {"source": "a.npz", "target": "y", "columns": {"image": {"scale": 255}}})
    np.save(tmp_path / "x.npy", np.full((2, 5, 3, 1), 51, np.uint8))
    assert (examples(read_inputs(tmp_path / "x.npy", data.preprocessing))["input"] == np.float32(0.2)).all()
    np.save(tmp_path / "x.npy", np.zeros((2, 5, 4, 1), np.uint8))
    with pytest.raises(DataError, match=r"has the shape"):
        read_inputs(tmp_path / "x.npy", data.preprocessing)


@pytest.mark.parametrize("reader", [{"skip": -1}, {"delimiter": "ab"}, {"decimal": ","}, {"missing": 5}])
def test_tampered_options_of_the_reader(reader: dict[str, Any], tmp_path: Path) -> None:
    data = people(tmp_path)
    stored = data.preprocessing.model_copy(update={"reader": {"type": "csv", "delimiter": ",", **reader}})
    with pytest.raises(RunError, match=r"how the training file was read is not stored as it should be"):
        read_inputs(tmp_path / "p.csv", stored)
