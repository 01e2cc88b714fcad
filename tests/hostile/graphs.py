"""Hostile ONNX files: those of the reader's own tests, numbers elsewhere, names twice, NaN weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx

from tests.formats.onnx.test_hostile import CASES, field, file_of, graph, node, tensor, varint
from tests.hostile.cases import CORPUS, Case, case
from tests.hostile.forge import SECRET

MODEL = "model.onnx"
_UNRECOGNISED = "a kind of field that there is not"
"""By its first bytes this is no ONNX file: `import` says that instead."""
_LARGE = ("more layers than are read", "more fields than are read", "a file of empty fields")


def written(here: Path, content: bytes) -> str:
    (here / MODEL).write_bytes(content)
    return MODEL


def _made(make: Callable[[], bytes]) -> Callable[[Path], str]:
    return lambda here: written(here, make())


for _name, (_make, _message) in CASES.items():
    _says = "" if _name == _UNRECOGNISED else _message.replace("\\", "")
    CORPUS[f"onnx: {_name}"] = Case(_made(_make), _says, False, _name in _LARGE)


def elsewhere(here: Path, location: str) -> str:
    """A model whose weights are said to lie there."""
    weight = tensor()
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    weight.external_data.add(key="location", value=location)
    return written(here, graph([node("MatMul", "x", "w")], [weight]).SerializeToString())


@case("lie in another file")
def onnx_numbers_beside_it(here: Path) -> str:
    return elsewhere(here, SECRET)


@case("lie in another file")
def onnx_numbers_above_it(here: Path) -> str:
    return elsewhere(here, "../../../../etc/hostname")


@case("lie in another file")
def onnx_numbers_from_the_net(here: Path) -> str:
    return elsewhere(here, "http://127.0.0.1:9/w.bin")


@case("is there twice")
def onnx_constant_twice(here: Path) -> str:
    return written(here, graph([node("MatMul", "x", "w")], [tensor(), tensor()]).SerializeToString())


@case("what it makes was made before")
def onnx_value_twice(here: Path) -> str:
    return written(here, graph([node("Relu", "x"), node("Neg", "x")]).SerializeToString())


@case(imports=True)
def onnx_weights_that_are_nan(here: Path) -> str:
    """They are weights like any other."""
    raw = np.full((3, 4), np.nan, "<f4").tobytes()
    return written(here, graph([node("MatMul", "x", "w")], [tensor(raw=raw)]).SerializeToString())


@case()
def onnx_name_without_end(here: Path) -> str:
    return written(here, file_of(field(1, b"\x22" + varint(1 << 62) + b"Relu")))


@case()
def onnx_nodes_that_are_numbers(here: Path) -> str:
    return written(here, file_of(b"\x08\x01" * 9))
