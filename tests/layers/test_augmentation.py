"""Layers that change images at random: with the numbers they drew, what Keras's own layers make of images."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
keras = pytest.importorskip("keras")
jax = pytest.importorskip("jax")

from nnctl.core.arrays import Array  # noqa: E402
from nnctl.core.errors import ConfigError, ShapeError  # noqa: E402
from nnctl.graph.build import build  # noqa: E402
from nnctl.layers.augmentation import Augmentation, OfImages  # noqa: E402
from nnctl.layers.base import layers  # noqa: E402
from nnctl.layers.context import LayerContext  # noqa: E402
from nnctl.ops.base import Value  # noqa: E402
from nnctl.spec.language.model import ModelSpec  # noqa: E402
from tests.layers.augmentation_cases import BESIDES, CASES, MIXED, Drawn, changes  # noqa: E402
from tests.layers.augmenting import FIRST, images, run  # noqa: E402
from tests.layers.harness import case, make  # noqa: E402
from tests.layers.keras_cases import kind  # noqa: E402
from tests.layers.test_keras import near, to_keras  # noqa: E402
from tests.ops.harness import evaluate  # noqa: E402
from tests.sampling import sampled  # noqa: E402

keras_too = pytest.mark.keras


@keras_too
@pytest.mark.parametrize(
    ("config", "shape", "drawn"), sampled(CASES, kind, 1), ids=[str(c) for c, _, _ in CASES]
)
def test_as_keras_transforms_images(config: Any, shape: Any, drawn: Any) -> None:
    theirs = to_keras(config)
    changed = 0
    for step in range(2):
        x = images(config, 5, shape)
        y, u, besides = run(config, x, step)
        given = drawn(Drawn(u, x.shape, theirs, besides))
        expected = (
            given(jax.numpy.asarray(x))
            if callable(given)
            else theirs.transform_images(jax.numpy.asarray(x), given)
        )
        near(y, expected, f"step {step}")
        changed += (y != x).any(axis=(1, 2, 3)).sum() if y.shape == x.shape else 5
    assert changed > 1


@keras_too
@pytest.mark.parametrize(("config", "shape", "drawn"), MIXED[1::2], ids=[str(c) for c, _, _ in MIXED[1::2]])
def test_as_keras_transforms_labels(config: Any, shape: Any, drawn: Any) -> None:
    x, labels = images(config, 6, shape), np.eye(4, dtype=np.float32)[[0, 3, 2, 1, 3, 0]]
    layer = make(config)

    def composed(x: Value, labels: Value, step: Value) -> list[Value]:
        ctx = LayerContext(x.graph, {}, True, [None], 7, "layer", True)
        return [layer.mixing(ctx, x)(labels), BESIDES[layer.kind](layer, ctx, x)]  # type: ignore[attr-defined]

    ours, besides = evaluate(composed, {"x": x, "labels": labels, "step": np.zeros(1, np.uint64)})
    theirs = to_keras(config)
    near(ours, theirs.transform_labels(labels, drawn(Drawn(besides, x.shape, theirs, besides))), "labels")
    assert (ours != labels).any()


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"type": "RandomRotation", "factor": 1.5}, "1.5 does not lie between -1 and 1"),
    ({"type": "RandomTranslation", "height_factor": [0, -2], "width_factor": 0}, "-2 does not lie between"),
    ({"type": "RandomZoom", "height_factor": [0.5, -1]}, "-1 would zoom an image to nothing"),
    ({"type": "RandomShear", "x_factor": -0.1}, "-0.1 does not lie between 0 and 1"),
    ({"type": "MixUp", "alpha": 0}, "greater than 0"),
    ({"type": "CutMix", "factor": [0.5, 1.5]}, "1.5 does not lie between 0 and 1"),
    ({"type": "RandomContrast", "factor": 0.1, "value_range": [1, 1]}, "1 is not less than 1"),
]


@pytest.mark.parametrize(("config", "message"), WRONG, ids=str)
def test_wrong_arguments_are_told(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        make(config)


@keras_too
@pytest.mark.parametrize("size", [(2, 2), (4, 3), (5, 9), (8, 7)])
def test_inference_crops_the_middle_to_proportions(size: tuple[int, int]) -> None:
    """As Keras documents it; its code leaves the images as they are."""
    made = case({"type": "RandomCrop", "height": size[0], "width": size[1]}, [(6, 7, 2)], dtype="float32")
    expected = keras.ops.image.resize(made.inputs[0], size, crop_to_aspect_ratio=True)
    near(made.run().outputs[0], expected, "inference")


@keras_too
@pytest.mark.slow
def test_each_change_of_rand_augment_is_taken() -> None:
    config = {"type": "RandAugment", "num_ops": 1}
    theirs = to_keras(config)
    x, layer, first = images(config, 2, (4, 5, 3)), make(config), {}

    def choices(x: Value, step: Value) -> Value:
        ctx = LayerContext(x.graph, {}, True, [None], 7, "layer", True)
        return layer.choices(ctx, x)  # type: ignore[attr-defined, no-any-return]

    for step in reversed(range(60)):
        (u,) = evaluate(choices, {"x": x, "step": np.array([step], np.uint64)})
        first[int(u[0, 0] * 11)] = step
    assert len(first) == 11
    for change, step in first.items():
        y, u, besides = run(config, x, step)
        near(y, changes(Drawn(u, x.shape, theirs, besides))(jax.numpy.asarray(x)), f"change {change}")


@keras_too
@pytest.mark.parametrize("factor", [0.1, 0.3, [0.2, 1.0]])
def test_rand_augment_keeps_as_many_bits_as_keras(factor: Any) -> None:
    config = {"type": "RandAugment", "factor": factor}
    steps = make(config).steps()  # type: ignore[attr-defined]
    (bits,) = (step.factor for step in steps if step.kind == "RandomPosterization")
    assert (1, bits) == to_keras(config).random_posterization.factor


def test_grey_images_are_left_as_they_are() -> None:
    x = images({}, 3, (4, 5, 1))
    np.testing.assert_array_equal(run({"type": "RandomGrayscale", "factor": 1}, x)[0], x)


@pytest.mark.parametrize(
    "kind", ["RandomSaturation", "RandomHue", "RandomColorDegeneration", "RandomGrayscale"]
)
def test_colours_need_three_channels(kind: str) -> None:
    with pytest.raises(ShapeError, match=r"colours of 3 channels \(red, green, blue\), but \(4, 5, 2\)"):
        make({"type": kind, "factor": 0.5}).compute_output_shape((4, 5, 2))


def graph(*layers: Any) -> Any:
    return build(ModelSpec.model_validate({"inputs": {"x": {"shape": [4, 5, 3]}}, "layers": list(layers)}))


CONV = {"type": "Conv2D", "filters": 3, "kernel_size": 1, "name": "first"}
HUE = {"type": "RandomHue", "factor": 0.2}


def test_what_passes_no_gradient_stands_before_all_that_learns() -> None:
    message = "RandomHue 'random_hue' passes no gradient on, so that 'first' before it would not learn"
    with pytest.raises(ConfigError, match=message) as refused:
        graph(CONV, "ReLU", HUE)
    assert refused.value.problems[0].path == ("model", "layers", 2)
    graph(HUE, CONV)
    graph({**CONV, "trainable": False}, HUE)
    graph(CONV, {**HUE, "training": False})
    graph(CONV, {"type": "RandomFlip"})


@pytest.mark.parametrize(
    "last", ["AutoContrast", {"type": "Discretization", "bin_boundaries": [0.0]}], ids=str
)
def test_what_is_the_same_in_inference_passes_no_gradient_there_either(last: Any) -> None:
    with pytest.raises(ConfigError, match="passes no gradient on, so that 'first' before it would not learn"):
        graph(CONV, {"type": "Sequential", "training": False, "layers": [last]})
    graph(CONV, {"type": "Sequential", "training": False, "layers": [HUE]})


def test_shapes_that_layers_cannot_take_are_told() -> None:
    with pytest.raises(ShapeError, match="moves corners, but"):
        make("RandomPerspective").compute_output_shape((1, 5, 3))
    with pytest.raises(ShapeError, match="red, green and blue does not fit"):
        make({"type": "RandomErasing", "fill_value": [1, 2, 3]}).compute_output_shape((4, 5, 2))


def test_only_images_are_taken() -> None:
    with pytest.raises(ShapeError, match=r"needs an input of 3 axes \(height, width, channels\)"):
        make("RandomFlip").compute_output_shape((64,))


DRAWING = [name for name, (config, _) in FIRST.items() if isinstance(make(config), Augmentation)]


def test_every_augmentation_has_a_case() -> None:
    names = {cls.__name__ for cls in layers.classes() if issubclass(cls, OfImages)}
    assert names - set(FIRST) == set()


@pytest.mark.parametrize("name", FIRST)
def test_same_bits_on_any_number_of_threads(name: str) -> None:
    config, (_, _, channels) = FIRST[name]
    x = images(config, 7, (90, 85, channels))
    first, *others = [run(config, x, 1, threads)[0].tobytes() for threads in (1, 2, 3)]
    assert others == [first, first]


@pytest.mark.parametrize("name", DRAWING)
def test_a_seed_of_its_own_takes_the_place_of_the_experiments(name: str) -> None:
    config, shape = FIRST[name]
    x = images(config, 3, shape)
    one, other = (run({**config, "seed": 5}, x, seed=seed) for seed in (7, 8))
    for first, second in zip(one, other, strict=True):
        np.testing.assert_array_equal(first, second)
    plain = {field: value for field, value in config.items() if field != "seed"}
    assert (run(plain, x, seed=7)[1] != run(plain, x, seed=8)[1]).any()


BY_BATCH = ("Equalization", "RandAugment", "AugMix", "MixUp", "CutMix")
"""Layers in which an image's output depends on the others of its batch, as in Keras."""


@pytest.mark.parametrize("name", [name for name in FIRST if name not in BY_BATCH])
def test_an_image_is_changed_the_same_in_a_batch_of_any_size(name: str) -> None:
    config, shape = FIRST[name]
    x = images(config, 6, shape)
    whole, drawn, _ = run(config, x, 4)
    for batch in (1, 4):
        part, few, _ = run(config, x[:batch], 4)
        np.testing.assert_array_equal(few, drawn[: len(few)])
        np.testing.assert_array_equal(part, whole[:batch])


ONE_DRAW = ("RandomCrop",)
"""Layers that draw for a batch what others draw for an image."""


def test_what_a_batch_shares_is_drawn_and_counted_for_each_step() -> None:
    """In TimeDistributed, where all steps are one batch for layers that do not say otherwise."""
    shared = {name for name in FIRST if make(FIRST[name][0]).joins_examples()}
    assert shared == {*BY_BATCH, *ONE_DRAW, "RandomGaussianBlur", "RandomElasticTransform"}
    equalization = FIRST["Equalization"][0]
    made = case({"type": "TimeDistributed", "layer": equalization}, [(3, 4, 5, 2)], training=True)
    made.inputs = [images({}, 3 * 2, (4, 5, 2)).reshape(2, 3, 4, 5, 2)]
    (y,) = made.run().outputs
    for step in range(3):
        np.testing.assert_array_equal(y[:, step], run(equalization, made.inputs[0][:, step])[0])


@pytest.mark.parametrize("name", DRAWING)
def test_draws(name: str) -> None:
    """Uniform, independent between images and numbers, others at each step and for another seed."""
    config, (_, _, channels) = FIRST[name]
    x = np.zeros((4000, 1, 1, channels), np.float32)
    layer = make(config)

    def drawn(seed: int, step: int) -> Array:
        def composed(x: Value, step: Value) -> Value:
            ctx = LayerContext(x.graph, {}, True, [None], seed, "layer", True)
            return layer.draw(ctx, x)  # type: ignore[attr-defined, no-any-return]

        return evaluate(composed, {"x": x, "step": np.array([step], np.uint64)})[0]

    u = drawn(7, 0)
    if name in ONE_DRAW:
        assert (u == u[0]).all()
        assert (u != drawn(7, 1)).all()
        return
    assert u.min() >= 0
    assert u.max() < 1
    np.testing.assert_allclose(u.mean(0), 0.5, atol=0.02)
    np.testing.assert_allclose(u.var(0), 1 / 12, atol=0.005)
    others = [u[:-1, :1] * 0 + u[1:, :1], u[:-1, 1:], drawn(7, 1)[:-1]]
    if "seed" not in config:
        others.append(drawn(8, 0)[:-1])
    apart = np.concatenate([u[:-1, :1], *others], 1)
    correlations = np.corrcoef(apart.T) - np.eye(apart.shape[1])
    assert np.abs(correlations).max() < 0.08
