"""Models of Keras brought all the way by the commands: in by three forms, used, out, and in again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
keras = pytest.importorskip("keras")
pytest.importorskip("jax")

from nnctl.runs.state import weights_sha256  # noqa: E402
from nnctl.workflow.stored import StoredModel, open_stored  # noqa: E402
from tests.cli.command import nnctl  # noqa: E402
from tests.formats.imports.test_round_trips import shape_of  # noqa: E402
from tests.formats.imports.zoo import ZOO  # noqa: E402
from tests.sampling import everyday  # noqa: E402

pytestmark = [pytest.mark.keras, pytest.mark.usefixtures("compile_quickly")]

EVERYDAY = ("U-Net", "text, GRU")
FAMILIES = ("ResNet50", "MobileNetV3Small", "EfficientNetB0", "ConvNeXtTiny")


def done(*arguments: str | Path) -> Any:
    """What a command that must succeed says."""
    told = nnctl(*arguments, "--json")
    assert told.code == 0, told.err
    return told.json


def with_own_statistics(name: str) -> Any:
    keras.utils.clear_session()
    keras.utils.set_random_seed(5)
    made = ZOO[name]()
    rng = np.random.default_rng(1)
    for weight in made.weights:
        if weight.name in ("moving_mean", "moving_variance"):
            weight.assign(rng.uniform(0.7, 1.3, weight.shape))
    return made


def opened_alike(run: Path, other: Path) -> StoredModel:
    """The run, which holds the graph and the bits of the other."""
    found, expected = open_stored(str(run)), open_stored(str(other))
    assert shape_of(found.model) == shape_of(expected.model)
    assert found.model.outputs == expected.model.outputs
    assert weights_sha256(found.file.state.weights) == weights_sha256(expected.file.state.weights)
    return found


@pytest.mark.parametrize("name", everyday((*EVERYDAY, *FAMILIES), EVERYDAY))
def test_in_out_and_in_again(name: str, tmp_path: Path) -> None:
    theirs = with_own_statistics(name)
    (tensor,) = theirs.inputs
    rng = np.random.default_rng(2)
    whole, shape = "int" in str(tensor.dtype), (7, *tensor.shape[1:])
    x = rng.integers(0, 6, shape).astype("i4") if whole else rng.uniform(0, 1, shape).astype("f4")
    expected = np.asarray(theirs(x, training=False))
    theirs.save(tmp_path / "m.keras")
    theirs.save(tmp_path / "m.h5")
    theirs.save_weights(tmp_path / "w.weights.h5")
    (tmp_path / "m.json").write_text(theirs.to_json())

    run, column = tmp_path / "run", tensor._keras_history.operation.name
    imported = done("import", tmp_path / "m.keras", "-o", run)
    assert imported["parameters"] == theirs.count_params()
    for model, more in (("m.h5", ()), ("m.json", ("--weights", tmp_path / "w.weights.h5"))):
        other = tmp_path / f"run_{model}"
        again = done("import", tmp_path / model, *more, "-o", other)
        assert again["weights_sha256"] == imported["weights_sha256"]
        opened_alike(other, run)

    np.savez(tmp_path / "x.npz", **{column: x})
    done("predict", run, tmp_path / "x.npz", "-o", tmp_path / "y.npy")
    found = np.load(tmp_path / "y.npy")
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    classes = (expected > 0.5) if name == "U-Net" else expected.argmax(-1)
    (target,) = open_stored(str(run)).model.outputs
    np.savez(run / "data.npz", **{column: x, target: classes.astype("i4")})
    planned = done("plan", run / "config.yaml")
    assert planned["parameters"] == theirs.count_params()

    done("export", run, "--format", "keras", "-o", tmp_path / "out.keras")
    back = done("import", tmp_path / "out.keras", "-o", tmp_path / "back")
    assert back["weights_sha256"] == imported["weights_sha256"]
    opened_alike(tmp_path / "back", run)
    opened = keras.saving.load_model(tmp_path / "out.keras")
    np.testing.assert_allclose(np.asarray(opened(x, training=False)), expected, rtol=0, atol=1e-6)
