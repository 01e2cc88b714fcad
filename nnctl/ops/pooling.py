"""Pooling over windows and over whole images, zeros around images: of one, two or three axes.

The ops have two; the functions take any number by seeing images otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from typing import ClassVar, TypeVar

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.kernels import pooling_plan
from nnctl.kernels.axes import Axis
from nnctl.kernels.pooling_plan import SPARE_TAPS, Shares, Windows, index_dtype
from nnctl.ops.activation import RELU_GRAD
from nnctl.ops.base import Arrays, Calls, Gradients, KernelCall, Node, Op, TensorType, Types, Value
from nnctl.ops.convolution import Convolution
from nnctl.ops.elementwise import at_least, cast, divide, fill
from nnctl.ops.masks import select
from nnctl.ops.parallel import widened
from nnctl.ops.shape import broadcast_to, reshape
from nnctl.ops.sums import Spread, sum_axes

Pair = tuple[int, int]
Sizes = tuple[int, ...]
Around = tuple[Pair, Pair]
T = TypeVar("T")


@record
class Slide:
    """Windows along an axis: of `size`, `stride` apart, `around` = (before, after) hanging over its ends."""

    size: int
    stride: int
    around: Pair

    def along(self, length: int) -> Axis:
        """All sizes, for an axis of this length.

        Raises:
            ValueError: the window is longer than the padded axis.
        """
        places = (length + sum(self.around) - self.size) // self.stride + 1
        if places < 1:
            raise ValueError(f"a window of {self.size} is longer than an axis of {length}")
        return Axis(length, places, self.size, self.stride, before=self.around[0])


@record
class Share:
    """As many windows as `out` along an axis, which share it among them."""

    out: int

    def along(self, length: int) -> Shares:
        """All sizes, for an axis of this length."""
        return Shares(length, self.out)


Along = Slide | Share
SINGLE = Slide(1, 1, (0, 0))
"""Windows along an axis of one place, or windows that are single pixels."""


@record
class Pool(Op):
    """A pooling over windows: x (B, H, W, C), y (B, P, Q, C)."""

    down: Along
    across: Along

    def windows(self, shape: tuple[int, ...]) -> Windows:
        """All sizes, for x (B, H, W, C)."""
        batch, height, width, channels = shape
        return Windows(batch, channels, self.down.along(height), self.across.along(width))

    def pooled(self, x: TensorType) -> TensorType:
        """The type of y."""
        w = self.windows(x.shape)
        return TensorType((w.batch, w.rows.out, w.columns.out, w.channels), x.dtype)

    def flops(self, inputs: Types, outputs: Types) -> int:
        """One comparison or addition for each pixel of each window."""
        return self.windows(inputs[0].shape).reach


@record
class PoolGrad(Pool):
    """dx (B, H, W, C), of `shape`, of a pooling."""

    shape: tuple[int, ...]

    def infer(self, *inputs: TensorType) -> Types:
        return (TensorType(self.shape, inputs[0].dtype),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return self.windows(self.shape).reach


@record
class MaxPool(Pool):
    """(y, chosen): the largest of each window, and which of its pixels that is (the first if equal)."""

    def infer(self, *inputs: TensorType) -> Types:
        (x,) = inputs
        y = self.pooled(x)
        return y, TensorType((y.size + SPARE_TAPS,), index_dtype(self.windows(x.shape)))

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        dy = dys[0]
        if dy is None:
            return (None,)
        op = MaxPoolGrad(self.down, self.across, node.inputs[0].shape)
        return (dy.graph.add1(op, dy, *node.outputs),)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        table = pooling_plan.table(self.windows(inputs[0].shape))
        args = (inputs[0].reshape(-1), table, outputs[0].reshape(-1), outputs[1])
        return (KernelCall("pooling.max_pool", args),)


@record
class MaxPoolGrad(PoolGrad):
    """dx of `MaxPool` from (dy, y, chosen): each window's gradient goes to the pixel it chose."""

    gated: ClassVar[bool] = False

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
        return ReluMaxPoolGrad(self.down, self.across, self.shape)


@record
class ReluMaxPoolGrad(MaxPoolGrad):
    """`MaxPoolGrad` and then the gradient of the relu that made x: inputs (dy, y, chosen, x).

    What a window chose is positive where y is, so x is not read, and dx may lie in its memory.
    """

    gated: ClassVar[bool] = True
    inplace: ClassVar[tuple[tuple[int, int], ...]] = ((0, 3),)


@record
class AveragePool(Pool):
    """y = the mean of each window's pixels inside the image."""

    def infer(self, *inputs: TensorType) -> Types:
        return (self.pooled(inputs[0]),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        assert dy is not None
        return (dy.graph.add1(AveragePoolGrad(self.down, self.across, node.inputs[0].shape), dy),)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        table = pooling_plan.table(self.windows(inputs[0].shape))
        return (KernelCall("pooling.average_pool", (inputs[0].reshape(-1), table, outputs[0].reshape(-1))),)


@record
class AveragePoolGrad(PoolGrad):
    """dx of `AveragePool` from dy: every pixel of a window gets an equal share."""

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        table = pooling_plan.table(self.windows(self.shape))
        args = (inputs[0].reshape(-1), table, outputs[0].reshape(-1))
        return (KernelCall("pooling.average_pool_gradient", args),)


@record
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
        windows = Pool(Share(1), Share(1)).windows(x.shape)
        chosen = scratch.view(index_dtype(windows))[: outputs[0].size + SPARE_TAPS]
        args = (x.reshape(-1), pooling_plan.table(windows), outputs[0].reshape(-1), chosen)
        return (KernelCall("pooling.max_pool", args),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return inputs[0].size


@record
class GlobalMaxPoolGrad(Op):
    """dx of `GlobalMaxPool` from (dy, x, y): equal maxima share it."""

    def infer(self, *inputs: TensorType) -> Types:
        return (inputs[1],)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        dy, x, y = inputs
        pixels = (x.shape[0], x.shape[1] * x.shape[2], x.shape[3])
        args = (dy, x.reshape(pixels), y, outputs[0].reshape(pixels))
        return (KernelCall("pooling.global_max_gradient", args),)


@record
class GlobalAveragePool(Op):
    """y (B, C) = the mean over all pixels of x (B, *spatial, C)."""

    def infer(self, *inputs: TensorType) -> Types:
        (x,) = inputs
        return (TensorType((x.shape[0], x.shape[-1]), x.dtype),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        assert dy is not None
        shape = node.inputs[0].shape
        share = divide(dy, fill(dy.graph, dy.shape, prod(shape[1:-1]), dy.dtype))
        return (dy.graph.add1(Spread(shape, 1, len(shape) - 2), share),)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        (x,), (y,) = inputs, outputs
        pixels = x.reshape(len(x), prod(x.shape[1:-1]), x.shape[-1])
        return (KernelCall(widened("reduce.mean_middle", x.size, threads), (pixels, y)),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return inputs[0].size


@record
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

    def followed_by(self, consumer: Op) -> Op | None:
        """A convolution with strides, which leaves out what is not there."""
        if isinstance(consumer, Convolution) and max(consumer.window.strides) > 1:
            return replace(consumer, window=consumer.window.padded(self.padding))
        return None


@record
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
    return _pooled(MaxPool, x, _slides(size, strides, padding))


def average_pool(x: Value, size: Sizes, strides: Sizes, padding: Sequence[Pair]) -> Value:
    """The mean of each window, as `max_pool`: what hangs over the edge is not counted."""
    return _pooled(AveragePool, x, _slides(size, strides, padding))


def adaptive_max_pool(x: Value, out: Sizes) -> Value:
    """The largest number of each of `out` windows that share x (B, *spatial, C): y (B, *out, C); 1 to 3 axes.

    Window p of an axis reaches from floor(p n / out) to ceil((p + 1) n / out).
    """
    return _pooled(MaxPool, x, [Share(n) for n in out])


def adaptive_average_pool(x: Value, out: Sizes) -> Value:
    """The mean of each window, which are those of `adaptive_max_pool`."""
    return _pooled(AveragePool, x, [Share(n) for n in out])


def _slides(size: Sizes, strides: Sizes, padding: Sequence[Pair]) -> list[Along]:
    return [Slide(*axis) for axis in zip(size, strides, padding, strict=True)]


def _pooled(op: type[Pool], x: Value, along: Sequence[Along]) -> Value:
    """Axes two by two: the first of equal maxima is still the first in the window.

    A mean of means, each of as many numbers, is the mean.
    """
    return _by_two(lambda x, down, across: x.graph.add(op(down, across), x)[0], x, along, SINGLE)


def _by_two(over_image: Callable[[Value, T, T], Value], x: Value, along: Sequence[T], nothing: T) -> Value:
    """What an op over two axes makes of x (B, *spatial, C) of 1 to 3 axes; `along` says what of each.

    One axis is two, the second of one place; of three, the last two come first and then the first. `nothing`
    is what leaves an axis as it is.
    """
    batch, *spatial, channels = x.shape
    if len(spatial) == 1:
        y = over_image(reshape(x, (batch, *spatial, 1, channels)), along[0], nothing)
        return reshape(y, (batch, y.shape[1], channels))
    if len(spatial) == 2:
        return over_image(x, along[0], along[1])
    depth, *sheet = spatial
    y = over_image(reshape(x, (batch * depth, *sheet, channels)), along[1], along[2])
    _, height, width, _ = y.shape
    y = over_image(reshape(y, (batch, depth, height * width, channels)), along[0], nothing)
    return reshape(y, (batch, y.shape[1], height, width, channels))


def _image(x: Value) -> Value:
    """x (B, *spatial, C) as (B, H, W, C)."""
    batch, *spatial, channels = x.shape
    return reshape(x, (batch, prod(spatial[:-1]), spatial[-1], channels))


def global_max_pool(x: Value) -> Value:
    """The largest number of each channel of x (B, *spatial, C): y (B, C)."""
    return x.graph.add1(GlobalMaxPool(), _image(x))


def global_average_pool(x: Value) -> Value:
    """The mean of each channel of x (B, *spatial, C): y (B, C)."""
    return x.graph.add1(GlobalAveragePool(), x)


def masked_average(x: Value, mask: Value) -> Value:
    """The mean of each channel of x (B, T, C) over the steps that the mask (B, T) counts: y (B, C), or 0."""
    batch, _, channels = x.shape
    total = sum_axes(select(mask, x, 0.0), (1,))
    count = at_least(sum_axes(cast(mask, x.dtype), (1,)), 1.0)
    return divide(total, broadcast_to(reshape(count, (batch, 1)), (batch, channels)))


def zero_pad(x: Value, padding: Sequence[Pair]) -> Value:
    """x (B, *spatial, C) with zeros around it; padding is (before, after) for each of 1 to 3 axes."""
    return _by_two(lambda x, down, across: x.graph.add1(ZeroPad((down, across)), x), x, padding, (0, 0))
