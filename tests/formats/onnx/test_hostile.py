"""ONNX files from strangers: an error of nnctl's own that names the place, soon, and in little memory."""

from __future__ import annotations

import random
import re
import resource
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from nnctl.core.errors import ConfigError, RunError
from nnctl.formats.onnx.model import onnx_file
from nnctl.formats.onnx.wire import MOST_FIELDS
from tests.formats.models import exportable, model
from tests.formats.onnx.running import read

SECONDS, BYTES = 2.0, 200 << 20


def refused(data: bytes) -> str:
    """The error of a file that is refused, in time and memory."""
    start, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises((ConfigError, RunError)) as caught:
        read(data)
    assert time.process_time() - start < SECONDS
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10 < BYTES
    return str(caught.value)


def graph(nodes: list[Any], constants: list[Any] = [], shape: tuple[int, ...] = (2, 3)) -> Any:  # noqa: B006
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("x", "y"))
    return helper.make_model(helper.make_graph(nodes, "g", [x], [y], constants))


def node(operator: str, *inputs: str, output: str = "y", **attributes: Any) -> Any:
    return helper.make_node(operator, list(inputs), [output], **attributes)


def tensor(name: str = "w", shape: tuple[int, ...] = (3, 4), raw: bytes | None = None) -> Any:
    made = onnx.TensorProto(name=name, dims=shape, data_type=1)
    made.raw_data = np.ones(shape, np.float32).tobytes() if raw is None else raw
    return made


def external() -> bytes:
    weight = tensor()
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="/etc/passwd")
    return bytes(graph([node("MatMul", "x", "w")], [weight]).SerializeToString())


def nested(depth: int) -> bytes:
    """Graphs within graphs."""
    inner = helper.make_graph([node("Relu", "x")], "inner", [], [])
    for _ in range(depth):
        inner = helper.make_graph(
            [node("If", "x", then_branch=inner, else_branch=inner)] if depth < 12 else [], "g", [], []
        )
    return bytes(graph([node("If", "x", then_branch=inner)]).SerializeToString())


def bottomless() -> bytes:
    """A graph within a graph, and so on, ten thousand times."""
    data = b""
    for _ in range(10_000):
        attribute = b"\x32" + varint(len(data)) + data
        inner = b"\x0a" + varint(len(attribute) + 2) + b"\x2a" + varint(len(attribute)) + attribute
        data = inner[:100_000]
    return b"\x08\x08\x3a" + varint(len(data)) + data


def varint(value: int) -> bytes:
    made = b""
    while value > 127:
        made += bytes([value & 127 | 128])
        value >>= 7
    return made + bytes([value])


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def file_of(graph_data: bytes) -> bytes:
    return b"\x08\x08" + field(7, graph_data)


def serialized(nodes: list[Any], constants: list[Any] = [], **more: Any) -> Callable[[], bytes]:  # noqa: B006
    return lambda: bytes(graph(nodes, constants, **more).SerializeToString())


ENORMOUS = helper.make_tensor("s", TensorProto.INT64, [2], [1 << 30, 1 << 30])
CASES: dict[str, tuple[Callable[[], bytes], str]] = {
    "numbers elsewhere": (external, "'w': its numbers lie in another file, which nnctl does not open"),
    "a shape that is larger than the file": (
        serialized([node("MatMul", "x", "w")], [tensor(shape=(1, 1), raw=b"\0\0\0\0")]),
        "does not fit 3 numbers",
    ),
    "too few bytes": (
        lambda: graph([node("MatMul", "x", "w")], [tensor(raw=b"\0" * 8)]).SerializeToString(),
        "constant 0 'w': has 8 bytes, not those of its shape",
    ),
    "an enormous shape": (
        lambda: file_of(field(5, (b"\x08" + varint(1 << 39)) * 9 + b"\x10\x01" + field(8, b"w"))),
        "not those of its shape",
    ),
    "a negative shape": (
        lambda: file_of(field(5, b"\x08" + varint((1 << 64) - 1) + b"\x10\x01" + field(8, b"w"))),
        "has no shape of an array",
    ),
    "a circle": (
        serialized([node("Relu", "b", output="a"), node("Relu", "a", output="b"), node("Add", "a", "x")]),
        "reads a constant where nnctl's layer reads another layer",
    ),
    "itself": (serialized([node("Relu", "y")]), "reads a constant"),
    "graphs in nodes": (lambda: nested(8), "nnctl has no layer that does this"),
    "graphs without end": (bottomless, ""),
    "an array that would be filled": (
        serialized([node("ConstantOfShape", "s", output="c"), node("Add", "x", "c")], [ENORMOUS]),
        "larger than nnctl works out",
    ),
    "an array that would be repeated": (
        serialized(
            [node("Expand", "w", "s", output="c"), node("Add", "x", "c")], [tensor(shape=(1, 1)), ENORMOUS]
        ),
        "larger than nnctl works out",
    ),
    "an array joined with itself": (
        serialized(
            [node("Concat", *["w"] * 4000, output="c", axis=0), node("Add", "x", "c")],
            [tensor(shape=(100, 100))],
        ),
        "larger than nnctl works out",
    ),
    "a file of empty fields": (lambda: file_of(b"\x0a\x00" * (MOST_FIELDS // 4)), "more than nnctl reads"),
    "more fields than are read": (
        lambda: file_of(field(1, b"\x0a\x00" * (MOST_FIELDS + 1))),
        f"more than {MOST_FIELDS:,} fields",
    ),
    "more layers than are read": (
        serialized(
            [node("Neg", f"{i}" if i else "x", output=f"{i + 1}" if i < 2999 else "y") for i in range(3000)]
        ),
        "more than 1,500 layers",
    ),
    "a graph in a function": (
        lambda: graph([helper.make_node("f", ["x"], ["y"], domain="mine")]).SerializeToString(),
        r"mine\.f\): nnctl has no layer that does this",
    ),
    "texts": (
        lambda: helper.make_model(
            helper.make_graph(
                [node("Identity", "x")], "g",
                [helper.make_tensor_value_info("x", TensorProto.STRING, [None])],
                [helper.make_tensor_value_info("y", TensorProto.STRING, [None])],
            )
        ).SerializeToString(),
        "input 'x': takes texts",
    ),
    "no graph": (lambda: b"\x08\x08\x12\x00", "holds no graph"),
    "a number without end": (lambda: b"\x08\x08\x3a" + b"\xff" * 12, "or has one that is too long"),
    "a kind of field that there is not": (lambda: b"\x08\x08\x3b\x00", "of the kind 3"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_is_refused(name: str) -> None:
    make, message = CASES[name]
    told = refused(make())
    assert re.search(message, told), told
    assert "m.onnx" in told


def test_nothing_of_a_name_reaches_a_terminal() -> None:
    made = graph([helper.make_node("\x1b[2JSin", ["x"], ["y"], name="\x1b]0;owned\x07")])
    told = refused(made.SerializeToString())
    assert told.isprintable()
    made.graph.input[0].name, made.graph.output[0].name = "\x1b[2J", "\x1b[3J"
    assert refused(made.SerializeToString()).isprintable()
    made.graph.input[0].type.tensor_type.elem_type = TensorProto.STRING
    assert refused(made.SerializeToString()).isprintable()
    made = graph(
        [node("LSTM", "x", "w", "w", activations=["\x1b[2J"] * 3)], [tensor(shape=(1, 4, 1))], (2, 3, 1)
    )
    assert refused(made.SerializeToString()).isprintable()


SMALL = {
    "inputs": {"x": [9, 8, 2]},
    "layers": [
        {"type": "Conv2D", "filters": 3, "kernel_size": 3, "strides": 2, "activation": "relu"},
        "BatchNormalization",
        {"type": "Reshape", "target_shape": [12, 3]},
        {"type": "Bidirectional", "layer": {"type": "LSTM", "units": 3}},
        {"type": "Dense", "units": 2, "activation": "softmax"},
    ],
}


def survives(data: bytes) -> None:
    """It is imported, or refused by an error of nnctl's own."""
    start = time.process_time()
    with suppress(ConfigError, RunError):
        read(data)
    assert time.process_time() - start < SECONDS


def test_cut_off_at_every_hundredth() -> None:
    data = onnx_file(exportable(model(SMALL)))
    for part in range(100):
        refused(data[: len(data) * part // 100])


@pytest.mark.parametrize("count", [200, pytest.param(2000, marks=pytest.mark.slow)])
def test_bytes_changed_at_random(count: int) -> None:
    data, chance = onnx_file(exportable(model(SMALL))), random.Random(count)
    for _ in range(count):
        changed = bytearray(data)
        for _ in range(chance.choice((1, 1, 2, 8))):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        survives(bytes(changed))
