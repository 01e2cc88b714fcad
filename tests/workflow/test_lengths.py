"""Lengths that a config leaves open (`null`), held against the data: check says what training cannot do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import ConfigError
from nnctl.spec.yaml.emit import block
from nnctl.workflow.assemble import assemble
from nnctl.workflow.check import check
from tests.cli.command import nnctl

HEAD = {"type": "Dense", "units": 1, "name": "out"}


def written(directory: Path, layers: list[Any], *, rows: int = 12, inputs: Any = None, **arrays: Any) -> Path:
    rng = np.random.default_rng(0)
    made = {
        "x": rng.normal(size=(rows, 5, 3)).astype(np.float32),
        "z": rng.normal(size=(rows, 4, 3)).astype(np.float32),
        "y": rng.normal(size=rows).astype(np.float32),
    }
    np.savez(directory / "data.npz", **(made | arrays))
    inputs = inputs or {"x": {"shape": [None, 3]}}
    config = {
        "nnctl": 1,
        "data": {
            "source": {"type": "npz", "path": "data.npz", "target": "y"},
            "inputs": {name: name for name in inputs},
            "batch_size": 4,
        },
        "model": {"inputs": inputs, "layers": layers},
        "training": {"loss": "mse"},
    }
    (directory / "c.yaml").write_text(block(config))
    return directory / "c.yaml"


def pool(size: int) -> list[Any]:
    """A Conv1D with a window of `size`, then one number."""
    return [{"type": "Conv1D", "filters": 2, "kernel_size": size}, {"type": "GRU", "units": 2}, HEAD]


TWO = {"x": {"shape": [None, 3]}, "z": {"shape": [None, 3]}}


def merged(kind: str, **fields: Any) -> list[Any]:
    return [{"type": kind, "inputs": ["x", "z"], **fields}, {"type": "GRU", "units": 2}, HEAD]


BAD: dict[str, tuple[list[Any], Any, str]] = {
    "Reshape": ([{"type": "Reshape", "target_shape": [4, 4]}, "Flatten", HEAD], None, "target_shape"),
    "Reshape with -1": ([{"type": "Reshape", "target_shape": [-1, 4]}, "GRU", HEAD], None, "target_shape"),
    "a window longer than the data": (pool(7), None, "kernel_size"),
    "Add": (merged("Add"), TWO, "0"),
    "Multiply": (merged("Multiply"), TWO, "0"),
    "Concatenate": (merged("Concatenate"), TWO, "axis"),
    "noise_shape": (
        [{"type": "Dropout", "rate": 0.5, "noise_shape": [None, 4, 1]}, {"type": "GRU", "units": 2}, HEAD],
        None,
        "noise_shape",
    ),
    "a target of another length": ([HEAD], None, "units"),
}
BAD["Reshape with -1"][0][1] = {"type": "GRU", "units": 2}


def _case(name: str, directory: Path, rows: int) -> Path:
    layers, inputs, _ = BAD[name]
    more = {"y": np.zeros((rows, 6), np.float32)} if name == "a target of another length" else {}
    return written(directory, layers, rows=rows, inputs=inputs, **more)


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("rows", [12, 30000])
def test_check_and_train_refuse_alike(name: str, rows: int, tmp_path: Path) -> None:
    """Of a small file, read whole, and of the head of a large one."""
    file = _case(name, tmp_path, rows)
    with pytest.raises(ConfigError) as looked:
        check(file)
    with pytest.raises(ConfigError) as trained:
        assemble(file)
    (seen,), (problem,) = looked.value.problems, trained.value.problems
    assert str(problem.path[-1]) == BAD[name][2]
    assert (seen.place, seen.path) == (problem.place, problem.path)
    assert problem.place is not None
    assert problem.expected


def test_lengths_that_fit_train(tmp_path: Path) -> None:
    file = written(tmp_path, [{"type": "Reshape", "target_shape": [5, 3]}, *pool(2)])
    assert check(file).summary["valid"]
    assert nnctl("train", file, "-q", cwd=tmp_path).code == 0


def test_a_validation_split_with_another_length(tmp_path: Path) -> None:
    file = written(tmp_path, pool(4))
    short = np.zeros((6, 3, 3), np.float32)
    np.savez(tmp_path / "short.npz", x=short, y=np.zeros(6, np.float32))
    config = file.read_text().replace("source:", "train:")
    config = config.replace("data:\n", "data:\n  validation: {type: npz, path: short.npz}\n", 1)
    file.write_text(config)
    with pytest.raises(ConfigError, match="the validation split of 'x'"):
        check(file)


@pytest.mark.parametrize("command", ["eval", "predict"])
def test_a_file_with_another_length(command: str, tmp_path: Path) -> None:
    """Of a trained model: exit code 3, naming the file and the layer."""
    file = written(tmp_path, pool(4))
    assert nnctl("train", file, "-q", "--run-dir", "run", cwd=tmp_path).code == 0
    np.savez(tmp_path / "short.npz", x=np.zeros((6, 3, 3), np.float32), y=np.zeros(6, np.float32))
    tail = ["--data", "short.npz"] if command == "eval" else ["short.npz", "-o", "out.npy"]
    done = nnctl(command, "run", *tail, cwd=tmp_path)
    assert done.code == 3, done.err
    assert "short.npz" in done.err
    assert "layer 'conv1d'" in done.err
