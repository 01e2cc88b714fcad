"""The transforms of Winograd's F(4x4, 3x3), each along one line, as LLVM vector IR.

The points are 0, 3/4, -3/4, 3/2, -3/2 and infinity: the largest error is a quarter of what the usual 0, 1,
-1, 2, -2 give, and all factors within a line are exact. Each step is one sum, rounded once
(`Arithmetic.scaled`), on every CPU. Where all values of a point or a place share a factor, it is taken out of
the line and multiplied at the end, both lines' factors at once (`POINT_SCALES`, `OUT_SCALES` and so on).

Sources: A. Lavin, S. Gray, "Fast Algorithms for Convolutional Neural Networks" (2016); on the choice of
points B. Barabasz et al., "Error Analysis and Improving the Accuracy of Winograd Convolution" (2020).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isqrt
from typing import Any

from llvmlite import ir

from nnctl.kernels.simd import fma_function

NEAR, FAR = 3 / 4, 3 / 2
"""The points, with their negatives: FAR is twice NEAR, which `output_line` makes use of."""
NEAR2, FAR2 = NEAR**2, FAR**2

_OF_NEAR, _OF_FAR = 1 / (2 * NEAR2 * (NEAR2 - FAR2)), 1 / (2 * FAR2 * (FAR2 - NEAR2))
_FINITE = (1 / (NEAR2 * FAR2), _OF_NEAR, _OF_NEAR, _OF_FAR, _OF_FAR)
POINT_SCALES = (*_FINITE, NEAR**-3)
"""Of the kernel's six points."""
OUT_SCALES = (1.0, NEAR, NEAR2, NEAR**3)
"""Of the output's four places."""
GRADIENT_SCALES = (*_FINITE, NEAR**-2)
"""Of the six points of the kernel's gradient."""
TAP_SCALES = (1.0, NEAR, NEAR2)
"""Of the three taps of the kernel's gradient."""


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


Line = Callable[[Arithmetic, Sequence[Any]], list[Any]]
"""From the values along a line to their transform along it."""


def input_line(m: Arithmetic, d: Sequence[Any]) -> list[Any]:
    """Six values of the image to six points: B^T d."""
    near_even, near_odd = m.scaled(-FAR2, d[2], d[4]), m.scaled(-FAR2, d[1], d[3])
    far_even, far_odd = m.scaled(-NEAR2, d[2], d[4]), m.scaled(-NEAR2, d[1], d[3])
    return [
        m.scaled(NEAR2 * FAR2, d[0], m.scaled(-(NEAR2 + FAR2), d[2], d[4])),
        m.scaled(NEAR, near_odd, near_even),
        m.scaled(-NEAR, near_odd, near_even),
        m.scaled(FAR, far_odd, far_even),
        m.scaled(-FAR, far_odd, far_even),
        m.scaled(NEAR2 * FAR2, d[1], m.scaled(-(NEAR2 + FAR2), d[3], d[5])),
    ]


def kernel_line(m: Arithmetic, g: Sequence[Any]) -> list[Any]:
    """Three taps of the kernel to six points, to be multiplied with `POINT_SCALES`: G g."""
    near, far = m.scaled(NEAR2, g[2], g[0]), m.scaled(FAR2, g[2], g[0])
    return [
        g[0],
        m.scaled(NEAR, g[1], near),
        m.scaled(-NEAR, g[1], near),
        m.scaled(FAR, g[1], far),
        m.scaled(-FAR, g[1], far),
        g[2],
    ]


def output_line(m: Arithmetic, p: Sequence[Any]) -> list[Any]:
    """Six points to four places of the output, to be multiplied with `OUT_SCALES`: A^T p."""
    even, odd = m.add(p[1], p[2]), m.sub(p[1], p[2])
    far_even, far_odd = m.add(p[3], p[4]), m.sub(p[3], p[4])
    return [
        m.add(m.add(p[0], even), far_even),
        m.scaled(2, far_odd, odd),
        m.scaled(4, far_even, even),
        m.add(m.scaled(8, far_odd, odd), p[5]),
    ]


def gradient_line(m: Arithmetic, y: Sequence[Any]) -> list[Any]:
    """Four places of the output's gradient to six points: A y."""
    near_even, near_odd = m.scaled(NEAR2, y[2], y[0]), m.scaled(NEAR2, y[3], y[1])
    far_even, far_odd = m.scaled(FAR2, y[2], y[0]), m.scaled(FAR2, y[3], y[1])
    return [
        y[0],
        m.scaled(NEAR, near_odd, near_even),
        m.scaled(-NEAR, near_odd, near_even),
        m.scaled(FAR, far_odd, far_even),
        m.scaled(-FAR, far_odd, far_even),
        y[3],
    ]


def kernel_gradient_line(m: Arithmetic, p: Sequence[Any]) -> list[Any]:
    """Six points, times `GRADIENT_SCALES`, to three taps, to be multiplied with `TAP_SCALES`: G^T p."""
    even, odd = m.add(p[1], p[2]), m.sub(p[1], p[2])
    far_even, far_odd = m.add(p[3], p[4]), m.sub(p[3], p[4])
    return [
        m.add(m.add(p[0], even), far_even),
        m.scaled(2, far_odd, odd),
        m.add(m.scaled(4, far_even, even), p[5]),
    ]


def both_ways(line: Line, m: Arithmetic, square: Sequence[Any]) -> list[Any]:
    """A square of values, row by row, transformed down its columns, then along its rows."""
    size = isqrt(len(square))
    columns = [line(m, square[j::size]) for j in range(size)]
    return [value for row in zip(*columns, strict=True) for value in line(m, row)]


def factors(scales: Sequence[float]) -> list[float]:
    """The factor of each value of a square: its row's times its column's."""
    return [a * b for a in scales for b in scales]


def multiplied(m: Arithmetic, scales: Sequence[float], square: Sequence[Any]) -> list[Any]:
    """A square of values, each times its factor."""
    return [m.times(factor, value) for factor, value in zip(factors(scales), square, strict=True)]
