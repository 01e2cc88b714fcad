"""Shapes that broadcast."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from nnctl.core.shapes import broadcast_shapes


def test_as_in_numpy() -> None:
    shapes = [(), (1,), (3,), (2, 1), (1, 3), (2, 3), (0, 1), (4, 1, 1)]
    for chosen in itertools.product(shapes, repeat=2):
        try:
            whole = np.broadcast_shapes(*chosen)
        except ValueError:
            with pytest.raises(ValueError, match="do not broadcast"):
                broadcast_shapes(*chosen)
        else:
            assert broadcast_shapes(*chosen) == whole


def test_the_numbers_are_those_given() -> None:
    """Kinds of ints that know more than their value keep it."""

    class Known(int):
        pass

    (axis, one) = broadcast_shapes((Known(5), 1), (1, 1))
    assert type(axis) is Known
    assert one == 1
