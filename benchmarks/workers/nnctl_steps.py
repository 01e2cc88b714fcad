"""nnctl: the jobs as specs, trained by the runner's own loop; the product as the op that Dense uses."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from benchmarks import jobs
from benchmarks.protocol import serve
from nnctl.core.events import Event, StepEnded
from nnctl.graph.build import build
from nnctl.graph.compile import compile_objective
from nnctl.graph.model import InputInfo
from nnctl.ops.base import Graph
from nnctl.ops.linear import matmul
from nnctl.program.bind import bind, compile_graph, new_arena
from nnctl.program.session import Session
from nnctl.runner.batches import Batches
from nnctl.runner.train import Job, train
from nnctl.spec.language.model import ModelSpec
from nnctl.spec.language.training import TrainingSpec
from nnctl.workflow.kernels import ready_kernels, use_threads

THREADS = int(os.environ.get("BENCH_THREADS", "2"))
LONG = 100_000
"""Steps in an epoch, so that no epoch ends while steps are timed."""


def _layers(job: jobs.Job, dropout: float) -> list[dict[str, Any]]:
    stack: list[dict[str, Any]] = []
    if job.name == "mlp":
        for units in jobs.HIDDEN:
            stack.append({"type": "Dense", "units": units, "activation": "relu"})
            if dropout:
                stack.append({"type": "Dropout", "rate": dropout})
    elif job.name == "cnn":
        for filters in jobs.FILTERS:
            stack += [
                {"type": "Conv2D", "filters": filters, "kernel_size": 3, "activation": "relu"},
                {"type": "MaxPooling2D"},
            ]
        stack.append({"type": "Flatten"})
    else:
        stack.append({"type": "LSTM", "units": jobs.UNITS})
    return [*stack, {"type": "Dense", "units": job.classes, "name": "scores"}]


class _Batches:
    """The job's batches, over and over, as the runner's examples."""

    def __init__(self, job: jobs.Job) -> None:
        self.job = job
        self.batches = jobs.batches(job)

    def __len__(self) -> int:
        return self.job.batch * LONG

    buckets = None

    def sizes(self, batch: int, bucket: int | None = None) -> Mapping[str, tuple[int, ...]]:
        return {"x": (batch, *self.job.example)}

    def read(self, indices: np.ndarray, out: Mapping[str, np.ndarray]) -> None:
        x, y = self.batches[int(indices[0]) // self.job.batch % len(self.batches)]
        out["input:x"][...] = x
        out["target:scores"][...] = y


class Training:
    """One job in training."""

    def __init__(self, name: str, dropout: bool) -> None:
        job = jobs.MODELS[name]
        spec = ModelSpec.model_validate({"layers": _layers(job, job.dropout if dropout else 0.0)})
        model = build(spec, {"x": InputInfo(job.example, "float32")})
        training = TrainingSpec.model_validate(
            {
                "epochs": 1,
                "optimizer": {"type": "Adam", "learning_rate": jobs.LEARNING_RATE, "epsilon": jobs.EPSILON},
                "loss": {"type": "SparseCategoricalCrossentropy", "from_logits": True},
            }
        )
        use_threads(THREADS)
        self.session = Session(
            model,
            dtype="float32",
            seed=1,
            threads=THREADS,
            objective=compile_objective(training, model),
            optimizer=training.optimizer,
        )
        for array, value in zip(self.session.weights.arrays.values(), jobs.weights(job), strict=True):
            array[...] = value
        examples = _Batches(job)
        self.program = self.session.training(examples.sizes(job.batch))
        self.session.check()
        self.session.update()
        ready_kernels(self.session)
        batches = Batches(len(examples), job.batch)
        loop = Job(
            name, self.session, examples, None, job.batch, batches, epochs=1, seed=1, shuffle=False,
            callbacks=(), validation_every=1, checkpoint_every="epoch", mark_best=None, log_names=(),
            stop=lambda: None, resolved_config={},
        )  # fmt: skip
        self.events: Iterator[Event] = train(loop)

    def step(self) -> None:
        for event in self.events:
            if isinstance(event, StepEnded):
                return

    def loss_of(self, made: None) -> float:
        return float(self.program.outputs["loss"][0])


class Product:
    """The matrix product."""

    def __init__(self) -> None:
        use_threads(THREADS)
        graph = Graph("float32")
        a, b = jobs.matrices()
        product = matmul(graph.variable("a", a.shape), graph.variable("b", b.shape))
        compiled = compile_graph(graph, {"c": product}, threads=THREADS)
        self.program = bind(compiled, new_arena(compiled.plan.size), {"a": a, "b": b})

    def step(self) -> None:
        self.program.run()

    def loss_of(self, made: None) -> float:
        return float(self.program.outputs["c"].astype(np.float64).sum())


def make(name: str, dropout: bool) -> Any:
    """A fresh training, or the product."""
    return Product() if name == "product" else Training(name, dropout)


def about() -> Mapping[str, str]:
    """Versions."""
    import numba

    import nnctl

    return {"nnctl": getattr(nnctl, "__version__", "?"), "numba": numba.__version__}


if __name__ == "__main__":
    serve(about, make)
