"""Sine and cosine by series."""

from __future__ import annotations

import numpy as np

from nnctl.core.turns import cos_turns, sin_turns


def test_as_near_as_floats_allow() -> None:
    x = np.concatenate([np.linspace(-3.3, 3.3, 1001), [0.0, 1e-9, -1e-9]])
    np.testing.assert_allclose(sin_turns(x), np.sin(2 * np.pi * x), rtol=0, atol=4e-15)
    np.testing.assert_allclose(cos_turns(x), np.cos(2 * np.pi * x), rtol=0, atol=4e-15)
    small = np.array([1e-3, -1e-7])
    np.testing.assert_allclose(sin_turns(small), np.sin(2 * np.pi * small), rtol=1e-15)


def test_quarters_are_exact() -> None:
    quarters = np.arange(-9, 10) / 4
    assert sin_turns(quarters).tolist() == [[0, 1, 0, -1][k % 4] for k in range(-9, 10)]
    assert cos_turns(quarters).tolist() == [[1, 0, -1, 0][k % 4] for k in range(-9, 10)]


def test_none_is_above_one() -> None:
    x = np.concatenate([0.25 + np.linspace(-1e-7, 1e-7, 501), np.linspace(0.2, 0.3, 5001)])
    assert np.abs(sin_turns(x)).max() <= 1.0
