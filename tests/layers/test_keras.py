"""Every layer against real Keras: weights, values, masks, penalties, gradients, moving statistics."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")  # compiling takes longer than running
keras = pytest.importorskip("keras")
jax = pytest.importorskip("jax")

from tests.layers.harness import Case, case, make  # noqa: E402
from tests.layers.keras_cases import ACTIVATIONS, CASES, everyday  # noqa: E402

Merge = keras.layers.Add.__base__

pytestmark = pytest.mark.keras

WRITES = ("SpectralNormalization",)
"""Layers whose call in training writes a weight that is trained; in inference it is the same but for that."""
FAMILIES = (keras.regularizers, keras.constraints, keras.initializers)


def to_keras(config: str | Mapping[str, Any]) -> Any:
    """The Keras layer that an nnctl config means."""
    fields = {"type": config} if isinstance(config, str) else dict(config)
    if fields["type"] in ("Sequential", "Functional"):
        return _nested(fields)
    cls = getattr(keras.layers, fields.pop("type"))
    # The weights are set anyhow, and drawing them takes jax seconds.
    drawn = {"kernel_initializer", "recurrent_initializer", "embeddings_initializer"}
    fields = {name: value for name, value in fields.items() if name not in make(config).call_arguments()}
    fields |= dict.fromkeys(drawn & set(inspect.signature(cls).parameters), "zeros")
    return cls(**{name: _argument(name, value) for name, value in fields.items()})


def _nested(fields: Mapping[str, Any]) -> Any:
    """Keras's model of a nested one's config, whose entries read one tensor each or several by name."""
    if fields["type"] == "Sequential":
        return keras.Sequential([to_keras(entry) for entry in fields["layers"]])
    first, *entries = fields["layers"]
    known = {first["name"]: keras.Input(first["shape"])}
    layers: dict[str, Any] = {}
    x = known[first["name"]]
    for entry in entries:
        words = entry.get("inputs")
        reads = x if words is None else known[words] if isinstance(words, str) else [known[w] for w in words]
        if "use" not in entry:
            layers[entry["name"]] = to_keras({k: v for k, v in entry.items() if k != "inputs"})
        x = known[entry["name"]] = layers[entry.get("use", entry["name"])](reads)
    return keras.Model(known[first["name"]], x)


def _argument(name: str, value: Any) -> Any:
    if isinstance(value, list) and any(isinstance(part, Mapping) for part in value):
        return [_argument(name, part) for part in value]
    if isinstance(value, Mapping) and "type" not in value:
        return dict(value)
    if isinstance(value, Mapping) and (name == "layer" or hasattr(keras.layers, value["type"])):
        return to_keras(value)
    if isinstance(value, Mapping):
        if "activation" in name:
            return activation(value)
        fields = {k: v for k, v in value.items() if k != "type"}
        family = next(f for f in FAMILIES if hasattr(f, value["type"]))
        return getattr(family, value["type"])(**fields)
    return _tuples(value)


def activation(config: Mapping[str, Any]) -> Callable[[Any], Any]:
    """A function with parameters; what it makes cannot be saved."""
    fields = {name: value for name, value in config.items() if name != "type"}
    function = getattr(keras.activations, config["type"])
    return lambda x: function(x, **fields)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def arguments(layer: Any, made: Case, inputs: Sequence[Any]) -> list[Any]:
    """What Keras's call is given by its place."""
    if isinstance(layer, Merge) or _in_a_list(made):
        return [list(inputs)]
    return [] if made.layer.input_names() else [inputs[0]]


def _in_a_list(made: Case) -> bool:
    """Whether Keras's call takes in a list what has names here (Attention)."""
    return bool(made.layer.input_names()) and not made.layer.in_keras.arguments


def named(made: Case, inputs: Sequence[Any]) -> dict[str, Any]:
    """What Keras's call is given by name: inputs that have names, and arguments of the call."""
    names = () if _in_a_list(made) else made.names or made.layer.input_names()
    return dict(zip(names, inputs, strict=False)) | made.layer.given_arguments()


def rest(made: Case, inputs: Sequence[Any]) -> dict[str, Any]:
    """What Keras's call takes in a list: initial states."""
    argument, given = made.layer.in_keras.rest, list(inputs[1:])
    return {argument: made.layer.rest_in_keras(given)} if argument and given else {}


def called(layer: Any, made: Case, inputs: Sequence[Any]) -> list[Any]:
    """The layer's outputs, masks attached to its inputs as Keras does in a model."""
    masks = [None if m is None else jax.numpy.asarray(m.astype(bool)) for m in made.masks]
    for x, mask in zip(inputs, masks, strict=True):
        if mask is not None:
            keras.src.backend.set_keras_mask(x, mask)
    more: dict[str, Any] = {"training": made.training} if layer._call_has_training_arg else {}
    if made.layer.in_keras.mask is not None:
        # Keras drops the mask of a sequence that comes with initial states, unless it is passed.
        more |= {"mask": masks[0]}
    out = layer(*arguments(layer, made, inputs), **more | rest(made, inputs) | named(made, inputs))
    found: list[Any] = keras.tree.flatten(out)
    return found


Values = Sequence[Any]


def keras_program(layer: Any, made: Case, projections: Sequence[np.ndarray]) -> Callable[..., dict[str, Any]]:
    """Outputs, mask, statistics, penalties, and gradients by our names, all in one compiled call.

    Its arguments are the inputs and the layer's weights, trainable ones and the others.
    """
    variables = [*layer.trainable_variables, *layer.non_trainable_variables]
    floats = [i for i, x in enumerate(made.inputs) if x.dtype.kind == "f"]

    def loss(leaves: Values, trainable: Values, fixed: Values, xs: Values) -> Any:
        inputs = list(xs)
        for i, leaf in zip(floats, leaves, strict=True):
            inputs[i] = leaf
        call = made
        if made.layer.kind in WRITES and made.training:
            trainable, fixed = written(layer, made, inputs, trainable, fixed)
            call = replace(made, training=False)
        values = list(zip(variables, [*trainable, *fixed], strict=True))
        with keras.StatelessScope(state_mapping=values, collect_losses=True) as scope:
            outputs = called(layer, call, inputs)
            penalties = list(layer.losses)
        total = sum((o * p).sum() for o, p in zip(outputs, projections, strict=True)) + sum(penalties)
        found = {
            "outputs": outputs,
            "mask": keras.src.backend.get_keras_mask(outputs[0]),
            "statistics": [scope.get_current_value(v) for v in layer.non_trainable_variables],
            "trained": dict(zip(names, trainable, strict=True)),
            "penalty": sum(penalties),
        }
        return total, found

    names = [k for k in made.weights if k not in made.statistics]
    compiled = jax.jit(jax.grad(loss, (0, 1), has_aux=True))

    def run(xs: Values, trainable: Values, fixed: Values) -> dict[str, Any]:
        (dxs, dws), found = compiled([xs[i] for i in floats], trainable, fixed, xs)
        found["gradients"] = {f"x{i}": d for i, d in zip(floats, dxs, strict=True)}
        found["gradients"] |= dict(zip(names, dws, strict=True))
        return dict(found)

    return run


def written(
    layer: Any, made: Case, inputs: Values, trainable: Values, fixed: Values
) -> tuple[list[Any], list[Any]]:
    """The weights as a call in training leaves them; gradients for trained ones are for what it has written.

    So it is on TensorFlow and PyTorch. On JAX `fit` forgets what a call writes to a trained weight.
    """
    count, before = len(trainable), [*trainable, *fixed]
    variables = [*layer.trainable_variables, *layer.non_trainable_variables]
    with keras.StatelessScope(state_mapping=list(zip(variables, before, strict=True))) as scope:
        called(layer, made, inputs)
    stop = jax.lax.stop_gradient
    found = [
        (old - stop(old)) + stop(scope.get_current_value(v)) for v, old in zip(variables, before, strict=True)
    ]
    return found[:count], found[count:]


def keras_run(layer: Any, made: Case, xs: Values, projections: Sequence[np.ndarray]) -> dict[str, Any]:
    """`keras_program` with the layer's own weights."""
    trainable, fixed = layer.trainable_variables, layer.non_trainable_variables
    return keras_program(layer, made, projections)(xs, [v.value for v in trainable], [v.value for v in fixed])


def near(ours: np.ndarray, theirs: Any, what: str, least: float = 0.0) -> None:
    """Equal within 1e-5 of the largest magnitude, or of `least`."""
    theirs = np.asarray(theirs)
    assert ours.shape == theirs.shape, what
    largest = np.abs(theirs).max(initial=least)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * max(largest, 1e-30), err_msg=what)


def shapes_in_keras(layer: Any, made: Case) -> list[tuple[int, ...]]:
    """The shapes of what the layer gives, nothing computed."""
    with keras.StatelessScope():
        found = jax.eval_shape(lambda *xs: called(layer, made, xs), *map(jax.numpy.asarray, made.inputs))
    return [tuple(out.shape) for out in found]


def built(config: Any, made: Case, weights: Mapping[str, np.ndarray] | None = None) -> Any:
    """The Keras layer with our weights (those of `made`, or others), their names and shapes checked."""
    layer = to_keras(config)
    specs = [keras.KerasTensor(x.shape, x.dtype.name) for x in made.inputs]
    layer(*arguments(layer, made, specs), **rest(made, specs) | named(made, specs))
    assert [(v.name, tuple(v.shape)) for v in layer.weights] == [
        (k.rpartition("/")[2], w.shape) for k, w in made.weights.items()
    ]
    layer.set_weights([w.copy() for w in (weights or made.weights).values()])  # jax may keep what it is given
    if made.layer.adapts():
        layer.finalize_state()
    return layer


@pytest.mark.parametrize(("config", "shapes", "options"), everyday(CASES, 1), ids=str)
def test_layer(config: Any, shapes: Any, options: dict[str, Any]) -> None:
    made = case(config, shapes, dtype="float32", **options)
    layer = built(config, made)
    # An Embedding makes a mask or passes none on.
    assert made.layer.supports_masking == (
        layer.supports_masking or isinstance(layer, keras.layers.Embedding)
    )
    before = {k: w.copy() for k, w in made.weights.items()}
    result = made.run()
    rng = np.random.default_rng(1)
    projections = [rng.standard_normal(out.shape).astype(np.float32) for out in result.outputs]
    theirs = keras_run(layer, made, [jax.numpy.asarray(x) for x in made.inputs], projections)

    for i, out in enumerate(result.outputs):
        near(out, theirs["outputs"][i], f"output {i}")
    names = [k for k in made.weights if k in made.statistics]
    for name, value in zip(names, theirs["statistics"], strict=False):
        near(made.weights[name], value, name)
    for name, value in theirs["trained"].items():
        near(made.weights[name], value, name)
    assert sum(result.losses) == pytest.approx(float(theirs["penalty"]), rel=1e-5)
    # No mask and one that is set everywhere mean the same.
    ours_mask = result.masks[0].astype(bool) if result.masks else np.True_
    theirs_mask = np.True_ if theirs["mask"] is None else np.asarray(theirs["mask"])
    assert np.array_equal(*np.broadcast_arrays(ours_mask, theirs_mask))

    if not made.layer.passes_gradient:
        return
    made.weights = before
    gradients = made.gradients(projections)
    # A gradient that is 0, as of a bias that moves all of a softmax, is what is left of large terms.
    largest = max(
        (float(np.abs(value).max(initial=0.0)) for value in theirs["gradients"].values()), default=0.0
    )
    for name, value in theirs["gradients"].items():
        near(gradients[name], value, f"gradient for {name}", largest / 10)


@pytest.mark.parametrize("masks", [[], [1], [0, 1, 2]], ids=str)
@pytest.mark.parametrize("name", ["Maximum", "Minimum"])
def test_equal_inputs_share_the_gradient(name: str, masks: list[int]) -> None:
    made = case(name, [(4, 3)] * 3, dtype="float32", masks=masks)
    made.inputs = [np.sign(x) for x in made.inputs]
    projection = np.random.default_rng(1).standard_normal((3, 4, 3)).astype(np.float32)
    theirs = keras_run(built(name, made), made, [jax.numpy.asarray(x) for x in made.inputs], [projection])
    ours = made.gradients([projection])
    for name, value in theirs["gradients"].items():
        np.testing.assert_array_equal(ours[name], value)


@pytest.mark.parametrize(("name", "fields"), ACTIVATIONS, ids=str)
def test_activation_over_the_range(name: str, fields: dict[str, Any]) -> None:
    values = np.concatenate([np.linspace(-30, 30, 601), np.linspace(-1, 1, 101), [0.0, 87.0]]).astype(
        np.float32
    )
    config = {"type": "Activation", "activation": {"type": name, **fields}}
    made = case(config, [(values.size,)], dtype="float32", batch=1)
    made.inputs[0] = values[None]
    function: Callable[..., Any] = getattr(keras.activations, name)
    theirs = np.asarray(function(jax.numpy.asarray(made.inputs[0]), **fields))
    # Near -5, 1 + tanh(...) cancels in float32, here and there alike; x + sqrt(...) below 0 only there.
    cancelled = 2e-6 if fields.get("approximate") or name == "squareplus" else 1e-7
    np.testing.assert_allclose(made.run().outputs[0], theirs, rtol=1e-5, atol=cancelled)


def test_dropout_keeps_and_scales_as_keras() -> None:
    """The draws differ; the kept share and the scale do not."""
    made = case({"type": "Dropout", "rate": 0.3}, [(400,)], dtype="float32", batch=300, training=True)
    out = made.run().outputs[0]
    theirs = np.asarray(keras.layers.Dropout(0.3)(made.inputs[0], training=True))
    for y in (out, theirs):
        kept = y != 0
        assert kept.mean() == pytest.approx(0.7, abs=0.01)
        np.testing.assert_allclose(y[kept], made.inputs[0][kept] / np.float32(0.7), rtol=1e-6)


def test_decibels_below_the_highest() -> None:
    """Each example's highest counts, as if Keras were given one at a time."""
    config = {
        "type": "MelSpectrogram",
        "fft_length": 16,
        "sequence_stride": 4,
        "num_mel_bins": 5,
        "top_db": 9.0,
    }
    made = case(config, [(40,)], dtype="float32")
    (y,) = made.run().outputs
    layer = to_keras(config)
    for row, expected in zip(made.inputs[0], y, strict=True):
        near(expected, layer(row[None])[0], "decibels")
