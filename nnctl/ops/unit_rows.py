"""Rows of length 1."""

from __future__ import annotations

from nnctl.kernels import codes
from nnctl.ops.base import Value
from nnctl.ops.elementwise import at_least, divide, unary
from nnctl.ops.shape import broadcast_to, reshape
from nnctl.ops.sums import sum_axes


def unit_rows(x: Value, least: float) -> Value:
    """x (..., C) divided by the length of each row, or by `least` where that is more.

    Below `least` the length is taken as given: the gradient of a row of zeros is finite.
    """
    squares = sum_axes(unary(x, codes.SQUARE), (-1,))
    return divide_rows(x, unary(at_least(squares, least**2), codes.SQRT))


def divide_rows(x: Value, divisors: Value) -> Value:
    """x (..., C) with each row divided by a number of its own: divisors (...)."""
    return divide(x, broadcast_to(reshape(divisors, (*divisors.shape, 1)), x.shape))
