"""Rows of a table by number, and the mask of what is not padding."""

from __future__ import annotations

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.ops.base import Arrays, Calls, Gradients, KernelCall, Node, Op, TensorType, Types, Value
from nnctl.ops.elementwise import cast
from nnctl.ops.parallel import widened


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
        return None, dy.graph.add1(EmbeddingGrad(table.shape), numbers, dy)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        numbers, table = inputs
        y = outputs[0].reshape(numbers.size, table.shape[1])
        return (KernelCall("gather.gather_rows", (table, numbers.reshape(-1), y)),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 0


@record
class EmbeddingGrad(Op):
    """dtable (V, D): the rows of dy (..., D) added by numbers (...), in their order."""

    shape: tuple[int, ...]

    def infer(self, *inputs: TensorType) -> Types:
        return (TensorType(self.shape, inputs[1].dtype),)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        numbers, dy = inputs[0].reshape(-1), inputs[1].reshape(inputs[0].size, self.shape[1])
        kernel = widened("gather.scatter_rows", dy.size + outputs[0].size, threads)
        return (KernelCall(kernel, (dy, numbers, outputs[0])),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return inputs[1].size


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
