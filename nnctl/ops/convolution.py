"""Convolution over one, two or three axes, and its gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.kernels import (
    convolution_plan,
    depthwise_plan,
    weight_gradient_plan,
    winograd_gradient_plan,
    winograd_plan,
)
from nnctl.kernels.axes import Axis
from nnctl.kernels.convolution_plan import Gather, Geometry
from nnctl.kernels.depthwise_plan import Depthwise
from nnctl.kernels.weight_gradient_plan import WeightGradientPlan
from nnctl.kernels.winograd_plan import Winograd
from nnctl.ops.activation import RELU_GRAD, Activation
from nnctl.ops.base import Arrays, Calls, Gradients, KernelCall, Node, Op, TensorType, Types, Value

Pair = tuple[int, int]
Sizes = tuple[int, ...]

Sums = Gather | Winograd | Depthwise
"""How an image is summed from another one."""


@cache
def _forward(g: Geometry, itemsize: int, direct: bool) -> Sums:
    """How y is made of x."""
    if depthwise_plan.fits(g):
        return depthwise_plan.forward(g)
    if not direct and winograd_plan.pays(g, itemsize):
        return winograd_plan.forward(g, itemsize)
    return convolution_plan.forward(g, itemsize)


@cache
def _input_gradient(g: Geometry, itemsize: int, direct: bool) -> Sums:
    """How dx is made of dy."""
    if depthwise_plan.fits(g):
        return depthwise_plan.input_gradient(g)
    if not direct and winograd_plan.pays(winograd_plan.turned(g), itemsize):
        return winograd_plan.input_gradient(g, itemsize)
    return convolution_plan.input_gradient(g, itemsize)


@cache
def _weight_gradient(g: Geometry, itemsize: int, direct: bool) -> WeightGradientPlan | Winograd | Depthwise:
    """How dW is made of x and dy."""
    if depthwise_plan.fits(g):
        return depthwise_plan.weight_gradient(g)
    if not direct and winograd_gradient_plan.gradient_pays(g, itemsize):
        return winograd_gradient_plan.weight_gradient(g, itemsize)
    return weight_gradient_plan.weight_gradient(g, itemsize)


MOST_AXES = 3


@record
class Window:
    """How a kernel moves over an image, axis by axis; padding is (before, after).

    With `direct`, sums are never taken through Winograd's transforms.
    """

    strides: Sizes
    padding: tuple[Pair, ...]
    dilation: Sizes
    groups: int = 1
    direct: bool = False

    def padded(self, padding: Sequence[Pair]) -> Window:
        """The same with more zeros around each axis."""
        both = zip(self.padding, padding, strict=True)
        return replace(self, padding=tuple((a + b, c + d) for (a, c), (b, d) in both))

    def geometry(self, x: TensorType | Array, kernel: TensorType | Array) -> Geometry:
        """All sizes, for x (B, *spatial, C) and kernel (*taps, C / groups, F).

        Raises:
            ValueError: they do not fit.
        """
        batch, *sizes, channels = x.shape
        *taps, per_group, filters = kernel.shape
        if per_group * self.groups != channels or filters % self.groups or not 1 <= len(sizes) <= MOST_AXES:
            raise ValueError(f"a kernel of {kernel.shape} in {self.groups} groups over {x.shape}")
        axes = tuple(
            Axis(n, (n + sum(around) - (k - 1) * d - 1) // s + 1, k, s, d, around[0])
            for n, k, around, d, s in zip(sizes, taps, self.padding, self.dilation, self.strides, strict=True)
        )
        if min(axis.out for axis in axes) < 1:
            raise ValueError(f"a kernel of {kernel.shape} is larger than {x.shape}")
        return Geometry(batch, channels, filters, axes, self.groups)


def _pass(
    plan: Sums, x: Array, kernel: Array, bias: Array, bounds: Array, gate: Array, scratch: Array,
    threads: int, y: Array, laid: Array | None = None,
) -> Sequence[KernelCall]:  # fmt: skip
    """Lay the kernel out in front of the scratch, then compute; `laid` is one that is laid out already."""
    flat = (x.reshape(-1), kernel.reshape(-1), gate.reshape(-1), y.reshape(-1))
    if isinstance(plan, Depthwise):
        return _depthwise_calls(plan, *flat, bias, bounds)
    if laid is not None:
        return (_sum(plan, flat[0], laid, bias, bounds, *flat[2:], scratch, threads),)
    end = plan.kernel_elements * x.itemsize
    own, rest = scratch[:end].view(x.dtype), scratch[end:]
    return (
        _lay_out(plan, flat[1], bias, own, rest, threads),
        _sum(plan, flat[0], own, bias, bounds, *flat[2:], rest, threads),
    )


def _lay_out(
    plan: Gather | Winograd, kernel: Array, bias: Array, laid: Array, scratch: Array, threads: int
) -> KernelCall:
    """The kernel as the sums take it, which is `laid`."""
    if isinstance(plan, Winograd):
        numbers, _ = _parts_of(scratch, plan.elements(threads), kernel.dtype)
        return KernelCall("winograd.transform_kernels", (kernel, plan.table, numbers, laid), (plan.form,))
    return KernelCall("convolution.pack_panels", (kernel, bias, plan.table, laid))


def _sum(
    plan: Gather | Winograd, x: Array, laid: Array, bias: Array, bounds: Array, gate: Array, y: Array,
    scratch: Array, threads: int,
) -> KernelCall:  # fmt: skip
    """The sums; a bias that lies among the panels is not read again."""
    if isinstance(plan, Winograd):
        parts = _parts_of(scratch, plan.elements(threads), x.dtype)
        run = (x, laid, bias, bounds, plan.work, gate, plan.table, *parts, y)
        return KernelCall("winograd.convolve", run, (plan.form,))
    return KernelCall(
        "convolution.gather", (x, laid, bounds, plan.work, gate, plan.table, scratch.view(x.dtype), y)
    )


def _parts_of(scratch: Array, elements: int, dtype: Any) -> tuple[Array, Array]:
    """Scratch as numbers, and what follows them as addresses."""
    end = elements * dtype.itemsize
    return scratch[:end].view(dtype), scratch[end:].view(np.int64)


def _depthwise_calls(
    plan: Depthwise, x: Array, kernel: Array, gate: Array, y: Array, bias: Array, bounds: Array
) -> Sequence[KernelCall]:
    """Each channel by itself; nothing is prepared."""
    run = (x, kernel, bias, bounds, plan.work, gate, plan.table, y)
    return (KernelCall("depthwise.sums", run),)


def _nothing(like: Array) -> Array:
    return np.zeros(0, like.dtype)


def _itemsize(types: Sequence[TensorType]) -> int:
    return np.dtype(types[0].dtype).itemsize


@record
class Convolution(Op):
    """y[p, f] = sum over taps i and channels c of x[p s + i d - before, c] W[i, c, f] + b[f]; 1 to 3 axes.

    Shapes: x (B, *spatial, C), W (*taps, C / groups, F), b (F,) if given, y (B, *spatial', F).

    With `bounds`, y is kept between them. With `laid_out`, the last input is what `LaidOutKernel` makes of W
    and b.
    """

    window: Window
    bounds: tuple[float, float] | None = None
    laid_out: bool = False

    def infer(self, *inputs: TensorType) -> Types:
        g = self.window.geometry(inputs[0], inputs[1])
        return (TensorType((g.batch, *g.outs, g.filters), inputs[0].dtype),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        assert dy is not None
        x, kernel, *bias = node.inputs
        dx = dy.graph.add1(ConvolutionInputGrad(self.window, x.shape), dy, kernel)
        dw = dy.graph.add(ConvolutionWeightGrad(self.window, kernel.shape, bool(bias)), x, dy)
        return (dx, *dw)

    def scratch(self, inputs: Types, outputs: Types, threads: int) -> int:
        g = self.window.geometry(inputs[0], inputs[1])
        plan, itemsize = _forward(g, _itemsize(inputs), self.window.direct), _itemsize(inputs)
        kept = plan.kernel_elements * itemsize if self.laid_out else 0
        return plan.scratch_bytes(itemsize, threads) - kept

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        x, kernel, *bias = inputs
        laid = bias.pop() if self.laid_out else None
        none = _nothing(x)
        added = bias[0] if bias else none
        plan = _forward(self.window.geometry(x, kernel), x.itemsize, self.window.direct)
        bounds = np.array(self.bounds or (), x.dtype)
        return _pass(plan, x, kernel, added, bounds, none, scratch, threads, outputs[0], laid)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 2 * self.window.geometry(inputs[0], inputs[1]).work

    def with_bias(self, node: Node) -> Op | None:
        return self if self.bounds is None else None

    def lay_out(self, node: Node) -> tuple[Op, Sequence[Value], Op] | None:
        x, *weights = node.inputs
        g = self.window.geometry(x.type, weights[0].type)
        if self.laid_out or not _forward(g, np.dtype(x.dtype).itemsize, self.window.direct).kernel_elements:
            return None
        return LaidOutKernel(self.window, x.shape), weights, replace(self, laid_out=True)

    def absorb(self, node: Node, consumer: Node) -> Op | None:
        """What keeps y between bounds (a relu, with a largest value or without) and is its only reader."""
        op = consumer.op
        if self.bounds is None and isinstance(op, Activation) and op.bounds is not None:
            return replace(self, bounds=op.bounds)
        return None


@record
class LaidOutKernel(Op):
    """A kernel, and where it goes with it a bias, as the sums of a convolution over x read it: (elements,).

    It is weights alone, so that a program which keeps them makes it once for many runs.
    """

    window: Window
    shape: tuple[int, ...]
    """x's."""

    def _plan(self, kernel: TensorType | Array) -> Gather | Winograd:
        g = self.window.geometry(TensorType(self.shape, ""), kernel)
        plan = _forward(g, np.dtype(kernel.dtype).itemsize, self.window.direct)
        assert not isinstance(plan, Depthwise)
        return plan

    def infer(self, *inputs: TensorType) -> Types:
        return (TensorType((self._plan(inputs[0]).kernel_elements,), inputs[0].dtype),)

    def scratch(self, inputs: Types, outputs: Types, threads: int) -> int:
        return self._plan(inputs[0]).scratch_bytes(_itemsize(inputs), threads) - outputs[0].nbytes

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        kernel, *bias = inputs
        added = bias[0] if bias else _nothing(kernel)
        return (_lay_out(self._plan(kernel), kernel.reshape(-1), added, outputs[0], scratch, threads),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 0


@record
class ConvolutionInputGrad(Op):
    """dx (B, *spatial, C) of `Convolution` from dy (B, *spatial', F) and the kernel.

    With `gated`, dx is also 0 where a third input of its shape, a relu's output, is not positive.
    """

    window: Window
    shape: tuple[int, ...]
    gated: bool = False

    def _geometry(self, inputs: Sequence[TensorType] | Sequence[Array]) -> Geometry:
        return self.window.geometry(TensorType(self.shape, ""), inputs[1])

    def infer(self, *inputs: TensorType) -> Types:
        return (TensorType(self.shape, inputs[0].dtype),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        """It is linear in both: the convolution again, and the gradient of its kernel."""
        (arriving,) = dys
        assert arriving is not None
        assert not self.gated
        dy, kernel = node.inputs
        of_dy = arriving.graph.add1(Convolution(self.window), arriving, kernel)
        op = ConvolutionWeightGrad(self.window, kernel.shape, False)
        return of_dy, arriving.graph.add1(op, arriving, dy)

    def scratch(self, inputs: Types, outputs: Types, threads: int) -> int:
        plan = _input_gradient(self._geometry(inputs), _itemsize(inputs), self.window.direct)
        return plan.scratch_bytes(_itemsize(inputs), threads)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        dy, kernel, *gates = inputs
        none = _nothing(dy)
        gate = gates[0] if gates else none
        plan = _input_gradient(self._geometry(inputs), dy.itemsize, self.window.direct)
        return _pass(plan, dy, kernel, none, none, gate, scratch, threads, outputs[0])

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 2 * self._geometry(inputs).work

    def absorb(self, node: Node, consumer: Node) -> Op | None:
        """The gradient of a relu before the convolution."""
        op = consumer.op
        gates = op == RELU_GRAD
        if not self.gated and gates and consumer.inputs[0] is node.outputs[0]:
            return replace(self, gated=True)
        return None


@record
class ConvolutionWeightGrad(Op):
    """dW (*taps, C / groups, F) and, with `bias`, db (F,) of `Convolution` from x and dy."""

    window: Window
    shape: tuple[int, ...]
    bias: bool

    def _geometry(self, inputs: Sequence[Any]) -> Geometry:
        return self.window.geometry(inputs[0], TensorType(self.shape, ""))

    def infer(self, *inputs: TensorType) -> Types:
        shapes = [self.shape, self.shape[-1:]] if self.bias else [self.shape]
        return tuple(TensorType(shape, inputs[0].dtype) for shape in shapes)

    def scratch(self, inputs: Types, outputs: Types, threads: int) -> int:
        plan = _weight_gradient(self._geometry(inputs), _itemsize(inputs), self.window.direct)
        return plan.scratch_bytes(_itemsize(inputs), threads)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        x, dy = (array.reshape(-1) for array in inputs)
        dw, db = outputs[0].reshape(-1), outputs[1] if self.bias else _nothing(x)
        plan = _weight_gradient(self._geometry(inputs), x.itemsize, self.window.direct)
        seen = (x, dy, plan.work, plan.table)
        if isinstance(plan, Winograd):
            parts = _parts_of(scratch, plan.elements(threads), x.dtype)
            run = (*seen, *parts, dw, db)
            return (KernelCall("winograd_gradient.weight_gradient", run, (plan.form,)),)
        rest = (scratch.view(x.dtype), dw, db)
        if isinstance(plan, Depthwise):
            return (KernelCall("depthwise.weight_gradient", (*seen, plan.parts, *rest)),)
        return (KernelCall("convolution_gradient.weight_gradient", (*seen, *rest)),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 2 * self._geometry(inputs).work


def convolve(
    x: Value, kernel: Value, bias: Value | None, strides: Sizes, padding: Sequence[Pair],
    dilation: Sizes | None = None, groups: int = 1,
) -> Value:  # fmt: skip
    """x (B, *spatial, C) convolved with kernel (*taps, C / groups, F): y (B, *spatial', F); 1 to 3 axes.

    Padding is (before, after) for each axis; each group of channels meets its own filters.
    """
    window = Window(
        strides, tuple(padding), dilation or (1,) * len(strides), groups, x.graph.direct_convolution
    )
    return x.graph.add1(Convolution(window), *((x, kernel) if bias is None else (x, kernel, bias)))


def convolve_transposed(
    y: Value, kernel: Value, shape: Sizes, strides: Sizes, padding: Sequence[Pair],
    dilation: Sizes | None = None,
) -> Value:  # fmt: skip
    """What a convolution's gradient makes of y (B, *spatial, F) and its kernel (*taps, C, F): (B, *shape, C).

    Strides, padding and dilation are those of the convolution from `shape` to y's.
    """
    window = Window(
        strides, tuple(padding), dilation or (1,) * len(strides), direct=y.graph.direct_convolution
    )
    whole = (y.shape[0], *shape, kernel.shape[-2])
    return y.graph.add1(ConvolutionInputGrad(window, whole), y, kernel)
