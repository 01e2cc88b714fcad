"""`python -m benchmarks.workers.onnx_export mlp cnn`: PyTorch's models of workloads as ONNX files.

A process of its own, so that ONNX Runtime's need hold no PyTorch.
"""

from __future__ import annotations

import sys

import torch

from benchmarks.folder import first_weights, onnx_file
from benchmarks.workers.torch_model import arrange, model_of
from benchmarks.workloads import WORKLOADS
from benchmarks.workloads.base import PASSES


def export(name: str, batch: int) -> None:
    """Write the model for batches of this size: all shapes are known to what optimizes it."""
    workload = WORKLOADS[name]
    model = model_of(workload, first_weights(name), dropout=False).eval()
    given = workload.batches(batch)[0][0]
    inputs = tuple(arrange(given[key], workload) for key in workload.inputs)
    # Its older exporter writes recurrent layers as ONNX's own LSTM and GRU, the newer one step by step.
    torch.onnx.export(
        model,
        inputs,
        str(onnx_file(name, batch)),
        input_names=list(workload.inputs),
        opset_version=17,
        dynamo=False,
    )


if __name__ == "__main__":
    for name in sys.argv[1:]:
        for batch in PASSES:
            try:
                export(name, batch)
            except Exception as error:
                onnx_file(name, batch).with_suffix(".failed").write_text(str(error).strip().splitlines()[0])
