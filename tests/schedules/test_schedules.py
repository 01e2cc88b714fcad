"""Schedules: known values, odd cases, and the same numbers as Keras over a range of steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from nnctl.schedules.base import schedules

CASES: list[tuple[str, dict[str, Any]]] = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.83}),
    (
        "ExponentialDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.83, "staircase": True},
    ),
    ("InverseTimeDecay", {"initial_learning_rate": 0.3, "decay_steps": 5, "decay_rate": 0.5}),
    (
        "InverseTimeDecay",
        {"initial_learning_rate": 0.3, "decay_steps": 5, "decay_rate": 0.5, "staircase": True},
    ),
    (
        "PolynomialDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 20, "end_learning_rate": 0.01, "power": 1.7},
    ),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 11, "cycle": True}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 30}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 30, "alpha": 0.2}),
    (
        "CosineDecay",
        {
            "initial_learning_rate": 0.01, "decay_steps": 20, "warmup_target": 0.2, "warmup_steps": 9,
            "alpha": 0.05,
        },
    ),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 6, "m_mul": 0.7}),
    (
        "CosineDecayRestarts",
        {"initial_learning_rate": 0.1, "first_decay_steps": 6, "t_mul": 1.0, "alpha": 0.1},
    ),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 3, "t_mul": 3.0}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 5, "t_mul": 1.5}),
    ("PiecewiseConstantDecay", {"boundaries": [4, 9], "values": [0.1, 0.05, 0.01]}),
]  # fmt: skip


def _make(name: str, fields: dict[str, Any]) -> Any:
    cls = schedules.get(name)
    assert cls is not None
    return cls.model_validate(fields)


def test_exponential_decay_halves() -> None:
    schedule = _make(
        "exponential_decay", {"initial_learning_rate": 0.8, "decay_steps": 10, "decay_rate": 0.5}
    )
    assert schedule.at(0) == 0.8
    assert schedule.at(20) == 0.2
    assert schedule.at(5) == pytest.approx(0.8 * 0.5**0.5, rel=1e-15)


def test_staircase_waits() -> None:
    fields = {"initial_learning_rate": 0.8, "decay_steps": 10, "decay_rate": 0.5, "staircase": True}
    schedule = _make("ExponentialDecay", fields)
    assert [schedule.at(step) for step in (9, 10, 19)] == [0.8, 0.4, 0.4]


def test_cosine_warms_up_and_stays_down() -> None:
    fields = {"initial_learning_rate": 0.0, "decay_steps": 10, "warmup_target": 1.0, "warmup_steps": 4}
    schedule = _make("CosineDecay", fields)
    assert [schedule.at(step) for step in (0, 1, 4, 9)] == [0.0, 0.25, 1.0, 0.5]
    assert schedule.at(14) == 0.0
    assert schedule.at(1000) == 0.0


def test_restarts_begin_at_the_top() -> None:
    schedule = _make("CosineDecayRestarts", {"initial_learning_rate": 1.0, "first_decay_steps": 10})
    for start in (0, 10, 30, 70, 150, 310):
        assert schedule.at(start) == 1.0
    assert schedule.at(9) < 0.03
    assert schedule.at(29) < 0.01


def test_restarts_are_where_they_are_though_logarithms_round() -> None:
    """Of 121 = 1 + 3 + 9 + 27 + 81 steps the logarithm says 4.999...; of 331 = 100 + 110 + 121 it says 3."""
    fields = {"initial_learning_rate": 1.0, "m_mul": 0.5}
    thrice = _make("CosineDecayRestarts", {**fields, "first_decay_steps": 1, "t_mul": 3.0})
    assert [thrice.at(step) for step in (121, 364)] == [0.5**5, 0.5**6]
    slowly = _make("CosineDecayRestarts", {**fields, "first_decay_steps": 100, "t_mul": 1.1})
    # In floats the fourth period starts a hair behind step 331, which is thus the very end of the third.
    assert slowly.at(331) == pytest.approx(0.0, abs=1e-12)
    assert slowly.at(332) == pytest.approx(0.5**3, rel=1e-3)


def test_piecewise_boundaries_belong_to_the_left() -> None:
    schedule = _make("PiecewiseConstantDecay", {"boundaries": [3, 5], "values": [3.0, 2.0, 1.0]})
    assert [schedule.at(step) for step in range(7)] == [3.0, 3.0, 3.0, 3.0, 2.0, 2.0, 1.0]


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("PiecewiseConstantDecay", {"boundaries": [3], "values": [1.0]}, "one entry more"),
        ("PiecewiseConstantDecay", {"boundaries": [5, 3], "values": [1.0, 2.0, 3.0]}, "must rise"),
        ("CosineDecay", {"initial_learning_rate": 1.0, "decay_steps": 0}, "decay_steps greater_than "),
        ("CosineDecay", {"initial_learning_rate": 1.0, "decay_step": 3}, "decay_step"),
    ],
)
def test_wrong_fields(name: str, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        _make(name, fields)
    # Where it is and of what kind is Pydantic's promise; its words are not.
    found = caught.value.errors()[-1]
    assert message in f"{'.'.join(map(str, found['loc']))} {found['type']} {found['msg']}"


@pytest.mark.keras
@pytest.mark.parametrize(("name", "fields"), CASES)
def test_like_keras(name: str, fields: dict[str, Any]) -> None:
    keras = pytest.importorskip("keras")
    theirs = getattr(keras.optimizers.schedules, name)(**fields)
    ours = _make(name, fields)
    # Where it asks no step which it is, all are computed at once: one by one they take seconds.
    all_at_once = name == "CosineDecayRestarts"
    found = theirs(np.arange(45)) if all_at_once else [theirs(step) for step in range(45)]
    for step in range(45):
        # Keras computes in float32: next to a restart or a zero of the cosine it is off by its own epsilon.
        assert ours.at(step) == pytest.approx(float(found[step]), rel=1e-5, abs=2e-8), step
