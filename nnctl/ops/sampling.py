"""Images read at places between their pixels: what moves, turns, zooms and bends them."""

from __future__ import annotations

from typing import Literal

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.kernels.codes import FILL_CODES
from nnctl.ops.base import Arrays, Calls, Gradients, KernelCall, Node, Op, TensorType, Types, Value
from nnctl.ops.formula import Formula
from nnctl.ops.parallel import widened
from nnctl.ops.pixels import arguments

Interpolation = Literal["nearest", "bilinear"]
FillMode = Literal["reflect", "wrap", "constant", "nearest", "mirror"]


@record
class ProjectedPlaces(Op):
    """Where the pixels (i, j) of images come from under a projection drawn for each: (B, *size, 2).

    `matrix` is a formula of an image's draws (B, D); see `kernels.sampling.projected_places`.
    """

    matrix: Formula
    size: tuple[int, int]

    def infer(self, *inputs: TensorType) -> Types:
        (draws,) = inputs
        return (TensorType((draws.shape[0], *self.size, 2), draws.dtype),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        return (None,)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        args = (*arguments(self.matrix, inputs[0]), outputs[0])
        return (KernelCall("sampling.projected_places", args, (self.matrix.function,)),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 5 * outputs[0].size


@record
class Sample(Op):
    """y (B, I, J, C) = x (B, H, W, C) at places (B, I, J, 2); the gradient is x's, places are fixed."""

    interpolation: Interpolation
    fill_mode: FillMode
    fill_value: float = 0.0

    def infer(self, *inputs: TensorType) -> Types:
        x, places = inputs
        if len(x.shape) != 4 or len(places.shape) != 4 or places.shape[0] != x.shape[0]:
            raise ValueError(f"{x} at {places}")
        return (TensorType((*places.shape[:3], x.shape[3]), x.dtype),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        assert dy is not None
        x, places = node.inputs
        return dy.graph.add1(SampleGrad(self, x.shape), dy, places), None

    @property
    def codes(self) -> tuple[int, int]:
        """What kernels take for the interpolation and the fill mode."""
        return int(self.interpolation == "bilinear"), FILL_CODES[self.fill_mode]

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        kernel = widened("sampling.sample", 8 * outputs[0].size, threads)
        return (KernelCall(kernel, (*inputs, *self.codes, self.fill_value, outputs[0])),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 11 * outputs[0].size


@record
class SampleGrad(Op):
    """dx of `shape` from (dy, places)."""

    sample: Sample
    shape: tuple[int, ...]

    def infer(self, *inputs: TensorType) -> Types:
        return (TensorType(self.shape, inputs[0].dtype),)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        kernel = widened("sampling.sample_grad", 8 * inputs[0].size, threads)
        return (KernelCall(kernel, (*inputs, *self.sample.codes, outputs[0])),)


def projected_places(draws: Value, matrix: Formula, size: tuple[int, int]) -> Value:
    """The places (B, *size, 2) that pixels come from under the projections of draws (B, D)."""
    return draws.graph.add1(ProjectedPlaces(matrix, size), draws)


def sample(x: Value, places: Value, op: Sample) -> Value:
    """x (B, H, W, C) at places (B, I, J, 2)."""
    return x.graph.add1(op, x, places)
