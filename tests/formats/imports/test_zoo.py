"""Architectures of real Keras imported: the same outputs, and the same gradient of every weight."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
keras = pytest.importorskip("keras")
jax = pytest.importorskip("jax")

from nnctl.graph.compile import compile_objective  # noqa: E402
from nnctl.program.session import Session  # noqa: E402
from nnctl.spec.language.training import TrainingSpec  # noqa: E402
from nnctl.workflow.import_model import import_model  # noqa: E402
from nnctl.workflow.stored import StoredModel, open_stored  # noqa: E402
from tests.formats.imports.zoo import ZOO  # noqa: E402
from tests.sampling import everyday  # noqa: E402

pytestmark = [pytest.mark.keras, pytest.mark.usefixtures("compile_quickly")]

EVERYDAY = ("text, GRU", "seq2seq", "siamese", "nested and shared", "tables", "transformer encoder")
LARGE = [name for name in ZOO if name[0].isupper() and name != "U-Net"]
"""Of these one form is enough: how weights are found does not depend on the model."""
BATCH = 12
TOLERANCE = 1e-9
OF_SINGLES = {"transformer encoder": 1e-6}
"""JAX takes the softmax of `dot_product_attention` in float32, whatever it is given."""


def built(name: str) -> Any:
    """The model in float64, without dropout, with statistics of its own."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(5)
    made = ZOO[name]()
    rng = np.random.default_rng(1)
    for layer in made._flatten_layers():
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
        if isinstance(layer, keras.layers.BatchNormalization):
            for weight in layer.weights:
                around = 1.0 if weight.name in ("gamma", "moving_variance") else 0.0
                weight.assign(around + rng.uniform(-0.3, 0.3, weight.shape))
    return made


def _name(tensor: Any) -> str:
    return str(tensor._keras_history.operation.name)


def batch(model: Any) -> dict[str, Any]:
    rng = np.random.default_rng(2)
    found = {}
    for tensor in model.inputs:
        shape = (BATCH, *tensor.shape[1:])
        if "int" in str(tensor.dtype):
            found[_name(tensor)] = rng.integers(0, 6, shape).astype("int32")
        else:
            found[_name(tensor)] = rng.uniform(0, 1, shape)
    return found


def fed(model: Any, inputs: dict[str, Any]) -> Any:
    """Inputs as the model takes them."""
    if isinstance(getattr(model, "_inputs_struct", None), dict):
        return inputs
    given = [inputs[_name(tensor)] for tensor in model.inputs]
    return given if len(given) > 1 else given[0]


def imported(model: Any, ending: str, place: Path) -> StoredModel:
    """The model as nnctl opens it from a file that Keras has written."""
    file = place / f"m{ending}"
    model.save(file)
    import_model(file, place / f"run{ending}")
    return open_stored(str(place / f"run{ending}"))


def stepped(stored: StoredModel, inputs: dict[str, Any], targets: list[Any]) -> tuple[Any, Any]:
    """nnctl's outputs, and its weights after a step of gradient descent."""
    names = list(stored.model.outputs)
    loss = dict.fromkeys(names, "mean_squared_error")
    told = TrainingSpec.model_validate(
        {
            "loss": loss if len(names) > 1 else "mean_squared_error",
            "optimizer": {"type": "SGD", "learning_rate": 1.0},
        }
    )
    objective = compile_objective(told, stored.model)
    session = Session(
        stored.model, dtype="float64", seed=3, threads=2, objective=objective, optimizer=told.optimizer
    )
    session.weights.load(stored.file.state.weights)
    shapes = {name: inputs[name].shape for name in stored.model.inputs}
    program = session.prediction(shapes)
    for name, given in inputs.items():
        program.inputs[f"input:{name}"][...] = given
    program.run()
    outputs = [np.array(program.outputs[name]) for name in names]
    program = session.training(shapes)
    for name, given in inputs.items():
        program.inputs[f"input:{name}"][...] = given
    for name, given in zip(names, targets, strict=True):
        held = program.inputs[f"target:{name}"]
        held[...] = given.reshape(held.shape)
    if "step" in program.inputs:
        program.inputs["step"][0] = 0
    program.run()
    session.take_hyper(0, None)
    session.update().run()
    return outputs, {name: np.array(array) for name, array in session.weights.arrays.items()}


@pytest.fixture(autouse=True)
def _in_float64(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """All of it: BatchNormalization over few places would make much of what a float32 rounds.

    Keras's tanh, mean and others would go on in floats, as JAX does where it has no doubles.
    """
    monkeypatch.setattr(keras.src.backend.common.dtypes, "BIT64_TO_BIT32_DTYPE", {})
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    with jax.enable_x64(True):
        yield
    keras.config.set_floatx(before)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize("name", everyday(ZOO, EVERYDAY))
def test_outputs_and_gradients(name: str, ending: str, tmp_path: Path) -> None:
    if name in LARGE and ending == ".h5":
        pytest.skip("one form is enough")
    theirs = built(name)
    inputs = batch(theirs)
    stored = imported(theirs, ending, tmp_path)
    expected = theirs(fed(theirs, inputs), training=False)
    expected = expected if isinstance(expected, list) else [expected]
    rng = np.random.default_rng(3)
    targets = [rng.uniform(0, 1, np.shape(e)) for e in expected]
    theirs.compile(keras.optimizers.SGD(1.0), "mean_squared_error")
    found, weights = stepped(stored, inputs, targets)
    worst, tolerance = 0.0, OF_SINGLES.get(name, TOLERANCE)
    for ours, output in zip(found, expected, strict=True):
        scale = np.abs(np.asarray(output)).max()
        worst = max(worst, np.abs(ours - np.asarray(output)).max() / scale)
        np.testing.assert_allclose(ours, np.asarray(output), rtol=0, atol=tolerance * scale)
    theirs.train_on_batch(fed(theirs, inputs), targets if len(targets) > 1 else targets[0])
    (tmp_path / "after").mkdir()
    after = imported(theirs, ending, tmp_path / "after")
    before = stored.file.state.weights
    moved = {key: np.asarray(after.file.state.weights[key]) - before[key] for key in before}
    largest = max(np.abs(value).max(initial=0) for value in moved.values())
    assert largest > 0
    for key, value in moved.items():
        np.testing.assert_allclose(
            weights[key] - before[key], value, rtol=0, atol=tolerance * largest, err_msg=key
        )
    changes = (np.abs(weights[key] - before[key] - value).max(initial=0) for key, value in moved.items())
    count = sum(value.size for value in before.values())
    # Shown by -rP.
    print(f"{name}: {count:,} weights; outputs {worst:.0e}, gradients {max(changes) / largest:.0e}")
