"""A session by parts: its arrays, its programs by size, and the op graphs of a step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import ConfigError
from nnctl.graph.build import build
from nnctl.graph.compile import compile_objective
from nnctl.graph.model import InputInfo, LayerGraph, Ref
from nnctl.layers.dense import Dense
from nnctl.ops.base import Graph
from nnctl.program.bind import compile_graph
from nnctl.program.programs import (
    EvaluationProgram,
    PredictionProgram,
    Program,
    TrainingProgram,
    UpdateProgram,
)
from nnctl.program.session import Session
from nnctl.program.trace import trace
from nnctl.spec.language.model import ModelSpec
from nnctl.spec.language.training import TrainingSpec

FIVE = {"x": InputInfo((5,), "float32")}


def dense(units: int, name: str, **more: Any) -> dict[str, Any]:
    return {"type": "Dense", "units": units, "name": name, **more}


def model_of(layers: list[Any], inputs: Any = FIVE, **more: Any) -> LayerGraph:
    return build(ModelSpec.model_validate({"layers": layers, **more}), inputs)


def session_of(
    model: LayerGraph, *, sample_weight: Any = None, dtype: str = "float64", **training: Any
) -> Session:
    spec = TrainingSpec.model_validate({"loss": "mse", "optimizer": "sgd", **training})
    objective = compile_objective(spec, model, sample_weight=sample_weight)
    session = Session(model, dtype=dtype, seed=3, threads=1, objective=objective, optimizer=spec.optimizer)
    session.initialize()
    return session


def run(session: Session, kind: type[Program], x: np.ndarray, **targets: Any) -> Any:  # type: ignore[type-arg]
    program = session.bound(kind({"x": x.shape}))
    program.inputs["input:x"][...] = x
    for name, values in targets.items():
        program.inputs[name.replace("__", ":")][...] = values
    program.run()
    return program


X = np.linspace(-1.0, 1.0, 20).reshape(4, 5)


def test_slots_by_weight() -> None:
    """Filled as the optimizer says, each a view of its slot in the shape of its weight."""
    session = session_of(model_of([dense(4, "a"), dense(2, "b")]), optimizer="adam")
    views = session.slot_views()
    weights = session.weights
    slots = list(session.slots)
    assert list(views) == [f"{slot}/{name}" for slot in slots for name in weights.trainable]
    for slot in slots:
        session.slots[slot][...] = np.arange(session.slots[slot].size)
    for slot in slots:
        for name, start in zip(weights.trainable, weights.starts, strict=False):
            view = views[f"{slot}/{name}"]
            assert view.shape == weights.arrays[name].shape
            np.testing.assert_array_equal(view.reshape(-1), np.arange(start, start + view.size))


def test_slots_begin_as_the_optimizer_says() -> None:
    adagrad = {"type": "Adagrad", "initial_accumulator_value": 0.25}
    session = session_of(model_of([dense(2, "a")]), optimizer=adagrad)
    assert session.slots
    assert all((slot == 0.25).all() for slot in session.slots.values())


def test_a_model_that_only_predicts_has_no_room_for_gradients() -> None:
    session = Session(model_of([dense(2, "a")]), dtype="float32", seed=1, threads=1)
    assert (session.slots, session.states) == ({}, {})
    assert session.weights.gradients.size == 0
    assert session._arena.nbytes == 0


@pytest.mark.parametrize(("of_a", "of_b"), [(2.0, 1.0), (0.0, 1.5)])
def test_losses_are_weighted_summed_and_averaged(of_a: float, of_b: float) -> None:
    """Over batches by their sizes; each output's own without its weight."""
    model = model_of(
        [dense(2, "a", kernel_regularizer={"type": "L2", "l2": 0.5}), dense(1, "b", inputs="x")],
        outputs=["a", "b"],
    )
    session = session_of(model, loss_weights={"a": of_a, "b": of_b})
    total, a, b = [], [], []
    for x in (X, X[:2] * 3):
        program = run(session, EvaluationProgram, x, target__a=0.5, target__b=-1.0)
        w = session.weights.arrays
        a.append(np.mean((x @ w["a/kernel"] - 0.5) ** 2))
        b.append(np.mean((x @ w["b/kernel"] + 1.0) ** 2))
        total.append(of_a * a[-1] + of_b * b[-1] + 0.5 * np.sum(w["a/kernel"] ** 2))
        assert program.outputs["loss"][0] == pytest.approx(total[-1], rel=1e-12)
    logs = session.logs()
    for name, values in (("loss", total), ("a_loss", a), ("b_loss", b)):
        assert logs[name] == pytest.approx(np.average(values, weights=[4, 2]), rel=1e-12), name
    session.reset_states()
    assert set(session.logs().values()) == {0.0}


def test_sample_weights_weigh_the_loss_and_weighted_metrics_only() -> None:
    session = session_of(
        model_of([dense(1, "a")]), sample_weight="w", metrics=["mae"], weighted_metrics=["mae"]
    )
    weights = np.array([1.0, 0.0, 2.0, 0.5])
    run(session, EvaluationProgram, X, target__a=0.25, sample_weight__a=weights)
    off = (X @ session.weights.arrays["a/kernel"] - 0.25)[:, 0]
    logs = session.logs()
    assert logs["mae"] == pytest.approx(np.mean(np.abs(off)), rel=1e-12)
    assert logs["weighted_mae"] == pytest.approx(np.average(np.abs(off), weights=weights), rel=1e-12)
    assert logs["loss"] == pytest.approx(np.sum(weights * off**2) / 4, rel=1e-12)


def test_frozen_weights_are_neither_penalized_nor_trained_nor_constrained() -> None:
    fields = {"kernel_regularizer": "l2", "kernel_constraint": "NonNeg"}
    model = model_of([dense(3, "a", trainable=False, **fields), dense(1, "b", **fields)])
    session = session_of(model)
    program = run(session, TrainingProgram, X, target__b=0.0)
    w = session.weights.arrays
    made = X @ w["a/kernel"] @ w["b/kernel"]
    assert program.outputs["loss"][0] == pytest.approx(
        np.mean(made**2) + 0.01 * np.sum(w["b/kernel"] ** 2), rel=1e-12
    )
    assert set(session.weights.gradient_views) == {"b/kernel", "b/bias"}
    w["a/kernel"][...] = -1.0
    w["b/kernel"][...] = -1.0
    session.weights.gradients[...] = 0
    session.update().run()
    assert (w["a/kernel"] == -1).all()
    assert (w["b/kernel"] == 0).all()


def test_a_weight_that_the_loss_does_not_reach_keeps_a_gradient_of_nothing() -> None:
    model = model_of([dense(3, "a"), dense(1, "b", inputs="x")], outputs=["b"])
    session = session_of(model)
    run(session, TrainingProgram, X, target__b=0.0)
    assert not session.weights.gradient_views["a/kernel"].any()
    assert session.weights.gradient_views["b/kernel"].any()


def test_gradients_that_are_not_finite_are_found_by_weight() -> None:
    session = session_of(model_of([dense(3, "a"), dense(1, "b")]))
    for at, name in enumerate(session.weights.trainable):
        session.weights.gradients[...] = 0
        assert session.check().outputs["bad"].shape == (1,)
        session.check().run()
        assert session.check().outputs["bad"][0] == -1
        session.weights.gradient_views[name].reshape(-1)[-1] = np.nan
        with pytest.raises(FloatingPointError):
            session.check().run()
        assert session.check().outputs["bad"][0] == at


def test_programs_are_made_once_for_each_size() -> None:
    session = session_of(model_of([dense(3, "a")]))
    first = session.prediction({"x": (4, 5)})
    assert session.prediction({"x": (4, 5)}) is first
    assert session.compiled(PredictionProgram({"x": (4, 5)})) is session.compiled(
        PredictionProgram({"x": (4, 5)})
    )
    seen: list[str] = []
    session.compiled(PredictionProgram({"x": (4, 5)}), lambda name, graph: seen.append(name))
    assert seen == ["dead-code", "fold", "follow", "share", "fuse", "lay-out", "weights-first"]
    assert session.prepare([]) == []
    assert session.prepare([PredictionProgram({"x": (4, 5)})]) == [first]


def test_kernels_of_the_programs_bound_so_far() -> None:
    session = session_of(model_of([dense(3, "a")]))
    assert session.kernel_names() == set()
    bound = session.prediction({"x": (4, 5)})
    assert session.kernel_names() == {kernel.__name__ for kernel, _ in bound.calls}
    seen: list[tuple[int, int, str]] = []
    session.compile_kernels(lambda *told: seen.append(told))
    assert seen[-1] == (len(seen) - 1, len(seen) - 1, "")


def test_whole_numbers_stay_whole_and_floats_are_the_model_s() -> None:
    inputs = {"i": InputInfo((3,), "int32"), "f": InputInfo((3,), "float64")}
    layers = [
        {"type": "Embedding", "input_dim": 4, "output_dim": 2, "inputs": "i"},
        "Flatten",
        dense(1, "a", inputs="f"),
        {"type": "Concatenate", "inputs": ["flatten", "a"]},
    ]
    session = session_of(model_of(layers, inputs), dtype="float32")
    program = session.prediction({"i": (2, 3), "f": (2, 3)})
    assert {name: array.dtype.name for name, array in program.inputs.items()} == {
        "input:i": "int32",
        "input:f": "float32",
    }


def test_targets_are_as_the_loss_reads_them_in_lengths_that_the_model_gives() -> None:
    time = {"x": InputInfo((None, 3), "float32")}
    session = session_of(model_of([dense(2, "a")], time), loss="sparse_categorical_crossentropy")
    program = session.training({"x": (4, 7, 3)})
    target = program.inputs["target:a"]
    assert (target.shape, target.dtype.name) == ((4, 7), "int32")
    session = session_of(model_of([dense(2, "a")], time))
    target = session.training({"x": (4, 7, 3)}).inputs["target:a"]
    assert (target.shape, target.dtype.name) == ((4, 7, 2), "float64")


def test_every_op_is_told_apart_by_what_it_is_for() -> None:
    model = model_of([dense(2, "a", kernel_regularizer="l2", kernel_constraint="NonNeg")])
    session = session_of(model, metrics=["mae"])
    origins = {node.origin for node in TrainingProgram({"x": (4, 5)}).build(session).graph.nodes}
    assert origins >= {"a", "loss of a", "mae", "regularizers", "loss"}
    update = [node.origin for node in UpdateProgram().build(session).graph.nodes]
    assert update[0] == "SGD"
    assert update[-1] == "a"


def test_a_shape_that_a_layer_promised_and_did_not_make(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Dense, "compute_output_shape", lambda self, x: (9,))
    session = session_of(model_of([dense(2, "a")]))
    with pytest.raises(ValueError, match=r"'a' promised \(9,\) and made \(2,\)"):
        session.prediction({"x": (4, 5)})
    monkeypatch.setattr(Dense, "compute_output_shape", lambda self, x: (2, 1))
    with pytest.raises(ValueError, match=r"'a' promised \(2, 1\) and made \(2,\)"):
        session_of(model_of([dense(2, "a")])).prediction({"x": (4, 5)})


def test_another_number_of_outputs_than_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Dense.call
    monkeypatch.setattr(Dense, "call", lambda self, ctx, x: [made(self, ctx, x)] * 2)
    with pytest.raises(ValueError, match="argument"):
        session_of(model_of([dense(2, "a")])).prediction({"x": (4, 5)})


def test_sizes_that_a_layer_cannot_take_are_told_at_its_place() -> None:
    time = {"x": InputInfo((None, 3), "float32")}
    conv = {"type": "Reshape", "target_shape": [4, 3], "name": "cut"}
    session = Session(model_of([conv], time), dtype="float32", seed=1, threads=1)
    with pytest.raises(ConfigError) as caught:
        session.prediction({"x": (2, 5, 3)})
    (problem,) = caught.value.problems
    assert problem.path == ("model", "layers", 0, "target_shape")
    assert problem.message.startswith("layer 'cut': ")


@pytest.mark.parametrize("kind", [TrainingProgram, EvaluationProgram])
def test_what_layers_and_weights_add_to_the_loss(kind: type[Program]) -> None:
    """An activity regularizer's penalty an example, and a kernel's."""
    layers = [dense(2, "a", use_bias=False, activity_regularizer={"type": "L1", "l1": 0.5})]
    layers += [dense(2, "b", use_bias=False, kernel_regularizer={"type": "L2", "l2": 0.25})]
    session = session_of(model_of(layers))
    a, b = session.weights.arrays["a/kernel"], session.weights.arrays["b/kernel"]
    target = np.ones((4, 2))
    program = run(session, kind, X, target__b=target)
    hidden = X @ a
    expected = np.mean((hidden @ b - target) ** 2) + 0.5 * np.abs(hidden).sum() / 4 + 0.25 * np.sum(b**2)
    assert program.outputs["loss"][0] == pytest.approx(expected, rel=1e-12)


def test_a_gradient_that_is_seen_in_another_shape_reaches_the_optimizer() -> None:
    """That of a Conv1D's kernel, which is computed as an image's; by finite differences."""
    convolution = {"type": "Conv1D", "filters": 2, "kernel_size": 3, "name": "c", "use_bias": False}
    session = session_of(model_of([convolution], {"x": InputInfo((5, 1), "float32")}))
    x, target = X[..., None], np.ones((4, 3, 2))
    kernel = session.weights.arrays["c/kernel"]
    run(session, TrainingProgram, x, target__c=target)
    gradient = session.weights.gradient_views["c/kernel"].copy()
    for index in np.ndindex(kernel.shape):
        losses = []
        for step in (1e-6, -2e-6):
            kernel[index] += step
            losses.append(run(session, TrainingProgram, x, target__c=target).outputs["loss"][0])
        kernel[index] += 1e-6
        assert gradient[index] == pytest.approx((losses[0] - losses[1]) / 2e-6, rel=1e-6)


def test_only_training_draws_and_moves_statistics() -> None:
    layers = [{"type": "BatchNormalization", "name": "norm"}, {"type": "Dropout", "rate": 0.5}]
    session = session_of(model_of(layers))
    before = session.weights.snapshot()
    run(session, EvaluationProgram, X, target__dropout=0.0)
    prediction = run(session, PredictionProgram, X)
    np.testing.assert_allclose(prediction.outputs["dropout"], X / np.sqrt(1.001), rtol=1e-12)
    for name, array in session.weights.snapshot().items():
        np.testing.assert_array_equal(array, before[name])
    program = run(session, TrainingProgram, X, target__dropout=0.0, step=3)
    assert "step" in program.inputs
    assert not np.array_equal(session.weights.arrays["norm/moving_mean"], before["norm/moving_mean"])
    assert set(EvaluationProgram({"x": (4, 5)}).build(session).graph.inputs) == {"input:x", "target:dropout"}


def test_a_session_without_programs_has_no_arena() -> None:
    session = session_of(model_of([dense(2, "a")]))
    assert session.prepare([]) == []
    assert session._arena.nbytes == 0


def test_sizes_in_any_order_are_the_same_program() -> None:
    layers = [{"type": "Add", "inputs": ["x", "y"], "name": "sum"}]
    session = session_of(model_of(layers, {"x": FIVE["x"], "y": FIVE["x"]}))
    first = session.prediction({"x": (4, 5), "y": (4, 5)})
    assert session.prediction({"y": (4, 5), "x": (4, 5)}) is first


def test_a_layer_of_several_outputs() -> None:
    """Each has its name; a mask is of the first."""
    time = {"x": InputInfo((6,), "int32")}
    layers = [
        {"type": "Embedding", "input_dim": 4, "output_dim": 3, "mask_zero": True},
        {"type": "LSTM", "units": 2, "return_sequences": True, "return_state": True, "name": "l"},
        dense(1, "a", inputs="l"),
    ]
    model = model_of(layers, time)
    graph = Graph("float64")
    traced = trace(model, graph, {"x": graph.input("x", (3, 6), "int32")}, False, 1)
    shapes = [traced.values[Ref("l", index)].shape for index in range(3)]
    assert shapes == [(3, 6, 2), (3, 2), (3, 2)]
    masks = [traced.masks[Ref("l", index)] for index in range(3)]
    assert masks[0] is not None
    assert masks[1:] == [None, None]


def test_a_program_is_for_one_thread_unless_said_otherwise() -> None:
    graph = Graph("float64")
    assert compile_graph(graph, {}).threads == 1
    assert compile_graph(graph, {}, threads=3).threads == 3
