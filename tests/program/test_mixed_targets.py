"""Layers that mix examples: the targets, the sample weights and what metrics see of them, against NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nnctl.core.arrays import Array
from nnctl.core.errors import ConfigError
from nnctl.graph.model import InputInfo, LayerGraph
from nnctl.layers.base import layers
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.program.programs import EvaluationProgram, TrainingProgram
from tests.ops.harness import evaluate
from tests.program.test_session import model_of, run, session_of

SIZE = (4, 3, 2)
IMAGES = {"x": InputInfo(SIZE, "float32")}
BATCH, CLASSES = 7, 4
RNG = np.random.default_rng(0)
X = RNG.normal(size=(BATCH, *SIZE))
LABELS = np.array([0, 1, 2, 3, 1, 0, 3])
WEIGHTS = np.array([1.0, 0.0, 2.0, 0.5, 1.5, 3.0, 1.0])
OUT = {"type": "Dense", "units": CLASSES, "activation": "softmax", "name": "out"}


def images(entries: list[Any], **more: Any) -> LayerGraph:
    return model_of(entries, IMAGES, **more)


def mixing(config: dict[str, Any], name: str, size: int = BATCH) -> Callable[[Array], Array]:
    """What a layer of this name does, in the first step, with all that belongs to the examples of a batch."""
    cls = layers.get(config["type"])
    assert cls is not None
    layer = cls.model_validate({key: value for key, value in config.items() if key != "type"})

    def mixed(values: Array) -> Array:
        def composed(x: Value, values: Value, step: Value) -> Value:
            ctx = LayerContext(x.graph, {}, True, [None], 3, name, True)
            made = layer.mixing(ctx, x)(values)  # type: ignore[attr-defined]
            assert isinstance(made, Value)
            return made

        return evaluate(composed, {"x": X[:size], "values": values, "step": np.zeros(1, np.uint64)})[0]

    return mixed


def softmax(logits: Array) -> Array:
    e = np.exp(logits - logits.max(-1, keepdims=True))
    made: Array = e / e.sum(-1, keepdims=True)
    return made


def predicted(session: Any, x: Array, name: str = "out") -> Array:
    """What a Dense layer over flat images gives."""
    w = session.weights.arrays
    made: Array = x.reshape(len(x), -1) @ w[f"{name}/kernel"] + w[f"{name}/bias"]
    return made


MIX = {"type": "MixUp", "alpha": 1.5, "seed": 5}
CUT = {"type": "CutMix", "factor": [0.9, 1]}


@pytest.mark.parametrize("size", [BATCH, 1])
@pytest.mark.parametrize("config", [MIX, CUT], ids=["MixUp", "CutMix"])
def test_class_numbers_are_rows_of_shares(config: dict[str, Any], size: int) -> None:
    """In the loss, in its metric; an accuracy counts the class with the largest share."""
    name = "mix_up" if config is MIX else "cut_mix"
    crossentropy = "sparse_categorical_crossentropy"
    measures = {"metrics": [crossentropy], "weighted_metrics": ["accuracy"]}
    session = session_of(images([config, "Flatten", OUT]), sample_weight="w", loss=crossentropy, **measures)
    given = {"target__out": LABELS[:size], "sample_weight__out": WEIGHTS[:size]}
    loss = run(session, TrainingProgram, X[:size], **given).outputs["loss"].item()
    mix = mixing(config, name, size)
    x, shares, weights = mix(X[:size]), mix(np.eye(CLASSES)[LABELS[:size]]), mix(WEIGHTS[:size])
    p = softmax(predicted(session, x))
    rows = -(shares * np.log(p)).sum(1)
    np.testing.assert_allclose(loss, (rows * weights).mean(), rtol=1e-9)
    logs = session.logs()
    np.testing.assert_allclose(logs[crossentropy], rows.mean(), rtol=1e-9)
    right = p.argmax(1) == shares.argmax(1)
    np.testing.assert_allclose(logs["accuracy"], (right * weights).sum() / weights.sum())
    assert np.allclose(x, X[:size]) == (size == 1)
    plain = run(session, EvaluationProgram, X[:size], **given).outputs["loss"].item()
    p = softmax(predicted(session, X[:size]))
    expected = (-np.log(p[np.arange(size), LABELS[:size]]) * WEIGHTS[:size]).mean()
    np.testing.assert_allclose(plain, expected, rtol=1e-9)


def test_each_output_is_mixed_as_what_it_is_made_of() -> None:
    """By two layers one after the other, the second in a nested model; one output reads the data's images."""
    inner = {"type": "Sequential", "name": "inner", "layers": [{**CUT, "name": "cut"}, "Flatten"]}
    more = {"type": "Dense", "units": 2, "name": "more", "inputs": "inner"}
    flat = {"type": "Flatten", "inputs": "x", "name": "flat"}
    plain = {"type": "Dense", "units": 1, "name": "plain"}
    session = session_of(
        images(
            [{**MIX, "name": "mix"}, inner, {**OUT, "activation": "sigmoid"}, more, flat, plain],
            outputs=["out", "more", "plain"],
        ),
        loss=["binary_crossentropy", "mse", "mse"],
        metrics={"out": ["binary_accuracy"]},
    )
    flags, numbers = RNG.integers(0, 2, (BATCH, CLASSES)), RNG.normal(size=(BATCH, 2))
    other = RNG.normal(size=(BATCH, 1))
    run(session, TrainingProgram, X, target__out=flags, target__more=numbers, target__plain=other)
    mix, cut = mixing(MIX, "mix"), mixing(CUT, "inner/cut")
    x, soft = cut(mix(X)), cut(mix(flags.astype(float)))
    p = 1 / (1 + np.exp(-predicted(session, x)))
    logs = session.logs()
    expected = -(soft * np.log(p) + (1 - soft) * np.log(1 - p)).mean()
    np.testing.assert_allclose(logs["out_loss"], expected, rtol=1e-9)
    np.testing.assert_allclose(logs["out_binary_accuracy"], ((p > 0.5) == (soft > 0.5)).mean())
    expected = ((cut(mix(numbers)) - predicted(session, x, "more")) ** 2).mean()
    np.testing.assert_allclose(logs["more_loss"], expected, rtol=1e-9)
    expected = ((other - predicted(session, X, "plain")) ** 2).mean()
    np.testing.assert_allclose(logs["plain_loss"], expected, rtol=1e-9)


def test_pixels_of_a_target_are_cut_with_the_images() -> None:
    conv = {"type": "Conv2D", "filters": CLASSES, "kernel_size": 1, "activation": "softmax", "name": "out"}
    session = session_of(images([{**CUT, "name": "cut"}, conv]), loss="sparse_categorical_crossentropy")
    labels = RNG.integers(0, CLASSES, (BATCH, *SIZE[:2]))
    loss = run(session, TrainingProgram, X, target__out=labels).outputs["loss"].item()
    cut = mixing(CUT, "cut")
    cut_labels = cut(labels[..., None].astype(float))[..., 0].astype(int)
    assert (cut_labels != labels).any()
    w = session.weights.arrays
    p = softmax(cut(X) @ w["out/kernel"][0, 0] + w["out/bias"])
    rows = -np.log(np.take_along_axis(p, cut_labels[..., None], -1))
    np.testing.assert_allclose(loss, rows.mean(), rtol=1e-9)


@pytest.mark.parametrize("ignored", [1, -1, 255])
def test_what_is_ignored_has_no_loss_and_counts_only_for_its_other_share(ignored: int) -> None:
    """One of the classes, or none of them; an accuracy takes the ignored one for what it has most of."""
    void = {"type": "sparse_categorical_crossentropy", "ignore_class": ignored}
    measures: dict[str, Any] = {"metrics": ["sparse_categorical_crossentropy", "accuracy"]}
    session = session_of(images([{**MIX, "name": "mix"}, "Flatten", OUT]), loss=void, **measures)
    labels = LABELS.copy()
    labels[[0, 2, 3, 4]] = ignored
    loss = run(session, TrainingProgram, X, target__out=labels).outputs["loss"].item()
    mix = mixing(MIX, "mix")
    every = np.eye(256)[labels % 256]
    shares = mix(every)[:, :CLASSES]
    shares[:, ignored % 256 : ignored % 256 + 1] = 0
    counted = shares.any(1)
    assert 0 < counted.sum() < BATCH
    p = softmax(predicted(session, mix(X)))
    expected = -(shares * np.log(p)).sum() / counted.sum()
    np.testing.assert_allclose(loss, expected, rtol=1e-9)
    logs = session.logs()
    np.testing.assert_allclose(logs["sparse_categorical_crossentropy"], expected, rtol=1e-9)
    np.testing.assert_allclose(logs["accuracy"], (p.argmax(1) == mix(every).argmax(1)).mean())


def test_pixels_that_are_ignored_stay_so_where_they_are_pasted() -> None:
    """As Keras's loss and its MeanIoU have it of masks that are cut with the images."""
    conv = {"type": "Conv2D", "filters": CLASSES, "kernel_size": 1, "activation": "softmax", "name": "out"}
    iou = {"type": "MeanIoU", "num_classes": CLASSES, "ignore_class": 255, "sparse_y_pred": False}
    session = session_of(
        images([{**CUT, "name": "cut"}, conv]),
        loss={"type": "sparse_categorical_crossentropy", "ignore_class": 255},
        metrics=[iou],
    )
    labels = RNG.integers(0, CLASSES + 1, (BATCH, *SIZE[:2]))
    labels[labels == CLASSES] = 255
    loss = run(session, TrainingProgram, X, target__out=labels).outputs["loss"].item()
    cut = mixing(CUT, "cut")
    true = cut(labels[..., None].astype(float))[..., 0].astype(int)
    w, known = session.weights.arrays, true != 255
    p = softmax(cut(X) @ w["out/kernel"][0, 0] + w["out/bias"])[known]
    np.testing.assert_allclose(loss, -np.log(p[np.arange(len(p)), true[known]]).mean(), rtol=1e-9)
    hits = [((p.argmax(1) == c) & (true[known] == c)).sum() for c in range(CLASSES)]
    either = [((p.argmax(1) == c) | (true[known] == c)).sum() for c in range(CLASSES)]
    np.testing.assert_allclose(session.logs()["mean_io_u"], np.mean(np.divide(hits, either)), rtol=1e-6)


def test_a_call_in_inference_mixes_nothing() -> None:
    session = session_of(
        images([{**MIX, "training": False}, "Flatten", OUT]), loss="categorical_crossentropy"
    )
    onehot = np.eye(CLASSES)[LABELS]
    loss = run(session, TrainingProgram, X, target__out=onehot).outputs["loss"].item()
    expected = -np.log(softmax(predicted(session, X))[np.arange(BATCH), LABELS]).mean()
    np.testing.assert_allclose(loss, expected, rtol=1e-9)


CONV = {"type": "Conv2D", "filters": 2, "kernel_size": 1, "inputs": "x", "name": "conv"}


def test_what_cannot_be_mixed_is_told() -> None:
    joined = {"type": "Add", "inputs": ["mix_up", "conv"]}
    with pytest.raises(ConfigError, match="Add 'add' joins 'mix_up', whose examples 'mix_up' has") as told:
        images([MIX, CONV, joined])
    assert told.value.problems[0].path == ("model", "layers", 2)
    images([{**MIX, "training": False}, CONV, joined])
    model = images([MIX, "Flatten", OUT])
    with pytest.raises(ConfigError, match="MixUp 'mix_up' mixes the targets of 'out', and circle") as told:
        session_of(model, loss="circle")
    assert told.value.problems[0].path == ("training", "loss")
    with pytest.raises(ValueError, match="MixUp cannot be inside another layer"):
        model_of([{"type": "TimeDistributed", "layer": "MixUp"}], {"x": InputInfo((3, *SIZE), "float32")})
