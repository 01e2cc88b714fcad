"""The arithmetic of shades and colours, in formulas: bytes, grey, and hue, saturation and value."""

from __future__ import annotations

from nnctl.kernels.functions import floor


def to_byte(x: float, low: float, high: float) -> float:
    """A number of an image, between low and high, as one from 0 to 255."""
    return x if low == 0 and high == 255 else (x - low) / (high - low) * 255


def from_byte(shade: float, low: float, high: float) -> float:
    """The number between low and high that `to_byte` makes a shade of."""
    return shade if low == 0 and high == 255 else shade / 255 * (high - low) + low


def grey(red: float, green: float, blue: float) -> float:
    """How bright a colour is to the eye, as television standards have it."""
    return 0.2989 * red + 0.587 * green + 0.114 * blue


def value_of(red: float, green: float, blue: float) -> float:
    """The largest of the three."""
    return max(max(red, green), blue)


def saturation_of(red: float, green: float, blue: float) -> float:
    """How far the least lies below the largest, as a part of it."""
    value, least = max(max(red, green), blue), min(min(red, green), blue)
    return (value - least) / value if value > 0 else 0


def hue_of(red: float, green: float, blue: float) -> float:
    """The place on the circle of colours in [0, 1): red at 0, green at 1/3, blue at 2/3; 0 of a grey."""
    value, least = max(max(red, green), blue), min(min(red, green), blue)
    width = value - least
    norm = 1 / (6 * (width if width > 0 else 1))
    hue = norm * (blue - red) + 2 / 6 if value == green else norm * (red - green) + 4 / 6
    hue = norm * (green - blue) if value == red else hue
    return (hue if width > 0 else 0) + (1 if hue < 0 else 0)


def coloured(hue: float, saturation: float, value: float) -> tuple[float, float, float]:
    """Red, green and blue of a hue (only its part after the point counts), a saturation and a value."""
    turn = (hue - floor(hue)) * 6
    red = min(max(abs(turn - 3) - 1, 0), 1)
    green = min(max(2 - abs(turn - 2), 0), 1)
    blue = min(max(2 - abs(turn - 4), 0), 1)
    pale = 1 - saturation
    return (
        value * (pale + saturation * red),
        value * (pale + saturation * green),
        value * (pale + saturation * blue),
    )
