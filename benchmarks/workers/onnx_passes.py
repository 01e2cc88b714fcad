"""ONNX Runtime with all its graph optimizations: passes forward of PyTorch's models."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime

from benchmarks.folder import onnx_file
from benchmarks.protocol import Training, serve
from benchmarks.workloads import WORKLOADS
from benchmarks.workloads.base import Array, Workload

THREADS = int(os.environ.get("BENCH_THREADS", "2"))


def _arrange(array: Array, workload: Workload) -> Array:
    """As `torch_model.arrange`, in NumPy."""
    if array.ndim >= 4 or (array.ndim == 3 and workload.has("Conv1D")):
        return np.ascontiguousarray(np.moveaxis(array, -1, 1 if array.ndim < 5 else 2))
    return array.astype(np.int64) if array.dtype == np.int32 else array


class Inference:
    """One workload's session."""

    def __init__(self, name: str, batch: int) -> None:
        workload = WORKLOADS[name]
        path = onnx_file(name, batch)
        failed = path.with_suffix(".failed")
        if failed.exists():
            raise RuntimeError(f"PyTorch cannot export it: {failed.read_text()}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        given = workload.batches(batch)[0][0]
        names = {one.name for one in self.session.get_inputs()}
        self.inputs = {key: _arrange(given[key], workload) for key in workload.inputs if key in names}

    def step(self) -> Any:
        return self.session.run(None, self.inputs)

    def outputs_of(self, made: Any) -> Array:
        array: Array = made[0]
        return np.moveaxis(array, 1, -1) if array.ndim == 4 else array


def make(name: str, dropout: bool) -> Training:
    """Nothing: it does not train."""
    raise ValueError("ONNX Runtime does not train")


def about() -> Mapping[str, str]:
    """Versions."""
    return {"onnxruntime": onnxruntime.__version__}


if __name__ == "__main__":
    serve(about, make, Inference)
