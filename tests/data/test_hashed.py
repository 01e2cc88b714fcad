"""Columns of hashed words against Keras's Hashing.

Keras computes it with TensorFlow, which is not here: the bins are what Keras 3.15 with TensorFlow 2.21 gave.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from nnctl.core.errors import ConfigError, DataError
from nnctl.data.column_spec import ColumnSpec
from nnctl.data.feeding.hashed import bin_of
from nnctl.data.preprocessing import HashPrep, Preprocessing
from nnctl.workflow.check import check
from tests.data.examples import examples
from tests.data.given import opened, write
from tests.data.whole import read_inputs

WORDS = ["Wien", "Graz", "Linz", "Zürich", "a longer name than sixteen bytes", "東京", ""]
NUMBERS = [0, 7, -12, 123456789012345678]


@pytest.mark.parametrize(
    ("fields", "words", "numbers"),
    [
        ({"num_bins": 100}, [55, 56, 62, 43, 24, 1, 63], [35, 88, 69, 69]),
        ({"num_bins": 100, "salt": 7}, [83, 54, 64, 14, 47, 6, 58], None),
        ({"num_bins": 100, "salt": [7, 9]}, [99, 3, 54, 13, 79, 28, 64], None),
        ({"num_bins": 100, "salt": 7, "mask_value": "Graz"}, [57, 0, 77, 23, 74, 57, 65], None),
        ({"num_bins": 10, "mask_value": ""}, [2, 8, 1, 5, 9, 9, 0], None),
        ({"num_bins": 100, "salt": 7, "mask_value": 7}, None, [11, 0, 99, 46]),
        ({"num_bins": 1, "mask_value": 7}, None, [0, 0, 0, 0]),
        ({"num_bins": 50, "salt": 2**63 - 1}, None, [32, 41, 7, 32]),
    ],
)
def test_bins_are_those_of_keras(
    fields: dict[str, Any], words: list[int] | None, numbers: list[int] | None, tmp_path: Path
) -> None:
    """Strings and whole numbers of an array; an empty string is a missing one, and stands for itself here."""
    np.savez(tmp_path / "w.npz", w=np.array(WORDS), y=np.arange(7))
    np.savez(tmp_path / "n.npz", w=np.array(NUMBERS), y=np.arange(4))
    column = {"encoding": "hash", **fields}
    for name, wanted, missing in (("w.npz", words, {"missing": ""}), ("n.npz", numbers, {})):
        if wanted is not None:
            config = {"source": name, "target": "y", "columns": {"w": {**column, **missing}}}
            found = examples(opened(tmp_path, config).train)["input"]
            assert found.dtype == np.int32
            assert found[:, 0].tolist() == wanted


CITIES = "city,town,y\nWien,Linz,1\n Graz ,,2\nNA,Wien,3\nWien,Graz,4\n"
SALTED = {"type": "category", "encoding": "hash", "num_bins": 100, "salt": 7}


def cities(directory: Path, **columns: Any) -> Any:
    write(directory, "c.csv", CITIES)
    config = {"source": "c.csv", "target": "y", "columns": columns, "inputs": list(columns)}
    return opened(directory, config)


def test_columns_side_by_side_and_missing_cells(tmp_path: Path) -> None:
    """Bin 0 with a `mask_value`, else what `missing` says, else an error."""
    masked = SALTED | {"mask_value": " Graz"}
    data = cities(tmp_path, city=masked, town=SALTED | {"missing": "Graz"})
    assert examples(data.train)["input"].tolist() == [[57, 64], [0, 54], [0, 83], [57, 54]]
    with pytest.raises(DataError, match="'city': the value is missing") as caught:
        cities(tmp_path, city=SALTED)
    assert (caught.value.row, "`mask_value` gives them bin 0" in str(caught.value.hint)) == (4, True)
    with pytest.raises(DataError, match="the value is missing"):
        cities(tmp_path, city=masked | {"missing": "error"})


def test_files_after_training(tmp_path: Path) -> None:
    """Words that it never saw, and digits alone, which a file of words may hold."""
    data = cities(tmp_path, city=SALTED | {"mask_value": "Graz"})
    stored = Preprocessing.from_data(json.loads(json.dumps(data.preprocessing.config())))
    assert stored == data.preprocessing
    prep = stored.inputs["input"].columns["city"]
    assert isinstance(prep, HashPrep)
    write(tmp_path, "new.csv", 'city\nLinz\nZürich\n""\nGraz\n東京\n')
    assert examples(read_inputs(tmp_path / "new.csv", stored))["input"][:, 0].tolist() == [77, 23, 0, 0, 57]
    write(tmp_path, "new.csv", "city\n007\n7\n")
    found = examples(read_inputs(tmp_path / "new.csv", stored))["input"][:, 0].tolist()
    assert found == [bin_of("007", prep), bin_of("7", prep)]
    assert found[0] != found[1]
    np.savez(tmp_path / "new.npz", city=np.array(["Linz", "half \ud800"]))
    assert examples(read_inputs(tmp_path / "new.npz", stored))["input"][0, 0] == 77


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"encoding": "hash"}, "'encoding: hash' needs 'num_bins'"),
        ({"encoding": "index", "num_bins": 9}, "'num_bins' is for hashed words; say `encoding: hash`"),
        ({"salt": 0}, "'salt' is for hashed words"),
        (SALTED | {"unknown": "other"}, "'unknown' is not for hashed words"),
        (SALTED | {"missing": "most_frequent"}, "'missing' of hashed words is"),
        (SALTED | {"type": "number"}, "'encoding' is for categories, but the type is number"),
        (SALTED | {"num_bins": 0}, "num_bins"),
        (SALTED | {"salt": -1}, "salt"),
        (SALTED | {"salt": [1, 2, 3]}, "salt"),
        (SALTED | {"mask_value": True}, "mask_value"),
    ],
)
def test_what_contradicts_itself(column: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        ColumnSpec.model_validate(column)


def test_a_config_says_it_and_nothing_of_it_elsewhere() -> None:
    assert "num_bins" not in ColumnSpec(encoding="index").config()
    written = ColumnSpec.model_validate(SALTED | {"salt": [1, 2]}).config()
    assert (written["salt"], written["mask_value"]) == ([1, 2], None)
    assert ColumnSpec.model_validate(written).config() == written


CONFIG = """nnctl: 1
data:
  source: c.csv
  target: y
  inputs: city
  columns:
    city: {encoding: hash, num_bins: 100, mask_value: ""}
model:
  layers:
    - {type: Embedding, input_dim: 100, output_dim: 2}
    - Flatten
    - {type: Dense, units: 1}
training: {loss: mse}
"""


@pytest.mark.parametrize(
    ("said", "instead", "line", "message", "expected"),
    [
        (
            "input_dim: 100",
            "input_dim: 99",
            10,
            "99 rows, but 'city' has 100 bins",
            "input_dim: 100",
        ),
        ("inputs: city", "inputs: [city, town]", 7, "'town' does not", "`encoding: hash`"),
        ("target: y", "target: city", 7, "'city' is a target, and a hash names no class", "onehot or index"),
        ("num_bins: 100, ", "", 7, "'encoding: hash' needs 'num_bins'", ""),
    ],
)
def test_mistakes_at_their_lines(
    said: str, instead: str, line: int, message: str, expected: str, tmp_path: Path
) -> None:
    write(tmp_path, "c.csv", CITIES)
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG)
    check(config)
    text = CONFIG.replace("  inputs: city\n", "") if said == "target: y" else CONFIG
    config.write_text(text.replace(said, instead))
    with pytest.raises(ConfigError) as caught:
        check(config)
    (problem,) = caught.value.problems
    assert message in problem.message
    assert expected in str(problem.expected or "")
    assert problem.place is not None
    assert problem.place.line == line - (said == "target: y")
