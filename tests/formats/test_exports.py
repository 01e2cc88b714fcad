"""What every export format promises; one entry for each stands in `export_cases`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nnctl.core.arrays import Array
from nnctl.core.errors import ConfigError
from nnctl.formats.exports.base import PARTS, ExportFormat, TrainedModel, formats
from tests.formats.export_cases import CASES
from tests.formats.keras_models import MODELS
from tests.formats.models import exportable, model


def test_each_format_says_what_it_keeps() -> None:
    for cls in formats.classes():
        assert cls.keeps, cls
        assert [part for part in PARTS if part in cls.keeps] == list(cls.keeps)
        assert set(cls().kept(exportable(model(MODELS["chain"])))) <= set(cls.keeps)


BY_NAME = [name for name, case in CASES.items() if case.weights is not None]

ARRAYS: dict[str, dict[str, Array]] = {
    "nothing": {},
    "one": {"dense/kernel": np.arange(6, dtype=np.float32).reshape(2, 3)},
    "kinds": {
        "z/first": np.arange(3, dtype=np.float64),
        "a/b/c/bias": np.array([1, -2], np.int32),
        "long": np.array([[2**40]], np.int64),
        "bytes": np.arange(5, dtype=np.uint8),
        "half": np.array([0.5], np.float16),
        "small/empty": np.zeros((0, 3), np.float32),
        "after": np.ones((2, 1, 2), np.float32),
        "single": np.array(7.0),
    },
    "layouts": {
        "turned": np.arange(6, dtype=np.float32).reshape(2, 3).T,
        "every second": np.arange(8, dtype=np.float64)[::2],
        "big": np.arange(3, dtype=">f4"),
    },
    "names": {"größe/kernel": np.ones(2), 'quoted "x"': np.ones(1), "with space/0": np.ones(3, np.float32)},
    "values": {"x": np.array([np.nan, np.inf, -0.0, 5e-324, 1e308])},
}


def trained(weights: dict[str, Array], name: str = "m") -> TrainedModel:
    return replace(exportable(model(MODELS["chain"]), name), weights=weights)


def write(format: str, what: TrainedModel) -> bytes:
    cls = formats.get(format)
    assert cls is not None
    return b"".join(cls().pieces(what))


def test_each_format_has_an_entry_and_is_known_before_it_is_imported() -> None:
    assert list(CASES.keys() ^ formats.names()) == []
    assert formats.declared() == formats.names()


@pytest.mark.parametrize("arrays", ARRAYS)
@pytest.mark.parametrize("format", BY_NAME)
def test_weights_come_back(format: str, arrays: str) -> None:
    reader = CASES[format].weights
    assert reader is not None
    data = write(format, trained(ARRAYS[arrays]))
    found = reader(data)
    assert found.keys() == ARRAYS[arrays].keys()
    for name, array in ARRAYS[arrays].items():
        assert found[name].dtype.newbyteorder("<") == array.dtype.newbyteorder("<")
        assert found[name].shape == array.shape
        assert found[name].astype(array.dtype).tobytes() == array.tobytes(), name


@pytest.mark.parametrize("format", CASES)
def test_the_bytes_depend_on_the_model_only(format: str) -> None:
    what = exportable(model(MODELS["chain"]))
    data = write(format, what)
    assert data
    assert write(format, replace(what, weights=dict(what.weights))) == data


def test_an_ending_that_is_needed_is_asked_for() -> None:
    class ended(ExportFormat):
        ending = ".end"
        needs_ending = True

    ended().check("a.end")
    for name, proposed in (("a.zip", "a.end"), ("a", "a.end"), ("a.b.zip", "a.b.end")):
        with pytest.raises(ConfigError, match=r"files that end in \.end, not '") as caught:
            ended().check(name)
        assert caught.value.problems[0].expected == f"--output {proposed}"
    ended.needs_ending = False
    ended().check("a.zip")


def test_a_package_that_is_needed_is_asked_for(monkeypatch: Any) -> None:
    class needy(ExportFormat):
        ending = ".x"
        package = "json"

    needy().check("a.x")
    needy.package = "no_such_package"
    with pytest.raises(ConfigError, match="--format needy needs the package no_such_package") as caught:
        needy().check("a.x")
    assert caught.value.problems[0].expected == "pip install 'nnctl[no_such_package]'"
