"""Moving axes against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from nnctl.ops.transpose import move_axis
from tests.ops.harness import check_gradients, evaluate


@pytest.mark.parametrize(
    ("shape", "source", "target"),
    [
        *[((2, 3), 0, 1), ((2, 3), 1, 0), ((2, 3, 4), 1, 2), ((2, 3, 4, 5), 1, 3), ((2, 3, 4, 5), 3, 1)],
        *[((2, 3, 4, 5), 0, 2), ((2, 3, 4, 5), 2, 0), ((1, 3, 4), 1, 1), ((2, 3, 4, 5), 1, 2)],
    ],
)
def test_move_axis(shape: tuple[int, ...], source: int, target: int) -> None:
    x = np.random.default_rng(0).standard_normal(shape)
    (y,) = evaluate(lambda x: move_axis(x, source, target), {"x": x})
    np.testing.assert_array_equal(y, np.moveaxis(x, source, target))
    check_gradients(lambda x: move_axis(x, source, target), {"x": x})
