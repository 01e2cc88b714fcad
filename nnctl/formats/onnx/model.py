"""A trained model as an ONNX file: how its inputs are prepared, what it computes, what its outputs mean."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from nnctl.core.arrays import Array
from nnctl.core.errors import ConfigError, Problem
from nnctl.core.records import record
from nnctl.formats.exports.base import TrainedModel
from nnctl.formats.onnx.preparation import GivenInput, planned_inputs, write_inputs
from nnctl.formats.onnx.results import write_results
from nnctl.formats.onnx.sizes import OpenAxis, is_open, terms_of
from nnctl.formats.onnx.traced import compose, write_body
from nnctl.formats.onnx.types import element_type
from nnctl.formats.onnx.writer import Writer, Written
from nnctl.formats.outputs import class_names, is_binary
from nnctl.ops.base import Value
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
    body, *others = (_body(model, built) for built in compose(model))
    for other, exactly in zip(others, (True, False), strict=False):
        _check_open(model, body, other, exactly)
    return _serialized(model, body)


def _body(model: TrainedModel, built: Built) -> Body:
    """The graph of one op graph."""
    planned = planned_inputs(model)
    given = [one for plan in planned.values() for one in plan.given]
    called = {one: one.name for one in given}
    w = Writer(built.graph, [*called.values(), *model.graph.outputs])
    w.inputs = write_inputs(model, w, planned, called)
    made = write_results(model, w, write_body(model, built, w))
    names = {name: f"{name}_output" if name in called.values() else name for name in made}
    w.nodes += [Written(names[n], "Identity", "", (tensor,), (names[n],), {}) for n, tensor in made.items()]
    nodes = _needed(w.nodes, set(names.values()))
    read = {name for node in nodes for name in node.inputs}
    return Body(
        nodes,
        {name: array for name, array in w.constants.items() if name in read},
        [_input(one, called[one]) for one in dict.fromkeys(given)],
        [_output(model, names[name], name, value) for name, value in built.outputs.items()],
    )


def _input(given: GivenInput, name: str) -> Tensor:
    axes = (f"{given.name}_axis_{axis}" if n is None else n for axis, n in enumerate(given.shape, 1))
    return Tensor(name, given.dtype, ("batch", *axes))


def _output(model: TrainedModel, called: str, name: str, value: Value) -> Tensor:
    """An output of the file; one number that tells two classes apart has become two."""
    shape = _axes(called, value.shape)
    two = any(
        is_binary(model.preprocessing, output) for output in model.objective.outputs if output.output == name
    )
    return Tensor(called, value.dtype, (*shape[:1], 2) if two else shape)


def _axes(name: str, shape: Sequence[int]) -> tuple[int | str, ...]:
    """The axes of a tensor; those left open are names, an input's own where they are its axes."""
    return tuple(_axis(f"{name}_axis_{axis}", n) if is_open(n) else n for axis, n in enumerate(shape))


def _axis(name: str, size: int) -> str:
    match terms_of(size):
        case (((OpenAxis(axis=0),), 1),):
            return "batch"
        case (((OpenAxis(input=input, axis=axis),), 1),):
            return f"{input}_axis_{axis}"
    return name


def _needed(nodes: Sequence[Written], wanted: set[str]) -> list[Written]:
    """The nodes that what is wanted follows from."""
    found = []
    for node in reversed(nodes):
        if wanted.intersection(node.outputs):
            wanted.update(node.inputs)
            found.append(node)
    return found[::-1]


def _check_open(model: TrainedModel, body: Body, other: Body, exactly: bool) -> None:
    """Hold that nothing in the file depends on the sizes that the op graph was composed with.

    Args:
        exactly: Whether zeros around axes count: of short sequences there may be none.

    Raises:
        ConfigError: something does; the layer is named.
    """
    for node, same in zip(body.nodes, other.nodes, strict=False):
        if _told(body, node, exactly) != _told(other, same, exactly):
            layer = node.name.rpartition("/")[0]
            message = f"ONNX cannot hold the layer '{layer}': it works otherwise with other lengths"
            path = model.graph.calls[layer].path if layer in model.graph.calls else ()
            raise ConfigError(Problem(message, path, expected="inputs whose shapes are known"))


def _told(body: Body, node: Written, exactly: bool) -> tuple[Any, ...]:
    """All that a node is."""
    attributes = {n: v for n, v in node.attributes.items() if exactly or n not in ("pads", "auto_pad")}
    constants = [body.constants[name].tobytes() for name in node.inputs if name in body.constants]
    return node.operator, node.domain, node.inputs, node.outputs, attributes, constants


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
    """Texts of a file: where it is from; as JSON, the columns that its inputs hold and the classes' names."""
    planned = planned_inputs(model).values()
    told: dict[str, Any] = {
        "columns": {given.name: given.columns for plan in planned for given in plan.given if given.columns},
        "class_names": class_names(model.objective, model.preprocessing),
    }
    texts = {key: json.dumps(value, ensure_ascii=False) for key, value in told.items() if value}
    return {"name": model.name, "weights_sha256": model.weights_sha256, **texts}
