"""Formulas that losses of probabilities share (see formula.py)."""

from __future__ import annotations

EPSILON = 1e-7
"""keras.config.epsilon()."""


def clipped(p: float) -> float:
    """p between epsilon and 1 - epsilon."""
    p = EPSILON if p < EPSILON else p
    return 1 - EPSILON if p > 1 - EPSILON else p


def at_least_epsilon(x: float) -> float:
    """max(x, epsilon)."""
    return EPSILON if x < EPSILON else x


def smoothed(target: float, smoothing: float, classes: float) -> float:
    """target (1 - smoothing) + smoothing / classes."""
    return target * (1 - smoothing) + smoothing / classes
