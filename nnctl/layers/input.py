"""Where data enters a model."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape
from nnctl.layers.base import Layer, register

Size = Annotated[int, Field(ge=1)]
"""The length of an axis."""

InputType = Literal["float32", "float64", "int32", "int64", "uint8"]
"""The type of a model input's numbers."""


@register
class Input(Layer):
    """A model's input, as an entry of `layers`; at the top, `model.inputs` says the same.

    Shapes: (B, *shape).
    Source: keras.Input.
    """

    is_input: ClassVar[bool] = True
    keras_only: ClassVar[tuple[str, ...]] = (
        "batch_size", "batch_shape", "sparse", "ragged", "optional", "tensor", "input_tensor",
    )  # fmt: skip

    shape: tuple[Size | None, ...] | None = None
    """The shape without the batch axis; `null` is a length that varies. Default: read from the data."""
    dtype: InputType | None = None
    """The type of its numbers; default: the experiment's."""

    aliases: ClassVar[tuple[str, ...]] = ("InputLayer", "input_layer")

    def compute_output_shape(self, *inputs: Shape) -> Shape | list[Shape]:
        """The declared shape.

        Raises:
            ShapeError: it was left out and could not be read from the data.
        """
        if self.shape is None:
            raise ShapeError("this input's shape is not given and not known from the data", field="shape")
        return self.shape
