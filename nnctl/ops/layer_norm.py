"""Layer normalization over the last axis."""

from __future__ import annotations

from math import prod
from typing import ClassVar

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.ops.base import Arrays, Calls, Gradients, KernelCall, Node, Op, TensorType, Types, Value, dummy
from nnctl.ops.parallel import widened


@record
class LayerNorm(Op):
    """(y, mean, inverse) from (x[, gamma][, beta]): y = (x - mean) inverse gamma + beta over rows.

    x, y (..., C), gamma, beta (C,), mean and inverse = 1 / sqrt(variance + epsilon) (...).
    """

    epsilon: float
    gamma: bool
    beta: bool

    def infer(self, *inputs: TensorType) -> Types:
        x, *rest = inputs
        if any(row.shape != x.shape[-1:] for row in rest):
            raise ValueError(f"layer normalization of {x} with {rest}")
        row = TensorType(x.shape[:-1], x.dtype)
        return x, row, row

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        dy, (x, *rest), (_, mean, inverse) = dys[0], node.inputs, node.outputs
        if dy is None:
            return [None] * len(node.inputs)
        gamma = rest[:1] if self.gamma else []
        dx = dy.graph.add1(LayerNormGrad(self.gamma), x, dy, mean, inverse, *gamma)
        if not rest:
            return [dx]
        dgamma, dbeta = dy.graph.add(LayerNormSums(), x, dy, mean, inverse)
        return [dx, *([dgamma] if self.gamma else []), *([dbeta] if self.beta else [])]

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        shape = (prod(inputs[0].shape[:-1]), inputs[0].shape[-1])
        x, y, mean, inverse = inputs[0].reshape(shape), *outputs
        rest, none = list(inputs[1:]), dummy(x.dtype.name)
        gamma = rest.pop(0) if self.gamma else none
        beta = rest.pop(0) if self.beta else none
        flat = (mean.reshape(-1), inverse.reshape(-1), y.reshape(shape))
        args = (x, self.epsilon, gamma, int(self.gamma), beta, int(self.beta), *flat)
        return (KernelCall(widened("layer_norm.layer_norm", x.size, threads), args),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 8 * inputs[0].size


@record
class LayerNormGrad(Op):
    """dx from (x, dy, mean, inverse[, gamma])."""

    gamma: bool
    inplace: ClassVar[tuple[tuple[int, int], ...]] = ((0, 1),)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        shape = (prod(inputs[0].shape[:-1]), inputs[0].shape[-1])
        x, dy, dx = (a.reshape(shape) for a in (inputs[0], inputs[1], outputs[0]))
        mean, inverse = (a.reshape(-1) for a in inputs[2:4])
        gamma = inputs[4] if self.gamma else dummy(x.dtype.name)
        args = (x, dy, mean, inverse, gamma, int(self.gamma), dx)
        return (KernelCall(widened("layer_norm.layer_norm_grad", x.size, threads), args),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 10 * inputs[0].size


@record
class LayerNormSums(Op):
    """(dgamma, dbeta) from (x, dy, mean, inverse)."""

    def infer(self, *inputs: TensorType) -> Types:
        row = TensorType(inputs[0].shape[-1:], inputs[0].dtype)
        return row, row

    def scratch(self, inputs: Types, outputs: Types, threads: int) -> int:
        from nnctl.kernels.layer_norm import parameter_sums_scratch

        x = inputs[0]
        count = parameter_sums_scratch(prod(x.shape[:-1]), x.shape[-1])
        return count * np.dtype(x.dtype).itemsize

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        shape = (prod(inputs[0].shape[:-1]), inputs[0].shape[-1])
        x, dy = inputs[0].reshape(shape), inputs[1].reshape(shape)
        mean, inverse = (a.reshape(-1) for a in inputs[2:])
        work = scratch.view(x.dtype).reshape(-1, shape[1])
        kernel = widened("layer_norm.layer_norm_sums", x.size, threads)
        return (KernelCall(kernel, (x, dy, mean, inverse, work, *outputs)),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 5 * inputs[0].size


def layer_norm(x: Value, gamma: Value | None, beta: Value | None, epsilon: float) -> Value:
    """x (..., C) with mean 0 and variance 1 over the last axis, times gamma (C,), plus beta (C,)."""
    op = LayerNorm(float(epsilon), gamma is not None, beta is not None)
    return x.graph.add(op, x, *[w for w in (gamma, beta) if w is not None])[0]
