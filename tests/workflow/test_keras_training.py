"""Whole models trained three steps beside Keras: the same weights, batches, losses and optimizers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.formats.keras.archive import keras_archive
from nnctl.graph.build import build
from nnctl.graph.compile import compile_objective
from nnctl.graph.model import InputInfo
from nnctl.program.session import Session
from nnctl.spec.language.model import ModelSpec
from nnctl.spec.language.training import TrainingSpec
from tests.sampling import everyday

pytestmark = pytest.mark.keras
keras = pytest.importorskip("keras")

SPARSE, MSE = "sparse_categorical_crossentropy", "mean_squared_error"
DENSE = [
    {"type": "Dense", "units": 7, "activation": "gelu", "kernel_regularizer": {"type": "L2", "l2": 0.01}},
    "BatchNormalization",
    {
        "type": "Dense",
        "units": 5,
        "activation": "tanh",
        "kernel_constraint": {"type": "MaxNorm", "max_value": 0.9},
    },
    "LayerNormalization",
    {"type": "Dense", "units": 4, "activation": "softmax"},
]
IMAGE = [
    {"type": "Conv2D", "filters": 6, "kernel_size": [3, 2], "activation": "relu", "padding": "same"},
    "MaxPooling2D",
    {"type": "Conv2D", "filters": 5, "kernel_size": 3, "activation": "relu"},
    "GlobalAveragePooling2D",
    {"type": "Dense", "units": 3, "activation": "softmax"},
]
TOKENS = [
    {"type": "Embedding", "input_dim": 11, "output_dim": 4, "mask_zero": True},
    {"type": "LSTM", "units": 6, "return_sequences": True},
    {"type": "GRU", "units": 5},
    {"type": "Dense", "units": 1},
]
NESTEROV = {"type": "SGD", "learning_rate": 0.05, "momentum": 0.9, "nesterov": True}
CLIPPED = {"type": "AdamW", "learning_rate": 0.01, "global_clipnorm": 0.5}
CASES: dict[str, tuple[list[Any], tuple[int, ...], str, str, dict[str, Any]]] = {
    "dense, Adam": (DENSE, (6,), "float32", SPARSE, {"type": "Adam", "learning_rate": 0.01}),
    "dense, SGD": (DENSE, (6,), "float32", SPARSE, NESTEROV),
    "image, RMSprop": (IMAGE, (9, 7, 2), "float32", SPARSE, {"type": "RMSprop", "learning_rate": 0.003}),
    "image, AdamW": (IMAGE, (9, 7, 2), "float32", SPARSE, CLIPPED),
    "tokens, Adagrad": (TOKENS, (8,), "int32", MSE, {"type": "Adagrad", "learning_rate": 0.05}),
    "tokens, Adam": (TOKENS, (8,), "int32", MSE, {"type": "Adam", "learning_rate": 0.01, "clipnorm": 0.7}),
}  # fmt: skip
EVERYDAY = ("dense, Adam", "image, AdamW", "tokens, Adam")


def batches(shape: tuple[int, ...], dtype: str, loss: str, classes: int) -> list[tuple[Any, Any]]:
    """Three batches, the last one short."""
    rng = np.random.default_rng(4)
    made = []
    for size in (13, 13, 5):
        x = rng.standard_normal((size, *shape)).astype(np.float32)
        if dtype == "int32":
            x = rng.integers(1, 11, (size, *shape)).astype(np.int32)
            x[::2, -3:] = 0
        labels = rng.integers(0, classes, size).astype(np.int32)
        made.append((x, labels if loss == SPARSE else rng.standard_normal((size, 1)).astype(np.float32)))
    return made


@pytest.mark.parametrize("case", everyday(CASES, EVERYDAY))
def test_three_steps(case: str, tmp_path: Path) -> None:
    layers, shape, dtype, loss, optimizer = CASES[case]
    spec = ModelSpec.model_validate(
        {"inputs": {"x": {"shape": list(shape), "dtype": dtype}}, "layers": layers}
    )
    graph = build(spec, {"x": InputInfo(shape, dtype)})
    training = TrainingSpec.model_validate({"loss": loss, "optimizer": optimizer})
    objective = compile_objective(training, graph)
    session = Session(
        graph, dtype="float32", seed=3, threads=2, objective=objective, optimizer=training.optimizer
    )
    session.initialize()
    before = session.weights.snapshot()
    path = tmp_path / "model.keras"
    path.write_bytes(keras_archive(spec, graph, session.weights.arrays, name="model", dtype="float32"))
    theirs = keras.saving.load_model(path)
    name = optimizer["type"]
    fields = {key: value for key, value in optimizer.items() if key != "type"}
    theirs.compile(optimizer=getattr(keras.optimizers, name)(**fields), loss=loss)

    for step, (x, y) in enumerate(batches(shape, dtype, loss, layers[-1]["units"])):
        program = session.training({"x": x.shape})
        program.inputs["input:x"][...] = x
        (target,) = (program.inputs[n] for n in program.inputs if n.startswith("target:"))
        target[...] = y.reshape(target.shape)
        if "step" in program.inputs:  # where a layer draws numbers
            program.inputs["step"][0] = step
        program.run()
        ours = float(program.outputs["loss"][0])
        session.take_hyper(step, None)
        session.update().run()
        found = theirs.train_on_batch(x, y)
        assert ours == pytest.approx(float(np.ravel(found)[0]), rel=2e-5)

    weights = {w.path.split("/", 1)[-1]: np.asarray(w) for w in theirs.weights}
    for key, array in session.weights.arrays.items():
        (match,) = [w for path_, w in weights.items() if path_.endswith(key) or _same(path_, key)]
        moved = np.abs(array - before[key]).max()
        np.testing.assert_allclose(array, match, rtol=1e-5, atol=max(2e-4 * moved, 1e-6), err_msg=key)


def _same(path: str, key: str) -> bool:
    """Keras puts the cell's name between a recurrent layer's and its weight's."""
    layer, weight = key.rsplit("/", 1)
    return path.startswith((layer + "/", "model/" + layer + "/")) and path.endswith("/" + weight)
