"""Examples mixed with one another: gradients, for layers that learn in front of what mixes."""

from __future__ import annotations

import numpy as np
import pytest

from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from tests.layers.harness import make
from tests.ops.harness import check_gradients

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("config", [{"type": "MixUp", "alpha": 2}, {"type": "CutMix"}], ids=str)
def test_gradients_go_to_both_examples(config: dict[str, object]) -> None:
    def composed(x: Value, step: Value) -> Value:
        made = make(config).call(LayerContext(x.graph, {}, True, [None], 7, "layer", True), x)
        assert isinstance(made, Value)
        return made

    given = {"x": RNG.normal(size=(4, 3, 2, 2)), "step": np.array([3], np.uint64)}
    check_gradients(composed, given, ["x"])
