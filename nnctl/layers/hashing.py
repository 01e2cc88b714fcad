"""Whole numbers as bins of their hashes: categories without a vocabulary."""

from __future__ import annotations

from typing import ClassVar, Literal

from nnctl.core.fingerprint import Salt, key_of
from nnctl.core.shapes import Shape
from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.encoding import Bins, Encodes, Encoding, Token
from nnctl.layers.in_keras import InKeras
from nnctl.ops.base import Value
from nnctl.ops.hashing import Bucket, hashed


@register
class Hashing(Encodes):
    """The bin of each whole number's hash: FarmHash of its decimal digits, or SipHash by a salt.

    Shapes: x (B, ...) of whole numbers, or of others without their fractions, y (B, ...) of whole numbers in
    [0, num_bins); with one_hot, multi_hot and count as CategoryEncoding's.
    Source: keras.layers.Hashing; words are hashed by columns: {NAME: {type: category, encoding: hash}}.
    """

    any_dtype: ClassVar[bool] = True
    supports_masking: ClassVar[bool] = False
    passes_gradient: ClassVar[bool] = False
    in_keras: ClassVar[InKeras] = InKeras(lacks=("trainable",))
    keras_only: ClassVar[tuple[str, ...]] = ("sparse",)

    num_bins: Bins
    """How many bins, the one of `mask_value` included."""
    mask_value: Token | None = None
    """What is put into bin 0, where nothing else comes then."""
    salt: Salt | None = None
    """A key for SipHash, so that others meet in a bin than without it; two numbers, or one for both."""
    output_mode: Literal["int"] | Encoding = "int"
    """int: the bins' numbers. one_hot: 0/1 numbers for each. multi_hot: which occur in an example. count: how
    often."""

    def reads_integers(self) -> bool:
        return True

    def numbers_given(self) -> tuple[int, int] | None:
        return (0, self.num_bins - 1) if self.output_mode == "int" else None

    def compute_output_shape(self, x: Shape) -> Shape:
        return self.encoded_shape(self.output_mode, self.num_bins, x)

    def call(self, ctx: LayerContext, x: Value) -> Value:
        apart = int(self.mask_value is not None and self.num_bins > 1)
        bucket = Bucket(self.num_bins - apart, "hash", key_of(self.salt), apart)
        numbers = hashed(x, bucket, self.mask_value if apart else None)
        return self.encoded(self.output_mode, self.num_bins, numbers, ctx.graph.dtype)
