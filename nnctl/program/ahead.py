"""The numbers of an optimizer's next steps, worked out for many steps at once."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from nnctl.core.arrays import Array
from nnctl.optimizers.base import OptimizerSpec

STEPS = 64
"""How many steps: one by one, a small model's step would wait for them as long as for its kernels."""


class Ahead:
    """What `all_hyper` says of each step."""

    def __init__(self, optimizer: OptimizerSpec) -> None:
        self.optimizer = optimizer
        self._first = 0
        self._rate: float | None = None
        self._numbers: list[Array] = []

    def numbers(self, batch: int, rate: float | None) -> Array:
        """Those of the step after `batch`, at `rate` where that is not the config's: (H,) float64."""
        at = batch - self._first
        if rate is not self._rate or not 0 <= at < len(self._numbers):
            self._first, self._rate, self._numbers, at = batch, rate, self._from(batch, rate), 0
        return self._numbers[at]

    def _from(self, batch: int, rate: float | None) -> list[Array]:
        found = [self._of(batch, rate)]
        # A plugin's schedule may end with the training.
        with suppress(Exception):
            for n in range(1, STEPS):
                found.append(self._of(batch + n, rate))
        return found

    def _of(self, batch: int, rate: float | None) -> Array:
        own = self.optimizer.rate(batch) if rate is None else rate
        return np.array(self.optimizer.all_hyper(batch, own), np.float64)
