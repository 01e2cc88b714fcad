"""Normalization: axes that are at the end stay there; masks count where they fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.layers.harness import case


@pytest.mark.parametrize(
    ("axis", "moves"), [(-1, 0), ([-2, -1], 0), ([1, 2, 3], 0), (1, 2), ([1, 3], 4), ([1, 2], 4)], ids=str
)
def test_only_axes_that_are_elsewhere_are_moved(axis: Any, moves: int) -> None:
    """There and back again."""
    ops = case({"type": "LayerNormalization", "axis": axis}, [(4, 3, 2)]).ops()
    assert ops.count("Transpose") == moves


@pytest.mark.parametrize(("shape", "axis"), [((4, 3), 1), ((4, 2, 3), -1), ((4, 2, 3), 1)])
def test_a_mask_that_does_not_name_rows_of_channels_is_left_out(shape: tuple[int, ...], axis: int) -> None:
    """A mask (B, T) says which rows of (B, T, C) count; of other shapes, or channels, it says nothing."""
    config = {"type": "BatchNormalization", "axis": axis}
    masked, plain = (case(config, [shape], training=True, masks=masks) for masks in ([0], []))
    np.testing.assert_array_equal(masked.run().outputs[0], plain.run().outputs[0])
    for name in masked.statistics:
        np.testing.assert_array_equal(masked.weights[name], plain.weights[name])


def test_a_mask_of_softmax_counts_for_its_own_axes_only() -> None:
    masked, plain = (case("Softmax", [(4, 3)], masks=masks) for masks in ([0], []))
    np.testing.assert_array_equal(masked.run().outputs[0], plain.run().outputs[0])
    (y,) = case("Softmax", [(4,)], masks=[0]).run().outputs
    mask = case("Softmax", [(4,)], masks=[0]).masks[0]
    assert mask is not None
    assert (y[mask == 0] == 0).all()
    np.testing.assert_allclose(y[mask.any(axis=1)].sum(axis=1), 1)


@pytest.mark.parametrize(
    ("config", "shapes"),
    [("UnitNormalization", [(3,)]), ({"type": "Dot", "axes": 1, "normalize": True}, [(3,), (3,)])],
    ids=str,
)
def test_a_row_of_zeros_has_no_direction(config: Any, shapes: list[tuple[int, ...]]) -> None:
    """It stays, and its gradient is finite."""
    made = case(config, shapes)
    made.inputs[0][1] = 0.0
    (y,) = made.run().outputs
    assert not y[1].any()
    assert all(np.isfinite(g).all() for g in made.gradients([np.ones_like(y)]).values())


@pytest.mark.parametrize(
    "config", ["UnitNormalization", {"type": "Dot", "axes": 1, "normalize": True}], ids=str
)
def test_short_rows_are_made_longer_up_to_the_bound_of_keras(config: Any) -> None:
    """1 / length is at most 1e7 in Dot, 1e12 in UnitNormalization."""
    count, bound = (1, 1e-12) if config == "UnitNormalization" else (2, 1e-7)
    made = case(config, [(3,)] * count)
    (whole,) = made.run().outputs
    x = made.inputs[0]
    length = np.linalg.norm(x, axis=1, keepdims=True)
    made.inputs[0] = x / length * (1.5 * bound)
    np.testing.assert_allclose(made.run().outputs[0], whole, rtol=1e-12)
    made.inputs[0] = x / length * (0.25 * bound)
    np.testing.assert_allclose(made.run().outputs[0], 0.25 * whole, rtol=1e-12)
