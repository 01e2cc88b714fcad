"""Windows over rows in order of time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from nnctl.core.errors import DataError
from nnctl.data.feeding.from_file import read_examples
from nnctl.data.feeding.stream import read_blocks
from nnctl.data.feeding.windows import segments, starts
from nnctl.data.preprocessing import Preprocessing
from nnctl.data.spec import DataSpec
from tests.data.examples import examples
from tests.data.given import opened, write
from tests.data.whole import read_inputs


def series(directory: Path, n: int = 20, **more: Any) -> Any:
    rows = "".join(f"{t},{100 + t},{'a' if t < 12 else 'b'}\n" for t in range(n))
    write(directory, "s.csv", "x,y,who\n" + rows)
    config: dict[str, Any] = {"source": "s.csv", "inputs": ["x", "y"], "target": "y"}
    return opened(directory, config | more)


def test_segments_break_at_gaps_and_groups() -> None:
    rows = np.array([0, 1, 2, 5, 6, 7, 8])
    groups = np.array([0, 0, 1, 1, 1, 1, 1, 2, 2])
    assert segments(rows, None) == [(0, 3), (5, 9)]
    assert segments(rows, groups) == [(0, 2), (2, 3), (5, 7), (7, 9)]
    assert segments(rows[:0], None) == []


@pytest.mark.parametrize(
    ("length", "stride", "horizon", "expected"),
    [(3, 1, 1, [0, 1, 2]), (3, 2, 1, [0, 2]), (3, 1, 0, [0, 1, 2, 3]), (5, 1, 1, [0]), (6, 1, 1, [])],
)
def test_starts(length: int, stride: int, horizon: int, expected: list[int]) -> None:
    assert starts([(0, 6)], length, stride, horizon).tolist() == expected


def test_inputs_and_target_of_each_window(tmp_path: Path) -> None:
    data = series(tmp_path, window={"length": 4, "stride": 3, "horizon": 2})
    arrays = examples(data.train)
    firsts = np.arange(0, 15, 3)
    t = firsts[:, None] + np.arange(4)
    np.testing.assert_array_equal(arrays["input"], np.stack([t, 100 + t], axis=-1))
    np.testing.assert_array_equal(arrays["y"], 100 + firsts + 3 + 2)
    assert data.inputs["input"].shape == (4, 2)


@pytest.mark.parametrize("horizon", [0, 1, 3])
def test_a_target_for_each_row(tmp_path: Path, horizon: int) -> None:
    data = series(tmp_path, window={"length": 4, "stride": 3, "horizon": horizon, "targets": "each"})
    arrays = examples(data.train)
    firsts = np.arange(0, 20 - 4 - horizon + 1, 3)
    t = firsts[:, None] + np.arange(4)
    np.testing.assert_array_equal(arrays["input"], np.stack([t, 100 + t], axis=-1))
    np.testing.assert_array_equal(arrays["y"], 100 + t + horizon)


def test_the_split_is_by_time_and_no_window_crosses_it(tmp_path: Path) -> None:
    data = series(tmp_path, window={"length": 3}, split={"validation": 5, "test": 0.25})
    spans = []
    for part in (data.train, data.validation, data.test):
        arrays = examples(part)
        spans.append((arrays["input"][..., 0].min(), arrays["y"].max() - 100))
    assert spans == [(0, 9), (10, 14), (15, 19)]


def test_no_window_crosses_a_group(tmp_path: Path) -> None:
    data = series(tmp_path, window={"length": 3, "group": "who"})
    x = examples(data.train)["input"][..., 0]
    assert len(x) == 9 + 5
    assert not ((x[:, 0] < 12) & (x[:, -1] >= 11)).any()


def test_whole_groups_in_a_split(tmp_path: Path) -> None:
    data = series(tmp_path, window={"length": 3}, split={"test": 0.4, "group": "who"})
    assert (len(data.train), len(data.test)) in ((9, 5), (5, 9))


def test_scaling_is_fitted_on_training_rows(tmp_path: Path) -> None:
    data = series(
        tmp_path, window={"length": 3}, split={"test": 10}, columns={"x": {"scale": "minmax"}}, inputs="x"
    )
    assert examples(data.train)["input"].max() == np.float32(8 / 9)
    assert examples(data.test)["input"].max() == np.float32(18 / 9)


def test_the_past_of_the_target_is_an_input_by_default(tmp_path: Path) -> None:
    write(tmp_path, "s.csv", "t\n" + "".join(f"{i}\n" for i in range(6)))
    data = opened(tmp_path, {"source": "s.csv", "target": "t", "window": {"length": 4}})
    assert examples(data.train)["input"][..., 0].tolist() == [[0, 1, 2, 3], [1, 2, 3, 4]]
    assert examples(data.train)["t"].tolist() == [4, 5]


def test_words_in_windows(tmp_path: Path) -> None:
    data = series(tmp_path, window={"length": 2}, inputs=["who", "x"])
    assert examples(data.train)["input"][11].tolist() == [[1, 0, 11], [0, 1, 12]]


def test_reading_shuffled_windows(tmp_path: Path) -> None:
    data = series(tmp_path, window={"length": 4})
    whole = examples(data.train)
    picked = examples(data.train, np.array([9, 0, 9, 3]))
    np.testing.assert_array_equal(picked["input"], whole["input"][[9, 0, 9, 3]])


def test_too_short(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the test split of 4 rows is too short for a window of 4"):
        series(tmp_path, window={"length": 4}, split={"test": 4})


def test_a_random_split_of_windows_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"by time"):
        DataSpec.model_validate({"source": "a.csv", "window": {"length": 3}, "split": {"stratify": "a"}})


def test_predicting_needs_no_room_for_the_target(tmp_path: Path) -> None:
    data = series(tmp_path, window={"length": 4, "horizon": 2})
    write(tmp_path, "new.csv", "y,x\n104,4\n105,5\n106,6\n107,7\n")
    found = examples(read_inputs(tmp_path / "new.csv", data.preprocessing))
    assert found["input"][0, :, 0].tolist() == [4, 5, 6, 7]
    with pytest.raises(DataError, match=r"the file of 4 rows is too short for a window"):
        read_examples(tmp_path / "new.csv", data.preprocessing)


SERIES = "id,x,y\n" + "".join(f"{'abc'[i // 10]},{i},{i % 7}\n" for i in range(30))


@pytest.mark.parametrize("where", ["split", "window", "both"])
def test_what_separated_series_in_training_separates_them_in_a_file(where: str, tmp_path: Path) -> None:
    """Three series of 10 rows hold 21 windows of 3 rows and a target; run together they would hold 27."""
    write(tmp_path, "s.csv", SERIES)
    window = {"length": 3} | ({"group": "id"} if where != "split" else {})
    split = {"test": 10} | ({"group": "id"} if where != "window" else {})
    config = {"source": "s.csv", "inputs": ["x"], "target": "y", "window": window, "split": split}
    data = opened(tmp_path, config)
    assert data.test is not None
    assert len(data.train) + len(data.test) == 21
    stored = Preprocessing.from_data(json.loads(json.dumps(data.preprocessing.config())))
    assert stored.window is not None
    assert stored.window.group == "id"
    assert len(read_examples(tmp_path / "s.csv", stored)) == 21
    assert len(read_inputs(tmp_path / "s.csv", stored)) == 24
    assert sum(len(block.examples) for block in read_blocks(tmp_path / "s.csv", stored)) == 24
    write(tmp_path, "without.csv", "x,y\n" + "".join(f"{i},{i}\n" for i in range(30)))
    np.save(tmp_path / "without.npy", np.zeros(30))
    message = r"without\.\w+: has no column 'id', which says where one series ends"
    for file in ("without.csv", "without.npy"):
        with pytest.raises(DataError, match=message):
            read_inputs(tmp_path / file, stored)
        with pytest.raises(DataError, match=message):
            list(read_blocks(tmp_path / file, stored))
    with pytest.raises(DataError, match=message):
        read_examples(tmp_path / "without.csv", stored)


@pytest.mark.parametrize("lacks", ["validation", "test"])
def test_every_source_has_the_column_that_separates_series(lacks: str, tmp_path: Path) -> None:
    write(tmp_path, "s.csv", SERIES)
    write(tmp_path, "without.csv", "x,y\n" + "".join(f"{i},{i}\n" for i in range(30)))
    files = {"train": "s.csv", "validation": "s.csv", "test": "s.csv"} | {lacks: "without.csv"}
    with pytest.raises(DataError, match=r"without\.csv: has no column 'id'"):
        opened(tmp_path, {**files, "inputs": ["x"], "target": "y", "window": {"length": 3, "group": "id"}})
