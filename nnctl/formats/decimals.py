"""Floats as the shortest decimals that read back to the same bits, many at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

_DIGITS = 9
"""Decimals of so many significant digits tell all float32 apart."""
_EXACT = 15
"""Between 10**-15 and 10**15 the powers of ten, and what is counted in them, are exact in float64."""
_POWERS = 10.0 ** np.arange(_EXACT + _DIGITS)


def texts(values: npt.NDArray[Any]) -> list[str]:
    """Each number of `values` (n,) as text; float32 with as many digits as it needs and no more."""
    return list(map(repr, doubles(values).tolist()))


def doubles(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The float64 (n,) that print as the shortest decimals of `values`; other types than float32 unchanged.

    Digits are taken away for as long as the nearest decimal still reads back to the same float32. NumPy
    prints the same decimals, but one number at a time, several times as slowly.
    """
    if values.dtype != np.float32:
        return values
    with np.errstate(invalid="ignore", divide="ignore"):
        found = values.astype(np.float64)
        exponents = np.floor(np.log10(np.abs(found)))
        plain = (exponents >= -_EXACT) & (exponents < _EXACT)
    at = np.flatnonzero(plain)
    exact, wanted, powers = found[at], values[at], exponents[at].astype(np.int64)
    for digits in range(_DIGITS, 0, -1):
        places = digits - 1 - powers
        up, down = _POWERS[np.maximum(places, 0)], _POWERS[np.maximum(-places, 0)]
        nearest = np.rint(exact * up / down) * down / up
        same = nearest.astype(np.float32) == wanted
        found[at[same]] = nearest[same]
        if digits == _DIGITS:
            plain[at[~same]] = False
        at, exact, wanted, powers = at[same], exact[same], wanted[same], powers[same]
    for i in np.flatnonzero(~plain & np.isfinite(found) & (found != 0)).tolist():
        found[i] = float(str(values[i]))
    return found
