"""Hashing, HashedCrossing, IntegerLookup: held to what TensorFlow 2.21 with Keras 3.15 gave.

Keras needs TensorFlow for these layers, on every backend; its answers stand here.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from nnctl.core.errors import ConfigError, ShapeError
from nnctl.core.fingerprint import farm_hash, sip_hash
from nnctl.formats.keras.archive import keras_archive
from nnctl.kernels import hashing
from nnctl.layers.base import Layer
from nnctl.layers.integer_lookup import IntegerLookup
from nnctl.spec.output.schema import json_schema
from nnctl.workflow.assemble import assemble
from nnctl.workflow.train import first_weights
from tests.core.test_fingerprint import KNOWN
from tests.layers.harness import case, make

NUMBERS = np.array([[0, 1, 7], [12, -1, 7]])
VOCABULARY = [12, 36, 1138, 42]
MASKED = {"vocabulary": VOCABULARY, "num_oov_indices": 3, "mask_token": 0}
TF_IDF = {"output_mode": "tf_idf", "vocabulary": VOCABULARY, "idf_weights": [0.1, 0.2, 0.3, 0.4]}


def given(config: dict[str, Any], *arrays: Any) -> Any:
    made = case(config, [a.shape[1:] for a in arrays], batch=len(arrays[0]), integers=9)
    for held, array in zip(made.inputs, arrays, strict=True):
        held[...] = array
    return made.run().outputs[0]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"type": "Hashing", "num_bins": 10, "mask_value": 7}, [[2, 1, 0], [8, 4, 0]]),
        ({"type": "Hashing", "num_bins": 2, "mask_value": 7}, [[1, 1, 0], [1, 1, 0]]),
        ({"type": "Hashing", "num_bins": 1, "mask_value": 7}, [[0, 0, 0], [0, 0, 0]]),
        (
            {"type": "Hashing", "num_bins": 10, "salt": [3, 4], "output_mode": "multi_hot"},
            [[0, 0, 0, 0, 0, 1, 1, 0, 0, 1], [0, 0, 0, 0, 0, 0, 1, 0, 0, 1]],
        ),
        ({"type": "IntegerLookup", **MASKED, "oov_method": "farmhash", "salt": 5}, [[0, 2, 2], [4, 2, 2]]),
        ({"type": "IntegerLookup", **MASKED}, [[0, 2, 2], [4, 3, 2]]),
        (
            {"type": "IntegerLookup", "num_oov_indices": 2, **TF_IDF},
            [[0.25, 0.5, 0, 0, 0, 0], [0, 0.5, 0.1, 0, 0, 0]],
        ),
        ({"type": "IntegerLookup", "vocabulary": [7, 1], "invert": True}, [[-1, 7, -1], [-1, -1, -1]]),
        (
            {"type": "IntegerLookup", "vocabulary": [5, -1, 7, 1], "mask_token": 5, "invert": True},
            [[5, -1, -1], [-1, -1, -1]],
        ),
    ],
    ids=str,
)
def test_as_tensorflow(config: dict[str, Any], expected: list[Any]) -> None:
    np.testing.assert_allclose(given(config, NUMBERS), expected, rtol=1e-6)


def test_crosses_as_tensorflow() -> None:
    first, second = np.array([[0], [1], [2]]), np.array([[3], [4], [5]])
    config = {"type": "HashedCrossing", "num_bins": 5}
    np.testing.assert_array_equal(given(config, first, second), [[2], [0], [3]])
    hot = given({**config, "output_mode": "one_hot"}, first, second)
    np.testing.assert_array_equal(hot, np.eye(5)[[2, 0, 3]])
    numbers = np.array([number for number, *_ in KNOWN["numbers"]])
    y = np.empty_like(numbers)
    for at, x in enumerate((numbers, numbers[::-1], numbers)):
        hashing.cross(x, at > 0, 2**40 if at == 2 else 0, y)
    np.testing.assert_array_equal(y, KNOWN["cross_of_three"])


@pytest.mark.parametrize("bins", [1, 7, 2**63 - 1])
def test_kernels_hash_digits(bins: int) -> None:
    """Every length from one digit on, the largest and the least number among them."""
    numbers = [*(number for number, *_ in KNOWN["numbers"]), *(3 * 10**n + 1 for n in range(19)), -3, -45]
    x = np.array(numbers)
    farm, sip = np.empty_like(x), np.empty_like(x)
    hashing.hash_bins(x, False, np.uint64(0), np.uint64(0), bins, 0, farm)
    hashing.hash_bins(x, True, np.uint64(7), np.uint64(9), bins, 0, sip)
    digits = [str(number).encode() for number in numbers]
    assert farm.tolist() == [farm_hash(text) % bins for text in digits]
    assert sip.tolist() == [sip_hash(text, (7, 9)) % bins for text in digits]


FOUND = {"max_tokens": 7, "num_oov_indices": 2, "output_mode": "tf_idf", "pad_to_max_tokens": True}


def test_a_vocabulary_is_found_as_tensorflow_finds_it() -> None:
    """In blocks; of what occurs equally often the larger comes first, -1 stands for what is unknown."""
    layer = make({"type": "IntegerLookup", **FOUND})
    assert isinstance(layer, IntegerLookup)
    blocks = [np.array([[1, 2, 2], [3, 3, 4]], np.float32), np.array([[5, 5, 1]], np.float32)]
    found = {name: np.array(values) for name, values in layer.adapted(iter(blocks)).items()}
    assert layer.configured(found)["vocabulary"] == (5, 3, 2, 1, 4)
    expected = [0.871662, 0.871662, 0.91629076, 0.91629076, 0.91629076, 0.6931472, 0.91629076]
    np.testing.assert_allclose(found["idf_weights"], expected, rtol=1e-6)
    layer = make({"type": "IntegerLookup", **FOUND, "max_tokens": 9, "mask_token": 2})
    assert isinstance(layer, IntegerLookup)
    found = {name: np.array(values) for name, values in layer.adapted(iter(blocks)).items()}
    assert layer.configured(found)["vocabulary"] == (5, 3, 1, 4)
    expected = [0.86050487, 0.86050487, 0.91629076, 0.91629076, 0.6931472, 0.91629076, 0, 0, 0]
    np.testing.assert_allclose(found["idf_weights"], expected, rtol=1e-6)


def test_a_found_vocabulary_with_room_left() -> None:
    """Every token at its place, the largest too, which stands there several times; others at the first."""
    config = {"type": "IntegerLookup", "max_tokens": 9}
    made = case(config, [(6,)], batch=1, integers=9)
    for name, values in made.layer.adapted(iter([np.array([[7, 2, 2], [7, 7, 4]], np.float32)])).items():
        made.weights[name][...] = values
    made.inputs[0][...] = [[7, 2, 4, 8, 1, 5]]
    np.testing.assert_array_equal(made.run().outputs[0], [[1, 2, 3, 0, 0, 0]])


def test_it_is_found_in_the_training_split_and_written_for_keras(tmp_path: Path) -> None:
    rows = "".join(f"{(n * n) % 7 + 20},{n}\n" for n in range(60))
    (tmp_path / "a.csv").write_text("id,y\n" + rows)
    layers = (
        "[{type: IntegerLookup, max_tokens: 9, name: ids}, {type: Embedding, input_dim: 9, output_dim: 2}"
    )
    (tmp_path / "c.yaml").write_text(
        "nnctl: 1\ndata: {source: a.csv, inputs: id, target: y, split: {validation: 0.2}}\n"
        f"model: {{layers: {layers}, Flatten, {{type: Dense, units: 1, name: out}}]}}\n"
        "training: {loss: mse, optimizer: SGD, epochs: 1}\n"
    )
    made = assemble(tmp_path / "c.yaml")
    session, train = made.session(1), made.data.train
    first_weights(session, None, train)
    weights = session.weights.arrays
    assert sorted(set(weights["ids/tokens"].tolist())) == [20, 21, 22, 24]
    spec = made.loaded.experiment.model
    archive = tmp_path / "m.keras"
    archive.write_bytes(keras_archive(spec, made.model, weights, name="m", dtype="float32"))
    with zipfile.ZipFile(archive) as file:
        config = json.loads(file.read("config.json"))
    (ids,) = [
        entry["config"] for entry in config["config"]["layers"] if entry["class_name"] == "IntegerLookup"
    ]
    assert sorted(ids["vocabulary"]) == [20, 21, 22, 24]
    assert "tokens" not in ids
    program = session.prediction({"input": (1, 1)})
    assert program.inputs["input:input"].dtype.kind == "i"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"type": "Hashing", "num_bins": 3, "salt": -1}, "salt"),
        ("IntegerLookup", "needs 'vocabulary' or 'max_tokens'"),
        ({"type": "IntegerLookup", "vocabulary": [1, 2, 1]}, "has 1 twice"),
        ({"type": "IntegerLookup", "vocabulary": [1, 2], "max_tokens": 2}, "below the 3 places"),
        ({"type": "IntegerLookup", "vocabulary": [1, 2], "mask_token": 2}, "has the 'mask_token' 2"),
        ({"type": "IntegerLookup", "vocabulary": [1], "num_oov_indices": 0}, "'num_oov_indices' above 0"),
        ({"type": "IntegerLookup", "vocabulary": [1], "salt": 3}, "needs 'oov_method: farmhash'"),
        ({"type": "IntegerLookup", "vocabulary": [1], "output_mode": "tf_idf"}, "needs 'idf_weights'"),
        ({"type": "IntegerLookup", "max_tokens": 5, "output_mode": "count"}, "needs 'pad_to_max_tokens'"),
        ({"type": "IntegerLookup", "max_tokens": 2, "mask_token": 0}, "leaves no place"),
        ({"type": "IntegerLookup", "vocabulary": [2**63]}, "vocabulary"),
        ({"type": "IntegerLookup", "vocabulary": [1], "mask_token": 2**63}, "mask_token"),
        ({"type": "IntegerLookup", "vocabulary": [1], "num_oov_indices": 10**30}, "num_oov_indices"),
        ({"type": "Hashing", "num_bins": 3, "mask_value": -(2**63) - 1}, "mask_value"),
        ({"type": "HashedCrossing", "num_bins": 2**63}, "num_bins"),
    ],
    ids=str,
)
def test_what_contradicts_itself(config: Any, message: str) -> None:
    with pytest.raises((ValidationError, ConfigError), match=message):
        make(config)


def test_many_unknown_places_are_no_list_in_memory() -> None:
    layer = make({"type": "IntegerLookup", "vocabulary": [5, -7], "num_oov_indices": 2**31 - 1})
    assert layer.depth == 2**31 + 1  # a list of them would have 16 GiB


def test_what_does_not_fit() -> None:
    crossing = make({"type": "HashedCrossing", "num_bins": 3})
    with pytest.raises(ShapeError, match="one number of each input"):
        crossing.compute_output_shape((2,), (2,))
    lookup: Layer = make({"type": "IntegerLookup", "max_tokens": 5})
    with pytest.raises(ShapeError, match="below 16,777,216"):
        lookup.adapted(iter([np.array([[2.0**24]], np.float32)]))
    with pytest.raises(ShapeError, match="no number is left"):
        lookup.adapted(iter([np.array([[-1.0]], np.float32)]))


def test_one_number_is_a_salt_to_an_editor_too() -> None:
    """The schema takes what the layer takes; a config keeps what was written."""
    config = {"type": "Hashing", "num_bins": 10, "salt": 7}
    assert make(config).config()["salt"] == 7
    np.testing.assert_array_equal(given(config, NUMBERS), given({**config, "salt": [7, 7]}, NUMBERS))
    jsonschema = pytest.importorskip("jsonschema")
    document = json_schema()
    part = {"$defs": document["$defs"], **document["$defs"]["layer.Hashing"]}
    for salt, fits in ((7, True), ([7, 7], True), (None, True), ([7], False)):
        assert jsonschema.Draft202012Validator(part).is_valid({**config, "salt": salt}) is fits
