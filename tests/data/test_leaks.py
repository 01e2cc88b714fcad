"""Inputs that give the target away are warned of; honest ones are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.data.warnings.leaks import leaked_target
from tests.data.given import evidence, opened

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


def told(held: dict[str, Any], /, **config: Any) -> list[str]:
    return [warning.message for warning in leaked_target(evidence(held, **config))]


def test_as_many_rows_as_rule_out_chance() -> None:
    """Twenty at least; of two classes 22, as half of the rows agree by chance: (1/2)^20 < 1e-6 < (1/2)^18."""
    equals = ["column 'x' equals the target 'y' in every training row"]
    four = [f"w{i % 4}" for i in range(20)]
    unlike = np.arange(20) ** 2 % 7
    assert told({"x": four, "z": unlike, "y": four}) == equals
    assert told({"x": four[:19], "z": unlike[:19], "y": four[:19]}) == []
    for rows, expected in ((22, equals), (20, [])):
        two = [("u", "v")[i % 2] for i in range(rows)]
        assert told({"x": two, "z": np.arange(rows) ** 2 % 7, "y": two}) == expected


def test_a_line_holds_to_a_billionth_of_the_targets_range() -> None:
    """And over twenty different values: any few lie on some line."""
    x = np.linspace(0, 1, 20)
    z = np.arange(20) ** 2 % 7
    for scale, start, off, expected in (
        (
            1.0,
            1000.0,
            0.0,
            ["column 'x' determines the target 'y' in every training row, which is 1 * x +1000"],
        ),
        (1.0, 1000.0, 1e-7, []),
        (1e-3, 0.0, 1e-8, []),
        (0.0, 3.0, 0.0, []),
    ):
        y = scale * x + start
        y[7] += off
        assert told({"x": x, "z": z, "y": y}) == expected
    few = np.append(x[:19], x[:2])
    assert told({"x": few, "z": np.append(z, 1), "y": 2 * few + 1}) == []
    missing = np.where(np.arange(20) == 4, np.nan, x)
    assert told({"x": missing, "z": z, "y": 2 * x}, columns={"x": {"missing": "mean"}}) == []


def test_arrays_are_not_compared() -> None:
    assert told({"x": RANDOM.random((30, 2)), "y": np.arange(30) % 3}) == []


def test_another_word_or_a_missing_one_is_no_equal() -> None:
    y = np.array(["a", "b", "c"])[KIND]
    for word in "abc":
        for other in ("zz", ""):
            x = np.where(y == word, other, y)
            found = told({"x": x, "z": KIND % 2, "y": y}, columns={"x": {"missing": "other"}})
            assert found == ["column 'x' determines the target 'y' in every training row"]


def test_every_target_is_looked_at() -> None:
    """After an output of several columns, and after one that is an input asked for whole."""
    columns = {"x": MONEY, "copy": WORDS, "a": RANDOM.random(60), "b": RANDOM.random(60), "y": WORDS}
    inputs = {"one": ["x"], "two": ["copy"]}
    for first in (["a", "b"], ["x"]):
        found = told(columns, inputs=inputs, target=None, targets={"first": first, "second": ["y"]})
        assert found == ["column 'copy' equals the target 'y' in every training row"]


def test_of_a_head_it_is_said_that_it_is_one() -> None:
    (said,) = leaked_target(evidence({"x": WORDS, "z": MONEY, "y": WORDS}, whole=False))
    assert said.message == "column 'x' equals the target 'y' in every of the first 60 rows"
