"""What layers share that turn numbers of classes into 0/1 numbers or counts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.layers.base import Layer
from nnctl.ops.base import Value
from nnctl.ops.categories import count_rows, occur
from nnctl.ops.shape import reshape

Encoding = Literal["one_hot", "multi_hot", "count"]

Token = Annotated[int, Field(ge=-(2**63), lt=2**63)]
"""A whole number that kernels compare with others: of 64 bits."""
Bins = Annotated[int, Field(ge=1, lt=2**63)]
"""How many numbers such a number is divided among."""


class Encodes(Layer):
    """A layer that may give a row of `depth` numbers in place of numbers of classes; `int`: it does not."""

    def encoded_shape(self, mode: Literal["int"] | Encoding, depth: int, x: Shape) -> Shape:
        """The output's shape. Raises ShapeError for an input that cannot be counted."""
        if mode == "int":
            return x
        if mode == "one_hot":
            return (*(x[:-1] if x and x[-1] == 1 else x), depth)
        if len(x) != 1:
            raise ShapeError(
                f"{self.kind} counts what is in one list per example, but {show(x)} comes in",
                field="output_mode",
                expected="an input of one axis besides the batch, or output_mode: one_hot",
            )
        return (depth,)

    def encoded(
        self,
        mode: Literal["int"] | Encoding,
        depth: int,
        numbers: Value,
        dtype: str,
        weights: Value | None = None,
    ) -> Value:
        """Numbers (B, ...) as they are, or as `encoded_shape` says, in floats."""
        if mode == "int":
            return numbers
        if mode == "multi_hot":
            return occur(numbers, depth, dtype)
        if mode == "count":
            return count_rows(numbers, depth, dtype, weights)
        batch, *inner = numbers.shape
        shape = (batch, *(inner[:-1] if inner[-1:] == [1] else inner), depth)
        return reshape(occur(reshape(numbers, (numbers.type.size, 1)), depth, dtype), shape)
