"""Every layer's cases as ONNX: what ONNX Runtime gives is what nnctl gives."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from nnctl.core.errors import ConfigError
from nnctl.formats.exports.onnx import onnx
from nnctl.formats.onnx import traced
from tests.formats.layer_models import side_by_side
from tests.formats.models import Model, model
from tests.formats.onnx.running import same
from tests.layers import keras_cases
from tests.sampling import a_day

FAMILIES = {
    name: [case for case in cases if keras_cases.kind(case) not in onnx.layers]
    for name, cases in {**keras_cases.FAMILIES, "more": keras_cases.MORE}.items()
}
LENGTHS = (10, 11, 16)


@pytest.mark.parametrize("most", [1, pytest.param(99, marks=pytest.mark.slow)])
@pytest.mark.parametrize("family", FAMILIES)
def test_layers(family: str, most: int) -> None:
    """All cases of a family in one model."""
    cases = a_day(FAMILIES[family], keras_cases.kind, most)
    same(model(side_by_side(cases)))


def opened(case: keras_cases.Case) -> dict[str, Any]:
    """The model of a case with the first axis of its inputs left open."""
    config = side_by_side([case])
    tables = [entry["inputs"] for entry in config["layers"] if entry["type"] == "Embedding"]
    for name, given in config["inputs"].items():
        if len(given["shape"]) > 1 or (given["shape"] and name in tables):
            given["shape"] = [None, *given["shape"][1:]]
    return config


def varying(case: keras_cases.Case) -> Model | None:
    """The model of a case with lengths left open, where there are any and the layer takes them."""
    with suppress(ConfigError, ValueError):
        made = model(opened(case))
        if any(None in info.shape for info in made.graph.inputs.values()):
            for length in LENGTHS:
                made.predict(made.inputs(batch=2, lengths=length, largest=3))
            return made
    return None


BY_LENGTH = (
    "Resizing",
    "CenterCrop",
    "RandomCrop",
    "ConvLSTM",
    "UpSampling2D",
    "gelu",
    "softsign",
    "softplus",
    "softmax",
)
"""What works otherwise with each length, or takes steps one by one: words of the cases."""


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_lengths_left_open(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if family in ("recurrent", "conv_lstms"):
        # Steps that are composed one by one take long.
        monkeypatch.setattr(traced, "_ODD", (37, 61, 13))
        monkeypatch.setattr(traced, "_EVEN", (36, 60, 12))
    found = 0
    for case in FAMILIES[family]:
        made = varying(case)
        if made is None:
            continue
        try:
            same(made, (1, 3), LENGTHS)
        except ConfigError:
            if not any(word in str(case) for word in BY_LENGTH):
                raise
        else:
            found += 1
    assert found or family in ("categories", "hashes", "conv_lstms", "spectral")


@pytest.mark.parametrize(
    "case", [c for c in keras_cases.CASES if keras_cases.kind(c) in onnx.layers], ids=str
)
def test_what_is_refused_is_named(case: keras_cases.Case) -> None:
    made = model(side_by_side([case]))
    with pytest.raises(ConfigError, match=r"ONNX cannot hold the layer 'case_0' \(\w+\): it "):
        same(made)
