"""Matrix products: of two matrices, and of the last axis of a tensor with a weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from nnctl.core.arrays import Array
from nnctl.kernels import codes
from nnctl.ops.activation import Activation, ActivationGrad
from nnctl.ops.base import KernelCall, Node, Op, TensorType, Value
from nnctl.ops.reduce import sum_axes
from nnctl.ops.shape import reshape


@dataclass(frozen=True)
class MatMul(Op):
    """C = gate(relu(op(A) op(B) + bias)); A (M, K) or (K, M) transposed, B (K, N) or (N, K) transposed.

    Inputs: A, B, then bias (N,) where `bias`, then the gate (M, N) where `gate`: the output of the relu whose
    gradient this is; C is 0 where it is not positive.
    """

    transpose_a: bool = False
    transpose_b: bool = False
    bias: bool = False
    relu: bool = False
    gate: bool = False

    def _sizes(self, a: TensorType, b: TensorType) -> tuple[int, int, int]:
        k, m = a.shape if self.transpose_a else a.shape[::-1]
        n, inner = b.shape if self.transpose_b else b.shape[::-1]
        if k != inner:
            raise ValueError(f"{self} of {a.shape} and {b.shape}")
        return m, n, k

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        m, n, _ = self._sizes(inputs[0], inputs[1])
        if self.bias and inputs[2].shape != (n,):
            raise ValueError(f"a bias of {inputs[2].shape} for {n} columns")
        return (TensorType((m, n), inputs[0].dtype),)

    def grad(self, node: Node, *dys: Value | None) -> Sequence[Value | None]:
        # Gradients are taken before fusion: relu and gate are still ops of their own then.
        (dy,) = dys
        assert dy is not None
        assert not self.relu
        assert not self.gate
        a, b = node.inputs[:2]
        da = matmul(dy, b, False, not self.transpose_b)
        db = matmul(a, dy, not self.transpose_a, False)
        if self.transpose_a:
            da = matmul(b, dy, self.transpose_b, True)
        if self.transpose_b:
            db = matmul(dy, a, True, self.transpose_a)
        return (da, db, sum_axes(dy, (0,))) if self.bias else (da, db)

    def scratch(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType], threads: int) -> int:
        from nnctl.kernels.matmul import scratch_size

        itemsize = np.dtype(inputs[0].dtype).itemsize
        return scratch_size(*self._sizes(inputs[0], inputs[1]), itemsize, threads) * itemsize

    def calls(
        self, inputs: Sequence[Array], outputs: Sequence[Array], scratch: Array, threads: int
    ) -> Sequence[KernelCall]:
        a, b = inputs[:2]
        rest = list(inputs[2:])
        bias = rest.pop(0) if self.bias else np.zeros(0, a.dtype)
        gate = rest.pop(0) if self.gate else np.zeros((0, 0), a.dtype)
        flags = (int(self.transpose_a), int(self.transpose_b), int(self.relu), 0)
        return (KernelCall("matmul.matmul", (a, b, bias, gate, *flags, scratch.view(a.dtype), outputs[0])),)

    def flops(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> int:
        m, n, k = self._sizes(inputs[0], inputs[1])
        return 2 * m * n * k

    def absorb(self, node: Node, consumer: Node) -> Op | None:
        op = consumer.op
        if self.relu or self.gate:
            return None
        if isinstance(op, Activation) and op.code == codes.RELU and op.plain:
            return replace(self, relu=True)
        if isinstance(op, ActivationGrad) and op.code == codes.RELU and op.plain:
            # The consumer's other input must be the output that gates, not the gradient.
            return replace(self, gate=True) if consumer.inputs[0] is node.outputs[0] else None
        return None


def matmul(a: Value, b: Value, transpose_a: bool = False, transpose_b: bool = False) -> Value:
    """op(A) op(B) of two matrices."""
    return a.graph.add1(MatMul(transpose_a, transpose_b), a, b)


def linear(x: Value, w: Value, b: Value | None = None) -> Value:
    """x w + b over the last axis: x (..., I), w (I, O), b (O,), result (..., O)."""
    rows = reshape(x, (prod(x.shape[:-1]), x.shape[-1]))
    inputs = (rows, w) if b is None else (rows, w, b)
    y = x.graph.add1(MatMul(bias=b is not None), *inputs)
    return reshape(y, (*x.shape[:-1], w.shape[1]))
