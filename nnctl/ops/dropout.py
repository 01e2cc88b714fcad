"""Inverted dropout, counted by the step: the mask is drawn anew from (key, step, index)."""

from __future__ import annotations

from typing import ClassVar

from nnctl.core.arrays import Array
from nnctl.core.keys import Key
from nnctl.core.records import record
from nnctl.ops.base import Arrays, Calls, Gradients, Graph, KernelCall, Node, Op, TensorType, Types, Value
from nnctl.ops.elementwise import multiply
from nnctl.ops.parallel import widened


@record
class Dropout(Op):
    """(y, mask) from (x, step): y = x / (1 - rate) where the mask is 1, else 0."""

    rate: float
    key: Key

    def infer(self, *inputs: TensorType) -> Types:
        x, _ = inputs
        return x, TensorType(x.shape, "uint8")

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        dy = dys[0]
        if dy is None:
            return None, None
        return dy.graph.add1(DropoutGrad(self.rate), dy, node.outputs[1]), None

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        x, step = inputs
        y, mask = (a.reshape(-1) for a in outputs)
        # Drawing costs far more than copying, so several threads pay off much earlier.
        kernel = widened("dropout.dropout", 4 * y.size, threads)
        return (KernelCall(kernel, (x.reshape(-1), *self.key, step, self.rate, mask, y)),)


@record
class DropoutGrad(Op):
    """dx = dy / (1 - rate) where the mask is 1, else 0."""

    rate: float
    inplace: ClassVar[tuple[tuple[int, int], ...]] = ((0, 0),)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        dy, mask = (x.reshape(-1) for x in inputs)
        return (KernelCall("dropout.dropout_grad", (dy, mask, self.rate, outputs[0].reshape(-1))),)


@record
class DropoutMask(Op):
    """The mask of a `Dropout` of x of `shape`, by itself, from (step,): 1 where a number is kept."""

    shape: tuple[int, ...]
    rate: float
    key: Key

    def infer(self, *inputs: TensorType) -> Types:
        return (TensorType(self.shape, "uint8"),)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        mask = outputs[0].reshape(-1)
        kernel = widened("dropout.dropout_mask", 4 * mask.size, threads)
        return (KernelCall(kernel, (*self.key, inputs[0], self.rate, mask)),)


@record
class DropoutFactor(Op):
    """A tensor of 1 / (1 - rate) where kept, else 0, from (step,): to share over axes."""

    shape: tuple[int, ...]
    dtype: str
    rate: float
    key: Key

    def infer(self, *inputs: TensorType) -> Types:
        return (TensorType(self.shape, self.dtype),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        return (None,)

    def scratch(self, inputs: Types, outputs: Types, threads: int) -> int:
        return outputs[0].size

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        args = (*self.key, inputs[0], self.rate, scratch, outputs[0].reshape(-1))
        return (KernelCall("dropout.dropout_factor", args),)


def dropout(
    x: Value, rate: float, key: Key, step: Value, noise_shape: tuple[int, ...] | None = None
) -> Value:
    """x with a part `rate` set to zero, the rest scaled by 1 / (1 - rate).

    Args:
        key: The random stream; the mask is a function of it and the step.
        noise_shape: The mask's shape, batch included; it is repeated along axes of length 1.
    """
    if rate == 0.0:
        return x
    if noise_shape is None or noise_shape == x.shape:
        return x.graph.add(Dropout(rate, key), x, step)[0]
    from nnctl.ops.shape import broadcast_to

    return multiply(x, broadcast_to(dropout_factor(x, rate, key, step, noise_shape), x.shape))


def dropout_mask(graph: Graph, shape: tuple[int, ...], rate: float, key: Key) -> Value:
    """Where dropout of x of `shape` keeps a number: uint8, drawn as `dropout` draws."""
    return graph.add1(DropoutMask(shape, rate, key), graph.step())


def dropout_factor(x: Value, rate: float, key: Key, step: Value, shape: tuple[int, ...]) -> Value:
    """What dropout multiplies by, of `shape`, in x's dtype: for masks shared over steps."""
    return x.graph.add1(DropoutFactor(shape, x.dtype, rate, key), step)
