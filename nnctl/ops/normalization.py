"""Batch and layer normalization: values, gradients, moving statistics.

x (..., C) is seen as rows and columns; gamma, beta, mean, variance are (C,).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.ops.activation import LINEAR, Activation
from nnctl.ops.base import Arrays, Calls, Gradients, KernelCall, Node, Op, TensorType, Types, Value, dummy
from nnctl.ops.layer_norm import layer_norm
from nnctl.ops.parallel import widened


def _table(x: Array) -> Array:
    """x (..., C) as rows and columns."""
    return x.reshape(-1, x.shape[-1])


def _row(x: TensorType) -> TensorType:
    return TensorType(x.shape[-1:], x.dtype)


def _block_scratch(x: TensorType) -> int:
    """Bytes for two sums a block of rows and column."""
    from nnctl.kernels.normalization import statistics_scratch

    columns = x.shape[-1]
    return statistics_scratch(x.size // max(columns, 1), columns) * np.dtype(x.dtype).itemsize


def _check(op: str, x: TensorType, rows: Sequence[TensorType]) -> None:
    if any(row != _row(x) for row in rows):
        raise ValueError(f"{op} of {x} with {list(rows)}")


def _parameters(
    inputs: Sequence[Array], dtype: str, gamma: bool, beta: bool
) -> tuple[Array, int, Array, int]:
    """(gamma, 1 or 0, beta, 1 or 0) from the op's last inputs; one element stands for what is not given."""
    rest, none = list(inputs), dummy(dtype)
    first = rest.pop(0) if gamma else none
    return first, int(gamma), rest.pop(0) if beta else none, int(beta)


@record
class BatchNorm(Op):
    """(y, mean, variance[, count]) from (x[, gamma][, beta][, mask]): statistics over the rows of x.

    mask (uint8, x's leading axes) says which rows make the statistics; count (1,) is their number. y is the
    activation of what is normalized.
    """

    epsilon: float
    gamma: bool
    beta: bool
    mask: bool
    activation: Activation = LINEAR

    def infer(self, *inputs: TensorType) -> Types:
        x = inputs[0]
        _check("batch normalization", x, inputs[1 : 1 + self.gamma + self.beta])
        if self.mask and inputs[-1].shape != x.shape[:-1]:
            raise ValueError(f"a mask {inputs[-1]} does not fit {x}")
        return (x, _row(x), _row(x), *([TensorType((1,), x.dtype)] if self.mask else []))

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        dy, (x, *rest) = dys[0], node.inputs
        if dy is None:
            return [None] * len(node.inputs)
        _, mean, variance, *count = node.outputs
        given, masked = rest[: self.gamma + self.beta], [rest[-1], *count] if self.mask else []
        sums = BatchNormSums(self.epsilon, self.gamma, self.beta, self.activation)
        dgamma, dbeta = dy.graph.add(sums, x, dy, mean, variance, *given)
        op = BatchNormGrad(self.epsilon, self.gamma, self.beta, self.mask, self.activation)
        dx = dy.graph.add1(op, x, dy, mean, variance, dgamma, dbeta, *given, *masked)
        parameters = ([dgamma] if self.gamma else []) + ([dbeta] if self.beta else [])
        return [dx, *parameters, *([None] if self.mask else [])]

    def scratch(self, inputs: Types, outputs: Types, threads: int) -> int:
        return _block_scratch(inputs[0])

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        x, y, (mean, variance, *count) = _table(inputs[0]), _table(outputs[0]), outputs[1:]
        work = scratch.view(x.dtype).reshape(-1, x.shape[1])
        parameters = _parameters(inputs[1:], x.dtype.name, self.gamma, self.beta)
        if self.mask:
            mask = inputs[-1].reshape(-1)
            statistics = KernelCall("normalization.masked_statistics", (x, mask, count[0], mean, variance))
        else:
            kernel = widened("normalization.batch_statistics", x.size, threads)
            statistics = KernelCall(kernel, (x, work, mean, variance))
        given = (x, mean, variance, self.epsilon, *parameters)
        return statistics, _apply(self.activation, given, work[0], y, threads)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 7 * inputs[0].size

    def followed_by(self, consumer: Op) -> Op | None:
        """An activation of y."""
        if isinstance(consumer, Activation) and self.activation == LINEAR and not self.mask:
            return replace(self, activation=consumer)
        return None


def _apply(activation: Activation, given: tuple[Any, ...], work: Array, y: Array, threads: int) -> KernelCall:
    """y from what is `given`: x, statistics and parameters."""
    kernel = widened("batch_norm.batch_norm", y.size, threads)
    return KernelCall(
        kernel, (*given, activation.value.typed(y.dtype), work, y), (activation.value.function,)
    )


def _numbers(activation: Activation, dtype: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The numbers of an activation's value and of its slope."""
    return activation.value.typed(dtype), activation.slope.typed(dtype)


@record
class BatchNormSums(Op):
    """(dgamma, dbeta) from (x, dy, mean, variance[, gamma][, beta])."""

    epsilon: float
    gamma: bool = False
    beta: bool = False
    activation: Activation = LINEAR

    def infer(self, *inputs: TensorType) -> Types:
        return inputs[2], inputs[2]

    def scratch(self, inputs: Types, outputs: Types, threads: int) -> int:
        return _block_scratch(inputs[0]) + 2 * inputs[2].nbytes

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        x, dy, (mean, variance) = _table(inputs[0]), _table(inputs[1]), inputs[2:4]
        work = scratch.view(x.dtype).reshape(-1, x.shape[1])
        parameters = _parameters(inputs[4:], x.dtype.name, self.gamma, self.beta)
        numbers = _numbers(self.activation, x.dtype)
        kernel = widened("batch_norm.batch_norm_sums", x.size, threads)
        args = (x, dy, mean, variance, self.epsilon, *parameters, *numbers, work[2:], work[:2], *outputs)
        return (KernelCall(kernel, args, self.activation.slope_formulas),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 4 * inputs[0].size


@record
class BatchNormGrad(Op):
    """dx from (x, dy, mean, variance, dgamma, dbeta[, gamma][, beta][, mask, count])."""

    epsilon: float
    gamma: bool
    beta: bool
    mask: bool
    activation: Activation = LINEAR
    inplace: ClassVar[tuple[tuple[int, int], ...]] = ((0, 1),)

    def scratch(self, inputs: Types, outputs: Types, threads: int) -> int:
        return 5 * inputs[2].nbytes

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        x, dy, dx = _table(inputs[0]), _table(inputs[1]), _table(outputs[0])
        mean, variance, dgamma, dbeta = inputs[2:6]
        parameters = _parameters(inputs[6:], x.dtype.name, self.gamma, self.beta)
        work = scratch.view(x.dtype).reshape(5, -1)
        if self.mask:
            mask, count = inputs[-2].reshape(-1), inputs[-1]
            rest = (mean, variance, self.epsilon, *parameters[:2], dgamma, dbeta, work[2:], dx)
            return (KernelCall("normalization.masked_batch_norm_grad", (x, dy, mask, count, *rest)),)
        numbers = _numbers(self.activation, x.dtype)
        kernel = widened("batch_norm.batch_norm_grad", x.size, threads)
        given = (x, dy, mean, variance, self.epsilon, *parameters, *numbers)
        args = (*given, dgamma, dbeta, work[:2], work[2:], dx)
        return (KernelCall(kernel, args, self.activation.slope_formulas),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 5 * inputs[0].size


@record
class FrozenBatchNorm(Op):
    """y from (x, mean, variance[, gamma][, beta]): given statistics, through which no gradient flows.

    The activation is one that was absorbed, when gradients were made.
    """

    epsilon: float
    gamma: bool
    beta: bool
    activation: Activation = LINEAR
    inplace: ClassVar[tuple[tuple[int, int], ...]] = ((0, 0),)

    def infer(self, *inputs: TensorType) -> Types:
        _check("batch normalization", inputs[0], inputs[1:])
        return (inputs[0],)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,), (x, mean, variance, *rest) = dys, node.inputs
        assert dy is not None
        assert self.activation == LINEAR
        dgamma, dbeta = dy.graph.add(BatchNormSums(self.epsilon), x, dy, mean, variance)
        gamma = rest[:1] if self.gamma else []
        dx = dy.graph.add1(FrozenBatchNormGrad(self.epsilon, self.gamma), dy, variance, *gamma)
        return [dx, None, None, *([dgamma] if self.gamma else []), *([dbeta] if self.beta else [])]

    def scratch(self, inputs: Types, outputs: Types, threads: int) -> int:
        return inputs[1].nbytes

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        x, (mean, variance) = _table(inputs[0]), inputs[1:3]
        parameters = _parameters(inputs[3:], x.dtype.name, self.gamma, self.beta)
        given = (x, mean, variance, self.epsilon, *parameters)
        return (_apply(self.activation, given, scratch.view(x.dtype), _table(outputs[0]), threads),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 3 * inputs[0].size

    def absorb(self, node: Node, consumer: Node) -> Op | None:
        """An activation that is y's only reader."""
        if isinstance(consumer.op, Activation) and self.activation == LINEAR:
            return replace(self, activation=consumer.op)
        return None

    def fold(self, node: Node, producer: Node) -> Sequence[Node] | None:
        op = producer.op.with_bias(producer)
        if op is None or not _is_weight(producer.inputs[1]) or self.activation != LINEAR:
            return None
        (y,), (x, kernel, *bias) = node.outputs, producer.inputs
        norm = FoldedNorm(self.epsilon, self.gamma, self.beta, bool(bias))
        folded = y.graph.node(norm, (kernel, *node.inputs[1:], *bias), node.origin)
        y.node = Node(op, (x, *folded.outputs), node.outputs, producer.origin)
        return folded, y.node


def _is_weight(value: Value) -> bool:
    """Whether it is a weight, or one under another shape."""
    while value.node is not None and value.node.op.view:
        value = value.node.inputs[0]
    return value.node is None


@record
class FoldedNorm(Op):
    """Kernel (..., F) and bias (F,) of a linear op whose output FrozenBatchNorm would normalize.

    From (kernel, mean, variance[, gamma][, beta][, bias]): kernel s and (bias - mean) s + beta, with
    s = gamma / sqrt(variance + epsilon). All are weights, so it is worked out once for many runs.
    """

    epsilon: float
    gamma: bool
    beta: bool
    bias: bool

    def infer(self, *inputs: TensorType) -> Types:
        return inputs[:2]

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        kernel, (mean, variance) = _table(inputs[0]), inputs[1:3]
        bias = inputs[-1] if self.bias else np.zeros_like(mean)
        rest = inputs[3:-1] if self.bias else inputs[3:]
        parameters = _parameters(rest, kernel.dtype.name, self.gamma, self.beta)
        args = (kernel, bias, mean, variance, self.epsilon, *parameters, _table(outputs[0]), outputs[1])
        return (KernelCall("normalization.folded_norm", args),)


@record
class FrozenBatchNormGrad(Op):
    """dx of FrozenBatchNorm from (dy, variance[, gamma])."""

    epsilon: float
    gamma: bool
    inplace: ClassVar[tuple[tuple[int, int], ...]] = ((0, 0),)

    def scratch(self, inputs: Types, outputs: Types, threads: int) -> int:
        return inputs[1].nbytes

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        dy, variance = _table(inputs[0]), inputs[1]
        gamma, use_gamma, _, _ = _parameters(inputs[2:], dy.dtype.name, self.gamma, False)
        work = scratch.view(dy.dtype)
        args = (dy, variance, self.epsilon, gamma, use_gamma, work, _table(outputs[0]))
        return (KernelCall("normalization.frozen_batch_norm_grad", args),)


@record
class UpdateMoving(Op):
    """moving = moving * momentum + batch * (1 - momentum), from (moving, batch)."""

    momentum: float
    mutates: ClassVar[tuple[int, ...]] = (0,)

    def infer(self, *inputs: TensorType) -> Types:
        if inputs[0] != inputs[1]:
            raise ValueError(f"a moving average {inputs[0]} of {inputs[1]}")
        return ()

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        moving, batch = inputs
        return (KernelCall("normalization.update_moving", (batch, self.momentum, moving)),)


def _given(*values: Value | None) -> list[Value]:
    return [v for v in values if v is not None]


def batch_norm_train(
    x: Value, gamma: Value | None, beta: Value | None, epsilon: float, mask: Value | None = None
) -> tuple[Value, Value, Value]:
    """(y, mean, variance): x (..., C) normalized by its own statistics, masked rows left out of them."""
    op = BatchNorm(float(epsilon), gamma is not None, beta is not None, mask is not None)
    y, mean, variance, *_ = x.graph.add(op, x, *_given(gamma, beta, mask))
    return y, mean, variance


def batch_norm_infer(
    x: Value, gamma: Value | None, beta: Value | None, mean: Value, variance: Value, epsilon: float
) -> Value:
    """x (..., C) normalized by given statistics (C,)."""
    op = FrozenBatchNorm(float(epsilon), gamma is not None, beta is not None)
    return x.graph.add1(op, x, mean, variance, *_given(gamma, beta))


def update_moving(moving: Value, batch: Value, momentum: float) -> None:
    """Let the variable `moving` follow `batch`."""
    moving.graph.add(UpdateMoving(float(momentum)), moving, batch)


__all__ = ["batch_norm_infer", "batch_norm_train", "layer_norm", "update_moving"]
