"""A batch that runs through the layers slice by slice: the same numbers, to the bit, as in one piece."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnctl.core.arrays import Array
from nnctl.graph.model import InputInfo
from nnctl.kernels.matmul import panels_size
from nnctl.layers.context import LayerContext
from nnctl.layers.dense import Dense
from nnctl.ops.base import Graph, Value
from nnctl.ops.linear import matmul
from nnctl.ops.shape import copy
from nnctl.program import session as sessions
from nnctl.program import slices
from nnctl.program.bind import Compiled, compile_graph
from nnctl.program.programs import EvaluationProgram, PredictionProgram, Program
from nnctl.program.session import Session
from nnctl.program.slices import LEAN, Traffic, repeated, rows_of, sliced, traffic
from tests.program.invariants import broken_invariants
from tests.program.test_session import dense, model_of, session_of

RNG = np.random.default_rng(8)
CONV = {"type": "Conv2D", "filters": 3, "kernel_size": 3, "padding": "same"}
NORM = "BatchNormalization"
WORD = {"type": "Embedding", "input_dim": 9, "output_dim": 3, "mask_zero": True}

IMAGE = {"x": InputInfo((6, 5, 2), "float32")}
WORDS = {"x": InputInfo((4,), "int32")}
FLAT = {"x": InputInfo((5,), "float32")}
CASES: dict[str, tuple[dict[str, InputInfo], list[Any], dict[str, Any], dict[str, Any]]] = {
    "image": (
        IMAGE,
        [CONV, NORM, {"type": "ReLU"}, "Flatten", dense(3, "y", activation="softmax")],
        {},
        {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]},
    ),
    "logistic": (
        FLAT,
        [dense(4, "h"), dense(1, "y", activation="sigmoid")],
        {},
        {"loss": "binary_crossentropy"},
    ),
    "view": (IMAGE, [CONV, {"type": "Flatten", "name": "y"}], {}, {}),
    "recurrent": (WORDS, [WORD, {"type": "LSTM", "units": 4, "return_sequences": True, "name": "y"}], {}, {}),
    "view first": (IMAGE, ["Flatten", dense(3, "y")], {}, {}),
    "read on": (
        FLAT,
        [dense(4, "a", activation="relu"), dense(3, "y")],
        {"outputs": ["a", "y"]},
        {"loss": {"a": "mse", "y": "mae"}},
    ),
    "regularized": (FLAT, [dense(2, "y", kernel_regularizer={"type": "L2", "l2": 0.1})], {}, {}),
}
"""Inputs, layers, more of the model, training."""


def session_for(name: str) -> Session:
    inputs, layers, more, training = CASES[name]
    session = session_of(model_of(layers, inputs, **more), dtype="float32", **training)
    for array in session.weights.arrays.values():
        array += RNG.random(array.shape).astype(array.dtype) * 0.1
    return session


def fill(arrays: dict[str, Array]) -> None:
    for name, array in arrays.items():
        high = 9 if name == "input:x" else 3
        whole = array.dtype.kind == "i"
        array[...] = RNG.integers(0, high, array.shape) if whole else RNG.random(array.shape)


def in_slices(monkeypatch: pytest.MonkeyPatch, rows: int | None) -> None:
    monkeypatch.setattr(sessions, "rows_of", lambda graph, threads: rows)


def results(session: Session, program: Program, given: dict[str, Array]) -> list[Array]:
    """All that can be read after a run over a batch and one over it upside down."""
    bound = session.bound(program)
    session.compile_kernels()
    session.reset_states()
    found = []
    for run, turn in ((bound.run, 1), (bound.run_again, -1)):
        for name, array in bound.inputs.items():
            array[...] = given[name][::turn]
        run()
        found += [array.copy() for array in bound.outputs.values()]
    return [*found, *(state.copy() for state in session.states.values())]


@pytest.mark.parametrize("kind", [PredictionProgram, EvaluationProgram])
@pytest.mark.parametrize("name", CASES)
def test_the_same_bits(name: str, kind: type[Program], monkeypatch: pytest.MonkeyPatch) -> None:
    """In slices of 3, 3 and (from example 4 on) 3, and of 1."""
    session = session_for(name)
    sizes = {"x": (7, *CASES[name][0]["x"].shape)}
    program = kind(sizes)  # type: ignore[arg-type]
    bound = session.bound(program)
    given = {key: array.copy() for key, array in bound.inputs.items()}
    fill(given)
    whole = results(session, program, given)
    for rows, runs in ((3, 3), (1, 7)):
        in_slices(monkeypatch, rows)
        session._compiled.clear()
        session._bound.clear()
        compiled = session.compiled(program, lambda _, graph: _sound(graph))
        assert compiled.graph.slices is not None
        assert len(compiled.graph.slices.starts) == runs
        for own, other in zip(results(session, program, given), whole, strict=True):
            assert len(np.unique(own)) > 1 or own.size < 3
            np.testing.assert_array_equal(own, other)


def _sound(graph: Graph) -> None:
    assert not broken_invariants(graph)


def test_weights_are_settled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows from them is made before the first slice; calls that move nothing are the same."""
    in_slices(monkeypatch, 2)
    session = session_for("image")
    bound = session.prediction({"x": (6, 6, 5, 2)})
    ops = [type(node.op).__name__ for node in bound.sources]
    assert ops.count("LaidOutKernel") == 1
    assert ops.count("Convolution") == 3
    assert bound.settled == ops.index("Convolution")
    products = [call for call, op in zip(bound.calls, ops, strict=True) if op == "MatMul"]
    assert products[0] is not products[1]


def test_slices_of_a_batch() -> None:
    assert (sliced(7, 3).rows, sliced(7, 3).starts) == (3, (0, 3, 4))
    assert (sliced(9, 4).rows, sliced(9, 4).starts) == (3, (0, 3, 6))
    assert (sliced(256, 21).rows, sliced(256, 21).starts[-1]) == (20, 236)


@pytest.mark.parametrize("layer", [
    {"type": "ActivityRegularization", "l2": 0.1},
    {"type": "Dense", "units": 4, "activity_regularizer": {"type": "L2", "l2": 0.1}},
])  # fmt: skip
def test_what_adds_up_over_the_batch_is_not_cut(layer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An activity regularizer's penalty is one number of a batch."""
    in_slices(monkeypatch, 2)
    session = session_of(model_of([layer, dense(3, "y")], FLAT))
    assert session.compiled(EvaluationProgram({"x": (6, 5)})).graph.slices is None


def test_what_counts_steps_is_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin's layer may draw random numbers in inference, for the batch."""
    in_slices(monkeypatch, 2)
    plain = Dense.call

    def drawing(self: Dense, ctx: LayerContext, x: Value) -> Value:
        ctx.graph.step()
        return plain(self, ctx, x)

    monkeypatch.setattr(Dense, "call", drawing)
    session = session_of(model_of([dense(3, "y")], FLAT))
    assert session.compiled(PredictionProgram({"x": (6, 5)})).graph.slices is None


def test_training_is_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    in_slices(monkeypatch, 2)
    session = session_for("image")
    assert session.training({"x": (6, 6, 5, 2)}).settled == 0
    assert session.compiled(PredictionProgram({"x": (6, 6, 5, 2)})).graph.slices is not None


def lean(batch: int, copies: int, width: int = 1 << 12) -> Compiled:
    """Copies of x (batch, width), one after the other, in float32; then a small product."""
    graph = Graph("float32", inference=True)
    value = graph.input("x", (batch, width))
    for _ in range(copies):
        value = copy(value)
    y = matmul(value, graph.variable("w", (width, 3)))
    return compile_graph(graph, {"y": y})


def test_what_a_batch_reads_and_writes() -> None:
    found = traffic(lean(10, 2).graph)
    image = 10 * 4 * (1 << 12)
    assert found.widest == 2 * image
    assert found.examples == 5 * image + 10 * 3 * 4
    assert found.weights == 4 * panels_size(1 << 12, 3, 4)
    assert found.flops == 2 * 10 * (1 << 12) + 2 * 10 * 3 * (1 << 12)


def test_where_slices_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slice's widest op fits the caches of the threads (2 MB each; 32 KB of an example here)."""
    graph = lean(200, 2).graph
    assert rows_of(graph, 1) == 64
    assert rows_of(graph, 2) == 128
    assert rows_of(graph, 4) is None  # all of them fit
    assert rows_of(lean(3, 1, 1 << 19).graph, 1) is None  # not one fits
    found = Traffic(widest=200 << 15, examples=200 << 17, weights=64 << 17, flops=LEAN * (200 << 17))
    for more, rows in (({}, 64), ({"flops": found.flops + 1}, None), ({"weights": found.weights + 1}, None)):
        known = Traffic(**{**vars(found), **more})
        monkeypatch.setattr(slices, "traffic", lambda graph, known=known: known)
        assert rows_of(graph, 1) == rows


def test_nothing_is_repeated_without_slices() -> None:
    assert not repeated(lean(3, 1).graph)
