"""The search for numbers that are not finite, wherever one is."""

from __future__ import annotations

import numpy as np
import pytest

from nnctl.kernels.gradients import first_non_finite, first_non_finite_parallel, stop_unless_finite
from nnctl.kernels.ranges import BLOCK

STARTS = np.array([0, 16, 16 + BLOCK, 2 * BLOCK + 32], np.int64)
SIZE = int(STARTS[-1])


def found(g: np.ndarray) -> int:
    """What both kernels say; all that they write starts as something else."""
    plain, parallel = np.full(1, 7, np.int64), np.full(1, 7, np.int64)
    first_non_finite(g, STARTS, plain)
    first_non_finite_parallel(g, STARTS, np.ones(-(-SIZE // BLOCK), np.bool_), parallel)
    assert plain == parallel
    return int(plain[0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_first_weight_that_is_not_finite(dtype: str) -> None:
    g = np.linspace(-1, 1, SIZE, dtype=dtype)
    g[[3, 40, SIZE - 1]] = np.finfo(dtype).max, np.finfo(dtype).min, 0
    assert found(g) == -1
    for bad in (np.nan, -np.nan, np.inf, -np.inf):
        for at in (0, 15, 16, 17, 100, BLOCK - 1, BLOCK, BLOCK + 15, BLOCK + 16, 2 * BLOCK, SIZE - 1):
            one = g.copy()
            one[at] = bad
            assert found(one) == np.searchsorted(STARTS, at, "right") - 1
    g[[BLOCK + 20, 20]] = np.nan, np.inf
    assert found(g) == 1


def test_every_place_is_looked_at() -> None:
    g = np.zeros(SIZE, np.float32)
    for at in range(SIZE - BLOCK - 40, SIZE - BLOCK + 40):
        g[at] = np.nan
        assert found(g) >= 0
        g[at] = 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_step_is_stopped_by_its_loss_or_any_weight(dtype: str) -> None:
    largest = np.finfo(dtype).max
    for loss in (0.0, -largest, largest):
        stop_unless_finite(np.array([loss], dtype), np.array([-1]))
    for loss, bad in ((1.0, 0), (1.0, 5), (np.nan, -1), (np.inf, -1), (-np.inf, -1)):
        with pytest.raises(FloatingPointError, match="not finite"):
            stop_unless_finite(np.array([loss], dtype), np.array([bad]))
