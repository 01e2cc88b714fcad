"""Targets that a loss cannot read, that hold nothing to learn, or that a metric misunderstands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.warnings.given import CLASSES, FLAGS, REAL, config, said, table

SIGMOID = [{"type": "Dense", "units": 1, "activation": "sigmoid"}]
LINEAR = [{"type": "Dense", "units": 1}]
SOFTMAX = [{"type": "Dense", "units": 3, "activation": "softmax"}]
ONE_TWO = table([i % 2 + 1 for i in range(24)])
SIGNS = table([i % 2 * 2 - 1 for i in range(24)])


def column(**fields: Any) -> dict[str, Any]:
    return {"columns": {"y": fields}}


@pytest.mark.parametrize(
    ("text", "data", "held"),
    [
        (ONE_TWO, {}, "holds 1 and 2"),
        (SIGNS, {}, "holds -1 and 1"),
        (REAL, {}, "holds numbers from -3 to 8.5"),
        (REAL, column(scale="standard"), "holds numbers from -1.6"),
        (FLAGS, column(scale="standard"), "holds -1 and 1"),
        (REAL, column(scale="minmax"), "a number that is scaled"),
    ],
)
def test_binary_crossentropy(text: str, data: Any, held: str, tmp_path: Path) -> None:
    (message,) = said(tmp_path, text, config(SIGMOID, "binary_crossentropy", data=data))
    assert held in message
    assert "BinaryCrossentropy reads" in message


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (FLAGS, {}),
        (FLAGS, column(scale="minmax")),
        (ONE_TWO, column(type="category")),
        (ONE_TWO, column(scale="minmax")),
        (table([7 * i % 24 / 23 for i in range(24)]), {}),
        (table([("no", "yes")[i % 2] for i in range(24)]), {}),
    ],
)
def test_binary_crossentropy_of_what_it_reads(text: str, data: Any, tmp_path: Path) -> None:
    assert said(tmp_path, text, config(SIGMOID, "binary_crossentropy", data=data)) == []


def test_hinge_reads_signs_or_flags(tmp_path: Path) -> None:
    assert said(tmp_path, SIGNS, config(LINEAR, "hinge")) == []
    assert said(tmp_path, FLAGS, config(LINEAR, "hinge")) == []
    (message,) = said(tmp_path, ONE_TWO, config(LINEAR, "hinge"))
    assert "Hinge reads targets from -1 to 1" in message


@pytest.mark.parametrize(
    ("layers", "loss", "target", "shown"),
    [
        (SOFTMAX, "sparse_categorical_crossentropy", ["u"] * 24, "class 'u'"),
        (SOFTMAX, "sparse_categorical_crossentropy", [2] * 24, "class 2"),
        (SIGMOID, "binary_crossentropy", [1] * 24, "class 1"),
        (SIGMOID, "binary_crossentropy", ["yes"] * 24, "class 'yes'"),
        (LINEAR, "mse", [2.5] * 24, "number 2.5"),
    ],
)
def test_one_class_only(layers: Any, loss: str, target: Any, shown: str, tmp_path: Path) -> None:
    (message,) = said(tmp_path, table(target), config(layers, loss))
    assert f"is of {shown}" in message or f"is the {shown}" in message


def test_one_class_in_the_training_split_only(tmp_path: Path) -> None:
    """Rows sorted by class, split by position."""
    text = table([0] * 12 + [1] * 12)
    data = {"split": {"validation": 12, "order": "rows"}}
    (message,) = said(tmp_path, text, config(SIGMOID, "binary_crossentropy", data=data))
    assert "is of class 0" in message


@pytest.mark.parametrize("metric", ["accuracy", "binary_accuracy", "Precision", "AUC"])
@pytest.mark.parametrize("loss", ["mse", "mae", "huber", "msle"])
def test_accuracy_with_a_regression_loss(metric: str, loss: str, tmp_path: Path) -> None:
    text = table([0.5 * (7 * i % 24) for i in range(24)])
    (message,) = said(tmp_path, text, config(LINEAR, loss, metrics=[metric]))
    assert "counts right classes" in message


def test_accuracy_of_several_numbers(tmp_path: Path) -> None:
    data = {"source": {"type": "csv", "path": "data.csv"}, "inputs": ["a"], "target": ["b", "y"]}
    layers = [{"type": "Dense", "units": 2}]
    (message,) = said(tmp_path, REAL, config(layers, "mse", metrics=["accuracy"], data=data))
    assert "'accuracy' counts right classes" in message


def test_accuracy_of_flags_by_mean_squared_error_is_right(tmp_path: Path) -> None:
    assert said(tmp_path, FLAGS, config(SIGMOID, "mse", metrics=["accuracy"])) == []


def test_accuracy_of_classes_is_right(tmp_path: Path) -> None:
    given = config(SOFTMAX, "sparse_categorical_crossentropy", metrics=["accuracy"])
    assert said(tmp_path, CLASSES, given) == []
