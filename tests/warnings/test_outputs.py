"""Outputs that are not what the loss or a metric reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from nnctl.core.ranges import Range
from nnctl.layers.base import Layer
from tests.warnings.given import CLASSES, FLAGS, REAL, checked, config, said


def dense(units: int, activation: Any = "linear") -> dict[str, Any]:
    return {"type": "Dense", "units": units, "activation": activation}


SPARSE = "sparse_categorical_crossentropy"
LOGITS = {"type": "SparseCategoricalCrossentropy", "from_logits": True}
BINARY_LOGITS = {"type": "BinaryCrossentropy", "from_logits": True}
ONE_HOT = {"columns": {"y": {"type": "category", "encoding": "onehot"}}}


@pytest.mark.parametrize(
    "layers",
    [
        [dense(1, "softmax")],
        [dense(1), "Softmax"],
        [dense(1), {"type": "Activation", "activation": "softmax"}],
        [{"type": "Sequential", "layers": [dense(1, "softmax")]}],
        [dense(1, "softmax"), dense(1, "sigmoid")],
    ],
)
def test_one_unit_with_softmax(layers: list[Any], tmp_path: Path) -> None:
    (message,) = said(tmp_path, FLAGS, config(layers, "binary_crossentropy"))
    assert "softmax of 1 unit" in message


@pytest.mark.parametrize(
    "layers",
    [
        [dense(3, "softmax")],
        [dense(3), "Softmax"],
        [dense(3, "softmax"), {"type": "Reshape", "target_shape": [3]}],
        [dense(3, "sigmoid"), "Flatten", {"type": "Activation", "activation": "linear"}],
    ],
)
def test_probabilities_read_as_logits(layers: list[Any], tmp_path: Path) -> None:
    (message,) = said(tmp_path, CLASSES, config(layers, LOGITS))
    assert message.endswith("which are probabilities, but SparseCategoricalCrossentropy reads logits")


def test_a_metric_reads_logits_too(tmp_path: Path) -> None:
    metrics = [{"type": "AUC", "from_logits": True}]
    (message,) = said(tmp_path, FLAGS, config([dense(1, "sigmoid")], "binary_crossentropy", metrics=metrics))
    assert "the metric 'auc' reads logits" in message


@pytest.mark.parametrize("activation", ["linear", "relu", "tanh", "gelu", {"type": "leaky_relu"}])
@pytest.mark.parametrize(("loss", "units", "text"), [(SPARSE, 3, CLASSES), ("binary_crossentropy", 1, FLAGS)])
def test_cross_entropy_of_any_number(
    activation: Any, loss: str, units: int, text: str, tmp_path: Path
) -> None:
    (message,) = said(tmp_path, text, config([dense(units, activation)], loss))
    assert "reads probabilities" in message


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        ("accuracy", "accuracy"),
        ("Precision", "Precision"),
        ("AUC", "AUC"),
        ("binary_crossentropy", "binary_crossentropy"),
    ],
)
def test_a_metric_of_probabilities_beside_a_loss_of_logits(metric: str, name: str, tmp_path: Path) -> None:
    (message,) = said(tmp_path, FLAGS, config([dense(1)], BINARY_LOGITS, metrics=[metric]))
    assert f"the metric '{name}' reads probabilities" in message


@pytest.mark.parametrize(
    ("layers", "loss", "text", "metrics"),
    [
        ([dense(3, "softmax")], SPARSE, CLASSES, ["accuracy"]),
        ([dense(3)], LOGITS, CLASSES, ["accuracy"]),
        ([dense(3, "exponential")], SPARSE, CLASSES, []),
        ([dense(1, "sigmoid")], "binary_crossentropy", FLAGS, ["accuracy", "AUC", "Precision"]),
        ([dense(1, "hard_sigmoid")], "binary_crossentropy", FLAGS, []),
        ([dense(1)], BINARY_LOGITS, FLAGS, [{"type": "BinaryAccuracy", "threshold": 0.0}]),
        ([dense(1)], BINARY_LOGITS, FLAGS, [{"type": "AUC", "from_logits": True}]),
        ([dense(1)], "mse", REAL, ["mae"]),
        ([dense(2, "softmax"), dense(1)], "mse", REAL, []),
    ],
)
def test_right_ones_are_left_alone(
    layers: list[Any], loss: Any, text: str, metrics: list[Any], tmp_path: Path
) -> None:
    assert said(tmp_path, text, config(layers, loss, metrics=metrics)) == []


def test_each_layer_is_asked_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Twelve residual additions: 4,096 ways lead from the output to the input."""
    asked: list[str] = []
    ask = Layer.output_range

    def counted(layer: Layer, *inputs: Range | None) -> Range | None:
        asked.append(layer.kind)
        return ask(layer, *inputs)

    monkeypatch.setattr(Layer, "output_range", counted)
    layers: list[Any] = [dense(2) | {"name": "x0"}]
    for i in range(12):
        layers += [dense(2) | {"name": f"f{i}"}]
        layers += [{"type": "Add", "inputs": [f"x{i}", f"f{i}"], "name": f"x{i + 1}"}]
    assert said(tmp_path, REAL, config([*layers, dense(1)], "mse")) == []
    assert len(asked) == len(layers) + 1


@pytest.mark.parametrize(
    ("metric", "way"),
    [
        ("accuracy", "{type: BinaryAccuracy, threshold: 0}"),
        ("Precision", "{type: Precision, thresholds: 0}"),
        ("AUC", "{type: AUC, from_logits: true}"),
        ("binary_crossentropy", "{type: BinaryCrossentropy, from_logits: true}"),
    ],
)
def test_the_way_out_for_a_metric_is_right(metric: str, way: str, tmp_path: Path) -> None:
    """Written as it is said, the metric has no warning."""
    (warning,) = checked(tmp_path, FLAGS, config([dense(1)], BINARY_LOGITS, metrics=[metric])).warnings
    assert warning.expected == way
    mended = config([dense(1)], BINARY_LOGITS, metrics=[yaml.safe_load(way)])
    assert said(tmp_path, FLAGS, mended) == []


@pytest.mark.parametrize(
    ("metric", "loss", "text", "units", "activation"),
    [
        ("Dice", "BinaryCrossentropy", FLAGS, 1, "sigmoid"),
        ({"type": "RecallAtPrecision", "precision": 0.5}, "BinaryCrossentropy", FLAGS, 1, "sigmoid"),
        ("KLDivergence", "CategoricalCrossentropy", CLASSES, 3, "softmax"),
    ],
)
def test_a_metric_that_reads_nothing_but_probabilities(
    metric: Any, loss: str, text: str, units: int, activation: str, tmp_path: Path
) -> None:
    """It has no argument for other numbers, so the output must change, and the loss with it."""
    data = ONE_HOT if text == CLASSES else None
    logits = {"type": loss, "from_logits": True}
    (warning,) = checked(tmp_path, text, config([dense(units)], logits, metrics=[metric], data=data)).warnings
    assert warning.expected == f"activation: {activation}"
    mended = config([dense(units, activation)], loss, metrics=[metric], data=data)
    assert said(tmp_path, text, mended) == []


def test_a_score_of_the_largest_needs_no_threshold(tmp_path: Path) -> None:
    """F1Score has no threshold of 0: without one it looks for the largest, of any numbers."""
    loss = {"type": "CategoricalCrossentropy", "from_logits": True}
    score = {"type": "F1Score", "threshold": 0.5}
    given = config([dense(3)], loss, metrics=[score], data=ONE_HOT)
    (warning,) = checked(tmp_path, CLASSES, given).warnings
    assert warning.expected == "{type: F1Score, threshold: null}"
    mended = config([dense(3)], loss, metrics=[yaml.safe_load(warning.expected)], data=ONE_HOT)
    assert said(tmp_path, CLASSES, mended) == []
