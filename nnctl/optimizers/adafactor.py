"""Adafactor: steps divided by roots of mean squares that only rows and columns of a weight have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod, sqrt
from typing import TYPE_CHECKING

from pydantic import Field, PositiveFloat

from nnctl.core.real import power
from nnctl.optimizers.base import FlatUpdate, register
from nnctl.optimizers.gradient import GradientOptimizer

if TYPE_CHECKING:
    from nnctl.core.arrays import Array
    from nnctl.optimizers.in_keras import KeptWeight


@register
class Adafactor(GradientOptimizer):
    """u = g / sqrt(v), v = r c / mean(r); w -= max(epsilon_2, rms(w)) rho u / max(1, rms(u) / threshold).

    r, c: running means of g^2 + epsilon_1 over the columns of each row, and over the rows of each column, of
    which 1 - t^beta_2_decay stays at step t; rho = min(learning_rate, 1 / sqrt(t)). A weight of three axes or
    more is many matrices of its last two; one of a single axis has no rows, and its v is the running mean
    itself.
    Source: keras.optimizers.Adafactor; Shazeer & Stern (2018).
    """

    beta_2_decay: float = Field(default=-0.8, le=0.0)
    """How fast the means grow longer."""
    epsilon_1: PositiveFloat = 1e-30
    """Keeps the divisor away from zero."""
    epsilon_2: PositiveFloat = 1e-3
    """The least size that a weight counts as having, so that it can grow from zero."""
    clip_threshold: PositiveFloat = 1.0
    """The largest root mean square of a weight's u; larger ones are scaled down."""
    relative_step: bool = True
    """Whether the learning rate is at most 1 / sqrt(t). As in Keras it is so always: this changes nothing."""

    def slots(self) -> Mapping[str, float]:
        return dict.fromkeys(["row", "column"], 0.0)

    def hyper(self, step: int, learning_rate: float) -> Sequence[float]:
        t = float(step + 1)
        return (learning_rate, min(learning_rate, 1.0 / sqrt(t)), 1.0 - power(t, self.beta_2_decay))

    def keras_rounds(self) -> Sequence[Sequence[str]]:
        return [["row", "column", "velocity"]]

    def keras_slot(self, slot: str, of: KeptWeight) -> Array | None:
        """r, c, v; those of a vector are 0, 0, v. r (..., R), c (..., C) and v of a weight (..., R, C)."""
        import numpy as np

        shape, row, column = of.values.shape, of.slots["row"], of.slots["column"]
        if len(shape) < 2:
            return row if slot == "velocity" else np.zeros((), np.int32)
        row, column = row.reshape(-1), column.reshape(-1)
        row = row[: prod(shape[:-1])].reshape(shape[:-1])
        column = column[: prod(shape[:-2]) * shape[-1]].reshape(*shape[:-2], shape[-1])
        if slot != "velocity":
            return row if slot == "row" else column
        if of.steps == 0:
            return np.zeros_like(of.values)
        share: Array = row / row.mean(-1, keepdims=True)
        return share[..., None] * column[..., None, :]

    def step(self, flat: FlatUpdate) -> None:
        from nnctl.ops.adafactor import adafactor_step

        numbers = (self.weight_decay or 0.0, self.epsilon_1, self.epsilon_2, self.clip_threshold)
        slots = [flat.slots["row"], flat.slots["column"]]
        adafactor_step(flat.weights, flat.gradients, flat.hyper, slots, flat.starts, flat.shapes, numbers)
