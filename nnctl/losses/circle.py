"""A loss of embeddings: those of one class together, those of others apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import PositiveFloat

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.losses.base import LossSpec, Target, register

if TYPE_CHECKING:
    from nnctl.ops.base import Value


@register
class Circle(LossSpec):
    """softplus(logsumexp_p(gamma w_p (d - margin)) + logsumexp_n(gamma w_n (1 - margin - d))) per example.

    d = max(1 - e_i . e_j, 0) is the distance to the batch's other examples: p are those of the same class, n
    those of others, w_p = margin + d, w_n = 1 + margin - d, both at least 0. An example for which the batch
    has no p or no n has no loss and does not count. The embeddings e should have length 1
    (UnitNormalization).
    Shapes: y_true (B,) class numbers, y_pred (B, E), rows (B,).
    Source: keras.losses.Circle; Sun et al., "Circle loss" (2020).
    """

    gamma: PositiveFloat = 80.0
    """How much more distances that are far from their goal count."""
    margin: float = 0.4
    """The distance within a class is to be below it, that between classes above 1 - margin."""
    remove_diagonal: bool = True
    """Whether an example is none of its own class's others."""

    def target(self, output: Shape) -> Target:
        if len(output) != 1:
            raise ShapeError(
                f"circle needs one vector per example, but the output is {show(output)}",
                expected="an output of shape (length of the embedding)",
            )
        return Target("classes", ())

    def rows(self, y_true: Value, y_pred: Value) -> Value:
        return self._rows(y_true, y_pred)[0]

    def masked_rows(self, y_true: Value, y_pred: Value, mask: Value | None) -> tuple[Value, Value | None]:
        from nnctl.ops.masks import both

        rows, counted = self._rows(y_true, y_pred)
        return rows, counted if mask is None else both(mask, counted)

    def _rows(self, y_true: Value, y_pred: Value) -> tuple[Value, Value]:
        from nnctl.ops.circle import circle_loss
        from nnctl.ops.linear import matmul

        similarity = matmul(y_pred, y_pred, transpose_b=True)
        return circle_loss(similarity, y_true, self.gamma, self.margin, self.remove_diagonal)
