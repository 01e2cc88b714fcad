"""The rectifier whose slopes below zero are learned."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from nnctl.activations.rectifiers import relu
from nnctl.constraints.base import Constraint
from nnctl.core.errors import ShapeError
from nnctl.core.ranges import ANY, Range
from nnctl.core.shapes import Shape, show
from nnctl.initializers.base import Initializer
from nnctl.layers.base import SameShape, Weight, register
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.ops.elementwise import multiply, multiply_row, scale, subtract
from nnctl.ops.shape import broadcast_to, reshape
from nnctl.regularizers.base import Regularizer


@register
class PReLU(SameShape):
    """y = x for x >= 0, alpha x below, alpha a weight.

    Shapes: x (B, ...), alpha of x's axes without the batch, 1 along shared ones, y (B, ...).
    Source: keras.layers.PReLU (He et al., 2015).
    """

    alpha_initializer: Initializer = "Zeros"
    """First values of alpha."""
    alpha_regularizer: Regularizer | None = None
    """Penalty on alpha."""
    alpha_constraint: Constraint | None = None
    """What alpha satisfies after each update."""
    shared_axes: int | tuple[int, ...] | None = None
    """The axis or axes along which all numbers have one alpha; 1 is the first behind the batch."""

    def compute_output_shape(self, x: Shape) -> Shape:
        self._alpha_shape(x)
        return x

    def weights(self, x: Shape) -> Mapping[str, Weight]:
        return {"alpha": self.weight("alpha", self._alpha_shape(x))}

    def output_range(self, *inputs: Range | None) -> Range | None:
        return ANY

    def call(self, ctx: LayerContext, x: Value) -> Value:
        relu_ = relu().apply
        return subtract(relu_(x), self._times_alpha(relu_(scale(x, -1.0)), ctx.weights["alpha"]))

    def _times_alpha(self, x: Value, alpha: Value) -> Value:
        """x alpha, alpha repeated along the batch and along shared axes."""
        rank, own = len(x.shape) - 1, self._own_axes(x.shape[1:])
        if own == list(range(rank - len(own), rank)):
            # Only leading axes share: alpha is a row.
            row = reshape(alpha, (prod(alpha.shape),))
            return reshape(multiply_row(reshape(x, (-1, row.shape[0])), row), x.shape)
        return multiply(x, broadcast_to(reshape(alpha, (1, *alpha.shape)), x.shape))

    def _alpha_shape(self, x: Shape) -> tuple[int, ...]:
        own = self._own_axes(x)
        what = "each axis that is not shared"
        return tuple(self.need_known(x, at, what) if at in own else 1 for at in range(len(x)))

    def _own_axes(self, x: Shape) -> list[int]:
        """The axes that have alphas of their own, as indices into x without its batch."""
        given = self.shared_axes if self.shared_axes is not None else ()
        shared = (given,) if isinstance(given, int) else given
        for axis in shared:
            if not 1 <= axis <= len(x):
                raise ShapeError(
                    f"PReLU is told to share along axis {axis}, which {show(x)} does not have",
                    field="shared_axes",
                    expected=f"axes from 1 to {len(x)} (0 is the batch)" if x else "no shared_axes",
                )
        return [at for at in range(len(x)) if at + 1 not in shared]
