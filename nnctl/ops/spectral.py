"""A weight divided by its largest singular value, which power iterations follow from step to step."""

from __future__ import annotations

from typing import ClassVar

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.kernels.probability import EPSILON
from nnctl.ops.base import Arrays, Calls, Gradients, KernelCall, Node, Op, TensorType, Types, Value
from nnctl.ops.linear import matmul
from nnctl.ops.shape import reshape
from nnctl.ops.unit_rows import unit_rows


@record
class DivideWeight(Op):
    """y = w / sigma from (w, u, found, sigma), written to w as well, and found to u.

    This is done before whatever reads y: the gradient is that for the divided weight, which the optimizer's
    step then starts from. A y of its own keeps what one call worked with from the next call's division.
    """

    mutates: ClassVar[tuple[int, ...]] = (0, 1)

    def infer(self, *inputs: TensorType) -> Types:
        w, u, found, sigma = inputs
        if u != found or sigma.size != 1:
            raise ValueError(f"a vector {u} becoming {found}, and {w} divided by {sigma}")
        return (w,)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        return [dys[0], None, None, None]

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        w, u, found, sigma = (x.reshape(-1) for x in inputs)
        return (KernelCall("spectral.divide_weight", (sigma, found, u, w, outputs[0].reshape(-1))),)


def divide_by_norm(w: Value, u: Value, iterations: int) -> Value:
    """The variable w (..., C), seen as a matrix (R, C), divided by its largest singular value, in place.

    u (1, C), a variable, is the right singular vector as far as it was found; `iterations` are added to it.
    """
    matrix, vector = reshape(w, (w.type.size // w.shape[-1], w.shape[-1])), u
    for _ in range(iterations):
        left = unit_rows(matmul(vector, matrix, transpose_b=True), EPSILON)
        product = matmul(left, matrix)
        vector = unit_rows(product, EPSILON)
    sigma = matmul(product, vector, transpose_b=True)
    return w.graph.add1(DivideWeight(), w, u, vector, sigma)
