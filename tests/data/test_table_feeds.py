"""Tables that are not as training's was: which column, which row, and what it held then."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import DataError
from nnctl.data.feeding.from_file import without_targets
from nnctl.data.feeding.table_feeds import TableFeeds
from nnctl.data.preprocessing import Preprocessing
from nnctl.data.table import Numbers, Origin, Table, Words
from tests.data.examples import examples
from tests.data.given import evidence, opened

WORDS = Words(np.array([-1, 0], "i4"), ("a",))
ARRAYS = Numbers(np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("trained", "config", "now", "message"),
    [
        ([1.0, 2.0], {}, WORDS, "a.csv:3, column 'x': 'a' is not a number"),
        ([1.0, 2.0], {}, ARRAYS, "a.csv, column 'x': one value has the shape (3,), but () in training"),
        (
            np.zeros((2, 4)),
            {},
            ARRAYS,
            "a.csv, column 'x': one value has the shape (3,), but (4,) in training",
        ),
        (["a", "b"], {}, ARRAYS, "a.csv, column 'x': holds arrays, but held words in training"),
        (
            ["2024-01-01", "2024-01-02"],
            {"x": "time"},
            ARRAYS,
            "a.csv, column 'x': holds arrays, but held times in training",
        ),
        ([1.0, 2.0], {}, None, "a.csv: has no column 'x'\n  it has: y"),
    ],
)
def test_columns_that_are_others(trained: Any, config: Any, now: Any, message: str) -> None:
    stored = evidence({"x": trained, "y": [1, 2]}, columns=config).preprocessing
    columns = (
        {"x": now, "y": Numbers(np.array([1, 2]))} if now is not None else {"y": Numbers(np.array([1, 2]))}
    )
    with pytest.raises(DataError) as caught:
        TableFeeds(Table(columns, Origin("a.csv", 2)), stored, targets=False)
    assert str(caught.value) == message


def test_a_weight_below_zero() -> None:
    held = {"x": [1.0, 2.0], "w": [0.0, 0.5], "y": [1, 2]}
    stored = evidence(held, sample_weight="w").preprocessing
    for weights, message in (
        ([0.0, 0.5], None),
        ([0.0, -0.5], "a.csv:3, column 'w': a sample weight is negative"),
    ):
        columns = {name: Numbers(np.array(cells)) for name, cells in (held | {"w": weights}).items()}
        table = Table(dict(columns), Origin("a.csv", 2))
        if message is None:
            assert list(TableFeeds(table, stored).weights) == ["y"]
            continue
        assert TableFeeds(table, stored, targets=False).weights == {}
        with pytest.raises(DataError) as caught:
            TableFeeds(table, stored)
        assert str(caught.value) == message


@pytest.mark.parametrize(
    ("given", "shape"), [((), ()), ((1,), ()), ((3,), (3,)), ((3, 1), (3,)), ((3, 4), (3, 4)), ((1, 1), (1,))]
)
def test_weights_of_steps(given: tuple[int, ...], shape: tuple[int, ...], tmp_path: Path) -> None:
    """An axis of length 1 at the end is none; missing ones are filled as the config says."""
    w = np.arange(2.0 * prod(given)).reshape(2, *given)
    np.savez(tmp_path / "a.npz", x=[[1.0], [2.0]], y=[1.0, 2.0], w=np.where(w == 0, np.nan, w))
    config = {"source": "a.npz", "target": "y", "sample_weight": "w", "columns": {"w": {"missing": 7}}}
    data = opened(tmp_path, config)
    found = examples(data.train)["sample_weight"]
    assert found.shape == (2, *shape)
    assert found.reshape(-1).tolist() == [7, *range(1, w.size)]
    assert data.preprocessing.weight_axes("y") == len(shape)
    assert Preprocessing.from_data(data.preprocessing.config()) == data.preprocessing
    assert data.train.weights["y"].shape == shape
    without = without_targets(data.preprocessing)
    assert Preprocessing.from_data(without.config()) == without
    with pytest.raises(DataError, match=r"a.npz:1, column 'w': a sample weight is negative"):
        opened(tmp_path, config | {"columns": {"w": {"missing": -7}}})
