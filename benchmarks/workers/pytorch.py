"""PyTorch: the workloads as its users write them, with its fused Adam.

`python -m benchmarks.workers.pytorch [eager|channels-last|compiled]`
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.folder import first_weights
from benchmarks.protocol import serve
from benchmarks.workers.torch_model import arrange, model_of
from benchmarks.workloads import WORKLOADS
from benchmarks.workloads.base import EPSILON, LEARNING_RATE, Array, Workload
from benchmarks.workloads.matrices import matrices

THREADS = int(os.environ.get("BENCH_THREADS", "2"))
torch.set_num_threads(THREADS)
VARIANT = sys.argv[1] if len(sys.argv) > 1 else "eager"


def _model(workload: Workload, dropout: bool) -> nn.Module:
    model = model_of(workload, first_weights(workload.name), dropout)
    return model.to(memory_format=torch.channels_last) if VARIANT == "channels-last" else model


def _inputs(workload: Workload, given: Mapping[str, Array]) -> list[torch.Tensor]:
    tensors = [arrange(given[name], workload) for name in workload.inputs]
    if VARIANT == "channels-last":
        tensors = [t.to(memory_format=torch.channels_last) if t.ndim == 4 else t for t in tensors]
    return tensors


def loss_of_workload(workload: Workload, said: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    if workload.target.kind == "input":
        return functional.mse_loss(said, wanted)
    if workload.target.kind == "flag":
        return functional.binary_cross_entropy_with_logits(said, wanted)
    if said.ndim == 3:
        said, wanted = said.flatten(0, 1), wanted.flatten()
    return functional.cross_entropy(said, wanted)


class Training:
    """One workload in training."""

    def __init__(self, name: str, dropout: bool) -> None:
        self.workload = WORKLOADS[name]
        model = _model(self.workload, dropout).train()
        self.batches = [
            (_inputs(self.workload, given), arrange(target, self.workload))
            for given, target in self.workload.batches()
        ]
        trained = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(trained, lr=LEARNING_RATE, eps=EPSILON, fused=True)
        self.model: Any = torch.compile(model) if VARIANT == "compiled" else model
        self.count = 0

    def step(self) -> torch.Tensor:
        inputs, wanted = self.batches[self.count % len(self.batches)]
        self.count += 1
        self.optimizer.zero_grad(set_to_none=True)
        loss = loss_of_workload(self.workload, self.model(*inputs), wanted)
        loss.backward()
        self.optimizer.step()
        return loss

    def loss_of(self, made: torch.Tensor) -> float:
        return float(made.detach())


class Inference:
    """One workload in inference mode."""

    def __init__(self, name: str, batch: int) -> None:
        workload = WORKLOADS[name]
        model = _model(workload, dropout=False).eval()
        self.inputs = _inputs(workload, workload.batches(batch)[0][0])
        self.model: Any = torch.compile(model) if VARIANT == "compiled" else model

    def step(self) -> torch.Tensor:
        with torch.inference_mode():
            made: torch.Tensor = self.model(*self.inputs)
        return made

    def outputs_of(self, made: torch.Tensor) -> Array:
        array: Array = made.numpy()
        return np.moveaxis(array, 1, -1) if array.ndim == 4 else array


class Product:
    """The matrix product."""

    def __init__(self) -> None:
        self.a, self.b = (torch.from_numpy(m) for m in matrices())
        self.c = torch.empty_like(self.a)

    def step(self) -> torch.Tensor:
        return torch.matmul(self.a, self.b, out=self.c)

    def loss_of(self, made: torch.Tensor) -> float:
        return float(made.double().sum())


def make(name: str, dropout: bool) -> Any:
    """A fresh training, or the product."""
    return Product() if name == "product" else Training(name, dropout)


def about() -> Mapping[str, str]:
    """Versions."""
    return {"torch": torch.__version__, "variant": VARIANT}


if __name__ == "__main__":
    serve(about, make, Inference)
