"""The oracle of `predict`'s reading: a file read whole, held against the same file read block by block."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import DataError
from nnctl.data.feeding import stream
from nnctl.data.feeding.dataset import Dataset
from nnctl.data.feeding.from_file import named, reader, without_targets
from nnctl.data.feeding.table_feeds import TableFeeds
from nnctl.data.feeding.windows import first_rows
from nnctl.data.preprocessing import Preprocessing
from nnctl.data.reading import blocks, lines, text_blocks
from tests.data.examples import examples


def read_inputs(path: Path, preprocessing: Preprocessing, dtype: str = "float32") -> Dataset:
    """The examples of a file, without targets; blocks of two rows and of many say the same, errors too."""
    wanted, error = None, ""
    try:
        wanted = _whole(path, preprocessing, dtype)
        values = examples(wanted)
    except DataError as refused:
        error = str(refused)
    for size in (2, blocks.BLOCK_ROWS):
        with pytest.MonkeyPatch.context() as patch:
            for module, name in ((blocks, "BLOCK_ROWS"), (text_blocks, "BLOCK_ROWS"), (lines, "CHUNK")):
                patch.setattr(module, name, size)
            found: list[dict[str, Any]] = []
            said = ""
            try:
                found = [examples(b.examples) for b in stream.read_blocks(path, preprocessing, dtype)]
            except DataError as refused:
                said = str(refused)
        assert said == error
        for name in values if not error else ():
            np.testing.assert_array_equal(np.concatenate([each[name] for each in found]), values[name])
    return wanted if wanted is not None and not error else _whole(path, preprocessing, dtype)


def _whole(path: Path, preprocessing: Preprocessing, dtype: str) -> Dataset:
    kinds = without_targets(preprocessing).kind_of
    table = named(reader(path, preprocessing).read(Path(), kinds), preprocessing)
    feeds = TableFeeds(table, preprocessing, dtype, targets=False)
    window, firsts = preprocessing.window, feeds.rows
    if window is not None:
        firsts = first_rows(table, firsts, window, 0, "the file")
    return feeds.dataset(path.name, firsts)
