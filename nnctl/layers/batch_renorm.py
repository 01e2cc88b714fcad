"""Batch renormalization: what BatchNormalization does while training with `renorm` (Ioffe, 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import sqrt
from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.keys import Key
from nnctl.initializers.base import InitializerSpec
from nnctl.kernels import codes
from nnctl.layers.base import Weight
from nnctl.ops.base import Value
from nnctl.ops.elementwise import (
    add_row,
    at_least,
    at_most,
    divide,
    multiply,
    multiply_row,
    shift,
    subtract,
    unary,
)
from nnctl.ops.normalization import batch_norm_train, update_moving


class Root(InitializerSpec):
    """The square root of what another initializer gives."""

    of: Any
    """The other initializer."""

    def sample(self, shape: tuple[int, ...], dtype: str, key: Key) -> Array:
        root: Array = np.sqrt(self.of.sample(shape, dtype, key))
        return root


def renorm_weights(weights: Mapping[str, Weight]) -> dict[str, Weight]:
    """The statistics besides BatchNormalization's own: deviations start at the root of the variance."""
    mean, variance = weights["moving_mean"], weights["moving_variance"]
    deviation = replace(variance, initializer=Root(of=variance.initializer))
    return {"moving_stddev": deviation, "renorm_mean": mean, "renorm_stddev": deviation}


def batch_renorm(
    x: Value,
    weights: Mapping[str, Value],
    epsilon: float,
    mask: Value | None,
    bounds: Mapping[Any, float],
    momenta: tuple[float, float],
) -> Value:
    """y (B, ..., C) of x (B, ..., C), its statistics updated; momenta of the moving ones and of the others.

    No gradient flows through r and d: it would through the batch's statistics, which give none.
    """
    normal, mean, variance = batch_norm_train(x, None, None, epsilon, mask)
    deviation = unary(shift(variance, epsilon), codes.SQRT)
    gamma, beta = weights.get("gamma"), weights.get("beta")
    # As long as the average is small, the division must not be by 0.
    usual = at_least(weights["renorm_stddev"], sqrt(epsilon))
    r = divide(deviation, usual)
    d = divide(subtract(mean, weights["renorm_mean"]), usual)
    if "rmin" in bounds:
        r = at_least(r, bounds["rmin"])
    if "rmax" in bounds:
        r = at_most(r, bounds["rmax"])
    if "dmax" in bounds:
        d = at_least(at_most(d, bounds["dmax"]), -bounds["dmax"])
    y = add_row(multiply_row(normal, r), d)
    y = y if gamma is None else multiply_row(y, gamma)
    y = y if beta is None else add_row(y, beta)
    momentum, renorm_momentum = momenta
    update_moving(weights["renorm_mean"], mean, renorm_momentum)
    update_moving(weights["renorm_stddev"], deviation, renorm_momentum)
    update_moving(weights["moving_mean"], mean, momentum)
    update_moving(weights["moving_stddev"], deviation, momentum)
    square = multiply(weights["moving_stddev"], weights["moving_stddev"])
    update_moving(weights["moving_variance"], at_least(shift(square, -epsilon), 0.0), 0.0)
    return y
