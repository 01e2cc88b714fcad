"""Inputs that give the target away are warned of; honest ones are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.given import opened

RANDOM = np.random.default_rng(5)
KIND = RANDOM.integers(0, 3, 60)
WORDS = np.array(["low", "mid", "high"])[KIND]
MONEY = RANDOM.uniform(10, 90, 60)


def said(directory: Path, target: str, config: dict[str, Any] | None = None, **columns: Any) -> list[str]:
    np.savez(directory / "a.npz", **columns)
    data = opened(directory, {"source": "a.npz", "target": target, **(config or {})})
    return [warning.message for warning in data.warnings]


def test_a_column_that_equals_the_target(tmp_path: Path) -> None:
    noise = RANDOM.normal(size=60)
    for target, copy in ((WORDS, WORDS.copy()), (MONEY, MONEY.copy()), (KIND, KIND.astype(float))):
        found = said(tmp_path, "y", x=noise, copy=copy, y=target)
        assert found == ["column 'copy' equals the target 'y' in every training row"]


def test_a_column_that_determines_the_target(tmp_path: Path) -> None:
    """Another name of each class, a finer division of them, another unit."""
    recoded = np.array(["L", "M", "H"])[KIND]
    finer = KIND * 2 + RANDOM.integers(0, 2, 60)
    for column in (recoded, finer, 7 - KIND):
        found = said(tmp_path, "y", x=RANDOM.normal(size=60), z=column, y=WORDS)
        assert found == ["column 'z' determines the target 'y' in every training row"]
    found = said(tmp_path, "y", x=RANDOM.normal(size=60), z=MONEY * 1.25 - 3, y=MONEY)
    assert found == ["column 'z' determines the target 'y' in every training row, which is 0.8 * z +2.4"]


def test_the_target_itself_named_as_an_input(tmp_path: Path) -> None:
    found = said(tmp_path, "y", {"inputs": ["x", "y"]}, x=MONEY, y=KIND)
    assert found == ["column 'y' is the target, and an input as well"]


def test_the_way_out_leaves_all_other_inputs_as_they_were(tmp_path: Path) -> None:
    columns = {"x": RANDOM.normal(size=60), "id": RANDOM.normal(size=60), "copy": MONEY.copy(), "y": MONEY}
    np.savez(tmp_path / "a.npz", **columns)
    for inputs, way, path in (
        (None, 'leave it out: inputs: ["!copy"]', ("data", "source")),
        (["x", "copy"], "data.inputs without it", ("data", "inputs", 1)),
        (["*", "!id"], 'leave it out: "!copy" beside the patterns of data.inputs', ("data", "inputs")),
    ):
        (said,) = opened(tmp_path, {"source": "a.npz", "target": "y", "inputs": inputs}).warnings
        assert (said.expected, said.path) == (way, path)


def test_an_autoencoder_and_a_task_of_one_column_are_meant(tmp_path: Path) -> None:
    """The input asked for whole; Fahrenheit learned from Celsius. A column that equals another is a copy."""
    image = RANDOM.random((60, 8))
    assert said(tmp_path, "x", {"inputs": ["x"]}, x=image, label=KIND) == []
    assert said(tmp_path, "x", {"inputs": ["x"]}, x=MONEY) == []
    assert said(tmp_path, "f", f=1.8 * MONEY + 32, c=MONEY) == []
    assert said(tmp_path, "f", f=MONEY, c=MONEY) != []


@pytest.mark.parametrize("rows", [8, 60])
def test_honest_columns(rows: int, tmp_path: Path) -> None:
    """All different, unrelated, a nearly perfect predictor, a constant; and what few rows cannot tell."""
    near = KIND.copy()
    near[3] = (near[3] + 1) % 3
    columns = {
        "unlike": RANDOM.permutation(60),
        "near": near,
        "same": np.ones(60),
        "any": RANDOM.integers(0, 2, 60),
    }
    columns = {n: c[:rows] for n, c in columns.items()}
    assert said(tmp_path, "y", y=WORDS[:rows], **columns) == []
    if rows < 20:
        assert said(tmp_path, "y", x=WORDS[:rows], y=WORDS[:rows]) == []


def test_one_row_that_differs_is_found_in_many(tmp_path: Path) -> None:
    """A sample alone does not speak for all rows."""
    y = np.arange(9000) % 3
    x = y.copy()
    assert said(tmp_path, "y", x=x, y=y) == ["column 'x' equals the target 'y' in every training row"]
    x[8998] = 0
    assert said(tmp_path, "y", x=x, y=y) == []


def test_windows_learn_from_the_past_of_the_target(tmp_path: Path) -> None:
    """But with a horizon of 0 the target is the window's own last row."""
    for horizon, expected in ((1, []), (0, ["column 'y' is the target, and an input as well"])):
        window = {"window": {"length": 3, "horizon": horizon}}
        assert said(tmp_path, "y", window, x=RANDOM.normal(size=60), y=MONEY) == expected
