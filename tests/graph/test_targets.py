"""Targets held against what losses want: shapes, class numbers, and what is said to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import Problem
from nnctl.core.shapes import Shape
from nnctl.data.feeding.dataset import Signature
from nnctl.data.table import Origin
from nnctl.graph.build import build
from nnctl.graph.compile import compile_objective
from nnctl.graph.lengths import GivenShapes, length_problems, varies
from nnctl.graph.model import InputInfo, LayerGraph
from nnctl.graph.objective import Objective
from nnctl.graph.targets import fits, label_problems, outside, shape_problems, with_own_lengths
from nnctl.spec.language.model import ModelSpec
from nnctl.spec.language.training import TrainingSpec


def both(layers: list[Any], shape: Shape, **training: Any) -> tuple[Objective, LayerGraph]:
    model = build(ModelSpec.model_validate({"layers": layers}), {"x": InputInfo(shape, "float32")})
    return compile_objective(TrainingSpec.model_validate(training), model), model


def held(layers: list[Any], target: Shape | None, names: Any = None, **training: Any) -> list[Problem]:
    objective, model = both(layers, (5,), **training)
    (output,) = model.outputs
    targets = {} if target is None else {output: Signature(target, "float32")}
    return shape_problems(objective, model, targets, {output: names} if names else {})


def dense(units: int, **more: Any) -> dict[str, Any]:
    return {"type": "Dense", "units": units, "name": "out", **more}


@pytest.mark.parametrize(
    ("wanted", "given", "fit"),
    [
        ((3,), (3,), True),
        ((3,), (4,), False),
        ((1,), (), True),
        ((), (1,), True),
        ((), (2,), False),
        ((2,), (), False),
        ((4, 1), (4,), True),
        ((4,), (4, 1), True),
        ((4,), (4, 2), False),
        ((None, 3), (7, 3), True),
        ((7, 3), (None, 3), True),
        ((None, 3), (7, 4), False),
        ((), (1, 1), False),
        ((1, 1), (), False),
        ((1,), (1,), True),
    ],
)
def test_which_shapes_fit(wanted: Shape, given: Shape, fit: bool) -> None:
    """An axis of length 1 at the end may be left out, on either side."""
    assert fits(wanted, given) is fit


def test_an_output_without_a_column() -> None:
    (problem,) = held([dense(2)], None, loss="mse")
    assert problem.message == "output 'out' has a loss, but no column is its target"
    assert problem.path == ("data",)
    assert problem.expected == "targets: {out: COLUMN}"


def test_a_target_of_another_shape() -> None:
    assert held([dense(3)], (3,), loss="mse") == []
    (problem,) = held([dense(3)], (4,), loss="mse")
    assert problem.message == (
        "output 'out' is (3), so MeanSquaredError wants a target of (3), but the data gives (4)"
    )
    assert problem.path == ("model", "layers", 0, "units")
    assert problem.expected == "an output of shape (4)"
    (problem,) = held([dense(3)], (), loss="mse")
    assert problem.expected == "an output of 1 unit, or another loss"
    (problem,) = held([dense(3), {"type": "Softmax", "name": "out_"}], (4,), loss="mse")
    assert problem.path == ("model", "layers", 1)


def test_class_numbers_where_one_hot_rows_are_wanted() -> None:
    (problem,) = held([dense(3)], (), loss="categorical_crossentropy")
    assert problem.path == ("training", "loss", "out")
    assert problem.expected is not None
    assert problem.expected.startswith("sparse_categorical_crossentropy")
    (problem,) = held([dense(3)], (4,), loss="categorical_crossentropy")
    assert problem.path == ("model", "layers", 0, "units")


def test_class_numbers_of_other_axes() -> None:
    """Where a model gives one row of classes, and the data a class for each of five steps."""
    (problem,) = held([dense(3)], (5,), loss="sparse_categorical_crossentropy")
    assert problem.path == ("model", "layers", 0)
    assert problem.expected == "an output of shape (5, 3)"


def test_one_hot_rows_where_class_numbers_are_wanted() -> None:
    (problem,) = held([dense(3)], (3,), loss="sparse_categorical_crossentropy")
    assert problem.path == ("training", "loss", "out")
    assert problem.expected == "categorical_crossentropy, for a number per class"


def test_the_first_six_classes_are_named() -> None:
    words = list("abcdefgh")
    (problem,) = held([dense(3)], (8,), words, loss="categorical_crossentropy")
    assert problem.message.endswith("but the data gives (8); its classes are a, b, c, d, e, f")


class Labels:
    """A split whose labels are read some examples at a time."""

    def __init__(self, *pieces: Any) -> None:
        self._pieces = [np.array(piece, np.int32) for piece in pieces]

    def pieces(self, part: Any, dtype: str) -> Iterator[tuple[int, Any]]:
        start = 0
        for piece in self._pieces:
            yield start, piece
            start += len(piece)


@pytest.mark.parametrize(
    ("pieces", "ignored", "found"),
    [
        ([[0, 1, 2]], None, None),
        ([[]], None, None),
        ([[0, 3, 4]], None, (1, 3, 4)),
        ([[0, -1]], None, (1, -1, 0)),
        ([[0, 1], [2, 7, 5], [9]], None, (3, 7, 9)),
        ([[0, 255], [1, 1]], 255, None),
        ([[0, 255], [1, 3]], 255, (3, 3, 255)),
        ([[[0, 1], [2, 8]], [[4, 5], [0, 0]]], None, (1, 8, 8)),
    ],
)
def test_the_first_label_that_is_no_class(
    pieces: Any, ignored: int | None, found: tuple[int, int, int] | None
) -> None:
    """Of three classes: the example, its label, the largest label of all."""
    assert outside(Labels(*pieces), SimpleNamespace(), 3, ignored) == found  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", ["train", "validation", "test"])
@pytest.mark.parametrize("missing", ["validation", "none"])
def test_labels_of_every_split_there_is(bad: str, missing: str) -> None:
    """The first split that has one; its file and row; by the class's name where it has one."""
    if bad == missing:
        return
    objective, model = both([dense(3, activation="softmax")], (5,), loss="sparse_categorical_crossentropy")
    splits: dict[str, Any] = {}
    for name in ("train", "validation", "test"):
        split = Labels([0, 1], [2, 3 if name == bad else 1])
        origin = Origin(f"{name}.csv", first=2)
        place = lambda part, at, origin=origin: (origin, at)  # noqa: E731
        split.__dict__.update(targets={"out": None}, place=place)
        splits[name] = None if name == missing else split
    data = SimpleNamespace(**splits, class_names={"out": ["a", "b", "c", "d"]})
    (problem,) = label_problems(objective, model, data)  # type: ignore[arg-type]
    assert problem.message == (
        f"output 'out' has 3 classes (0 to 2), but the label d occurs ({bad}.csv, row 5)"
    )
    assert problem.path == ("model", "layers", 0, "units")
    assert problem.expected == "units: 4"


TIME: list[Any] = [
    {"type": "Conv1D", "filters": 2, "kernel_size": 4, "name": "conv"},
    {"type": "Dense", "units": 1, "name": "out"},
]


def lengths(layers: list[Any], x: Shape, target: Shape | None) -> list[Problem]:
    objective, model = both(layers, (None, 3), loss="mse")
    assert varies(model)
    (output,) = model.outputs
    given = GivenShapes({"x": x}, {} if target is None else {output: target}, {}, "the data's ")
    return length_problems(model, objective, given)


def test_lengths_that_data_gives() -> None:
    """Of what reads a layer with a problem, nothing is said; targets have the length that comes out."""
    assert lengths(TIME, (9, 3), (6, 1)) == []
    assert lengths(TIME, (9, 3), None) == []
    (problem,) = lengths(TIME, (9, 3), (5, 1))
    assert problem.path == ("model", "layers", 1, "units")
    assert "but the data gives (5, 1)" in problem.message
    (problem,) = lengths(TIME, (3, 3), (5, 1))
    assert problem.message == (
        "layer 'conv': Conv1D's window of (4) is larger than the (3) that comes in "
        "(it reads 'x' (3, 3), from the data's 'x' (3, 3))"
    )
    assert problem.path == ("model", "layers", 0, "kernel_size")
    assert problem.expected == "a kernel_size that fits, or padding: same"


def test_targets_with_a_length_of_their_own() -> None:
    """Those of CTC: as many labels as the data gives, however many steps come out."""
    dense_steps = [{"type": "Dense", "units": 4, "name": "out"}]
    for loss, wanted in (("ctc", (6,)), ("mse", (None, 4))):
        objective, model = both(dense_steps, (None, 3), loss=loss)
        objective = with_own_lengths(objective, {"out": (6,)})
        (output,) = objective.outputs
        assert output.target.shape == wanted
        if loss == "ctc":
            given = GivenShapes({"x": (9, 3)}, {"out": (6,)}, {}, "")
            assert length_problems(model, objective, given) == []
            given = GivenShapes({"x": (9, 3)}, {"out": (7,)}, {}, "")
            (problem,) = length_problems(model, objective, given)
            assert "wants a target of (6), but the data gives (7)" in problem.message
    objective, _ = both(dense_steps, (9, 3), loss="ctc")
    assert with_own_lengths(objective, {}) == objective


def test_lengths_of_a_layer_with_several_outputs() -> None:
    states = {"type": "GRU", "units": 2, "return_state": True, "return_sequences": True, "name": "gru"}
    layers = [
        states,
        {"type": "Dense", "units": 1, "inputs": "gru:1", "name": "state"},
        TIME[0] | {"inputs": "gru"},
    ]
    (problem,) = lengths(layers, (3, 3), None)
    assert "(it reads 'gru' (3, 2), from the data's 'x' (3, 3))" in problem.message


def test_a_field_is_the_place_only_where_one_is_at_fault() -> None:
    add = [
        {"type": "Conv1D", "filters": 3, "kernel_size": 2, "name": "conv"},
        {"type": "Add", "inputs": ["conv", "x"]},
    ]
    (problem,) = lengths(add, (4, 3), None)
    assert problem.path == ("model", "layers", 1)


def test_a_fixed_shape_does_not_vary() -> None:
    assert not varies(both(TIME, (9, 3), loss="mse")[1])
