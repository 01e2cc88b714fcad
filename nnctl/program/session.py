"""A model ready to run: its weights, its programs, one arena for them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.graph.model import LayerGraph
from nnctl.graph.objective import Objective
from nnctl.ops.base import Graph
from nnctl.optimizers.base import OptimizerSpec
from nnctl.program import step
from nnctl.program.bind import Bound, Compiled, bind, compile_graph, new_arena
from nnctl.program.ready import compile_kernels
from nnctl.program.step import Built, InputSizes
from nnctl.program.weights import Weights, aligned, allocate, initialize

ProgramKey = tuple[Any, ...]


class Session:
    """Weights, optimizer slots, metric states, and the programs over them.

    Programs are made for sizes (batch, lengths) on first use; `prepare` makes known ones ahead of time, so
    that the arena is allocated once. A program for larger sizes than any before replaces the arena and
    rebinds.

    Args:
        objective: Losses and metrics; None for a model that only predicts.
        optimizer: None for a model that does not train.
    """

    def __init__(
        self,
        model: LayerGraph,
        *,
        dtype: str,
        seed: int,
        threads: int,
        objective: Objective | None = None,
        optimizer: OptimizerSpec | None = None,
    ) -> None:
        self.model = model
        self.objective = objective
        self.optimizer = optimizer
        self.dtype = dtype
        self.seed = seed
        self.threads = threads
        self.weights: Weights = allocate(model, dtype, gradients=optimizer is not None)
        self.slots: dict[str, Array] = {}
        self.states: dict[str, Array] = {}
        if optimizer is not None:
            size = self.weights.flat.size
            for name, first in optimizer.slots().items():
                self.slots[name] = aligned(size, dtype)
                self.slots[name][...] = first
        if objective is not None:
            self.states = {name: np.zeros(shape) for name, shape in objective.states().items()}
        self._compiled: dict[ProgramKey, Compiled] = {}
        self._bound: dict[ProgramKey, Bound] = {}
        self._arena = new_arena(0)

    def initialize(self) -> None:
        """Fill the weights from their initializers."""
        initialize(self.weights, self.model, self.seed)

    def slot_views(self) -> dict[str, Array]:
        """Each optimizer slot by "slot/weight", in graph order, as a view shaped like its weight."""
        store = self.weights
        views: dict[str, Array] = {}
        for slot, flat in self.slots.items():
            for name, start, size in zip(store.trainable, store.starts, store.sizes, strict=False):
                views[f"{slot}/{name}"] = flat[start : start + size].reshape(store.arrays[name].shape)
        return views

    def reset_states(self) -> None:
        """Start the loss and metric averages anew."""
        for state in self.states.values():
            state[...] = 0

    def logs(self) -> dict[str, float]:
        """Loss and metrics as accumulated since the last reset."""
        assert self.objective is not None
        return self.objective.results(self.states)

    # Programs by what they are for and their sizes.

    def training(self, sizes: InputSizes) -> Bound:
        """The training program: forward, losses, metrics, gradients."""
        return self._program("training", sizes)

    def evaluation(self, sizes: InputSizes) -> Bound:
        """The evaluation program."""
        return self._program("evaluation", sizes)

    def prediction(self, sizes: InputSizes) -> Bound:
        """The prediction program."""
        return self._program("prediction", sizes)

    def check(self) -> Bound:
        """The program that looks for non-finite gradients."""
        return self._program("check", {})

    def update(self) -> Bound:
        """The optimizer's program."""
        return self._program("update", {})

    def compiled(
        self, kind: str, sizes: InputSizes, watch: Callable[[str, Graph], None] | None = None
    ) -> Compiled:
        """The program of this kind and these sizes, planned but without memory."""
        key = _key(kind, sizes)
        if key not in self._compiled or watch is not None:
            built = self._build(kind, sizes)
            self._compiled[key] = compile_graph(built.graph, built.outputs, built.pinned, self.threads, watch)
        return self._compiled[key]

    def prepare(self, programs: Iterable[tuple[str, InputSizes]]) -> list[Bound]:
        """Plan and bind programs ahead of time, in an arena that fits the largest; the bound programs."""
        wanted = list(programs)
        need = max((self.compiled(kind, sizes).plan.size for kind, sizes in wanted), default=0)
        self._grow(need)
        return [self._program(kind, sizes) for kind, sizes in wanted]

    def compile_kernels(self, progress: Callable[[int, int, str], None] | None = None) -> int:
        """Compile or load every kernel of the programs bound so far; how many were compiled afresh."""
        return compile_kernels(self._bound.values(), progress)

    def kernel_names(self) -> set[str]:
        """The kernels that the programs bound so far call."""
        return {kernel.__name__ for bound in self._bound.values() for kernel, _ in bound.calls}

    @property
    def arena_bytes(self) -> int:
        """The size of the arena as allocated."""
        return self._arena.nbytes

    def _grow(self, need: int) -> None:
        if need > self._arena.nbytes:
            # Programs hold views of the old arena: they are bound anew when next asked for.
            self._bound.clear()
            self._arena = new_arena(need)

    def _program(self, kind: str, sizes: InputSizes) -> Bound:
        key = _key(kind, sizes)
        if key not in self._bound:
            compiled = self.compiled(kind, sizes)
            self._grow(compiled.plan.size)
            self._bound[key] = bind(compiled, self._arena, self._memory())
        return self._bound[key]

    def _memory(self) -> Mapping[str, Array]:
        store = self.weights
        return {
            "weights": store.flat,
            "gradients": store.gradients,
            **store.arrays,
            **{f"gradient:{name}": view for name, view in store.gradient_views.items()},
            **{f"slot:{name}": slot for name, slot in self.slots.items()},
            **self.states,
        }

    def _build(self, kind: str, sizes: InputSizes) -> Built:
        if kind == "prediction":
            return step.prediction(self.model, self.dtype, sizes, self.seed)
        if kind == "check":
            return step.finite_check(self.weights)
        if kind == "update":
            assert self.optimizer is not None
            hyper = len(self.optimizer.hyper(0, 0.0))
            return step.update(self.model, self.optimizer, self.weights, hyper)
        assert self.objective is not None
        make = step.training if kind == "training" else step.evaluation
        return make(self.model, self.objective, self.dtype, sizes, self.seed)


def _key(kind: str, sizes: InputSizes) -> ProgramKey:
    return (kind, *sorted(sizes.items()))
