"""PyTorch: the jobs as its users write them.

`python -m benchmarks.workers.pytorch [default|fused|channels-last]`; the latter two use its fused Adam.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks import jobs
from benchmarks.protocol import serve

THREADS = int(os.environ.get("BENCH_THREADS", "2"))
torch.set_num_threads(THREADS)
VARIANT = sys.argv[1] if len(sys.argv) > 1 else "default"


class LastStep(nn.Module):
    """An LSTM layer's output at the last step."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(features, units, batch_first=True)
        # Keras has one bias; a second one that learns would double the step.
        self.lstm.bias_hh_l0.requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.lstm(x)[0][:, -1]


def _model(job: jobs.Job, dropout: float) -> nn.Module:
    if job.name == "mlp":
        layers: list[nn.Module] = []
        sizes = (job.example[0], *jobs.HIDDEN)
        for a, b in pairwise(sizes):
            layers += [nn.Linear(a, b), nn.ReLU()]
            if dropout:
                layers.append(nn.Dropout(dropout))
        return nn.Sequential(*layers, nn.Linear(sizes[-1], job.classes))
    if job.name == "cnn":
        first, second = jobs.FILTERS
        return nn.Sequential(
            nn.Conv2d(1, first, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(first, second, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(25 * second, job.classes),
        )  # fmt: skip
    return nn.Sequential(LastStep(job.example[-1], jobs.UNITS), nn.Linear(jobs.UNITS, job.classes))


def _convert(job: jobs.Job, weights: list[np.ndarray]) -> list[np.ndarray]:
    """Keras's layouts in PyTorch's."""
    out = []
    for w in weights:
        if w.ndim == 4:
            out.append(w.transpose(3, 2, 0, 1))
        elif job.name == "cnn" and w.ndim == 2:
            # flattened as (height, width, channel) there, as (channel, height, width) here
            out.append(w.reshape(5, 5, -1, job.classes).transpose(3, 2, 0, 1).reshape(job.classes, -1))
        else:
            out.append(w.T)
    return out


class Training:
    """One job in training."""

    def __init__(self, name: str, dropout: bool) -> None:
        job = jobs.MODELS[name]
        self.model = _model(job, job.dropout if dropout else 0.0).train()
        with torch.no_grad():
            trained = [p for p in self.model.parameters() if p.requires_grad]
            for p in self.model.parameters():
                p.zero_()
            for p, w in zip(trained, _convert(job, jobs.weights(job)), strict=True):
                p.copy_(torch.from_numpy(np.ascontiguousarray(w)))
        images = len(job.example) == 3
        self.batches = []
        for x, y in jobs.batches(job):
            tensor = torch.from_numpy(x.transpose(0, 3, 1, 2).copy() if images else x)
            self.batches.append((tensor, torch.from_numpy(y.astype(np.int64))))
        if VARIANT == "channels-last" and images:
            self.model = self.model.to(memory_format=torch.channels_last)
            self.batches = [(x.to(memory_format=torch.channels_last), y) for x, y in self.batches]
        more: dict[str, Any] = {"fused": True} if VARIANT in ("fused", "channels-last") else {}
        self.optimizer = torch.optim.Adam(trained, lr=jobs.LEARNING_RATE, eps=jobs.EPSILON, **more)
        self.loss = nn.CrossEntropyLoss()
        self.count = 0

    def step(self) -> torch.Tensor:
        x, y = self.batches[self.count % len(self.batches)]
        self.count += 1
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss

    def loss_of(self, made: torch.Tensor) -> float:
        return float(made.detach())


class Product:
    """The matrix product."""

    def __init__(self) -> None:
        self.a, self.b = (torch.from_numpy(m) for m in jobs.matrices())
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
    serve(about, make)
