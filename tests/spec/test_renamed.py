"""Words of Keras 1 and 2, and of `fit`: each is answered by what it is now, not by what looks like it."""

from __future__ import annotations

from typing import Any

import pytest

from nnctl.core.errors import ConfigError, Problem
from nnctl.layers.base import layers
from nnctl.spec.diagnosis.renamed import _NAMES, _TOLD
from nnctl.spec.language.experiment import Experiment
from nnctl.spec.load import validate
from nnctl.spec.yaml.document import parse_document
from nnctl.spec.yaml.emit import block
from nnctl.spec.yaml.source_text import SourceText


def found(section: str, key: str, entry: dict[str, Any] | None = None) -> Problem:
    config: dict[str, Any] = {
        "nnctl": 1,
        "data": {"source": "a.csv", "target": "y"},
        "model": {"layers": [{"type": "Dense", "units": 1}]},
        "training": {"loss": "mse"},
    }
    if section == "layer":
        config["model"]["layers"] = [{**(entry or {}), key: 0.2}]
    elif section == "optimizer":
        config["training"]["optimizer"] = {"type": "Adam", key: 0.2}
    elif section == "callback":
        config["training"]["callbacks"] = [{**(entry or {}), key: 0.2}]
    else:
        config[section][key] = 0.2
    document = parse_document(SourceText("c.yaml", block(config)))
    with pytest.raises(ConfigError) as caught:
        validate(Experiment, document, document.data)
    (problem,) = [p for p in caught.value.problems if "has no key" in p.message]
    return problem


DENSE = {"type": "Dense", "units": 1}
PLATEAU = {"type": "ReduceLROnPlateau"}


@pytest.mark.parametrize(
    ("section", "key", "entry", "now"),
    [
        ("layer", "init", DENSE, "kernel_initializer"),
        ("layer", "bias", DENSE, "use_bias"),
        ("layer", "W_regularizer", DENSE, "kernel_regularizer"),
        ("layer", "output_dim", {"type": "Dense"}, "units"),
        ("layer", "nb_filter", {"type": "Conv2D", "kernel_size": 3}, "filters"),
        ("layer", "border_mode", {"type": "Conv2D", "filters": 1, "kernel_size": 3}, "padding"),
        ("layer", "subsample", {"type": "Conv2D", "filters": 1, "kernel_size": 3}, "strides"),
        ("layer", "p", {"type": "Dropout"}, "rate"),
        ("layer", "inner_activation", {"type": "LSTM", "units": 1}, "recurrent_activation"),
        ("layer", "dropout_U", {"type": "LSTM", "units": 1}, "recurrent_dropout"),
        ("layer", "gamma_init", {"type": "BatchNormalization"}, "gamma_initializer"),
        ("optimizer", "lr", None, "learning_rate"),
        ("training", "nb_epoch", None, "epochs"),
        ("training", "validation_freq", None, "validation_frequency"),
        ("training", "samples_per_epoch", None, "steps_per_epoch"),
        ("callback", "epsilon", PLATEAU, "min_delta"),
    ],
)
def test_an_old_word_is_a_field_by_another_name(section: str, key: str, entry: Any, now: str) -> None:
    assert found(section, key, entry).suggestion == now


@pytest.mark.parametrize(
    ("section", "key", "entry", "told"),
    [
        ("training", "validation_split", None, "data: {split: {validation: 0.2}}"),
        ("training", "validation_data", None, "data.validation"),
        ("training", "verbose", None, "nnctl train --help"),
        ("training", "lr", None, "learning_rate in training.optimizer"),
        ("training", "decay", None, "a schedule"),
        ("data", "validation_split", None, "split: {validation: 0.2}"),
        ("optimizer", "decay", None, "a schedule"),
        ("layer", "input_shape", DENSE, "model: {inputs: {x: {shape: [...]}}}"),
        ("layer", "batch_input_shape", DENSE, "model: {inputs: {x: {shape: [...]}}}"),
        ("layer", "input_length", {"type": "Embedding", "input_dim": 3, "output_dim": 1}, "shape: [...]"),
        ("layer", "input_dim", {"type": "Dense", "units": 2}, "shape: [...]"),
        ("callback", "period", {"type": "ModelCheckpoint", "filepath": "a.h5"}, "save_freq"),
    ],
)
def test_an_old_word_is_written_elsewhere(section: str, key: str, entry: Any, told: str) -> None:
    problem = found(section, key, entry)
    assert problem.suggestion is None
    assert told in (problem.expected or "")


def test_what_looks_like_a_word_still_is_it() -> None:
    assert found("layer", "unit", DENSE).suggestion == "units"
    assert found("training", "epoch", None).suggestion == "epochs"


def test_what_is_named_exists() -> None:
    """Every new word is a field of some layer (callback, ...); no old one is."""
    fields = {name for cls in layers.classes() for name in cls.model_fields}
    assert set(_NAMES["layer"].values()) <= fields
    assert set(_TOLD["layer"]) & fields == {"input_dim"}  # Embedding's, where it is no old word
