"""Loops over several vectors at a time: the bits of plain loops, and code that does work on several."""

from __future__ import annotations

import re
from typing import Any

import numba
import numpy as np
import pytest

from nnctl.kernels.interleaved import VECTORS, interleaved
from nnctl.kernels.mathfn import sigmoid
from nnctl.kernels.ranges import part


def _loop(decorate: Any) -> Any:
    """y = sigmoid(x), (N,), compiled for itself."""

    @decorate
    def loop(x, y):
        for i in range(np.uint64(x.size)):
            y[i] = sigmoid(x[i])

    @numba.njit(error_model="numpy")
    def outer(x, y):
        loop(x, y)

    return outer


PLAIN, INTERLEAVED = _loop(part), _loop(interleaved)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_bits_of_a_plain_loop(dtype: str) -> None:
    """At every length around some bodies of the loop, NaN and infinities included; nothing past the end."""
    x = (np.arange(300) * 0.7297 % 31 - 15).astype(dtype)
    x[[3, 40, 77]] = np.nan, np.inf, -np.inf
    for count in (*range(150), 300):
        plain, found = np.full((2, 301), 7, dtype)
        PLAIN(x[:count], plain[:count])
        INTERLEAVED(x[:count], found[:count])
        np.testing.assert_array_equal(found, plain)
        assert (found[count:] == 7).all()


def test_in_place() -> None:
    x = np.linspace(-9, 9, 77).astype("float32")
    y = np.empty_like(x)
    PLAIN(x, y)
    INTERLEAVED(x, x)
    np.testing.assert_array_equal(x, y)


def _divisions(function: Any) -> int:
    """Divisions in the machine-independent code that LLVM made of the float32 form."""
    x = np.zeros(1, "float32")
    function(x, x)
    of_float32 = next(s for s in function.signatures if s[0].dtype == numba.float32)
    return len(re.findall(r"\bfdiv\b", function.inspect_llvm(of_float32)))


def test_several_vectors_in_the_body() -> None:
    """A plain loop divides once in its body, once in the rest; here the body divides VECTORS times."""
    assert _divisions(INTERLEAVED) >= _divisions(PLAIN) + VECTORS - 1
