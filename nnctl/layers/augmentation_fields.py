"""Fields that augmentations share: the range that a factor is drawn from, the range of an image's numbers."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

Factor = float | tuple[float, float]
"""One number, or the least and the largest, in either order."""


class Between:
    """Holds a Factor's numbers between `low` and `high`."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def __call__(self, factor: Factor) -> Factor:
        """The factor as it is.

        Raises:
            ValueError: a number of it lies outside.
        """
        for number in factor if isinstance(factor, tuple) else (factor,):
            if not self.low <= number <= self.high:
                raise ValueError(f"{number:g} does not lie between {self.low:g} and {self.high:g}")
        return factor


UnitFactor = Annotated[Factor, AfterValidator(Between(0.0, 1.0))]
"""A Factor from 0 to 1."""
SignedFactor = Annotated[Factor, AfterValidator(Between(-1.0, 1.0))]
"""A Factor from -1 to 1."""


def from_zero(factor: Factor) -> tuple[float, float]:
    """The range of a factor where one number f means 0 to f."""
    low, high = sorted(factor) if isinstance(factor, tuple) else (0.0, factor)
    return low, high


def both_ways(factor: Factor) -> tuple[float, float]:
    """The range of a factor where one number f means -f to f."""
    low, high = sorted(factor) if isinstance(factor, tuple) else (-abs(factor), abs(factor))
    return low, high


def _rising(values: tuple[float, float]) -> tuple[float, float]:
    low, high = values
    if not low < high:
        raise ValueError(f"{low:g} is not less than {high:g}")
    return values


ValueRange = Annotated[tuple[float, float], AfterValidator(_rising)]
"""The least and the largest number that images have."""
