"""Every layer of the catalogue in a model of real Keras, saved by Keras, imported: the same predictions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.core.arrays import Array
from nnctl.core.errors import ConfigError
from nnctl.formats.exports.h5 import h5
from nnctl.formats.imports.base import imports
from nnctl.formats.keras.reading.layers import not_from_keras
from nnctl.layers.base import layers
from nnctl.layers.random_crop import RandomCrop
from nnctl.workflow.import_model import import_model
from nnctl.workflow.stored import open_stored
from tests.formats.imports.built import Built, built, keras
from tests.formats.layer_models import side_by_side
from tests.formats.models import exportable, model
from tests.layers import keras_cases
from tests.sampling import a_day, everyday

pytestmark = pytest.mark.keras

ENDINGS = (".keras", ".h5")
CANNOT_SAVE = {".keras": set[str](), ".h5": {
    "RandomBrightness", "RandomColorDegeneration", "RandomPosterization", "RandomSaturation",
    "RandomSharpness", "Solarization",
}}  # fmt: skip
"""Layers that Keras 3.15 itself cannot save."""
IMAGES = {"type": "Equalization", "bins": 10}
MEL = {"type": "MelSpectrogram", "fft_length": 16, "sequence_stride": 4, "num_mel_bins": 5, "top_db": 9.0}
APART = {"RandomCrop", "Equalization", "MelSpectrogram", "Sequential", "Functional"}
"""Layers with tests of their own below; those that need TensorFlow are in `files/keras_3.15.1_tensorflow`."""


def same(found: Sequence[Array], expected: Sequence[Array]) -> None:
    """Within 1e-5 of the largest number."""
    assert len(found) == len(expected)
    for number, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        scale = max(1.0, float(np.abs(theirs).max(initial=0)))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * scale, err_msg=f"output {number}")


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("most", [1, pytest.param(99, marks=pytest.mark.slow)])
@pytest.mark.parametrize("family", everyday(keras_cases.FAMILIES, ["categories", "spectral", "merges"]))
def test_layers(family: str, most: int, ending: str, tmp_path: Path) -> None:
    cases = a_day(keras_cases.FAMILIES[family], keras_cases.kind, most)
    made = built([case for case in cases if keras_cases.kind(case) not in CANNOT_SAVE[ending]])
    found, told = made.imported(tmp_path / f"m{ending}")
    same(found, made.predict())
    assert [note for note in told.notes if "the loss is a guess" not in note] == []


def test_no_layer_is_left_out() -> None:
    tested = {keras_cases.kind(case) for cases in keras_cases.FAMILIES.values() for case in cases}
    catalogue = {cls.__name__ for cls in layers.classes() if not cls.is_input}
    assert catalogue - tested == APART | keras_cases.BY_TENSORFLOW


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_no_in_the_table_is_refused_by_name(ending: str, tmp_path: Path) -> None:
    cls = imports.get(ending[1:])
    assert cls is not None
    assert cls.layers == not_from_keras() == {"RandomCrop": RandomCrop.in_keras.not_in_imports}
    made = built([keras_cases.NOT_EXPORTED[0]])
    with pytest.raises(ConfigError, match=r"'random_crop.*' \(RandomCrop\): in inference Keras 3 leaves"):
        made.imported(tmp_path / f"m{ending}")


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_layer_that_closes_a_circle_in_a_wrapper(ending: str, tmp_path: Path) -> None:
    """The only model of Keras that Equalization can be in."""
    made = built([({"type": "TimeDistributed", "layer": IMAGES}, [(2, 4, 5, 3)], {})])
    same(made.imported(tmp_path / f"m{ending}")[0], made.predict())


@pytest.mark.parametrize("ending", ENDINGS)
def test_decibels_are_those_of_an_example_by_itself(ending: str, tmp_path: Path) -> None:
    made = built([(MEL, [(40,)], {}), *keras_cases.NOT_EXPORTED[2:]])
    found, told = made.imported(tmp_path / f"m{ending}")
    same(found, made.predict(batch=1))
    assert np.abs(found[0] - made.predict()[0]).max() > 0.1
    assert "decibels are bounded by the highest of their own example, not of the batch" in told.notes[0]


@pytest.mark.parametrize("kind", sorted(CANNOT_SAVE[".h5"]))
def test_a_layer_that_keras_cannot_save(kind: str, tmp_path: Path) -> None:
    """Keras reads what nnctl writes of it, and so does nnctl."""
    cases = [case for case in keras_cases.AUGMENTATIONS if keras_cases.kind(case) == kind]
    with pytest.raises(TypeError, match="cannot pickle 'module' object"):
        built(cases).imported(tmp_path / "theirs.h5")
    ours = model(side_by_side(cases))
    file = tmp_path / "ours.h5"
    file.write_bytes(b"".join(h5().pieces(exportable(ours))))
    import_model(file, tmp_path / "run")
    found = open_stored(str(tmp_path / "run")).model
    assert [node.layer.kind for node in found.nodes] == [kind] * len(cases)


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_files_call_otherwise(ending: str, tmp_path: Path) -> None:
    """GroupQueryAttention by its class's own name in a legacy file; an argument that is nothing here."""
    attention = {"type": "GroupQueryAttention", "head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}
    each = {"type": "TimeDistributed", "layer": {"type": "AutoContrast", "value_range": [-3, 3]}}
    shear = {"type": "RandomShear", "x_factor": 0.3}
    images = [(2, 3, 4, 1)], {}
    made = built([(attention, [(4, 5), (6, 5)], {}), (each, *images), (shear, [(3, 4, 1)], {})])
    same(made.imported(tmp_path / f"m{ending}")[0], made.predict())


@pytest.mark.parametrize("ending", ENDINGS)
def test_nested_models(ending: str, tmp_path: Path) -> None:
    """A chain, and a functional model that is one, twice; their weights are those of nobody else."""
    x = keras.Input((3, 4))
    a = keras.Input((3, 4))
    branch = keras.Model(a, keras.layers.Dense(4)(keras.layers.LayerNormalization()(a)))
    chain = keras.Sequential([keras.Input((3, 4)), keras.layers.Dense(4), keras.layers.LSTM(2)])
    y = keras.layers.Dense(4)(branch(branch(x)))
    made = Built(keras.Model(x, [chain(y), chain(x)]), [np.ones((2, 3, 4), np.float32)])
    same(made.imported(tmp_path / f"m{ending}")[0], made.predict())


@pytest.mark.parametrize("ending", ENDINGS)
def test_layers_are_in_the_order_of_the_file(ending: str, tmp_path: Path) -> None:
    """Keras sorts what a call is given by name by the names: equal shapes would be mixed up unseen."""
    inputs = [keras.Input((4, 5)) for _ in range(3)]
    q, v, k = (keras.layers.Dense(5)(x) for x in inputs)
    y = keras.layers.MultiHeadAttention(2, 3)(query=q, value=v, key=k)
    rng = np.random.default_rng(2)
    made = Built(keras.Model(inputs, y), list(rng.standard_normal((3, 2, 4, 5)).astype(np.float32)))
    same(made.imported(tmp_path / f"m{ending}")[0], made.predict())


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_mask_that_keras_drops_is_refused(ending: str, tmp_path: Path) -> None:
    """It hands no mask to a call with initial states that is not given one."""
    config: Any = {"type": "GRU", "units": 4}
    made = built([(config, [(5, 3), (4,)], {"masks": [0]})], told_masks=False)
    with pytest.raises(ConfigError, match=r"'gru.*' \(GRU\): Keras 3 drops the mask of a sequence"):
        made.imported(tmp_path / f"m{ending}")
    told = built([(config, [(5, 3), (4,)], {"masks": [0]})])
    same(told.imported(tmp_path / f"told{ending}")[0], told.predict())


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_training_data_would_say_is_refused(ending: str, tmp_path: Path) -> None:
    """A layer that never saw data, although its config leaves its numbers to it."""
    x = keras.Input((3,))
    made = Built(keras.Model(x, keras.layers.Discretization(num_bins=4)(x)), [np.ones((2, 3), np.float32)])
    with pytest.raises(ConfigError, match=r"the layer 'discretization.*': its bin_boundaries are found in"):
        made.imported(tmp_path / f"m{ending}")
