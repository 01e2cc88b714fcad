"""From one loss per row to one number: weights, masks and their totals."""

from __future__ import annotations

from math import prod

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.ops.base import Arrays, Calls, Gradients, KernelCall, Node, Op, TensorType, Types, Value, dummy
from nnctl.ops.masks import stretched


@record
class Total(Op):
    """(sum of weight * loss) / divisor (1,), and 1 / divisor (1,); both 0 for a divisor of 0.

    Inputs: rows (...), then weights whose axes are the rows' first ones where `weighted`, then a mask where
    the divisor counts it. The divisor is `scale` times 1 ("number"), times the mask's sum ("mask"), or times
    the weights' sum ("weights").
    """

    weighted: bool
    divisor: str
    scale: float

    def infer(self, *inputs: TensorType) -> Types:
        rows = inputs[0]
        if self.weighted and rows.shape[: len(inputs[1].shape)] != inputs[1].shape:
            raise ValueError(f"weights {inputs[1]} do not fit losses {rows}")
        one = TensorType((1,), rows.dtype)
        return (one, one)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        nothing = [None] * (len(node.inputs) - 1)
        if dys[0] is None:
            return [None, *nothing]
        rows = node.inputs[0]
        weights = node.inputs[1:2] if self.weighted else ()
        return [rows.graph.add1(TotalGrad(rows.shape), dys[0], node.outputs[1], *weights), *nothing]

    def scratch(self, inputs: Types, outputs: Types, threads: int) -> int:
        return inputs[0].nbytes if self.weighted else 0

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        rows = inputs[0]
        weights = inputs[1].reshape(-1) if self.weighted else dummy(rows.dtype.name)
        mask = inputs[-1].reshape(-1) if self.divisor == "mask" else dummy("uint8")
        mode = ("number", "mask", "weights").index(self.divisor)
        work = scratch.view(rows.dtype) if self.weighted else dummy(rows.dtype.name)
        table = rows.reshape(weights.size, -1) if self.weighted else rows.reshape(1, -1)
        given = int(self.weighted)
        args = (table, weights, given, mask, mode, self.scale, work, outputs[1], outputs[0])
        return (KernelCall("totals.total", args),)


@record
class TotalGrad(Op):
    """drows (`shape`) = dloss * (1 / divisor) * weight.

    Inputs: dloss (1,), 1 / divisor (1,), then the weights where there are any.
    """

    shape: tuple[int, ...]

    def infer(self, *inputs: TensorType) -> Types:
        return (TensorType(self.shape, inputs[0].dtype),)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        weighted = len(inputs) == 3
        weights = inputs[2].reshape(-1) if weighted else dummy(inputs[0].dtype.name)
        drows = outputs[0].reshape(weights.size, -1)
        return (KernelCall("totals.total_grad", (inputs[0], inputs[1], weights, int(weighted), drows)),)


@record
class MaskedWeights(Op):
    """weights, of the mask's leading axes, times mask (N, ...) uint8; or only the mask; floats (N, ...)."""

    dtype: str

    def infer(self, *inputs: TensorType) -> Types:
        mask = inputs[-1]
        if len(inputs) == 2 and mask.shape[: len(inputs[0].shape)] != inputs[0].shape:
            raise ValueError(f"weights {inputs[0]} do not fit a mask {mask}")
        return (TensorType(mask.shape, self.dtype),)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        weighted = len(inputs) == 2
        weights = inputs[0].reshape(-1) if weighted else dummy(self.dtype)
        shape = (weights.size, prod(inputs[-1].shape) // max(weights.size, 1))
        mask, out = inputs[-1].reshape(shape), outputs[0].reshape(shape)
        return (KernelCall("totals.masked_weights", (weights, int(weighted), mask, out)),)


@record
class NotIgnored(Op):
    """1 (uint8) where a class number is not `ignored` and the mask, if there is one, is 1; else 0."""

    ignored: int

    def infer(self, *inputs: TensorType) -> Types:
        if len(inputs) == 2 and inputs[1].shape != inputs[0].shape:
            raise ValueError(f"a mask {inputs[1]} does not fit class numbers {inputs[0]}")
        return (TensorType(inputs[0].shape, "uint8"),)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        masked = len(inputs) == 2
        mask = inputs[1].reshape(-1) if masked else dummy("uint8")
        labels, out = inputs[0].reshape(-1), outputs[0].reshape(-1)
        return (KernelCall("totals.not_ignored", (labels, self.ignored, mask, int(masked), out)),)


def not_ignored(labels: Value, ignored: int, mask: Value | None) -> Value:
    """1 (uint8) where a class number is not `ignored` and the mask, if there is one, is 1; else 0."""
    inputs = [labels] if mask is None else [labels, stretched(mask, labels.shape)]
    return labels.graph.add1(NotIgnored(ignored), *inputs)


def masked_weights(weights: Value | None, mask: Value) -> Value:
    """weights, of the mask's leading axes, times mask (N, ...) uint8; only the mask where there are none."""
    given = (mask,) if weights is None else (weights, mask)
    return mask.graph.add1(MaskedWeights(mask.graph.dtype), *given)


def total(rows: Value, weights: Value | None, mask: Value | None, divisor: str, scale: float) -> Value:
    """(sum of weight * loss) / divisor (1,); see Total. `mask` is what the divisor counts."""
    inputs = [v for v in (rows, weights, mask) if v is not None]
    return rows.graph.add(Total(weights is not None, divisor, scale), *inputs)[0]
