"""Layers that change images, run on random images: one config for each of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.layers.augmentation import Augmentation, OfImages
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.ops.elementwise import scale
from tests.layers.augmentation_cases import BESIDES, CASES
from tests.layers.harness import make
from tests.ops.harness import evaluate

FIRST: dict[str, tuple[dict[str, Any], tuple[int, int, int]]] = {
    "AutoContrast": ({"type": "AutoContrast", "value_range": [-1, 2]}, (6, 5, 2)),
    "ContrastLimitedAdaptiveHistogramEqualization": (
        {"type": "ContrastLimitedAdaptiveHistogramEqualization", "tile_grid_size": [2, 3]},
        (6, 5, 2),
    ),
    **{config["type"]: (config, shape) for config, shape, _ in reversed(CASES)},
}


def images(config: Any, batch: int, shape: tuple[int, int, int]) -> Array:
    """Random images within the layer's range, a few numbers at its ends."""
    low, high = config.get("value_range", (0.0, 255.0))
    rng = np.random.default_rng(3)
    x = rng.uniform(low, high, (batch, *shape)).astype(np.float32)
    x[rng.random(x.shape) < 0.1] = low
    x[rng.random(x.shape) < 0.1] = high
    return x


def run(config: Any, x: Array, step: int = 0, threads: int = 2, seed: int = 7) -> tuple[Array, Array, Array]:
    """The layer's output for images x in training, the numbers drawn for them, what was drawn besides."""
    layer = make(config)
    assert isinstance(layer, OfImages)

    def composed(x: Value, step: Value) -> list[Value]:
        ctx = LayerContext(x.graph, {}, True, [None], seed, "layer", True)
        besides = BESIDES[layer.kind](layer, ctx, x) if layer.kind in BESIDES else x
        draws = layer.draw(ctx, x) if isinstance(layer, Augmentation) else besides
        return [layer.call(ctx, x), scale(draws, 1.0), scale(besides, 1.0)]

    y, u, besides = evaluate(composed, {"x": x, "step": np.array([step], np.uint64)}, threads=threads)
    return y, u, besides
