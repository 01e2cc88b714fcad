"""Every optimizer with every option against real Keras, five steps on weights of unequal sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnctl.core.arrays import Array
from tests.optimizers.cases import COMMON, VARIANTS
from tests.optimizers.runs import make, run, stepping
from tests.sampling import sampled

pytestmark = pytest.mark.keras

CASES = [*((name, fields) for name in stepping() for fields in COMMON), *VARIANTS]


def of_keras(name: str, fields: dict[str, Any]) -> Any:
    """Keras's optimizer of these fields."""
    keras = pytest.importorskip("keras")
    given = dict(fields)
    if isinstance(rate := fields.get("learning_rate"), dict):
        schedule = {k: v for k, v in rate.items() if k != "type"}
        given["learning_rate"] = getattr(keras.optimizers.schedules, rate["type"])(**schedule)
    if name == "MultiOptimizer":
        default, *inner = (
            of_keras(own["type"], {k: v for k, v in own.items() if k != "type"})
            for own in (fields["default_optimizer"], *fields["optimizer_map"].values())
        )
        patterns = [pattern.replace("*", ".*") for pattern in fields["optimizer_map"]]
        by_pattern = dict(zip(patterns, inner, strict=True))
        given = {"optimizer_map": keras.optimizers.OptimizerMap(default, by_pattern)}
    return getattr(keras.optimizers, name)(**given)


def ways(name: str, fields: dict[str, Any], seed: int) -> list[tuple[Array, Array]]:
    """How far each weight goes in five steps, here and in Keras."""
    keras, jax = pytest.importorskip("keras"), pytest.importorskip("jax")
    rng = np.random.default_rng(seed)
    shapes = [(5, 7), (3,), (2, 3, 11), (9, 4)]
    names = ["hidden", "bias", "kernel", "Embeddings"]
    weights = [(0.05 * rng.standard_normal(s)).astype(np.float32) for s in shapes]
    gradients = [[rng.standard_normal(s).astype(np.float32) for s in shapes] for _ in range(5)]
    gradients[2][1][...] = 0

    theirs = of_keras(name, fields)
    variables = [keras.Variable(w, name=name) for w, name in zip(weights, names, strict=True)]
    theirs.build(variables)
    step = jax.jit(lambda slots, arrays, now: theirs.stateless_apply(slots, arrays, now))
    state = ([v.value for v in variables], [v.value for v in theirs.variables])
    for arrays in gradients:
        state = step(state[1], arrays, state[0])
    for variable, value in zip([*variables, *theirs.variables], [*state[0], *state[1]], strict=True):
        variable.assign(value)
    theirs.finalize_variable_values(variables)
    got, _ = run(make(name, **fields), weights, gradients, names=names)
    return [
        (ours - before, np.asarray(variable.value) - before)
        for ours, variable, before in zip(got, variables, weights, strict=True)
    ]


@pytest.mark.parametrize(("name", "fields"), sampled(CASES, lambda case: case[0], 3), ids=lambda c: str(c))
def test_like_keras(name: str, fields: dict[str, Any]) -> None:
    for ours, theirs in ways(name, fields, 8):
        # Small steps must not hide behind large weights: the way gone is compared. Keras takes
        # 1 - beta_2^t in float32, which costs its Adam 6e-6 of the first steps.
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * np.abs(theirs).max() + 4e-8)
