"""A dense layer over any axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import PositiveInt, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from nnctl.constraints.base import Constraint
from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.initializers.base import Initializer
from nnctl.initializers.variance_scaling import counting
from nnctl.layers.base import Weight, register
from nnctl.layers.context import LayerContext
from nnctl.layers.einsum_equation import Equation, parse
from nnctl.layers.fields import WithActivation, WithKernel
from nnctl.ops.base import Value
from nnctl.ops.einsum import einsum
from nnctl.ops.elementwise import add
from nnctl.ops.shape import broadcast_to
from nnctl.regularizers.base import Regularizer


@register
class EinsumDense(WithActivation, WithKernel):
    """y = activation(x kernel + bias), with the axes that `equation` names multiplied and summed.

    Shapes: x (B, ...), kernel and y as `equation` and `output_shape` say, bias of the axes `bias_axes` of y.
    Source: keras.layers.EinsumDense.
    """

    keras_only: ClassVar[tuple[str, ...]] = (
        "lora_rank", "lora_alpha", "gptq_unpacked_column_size", "quantization_config",
    )  # fmt: skip
    supports_masking: ClassVar[bool] = False

    equation: str
    """Letters for the axes of input, kernel and output: `ab,bc->ac` is Dense; `...` stands for more axes."""
    output_shape: tuple[PositiveInt | None, ...]
    """The lengths of the output's axes but the batch and those of `...`; null is a length that varies."""
    bias_axes: str | None = None
    """The output's axes along which the bias has numbers of its own; default: there is no bias."""
    bias_initializer: Initializer = "zeros"
    """First values of the bias."""
    bias_regularizer: Regularizer | None = None
    """Penalty on the bias."""
    bias_constraint: Constraint | None = None
    """What the bias satisfies after each update."""

    @field_validator("equation")
    @classmethod
    def _readable(cls, value: str) -> str:
        try:
            parse(value)
        except ValueError as error:
            raise PydanticCustomError("equation", "{why}", {"why": str(error)}) from None
        return value

    @field_validator("output_shape", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return (value,) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("bias_axes")
    @classmethod
    def _of_the_output(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and "equation" in info.data:
            other = sorted(set(value) - set(parse(info.data["equation"]).y))
            if other or not value:
                raise PydanticCustomError("bias_axes", "expected letters of the output's axes, such as 'c'")
        return value

    def _lengths(self, x: Shape) -> dict[str, int | None]:
        """The length of each axis but the batch by its label. Raises ShapeError where they do not fit."""
        equation = parse(self.equation)
        rank = len(x) + 1
        if rank < len(equation.x) or (rank > len(equation.x) and equation.dots is None):
            raise ShapeError(
                f"EinsumDense reads '{equation.x}' with {len(equation.x)} axes, "
                f"and {show(x)} has {rank} with the batch",
                field="equation",
                expected="as many letters as axes, or '...' for those in front or behind",
            )
        labels = equation.with_dots(equation.x, rank)
        lengths = dict(zip(labels[1:], x, strict=True))
        own = [axis for axis in equation.y if axis != labels[0]]
        if len(self.output_shape) != len(own):
            raise ShapeError(
                f"EinsumDense has {len(own)} axes to give lengths to ('{''.join(own)}'), "
                f"and {len(self.output_shape)} in output_shape",
                field="output_shape",
                expected="a length, or null, for each axis of the output but the batch and '...'",
            )
        for axis, length in zip(own, self.output_shape, strict=True):
            if length is not None and lengths.get(axis, length) not in (None, length):
                raise ShapeError(
                    f"EinsumDense is told a length of {length} for '{axis}', "
                    f"which has {lengths[axis]} in {show(x)}",
                    field="output_shape",
                    expected=f"{lengths[axis]}, or null",
                )
            lengths[axis] = length
        for axis in equation.kernel:
            if lengths[axis] is None:
                raise ShapeError(
                    f"EinsumDense sizes its kernel by '{axis}', whose length is null",
                    field="output_shape" if axis in own else None,
                    expected="a fixed length for each axis of the kernel",
                )
        return lengths

    def compute_output_shape(self, x: Shape) -> Shape:
        lengths, equation = self._lengths(x), parse(self.equation)
        self._bias_shape(equation, lengths, len(x) + 1)
        return tuple(lengths[axis] for axis in equation.with_dots(equation.y, len(x) + 1)[1:])

    def _bias_shape(
        self, equation: Equation, lengths: Mapping[str, int | None], rank: int
    ) -> tuple[int, ...]:
        """From the first of `bias_axes` on: a length, or 1 where the bias is the same along an axis.

        Args:
            rank: How many axes x has, the batch included.
        """
        if self.bias_axes is None:
            return ()
        axes = equation.y[min(map(equation.y.index, self.bias_axes)) :]
        shape = [lengths.get(axis) if axis in self.bias_axes else 1 for axis in axes]
        if None in shape:
            raise ShapeError(
                "EinsumDense cannot have a bias along the batch, or along an axis whose length is null",
                field="bias_axes",
                expected="axes of fixed lengths",
            )
        more = 0 if equation.dots == "left" else len(equation.further(rank))
        return (*(n for n in shape if n is not None), *(1,) * more)

    def weights(self, x: Shape) -> Mapping[str, Weight]:
        lengths, equation = self._lengths(x), parse(self.equation)
        shape = tuple(n for n in (lengths[axis] for axis in equation.kernel) if n is not None)
        kernel = self.weight("kernel", shape)
        out = [at for at, axis in enumerate(equation.kernel) if axis in equation.y]
        summed = [at for at in range(len(shape)) if at not in out]
        made = {"kernel": replace(kernel, initializer=counting(kernel.initializer, summed, out))}
        if self.bias_axes is not None:
            made["bias"] = self.weight("bias", self._bias_shape(equation, lengths, len(x) + 1))
        return made

    def call(self, ctx: LayerContext, x: Value) -> Value:
        equation, rank = parse(self.equation), len(x.shape)
        y = einsum(
            x, ctx.weights["kernel"], equation.with_dots(equation.x, rank), list(equation.kernel),
            equation.with_dots(equation.y, rank),
        )  # fmt: skip
        bias = ctx.weights.get("bias")
        return self.activated(ctx, y if bias is None else add(y, broadcast_to(bias, y.shape)))
