"""Every test that reads a file for a prediction as a whole reads it in blocks as well: as `predict` does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import DataError
from nnctl.data import blocks, read_file, stream
from nnctl.data.dataset import Dataset
from nnctl.data.preprocessing import Preprocessing
from nnctl.data.sources import lines, text_blocks

_whole = read_file.read_inputs


def read_both_ways(path: Path, preprocessing: Preprocessing, dtype: str = "float32") -> Dataset:
    """`read_inputs`, held against blocks of two rows and of many: values and errors are the same."""
    wanted, error = None, ""
    try:
        wanted = _whole(path, preprocessing, dtype)
        values = wanted.arrays()
    except DataError as refused:
        error = str(refused)
    for size in (2, blocks.BLOCK_ROWS):
        with pytest.MonkeyPatch.context() as patch:
            for module, name in ((blocks, "BLOCK_ROWS"), (text_blocks, "BLOCK_ROWS"), (lines, "CHUNK")):
                patch.setattr(module, name, size)
            found: list[dict[str, Any]] = []
            said = ""
            try:
                found = [b.examples.arrays() for b in stream.read_blocks(path, preprocessing, dtype)]
            except DataError as refused:
                said = str(refused)
        assert said == error
        for name in values if not error else ():
            np.testing.assert_array_equal(np.concatenate([each[name] for each in found]), values[name])
    return wanted if wanted is not None and not error else _whole(path, preprocessing, dtype)


# Before test modules take the name; it is read where they import it.
read_file.read_inputs = read_both_ways
