"""SpectralNormalization where the lists of cases cannot show it: what stays, and what a training leaves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnctl.ops.base import Value
from nnctl.ops.elementwise import multiply
from nnctl.ops.linear import matmul
from nnctl.ops.reduce import sum_all
from nnctl.ops.spectral import divide_by_norm
from nnctl.program.autodiff import gradients
from nnctl.runner.train import train
from nnctl.workflow.assemble import assemble
from nnctl.workflow.train import make_job, prepare
from tests.layers.harness import case
from tests.layers.test_frozen import IRIS
from tests.ops.harness import evaluate

DENSE = {"type": "Dense", "units": 3}


@pytest.mark.parametrize(
    ("inner", "outer", "options"),
    [
        ({}, {}, {}),
        ({}, {}, {"training": True, "trainable": False}),
        ({"trainable": False}, {}, {"training": True}),
    ],
    ids=["inference", "frozen", "frozen inside"],
)
def test_the_kernel_stays(inner: Any, outer: Any, options: Any) -> None:
    made = case({"type": "SpectralNormalization", "layer": {**DENSE, **inner}}, [(5,)], **options)
    before = {name: array.copy() for name, array in made.weights.items()}
    (y,) = made.run().outputs
    for name, array in made.weights.items():
        np.testing.assert_array_equal(array, before[name])
    np.testing.assert_allclose(y, made.inputs[0] @ before["layer/kernel"] + before["layer/bias"], rtol=1e-12)


def test_a_kernel_of_zeros_is_not_divided() -> None:
    made = case({"type": "SpectralNormalization", "layer": DENSE}, [(5,)], training=True)
    made.weights["layer/kernel"][...] = 0
    vector = made.weights["vector_u"].copy()
    (y,) = made.run().outputs
    np.testing.assert_array_equal(y, np.tile(made.weights["layer/bias"], (3, 1)))
    assert not made.weights["layer/kernel"].any()
    np.testing.assert_array_equal(made.weights["vector_u"], vector)


def test_a_second_call_divides_what_the_first_has_divided() -> None:
    """Each call's gradient is by the kernel that it worked with; the last one's is what stays."""
    rng = np.random.default_rng(3)
    state = {"w": rng.standard_normal((4, 4)), "u": rng.standard_normal((1, 4))}
    x, projection = rng.standard_normal((2, 3, 4))
    once = {name: array.copy() for name, array in state.items()}
    (first,) = evaluate(lambda w, u: divide_by_norm(w, u, 1), {}, once)
    (second,) = evaluate(lambda w, u: divide_by_norm(w, u, 1), {}, {k: a.copy() for k, a in once.items()})

    def gradient(w: Value, u: Value) -> list[Value]:
        graph = w.graph
        y = graph.constant(x)
        for _ in range(2):
            y = matmul(y, divide_by_norm(w, u, 1))
        loss = sum_all(multiply(y, graph.constant(projection)))
        (found,) = gradients(loss, [w])
        assert found is not None
        return [loss, found]

    loss, found = evaluate(gradient, {}, state)
    np.testing.assert_array_equal(state["w"], second)
    np.testing.assert_allclose(loss, (x @ first @ second * projection).sum(), rtol=1e-12)
    expected = x.T @ projection @ second.T + (x @ first).T @ projection
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_training_leaves_kernels_divided() -> None:
    """Without steps of the optimizer the largest singular value goes to 1, and an evaluation sees that."""
    norm = "{type: SpectralNormalization, name: norm, layer: {type: Dense, units: 6}}"
    layers = f"[{norm}, {{type: Dense, units: 3, activation: softmax, name: species}}]"
    assembled = assemble(
        IRIS,
        overrides=[
            f"model.layers={layers}",
            "training.epochs=9",
            "training.optimizer={type: SGD, learning_rate: 0}",
        ],
    )
    session = assembled.session(1)
    job = make_job(assembled, session)
    prepare(job)
    session.initialize()
    kernel = session.weights.arrays["norm/layer/kernel"]
    before = kernel.copy()
    list(train(job))
    assert np.linalg.norm(kernel, 2) == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(kernel, before / np.linalg.norm(before, 2), atol=1e-5)
