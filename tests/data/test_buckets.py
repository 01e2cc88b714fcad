"""Buckets: which examples stand side by side, and how far their sequences are filled up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from nnctl.core.errors import ConfigError, RunError
from nnctl.data.feeding.buckets import Buckets
from nnctl.data.feeding.dataset import Dataset, Signature
from nnctl.data.feeding.from_file import read_examples
from nnctl.data.open import Data
from nnctl.data.preprocessing import Preprocessing
from nnctl.data.spec import BatchingSpec
from tests.data.examples import examples
from tests.data.given import opened, write

CELLS = ["1 2", "", "3 4 5 6 7", "8", "9 9 9", "7 6 5 4"]
SAID = ["a b", "a", "c c c c", "b c", "", "a"]


def made(directory: Path, boundaries: list[int], **more: Any) -> Data:
    """Sequences, texts and a number: the first two have lengths."""
    write(
        directory,
        "s.csv",
        "s,t,x,y\n"
        + "".join(f'"{s}","{t}",{i},{i}\n' for i, (s, t) in enumerate(zip(CELLS, SAID, strict=True))),
    )
    config: dict[str, Any] = {
        "source": "s.csv",
        "target": "y",
        "inputs": {"s": "s", "t": "t", "x": "x"},
        "columns": {
            "s": {"type": "sequence", "missing": "empty", "padding": "pre"},
            "t": {"type": "text", "output_sequence_length": 3, "missing": ""},
        },
        "batching": {"bucket_boundaries": boundaries},
    }
    return opened(directory, config | more, input_shapes={"s": (None, 1), "t": None, "x": None})


def test_by_length() -> None:
    """A boundary is the first length of the next bucket, as in `bucket_by_sequence_length`."""
    found = Buckets.by_length(np.array([0, 1, 2, 3, 4, 5, 6, 9]), (3, 5, 20), 9)
    assert found.of.tolist() == [0, 0, 0, 1, 1, 2, 2, 2]
    assert found.lengths == (2, 4, 9, 9)


def of_bucket(split: Dataset, bucket: int) -> dict[str, list[Any]]:
    """What batches of a bucket hold, by input."""
    assert split.buckets is not None
    indices = np.flatnonzero(split.buckets.of == bucket)
    shapes = split.input_shapes(bucket)
    out = {n: np.full((len(indices), *shape), -5, split.inputs[n].dtype) for n, shape in shapes.items()}
    for name, values in out.items():
        split.read(split.inputs[name], indices, values)
    return {name: values.tolist() for name, values in out.items()}


def test_a_bucket_is_filled_up_to_its_own_length(tmp_path: Path) -> None:
    """By the longest of an example's sequences; what has no lengths is as ever, and so is a batch of any."""
    data = made(tmp_path, [2, 4])
    assert data.inputs["s"] == Signature((None, 1), "float32")
    assert data.inputs["t"] == Signature((None,), "int32")
    assert data.inputs["x"] == Signature((1,), "float32")
    train = data.train
    assert train.buckets is not None
    assert train.buckets.of.tolist() == [1, 0, 2, 1, 1, 2]
    assert of_bucket(train, 0) == {"s": [[[0]]], "t": [[3]], "x": [[1]]}
    assert of_bucket(train, 1) == {
        "s": [[[0], [1], [2]], [[0], [0], [8]], [[9], [9], [9]]],
        "t": [[3, 4, 0], [4, 2, 0], [0, 0, 0]],
        "x": [[0], [3], [4]],
    }
    assert train.input_shapes(2) == {"s": (5, 1), "t": (3,), "x": (1,)}
    assert examples(train)["s"][3].ravel().tolist() == [0, 0, 0, 0, 8]
    stored = Preprocessing.from_data(json.loads(json.dumps(data.preprocessing.config())))
    again = read_examples(tmp_path / "s.csv", stored)
    for bucket in range(3):
        assert of_bucket(again, bucket) == of_bucket(train, bucket)


def test_what_buckets_cannot_be_made_of(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no input holds sequences") as caught:
        made(tmp_path, [2], inputs={"s": "x", "t": ["x", "y"], "x": "x"})
    assert caught.value.problems[0].path == ("data", "batching", "bucket_boundaries")
    assert made(tmp_path, [2, 40]).train.buckets is not None
    said = {"s": {"type": "sequence", "missing": "empty", "maxlen": 4}}
    more: dict[str, Any] = {"columns": said, "inputs": {"s": "s", "t": "x", "x": "x"}}
    assert made(tmp_path, [2, 4], **more).train.buckets is not None
    with pytest.raises(ConfigError, match="no sequence has 5 steps or more, since they are cut to 4"):
        made(tmp_path, [2, 5], **more)
    config = {"source": "s.csv", "target": "y", "columns": said, "inputs": "s"}
    with pytest.raises(ConfigError, match=r"input 's' has the shape \(4\), but batches of a bucket"):
        opened(tmp_path, config | {"batching": {"bucket_boundaries": [2]}}, input_shapes={"s": (4,)})
    with pytest.raises(ValidationError, match="'bucket_batch_sizes' are 2, but there are 3 buckets"):
        BatchingSpec.model_validate({"bucket_boundaries": [2, 4], "bucket_batch_sizes": [8, 4]})
    for wrong in ([], [1, 3], [3, 3], [4, 2], [2, 1 << 31]):
        with pytest.raises(ValidationError):
            BatchingSpec.model_validate({"bucket_boundaries": wrong})
    stored = made(tmp_path, [2, 4]).preprocessing.config()
    for wrong in ([1, 3], [4, 2], [1 << 40]):
        with pytest.raises(RunError, match="the stored preprocessing"):
            Preprocessing.from_data(stored | {"bucket_boundaries": wrong})
