"""Matrix products: of the last two axes of two tensors, and of the last axis of a tensor with a weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.core.shapes import broadcast_shapes
from nnctl.kernels.codes import PACKED
from nnctl.ops.activation import RELU, RELU_GRAD
from nnctl.ops.base import Arrays, Calls, Gradients, KernelCall, Node, Op, TensorType, Types, Value
from nnctl.ops.reduce import sum_to
from nnctl.ops.shape import reshape
from nnctl.ops.sums import sum_axes

SHARED_ROWS = 2
"""Rows of a product from which its weights are laid out once for many runs: one row reads them in place."""

LAID_OUT_BYTES = 1 << 24
"""Of weights that are laid out, at most: a copy of larger ones takes more memory than it is worth."""


@record
class MatMul(Op):
    """C = gate(relu(op(A) op(B) + bias)), one product for each index of the axes in front of the last two.

    Shapes: A (..., M, K) or (..., K, M) transposed, B (..., K, N) or (..., N, K) transposed, C (..., M, N).
    The axes in front are broadcast as in NumPy's matmul: nothing is copied for it.
    Inputs: A, B, then bias (N,) where `bias`, then the gate (..., M, N) where `gate`: the output of the relu
    whose gradient this is; C is 0 where it is not positive; then, where `laid_out`, what `LaidOutMatrix`
    makes of B.
    """

    transpose_a: bool = False
    transpose_b: bool = False
    bias: bool = False
    relu: bool = False
    gate: bool = False
    laid_out: bool = False

    def _sizes(self, a: TensorType, b: TensorType) -> tuple[tuple[int, ...], int, int, int]:
        """The axes in front, M, N and K."""
        if len(a.shape) < 2 or len(b.shape) < 2:
            raise ValueError(f"{self} of {a.shape} and {b.shape}")
        k, m = a.shape[-2:] if self.transpose_a else a.shape[:-3:-1]
        n, inner = b.shape[-2:] if self.transpose_b else b.shape[:-3:-1]
        if k != inner:
            raise ValueError(f"{self} of {a.shape} and {b.shape}")
        return broadcast_shapes(a.shape[:-2], b.shape[:-2]), m, n, k

    def infer(self, *inputs: TensorType) -> Types:
        front, m, n, _ = self._sizes(inputs[0], inputs[1])
        if self.bias and inputs[2].shape != (n,):
            raise ValueError(f"a bias of {inputs[2].shape} for {n} columns")
        return (TensorType((*front, m, n), inputs[0].dtype),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        # Gradients are taken before fusion: relu and gate are still ops of their own then.
        (dy,) = dys
        assert dy is not None
        assert not self.relu
        assert not self.gate
        a, b = node.inputs[:2]
        if self.transpose_a:
            da = matmul(b, dy, self.transpose_b, True)
        else:
            da = matmul(dy, b, False, not self.transpose_b)
        if self.transpose_b:
            db = matmul(dy, a, True, self.transpose_a)
        else:
            db = matmul(a, dy, not self.transpose_a, False)
        found = [sum_to(da, a.shape), sum_to(db, b.shape)]
        return [*found, sum_axes(dy, range(len(dy.shape) - 1))] if self.bias else found

    def _is_row(self, m: int, front: tuple[int, ...]) -> bool:
        """Whether it is one row times a matrix as it lies."""
        return m == prod(front) == 1 and not self.transpose_b

    def scratch(self, inputs: Types, outputs: Types, threads: int) -> int:
        from nnctl.kernels.matmul import scratch_size
        from nnctl.kernels.row_product import room

        itemsize = np.dtype(inputs[0].dtype).itemsize
        front, m, n, k = self._sizes(inputs[0], inputs[1])
        if self._is_row(m, front):
            return room(n) * itemsize
        return scratch_size(prod(front), m, n, k, itemsize, threads) * itemsize

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        a, b = inputs[:2]
        rest = list(inputs[2:])
        laid = rest.pop() if self.laid_out else None
        bias = rest.pop(0) if self.bias else np.zeros(0, a.dtype)
        gate = _matrices(rest.pop(0)) if self.gate else np.zeros((1, 0, 0), a.dtype)
        front, m = outputs[0].shape[:-2], outputs[0].shape[-2]
        if self._is_row(m, front):
            read = (a.reshape(-1), b.reshape(-1), bias, int(self.relu), gate.reshape(-1))
            written = (scratch.view(a.dtype), outputs[0].reshape(-1))
            return (KernelCall("row_product.row_product", (*read, *written)),)
        matrices = _matrices(b) if laid is None else laid.reshape(1, 1, -1)
        args = (_matrices(a), matrices, bias, gate, _numbers(a, front), _numbers(b, front))
        way = int(self.transpose_b) if laid is None else PACKED
        flags = (int(self.transpose_a), way, int(self.relu), 0)
        return (KernelCall("matmul.matmul", (*args, *flags, scratch.view(a.dtype), _matrices(outputs[0]))),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        front, m, n, k = self._sizes(inputs[0], inputs[1])
        return 2 * prod(front) * m * n * k

    def with_bias(self, node: Node) -> Op | None:
        one_matrix = len(node.inputs[1].shape) == 2 and not self.transpose_b
        return replace(self, bias=True) if one_matrix and not self.relu and not self.gate else None

    def lay_out(self, node: Node) -> tuple[Op, Sequence[Value], Op] | None:
        b = node.inputs[1]
        weights = b.node.inputs if b.node is not None else (b,)
        front, m, *_ = self._sizes(node.inputs[0].type, b.type)
        variables = set(b.graph.variables.values())
        pays = prod(front) * m >= SHARED_ROWS and b.type.nbytes <= LAID_OUT_BYTES
        if self.laid_out or len(b.shape) != 2 or not pays or not variables.issuperset(weights):
            return None
        return LaidOutMatrix(self.transpose_b), (b,), replace(self, laid_out=True)

    def absorb(self, node: Node, consumer: Node) -> Op | None:
        op = consumer.op
        if self.relu or self.gate:
            return None
        if op == RELU:
            return replace(self, relu=True)
        if op == RELU_GRAD:
            # The consumer's other input must be the output that gates, not the gradient.
            return replace(self, gate=True) if consumer.inputs[0] is node.outputs[0] else None
        return None


@record
class LaidOutMatrix(Op):
    """B (K, N) or transposed (N, K) as products read it: (elements,).

    It is weights alone, so that a program which keeps them makes it once for many runs.
    """

    transpose: bool

    def _sizes(self, b: TensorType | Array) -> tuple[int, int]:
        """K and N."""
        k, n = b.shape[::-1] if self.transpose else b.shape
        return k, n

    def infer(self, *inputs: TensorType) -> Types:
        from nnctl.kernels.matmul import panels_size

        size = panels_size(*self._sizes(inputs[0]), np.dtype(inputs[0].dtype).itemsize)
        return (TensorType((size,), inputs[0].dtype),)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        args = (inputs[0], int(self.transpose), *self._sizes(inputs[0]), outputs[0])
        return (KernelCall("matmul.pack_matrix", args),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 0


def _matrices(x: Array) -> Array:
    """x with its axes in front of the last two seen as one."""
    return x.reshape(prod(x.shape[:-2]), *x.shape[-2:])


def _numbers(x: Array, front: tuple[int, ...]) -> Array:
    """For each index of `front`, in order, the number of x's matrix that is broadcast to it."""
    own = x.shape[:-2]
    return np.broadcast_to(np.arange(prod(own), dtype=np.int64).reshape(own), front).flatten()


def matmul(a: Value, b: Value, transpose_a: bool = False, transpose_b: bool = False) -> Value:
    """op(A) op(B) of the last two axes, those in front broadcast; one weight for all of x is `linear`."""
    return a.graph.add1(MatMul(transpose_a, transpose_b), a, b)


def linear(x: Value, w: Value, b: Value | None = None) -> Value:
    """x w + b over the last axis: x (..., I), w (I, O), b (O,), result (..., O)."""
    rows = reshape(x, (prod(x.shape[:-1]), x.shape[-1]))
    inputs = (rows, w) if b is None else (rows, w, b)
    y = x.graph.add1(MatMul(bias=b is not None), *inputs)
    return reshape(y, (*x.shape[:-1], w.shape[1]))
