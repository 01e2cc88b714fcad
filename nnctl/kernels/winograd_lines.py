"""The transforms of Winograd's forms (`winograd_forms`), each along one line, as LLVM vector IR.

All factors within a line are exact, and each step is one sum, rounded once (`Arithmetic.scaled`), on every
CPU. Where all values of a point or a place share a factor, it is taken out of the line and multiplied at the
end, both lines' factors at once (`Scheme.point_scales`, `Scheme.place_scales`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir

from nnctl.kernels.simd import fma_function
from nnctl.kernels.winograd_forms import Form, Scheme


class Arithmetic:
    """Sums of vectors, each rounded once."""

    def __init__(self, builder: Any, vector: Any) -> None:
        self.builder, self.vector = builder, vector
        self.fma = fma_function(builder, vector)

    def constant(self, value: float) -> Any:
        """A vector of one number."""
        return ir.Constant(self.vector, [value] * self.vector.count)

    def add(self, a: Any, b: Any) -> Any:
        """a + b."""
        return self.builder.fadd(a, b)

    def sub(self, a: Any, b: Any) -> Any:
        """a - b."""
        return self.builder.fsub(a, b)

    def scaled(self, factor: float, a: Any, b: Any) -> Any:
        """factor * a + b."""
        return self.builder.call(self.fma, [self.constant(factor), a, b])

    def times(self, factor: float, a: Any) -> Any:
        """factor * a."""
        return self.builder.fmul(self.constant(factor), a)


Line = Callable[[Arithmetic, Scheme, Sequence[Any]], list[Any]]
"""From the values along a line to their transform along it."""


def _product(squares: Sequence[float]) -> list[float]:
    """Coefficients of the product of all x - square, ascending."""
    found = [1.0]
    for square in squares:
        found = [low - square * high for low, high in zip([0.0, *found], [*found, 0.0], strict=True)]
    return found


def _weighted(m: Arithmetic, factors: Sequence[float], values: Sequence[Any]) -> Any:
    """The sum of factor times value, from the last value on, whose factor is 1."""
    total = values[-1]
    for factor, value in zip(factors[-2::-1], values[-2::-1], strict=True):
        total = m.scaled(factor, value, total)
    return total


def _at(m: Arithmetic, x: float, coefficients: Sequence[Any]) -> Any:
    """The polynomial at x, by Horner's rule."""
    total = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        total = m.scaled(x, total, coefficient)
    return total


def input_line(m: Arithmetic, s: Scheme, d: Sequence[Any]) -> list[Any]:
    """Values of the image to as many points: B^T d."""
    if s.count == 1:
        return list(d)
    squares = [p * p for p in s.points]
    whole = _product(squares)
    found = [_weighted(m, whole, d[0:-1:2])]
    for p, own in zip(s.points, squares, strict=True):
        others = _product([square for square in squares if square != own])
        even, odd = _weighted(m, others, d[2:-1:2]), _weighted(m, others, d[1:-2:2])
        found += [m.scaled(p, odd, even), m.scaled(-p, odd, even)]
    return [*found, _weighted(m, whole, d[1::2])]


def values_line(m: Arithmetic, s: Scheme, g: Sequence[Any]) -> list[Any]:
    """Coefficients to the values at all points, without `point_scales`: G g of taps, A y of places."""
    if s.count == 1:
        return list(g)
    found = [g[0]]
    for p in s.points:
        even, odd = _at(m, p * p, g[0::2]), _at(m, p * p, g[1::2])
        found += [m.scaled(p, odd, even), m.scaled(-p, odd, even)]
    return [*found, g[-1]]


def _gathered(m: Arithmetic, s: Scheme, p: Sequence[Any], size: int) -> list[Any]:
    """Points to `size` values, each to be multiplied with its `place_scales`."""
    if s.count == 1:
        return list(p)
    pairs = list(zip(p[1:-1:2], p[2:-1:2], strict=True))
    halves = [m.add(*pair) for pair in pairs], [m.sub(*pair) for pair in pairs]
    found = []
    for k in range(size):
        first, *rest = halves[k % 2]
        total = m.add(p[0], first) if k == 0 else first
        for ratio, half in zip((point / s.points[0] for point in s.points[1:]), rest, strict=True):
            total = m.scaled(ratio**k, half, total) if k else m.add(total, half)
        found.append(total)
    found[-1] = m.add(found[-1], p[-1])
    return found


def output_line(m: Arithmetic, s: Scheme, p: Sequence[Any]) -> list[Any]:
    """Points to places of the output: A^T p."""
    return _gathered(m, s, p, s.places)


def kernel_gradient_line(m: Arithmetic, s: Scheme, p: Sequence[Any]) -> list[Any]:
    """Points, times their scales, to the gradient of the taps: G^T p."""
    return _gathered(m, s, p, s.taps)


def both_ways(line: Line, m: Arithmetic, form: Form, square: Sequence[Any], width: int) -> list[Any]:
    """Values in rows of `width`, transformed down its columns, then along its rows."""
    columns = [line(m, form.rows, square[j::width]) for j in range(width)]
    return [value for row in zip(*columns, strict=True) for value in line(m, form.columns, row)]


def factors(rows: Sequence[float], columns: Sequence[float]) -> tuple[float, ...]:
    """The factor of each value of a square: its row's times its column's.

    A tuple: kernels close over it, and a list has no name that lasts (`stamp.py`).
    """
    return tuple(a * b for a in rows for b in columns)


def multiplied(m: Arithmetic, scales: Sequence[float], square: Sequence[Any]) -> list[Any]:
    """Each value times its factor."""
    return [m.times(factor, value) for factor, value in zip(scales, square, strict=True)]
