"""exp, log, cos and powers of Python floats against the C library's (and known bits)."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nnctl.core import real


def test_exp() -> None:
    for x in np.linspace(-740.0, 709.0, 997):
        assert real.exp(float(x)) == pytest.approx(math.exp(x), rel=4e-16, abs=5e-324)
    assert real.exp(0.0) == 1.0
    assert real.exp(1000.0) == math.inf
    assert real.exp(-1000.0) == 0.0


def test_log() -> None:
    for x in np.geomspace(1e-300, 1e300, 997):
        assert real.log(float(x)) == pytest.approx(math.log(x), rel=1e-15)
    assert real.log(1.0) == 0.0
    with pytest.raises(ValueError, match="domain"):
        real.log(0.0)


def test_cos_pi() -> None:
    for x in np.linspace(-3.0, 3.0, 601):
        assert real.cos_pi(float(x)) == pytest.approx(math.cos(math.pi * x), abs=2e-15)
    assert [real.cos_pi(x) for x in (0.0, 0.5, 1.0, 1.5, 2.0)] == [1.0, 0.0, -1.0, 0.0, 1.0]


def test_power() -> None:
    for x in (0.1, 0.96, 1.0, 3.5):
        for p in (-2.5, -1.0, 0.0, 0.3, 1.0, 7.0, 41.7):
            assert real.power(x, p) == pytest.approx(x**p, rel=1e-13)
    assert real.power(0.0, 0.5) == 0.0
    assert real.power_int(0.9, 3) == 0.9 * (0.9 * 0.9)


def test_known_bits() -> None:
    """The bits every machine must give: whoever changes the arithmetic must mean to."""
    assert real.exp(1.25).hex() == "0x1.bec38edb0faf0p+1"
    assert real.log(0.3).hex() == "-0x1.34378fcbda721p+0"
    assert real.cos_pi(0.3).hex() == "0x1.2cf2304755a5ep-1"
    assert real.power(0.96, 1.3).hex() == real.exp(1.3 * real.log(0.96)).hex()
