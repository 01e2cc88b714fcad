"""Steps that a layer masks, and what sequences are filled up with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.warnings.given import config, said

WORDS = [{"type": "Embedding", "input_dim": 20, "output_dim": 2, "mask_zero": True}]
STEPS = [{"type": "Masking", "mask_value": -9}]
END = [{"type": "GRU", "units": 2}, {"type": "Dense", "units": 1}]


def warned(directory: Path, layers: Any, cells: list[str], **column: Any) -> list[str]:
    """The warnings for a model of these layers over a column of these cells."""
    text = "s,y\n" + "".join(f"{cell},{i * i % 7 + 0.5}\n" for i, cell in enumerate(cells))
    given = config([*layers, *END], "mse", data={"columns": {"s": {"type": "sequence", **column}}})
    given["model"]["inputs"] = {"s": {"shape": [None] if layers is WORDS else [None, 1]}}
    return said(directory, text, given)


@pytest.mark.parametrize(
    ("layers", "cells", "column", "message"),
    [
        (WORDS, ["1 2", "3"], {}, None),
        (WORDS, ["1 2", "3 0"], {}, "skips steps of 0, but 's' holds them, too (data.csv, row 3)"),
        (WORDS, ["0 3 2", "3 1"], {"maxlen": 2}, None),
        (WORDS, ["1 2", "3"], {"value": 19}, "skips steps of 0, but 's' is filled up with 19"),
        (WORDS, ["1 2", "3 4"], {"value": 19}, None),
        (STEPS, ["1 2", "3"], {"value": -9}, None),
        (STEPS, ["1 2", "3"], {}, "'masking' skips steps of -9, but 's' is filled up with 0"),
        (STEPS, ["1 2", "-18"], {"value": -9, "scale": 2}, "'s' holds them, too (data.csv, row 3)"),
    ],
)
def test_cells(layers: Any, cells: list[str], column: Any, message: str | None, tmp_path: Path) -> None:
    found = warned(tmp_path, layers, cells, **column)
    assert [message in warning for warning in found] == ([True] if message else []) if message else not found


def test_a_step_is_skipped_where_all_its_numbers_are_masked(tmp_path: Path) -> None:
    given = config([*STEPS, *END], "mse")
    given["data"] = {
        "source": {"type": "npz", "path": "a.npz", "target": "y"},
        "columns": {"s": {"type": "sequence", "lengths": "n", "value": -9}},
    }
    steps = np.array([[[1, -9], [-9, -9]], [[-9, 2], [3, 3]]], dtype=np.float32)
    for lengths, count in (([1, 2], 0), ([2, 2], 1)):
        np.savez(tmp_path / "a.npz", s=steps, n=lengths, y=[0.5, 2])
        assert len(said(tmp_path, "", given)) == count


def test_columns_side_by_side_are_all_filled_with_it(tmp_path: Path) -> None:
    filled = {"type": "sequence", "value": -9}
    for value, count in ((-9, 0), (0, 1)):
        columns = {"s": filled, "t": {"type": "sequence", "value": value}}
        given = config([*STEPS, *END], "mse", data={"columns": columns})
        found = said(tmp_path, "s,t,y\n1 2,3 4,0.5\n1,2,3\n2,1,1.5\n", given)
        assert len(found) == count
        assert all("but 't' is filled up with 0" in warning for warning in found)
