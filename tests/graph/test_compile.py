"""Losses and metrics by output; what does not fit is placed."""

from __future__ import annotations

from typing import Any

import pytest

from nnctl.core.errors import ConfigError, Problem
from nnctl.graph.build import build
from nnctl.graph.compile import compile_objective, compile_partly
from nnctl.graph.model import InputInfo, LayerGraph
from nnctl.graph.objective import Objective
from nnctl.metrics.accuracy import SparseCategoricalAccuracy
from nnctl.spec.language.model import ModelSpec
from nnctl.spec.language.training import TrainingSpec


def model(*outputs: tuple[str, int]) -> LayerGraph:
    layers = [{"type": "Dense", "units": units, "name": name, "inputs": "x"} for name, units in outputs]
    spec = ModelSpec.model_validate({"layers": layers, "outputs": [name for name, _ in outputs]})
    return build(spec, {"x": InputInfo((5,), "float32")})


def compiled(graph: LayerGraph, **training: Any) -> Objective:
    return compile_objective(TrainingSpec.model_validate(training), graph)


def failed(graph: LayerGraph, **training: Any) -> list[tuple[str, tuple[Any, ...]]]:
    with pytest.raises(ConfigError) as caught:
        compiled(graph, **training)
    return [(p.message, p.path) for p in caught.value.problems]


def test_one_output() -> None:
    objective = compiled(
        model(("a", 3)), loss="sparse_categorical_crossentropy", metrics=["accuracy", "accuracy"]
    )
    assert objective.log_names() == ("loss", "accuracy", "accuracy_1")
    assert objective.outputs[0].target.kind == "classes"


def test_a_weighted_metric_beside_a_plain_one_is_called_as_in_keras() -> None:
    both = {"metrics": ["mae", "mse"], "weighted_metrics": ["mse"]}
    assert compiled(model(("a", 2)), loss="mse", **both).log_names() == ("loss", "mae", "mse", "weighted_mse")
    graph = model(("a", 2), ("b", 1))
    assert compiled(graph, loss="mse", **both).log_names()[3:6] == ("a_mae", "a_mse", "a_weighted_mse")
    alone = compiled(model(("a", 2)), loss="mse", weighted_metrics=["mse"])
    assert alone.log_names() == ("loss", "mse")


@pytest.mark.parametrize("name", ["loss", "learning_rate", "epoch", "val_loss"])
def test_a_metric_cannot_take_a_name_of_the_logs(name: str) -> None:
    metrics = [{"type": "MeanAbsoluteError", "name": name}]
    ((message, path),) = failed(model(("a", 2)), loss="mse", metrics=metrics)
    assert f"'{name}'" in message
    assert path == ("training", "metrics")


def test_metrics_of_two_outputs_cannot_share_a_name() -> None:
    graph = model(("a", 2), ("a_b", 1))
    named = {"a": {"type": "MeanAbsoluteError", "name": "b_mse"}, "a_b": "mse"}
    assert failed(graph, loss="mse", metrics=named)
    own = {"type": "MeanAbsoluteError", "name": "loss"}
    assert failed(graph, loss="mse", metrics={"a": own})


def test_what_has_no_loss_cannot_be_measured() -> None:
    graph = model(("a", 2), ("b", 1))
    loss = {"a": "mse", "b": None}
    assert [path for _, path in failed(graph, loss=loss, metrics={"b": "mae"})] == [
        ("training", "metrics", "b")
    ]
    assert compiled(graph, loss=loss, metrics={"b": []}).log_names() == ("loss",)
    assert compiled(graph, loss=loss, metrics="mae").log_names() == ("loss", "a_mae")


def test_accuracy_follows_the_target_as_in_keras() -> None:
    kinds = {
        "sparse_categorical_crossentropy": ("SparseCategoricalAccuracy", 3),
        "categorical_crossentropy": ("CategoricalAccuracy", 3),
        "binary_crossentropy": ("BinaryAccuracy", 1),
    }
    for loss, (metric, units) in kinds.items():
        objective = compiled(model(("a", units)), loss=loss, metrics=["accuracy"])
        assert type(objective.outputs[0].metrics[0].metric).__name__ == metric


def test_several_outputs_by_name_by_order_and_for_all() -> None:
    graph = model(("a", 3), ("b", 1))
    by_name = {"a": "sparse_categorical_crossentropy", "b": "mse"}
    objective = compiled(graph, loss=by_name, loss_weights={"b": 0.25}, metrics={"b": ["mae"]})
    assert [o.loss_weight for o in objective.outputs] == [1.0, 0.25]
    assert objective.log_names()[:3] == ("loss", "a_loss", "b_loss")
    assert [m.name for o in objective.outputs for m in o.metrics] == [objective.log_names()[3]]
    assert objective.log_names()[3].startswith("b_")
    in_order = compiled(graph, loss=list(by_name.values()))
    assert [type(o.loss) for o in in_order.outputs] == [type(o.loss) for o in objective.outputs]
    for_all = compiled(graph, loss="mse")
    assert len(for_all.outputs) == 2


def test_an_output_without_a_loss_is_left_out() -> None:
    objective = compiled(model(("a", 3), ("b", 1)), loss={"a": "mse", "b": None})
    assert [o.output for o in objective.outputs] == ["a"]
    assert objective.loss_names() == ("loss",)


def test_misfits_are_placed() -> None:
    graph = model(("a", 1), ("b", 2))
    problems = failed(graph, loss={"a": "sparse_categorical_crossentropy", "c": "mse", "b": "mse"})
    assert [path for _, path in problems] == [("training", "loss", "c"), ("training", "loss", "a")]
    problems = failed(graph, loss=["mse"])
    assert problems[0] == ("1 given for 2 outputs", ("training", "loss"))


def test_metrics_must_read_what_the_loss_reads() -> None:
    problems = failed(
        model(("a", 3)), loss="categorical_crossentropy", metrics=["sparse_categorical_accuracy"]
    )
    assert problems[0][1] == ("training", "metrics", 0)


def test_metrics_know_what_the_loss_ignores() -> None:
    """Also where the resolved config says `ignore_class: null`, as every default is written out there."""
    loss = {"type": "SparseCategoricalCrossentropy", "ignore_class": 255}
    metrics = ["sparse_categorical_crossentropy", {"type": loss["type"], "ignore_class": None, "name": "b"}]
    objective = compiled(model(("a", 3)), loss=loss, metrics=metrics)
    assert [m.metric.ignore_class for m in objective.outputs[0].metrics] == [255, 255]


def told(graph: LayerGraph, **training: Any) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        compiled(graph, **training)
    return list(caught.value.problems)


def test_an_output_that_is_not_there() -> None:
    graph = model(("left", 2), ("right", 1))
    (problem,) = told(graph, loss={"left": "mse", "right": "mse"}, loss_weights={"rihgt": 2})
    assert problem.message == "the model has no output 'rihgt'; it has 'left', 'right'"
    assert problem.path == ("training", "loss_weights", "rihgt")
    assert problem.suggestion == "right"
    assert problem.at_key


def test_as_many_as_there_are_outputs() -> None:
    assert failed(model(("a", 2)), loss=["mse", "mae"]) == [("2 given for 1 output", ("training", "loss"))]
    graph = model(("a", 2), ("b", 1))
    assert failed(graph, loss="mse", loss_weights=[1.0]) == [
        ("1 given for 2 outputs", ("training", "loss_weights"))
    ]


def test_weights_of_losses() -> None:
    graph = model(("a", 2), ("b", 1))
    for given, expected in (
        (None, [1.0, 1.0]),
        (2, [2.0, 2.0]),
        ([3, 4], [3.0, 4.0]),
        ({"b": 5}, [1.0, 5.0]),
    ):
        assert [o.loss_weight for o in compiled(graph, loss="mse", loss_weights=given).outputs] == expected


def test_no_output_with_a_loss() -> None:
    assert failed(model(("a", 2)), loss={"a": None}) == [("no output has a loss", ("training", "loss"))]
    assert [path for _, path in failed(model(("a", 2)), loss={"b": "mse"})] == [("training", "loss", "b")]


def test_a_loss_that_does_not_fit_is_told_with_the_way_out() -> None:
    graph = model(("a", 2), ("b", 1))
    (problem,) = told(graph, loss={"a": "mse", "b": "sparse_categorical_crossentropy"})
    assert problem.message.startswith("the loss does not fit output 'b': ")
    assert problem.path == ("training", "loss", "b")
    assert problem.expected == "at least 2 units"


@pytest.mark.parametrize(
    ("loss", "words"), [("categorical_crossentropy", "one-hot targets"), ("mse", "numbers")]
)
def test_a_metric_of_a_plugin_must_read_what_the_loss_reads(
    loss: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose `resolve` may not look at the target."""
    monkeypatch.setattr(SparseCategoricalAccuracy, "resolve", lambda self, target, output: self)
    ((message, path),) = failed(model(("a", 3)), loss=loss, metrics=["mae", "sparse_categorical_accuracy"])
    assert message.endswith(
        "output 'a': sparse_categorical_accuracy reads class numbers, "
        f"but this output's loss makes the targets {words}"
    )
    assert path == ("training", "metrics", 1)


def test_a_metric_that_does_not_fit_is_told_and_the_others_stay() -> None:
    loss, metrics = "categorical_crossentropy", ["sparse_categorical_accuracy", "categorical_accuracy"]
    training = TrainingSpec.model_validate({"loss": loss, "metrics": metrics})
    objective, (problem,) = compile_partly(training, model(("a", 3)))
    assert objective.log_names() == ("loss", "categorical_accuracy")
    assert problem.message.startswith("the metric does not fit output 'a': ")
    assert problem.path == ("training", "metrics", 0)
    weighted = {"weighted_metrics": {"a": ["mae", "sparse_categorical_accuracy"]}}
    ((_, path),) = failed(model(("a", 3)), loss="mse", **weighted)
    assert path == ("training", "weighted_metrics", "a", 1)


def test_where_it_is_not_sure_which_loss_is_whose_there_is_none() -> None:
    training = TrainingSpec.model_validate({"loss": ["mse"]})
    objective, problems = compile_partly(training, model(("a", 2), ("b", 1)))
    assert objective.outputs == ()
    assert len(problems) == 1


def test_sample_weights_come_from_the_data_or_from_weights_of_classes() -> None:
    graph = model(("a", 3))
    loss = "sparse_categorical_crossentropy"
    assert not compiled(graph, loss=loss).outputs[0].weighted
    assert compiled(graph, loss=loss, class_weight={"0": 2.0}).outputs[0].weighted
    plain = TrainingSpec.model_validate({"loss": loss})
    assert compile_objective(plain, graph, sample_weight="w").outputs[0].weighted
    assert not compile_partly(plain, graph)[0].outputs[0].weighted


def test_weighted_metrics_see_the_weights() -> None:
    both = compiled(
        model(("a", 2)), loss="mse", metrics=["mae", "mae", "mae"], weighted_metrics=["mae", "mse"]
    )
    found = {m.name: m.weighted for m in both.outputs[0].metrics}
    assert found == {
        "mae": False, "mae_1": False, "mae_2": False, "weighted_mae": True, "mse": True,
    }  # fmt: skip


def test_what_a_metric_of_an_output_without_a_loss_wants() -> None:
    graph = model(("a", 2), ("b", 1))
    (problem,) = told(graph, loss={"a": "mse", "b": None}, weighted_metrics={"b": "mae", "a": "mae"})
    assert problem.message == "output 'b' has no loss, so nothing of it can be measured"
    assert problem.path == ("training", "weighted_metrics", "b")
    assert problem.expected == "a loss for it"
    assert problem.at_key


def test_a_name_that_is_taken_wants_another() -> None:
    (problem,) = told(model(("a", 2)), loss="mse", metrics=[{"type": "MeanAbsoluteError", "name": "step"}])
    assert problem.expected == "another `name` for it"
