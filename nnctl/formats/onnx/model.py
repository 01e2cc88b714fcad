"""A trained model as an ONNX file: how its inputs are prepared, what it computes, what its outputs mean."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from nnctl.core.arrays import Array
from nnctl.core.errors import ConfigError, Problem
from nnctl.core.records import record
from nnctl.formats.exports.base import TrainedModel
from nnctl.formats.onnx.traced import compose, write_body
from nnctl.formats.onnx.types import element_type
from nnctl.formats.onnx.writer import Writer, Written
from nnctl.program.step import Built

OPSET = 22
"""The version of ONNX's operators: of October 2024, as onnx 1.17 and ONNX Runtime 1.21 know it."""
ML_OPSET = 3
"""That of the operators for categories."""
IR_VERSION = 10
LARGEST = 2**31 - 1
"""Bytes that a protobuf message has at most."""


@record
class Tensor:
    """An input or an output of the whole graph: its name, NumPy type, and axes (a text is one left open)."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]


@record
class Body:
    """A whole graph."""

    nodes: Sequence[Written]
    constants: Mapping[str, Array]
    inputs: Sequence[Tensor]
    outputs: Sequence[Tensor]


def onnx_file(model: TrainedModel) -> bytes:
    """The bytes of a file.

    Raises:
        ConfigError: the model holds what ONNX cannot.
    """
    one, other = (_body(model, built) for built in compose(model))
    _check_open(model, one, other)
    return _serialized(model, one)


def _body(model: TrainedModel, built: Built) -> Body:
    """The graph of one op graph."""
    inputs = {name: name for name in model.graph.inputs}
    w = Writer(built.graph, [*inputs.values(), *model.graph.outputs])
    made = write_body(model, built, w, inputs)
    names = {name: f"{name}_output" if name in inputs.values() else name for name in made}
    for name, tensor in made.items():
        w.nodes.append(Written(names[name], "Identity", "", (tensor,), (names[name],), {}))
    nodes = _needed(w.nodes, set(names.values()))
    read = {name for node in nodes for name in node.inputs}
    return Body(
        nodes,
        {name: array for name, array in w.constants.items() if name in read},
        [Tensor(inputs[n], info.dtype, ("batch", *_axes(n, info.shape))) for n, info in model.graph.inputs.items()],
        [Tensor(names[n], "float32", ("batch", *_axes(n, shape))) for n, shape in model.graph.output_shapes().items()],
    )


def _axes(name: str, shape: tuple[int | None, ...]) -> tuple[int | str, ...]:
    """The axes after the batch, those left open by a name."""
    return tuple(f"{name}_axis_{axis}" if n is None else n for axis, n in enumerate(shape, 1))


def _needed(nodes: Sequence[Written], wanted: set[str]) -> list[Written]:
    """The nodes that what is wanted follows from."""
    found = []
    for node in reversed(nodes):
        if wanted.intersection(node.outputs):
            wanted.update(node.inputs)
            found.append(node)
    return found[::-1]


def _check_open(model: TrainedModel, one: Body, other: Body) -> None:
    """Hold that nothing in the file depends on the sizes that the op graph was composed with.

    Raises:
        ConfigError: something does; the layer is named.
    """
    for a, b in zip(one.nodes, other.nodes, strict=False):
        if a != b or any(
            one.constants[n].tobytes() != other.constants[n].tobytes()
            for n in a.inputs
            if n in one.constants
        ):
            layer = a.name.rpartition("/")[0]
            message = f"ONNX cannot hold the layer '{layer}': what it does depends on a length that is left open"
            path = model.graph.calls[layer].path if layer in model.graph.calls else ()
            raise ConfigError(Problem(message, path, expected="inputs whose shapes are known"))


def _serialized(model: TrainedModel, body: Body) -> bytes:
    import onnx
    from onnx import helper

    made = helper.make_model(
        helper.make_graph(
            [_node(node) for node in body.nodes],
            model.name,
            [_value(tensor) for tensor in body.inputs],
            [_value(tensor) for tensor in body.outputs],
            [onnx.numpy_helper.from_array(array, name) for name, array in body.constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)],
        ir_version=IR_VERSION,
        producer_name="nnctl",
    )
    helper.set_model_props(made, _metadata(model))
    if made.ByteSize() > LARGEST:
        raise ConfigError(Problem("the model is larger than the 2 GB that an ONNX file holds"))
    onnx.checker.check_model(made, full_check=True)
    data: bytes = made.SerializeToString(deterministic=True)
    return data


def _node(node: Written) -> Any:
    from onnx import helper

    return helper.make_node(
        node.operator, node.inputs, node.outputs, name=node.name, domain=node.domain, **node.attributes
    )


def _value(tensor: Tensor) -> Any:
    from onnx import helper

    return helper.make_tensor_value_info(tensor.name, element_type(tensor.dtype), tensor.shape)


def _metadata(model: TrainedModel) -> dict[str, str]:
    """Texts of a file: where it is from, the classes' names."""
    told = {"name": model.name, "weights_sha256": model.weights_sha256}
    classes = model.preprocessing.class_names
    return told | ({"class_names": json.dumps(classes, ensure_ascii=False)} if classes else {})
