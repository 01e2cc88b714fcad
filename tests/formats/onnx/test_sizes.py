"""Sizes that know what they follow from."""

from __future__ import annotations

from math import prod

import pytest

from nnctl.core.errors import ShapeError
from nnctl.formats.onnx.sizes import Quotient, is_open, open_axis, same, terms_of

B, T, S = open_axis("x", 0, 7), open_axis("x", 1, 11), open_axis("y", 1, 5)


def test_arithmetic_is_that_of_ints_and_keeps_what_it_follows_from() -> None:
    found = [
        B + 2,
        2 + B,
        B - 2,
        20 - B,
        B * T,
        3 * B,
        -B,
        T // 2,
        100 // T,
        T % 4,
        sum((B, T)),
        prod((2, B, T)),
    ]
    assert found == [9, 9, 5, 13, 77, 21, -7, 5, 9, 3, 18, 154]
    assert all(map(is_open, found))
    assert same(B + T, T + B)
    assert same((B + T) * (B - T), B * B - T * T)
    assert not same(B + 4, T)
    assert not same(B, open_axis("y", 0, 7))
    assert same(3, 3)
    assert not same(3, 4)


def test_what_follows_from_nothing_is_a_plain_number() -> None:
    for plain in (T - T, T - T + 4, B * T // B // T, (B * 6) // (B * 2), T * 0, T - (T - 3)):
        assert type(plain) is int
    assert terms_of(0) == ()


def test_quotients_that_are_polynomials_are_such() -> None:
    assert same(B * T * 6 // (B * 3), T * 2)
    assert same((B * (T - 2) * S) // (T - 2), B * S)
    assert same((B * B - T * T) // (B + T), B - T)
    (((monomial, _), *_)) = terms_of((T + 1) // 2)
    assert isinstance(monomial[0], Quotient)
    assert not same((T + 1) // 2, T // 2)
    assert same((T - 3) // 2 * B // B, (T - 3) // 2)


def test_zeros_of_same_follow_from_the_length() -> None:
    """As `layers.windows` has them: the places are a stride apart, whatever lies around."""
    places = -(-T // 2)
    around = (places - 1) * 2 + 3 - T
    assert is_open(around)
    assert same((T + around - 3) // 2 + 1, places)
    assert type(-(-T // 1) - 1 + 3 - T) is int


def test_no_fraction_is_made_of_an_open_size() -> None:
    with pytest.raises(ShapeError, match="leaves open"):
        float(T)
