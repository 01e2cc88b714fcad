"""Exported models as Keras opens them: compiled, the optimizer's state with them, the same next step."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
keras = pytest.importorskip("keras")

import h5py  # noqa: E402

from nnctl.formats.exports.base import TrainedModel  # noqa: E402
from nnctl.formats.exports.keras import keras as keras_format  # noqa: E402
from nnctl.formats.keras.archive import name_in_keras  # noqa: E402
from nnctl.formats.keras.scopes import read_scope  # noqa: E402
from nnctl.formats.keras.weights import by_layer  # noqa: E402
from tests.formats.trained import Batch, Trained  # noqa: E402
from tests.optimizers.cases import COMMON, VARIANTS  # noqa: E402
from tests.optimizers.runs import stepping  # noqa: E402
from tests.sampling import sampled  # noqa: E402

pytestmark = pytest.mark.keras

SMALL = {
    "inputs": {"x": [4], "n": {"shape": [3], "dtype": "int32"}},
    "layers": [
        {"type": "Embedding", "name": "words", "input_dim": 5, "output_dim": 3, "inputs": "n"},
        {"type": "GlobalAveragePooling1D", "name": "mean"},
        {"type": "Dense", "name": "hidden", "units": 6, "activation": "tanh", "inputs": "x"},
        {"type": "Concatenate", "inputs": ["mean", "hidden"]},
        {"type": "BatchNormalization", "name": "norm"},
        {"type": "Dense", "name": "kinds", "units": 3, "activation": "softmax"},
    ],
}
"""Weights of one and of two axes, some that do not train, and in Keras another order of layers."""


def opened(model: TrainedModel, path: Path) -> Any:
    """The model as Keras opens it."""
    path.write_bytes(b"".join(keras_format().pieces(model)))
    theirs = keras.saving.load_model(path)
    theirs.run_eagerly = True  # Compiling a step takes JAX longer than a step.
    return theirs


def stepped(theirs: Any, inputs: Batch, targets: Batch) -> float:
    """One step of Keras's; the loss before it."""
    x = [inputs[name] for name in (tensor.name for tensor in theirs.inputs)]
    y = list(targets.values())
    found = theirs.train_on_batch(x if len(x) > 1 else x[0], y if len(y) > 1 else y[0], return_dict=True)
    return float(found["loss"])


def same_weights(made: Trained, theirs: Any) -> None:
    """Keras's weights are ours, to 1e-5 of their size."""
    scope = read_scope(made.spec, made.graph, made.session.dtype)
    places = [at for own in by_layer(scope, made.graph, "m").values() for at in own]
    for at, weight in zip(places, theirs.weights, strict=True):
        ours, size = made.session.weights.arrays[at.name], np.abs(np.asarray(weight)).max()
        np.testing.assert_allclose(weight, ours, rtol=1e-5, atol=1e-5 * size, err_msg=at.name)


def goes_on(made: Trained, theirs: Any, steps: int = 1) -> None:
    """Both take the next step alike."""
    for _ in range(steps):
        batch = made.batch()
        loss = made.train(*batch)
        assert stepped(theirs, *batch) == pytest.approx(loss, rel=1e-5)
        same_weights(made, theirs)


def arrays(path: Path) -> dict[str, Any]:
    """Every array of a file of weights."""
    found: dict[str, Any] = {}
    import io
    import zipfile

    with zipfile.ZipFile(path) as opened, h5py.File(io.BytesIO(opened.read("model.weights.h5"))) as file:
        file.visititems(lambda name, at: found.update({name: at[()]}) if isinstance(at, h5py.Dataset) else None)
    return found


OPTIMIZERS = [*((name, fields) for name in stepping() for fields in COMMON), *VARIANTS]


@pytest.mark.parametrize(("name", "fields"), sampled(OPTIMIZERS, lambda case: case[0], 1), ids=str)
def test_optimizers(name: str, fields: dict[str, Any], tmp_path: Path) -> None:
    optimizer = {"type": name, **fields}
    if "learning_rate" not in fields and name != "MultiOptimizer":
        optimizer["learning_rate"] = 0.02
    made = Trained(SMALL, {"loss": "sparse_categorical_crossentropy", "optimizer": optimizer}).steps(3)
    theirs = opened(made.exported(), tmp_path / "m.keras")
    theirs.save(tmp_path / "again.keras")
    ours, again = arrays(tmp_path / "m.keras"), arrays(tmp_path / "again.keras")
    assert ours.keys() == again.keys()
    for path, array in ours.items():
        np.testing.assert_array_equal(array, again[path], err_msg=path)
        assert array.dtype == again[path].dtype, path
    goes_on(made, theirs)
