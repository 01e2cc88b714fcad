"""`training: false` at a call: it works as in inference while the rest trains, as in Keras."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nnctl.core.arrays import Array
from nnctl.runner.train import train
from nnctl.workflow.assemble import assemble
from nnctl.workflow.train import make_job, prepare

IRIS = Path(__file__).resolve().parents[2] / "configs" / "iris.yaml"
LAST = "{type: Dense, units: 3, activation: softmax, name: species}"


def trained(*layers: str) -> tuple[dict[str, Array], dict[str, Array]]:
    """The weights before and after an epoch of a model with these layers before the last."""
    listed = f"[{', '.join([*layers, LAST])}]"
    assembled = assemble(IRIS, overrides=[f"model.layers={listed}", "training.epochs=1"])
    session = assembled.session(1)
    job = make_job(assembled, session)
    prepare(job)
    session.initialize()
    before = {name: array.copy() for name, array in session.weights.arrays.items()}
    list(train(job))
    return before, session.weights.arrays


def changed(*layers: str) -> set[str]:
    before, after = trained(*layers)
    return {name for name, array in after.items() if array.tobytes() != before[name].tobytes()}


@pytest.mark.parametrize("where", ["itself", "around", "use"])
def test_statistics_stay_and_scales_are_trained(where: str) -> None:
    """Unlike `trainable: false`, which says nothing may change."""
    layers = {
        "itself": ["{type: BatchNormalization, name: n, training: false}"],
        "around": ["{type: Sequential, name: m, training: false, layers: [{type: BatchNormalization}]}"],
        "use": ["{type: BatchNormalization, name: n, training: false}", "{use: n, training: false}"],
    }[where]  # fmt: skip
    names = {name.rpartition("/")[2] for name in changed(*layers)}
    assert names == {"gamma", "beta", "kernel", "bias"}


def test_a_call_that_says_nothing_works_as_the_model_does() -> None:
    first = "{type: BatchNormalization, name: n, training: false}"
    assert {"n/moving_mean", "n/moving_variance"} <= changed(first, "{use: n}")


@pytest.mark.parametrize("where", ["itself", "around", "twice around"])
def test_nothing_is_dropped(where: str) -> None:
    dense = "{type: Dense, units: 4, activation: tanh, name: d}"
    dropout = "{type: Dropout, rate: 0.5}"
    layers = {
        "itself": [dense, "{type: Dropout, rate: 0.5, training: false}"],
        "around": [dense, f"{{type: Sequential, training: false, layers: [{dropout}]}}"],
        "twice around": [
            dense,
            f"{{type: Functional, training: false, layers: [{{type: Sequential, layers: [{dropout}]}}]}}",
        ],
    }[where]
    weights = trained(dense)[1]
    for name, array in trained(*layers)[1].items():
        np.testing.assert_array_equal(array, weights[name])
    assert (trained(dense, dropout)[1]["d/kernel"] != weights["d/kernel"]).any()


def test_gradients_go_through_a_recurrence_that_drops_nothing() -> None:
    """What the recurrence keeps for its gradient depends on the model's training, not on the call's."""
    shape = "{type: Reshape, target_shape: [4, 1]}"
    cell = "{{type: LSTM, units: 3, name: l, dropout: {}{}}}"
    weights = trained(shape, cell.format(0, ""))[1]
    for name, array in trained(shape, cell.format(0.5, ", training: false"))[1].items():
        np.testing.assert_array_equal(array, weights[name])
