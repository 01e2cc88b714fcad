"""`python -m benchmarks.workers.onnx_export mlp 256 mlp-256.onnx`: PyTorch's model of a workload as ONNX.

A process of its own, so that ONNX Runtime's need hold no PyTorch.
"""

from __future__ import annotations

import sys

import torch

from benchmarks.folder import first_weights
from benchmarks.workers.torch_model import arrange, model_of
from benchmarks.workloads import WORKLOADS


def export(name: str, batch: int, path: str) -> None:
    """Write the model for batches of this size: all shapes are known to what optimizes it."""
    workload = WORKLOADS[name]
    model = model_of(workload, first_weights(name), dropout=False).eval()
    given = workload.batches(batch)[0][0]
    inputs = tuple(arrange(given[key], workload) for key in workload.inputs)
    # Its older exporter writes recurrent layers as ONNX's own LSTM and GRU, the newer one step by step.
    torch.onnx.export(model, inputs, path, input_names=list(workload.inputs), opset_version=17, dynamo=False)


if __name__ == "__main__":
    export(sys.argv[1], int(sys.argv[2]), sys.argv[3])
