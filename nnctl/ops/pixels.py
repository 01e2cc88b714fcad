"""What is done to each number or each colour of an image, by formula, with numbers drawn for the image."""

from __future__ import annotations

from typing import ClassVar

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.ops.base import Arrays, Calls, Gradients, KernelCall, Node, Op, TensorType, Types, Value
from nnctl.ops.elementwise import fill, subtract
from nnctl.ops.formula import Formula
from nnctl.ops.parallel import widened

_INPLACE = ((0, 0),)


@record
class Numbers(Op):
    """y[b, ...] = value(x[b, ...], draws of b) for x (B, ...) and draws (B, D).

    `slope` is the formula of its slope, with the same arguments; without one no gradient passes.
    """

    value: Formula
    slope: Formula | None = None
    inplace: ClassVar[tuple[tuple[int, int], ...]] = _INPLACE

    def infer(self, *inputs: TensorType) -> Types:
        x, draws = inputs
        if len(draws.shape) != 2 or draws.shape[0] != x.shape[0] or draws.dtype != x.dtype:
            raise ValueError(f"{draws} are no rows for {x}")
        return (x,)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        assert dy is not None
        if self.slope is None:
            return super().grad(node, *dys)
        return dy.graph.add1(NumbersGrad(self.slope), dy, *node.inputs), None

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        x, draws = inputs
        rows = x.shape[0]
        args = (x.reshape(rows, -1), *arguments(self.value, draws), outputs[0].reshape(rows, -1))
        kernel = widened("pixels.numbers_of_images", x.size, threads)
        return (KernelCall(kernel, args, (self.value.function,)),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return inputs[0].size * self.value.operations


@record
class NumbersGrad(Op):
    """dx = slope dy from (dy, x, draws)."""

    slope: Formula
    inplace: ClassVar[tuple[tuple[int, int], ...]] = _INPLACE

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        dy, x, draws = inputs
        rows = x.shape[0]
        flat = (x.reshape(rows, -1), dy.reshape(rows, -1))
        args = (*flat, *arguments(self.slope, draws), outputs[0].reshape(rows, -1))
        return (KernelCall("pixels.numbers_of_images_grad", args, (self.slope.function,)),)


@record
class Colours(Op):
    """y[b, ...] = value(red, green, blue of x[b, ...], draws of b) for x (B, ..., 3); passes no gradient."""

    value: Formula
    inplace: ClassVar[tuple[tuple[int, int], ...]] = _INPLACE

    def infer(self, *inputs: TensorType) -> Types:
        x, draws = inputs
        if x.shape[-1] != 3 or len(draws.shape) != 2 or draws.shape[0] != x.shape[0]:
            raise ValueError(f"colours of {x} with {draws}")
        return (x,)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        x, draws = inputs
        shape = (x.shape[0], -1, 3)
        args = (x.reshape(shape), *arguments(self.value, draws), outputs[0].reshape(shape))
        kernel = widened("pixels.colours_of_images", x.size, threads)
        return (KernelCall(kernel, args, (self.value.function,)),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return inputs[0].size // 3 * self.value.operations


@record
class Paste(Op):
    """y = other within a box of each image, else x, from (x, other, draws), (B, H, W, C) and (B, D).

    `box` is a formula of an image's draws; see `kernels.pixels.paste`.
    """

    box: Formula
    inplace: ClassVar[tuple[tuple[int, int], ...]] = ((0, 0), (0, 1))

    def infer(self, *inputs: TensorType) -> Types:
        x, other, _ = inputs
        if x != other or len(x.shape) != 4:
            raise ValueError(f"{other} does not go into {x}")
        return (x,)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        assert dy is not None
        outside = paste(dy, fill(dy.graph, dy.shape, 0.0, dy.dtype), node.inputs[2], self.box)
        return outside, subtract(dy, outside), None

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        x, other, draws = inputs
        args = (x, other, *arguments(self.box, draws), outputs[0])
        return (KernelCall("pixels.paste", args, (self.box.function,)),)


def arguments(formula: Formula, draws: Array) -> tuple[object, ...]:
    """What kernels take besides images: the draws, as many zeros as a row has, the formula's numbers."""
    return draws, (draws.dtype.type(0.0),) * draws.shape[1], formula.typed(draws.dtype)


def numbers(x: Value, draws: Value, value: Formula, slope: Formula | None = None) -> Value:
    """value(number, draws of its image) of each number of x (B, ...); draws (B, D)."""
    return x.graph.add1(Numbers(value, slope), x, draws)


def colours(x: Value, draws: Value, value: Formula) -> Value:
    """value(red, green, blue, draws of the image) of each pixel of x (B, ..., 3); draws (B, D)."""
    return x.graph.add1(Colours(value), x, draws)


def paste(x: Value, other: Value, draws: Value, box: Formula) -> Value:
    """x (B, H, W, C) with other in its place within a box drawn for each image."""
    return x.graph.add1(Paste(box), x, other, draws)
