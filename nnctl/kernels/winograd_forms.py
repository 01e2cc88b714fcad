"""Winograd's forms: how many outputs are made together, and at which points, for the kernels that have one.

F(m, r) makes m neighbouring outputs of a kernel of r taps from m + r - 1 values by as many products, at
points of which one is 0 and one infinity. Both axes of an image have one each.

Sources: A. Lavin, S. Gray, "Fast Algorithms for Convolutional Neural Networks" (2016); on the choice of
points B. Barabasz et al., "Error Analysis and Improving the Accuracy of Winograd Convolution" (2020).
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple


class Scheme(NamedTuple):
    """F(places, taps) along one axis.

    `points` has the points above 0, ascending; their negatives are points, too, and 0 and infinity. Each is a
    power of two times the first, and their squares are exact.
    """

    points: tuple[float, ...]
    places: int
    taps: int

    @property
    def count(self) -> int:
        """All points; as many values are read."""
        return self.places + self.taps - 1

    def finite_scales(self) -> tuple[float, ...]:
        """What values at the finite points are multiplied with, on one side of the product: 0, p, -p, ..."""
        squares = [p * p for p in self.points]
        scales = [1 / prod(-square for square in squares)]
        for own in squares:
            scales += [1 / (2 * own * prod(own - other for other in squares if other != own))] * 2
        return tuple(scales)

    def point_scales(self, gathered: int) -> tuple[float, ...]:
        """Of all points, where `gathered` values are made of the products (see `place_scales`)."""
        if self.count == 1:
            return (1.0,)
        return (*self.finite_scales(), self.points[0] ** (1 - gathered))

    def place_scales(self, gathered: int) -> tuple[float, ...]:
        """Of the values that are made of the products: powers of the first point."""
        return tuple(self.points[0] ** k for k in range(gathered)) if self.points else (1.0,) * gathered


class Form(NamedTuple):
    """A scheme for each axis of an image.

    `block`: tiles that are multiplied at once: a multiple of the rows of a register tile on any CPU. Part of
    a gradient's result, so never chosen by CPU. `large`: where both axes of the output have so many places,
    few channels and filters pay, too (measured); 0: nowhere.
    """

    name: str
    rows: Scheme
    columns: Scheme
    block: int
    large: int = 0

    @property
    def points(self) -> int:
        """Products of a tile."""
        return self.rows.count * self.columns.count

    @property
    def outs(self) -> int:
        """Pixels of a tile of the output."""
        return self.rows.places * self.columns.places

    @property
    def taps(self) -> int:
        """Of the kernel."""
        return self.rows.taps * self.columns.taps


ALONE = Scheme((), 1, 1)
"""An axis along which nothing is summed."""
THREE = Scheme((3 / 4, 3 / 2), 4, 3)
FIVE = Scheme((3 / 4, 3 / 2), 2, 5)
LONG_FIVE = Scheme((1 / 2, 1.0, 2.0), 4, 5)

FORMS = (
    Form("3x3", THREE, THREE, 24, large=16),
    Form("5x5", FIVE, FIVE, 24),
    Form("1x3", ALONE, THREE, 48),
    Form("1x5", ALONE, LONG_FIVE, 48),
)
