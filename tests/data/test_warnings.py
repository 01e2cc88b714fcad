"""Columns that cannot mean what the config takes them for, and windows over rows of several series."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.warnings.given import REAL, checked, config, said, table

LAYERS = ["Flatten", {"type": "Dense", "units": 1}]
COUNT = 48
Y = [0.5 * (i % 7) for i in range(COUNT)]
SENTENCES = [f"the film number {i} was rather long" for i in range(COUNT)]


def only(directory: Path, text: str, data: Any) -> str:
    (message,) = said(directory, text, config(LAYERS, "mse", data=data))
    return message


@pytest.mark.parametrize("name", ["code", "customer"])
@pytest.mark.parametrize("cells", [[f"k{i:03}" for i in range(COUNT)], [7 * i for i in range(COUNT)]])
def test_an_id_as_a_category(name: str, cells: list[Any], tmp_path: Path) -> None:
    message = only(tmp_path, table(Y, **{name: cells}), {"columns": {name: {"type": "category"}}})
    assert f"column '{name}' has 48 classes in 48 training rows: it names rows" in message


def test_an_id_as_an_index_and_as_a_target(tmp_path: Path) -> None:
    cells = [f"k{i:03}" for i in range(COUNT)]
    layers = [{"type": "Embedding", "input_dim": 48, "output_dim": 2}, *LAYERS]
    given = config(layers, "mse", data={"inputs": ["code"]})
    (message,) = said(tmp_path, table(Y, code=cells), given)
    assert "it names rows" in message
    layers = [{"type": "Dense", "units": 48, "activation": "softmax"}]
    (message,) = said(tmp_path, table(cells), config(layers, "sparse_categorical_crossentropy"))
    assert "column 'y' has 48 classes" in message


def test_text_as_a_category(tmp_path: Path) -> None:
    message = only(tmp_path, table(Y, review=SENTENCES), {})
    assert message.startswith("column 'review' holds text (48 different ones in 48 rows)")


@pytest.mark.parametrize("name", ["id", "row_id", "index", "Unnamed: 0", "PassengerId", "customerID"])
def test_row_numbers_as_numbers(name: str, tmp_path: Path) -> None:
    message = only(tmp_path, table(Y, **{name: list(range(5, COUNT + 5))}), {})
    assert message == f"column '{name}' counts the rows, and enters as a number"


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("x", list(range(COUNT))),
        ("arid", list(range(COUNT))),
        ("id", [i * i for i in range(COUNT)]),
        ("kind", [("one of many", "two")[i % 2] for i in range(COUNT)]),
        ("town", [f"t{i // 4}" for i in range(COUNT)]),
        ("title", [f"a b c d {i % 8}" for i in range(COUNT)]),
    ],
)
def test_columns_that_are_right(name: str, cells: list[Any], tmp_path: Path) -> None:
    assert said(tmp_path, table(Y, **{name: cells}), config(LAYERS, "mse")) == []


def test_few_rows_say_nothing(tmp_path: Path) -> None:
    cells = [f"k{i}" for i in range(12)]
    assert said(tmp_path, table(Y[:12], code=cells), config(LAYERS, "mse")) == []


def windows(**fields: Any) -> dict[str, Any]:
    return {"window": {"length": 4, **fields}, "inputs": ["a", "b"]}


DAYS = [f"2024-01-{1 + i // 2:02}" for i in range(COUNT)]
FORWARD = [f"2024-{1 + i // 28:02}-{1 + i % 28:02}" for i in range(COUNT)]
CLOCK_BACK = ["2024-10-27T02:00", *(f"2024-11-{1 + i // 24:02}T{i % 24:02}:00" for i in range(COUNT - 3))]
TURNS = [("north", "south")[i % 2] for i in range(COUNT)]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"day": DAYS}, "the time in column 'day' stands still"),
        ({"day": DAYS, "station": TURNS}, "the time in column 'day' stands still"),
        ({"place": TURNS}, "column 'place' says that they are of several series"),
        ({"sensor_id": [i % 3 for i in range(COUNT)]}, "column 'sensor_id' says"),
        ({"store": [i // 16 for i in range(COUNT)]}, "column 'store' says"),
        ({"day": [f"2024-02-{1 + i % 24:02}" for i in range(COUNT)]}, "in column 'day' goes back"),
        ({"t": [i % 24 for i in range(COUNT)]}, "in column 't' goes back"),
        ({"time": DAYS, "place": TURNS}, "the time in column 'time' stands still"),
        ({"when": [f"2024-01-01T0{i % 2}:00" for i in range(COUNT)]}, "in column 'when' goes back"),
    ],
)
def test_windows_over_several_series(columns: dict[str, Any], words: str, tmp_path: Path) -> None:
    assert words in only(tmp_path, table(Y, **columns), windows())


def test_windows_over_rows_that_run_backwards(tmp_path: Path) -> None:
    message = only(tmp_path, table(Y[:24], day=[f"2024-01-{24 - i:02}" for i in range(24)]), windows())
    assert "runs backwards" in message


@pytest.mark.parametrize(
    "columns",
    [
        {"day": [f"2024-{1 + i // 24:02}-{1 + i % 24:02}" for i in range(COUNT)]},
        {"weekday": ["Mon Tue Wed Thu Fri Sat Sun".split()[i % 7] for i in range(COUNT)]},  # noqa: SIM905
        {"year": [1900 + i // 12 for i in range(COUNT)], "month": [i % 12 for i in range(COUNT)]},
        {"time": [i % 24 - 1 for i in range(COUNT)]},
        {"weather": [("sun", "rain", "snow")[i * i % 3] for i in range(COUNT)]},
        {"dteday": [f"2011-01-{1 + i // 24:02}" for i in range(COUNT)], "hr": [i % 24 for i in range(COUNT)]},
        {"travel_time": [30 + i * i % 17 for i in range(COUNT)]},
        {"date": FORWARD, "due_date": [f"2025-0{1 + i * i % 7}-01" for i in range(COUNT)]},
        {"time": [10 * i for i in range(COUNT)], "item": [("x", "y", "z")[i * i % 3] for i in range(COUNT)]},
        {"Time": [f"{i % 16}:15:00" for i in range(COUNT)]},
        {"tag": ["Mo Di Mi Do Fr Sa So".split()[i % 7] for i in range(COUNT)]},  # noqa: SIM905
        {"when": ["2024-10-27T02:00", "2024-10-27T02:30", *CLOCK_BACK]},
        {"when": ["2024-10-27T02:30+02:00", "2024-10-27T02:00+01:00", *CLOCK_BACK]},
    ],
)
def test_windows_over_one_series(columns: dict[str, Any], tmp_path: Path) -> None:
    assert said(tmp_path, table(Y, **columns), config(LAYERS, "mse", data=windows())) == []


def test_a_group_in_pieces(tmp_path: Path) -> None:
    cells = [("north", "south")[i // 8 % 2] for i in range(COUNT)]
    message = only(tmp_path, table(Y, place=cells), windows(group="place"))
    assert "the rows of series 'north' of column 'place' stand in 3 pieces" in message
    sorted_ = [("north", "south")[i // 24] for i in range(COUNT)]
    given = config(LAYERS, "mse", data=windows(group="place"))
    assert said(tmp_path, table(Y, place=sorted_), given) == []


def test_a_group_of_the_split_in_pieces(tmp_path: Path) -> None:
    """It keeps windows apart as well: the warning stands where the config names it."""
    cells = [("north", "south")[i // 8 % 2] for i in range(COUNT)]
    data = windows() | {"split": {"group": "place", "test": 0.5}}
    (found,) = checked(tmp_path, table(Y, place=cells), config(LAYERS, "mse", data=data)).warnings
    assert "the rows of series 'north' of column 'place' stand in 3 pieces" in found.message
    assert found.path == ("data", "split", "group")


def test_a_group_that_takes_turns_says_how_to_sort(tmp_path: Path) -> None:
    from nnctl.core.errors import DataError

    with pytest.raises(DataError, match="no window crosses a change of column 'place': sort the rows by it"):
        said(tmp_path, table(Y, place=TURNS), config(LAYERS, "mse", data=windows(group="place")))


def test_arrays_are_left_alone(tmp_path: Path) -> None:
    """What reads words has nothing to say of NPZ arrays."""
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "a.npz", x=rng.normal(size=(40, 3)), y=rng.normal(size=40))
    data = {"source": {"type": "npz", "path": "a.npz", "target": "y"}, "window": {"length": 4}}
    assert said(tmp_path, REAL, config(LAYERS, "mse", data=data)) == []
