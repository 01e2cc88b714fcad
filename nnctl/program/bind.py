"""Binding: an op graph and its memory plan become a flat list of kernel calls over real buffers."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.pages import zeros
from nnctl.core.records import record
from nnctl.ops.base import Graph, KernelCall, Node, Value
from nnctl.program.passes import run_passes
from nnctl.program.plan import ALIGNMENT, MemoryPlan, plan_memory
from nnctl.program.slices import moving, repeated

if TYPE_CHECKING:
    from nnctl.kernels.chain import Runner

Kernel = Callable[..., None]
Call = tuple[Kernel, tuple[Any, ...]]
Run = tuple[Node, list[Call]]
"""A node and its calls."""
Watch = Callable[["Bound", int, Callable[[], None]], None]
"""Given a call of a program by its number, which it has to run; it may look at memory before and after."""


@record
class Compiled:
    """A graph after its passes, with its memory planned: everything but the memory itself.

    Attributes:
        outputs: Named values that may be read after a run.
        pinned: Values written to memory given from outside, by the name of that memory.
    """

    graph: Graph
    plan: MemoryPlan
    outputs: Mapping[str, Value]
    pinned: Mapping[Value, str]
    threads: int


@record
class Stretch:
    """Calls from number `start` up to `stop` (not included) that run where `holds`, if given, says so."""

    start: int
    stop: int
    holds: Callable[[], bool] | None = None


@dataclass
class Tenant:
    """Whose values lie in an arena: those of the program that ran in it last; and who watches their calls."""

    program: Bound | None = None
    watch: Watch | None = None


@dataclass
class Bound:
    """A compiled graph over real buffers. `run()` is the whole of a step."""

    calls: list[Call]
    inputs: dict[str, Array]
    outputs: dict[str, Array]
    sources: list[Node]
    """The node each call was made for."""
    buffers: dict[Value, Array]
    stretches: list[Stretch] | None = None
    """The calls in pieces, where some run only in some steps."""
    runner: Runner | None = None
    """The calls as compiled code."""
    settled: int = 0
    """The first of the calls that make more than weights alone do."""
    tenant: Tenant = field(default_factory=Tenant)

    def run(self) -> None:
        """Run every kernel call in order."""
        self._run_from(0)

    def run_again(self) -> None:
        """`run` with the weights that it last ran with: what they alone make is not made again.

        Only where no other program ran in the arena since: then all runs.
        """
        self._run_from(self.settled if self.tenant.program is self else 0)

    def _run_from(self, first: int) -> None:
        self.tenant.program = self
        if self.stretches is None:
            self._run(first, len(self.calls))
            return
        for stretch in self.stretches:
            if stretch.holds is None or stretch.holds():
                self._run(max(first, stretch.start), max(first, stretch.stop))

    def _run(self, start: int, stop: int) -> None:
        """The calls from number `start` up to `stop`, one by one where they are watched."""
        watch = self.tenant.watch
        if watch is None:
            self._run_unwatched(start, stop)
            return
        for at in range(start, stop):
            watch(self, at, partial(self._run_unwatched, at, at + 1))

    def _run_unwatched(self, start: int, stop: int) -> None:
        if self.runner is not None:
            self.runner.run(start, stop)
            return
        for kernel, args in self.calls[start:stop]:
            kernel(*args)

    def _due(self) -> Iterator[int]:
        """The numbers of the calls that run in this step; whether one does is asked when it is its turn."""
        for stretch in self.stretches or [Stretch(0, len(self.calls))]:
            if stretch.holds is None or stretch.holds():
                yield from range(stretch.start, stretch.stop)

    def run_timed(self, clock: Callable[[], float]) -> list[tuple[str, Node, float, float]]:
        """As `run`; for each call the kernel's name, the node it is for, when it began and what it took."""
        found = []
        self.tenant.program = self
        for at in self._due():
            start = clock()
            self._run(at, at + 1)
            found.append((self.calls[at][0].__name__, self.sources[at], start, clock() - start))
        return found

    def first_non_finite(self) -> Node | None:
        """Run again, call by call; the first node with a NaN or infinity in an output."""
        self.tenant.program = self
        for at in self._due():
            kernel, args = self.calls[at]
            kernel(*args)
            node = self.sources[at]
            if at + 1 < len(self.calls) and self.sources[at + 1] is node:
                continue
            for out in node.outputs:
                if out.dtype.startswith("float") and not np.isfinite(self.buffers[out]).all():
                    return node
        return None


def compile_graph(
    graph: Graph,
    outputs: Mapping[str, Value],
    pinned: Mapping[Value, str] | None = None,
    threads: int = 1,
    watch: Callable[[str, Graph], None] | None = None,
) -> Compiled:
    """Run the passes and plan the memory.

    Args:
        pinned: Values to be written to outside memory, by name. They must be the outputs of nodes that are
            no views, each once.
        watch: Sees the graph after each pass.
    """
    pinned = pinned or {}
    keep = [*outputs.values(), *pinned, *(graph.slices.wholes if graph.slices is not None else ())]
    run_passes(graph, keep, watch)
    plan = plan_memory(graph, list(outputs.values()), pinned, threads)
    return Compiled(graph, plan, dict(outputs), dict(pinned), threads)


def new_arena(nbytes: int) -> Array:
    """An arena of `nbytes` zeros (uint8), aligned for vector loads."""
    return zeros(nbytes, ALIGNMENT)


def bind(
    compiled: Compiled, arena: Array, memory: Mapping[str, Array], tenant: Tenant | None = None
) -> Bound:
    """Lay a compiled graph over `arena` and the persistent arrays in `memory` (variables and pins by name).

    Args:
        tenant: The arena's, where several programs share it.

    Raises:
        ValueError: the arena is too small, or an array in `memory` is not of its variable's type.
    """
    if arena.nbytes < compiled.plan.size:
        raise ValueError(f"the arena has {arena.nbytes} bytes, the plan needs {compiled.plan.size}")
    buffers = _Buffers(compiled, arena, memory)
    graph, repeats = compiled.graph, repeated(compiled.graph)

    def made(node: Node) -> list[Call]:
        offset, nbytes = compiled.plan.scratch_of(node)
        inputs, outputs = [buffers[v] for v in node.inputs], [buffers[v] for v in node.outputs]
        calls = node.op.calls(inputs, outputs, arena[offset : offset + nbytes], compiled.threads)
        return [(load_kernel(call), call.args) for call in calls]

    runs = [(node, made(node)) for node in graph.nodes]
    settled = sum(len(calls) for _, calls in runs[: graph.settled])
    again = _other_slices(graph, buffers, runs, made)
    runs[repeats.stop : repeats.stop] = again
    calls = [call for _, own in runs for call in own]
    sources = [node for node, own in runs for _ in own]
    return Bound(
        calls,
        {name: buffers[value] for name, value in compiled.graph.inputs.items()},
        {name: buffers[value] for name, value in compiled.outputs.items()},
        sources,
        buffers.known,
        _stretches(sources, buffers),
        settled=settled,
        tenant=tenant or Tenant(),
    )


def _other_slices(
    graph: Graph, buffers: _Buffers, first: Sequence[Run], made: Callable[[Node], list[Call]]
) -> list[Run]:
    """The calls of all slices of a batch but the first: those that read or write parts of wholes are made
    anew, others are the same."""
    if graph.slices is None:
        return []
    parts, repeats, runs = set(moving(graph)), repeated(graph), []
    for start in graph.slices.starts[1:]:
        buffers.move(parts, start)
        for at in repeats:
            node, calls = first[at]
            moves = any(value in parts for value in (*node.inputs, *node.outputs))
            runs.append((node, made(node) if moves else calls))
    return runs


def _stretches(sources: Sequence[Node], buffers: _Buffers) -> list[Stretch] | None:
    """The calls that these nodes are the sources of, in pieces of one condition; None without any."""
    if all(node.only is None for node in sources):
        return None
    made: list[Stretch] = []
    for only, nodes in groupby(sources, lambda node: node.only):
        start = made[-1].stop if made else 0
        holds = None if only is None else partial(only.holds, buffers[only.number])
        made.append(Stretch(start, start + len(list(nodes)), holds))
    return made


class _Buffers:
    """Arrays for values, made on first use."""

    def __init__(self, compiled: Compiled, arena: Array, memory: Mapping[str, Array]) -> None:
        self.compiled = compiled
        self.arena = arena
        self.memory = memory
        self.known: dict[Value, Array] = dict(compiled.graph.constants)

    def move(self, parts: Iterable[Value], row: int) -> None:
        """Let values that are some rows of a batch be those from number `row` on."""
        slices = self.compiled.graph.slices
        assert slices is not None
        for value in parts:
            start = self.compiled.plan.offsets[value] + row * (value.type.nbytes // slices.rows)
            self.known[value] = self._placed(value, start)

    def _placed(self, value: Value, start: int) -> Array:
        raw = self.arena[start : start + value.type.nbytes]
        return raw.view(value.dtype).reshape(value.shape)

    def __getitem__(self, value: Value) -> Array:
        if value not in self.known:
            self.known[value] = self._make(value)
        return self.known[value]

    def _make(self, value: Value) -> Array:
        plan = self.compiled.plan
        if value in plan.offsets:
            return self._placed(value, plan.offsets[value])
        root = plan.external[value]
        if root in self.compiled.graph.constants:
            return self.compiled.graph.constants[root].reshape(value.shape)
        name = self.compiled.pinned.get(root) or root.name
        assert name is not None
        array = self.memory[name]
        if array.dtype != np.dtype(root.dtype) or array.size != prod(root.shape):
            raise ValueError(f"'{name}' is {array.dtype}{array.shape}, the program wants {root.type}")
        return array.reshape(value.shape)


def load_kernel(call: KernelCall) -> Kernel:
    """The function "module.function" below nnctl.kernels, or the kernel that it makes of formulas."""
    module, _, function = call.kernel.rpartition(".")
    found = getattr(importlib.import_module(f"nnctl.kernels.{module}"), function)
    kernel: Kernel = found(*call.formulas) if call.formulas else found
    return kernel
