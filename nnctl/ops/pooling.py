"""Pooling over windows and over whole images, zeros around images: of one, two or three axes.

The ops have two; the functions take any number by seeing images otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import ClassVar

from nnctl.core.arrays import Array
from nnctl.kernels import pooling_plan
from nnctl.kernels.axes import Axis
from nnctl.kernels.pooling_plan import SPARE_TAPS, Windows, index_dtype
from nnctl.ops.activation import RELU_GRAD
from nnctl.ops.base import Arrays, Calls, Gradients, KernelCall, Node, Op, TensorType, Types, Value
from nnctl.ops.shape import reshape

Pair = tuple[int, int]
Sizes = tuple[int, ...]
Around = tuple[Pair, Pair]


@dataclass(frozen=True)
class Pool(Op):
    """The windows of a pooling: of `size`, `strides` apart; padding is ((top, bottom), (left, right))."""

    size: Pair
    strides: Pair
    padding: Around

    def windows(self, shape: tuple[int, ...]) -> Windows:
        """All sizes, for x (B, H, W, C).

        Raises:
            ValueError: the window is larger than the padded image.
        """
        batch, *sizes, channels = shape
        rows, columns = (
            Axis(n, (n + sum(around) - size) // stride + 1, size, stride, before=around[0])
            for n, around, size, stride in zip(sizes, self.padding, self.size, self.strides, strict=True)
        )
        if min(rows.out, columns.out) < 1:
            raise ValueError(f"a window of {self.size} is larger than {shape}")
        return Windows(batch, channels, rows, columns)

    def pooled(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of y (B, P, Q, C)."""
        w = self.windows(shape)
        return (w.batch, w.rows.out, w.columns.out, w.channels)

    def flops(self, inputs: Types, outputs: Types) -> int:
        """One comparison or addition for each pixel of each window."""
        return min(inputs[0].size, outputs[0].size) * self.size[0] * self.size[1]


@dataclass(frozen=True)
class MaxPool(Pool):
    """(y, chosen): the largest of each window, and which of its pixels that is (the first if equal)."""

    def infer(self, *inputs: TensorType) -> Types:
        (x,) = inputs
        y = TensorType(self.pooled(x.shape), x.dtype)
        return y, TensorType((y.size + SPARE_TAPS,), index_dtype(self.windows(x.shape)))

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        dy = dys[0]
        if dy is None:
            return (None,)
        op = MaxPoolGrad(self.size, self.strides, self.padding, node.inputs[0].shape)
        return (dy.graph.add1(op, dy, *node.outputs),)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        table = pooling_plan.table(self.windows(inputs[0].shape))
        args = (inputs[0].reshape(-1), table, outputs[0].reshape(-1), outputs[1])
        return (KernelCall("pooling.max_pool", args),)


@dataclass(frozen=True)
class MaxPoolGrad(Pool):
    """dx of `MaxPool` from (dy, y, chosen): each window's gradient goes to the pixel it chose."""

    shape: tuple[int, ...]
    gated: ClassVar[bool] = False

    def infer(self, *inputs: TensorType) -> Types:
        return (TensorType(self.shape, inputs[0].dtype),)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        dy, y, chosen = inputs[:3]
        table = pooling_plan.table(self.windows(self.shape))
        # Without a gate y is not looked at, but must be memory of the same size.
        seen = y if self.gated else dy
        args = (dy.reshape(-1), seen.reshape(-1), int(self.gated), chosen, table, outputs[0].reshape(-1))
        return (KernelCall("pooling.max_pool_gradient", args),)

    def absorb(self, node: Node, consumer: Node) -> Op | None:
        """The gradient of the relu whose output was pooled."""
        op = consumer.op
        if self.gated or op != RELU_GRAD:
            return None
        pool = node.inputs[1].node
        if pool is None or not isinstance(pool.op, MaxPool) or consumer.inputs[1] is not pool.inputs[0]:
            return None
        return ReluMaxPoolGrad(self.size, self.strides, self.padding, self.shape)


@dataclass(frozen=True)
class ReluMaxPoolGrad(MaxPoolGrad):
    """`MaxPoolGrad` and then the gradient of the relu that made x: inputs (dy, y, chosen, x).

    What a window chose is positive where y is, so x is not read, and dx may lie in its memory.
    """

    gated: ClassVar[bool] = True
    inplace: ClassVar[tuple[tuple[int, int], ...]] = ((0, 3),)


@dataclass(frozen=True)
class AveragePool(Pool):
    """y = the mean of each window's pixels inside the image."""

    def infer(self, *inputs: TensorType) -> Types:
        return (TensorType(self.pooled(inputs[0].shape), inputs[0].dtype),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        assert dy is not None
        op = AveragePoolGrad(self.size, self.strides, self.padding, node.inputs[0].shape)
        return (dy.graph.add1(op, dy),)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        table = pooling_plan.table(self.windows(inputs[0].shape))
        return (KernelCall("pooling.average_pool", (inputs[0].reshape(-1), table, outputs[0].reshape(-1))),)


@dataclass(frozen=True)
class AveragePoolGrad(Pool):
    """dx of `AveragePool` from dy: every pixel of a window gets an equal share."""

    shape: tuple[int, ...]

    def infer(self, *inputs: TensorType) -> Types:
        return (TensorType(self.shape, inputs[0].dtype),)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        table = pooling_plan.table(self.windows(self.shape))
        args = (inputs[0].reshape(-1), table, outputs[0].reshape(-1))
        return (KernelCall("pooling.average_pool_gradient", args),)


@dataclass(frozen=True)
class GlobalMaxPool(Op):
    """y (B, C) = the largest over all pixels of x (B, H, W, C)."""

    def infer(self, *inputs: TensorType) -> Types:
        (x,) = inputs
        return (TensorType((x.shape[0], x.shape[3]), x.dtype),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        assert dy is not None
        return (dy.graph.add1(GlobalMaxPoolGrad(), dy, *node.inputs, *node.outputs),)

    def scratch(self, inputs: Types, outputs: Types, threads: int) -> int:
        return 4 * (outputs[0].size + SPARE_TAPS)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        (x,) = inputs
        size = (x.shape[1], x.shape[2])
        windows = Pool(size, size, ((0, 0), (0, 0))).windows(x.shape)
        chosen = scratch.view(index_dtype(windows))[: outputs[0].size + SPARE_TAPS]
        args = (x.reshape(-1), pooling_plan.table(windows), outputs[0].reshape(-1), chosen)
        return (KernelCall("pooling.max_pool", args),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return inputs[0].size


@dataclass(frozen=True)
class GlobalMaxPoolGrad(Op):
    """dx of `GlobalMaxPool` from (dy, x, y): equal maxima share it."""

    def infer(self, *inputs: TensorType) -> Types:
        return (inputs[1],)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        dy, x, y = inputs
        pixels = (x.shape[0], x.shape[1] * x.shape[2], x.shape[3])
        args = (dy, x.reshape(pixels), y, outputs[0].reshape(pixels))
        return (KernelCall("pooling.global_max_gradient", args),)


@dataclass(frozen=True)
class ZeroPad(Op):
    """x (B, H, W, C) with zeros around it; padding is ((top, bottom), (left, right))."""

    padding: Around

    def infer(self, *inputs: TensorType) -> Types:
        (x,) = inputs
        (top, bottom), (left, right) = self.padding
        batch, height, width, channels = x.shape
        return (TensorType((batch, top + height + bottom, left + width + right, channels), x.dtype),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        assert dy is not None
        return (dy.graph.add1(ZeroPadGrad(self.padding, node.inputs[0].shape), dy),)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        top, left = self.padding[0][0], self.padding[1][0]
        return (KernelCall("padding.zero_pad", (inputs[0], top, left, outputs[0])),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 0


@dataclass(frozen=True)
class ZeroPadGrad(Op):
    """dx of `ZeroPad`: dy without its border."""

    padding: Around
    shape: tuple[int, ...]

    def infer(self, *inputs: TensorType) -> Types:
        return (TensorType(self.shape, inputs[0].dtype),)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        top, left = self.padding[0][0], self.padding[1][0]
        return (KernelCall("padding.crop", (inputs[0], top, left, outputs[0])),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 0


def max_pool(x: Value, size: Sizes, strides: Sizes, padding: Sequence[Pair]) -> Value:
    """The largest number of each window of x (B, *spatial, C), channel by channel: y (B, *spatial', C).

    Of 1 to 3 axes. Padding is (before, after) for each axis; what hangs over the edge is no candidate.
    """
    return _by_two(MaxPool, x, size, strides, padding)


def average_pool(x: Value, size: Sizes, strides: Sizes, padding: Sequence[Pair]) -> Value:
    """The mean of each window, as `max_pool`: what hangs over the edge is not counted."""
    return _by_two(AveragePool, x, size, strides, padding)


def _by_two(op: type[Pool], x: Value, size: Sizes, strides: Sizes, padding: Sequence[Pair]) -> Value:
    """One axis is two, the second of one place; of three, the last two are pooled and then the first.

    The first of equal maxima is so the first in the window, and a mean of means, each of as many, the mean.
    """
    batch, *spatial, channels = x.shape
    if len(spatial) == 1:
        y = _pool(
            op, reshape(x, (batch, *spatial, 1, channels)), (*size, 1), (*strides, 1), (*padding, (0, 0))
        )
        return reshape(y, (batch, y.shape[1], channels))
    if len(spatial) == 2:
        return _pool(op, x, size, strides, padding)
    depth, *sheet = spatial
    y = _pool(op, reshape(x, (batch * depth, *sheet, channels)), size[1:], strides[1:], padding[1:])
    _, height, width, _ = y.shape
    flat = reshape(y, (batch, depth, height * width, channels))
    y = _pool(op, flat, (size[0], 1), (strides[0], 1), (padding[0], (0, 0)))
    return reshape(y, (batch, y.shape[1], height, width, channels))


def _pool(op: type[Pool], x: Value, size: Sizes, strides: Sizes, padding: Sequence[Pair]) -> Value:
    (down, across), (top, left), (rows, columns) = size, strides, padding
    return x.graph.add(op((down, across), (top, left), (rows, columns)), x)[0]


def _image(x: Value) -> Value:
    """x (B, *spatial, C) as (B, H, W, C)."""
    batch, *spatial, channels = x.shape
    return reshape(x, (batch, prod(spatial[:-1]), spatial[-1], channels))


def global_max_pool(x: Value) -> Value:
    """The largest number of each channel of x (B, *spatial, C): y (B, C)."""
    return x.graph.add1(GlobalMaxPool(), _image(x))


def global_average_pool(x: Value) -> Value:
    """The mean of each channel of x (B, *spatial, C): y (B, C)."""
    batch, height, width, channels = _image(x).shape
    y = average_pool(_image(x), (height, width), (height, width), ((0, 0), (0, 0)))
    return reshape(y, (batch, channels))


def zero_pad(x: Value, padding: Sequence[Pair]) -> Value:
    """x (B, *spatial, C) with zeros around it; padding is (before, after) for each of 1 to 3 axes."""
    batch, *spatial, channels = x.shape
    if len(spatial) == 1:
        y = _zero_pad(reshape(x, (batch, *spatial, 1, channels)), (padding[0], (0, 0)))
        return reshape(y, (batch, y.shape[1], channels))
    if len(spatial) == 2:
        return _zero_pad(x, (padding[0], padding[1]))
    depth, *sheet = spatial
    y = _zero_pad(reshape(x, (batch * depth, *sheet, channels)), (padding[1], padding[2]))
    _, height, width, _ = y.shape
    y = _zero_pad(reshape(y, (batch, depth, height * width, channels)), (padding[0], (0, 0)))
    return reshape(y, (batch, y.shape[1], height, width, channels))


def _zero_pad(x: Value, padding: Around) -> Value:
    return x.graph.add1(ZeroPad(padding), x)
