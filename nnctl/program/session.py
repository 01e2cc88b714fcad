"""A model ready to run: its weights, its programs, one arena for them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from nnctl.core.arrays import Array
from nnctl.graph.model import LayerGraph
from nnctl.graph.objective import Objective
from nnctl.ops.base import Graph
from nnctl.optimizers.base import OptimizerSpec
from nnctl.program.ahead import Ahead
from nnctl.program.bind import Bound, Compiled, Tenant, Watch, bind, compile_graph, new_arena
from nnctl.program.programs import (
    EvaluationProgram,
    FiniteCheckProgram,
    GatherProgram,
    PredictionProgram,
    Program,
    TrainingProgram,
    UpdateProgram,
)
from nnctl.program.ready import compile_kernels
from nnctl.program.slices import rows_of
from nnctl.program.step import Built, InputSizes
from nnctl.program.stretches import Stretch, stretches
from nnctl.program.weights import Room, Weights, aligned, allocate, initialize
from nnctl.program.whole_step import WholeStep

_SWAPPED_AT_ONCE = 1 << 16
"""Weights that are held twice meanwhile."""

_CHECK, _UPDATE, _GATHER = FiniteCheckProgram(), UpdateProgram(), GatherProgram()


class Session:
    """Weights, optimizer slots, metric states, and the programs over them.

    Programs are made for sizes (batch, lengths) on first use; `prepare` makes known ones ahead of time, so
    that the arena is allocated once. A program for larger sizes than any before replaces the arena and
    rebinds.

    Args:
        objective: Losses and metrics; None for a model that only predicts.
        optimizer: None for a model that does not train.
        direct_convolution: Convolutions are never taken through Winograd's transforms.
        recompute: What gradients read is for the most part made again, not kept.
        room: What gives weights, gradients and slots room.

    Attributes:
        loss: What the last training program left (1,).
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
        direct_convolution: bool = False,
        recompute: bool = False,
        room: Room = aligned,
    ) -> None:
        self.model = model
        self.objective = objective
        self.optimizer = optimizer
        self.dtype = dtype
        self.seed = seed
        self.threads = threads
        self.direct_convolution = direct_convolution
        self.recompute = recompute
        parts = optimizer.parts(model.trainable()) if optimizer is not None else ()
        order = [name for part in parts for name in part.names] if parts else None
        self.weights: Weights = allocate(model, dtype, optimizer is not None, order, room)
        self.stretches: Sequence[Stretch] = stretches(parts, self.weights, room)
        self._ahead = [(stretch, Ahead(stretch.optimizer)) for stretch in self.stretches]
        self.loss = np.zeros(1, dtype)
        self.states: dict[str, Array] = {}
        if objective is not None:
            self.states = {name: np.zeros(shape) for name, shape in objective.states().items()}
        self._compiled: dict[Program, Compiled] = {}
        self._bound: dict[Program, Bound] = {}
        self._steps: dict[tuple[TrainingProgram, bool], WholeStep] = {}
        self._arena = new_arena(0)
        self._tenant = Tenant()

    @property
    def slots(self) -> dict[str, Array]:
        """Every slot (P,) of the optimizers, by its name in programs without `slot:`."""
        return {f"{s.prefix}{name}": slot for s in self.stretches for name, slot in s.slots.items()}

    def initialize(self) -> None:
        """Fill the weights from their initializers."""
        initialize(self.weights, self.model, self.seed)

    def slot_views(self) -> dict[str, Array]:
        """Each optimizer slot by "slot/weight", in graph order, as a view shaped like its weight."""
        views: dict[str, Array] = {}
        for stretch in self.stretches:
            for slot, flat in stretch.slots.items():
                for name, start in zip(stretch.names, stretch.starts, strict=False):
                    like = self.weights.arrays[name]
                    views[f"{slot}/{name}"] = flat[start : start + like.size].reshape(like.shape)
        return views

    def take_hyper(self, batch: int, rate: float | None) -> None:
        """Give the update the numbers of the step after `batch`, at `rate` where that is not the config's."""
        for stretch, ahead in self._ahead:
            stretch.hyper[:] = ahead.numbers(batch, rate)

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
        return self.bound(TrainingProgram(sizes))

    def evaluation(self, sizes: InputSizes) -> Bound:
        """The evaluation program."""
        return self.bound(EvaluationProgram(sizes))

    def prediction(self, sizes: InputSizes) -> Bound:
        """The prediction program."""
        return self.bound(PredictionProgram(sizes))

    def check(self) -> Bound:
        """The program that looks for non-finite gradients."""
        return self.bound(_CHECK)

    def update(self) -> Bound:
        """The optimizer's program."""
        return self.bound(_UPDATE)

    def gather(self) -> Bound:
        """The program of a batch that no step follows on."""
        return self.bound(_GATHER)

    def step(self, training: TrainingProgram, updates: bool) -> WholeStep:
        """All programs of a step over a batch, of one that ends in an update or only gathers."""
        found = self._steps.get((training, updates))
        if found is None:
            # All are bound before the first is kept: one that is larger than the arena moves the others.
            self.prepare([training, _CHECK, _UPDATE if updates else _GATHER])
            last = self.update() if updates else self.gather()
            found = self._steps[training, updates] = WholeStep(self.bound(training), self.check(), last)
        return found

    def finish(self) -> None:
        """Give the weights what training ends with, if the optimizer keeps that beside them."""
        for weights, average in self._averages():
            weights[...] = average

    def swap_average(self) -> None:
        """Let the weights and the average that the optimizer keeps of them change places."""
        for weights, average in self._averages():
            for start in range(0, weights.size, _SWAPPED_AT_ONCE):
                part = slice(start, start + _SWAPPED_AT_ONCE)
                kept = weights[part].copy()
                weights[part] = average[part]
                average[part] = kept

    def _averages(self) -> Iterator[tuple[Array, Array]]:
        """Weights (P,) of which an optimizer keeps an average, and that."""
        for stretch in self.stretches:
            if stretch.optimizer.final_slot is not None:
                yield self.weights.flat[stretch.span], stretch.slots[stretch.optimizer.final_slot]

    def compiled(self, program: Program, watch: Callable[[str, Graph], None] | None = None) -> Compiled:
        """A program planned, but without memory; `watch` sees its graph after each pass."""
        if program not in self._compiled or watch is not None:
            built = program.build(self)
            made = self._planned(built, watch)
            rows = rows_of(made.graph, self.threads) if built.by_example else None
            self._compiled[program] = (
                made if rows is None else self._planned(program.build(self, rows), watch)
            )
        return self._compiled[program]

    def _planned(self, built: Built, watch: Callable[[str, Graph], None] | None) -> Compiled:
        return compile_graph(built.graph, built.outputs, built.pinned, self.threads, watch)

    def prepare(self, programs: Iterable[Program]) -> list[Bound]:
        """Plan and bind programs ahead of time, in an arena that fits the largest; the bound programs."""
        wanted = list(programs)
        self._grow(max((self.compiled(program).plan.size for program in wanted), default=0))
        return [self.bound(program) for program in wanted]

    def compile_kernels(self, progress: Callable[[int, int, str], None] | None = None) -> int:
        """Compile or load every kernel of the programs bound so far; how many were compiled afresh."""
        return compile_kernels(self._bound.values(), progress)

    def kernel_names(self) -> set[str]:
        """The kernels that the programs bound so far call."""
        return {kernel.__name__ for bound in self._bound.values() for kernel, _ in bound.calls}

    def watch_calls(self, watch: Watch | None) -> None:
        """Have `watch` run every call of every program from now on, in an arena of zeros; None: nobody."""
        self._tenant.watch, self._tenant.program = watch, None
        self._arena[...] = 0

    def program_of(self, bound: Bound) -> Program:
        """What a program of this session was made from."""
        return next(program for program, made in self._bound.items() if made is bound)

    def _grow(self, need: int) -> None:
        if need > self._arena.nbytes:
            # Programs hold views of the old arena: they are bound anew when next asked for.
            self._bound.clear()
            self._steps.clear()
            self._arena = new_arena(need)

    def bound(self, program: Program) -> Bound:
        """A program over this session's memory, made when first asked for."""
        found = self._bound.get(program)
        if found is None:
            compiled = self.compiled(program)
            self._grow(compiled.plan.size)
            found = self._bound[program] = bind(compiled, self._arena, self._memory(), self._tenant)
        return found

    def _memory(self) -> Mapping[str, Array]:
        store = self.weights
        return {
            "loss": self.loss,
            "weights": store.flat,
            "gradients": store.gradients,
            **store.arrays,
            **{f"gradient:{name}": view for name, view in store.gradient_views.items()},
            **{name: array for stretch in self.stretches for name, array in stretch.memory(store).items()},
            **self.states,
        }
