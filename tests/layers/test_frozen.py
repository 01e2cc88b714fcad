"""BatchNormalization with `trainable: false` runs as in inference while the rest trains, as in Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.runner.train import train
from nnctl.workflow.assemble import assemble
from nnctl.workflow.train import make_job, prepare
from tests.layers.harness import case, check

IRIS = Path(__file__).resolve().parents[2] / "configs" / "iris.yaml"


@pytest.mark.parametrize(
    ("shape", "options"), [((5,), {}), ((4, 3), {"masks": [0]}), ((2, 3, 4), {})], ids=str
)
def test_statistics_that_were_stored_are_used_and_stay(shape: tuple[int, ...], options: Any) -> None:
    frozen = case("BatchNormalization", [shape], training=True, trainable=False, **options)
    stored = {name: frozen.weights[name].copy() for name in frozen.statistics}
    (y,) = frozen.run().outputs
    w = frozen.weights
    scale = w["gamma"] / np.sqrt(stored["moving_variance"] + 1e-3)
    np.testing.assert_allclose(y, (frozen.inputs[0] - stored["moving_mean"]) * scale + w["beta"], rtol=1e-12)
    for name, array in stored.items():
        np.testing.assert_array_equal(frozen.weights[name], array)
    check("BatchNormalization", shape, training=True, trainable=False, **options)


@pytest.mark.parametrize("where", ["itself", "around"])
def test_a_config_says_so(where: str) -> None:
    """Written at the layer or at the model that holds it: training changes nothing of the layer."""
    norm = "{type: BatchNormalization, name: norm, trainable: false}"
    if where == "around":
        norm = "{type: Sequential, name: inner, trainable: false, layers: [BatchNormalization]}"
    layers = (
        f"[{{type: Dense, units: 4}}, {norm}, {{type: Dense, units: 3, activation: softmax, name: species}}]"
    )
    assembled = assemble(IRIS, overrides=[f"model.layers={layers}", "training.epochs=1"])
    session = assembled.session(1)
    job = make_job(assembled, session)
    prepare(job)
    session.initialize()
    before = {name: array.copy() for name, array in session.weights.arrays.items()}
    list(train(job))
    changed = {n for n, array in session.weights.arrays.items() if array.tobytes() != before[n].tobytes()}
    assert changed == {"dense/kernel", "dense/bias", "species/kernel", "species/bias"}
