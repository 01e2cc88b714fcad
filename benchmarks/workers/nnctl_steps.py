"""nnctl: the workloads as configs, trained by the runner's own loop; the product as Dense's op."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.folder import config_of, place
from benchmarks.protocol import serve
from benchmarks.workers.nnctl_calls import calls_of
from benchmarks.workloads import WORKLOADS
from benchmarks.workloads.base import Array, Workload
from benchmarks.workloads.matrices import matrices
from nnctl.core.events import Event, StepEnded
from nnctl.kernels.threads import spread
from nnctl.ops.base import Graph
from nnctl.ops.linear import matmul
from nnctl.program.bind import bind, compile_graph, new_arena
from nnctl.program.programs import PredictionProgram
from nnctl.program.session import Session
from nnctl.runner.batches import Batches, Examples, feed
from nnctl.runner.train import Job, train
from nnctl.workflow.assemble import assemble
from nnctl.workflow.kernels import ready_kernels, use_threads
from nnctl.workflow.train import make_job, prepare

THREADS = int(os.environ.get("BENCH_THREADS", "2"))
TIMED_STEPS = 30
"""Whose calls are timed one by one."""
LONG = 2000
"""Steps in an epoch, so that its end costs nothing beside them."""


def _fill(session: Session, workload: Workload) -> None:
    """The first weights, as every library has them."""
    with np.load(place(f"{workload.name}-weights.npz")) as first:
        for name, array in session.weights.arrays.items():
            array[...] = first[name]


class _OverAndOver:
    """A split whose examples are read again and again, so that an epoch is long."""

    buckets = None

    def __init__(self, examples: Examples, batch: int) -> None:
        self.examples = examples
        self.count = batch * LONG

    def __len__(self) -> int:
        return self.count

    def sizes(self, batch: int, bucket: int | None = None) -> Mapping[str, tuple[int, ...]]:
        return self.examples.sizes(batch)

    def filled_first(self, output: str) -> bool:
        return self.examples.filled_first(output)

    def expect(self, batches: Iterable[Array]) -> Iterator[Array]:
        return iter(batches)

    def read(self, indices: Array, out: Mapping[str, Array]) -> None:
        self.examples.read(indices % len(self.examples), out)


def endless(job: Job) -> Job:
    """A job with an epoch of many steps."""
    examples = _OverAndOver(job.train, job.batches.size)
    return replace(
        job, train=examples, batches=Batches(len(examples), job.batches.size), epochs=1_000_000, shuffle=False
    )


class Training:
    """One workload in training."""

    def __init__(self, name: str, dropout: bool) -> None:
        workload = WORKLOADS[name]
        assembled = assemble(config_of(name, dropout and workload.drops))
        self.session = assembled.session(THREADS)
        job = endless(make_job(assembled, self.session))
        prepare(job)
        _fill(self.session, workload)
        ready_kernels(self.session)
        self.program = self.session.training(job.train.sizes(workload.batch))
        self.job, self.first = job, np.arange(workload.batch)
        self.events: Iterator[Event] = train(job)

    def step(self) -> None:
        for event in self.events:
            if isinstance(event, StepEnded):
                return

    def loss_of(self, made: None) -> float:
        return float(self.program.outputs["loss"][0])

    def calls(self) -> list[dict[str, Any]]:
        """The kinds of kernel calls of a step: see `calls_of`."""
        self.step()
        return calls_of(
            self.session,
            self.program,
            lambda: feed(self.program, self.job.train, self.first, 0),
            TIMED_STEPS,
        )


class Inference:
    """The prediction program of one workload, its inputs written before each pass."""

    def __init__(self, name: str, batch: int) -> None:
        workload = WORKLOADS[name]
        assembled = assemble(config_of(name, False))
        session = assembled.session(THREADS)
        _fill(session, workload)
        inputs, _ = workload.batches(batch)[0]
        (self.program,) = session.prepare(
            [PredictionProgram({key: array.shape for key, array in inputs.items()})]
        )
        ready_kernels(session)
        self.copies = [(self.program.inputs[f"input:{key}"], array) for key, array in inputs.items()]

    def step(self) -> Any:
        for buffer, array in self.copies:
            buffer[...] = array
        self.program.run_again()
        return self.program.outputs

    def outputs_of(self, made: Any) -> Array:
        return next(iter(made.values()))


class Product:
    """The matrix product."""

    def __init__(self) -> None:
        use_threads(THREADS)
        graph = Graph("float32")
        a, b = matrices()
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
    serve(about, make, Inference, around=spread)
