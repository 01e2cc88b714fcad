"""ONNX files read back: what nnctl wrote, and graphs as PyTorch's exporter writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from nnctl.core.arrays import Array
from nnctl.core.errors import ConfigError
from nnctl.formats.onnx.model import onnx_file
from nnctl.workflow.import_model import import_model
from nnctl.workflow.predict import predictions
from nnctl.workflow.stored import open_stored
from tests.formats.keras_models import MODELS
from tests.formats.layer_models import side_by_side
from tests.formats.models import exportable, model
from tests.formats.onnx.running import agree, outputs, read
from tests.layers import keras_cases
from tests.sampling import a_day


def kinds(section: dict[str, Any]) -> list[str]:
    return [entry if isinstance(entry, str) else entry["type"] for entry in section["layers"]]


def test_what_nnctl_wrote_comes_back() -> None:
    names = ("chain", "crossing", "shared", "nested", "lengths", "entries")
    for name in names:
        made = model(MODELS[name])
        again, _, _ = read(onnx_file(exportable(made)))
        for batch in (3, 1):
            inputs = made.inputs(batch=batch, lengths=6)
            agree(made.predict(inputs), again.predict(inputs))


BACK = (
    "Add", "Average", "Concatenate", "Multiply", "Maximum", "Conv1D", "Conv2D", "Conv3D", "DepthwiseConv1D",
    "DepthwiseConv2D", "Conv1DTranspose", "Conv2DTranspose", "Dense", "BatchNormalization", "MaxPooling1D",
    "LayerNormalization", "MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling2D", "Flatten", "LSTM",
    "GRU", "SimpleRNN", "Embedding", "LeakyReLU", "ZeroPadding2D", "Softmax", "Rescaling", "SeparableConv2D",
)  # fmt: skip
"""Layers of which at least one case comes back."""


@pytest.mark.parametrize("most", [1, pytest.param(99, marks=pytest.mark.slow)])
def test_layers_come_back_right_or_are_refused(most: int) -> None:
    back = set()
    for case in a_day(keras_cases.CASES, keras_cases.kind, most):
        made = model(side_by_side([case]))
        try:
            again, _, _ = read(onnx_file(exportable(made)))
        except ConfigError:
            continue
        inputs = made.inputs(batch=2, largest=3)
        ours, theirs = made.predict(inputs), again.predict(inputs)
        agree(ours, dict(zip(ours, theirs.values(), strict=True)))
        back.add(keras_cases.kind(case))
    assert most == 1 or not set(BACK) - back


class Written:
    """A graph in the making, as an exporter writes it."""

    def __init__(self, *shape: Any, dtype: int = TensorProto.FLOAT) -> None:
        self.nodes: list[Any] = []
        self.arrays: dict[str, Array] = {}
        self.inputs = [helper.make_tensor_value_info("x", dtype, shape)]
        self.rng = np.random.default_rng(len(shape))

    def weight(self, name: str, *shape: int) -> str:
        self.arrays[name] = (0.5 * self.rng.standard_normal(shape)).astype(np.float32)
        return name

    def array(self, name: str, values: Any, dtype: Any = np.int64) -> str:
        self.arrays[name] = np.array(values, dtype)
        return name

    def node(self, operator: str, *inputs: str, outputs: Sequence[str] = (), **attributes: Any) -> str:
        outputs = outputs or [f"/{operator}_{len(self.nodes)}_output"]
        name = f"/{operator.lower()}{len(self.nodes)}/{operator}"
        self.nodes.append(helper.make_node(operator, inputs, outputs, name=name, **attributes))
        return outputs[0]

    def norm(self, x: str, name: str, channels: int) -> str:
        names = [self.weight(f"{name}.{part}", channels) for part in ("weight", "bias", "running_mean")]
        self.arrays[f"{name}.running_var"] = (
            np.abs(self.rng.standard_normal(channels).astype(np.float32)) + 0.5
        )
        return self.node("BatchNormalization", x, *names, f"{name}.running_var", epsilon=1e-5)

    def file(self, *results: str, opset: int = 17, rank: int = 2) -> bytes:
        values = [helper.make_tensor_value_info(r, TensorProto.FLOAT, [None] * rank) for r in results]
        constants = [onnx.numpy_helper.from_array(array, name) for name, array in self.arrays.items()]
        graph = helper.make_graph(self.nodes, "main_graph", self.inputs, values, constants)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        return bytes(made.SerializeToString())


def compare(data: bytes, *shape: int, whole: int = 0) -> tuple[dict[str, Any], list[str]]:
    """Hold that nnctl gives what ONNX Runtime gives of an input of this shape; the section and the notes."""
    again, section, notes = read(data)
    rng = np.random.default_rng(2)
    x: Array = (
        rng.integers(0, whole, shape).astype(np.int64)
        if whole
        else rng.standard_normal(shape).astype(np.float32)
    )
    theirs = outputs(data, {"x": x})
    ((name, info),) = again.graph.inputs.items()
    ours = again.predict({name: x.astype(info.dtype)})
    agree(theirs, dict(zip(theirs, ours.values(), strict=True)))
    return section, notes


def test_a_residual_network_of_images_with_channels_first() -> None:
    """Zeros on both sides before strides, a pooling of what is not negative, a head without an axis."""
    w = Written("b", 3, 23, 20)
    y = w.node("Conv", "x", w.weight("stem.conv.weight", 4, 3, 7, 7), strides=[2, 2], pads=[3, 3, 3, 3])
    y = w.node("Relu", w.norm(y, "stem.norm", 4))
    y = w.node("MaxPool", y, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    z = w.node(
        "Relu",
        w.norm(w.node("Conv", y, w.weight("l.0.weight", 6, 4, 3, 3), strides=[2, 2], pads=[1] * 4), "n1", 6),
    )
    z = w.node("Conv", z, w.weight("l.1.weight", 6, 6, 3, 3), w.weight("l.1.bias", 6), pads=[1] * 4)
    short = w.node("Conv", y, w.weight("l.2.weight", 6, 4, 1, 1), strides=[2, 2])
    y = w.node("GlobalAveragePool", w.node("Relu", w.node("Add", z, short)))
    y = w.node("Gemm", w.node("Flatten", y), w.weight("fc.weight", 5, 6), w.weight("fc.bias", 5), transB=1)
    section, _ = compare(w.file(y), 3, 3, 23, 20)
    assert kinds(section) == [
        "Permute", "ZeroPadding2D", "Conv2D", "BatchNormalization", "Activation", "ZeroPadding2D",
        "MaxPooling2D", "ZeroPadding2D", "Conv2D", "BatchNormalization", "Activation", "Conv2D", "Conv2D",
        "Add", "Activation", "GlobalAveragePooling2D", "Dense",
    ]  # fmt: skip
    names = [entry["name"] for entry in section["layers"] if isinstance(entry, dict) and "name" in entry]
    assert {"stem_conv", "stem_norm", "l_0", "fc"} <= set(names)


def test_a_flattened_image_is_read_in_the_file_s_order() -> None:
    """No layer turns it round: the rows of the next weights are."""
    w = Written("b", 2, 5, 4)
    y = w.node("Relu", w.node("Conv", "x", w.weight("c.weight", 3, 2, 2, 2)))
    y = w.node("Reshape", y, w.array("shape", [-1, 36]))
    y = w.norm(w.node("Gemm", y, w.weight("a.weight", 7, 36), w.weight("a.bias", 7), transB=1), "n", 7)
    section, _ = compare(w.file(y), 3, 2, 5, 4)
    assert kinds(section) == ["Permute", "Conv2D", "Flatten", "Dense", "BatchNormalization"]
    w = Written("b", 2, 5, 4)
    y = w.node("Flatten", w.node("Conv", "x", w.weight("c.weight", 3, 2, 2, 2)))
    compare(w.file(w.node("Concat", y, y, axis=1)), 3, 2, 5, 4)


def test_activations_that_are_written_out() -> None:
    w = Written("b", 4)
    y = w.node("MatMul", "x", w.weight("a.weight", 4, 6))
    y = w.node("Add", w.weight("a.bias", 6), y)
    y = w.node("Mul", y, w.node("Sigmoid", y))
    erf = w.node("Erf", w.node("Div", y, w.array("root", 2**0.5, np.float32)))
    y = w.node(
        "Mul",
        w.node("Mul", y, w.node("Add", erf, w.array("one", 1, np.float32))),
        w.array("half", 0.5, np.float32),
    )
    y = w.node("Clip", y, w.array("low", 0, np.float32), w.array("high", 6, np.float32))
    section, _ = compare(w.file(y), 3, 4)
    assert kinds(section) == ["Dense", "Activation", "Activation"]
    assert section["layers"][0]["activation"] == "silu"
    assert [e["activation"] for e in section["layers"][1:]] == ["gelu", "relu6"]


@pytest.mark.parametrize("operator", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("ways", [1, 2])
def test_recurrences_between_transposes(operator: str, ways: int) -> None:
    """States of zeros whose shape is computed; all steps, both ways side by side, then the last states."""
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[operator]
    w = Written("b", 6, dtype=TensorProto.INT64)
    steps = w.node("Transpose", w.node("Gather", w.weight("e.weight", 9, 4), "x"), perm=[1, 0, 2])
    batch = w.node("Gather", w.node("Shape", steps), w.array("second", 1), axis=0)
    count = w.node("Unsqueeze", batch, w.array("front", [0]))
    size = w.node("Concat", w.array("ways", [ways]), count, w.array("units", [5]), axis=0)
    zeros = w.node("ConstantOfShape", size)
    weights = [
        w.weight("W", ways, gates * 5, 4),
        w.weight("R", ways, gates * 5, 5),
        w.weight("B", ways, gates * 10),
    ]
    states = [zeros] * (2 if operator == "LSTM" else 1)
    more = {"linear_before_reset": 1} if operator == "GRU" else {}
    way = "bidirectional" if ways == 2 else "forward"
    made = ["Y", "Y_h"]
    w.node(operator, steps, *weights, "", *states, outputs=made, hidden_size=5, direction=way, **more)
    if ways == 2:
        y = w.node("Reshape", w.node("Transpose", "Y", perm=[0, 2, 1, 3]), w.array("flat", [0, 0, -1]))
        last = w.node(
            "Concat",
            w.node("Gather", "Y_h", w.array("f", 0), axis=0),
            w.node("Gather", "Y_h", w.array("g", 1), axis=0),
            axis=-1,
        )
    else:
        y, last = w.node("Squeeze", "Y", w.array("way", [1])), w.node("Squeeze", "Y_h", w.array("way0", [0]))
    y = w.node("Transpose", y, perm=[1, 0, 2])
    out = w.node("MatMul", y, w.weight("o.weight", 5 * ways, 2))
    total = w.node("ReduceMean", out, axes=[1], keepdims=0)
    last = w.node("MatMul", last, w.weight("p.weight", 5 * ways, 2))
    section, _ = compare(w.file(w.node("Add", total, last)), 3, 6, whole=9)
    assert ("Bidirectional" in kinds(section)) == (ways == 2)


def test_an_image_that_becomes_larger() -> None:
    w = Written("b", 2, 5, 4)
    y = w.node("ConvTranspose", "x", w.weight("a.weight", 2, 3, 4, 4), strides=[2, 2], pads=[1, 1, 1, 1])
    y = w.node("InstanceNormalization", y, w.weight("n.weight", 3), w.weight("n.bias", 3), epsilon=1e-5)
    scales = w.array("scales", [1, 1, 2, 2], np.float32)
    y = w.node(
        "Resize",
        w.node("Tanh", y),
        "",
        scales,
        coordinate_transformation_mode="asymmetric",
        mode="nearest",
        nearest_mode="floor",
    )
    y = w.node(
        "ConvTranspose",
        y,
        w.weight("b.weight", 3, 2, 3, 3),
        strides=[2, 2],
        pads=[1] * 4,
        output_padding=[1, 1],
    )
    section, _ = compare(w.file(y, rank=4), 2, 2, 5, 4)
    assert section["layers"][1]["padding"] == "same"
    assert kinds(section)[-2:] == ["Cropping2D", "Permute"]


def test_a_constant_becomes_a_bias_where_it_is_one() -> None:
    """One for each channel; not along another axis, not where others read the product."""
    w = Written("b", 2, 5, 4)
    y = w.node("Conv", "x", w.weight("a.weight", 3, 2, 3, 3), pads=[1] * 4)
    y = w.node("Add", y, w.weight("a.bias", 3, 1, 1))
    y = w.node("Transpose", w.node("Relu", y), perm=[0, 2, 3, 1])
    y = w.node("Add", w.node("MatMul", y, w.weight("b.weight", 3, 4)), w.weight("b.bias", 4))
    section, _ = compare(w.file(y, rank=4), 2, 2, 5, 4)
    assert kinds(section) == ["Permute", "Conv2D", "Dense"]
    assert "use_bias" not in repr(section)
    w = Written("b", 4, 3)
    y = w.node("Transpose", w.node("MatMul", "x", w.weight("a.weight", 3, 4)), perm=[0, 2, 1])
    with pytest.raises(ConfigError, match="an axis that is not the channels'"):
        read(w.file(w.node("Add", y, w.weight("a.bias", 4)), rank=3))
    w = Written("b", 3)
    y = w.node("MatMul", "x", w.weight("a.weight", 3, 4))
    section, _ = compare(w.file(w.node("Add", w.node("Add", y, w.weight("c", 4)), y)), 2, 3)
    assert kinds(section) == ["Dense", "Normalization", "Add"]
    w = Written("b", 4)
    with pytest.raises(ConfigError, match="it adds axes"):
        read(w.file(w.node("Mul", "x", w.array("two", [[[2.0]]], np.float32)), rank=3))


def test_a_batch_of_a_fixed_size_is_any_batch() -> None:
    w = Written(1, 3, 4)
    y = w.node("Reshape", "x", w.array("shape", [1, 12]))
    data = w.file(w.node("Gemm", y, w.weight("a.weight", 12, 2)))
    again, _, notes = read(data)
    assert notes == ["input 'x': is for 1 at once: here for any number"]
    x = np.random.default_rng(1).standard_normal((2, 3, 4)).astype(np.float32)
    (ours,) = again.predict({"x": x}).values()
    for at in range(2):
        (theirs,) = outputs(data, {"x": x[at : at + 1]}).values()
        np.testing.assert_allclose(ours[at], theirs[0], rtol=1e-5)


def test_all_that_is_not_read_is_named_at_once() -> None:
    w = Written("b", 4)
    y = w.node("Sin", "x")
    z = w.node("Add", w.node("Cos", "x"), y)
    data = w.file(w.node("Relu", z), w.node("CumSum", "x", w.array("axis", 1)))
    with pytest.raises(ConfigError) as caught:
        read(data)
    found = [problem.message for problem in caught.value.problems]
    assert found == [
        f"m.onnx: node {at} '/{name.lower()}{at}/{name}' ({name}): nnctl has no layer that does this"
        for at, name in ((0, "Sin"), (1, "Cos"), (4, "CumSum"))
    ]


def test_pooling_that_would_be_another_is_refused() -> None:
    """What is around must be below all numbers, and must not count."""
    for operator, message in (("MaxPool", "below all numbers"), ("AveragePool", "does not count")):
        w = Written("b", 2, 6, 6)
        data = w.file(w.node(operator, "x", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4), rank=4)
        with pytest.raises(ConfigError, match=message):
            read(data)
        relu = Written("b", 2, 6, 6)
        fields: Mapping[str, Any] = {} if operator == "MaxPool" else {"count_include_pad": 1}
        y = relu.node(
            operator, relu.node("Relu", "x"), kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4, **fields
        )
        compare(relu.file(y, rank=4), 2, 2, 6, 6)


def test_a_run_is_made_of_a_file(tmp_path: Path) -> None:
    w = Written("b", 4)
    y = w.node("Relu", w.node("Gemm", "x", w.weight("a.weight", 6, 4), w.weight("a.bias", 6), transB=1))
    y = w.node("Softmax", w.node("Gemm", y, w.weight("b.weight", 3, 6), transB=1), axis=-1)
    data = w.file(y)
    (tmp_path / "m.onnx").write_bytes(data)
    done = import_model(tmp_path / "m.onnx", tmp_path / "run")
    assert (done.layers, done.parameters) == (2, 48)
    assert done.made_by == "ONNX opset 17"
    x = np.random.default_rng(1).standard_normal((5, 4)).astype(np.float32)
    np.savez(tmp_path / "x.npz", x=x)
    (block,) = predictions(open_stored(str(tmp_path / "run")), tmp_path / "x.npz")
    agree(block.outputs, outputs(data, {"x": x}))


def refusal(data: bytes) -> str:
    """Why a file is refused."""
    with pytest.raises(ConfigError) as caught:
        read(data)
    return str(caught.value)


def test_what_would_be_another_computation_is_refused() -> None:
    """The batch is no axis like others, windows do not hang over, whole numbers are divided otherwise."""
    w = Written("b", 4)
    assert "the batch included" in refusal(w.file(w.node("ReduceMean", "x", keepdims=1)))
    w = Written(1, 4)
    assert "drops the batch" in refusal(w.file(w.node("Squeeze", "x"), rank=1))
    w = Written("b", 2, 6)
    data = w.file(
        w.node("AveragePool", "x", kernel_shape=[3], strides=[2], ceil_mode=1, count_include_pad=1), rank=3
    )
    assert "hangs over the end" in refusal(data)
    w = Written("b", 4, dtype=TensorProto.INT64)
    halves = w.node("Div", "x", w.array("two", 2))
    assert "merges a flow with a constant" in refusal(w.file(w.node("Cast", halves, to=1)))
    w = Written("b", 4)
    twice = w.node("Relu", "x", outputs=["y"])
    w.node("Tanh", "x", outputs=["y"])
    assert "was made before" in refusal(w.file(twice))
    w = Written(2, 3, 4)
    assert "mixes the batch" in refusal(w.file(w.node("Reshape", "x", w.array("s", [6, 4]))))
    assert "mixes the batch" in refusal(w.file(w.node("Reshape", "x", w.array("t", [-1, 4]))))
    w = Written("b", 3, 4)
    turned = w.node("Transpose", "x", perm=[1, 0, 2])
    assert refusal(w.file(turned, rank=3)).startswith(
        f"m.onnx: output '{turned}': the batch is not its first"
    )
    w = Written("b", 2, 4, 4)
    y = w.node("Conv", "x", w.weight("k", 2, 2, 3, 3), auto_pad="SAME_LOWER")
    assert "the odd zero before" in refusal(w.file(y, rank=4))


def test_windows_that_are_rounded_up() -> None:
    """Where they fit it makes no difference; a largest number of what is not negative has zeros behind it."""
    w = Written("b", 2, 7)
    y = w.node("MaxPool", w.node("Relu", "x"), kernel_shape=[3], strides=[2], ceil_mode=1)
    section, _ = compare(w.file(y, rank=3), 2, 2, 7)
    assert "ZeroPadding1D" not in kinds(section)
    w = Written("b", 2, 8)
    y = w.node("MaxPool", w.node("Relu", "x"), kernel_shape=[3], strides=[2], ceil_mode=1)
    section, _ = compare(w.file(y, rank=3), 2, 2, 8)
    assert "ZeroPadding1D" in kinds(section)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_places_between_others(mode: str) -> None:
    w = Written("b", 2, 5, 4)
    way = (
        {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"} if mode == "nearest" else {}
    )
    y = w.node("Resize", "x", "", w.array("scales", [1, 1, 2, 3], np.float32), mode=mode, **way)
    section, _ = compare(w.file(y, rank=4), 2, 2, 5, 4)
    assert kinds(section) == ["Permute", "UpSampling2D", "Permute"]


@pytest.mark.parametrize(
    ("names", "alpha", "beta", "fields"),
    [
        (["HardSigmoid", "Tanh", "Tanh"], [1 / 6], [0.5], {"recurrent_activation": "hard_sigmoid"}),
        (["Sigmoid", "Affine", "Affine"], [1.0, 1.0], [0.0, 0.0], {"activation": "linear"}),
        (["HardSigmoid", "Relu", "Relu"], [0.2], [0.5],
         {"recurrent_activation": "legacy_hard_sigmoid", "activation": "relu"}),
    ],
)  # fmt: skip
def test_activations_of_gates(
    names: list[str], alpha: list[float], beta: list[float], fields: dict[str, str]
) -> None:
    w = Written("b", 5, 3)
    weights = [w.weight("W", 1, 16, 3), w.weight("R", 1, 16, 4)]
    x = w.node("Transpose", "x", perm=[1, 0, 2])
    more = {"activations": names, "activation_alpha": alpha, "activation_beta": beta}
    w.node("LSTM", x, *weights, outputs=["Y", "Y_h", "Y_c"], hidden_size=4, **more)
    y = w.node(
        "Concat", w.node("Squeeze", "Y_h", w.array("way", [0])), w.node("Squeeze", "Y_c", "way"), axis=1
    )
    section, _ = compare(w.file(y), 3, 5, 3)
    (layer,) = (entry for entry in section["layers"] if entry != "Concatenate" and entry["type"] == "LSTM")
    assert {name: layer[name] for name in fields} == fields
    assert layer["use_bias"] is False


@pytest.mark.parametrize(
    ("operator", "attributes", "activation"),
    [
        ("LeakyRelu", {"alpha": 0.3}, {"type": "leaky_relu", "negative_slope": 0.3}),
        ("Elu", {"alpha": 0.7}, {"type": "elu", "alpha": 0.7}),
        ("Selu", {}, "selu"),
        ("HardSigmoid", {"alpha": 0.2}, "legacy_hard_sigmoid"),
        ("HardSigmoid", {"alpha": 1 / 6}, "hard_sigmoid"),
        ("HardSwish", {}, "hard_silu"),
        ("Softmax", {"axis": -1}, "softmax"),
        ("LogSoftmax", {"axis": -1}, "log_softmax"),
        ("Softsign", {}, "softsign"),
        ("Celu", {"alpha": 1.5}, {"type": "celu", "alpha": 1.5}),
    ],
)  # fmt: skip
def test_activations(operator: str, attributes: dict[str, Any], activation: Any) -> None:
    w = Written("b", 4)
    y = w.node(operator, w.node("Gemm", "x", w.weight("a.weight", 4, 3)), **attributes)
    section, _ = compare(w.file(y), 3, 4)
    assert section["layers"][0]["activation"] == activation


@pytest.mark.parametrize("old", [False, True])
def test_zeros_around(old: bool) -> None:
    """By an attribute as before opset 11, by a constant since; only zeros, and none around the batch."""
    w = Written("b", 2, 5, 4)

    def padded(pads: list[int], value: float = 0.0) -> str:
        if old:
            return w.node("Pad", "x", pads=pads, value=value)
        number = w.array(f"value{len(w.nodes)}", value, np.float32)
        return w.node("Pad", "x", w.array(f"pads{len(w.nodes)}", pads), number)

    kernel = w.weight("a.weight", 3, 2, 3, 3)
    y = w.node("Conv", padded([0, 0, 1, 2, 0, 0, 0, 1]), kernel)
    opset = 10 if old else 17
    section, _ = compare(w.file(y, rank=4, opset=opset), 2, 2, 5, 4)
    assert section["layers"][1]["padding"] == [[1, 0], [2, 1]]
    for pads, value, message in (
        ([1, 0, 0, 0, 0, 0, 0, 0], 0.0, "around the batch or the channels"),
        ([0, 0, 1, 0, 0, 0, 0, 0], 1.0, "something else than zeros"),
        ([0, 0, -1, 0, 0, 0, 0, 0], 0.0, "cuts something off"),
    ):
        assert message in refusal(w.file(w.node("Conv", padded(pads, value), kernel), rank=4, opset=opset))


def test_constants_are_worked_out() -> None:
    """Weights that a graph makes of others."""
    w = Written("b", 4)
    table = w.array("table", np.arange(24).reshape(2, 12), np.int32)
    row = w.node("Gather", table, w.array("at", 1), axis=0)
    square = w.node("Reshape", w.node("Cast", row, to=1), w.array("shape", [3, -1]))
    halves = w.node("Div", w.node("Transpose", square, perm=[1, 0]), w.array("two", 2, np.float32))
    part = w.node("Slice", halves, w.array("s", [0]), w.array("e", [2]), w.array("ax", [1]))
    whole = w.node("Concat", part, part, axis=1)
    y = w.node("MatMul", "x", whole)
    y = w.node(
        "Add",
        y,
        w.node("Squeeze", w.node("Unsqueeze", w.weight("b", 4), w.array("u", [0])), w.array("v", [0])),
    )
    section, _ = compare(w.file(y), 3, 4)
    assert kinds(section) == ["Dense"]


def test_states_that_a_recurrence_begins_with() -> None:
    """Of one direction they are inputs; constant ones, and those of two directions, are refused."""
    w = Written("b", 5, 3)
    x = w.node("Transpose", "x", perm=[1, 0, 2])
    mean = w.node("Unsqueeze", w.node("ReduceMean", "x", axes=[1], keepdims=0), w.array("front", [0]))
    weights = [w.weight("W", 1, 9, 3), w.weight("R", 1, 9, 3), w.weight("B", 1, 18)]
    w.node("GRU", x, *weights, "", mean, outputs=["Y", "Y_h"], hidden_size=3, linear_before_reset=1)
    compare(w.file(w.node("Squeeze", "Y_h", w.array("way", [0]))), 2, 5, 3)
    for ways, state in ((1, "given"), (2, "both")):
        w = Written(2, 5, 3)
        x = w.node("Transpose", "x", perm=[1, 0, 2])
        weights = [w.weight("W", ways, 9, 3), w.weight("R", ways, 9, 3), w.weight("B", ways, 18)]
        way = "forward" if ways == 1 else "bidirectional"
        begin = w.weight(state, ways, 2, 3)
        w.node("GRU", x, *weights, "", begin, outputs=["Y", "Y_h"], hidden_size=3, direction=way)
        last = w.node("Gather", "Y_h", w.array("way", 0), axis=0)
        assert ("reads a constant" if ways == 1 else "both directions begin") in refusal(w.file(last))


@pytest.mark.parametrize(
    ("operator", "attributes"),
    [
        ("Selu", {"alpha": 1.5}),
        ("Selu", {"gamma": 1.5}),
        ("HardSigmoid", {"alpha": 0.3}),
        ("HardSigmoid", {"beta": 0.4}),
        ("Softmax", {"axis": 0}),
    ],
)
def test_activations_with_other_numbers_are_refused(operator: str, attributes: dict[str, Any]) -> None:
    w = Written("b", 4)
    refusal(w.file(w.node(operator, "x", **attributes)))


def test_lengths_that_vary_stay_open() -> None:
    for target in ([0, 0, 2, 2], [0, -1, 2, 2]):
        w = Written("b", "t", 4)
        data = w.file(w.node("Relu", w.node("Reshape", "x", w.array("s", target))), rank=4)
        compare(data, 2, 3, 4)
        section, _ = compare(data, 1, 5, 4)
        assert section["inputs"] == {"x": {"shape": [None, 4]}}
