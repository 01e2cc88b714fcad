"""Columns of other examples: which numbers move, and that all others stay."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nnctl.core.arrays import Array
from nnctl.core.keys import key
from nnctl.core.philox import permutation
from nnctl.data.feeding.dataset import Dataset
from nnctl.workflow.assemble import assemble
from nnctl.workflow.batch_reader import BatchReader
from nnctl.workflow.importance import Permuted, columns_of, most_examples

TABLE = """
nnctl: 1
data:
  source: {type: csv, path: data.csv}
  inputs: {one: [a, word], other: [a, b]}
  target: y
  split: {test: 0.3}
model:
  inputs: {one: {}, other: {}}
  layers: [{type: Concatenate, inputs: [one, other]}, {type: Dense, units: 1}]
training: {epochs: 1, optimizer: sgd, loss: mse}
"""
WINDOWS = """
nnctl: 1
data:
  source: {type: csv, path: data.csv}
  inputs: {x: [a, word, b]}
  target: y
  window: {length: 4, horizon: 1}
  split: {test: 0.5}
model: {layers: [{type: LSTM, units: 2}, {type: Dense, units: 1}]}
training: {epochs: 1, optimizer: sgd, loss: mse}
"""


def examples(text: str, place: Path) -> tuple[Dataset, dict[str, list[tuple[str, int, int, bool]]]]:
    rows = (f"{n},{['red', 'green', 'blue'][n % 3]},{n * n},{n / 2}" for n in range(40))
    (place / "data.csv").write_text("\n".join(["a,word,b,y", *rows]) + "\n")
    (place / "config.yaml").write_text(text)
    data = assemble(place / "config.yaml").data
    assert data.test is not None
    return data.test, columns_of(data.preprocessing, data.test)


def read(reader: BatchReader, indices: Array) -> dict[str, Array]:
    out = {
        f"input:{name}": np.empty((len(indices), *part.shape), part.dtype)
        for name, part in reader.data.inputs.items()
    }
    out["target:dense"] = np.empty((len(indices), *reader.data.targets["dense"].shape), np.float32)
    reader.read(indices, out)
    return out


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            TABLE,
            {
                "a": [("one", 0, 1, False), ("other", 0, 1, False)],
                "word": [("one", 1, 4, False)],
                "b": [("other", 1, 2, False)],
            },
        ),
        (WINDOWS, {"a": [("x", 0, 1, True)], "word": [("x", 1, 4, True)], "b": [("x", 4, 5, True)]}),
    ],
)
def test_only_the_column_moves(text: str, expected: object, tmp_path: Path) -> None:
    """Wherever it stands and as a whole, in batches of other sizes; the target stays."""
    data, places = examples(text, tmp_path)
    assert places == expected
    everything = np.arange(len(data))
    whole = read(BatchReader(data), everything)
    order = permutation(key(0, "test"), len(data))
    for column, own in places.items():
        reader = Permuted(data, own, order)
        for batch in (everything[:4], everything[4:5], everything[5:]):
            found = read(reader, batch)
            for name, array in found.items():
                wanted = whole[name][batch].copy()
                for place, first, last, stepwise in own:
                    if name == f"input:{place}":
                        lead = wanted.shape[: 2 if stepwise else 1]
                        other = whole[name][order[batch]].reshape(*lead, -1)
                        wanted.reshape(*lead, -1)[..., first:last] = other[..., first:last]
                np.testing.assert_array_equal(array, wanted, err_msg=f"{column} in {name}")


@pytest.mark.parametrize(("columns", "examples"), [(2, 2000), (20, 2000), (21, 1904), (128, 312)])
def test_many_columns_are_tried_on_fewer_examples(columns: int, examples: int) -> None:
    assert most_examples(columns) == examples


def test_a_column_alone_is_all_of_its_input(tmp_path: Path) -> None:
    _, places = examples(WINDOWS.replace("[a, word, b]", "[b]"), tmp_path)
    assert places == {"b": [("x", 0, 1, True)]}
