"""Pooling over windows and over whole images; zeros around images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from nnctl.core.arrays import Array
from nnctl.kernels import codes, pooling_plan
from nnctl.kernels.pooling_plan import SPARE_TAPS, Windows, index_dtype
from nnctl.ops.activation import ActivationGrad
from nnctl.ops.base import KernelCall, Node, Op, TensorType, Value
from nnctl.ops.shape import reshape

Pair = tuple[int, int]
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
        out = [
            (n + sum(around) - size) // stride + 1
            for n, around, size, stride in zip(shape[1:3], self.padding, self.size, self.strides, strict=True)
        ]
        if min(out) < 1:
            raise ValueError(f"a window of {self.size} is larger than {shape}")
        batch, height, width, channels = shape
        top, left = self.padding[0][0], self.padding[1][0]
        return Windows(batch, height, width, channels, self.size, self.strides, top, left, out[0], out[1])

    def pooled(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of y (B, P, Q, C)."""
        w = self.windows(shape)
        return (w.batch, w.out_height, w.out_width, w.channels)

    def flops(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> int:
        """One comparison or addition for each pixel of each window."""
        return min(inputs[0].size, outputs[0].size) * self.size[0] * self.size[1]


@dataclass(frozen=True)
class MaxPool(Pool):
    """(y, chosen): the largest of each window, and which of its pixels that is (the first if equal)."""

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        (x,) = inputs
        y = TensorType(self.pooled(x.shape), x.dtype)
        return y, TensorType((y.size + SPARE_TAPS,), index_dtype(self.windows(x.shape)))

    def grad(self, node: Node, *dys: Value | None) -> Sequence[Value | None]:
        dy = dys[0]
        if dy is None:
            return (None,)
        op = MaxPoolGrad(self.size, self.strides, self.padding, node.inputs[0].shape)
        return (dy.graph.add1(op, dy, *node.outputs),)

    def calls(
        self, inputs: Sequence[Array], outputs: Sequence[Array], scratch: Array, threads: int
    ) -> Sequence[KernelCall]:
        table = pooling_plan.table(self.windows(inputs[0].shape))
        args = (inputs[0].reshape(-1), table, outputs[0].reshape(-1), outputs[1])
        return (KernelCall("pooling.max_pool", args),)


@dataclass(frozen=True)
class MaxPoolGrad(Pool):
    """dx of `MaxPool` from (dy, y, chosen): each window's gradient goes to the pixel it chose."""

    shape: tuple[int, ...]
    gated: ClassVar[bool] = False

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        return (TensorType(self.shape, inputs[0].dtype),)

    def calls(
        self, inputs: Sequence[Array], outputs: Sequence[Array], scratch: Array, threads: int
    ) -> Sequence[KernelCall]:
        dy, y, chosen = inputs[:3]
        table = pooling_plan.table(self.windows(self.shape))
        # Without a gate y is not looked at, but must be memory of the same size.
        seen = y if self.gated else dy
        args = (dy.reshape(-1), seen.reshape(-1), int(self.gated), chosen, table, outputs[0].reshape(-1))
        return (KernelCall("pooling.max_pool_gradient", args),)

    def absorb(self, node: Node, consumer: Node) -> Op | None:
        """The gradient of the relu whose output was pooled."""
        op = consumer.op
        if self.gated or not isinstance(op, ActivationGrad) or op.code != codes.RELU or not op.plain:
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

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        return (TensorType(self.pooled(inputs[0].shape), inputs[0].dtype),)

    def grad(self, node: Node, *dys: Value | None) -> Sequence[Value | None]:
        (dy,) = dys
        assert dy is not None
        op = AveragePoolGrad(self.size, self.strides, self.padding, node.inputs[0].shape)
        return (dy.graph.add1(op, dy),)

    def calls(
        self, inputs: Sequence[Array], outputs: Sequence[Array], scratch: Array, threads: int
    ) -> Sequence[KernelCall]:
        table = pooling_plan.table(self.windows(inputs[0].shape))
        return (KernelCall("pooling.average_pool", (inputs[0].reshape(-1), table, outputs[0].reshape(-1))),)


@dataclass(frozen=True)
class AveragePoolGrad(Pool):
    """dx of `AveragePool` from dy: every pixel of a window gets an equal share."""

    shape: tuple[int, ...]

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        return (TensorType(self.shape, inputs[0].dtype),)

    def calls(
        self, inputs: Sequence[Array], outputs: Sequence[Array], scratch: Array, threads: int
    ) -> Sequence[KernelCall]:
        table = pooling_plan.table(self.windows(self.shape))
        args = (inputs[0].reshape(-1), table, outputs[0].reshape(-1))
        return (KernelCall("pooling.average_pool_gradient", args),)


@dataclass(frozen=True)
class GlobalMaxPool(Op):
    """y (B, C) = the largest over all pixels of x (B, H, W, C)."""

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        (x,) = inputs
        return (TensorType((x.shape[0], x.shape[3]), x.dtype),)

    def grad(self, node: Node, *dys: Value | None) -> Sequence[Value | None]:
        (dy,) = dys
        assert dy is not None
        return (dy.graph.add1(GlobalMaxPoolGrad(), dy, *node.inputs, *node.outputs),)

    def scratch(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType], threads: int) -> int:
        return 4 * (outputs[0].size + SPARE_TAPS)

    def calls(
        self, inputs: Sequence[Array], outputs: Sequence[Array], scratch: Array, threads: int
    ) -> Sequence[KernelCall]:
        (x,) = inputs
        size = (x.shape[1], x.shape[2])
        windows = Pool(size, size, ((0, 0), (0, 0))).windows(x.shape)
        chosen = scratch.view(index_dtype(windows))[: outputs[0].size + SPARE_TAPS]
        args = (x.reshape(-1), pooling_plan.table(windows), outputs[0].reshape(-1), chosen)
        return (KernelCall("pooling.max_pool", args),)

    def flops(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> int:
        return inputs[0].size


@dataclass(frozen=True)
class GlobalMaxPoolGrad(Op):
    """dx of `GlobalMaxPool` from (dy, x, y): equal maxima share it."""

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        return (inputs[1],)

    def calls(
        self, inputs: Sequence[Array], outputs: Sequence[Array], scratch: Array, threads: int
    ) -> Sequence[KernelCall]:
        dy, x, y = inputs
        pixels = (x.shape[0], x.shape[1] * x.shape[2], x.shape[3])
        args = (dy, x.reshape(pixels), y, outputs[0].reshape(pixels))
        return (KernelCall("pooling.global_max_gradient", args),)


@dataclass(frozen=True)
class ZeroPad(Op):
    """x (B, H, W, C) with zeros around it; padding is ((top, bottom), (left, right))."""

    padding: Around

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        (x,) = inputs
        (top, bottom), (left, right) = self.padding
        batch, height, width, channels = x.shape
        return (TensorType((batch, top + height + bottom, left + width + right, channels), x.dtype),)

    def grad(self, node: Node, *dys: Value | None) -> Sequence[Value | None]:
        (dy,) = dys
        assert dy is not None
        return (dy.graph.add1(ZeroPadGrad(self.padding, node.inputs[0].shape), dy),)

    def calls(
        self, inputs: Sequence[Array], outputs: Sequence[Array], scratch: Array, threads: int
    ) -> Sequence[KernelCall]:
        top, left = self.padding[0][0], self.padding[1][0]
        return (KernelCall("padding.zero_pad", (inputs[0], top, left, outputs[0])),)

    def flops(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> int:
        return 0


@dataclass(frozen=True)
class ZeroPadGrad(Op):
    """dx of `ZeroPad`: dy without its border."""

    padding: Around
    shape: tuple[int, ...]

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        return (TensorType(self.shape, inputs[0].dtype),)

    def calls(
        self, inputs: Sequence[Array], outputs: Sequence[Array], scratch: Array, threads: int
    ) -> Sequence[KernelCall]:
        top, left = self.padding[0][0], self.padding[1][0]
        return (KernelCall("padding.crop", (inputs[0], top, left, outputs[0])),)

    def flops(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> int:
        return 0


def max_pool2d(x: Value, size: Pair, strides: Pair, padding: Around) -> Value:
    """The largest number of each window of x (B, H, W, C), channel by channel: y (B, P, Q, C)."""
    return x.graph.add(MaxPool(size, strides, padding), x)[0]


def average_pool2d(x: Value, size: Pair, strides: Pair, padding: Around) -> Value:
    """The mean of each window of x (B, H, W, C), what hangs over the edge not counted: y (B, P, Q, C)."""
    return x.graph.add1(AveragePool(size, strides, padding), x)


def global_max_pool(x: Value) -> Value:
    """The largest number of each channel of x (B, H, W, C): y (B, C)."""
    return x.graph.add1(GlobalMaxPool(), x)


def global_average_pool(x: Value) -> Value:
    """The mean of each channel of x (B, H, W, C): y (B, C)."""
    batch, height, width, channels = x.shape
    y = average_pool2d(x, (height, width), (height, width), ((0, 0), (0, 0)))
    return reshape(y, (batch, channels))


def zero_pad2d(x: Value, padding: Around) -> Value:
    """x (B, H, W, C) with zeros around it; padding is ((top, bottom), (left, right))."""
    return x.graph.add1(ZeroPad(padding), x)
