"""The example layer's test: values by hand, and what every layer is held to."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nnctl.workflow.plugins import allow_named
from tests.layers.harness import case, check

allow_named(["feature_scale.py"], Path(__file__).parent, allowed=True)


def test_shape_rule_and_gradients() -> None:
    """By finite differences, with unequal sizes and a batch of 1."""
    check("FeatureScale", (5,))
    check("FeatureScale", (2, 3, 4))


def test_values() -> None:
    made = case("FeatureScale", [(3,)], batch=2)
    (y,) = made.run().outputs
    np.testing.assert_allclose(y, made.inputs[0] * made.weights["scale"])
