"""The op graph: typed values, nodes in order, and what an op must know to be one.

An op is a frozen dataclass of static attributes. It gives a shape rule (`infer`), a gradient rule written in
ops (`grad`), and the kernel calls that run it (`calls`). Kernels are named by text and imported when a
program is bound, so building and checking a graph never imports Numba.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod
from typing import Any, ClassVar

import numpy as np

from nnctl.core.arrays import Array, part_of
from nnctl.core.records import record


@record
class TensorType:
    """Shape (every axis known, batch included) and NumPy dtype name of one value."""

    shape: tuple[int, ...]
    dtype: str

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of a C-contiguous buffer of this type."""
        return self.size * np.dtype(self.dtype).itemsize


@record
class KernelCall:
    """One kernel call: `kernel` is "module.function" below nnctl.kernels; `args` are fixed.

    Where there are `formulas` (or forms), the function makes the kernel of them.
    """

    kernel: str
    args: tuple[Any, ...]
    formulas: tuple[Any, ...] = ()


@dataclass(eq=False)
class Value:
    """One tensor of a graph. `node` is None for leaves (inputs, weights, constants)."""

    graph: Graph = field(repr=False)
    type: TensorType
    node: Node | None = field(default=None, repr=False)
    index: int = 0
    name: str | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """All axes, batch first."""
        return self.type.shape

    @property
    def dtype(self) -> str:
        """NumPy dtype name."""
        return self.type.dtype


@record
class Condition:
    """Holds in the steps in which a number drawn in [0, 1), which is cut into parts, falls into one of them.

    Attributes:
        number: Its first element, of floats, is the number.
    """

    number: Value
    part: int
    parts: int

    def holds(self, number: Array) -> bool:
        """Whether it holds of the number that is there now."""
        return part_of(number, self.parts) == self.part


@dataclass(eq=False)
class Node:
    """One application of an op. `origin` names the layer (or loss, metric ...) it was made for."""

    op: Op
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...] = ()
    origin: str = ""
    only: Condition | None = None
    """When it runs; None: in every step. In others its outputs are whatever lies there."""

    @property
    def reads(self) -> tuple[Value, ...]:
        """All that must be there when it runs."""
        return self.inputs if self.only is None else (*self.inputs, self.only.number)


Types = Sequence[TensorType]
Arrays = Sequence[Array]
Calls = Sequence[KernelCall]
Gradients = Sequence[Value | None]


class Op:
    """The base of all ops. Subclasses are records, or frozen dataclasses, of static attributes."""

    view: ClassVar[bool] = False
    """Output 0 is the memory of input 0 under another shape; there is nothing to run."""
    inplace: ClassVar[tuple[tuple[int, int], ...]] = ()
    """(output, input) pairs: the output may be written over the input where that dies here."""
    takes_rows: ClassVar[bool] = False
    """Input 0 may lack axes that the others have before their last: each row of it stands for all there."""
    stops: ClassVar[bool] = False
    """Whether it may end the run of a program: it stays though nobody reads anything of it."""
    mutates: ClassVar[tuple[int, ...]] = ()
    """Inputs that are written (state variables). Such a node is never dead."""

    def infer(self, *inputs: TensorType) -> Types:
        """The outputs' types: one output like the first input, if not said otherwise.

        Raises:
            ValueError: the inputs do not fit (a fault of nnctl's own).
        """
        return (inputs[0],)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        """Gradients for each input from those of the outputs (None: no gradient), composed of ops."""
        raise NotImplementedError(f"{type(self).__name__} has no gradient")

    def scratch(self, inputs: Types, outputs: Types, threads: int) -> int:
        """Bytes of scratch memory the calls need."""
        return 0

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        """The kernel calls over these buffers (C-contiguous; `scratch` is uint8, 64-byte aligned)."""
        raise NotImplementedError

    def flops(self, inputs: Types, outputs: Types) -> int:
        """Floating-point operations, a multiply-add counted as two."""
        return 0 if self.view else sum(t.size for t in outputs)

    def absorb(self, node: Node, consumer: Node) -> Op | None:
        """An op that does this node's work and `consumer`'s in one kernel, or None.

        `node`'s only output in use is read by `consumer` only. The fused op gives the consumer's output; it
        takes this node's inputs followed by the consumer's other inputs.
        """
        return None

    def shared_with(self, later: Op) -> tuple[Op, Op] | None:
        """Where `later` would do some of this op's work again: two ops in place of both, or None.

        The first gives this op's output and then what the second reads in place of this op's only input.
        Nothing else reads that.
        """
        return None

    def followed_by(self, consumer: Op) -> Op | None:
        """An op that does this op's work and then `consumer`'s on output 0, and has a gradient, or None.

        It takes this op's inputs followed by the consumer's other inputs; its other outputs are those of this
        op, which has no others where the consumer has other inputs. Nothing else reads output 0.
        """
        return None

    def with_bias(self, node: Node) -> Op | None:
        """This op with a bias (F,) as its third input; None where it takes none.

        Only for an op that is linear in its second input (..., F), whose last axis is that of its output: so
        that a factor and a summand for each of F can go into these two.
        """
        return None

    def fold(self, node: Node, producer: Node) -> Sequence[Node] | None:
        """Nodes that do this node's work in its producer's (see `with_bias`), for programs that keep their
        weights: what is worked out from weights alone, then the producer with that in their place; or None.

        `producer` gives this node's first input, which nothing else reads.
        """
        return None

    def lay_out(self, node: Node) -> tuple[Op, Sequence[Value], Op] | None:
        """What this op's kernel does to weights before it computes, for programs that keep their weights.

        An op that does it alone and what it does it to, and this op with that op's output as its last input;
        None where there is no such thing.
        """
        return None


@dataclass(eq=False)
class Slices:
    """How a batch is cut for nodes that run once for each slice of it, one slice after the other.

    Attributes:
        rows: Examples in each.
        starts: The first example of each.
        wholes: Of what such nodes read or make of all examples, by the value (rows, ...) that it is in them.
    """

    rows: int
    starts: tuple[int, ...]
    wholes: dict[Value, Value] = field(default_factory=dict)

    def part_of(self, whole: Value) -> Value:
        """The rows of an input (B, ...) that a slice reads."""
        shape = (self.rows, *whole.shape[1:])
        part = Value(whole.graph, TensorType(shape, whole.dtype), name=f"part of {whole.name}")
        self.wholes[part] = whole
        return part

    def whole_of(self, part: Value, batch: int) -> Value:
        """What becomes of all slices' outputs (rows, ...) of a node: (B, ...)."""
        made = Value(part.graph, TensorType((batch, *part.shape[1:]), part.dtype), name="all slices")
        self.wholes[part] = made
        return made


class Graph:
    """Nodes in the order they run. Every op function appends to the graph of its first argument.

    Args:
        direct_convolution: Convolutions are never taken through Winograd's transforms.
        inference: It runs again and again with the same weights.
    """

    def __init__(
        self, dtype: str = "float32", direct_convolution: bool = False, inference: bool = False
    ) -> None:
        self.dtype = dtype
        self.direct_convolution = direct_convolution
        self.inference = inference
        self.settled = 0
        """How many of the nodes, the first, follow from weights alone; what others read of them is kept."""
        self.slices: Slices | None = None
        """How the batch is cut for the nodes that are not settled, up to the last that makes a part of it."""
        self.nodes: list[Node] = []
        self.inputs: dict[str, Value] = {}
        """What the caller fills before each run (batch, labels, step counter ...)."""
        self.variables: dict[str, Value] = {}
        """Persistent arrays: weights, optimizer slots, metric state."""
        self.constants: dict[Value, Array] = {}
        self.bands: dict[Value, object] = {}
        """Of constants that are masks by place (`ops.masks.band`): the rule."""
        self.gradients: set[Value] = set()
        """The values that are made on the way back from the loss."""
        self.origin = ""
        """The name given to nodes added from now on."""
        self._only: Condition | None = None

    def input(self, name: str, shape: tuple[int, ...], dtype: str | None = None) -> Value:
        """The input `name`, made on first use."""
        if name not in self.inputs:
            self.inputs[name] = Value(self, TensorType(shape, dtype or self.dtype), name=name)
        return self.inputs[name]

    def variable(self, name: str, shape: tuple[int, ...], dtype: str | None = None) -> Value:
        """The persistent array `name`, made on first use."""
        if name not in self.variables:
            self.variables[name] = Value(self, TensorType(shape, dtype or self.dtype), name=name)
        return self.variables[name]

    def step(self) -> Value:
        """The update counter (1,) uint64, input "step": what random ops count with."""
        return self.input("step", (1,), "uint64")

    def constant(self, array: Array) -> Value:
        """A fixed array, kept outside the arena."""
        array = np.array(array, order="C")
        value = Value(self, TensorType(array.shape, array.dtype.name), name="constant")
        self.constants[value] = array
        return value

    def add(self, op: Op, *inputs: Value) -> tuple[Value, ...]:
        """Append `op` applied to `inputs`; its outputs."""
        node = self.node(op, inputs, self.origin, self._only)
        self.nodes.append(node)
        return node.outputs

    def node(self, op: Op, inputs: Sequence[Value], origin: str, only: Condition | None = None) -> Node:
        """An op applied to `inputs`, with outputs of its own; whoever makes it says where it runs."""
        node = Node(op, tuple(inputs), origin=origin, only=only)
        types = op.infer(*(v.type for v in inputs))
        node.outputs = tuple(Value(self, t, node, i) for i, t in enumerate(types))
        return node

    @contextmanager
    def only(self, condition: Condition) -> Iterator[None]:
        """What is added within runs only where the condition holds.

        Only an op that asks the same (`ops.choice`) may read it from outside, and no gradient passes it.
        """
        before, self._only = self._only, condition
        assert before is None, "conditions do not nest"
        yield
        self._only = None

    def add1(self, op: Op, *inputs: Value) -> Value:
        """`add` for an op with one output."""
        (out,) = self.add(op, *inputs)
        return out


def is_float(value: Value) -> bool:
    """Whether gradients can flow into this value."""
    return value.dtype.startswith("float")


_DUMMIES: dict[tuple[str, int], Array] = {}


def dummy(dtype: str, ndim: int = 1) -> Array:
    """A one-element array to pass where a kernel's optional argument is not used."""
    return _DUMMIES.setdefault((dtype, ndim), np.zeros((1,) * ndim, dtype))
