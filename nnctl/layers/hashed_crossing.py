"""What two or more columns are together, as one of so many numbers."""

from __future__ import annotations

from typing import ClassVar, Literal

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.encoding import Bins, Encodes
from nnctl.layers.in_keras import InKeras
from nnctl.ops.base import Value
from nnctl.ops.hashing import crossed


@register
class HashedCrossing(Encodes):
    """A bin of the joined fingerprints of whole numbers: each pair (or more) of them has one of its own.

    Shapes: two or more inputs (B,) or (B, 1) of whole numbers, y the same of whole numbers in [0, num_bins),
    or with one_hot (B, num_bins).
    Source: keras.layers.HashedCrossing; a column of words has numbers by {type: category, encoding: index}.
    """

    any_dtype: ClassVar[bool] = True
    fewest_inputs: ClassVar[int] = 2
    supports_masking: ClassVar[bool] = False
    passes_gradient: ClassVar[bool] = False
    in_keras: ClassVar[InKeras] = InKeras(lacks=("trainable",))
    keras_only: ClassVar[tuple[str, ...]] = ("sparse",)

    num_bins: Bins
    """How many bins."""
    output_mode: Literal["int", "one_hot"] = "int"
    """int: the bins' numbers. one_hot: 0/1 numbers for each."""

    def reads_integers(self) -> bool:
        return True

    def numbers_given(self) -> tuple[int, int] | None:
        return (0, self.num_bins - 1) if self.output_mode == "int" else None

    def compute_output_shape(self, *inputs: Shape) -> Shape:
        if any(x != inputs[0] for x in inputs) or inputs[0] not in ((), (1,)):
            shapes = ", ".join(map(show, inputs))
            raise ShapeError(
                f"HashedCrossing crosses one number of each input, but {shapes} come in",
                expected="inputs of shape (1,)",
            )
        return self.encoded_shape(self.output_mode, self.num_bins, inputs[0])

    def call(self, ctx: LayerContext, *inputs: Value) -> Value:
        numbers = crossed(inputs, self.num_bins)
        return self.encoded(self.output_mode, self.num_bins, numbers, ctx.graph.dtype)
