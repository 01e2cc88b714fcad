"""Rows of a table by number, and the mask of what is not padding."""

from __future__ import annotations

from math import prod
from typing import ClassVar

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.ops.base import Arrays, Calls, Gradients, KernelCall, Node, Op, TensorType, Types, Value
from nnctl.ops.elementwise import cast
from nnctl.ops.parallel import widened
from nnctl.ops.pooling import GlobalAveragePool


@record
class Embedding(Op):
    """y (..., D) = rows of table (V, D) by numbers (...); NaN for a number outside the table."""

    def infer(self, *inputs: TensorType) -> Types:
        numbers, table = inputs
        if numbers.dtype != "int64" or len(table.shape) != 2:
            raise ValueError(f"rows of {table} by {numbers}")
        return (TensorType((*numbers.shape, table.shape[1]), table.dtype),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        assert dy is not None
        numbers, table = node.inputs
        return None, dy.graph.add1(EmbeddingGrad(table.shape), dy, numbers)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        numbers, table = inputs
        y = outputs[0].reshape(numbers.size, table.shape[1])
        return (KernelCall("gather.gather_rows", (table, numbers.reshape(-1), y)),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 0

    def absorb(self, node: Node, consumer: Node) -> Op | None:
        """The mean of the rows that belong to one example."""
        return EmbeddingMean() if isinstance(consumer.op, GlobalAveragePool) else None


@record
class EmbeddingMean(Op):
    """y (B, D) = the mean of the rows of table (V, D) by numbers (B, ...); NaN for one outside the table."""

    def infer(self, *inputs: TensorType) -> Types:
        numbers, table = inputs
        return (TensorType((numbers.shape[0], table.shape[1]), table.dtype),)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        (numbers, table), (y,) = inputs, outputs
        rows = numbers.reshape(len(numbers), prod(numbers.shape[1:]))
        kernel = widened("gather.mean_rows", numbers.size * table.shape[1], threads)
        return (KernelCall(kernel, (table, rows, y)),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return inputs[0].size * inputs[1].shape[1]


@record
class EmbeddingGrad(Op):
    """dtable (V, D): the rows of dy (*N, D) added by numbers (*N, ...), in their order.

    Each row is added for all numbers of its place.
    """

    takes_rows: ClassVar[bool] = True
    shape: tuple[int, ...]

    def infer(self, *inputs: TensorType) -> Types:
        dy, numbers = inputs
        places = dy.shape[:-1]
        if places != numbers.shape[: len(places)] or dy.shape[-1] != self.shape[1]:
            raise ValueError(f"rows of {dy} by {numbers} in a table of {self.shape}")
        return (TensorType(self.shape, dy.dtype),)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        dy, numbers = inputs
        front = prod(dy.shape[:-1])
        rows = numbers.reshape(front, prod(numbers.shape[dy.ndim - 1 :]))
        work = numbers.size * self.shape[1] + outputs[0].size
        kernel = widened("gather.scatter_rows", work, threads)
        return (KernelCall(kernel, (dy.reshape(front, self.shape[1]), rows, outputs[0])),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return inputs[1].size * self.shape[1]


@record
class NotEqual(Op):
    """y = 1 where x is not `value`, else 0; uint8 of x's shape."""

    value: float

    def infer(self, *inputs: TensorType) -> Types:
        return (TensorType(inputs[0].shape, "uint8"),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        return (None,)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        args = (inputs[0].reshape(-1), self.value, outputs[0].reshape(-1))
        return (KernelCall("elementwise.not_equal", args),)


def embedding(numbers: Value, table: Value) -> Value:
    """Rows of table (V, D) by numbers (...), cast to int64 where they are not: (..., D)."""
    return table.graph.add1(Embedding(), cast(numbers, "int64"), table)


def not_equal(x: Value, value: float) -> Value:
    """The mask (uint8) of where x is not `value`."""
    return x.graph.add1(NotEqual(float(value)), x)
