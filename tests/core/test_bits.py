"""How arrays differ: the number of elements, the place of the largest difference, ulps."""

from __future__ import annotations

import numpy as np
import pytest

from nnctl.core.bits import BitDifference, bit_difference


def test_one_ulp() -> None:
    a = np.linspace(-1, 1, 15, dtype=np.float32).reshape(3, 5)
    b = a.copy()
    assert bit_difference(a, b) is None
    b[1, 3] = np.nextafter(a[1, 3], np.float32(2))
    found = bit_difference(a, b)
    assert found == BitDifference(
        1, 15, (1, 3), a[1, 3].item(), b[1, 3].item(), float(b[1, 3]) - float(a[1, 3]), 1
    )
    b[2, 0] += 1
    b[0, 1] -= 0.5
    found = bit_difference(a, b)
    assert found is not None
    assert (found.differing, found.index, found.largest) == (3, (2, 0), float(b[2, 0]) - float(a[2, 0]))


@pytest.mark.parametrize(
    ("dtype", "a", "b", "largest", "ulps"),
    [
        ("float64", 1.0, 1 + 2**-52, 2**-52, 1),
        ("float64", -1.0, -1 - 2**-51, 2**-51, 2),
        ("float32", 0.0, -0.0, 0.0, 0),
        ("float32", -(2.0**-149), 2.0**-149, 2.0**-148, 2),
        ("float32", 1.0, np.inf, None, 2**30),
        ("int32", 3, -4, 7.0, None),
        ("uint8", 3, 255, 252.0, None),
        ("bool", True, False, 1.0, None),
    ],
)
def test_kinds_of_numbers(dtype: str, a: float, b: float, largest: float | None, ulps: int | None) -> None:
    one, other = np.array([a, a], dtype), np.array([a, b], dtype)
    found = bit_difference(one, other)
    assert found is not None
    assert (found.index, found.largest, found.ulps) == ((1,), largest, ulps)


def test_nan_comes_first_and_equals_itself() -> None:
    a, b = np.array([0.0, np.nan, 3.0, 4.0]), np.array([9.0, np.nan, np.nan, 4.0])
    found = bit_difference(a, b)
    assert found is not None
    assert (found.differing, found.index, found.largest) == (2, (2,), None)


def test_no_axes_and_no_elements() -> None:
    found = bit_difference(np.array(1.0), np.array(2.0))
    assert found is not None
    assert found.index == ()
    assert bit_difference(np.zeros((0, 3)), np.zeros((0, 3))) is None
    with pytest.raises(ValueError, match="cannot be compared"):
        bit_difference(np.zeros(2), np.zeros(2, np.float32))
