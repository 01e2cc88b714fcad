"""Every layer against real Keras: weights, values, masks, penalties, gradients, moving statistics."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
keras = pytest.importorskip("keras")
jax = pytest.importorskip("jax")

from tests.layers.harness import Case, case  # noqa: E402
from tests.layers.keras_cases import ACTIVATIONS, CASES  # noqa: E402

pytestmark = pytest.mark.keras

FAMILIES = (keras.regularizers, keras.constraints, keras.initializers)


def to_keras(config: str | Mapping[str, Any]) -> Any:
    """The Keras layer that an nnctl config means."""
    fields = {"type": config} if isinstance(config, str) else dict(config)
    cls = getattr(keras.layers, fields.pop("type"))
    return cls(**{name: _argument(name, value) for name, value in fields.items()})


def _argument(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        fields = {k: v for k, v in value.items() if k != "type"}
        if "activation" in name:
            function = getattr(keras.activations, value["type"])
            return lambda x: function(x, **fields)
        family = next(f for f in FAMILIES if hasattr(f, value["type"]))
        return getattr(family, value["type"])(**fields)
    return tuple(map(tuple, value)) if name == "padding" and isinstance(value, list) else value


def run_keras(layer: Any, made: Case, inputs: Sequence[Any], trainable: Any, fixed: Any) -> Any:
    """(outputs, statistics, penalties) of a stateless call, masks attached as Keras does."""
    for x, mask in zip(inputs, made.masks, strict=True):
        if mask is not None:
            keras.src.backend.set_keras_mask(x, jax.numpy.asarray(mask.astype(bool)))
    recurrent = isinstance(layer, keras.layers.RNN) and len(inputs) > 1
    merge = isinstance(layer, keras.layers.Add | keras.layers.Multiply | keras.layers.Concatenate)
    args = [list(inputs)] if merge else [inputs[0]]
    more = {"initial_state": list(inputs[1:])} if recurrent else {}
    if layer._call_has_training_arg:
        more["training"] = made.training
    outputs, statistics, losses = layer.stateless_call(trainable, fixed, *args, return_losses=True, **more)
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs], statistics, losses


def near(ours: np.ndarray, theirs: Any, what: str) -> None:
    """Equal within 1e-5 of the largest magnitude."""
    theirs = np.asarray(theirs)
    assert ours.shape == theirs.shape, what
    largest = np.abs(theirs).max(initial=0.0)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * max(largest, 1e-30), err_msg=what)


def built(config: Any, made: Case) -> Any:
    """The Keras layer with our weights, their names and shapes checked."""
    layer = to_keras(config)
    xs = [jax.numpy.asarray(x) for x in made.inputs]
    for x, mask in zip(xs, made.masks, strict=True):
        if mask is not None:
            keras.src.backend.set_keras_mask(x, jax.numpy.asarray(mask.astype(bool)))
    merge = isinstance(layer, keras.layers.Add | keras.layers.Multiply | keras.layers.Concatenate)
    layer(xs if merge else xs[0])
    assert [(v.name, tuple(v.shape)) for v in layer.weights] == [(k, w.shape) for k, w in made.weights.items()]
    layer.set_weights(list(made.weights.values()))
    return layer


@pytest.mark.parametrize(("config", "shapes", "options"), CASES, ids=str)
def test_layer(config: Any, shapes: Any, options: dict[str, Any]) -> None:
    made = case(config, shapes, dtype="float32", **options)
    layer = built(config, made)
    trainable = [v.value for v in layer.trainable_variables]
    fixed = [v.value for v in layer.non_trainable_variables]
    xs = [jax.numpy.asarray(x) for x in made.inputs]
    outputs, statistics, losses = run_keras(layer, made, xs, trainable, fixed)

    before = {k: w.copy() for k, w in made.weights.items()}
    result = made.run()
    assert len(result.outputs) == len(outputs)
    for i, (ours, theirs) in enumerate(zip(result.outputs, outputs, strict=True)):
        near(ours, theirs, f"output {i}")
    names = [k for k in made.weights if k in made.statistics]
    for name, theirs in zip(names, statistics, strict=False):
        near(made.weights[name], theirs, name)
    assert sum(result.losses) == pytest.approx(float(sum(losses)), rel=1e-5)
    mask = keras.src.backend.get_keras_mask(outputs[0])
    # No mask and one that is set everywhere mean the same.
    ours_mask = result.masks[0].astype(bool) if result.masks else np.True_
    assert np.array_equal(*np.broadcast_arrays(ours_mask, True if mask is None else np.asarray(mask)))

    made.weights = before
    rng = np.random.default_rng(1)
    projections = [rng.standard_normal(out.shape).astype(np.float32) for out in result.outputs]
    ours_by_name = made.gradients(projections)
    theirs_by_name = keras_gradients(layer, made, xs, trainable, fixed, projections)
    for name, gradient in theirs_by_name.items():
        near(ours_by_name[name], gradient, f"gradient for {name}")


def keras_gradients(
    layer: Any, made: Case, xs: Any, trainable: Any, fixed: Any, projections: Sequence[np.ndarray]
) -> dict[str, Any]:
    """The gradients of the same loss as `Case.gradients`, by jax."""
    floats = [i for i, x in enumerate(xs) if x.dtype.kind == "f"]

    def loss(leaves: Any, weights: Any) -> Any:
        inputs = list(xs)
        for i, leaf in zip(floats, leaves, strict=True):
            inputs[i] = leaf
        outputs, _, losses = run_keras(layer, made, inputs, weights, fixed)
        return sum((o * p).sum() for o, p in zip(outputs, projections, strict=True)) + sum(losses)

    dxs, dws = jax.grad(loss, (0, 1))([xs[i] for i in floats], trainable)
    names = [k for k in made.weights if k not in made.statistics]
    return {f"x{i}": d for i, d in zip(floats, dxs, strict=True)} | dict(zip(names, dws, strict=True))


@pytest.mark.parametrize(("name", "fields"), ACTIVATIONS, ids=str)
def test_activation_over_the_range(name: str, fields: dict[str, Any]) -> None:
    values = np.concatenate([np.linspace(-30, 30, 601), np.linspace(-1, 1, 101), [0.0, 87.0]]).astype(np.float32)
    config = {"type": "Activation", "activation": {"type": name, **fields}}
    made = case(config, [(values.size,)], dtype="float32", batch=1)
    made.inputs[0] = values[None]
    function: Callable[..., Any] = getattr(keras.activations, name)
    theirs = np.asarray(function(jax.numpy.asarray(made.inputs[0]), **fields))
    np.testing.assert_allclose(made.run().outputs[0], theirs, rtol=1e-5, atol=1e-7)


def test_dropout_keeps_and_scales_as_keras() -> None:
    """The draws differ; the kept share and the scale do not."""
    made = case({"type": "Dropout", "rate": 0.3}, [(400,)], dtype="float32", batch=300, training=True)
    out = made.run().outputs[0]
    theirs = np.asarray(keras.layers.Dropout(0.3)(made.inputs[0], training=True))
    for y in (out, theirs):
        kept = y != 0
        assert kept.mean() == pytest.approx(0.7, abs=0.01)
        np.testing.assert_allclose(y[kept], made.inputs[0][kept] / np.float32(0.7), rtol=1e-6)
