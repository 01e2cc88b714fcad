"""What a layer says of shapes it cannot take, and of fields that cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from nnctl.core.errors import ShapeError
from nnctl.layers.base import layers
from nnctl.spec.language.field_docs import field_docs
from tests.layers.harness import case, make

# (config, shapes that come in, part of the message, field at fault)
HEADS = {"type": "MultiHeadAttention", "num_heads": 2, "key_dim": 3}

GROUPED = {"type": "GroupQueryAttention", "head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}
EINSUM = {"type": "EinsumDense", "equation": "ab,bc->ac"}

MISFITS: list[tuple[Any, list[tuple[int | None, ...]], str, str | None]] = [
    (
        {"type": "Conv2D", "filters": 2, "kernel_size": 3},
        [(64,)],
        r"Conv2D needs an input of 3 axes \(height, width, channels\) besides the batch, but \(64\) comes in",
        None,
    ),
    (
        {"type": "Conv2D", "filters": 2, "kernel_size": 5},
        [(4, 9, 1)],
        r"window of \(5, 5\) is larger than the \(4, 9\)",
        "kernel_size",
    ),
    ({"type": "Conv2D", "filters": 4, "kernel_size": 1, "groups": 4}, [(3, 3, 6)], "6 channels", "groups"),
    ({"type": "Conv2D", "filters": 4, "kernel_size": 1}, [(3, 3, None)], "null", None),
    ({"type": "Conv1D", "filters": 4, "kernel_size": 1}, [(3, 3, 2)], "2 axes", None),
    ("MaxPooling2D", [(1, 4, 3)], "larger", "pool_size"),
    ("GlobalMaxPooling2D", [(5,)], "3 axes", None),
    ("MaxPooling1D", [(1, 4)], "larger", "pool_size"),
    ({"type": "DepthwiseConv1D", "kernel_size": 5}, [(4, 3)], "larger", "kernel_size"),
    ({"type": "DepthwiseConv2D", "kernel_size": 1}, [(3, 3, None)], "null", None),
    ({"type": "Conv1DTranspose", "filters": 2, "kernel_size": 1}, [(3, 3, 2)], "2 axes", None),
    ({"type": "AdaptiveMaxPooling1D", "output_size": 2}, [(6, 5, 3)], "2 axes", None),
    ("ZeroPadding2D", [(5, 4)], "3 axes", None),
    ({"type": "Permute", "dims": [2, 1]}, [(4, 2, 3)], "2 axes in another order", "dims"),
    ({"type": "RepeatVector", "n": 2}, [(4, 2)], "1 axis", None),
    ("Cropping1D", [(2, 3)], r"leaves nothing of \(2, 3\)", "cropping"),
    ({"type": "Cropping2D", "cropping": [[0, 0], [1, 3]]}, [(2, 4, 3)], "leaves nothing", "cropping"),
    ("UpSampling2D", [(4, 2)], "3 axes", None),
    ({"type": "SpatialDropout1D", "rate": 0.5}, [(4, 2, 3)], "2 axes", None),
    ("Masking", [()], "at least one axis", None),
    ({"type": "Dot", "axes": [1, 2]}, [(4, 2), (3, 2)], r"4 of \(4, 2\) and 2 of", "axes"),
    ({"type": "Dot", "axes": 2}, [(4, 2), (3,)], "axis 2", "axes"),
    ({"type": "Dense", "units": 3}, [()], "at least one axis", None),
    ({"type": "Dense", "units": 3}, [(4, None)], "null", None),
    ({"type": "Reshape", "target_shape": [3, -1]}, [(4, 2)], "8 numbers", "target_shape"),
    ({"type": "Reshape", "target_shape": [3, 2]}, [(4, 2)], "8 numbers", "target_shape"),
    ({"type": "Softmax", "axis": 3}, [(4, 2)], "axis 3", "axis"),
    ({"type": "PReLU", "shared_axes": [1, 3]}, [(4, 2)], "share along axis 3", "shared_axes"),
    ({"type": "PReLU", "shared_axes": 0}, [(4, 2)], "share along axis 0", "shared_axes"),
    ("PReLU", [(None, 2)], "null", None),
    ({"type": "Softmax", "axis": 0}, [(4, 2)], "axis 0", "axis"),
    ({"type": "BatchNormalization", "axis": 1}, [(None, 2)], "null", None),
    ({"type": "LayerNormalization", "axis": [1, 4]}, [(3, 2)], "axis 4", "axis"),
    (
        {"type": "ReversibleEmbedding", "input_dim": 5, "output_dim": 3, "reverse": True},
        [(4, 2)],
        "vectors of 3 in reverse",
        "reverse",
    ),
    (GROUPED, [(4, 3, 2), (4, 2)], "2 axes", None),
    (GROUPED, [(4, 3), (4, 2)], "the same last axis in query", None),
    (GROUPED, [(4, 2), (5, 2), (6, 2)], "GroupQueryAttention needs a key for each value", None),
    ("Attention", [(4, 3, 2), (4, 2)], "2 axes", None),
    ("Attention", [(4, 3), (5, 2)], "of one length", None),
    ("AdditiveAttention", [(4, 3), (5, 2), (6, 3)], "a key for each value", None),
    ({**EINSUM, "output_shape": 3}, [(4, 2)], r"'ab' with 2 axes, and \(4, 2\) has 3", "equation"),
    ({**EINSUM, "output_shape": [3, 2]}, [(4,)], r"1 axes to give lengths to \('c'\), and 2", "output_shape"),
    ({**EINSUM, "output_shape": [None]}, [(4,)], "'c', whose length is null", "output_shape"),
    (
        {"type": "EinsumDense", "equation": "abc,cd->abd", "output_shape": [3, 2]},
        [(4, 5)],
        "3 for 'b', which has 4",
        "output_shape",
    ),
    ({"type": "UnitNormalization", "axis": [1, -1]}, [(3,)], "twice", "axis"),
    ({"type": "RMSNormalization", "axis": 0}, [(3, 2)], "axis 0", "axis"),
    ("RMSNormalization", [(3, None)], "null", None),
    ({"type": "GroupNormalization", "groups": 4}, [(3, 6)], "6 channels into 4", "groups"),
    ("GroupNormalization", [(3, 6)], "6 channels into 32", "groups"),
    ({"type": "Resizing", "height": 3, "width": 2}, [(3, 6)], "3 axes", None),
    ({"type": "CenterCrop", "height": 3, "width": 2}, [(3, 6)], "3 axes", None),
    ("Add", [(3, 2), (3, 4)], "2 is not 4", None),
    ("Multiply", [(3, 2), (2,), (4, 2)], "3 is not 4", None),
    ("Concatenate", [(3, 2), (4, 2)], r"cannot join \(3, 2\) and \(4, 2\)", "axis"),
    ("Concatenate", [(3, 2), (4,)], "cannot join", None),
    ({"type": "Dropout", "rate": 0.5, "noise_shape": [1, 3]}, [(4, 2)], "noise_shape", "noise_shape"),
    ({"type": "Dropout", "rate": 0.5, "noise_shape": [1, 3]}, [(4,)], "noise_shape", "noise_shape"),
    ({"type": "Dropout", "rate": 0.5, "noise_shape": [2, 4]}, [(4,)], "noise_shape", "noise_shape"),
    ({"type": "Softmax", "axis": -3}, [(4, 2)], "axis -3", "axis"),
    ("Input", [], "not given", "shape"),
    ({"type": "LSTM", "units": 3}, [(4,)], "2 axes", None),
    (
        {"type": "LSTM", "units": 4, "recurrent_activation": "glu"},
        [(4, 2)],
        "be one of",
        "recurrent_activation",
    ),
    ({"type": "LSTM", "units": 3}, [(4, 2), (3,)], "2 initial states", None),
    ({"type": "LSTM", "units": 3}, [(4, 2), (3,), (2,)], r"state of \(2\)", "units"),
    ({"type": "GRU", "units": 3}, [(4, None)], "null", None),
    (
        {"type": "Bidirectional", "layer": {"type": "GRU", "units": 3}},
        [(4, 2), *[(3,)] * 3],
        "2 initial",
        None,
    ),
    ({"type": "Bidirectional", "layer": {"type": "GRU", "units": 3}}, [(4, 2), (3,)], "2 initial", None),
    (
        {
            "type": "Bidirectional",
            "layer": {"type": "GRU", "units": 3},
            "backward_layer": {"type": "GRU", "units": 2, "go_backwards": True},
            "merge_mode": "ave",
        },
        [(4, 2)],
        r"'ave' needs outputs of one shape, but they are \(3\) and \(2\)",
        "merge_mode",
    ),
    ({"type": "TimeDistributed", "layer": "Flatten"}, [(4,)], "axes of their own", None),
    ({"type": "SpectralNormalization", "layer": "PReLU"}, [(4,)], "and PReLU has none", "layer"),
    (
        {"type": "TimeDistributed", "layer": {"type": "GRU", "units": 3, "return_state": True}},
        [(4, 5, 2)],
        "one output, and GRU has 2",
        "layer",
    ),
    ({"type": "LSTMCell", "units": 3}, [(4,), (3,), (2,)], r"state of \(2\)", "units"),
    ({"type": "RNN", "cell": [{"type": "GRUCell", "units": 3}] * 2}, [(4, 2), (3,)], "2 initial", None),
    ({"type": "ConvLSTM1D", "filters": 2, "kernel_size": 3}, [(4, 2, 3)], "larger", "kernel_size"),
    ({"type": "ConvLSTM2D", "filters": 2, "kernel_size": 3}, [(4, 5, 3)], "4 axes", None),
    (HEADS, [(4,), (4,)], "positions and features", None),
    (HEADS, [(4, 2), (4, 3, 2)], "as many axes", None),
    (HEADS, [(4, 2), (4, None)], "null", None),
    (HEADS, [(4, 2), (5, 2), (6, 2)], "a key for each value", None),
    ({**HEADS, "attention_axes": 2}, [(3, 4, 2), (2, 5, 2)], "same lengths", "attention_axes"),
    ({**HEADS, "attention_axes": 0}, [(4, 2), (5, 2)], r"axes \[0\]", "attention_axes"),
    ({**HEADS, "attention_axes": -1}, [(4, 2), (5, 2)], r"axes \[-1\]", "attention_axes"),
    ({**HEADS, "attention_axes": [2, 1]}, [(3, 4, 2), (3, 5, 2)], r"axes \[2, 1\]", "attention_axes"),
    ({**HEADS, "attention_axes": []}, [(4, 2), (5, 2)], r"axes \[\]", "attention_axes"),
    ({**HEADS, "use_causal_mask": True}, [(3, 4, 2), (3, 5, 2)], "along 2 axes", "use_causal_mask"),
    ({**HEADS, "sliding_window": 2}, [(3, 4, 2), (3, 5, 2)], "along 2 axes", "sliding_window"),
    (HEADS, [(4, 2), (5, 2), (5, 2), (4, 4)], "attention_mask of", None),
    (HEADS, [(4, 2), (5, 2), (5, 2), (5,)], "attention_mask of", None),
    (HEADS, [(4, 2), (5, 2), (5, 2), (3, 4, 5)], "attention_mask of", None),
    (HEADS, [(4, 2), (5, 2), (5, 2), (1, 2, 4, 5)], "attention_mask of", None),
]


@pytest.mark.parametrize(("config", "shapes", "message", "field"), MISFITS, ids=str)
def test_shapes_that_do_not_fit(config: Any, shapes: Any, message: str, field: str | None) -> None:
    with pytest.raises(ShapeError, match=message) as caught:
        make(config).compute_output_shape(*shapes)
    assert caught.value.path == ((field,) if field else ())


@pytest.mark.parametrize("name", ["Add", "Multiply", "Maximum"])
def test_masks_of_inputs_with_different_numbers_of_axes_do_not_join(name: str) -> None:
    with pytest.raises(ShapeError, match=rf"{name} .* axes: \(2, 4, 3\), \(4, 3\)"):
        case(name, [(2, 4, 3), (4, 3)], masks=[0, 1]).run()


WAYS_OUT: list[tuple[Any, list[tuple[int | None, ...]], str]] = [
    (
        {"type": "Conv2D", "filters": 2, "kernel_size": 3},
        [(64,)],
        "an input of shape (height, width, channels); "
        "put {type: Reshape, target_shape: [..., ..., ...]} before it",
    ),
    ({"type": "Dense", "units": 3}, [(4, None)], "a fixed number for the last axis"),
    ({"type": "Softmax", "axis": 3}, [(4, 2)], "an axis from 1 to 2 (0 is the batch), or from -2 to -1"),
    ({"type": "Conv2D", "filters": 4, "kernel_size": 1, "groups": 4}, [(3, 3, 6)], "a divisor of 6"),
    (
        {"type": "Reshape", "target_shape": [3, -1]},
        [(4, 2)],
        "lengths whose product is 8; one may be -1",
    ),
    (
        {"type": "Dropout", "rate": 0.5, "noise_shape": [1]},
        [(4, 2)],
        "3 entries: null or 1 for the batch, then null, 1 or the input's length",
    ),
    ({"type": "LSTM", "units": 3}, [(4, 2), (3,)], "inputs: the sequence and 2 states"),
    ({"type": "LSTM", "units": 3}, [(4, 2), (3,), (2,)], "an initial state of shape (3)"),
    ({"type": "LayerNormalization", "axis": [1, -2]}, [(3, 2)], "each axis once"),
]


@pytest.mark.parametrize(("config", "shapes", "expected"), WAYS_OUT, ids=str)
def test_what_is_said_to_do_about_it(
    config: Any, shapes: list[tuple[int | None, ...]], expected: str
) -> None:
    with pytest.raises(ShapeError) as caught:
        make(config).compute_output_shape(*shapes)
    assert caught.value.expected == expected


def test_one_axis_is_asked_for_in_the_singular() -> None:
    layer = make({"type": "Flatten"})
    layer.need_rank((5,), "features")
    with pytest.raises(ShapeError, match=r"Flatten needs an input of 1 axis \(features\)") as caught:
        layer.need_rank((4, 5), "features")
    assert caught.value.expected == "an input of shape (features); put Flatten before it"


# (fields of a layer, where the fault is)
WRONG: list[tuple[dict[str, Any], tuple[str | int, ...]]] = [
    ({"type": "Dense"}, ("units",)),
    ({"type": "Dense", "units": 0}, ("units",)),
    ({"type": "Dense", "units": "3"}, ("units",)),
    ({"type": "Dense", "units": 3, "activation": "rellu"}, ("activation",)),
    ({"type": "Dense", "units": 3, "lora_rank": 2}, ("lora_rank",)),
    *(
        ({"type": "Conv2DTranspose", "filters": 2, "kernel_size": 3, **more}, ("output_padding",))
        for more in ({"output_padding": 1}, {"strides": [2, 3], "output_padding": [1, 3]})
    ),
    (
        {"type": "Dense", "units": 3, "kernel_regularizer": {"type": "L2", "l2": -1.0}},
        ("kernel_regularizer", "l2"),
    ),
    ({"type": "Conv2D", "filters": 3, "kernel_size": 0}, ("kernel_size",)),
    ({"type": "Conv2D", "filters": 3, "kernel_size": [1, 2, 3]}, ("kernel_size",)),
    ({"type": "Conv2D", "filters": 3, "kernel_size": 2.5}, ("kernel_size",)),
    ({"type": "Conv2D", "filters": 3, "kernel_size": 2, "padding": "causal"}, ("padding",)),
    (
        {"type": "Conv2D", "filters": 3, "kernel_size": 2, "strides": 2, "dilation_rate": 2},
        ("dilation_rate",),
    ),
    ({"type": "TimeDistributed", "layer": "Add"}, ("layer",)),
    ({"type": "SpectralNormalization", "layer": {"type": "GRU", "units": 3}}, ("layer",)),
    ({"type": "SpectralNormalization", "layer": {"type": "Sequential", "layers": ["Flatten"]}}, ("layer",)),
    ({"type": "Bidirectional", "layer": {"type": "Sequential", "layers": ["Flatten"]}}, ("layer",)),
    ({"type": "RNN", "cell": {"type": "LSTM", "units": 3}}, ("cell",)),
    ({"type": "RNN", "cell": [{"type": "GRUCell", "units": 3}, "Flatten"]}, ("cell", 1)),
    ({"type": "RNN", "cell": {"type": "GRUCell", "units": 3}, "stateful": True}, ("stateful",)),
    (
        {
            "type": "TimeDistributed",
            "layer": {"type": "Functional", "layers": [{"type": "Input"}, {"type": "Input"}, "Add"]},
        },
        ("layer",),
    ),
    ({"type": "Conv1DTranspose", "filters": 2, "kernel_size": 3, "output_padding": 1}, ("output_padding",)),
    ({"type": "DepthwiseConv1D", "kernel_size": 3, "depth_multiplier": 0}, ("depth_multiplier",)),
    ({"type": "DepthwiseConv1D", "kernel_size": 3, "padding": "causal"}, ("padding",)),
    ({"type": "Conv2D", "filters": 3, "kernel_size": 2, "groups": 2}, ("groups",)),
    ({"type": "Conv2D", "filters": 3, "kernel_size": 2, "data_format": "channels_first"}, ("data_format",)),
    ({"type": "AveragePooling2D"}, ("pool_size",)),
    ({"type": "Conv2D", "filters": 3, "kernel_size": True}, ("kernel_size",)),
    ({"type": "Conv2D", "filters": 3, "kernel_size": 2, "strides": [0, 1]}, ("strides",)),
    ({"type": "Conv1D", "filters": 3, "kernel_size": [2, 2]}, ("kernel_size",)),
    ({"type": "Reshape", "target_shape": [-1, -1]}, ("target_shape",)),
    ({"type": "Reshape", "target_shape": [0, 2]}, ("target_shape",)),
    ({"type": "GRU", "units": 3, "recurrent_activation": "glue"}, ("recurrent_activation",)),
    ({"type": "ZeroPadding2D", "padding": -1}, ("padding", 0)),
    ({"type": "Dropout", "rate": 1.5}, ("rate",)),
    ({"type": "AlphaDropout", "rate": 1.0}, ("rate",)),
    ({"type": "GaussianDropout", "rate": 1.0}, ("rate",)),
    ({"type": "GaussianNoise", "stddev": 1.5}, ("stddev",)),
    ({"type": "Permute", "dims": [2, 3]}, ("dims",)),
    ({"type": "Permute", "dims": []}, ("dims",)),
    ({"type": "Cropping1D", "cropping": [1, 2, 3]}, ("cropping",)),
    ({"type": "Cropping3D", "cropping": [1, 2]}, ("cropping", 2)),
    ({"type": "UpSampling1D", "size": 0}, ("size",)),
    *(
        ({"type": "EinsumDense", "equation": equation, "output_shape": 3}, ("equation",))
        for equation in (
            "ab->b",
            "ab,bc",
            "...b,bc->c",
            "ab,bc->ad",
            "ab,bcd->ac",
            "abb,bc->ac",
            "ab,bc->ca",
            "ab,ac->ac",
        )
    ),
    ({**EINSUM, "output_shape": 3, "bias_axes": "b"}, ("bias_axes",)),
    ({**GROUPED, "num_key_value_heads": 3}, ("num_key_value_heads",)),
    ({**EINSUM, "output_shape": 0}, ("output_shape", 0)),
    ({"type": "UpSampling2D", "interpolation": "area"}, ("interpolation",)),
    ({"type": "GroupNormalization", "groups": 0}, ("groups", "constrained-int")),
    ({"type": "RMSNormalization", "axis": []}, ("axis",)),
    ({"type": "BatchNormalization", "renorm_clipping": {"rmin": 2.0, "rmax": 1.0}}, ("renorm_clipping",)),
    ({"type": "BatchNormalization", "renorm_clipping": {"dmax": -1.0}}, ("renorm_clipping",)),
    (
        {
            "type": "Resizing",
            "height": 1,
            "width": 1,
            "crop_to_aspect_ratio": True,
            "pad_to_aspect_ratio": True,
        },
        (),
    ),
    ({"type": "ReLU", "negative_slope": -0.1}, ("negative_slope",)),
    ({"type": "LayerNormalization", "axis": []}, ("axis",)),
]


@pytest.mark.parametrize(("config", "where"), WRONG, ids=str)
def test_fields_that_cannot_be(config: dict[str, Any], where: tuple[str | int, ...]) -> None:
    with pytest.raises(ValidationError) as caught:
        make(config)
    assert where in [error["loc"] for error in caught.value.errors()]


# (fields of a layer of which one is wrong, the one place that is told)
ONCE: list[tuple[dict[str, Any], str]] = [
    ({"type": "Conv2D", "filters": 0, "kernel_size": 2, "groups": 2}, "filters"),
    ({"type": "Conv2D", "filters": 2, "kernel_size": 2, "strides": 0, "dilation_rate": 2}, "strides"),
]


@pytest.mark.parametrize(("config", "field"), ONCE, ids=str)
def test_what_hangs_on_a_wrong_field_is_not_told(config: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        make(config)
    assert [error["loc"] for error in caught.value.errors()] == [(field,)]


VARYING: list[tuple[Any, list[tuple[int | None, ...]], tuple[int | None, ...]]] = [
    ({"type": "Dense", "units": 3}, [(None, 2)], (None, 3)),
    ("Flatten", [(None, 2)], (None,)),
    ({"type": "Reshape", "target_shape": [-1, 2]}, [(None, 4)], (None, 2)),
    ({"type": "Conv1D", "filters": 3, "kernel_size": 5}, [(None, 2)], (None, 3)),
    ({"type": "Conv2D", "filters": 3, "kernel_size": 5}, [(None, 9, 2)], (None, 5, 3)),
    ("MaxPooling2D", [(9, None, 2)], (4, None, 2)),
    ("ZeroPadding2D", [(9, None, 2)], (11, None, 2)),
    ("ZeroPadding1D", [(None, 2)], (None, 2)),
    ({"type": "Resizing", "height": 3, "width": 2}, [(None, None, 6)], (3, 2, 6)),
    ("Attention", [(None, 2), (None, 3), (4, 2)], (None, 3)),
    ({"type": "EinsumDense", "equation": "...b,bc->...c", "output_shape": 3}, [(None, 2)], (None, 3)),
    ({"type": "EinsumDense", "equation": "abc,cd->abd", "output_shape": [None, 3]}, [(4, 2)], (None, 3)),
    ({"type": "UnitNormalization", "axis": 1}, [(None, 2)], (None, 2)),
    ("Cropping2D", [(9, None, 2)], (9, None, 2)),
    ("UpSampling1D", [(None, 2)], (None, 2)),
    ({"type": "Permute", "dims": [2, 1]}, [(None, 2)], (2, None)),
    ({"type": "Dot", "axes": 1}, [(None, 2), (3, 4)], (2, 4)),
    ("GlobalAveragePooling2D", [(None, None, 2)], (2,)),
    ("Add", [(None, 2), (3, 2)], (None, 2)),
    ("Add", [(3, 2), (None, 2)], (None, 2)),
    ("Add", [(1, 2), (0, 2)], (0, 2)),
    ("Add", [(0, 2), (1, 2)], (0, 2)),
    ({"type": "Dropout", "rate": 0.5, "noise_shape": [None, 4, 1]}, [(None, 2)], (None, 2)),
    ({"type": "Dropout", "rate": 0.5, "noise_shape": [1, 3, None]}, [(3, 2)], (3, 2)),
    ("Concatenate", [(None, 2), (3, 4)], (3, 6)),
    ("Concatenate", [(3, 2), (None, 4)], (3, 6)),
    ({"type": "Concatenate", "axis": 1}, [(3, 2), (None, 2)], (None, 2)),
    ({"type": "Concatenate", "axis": 1}, [(None, 2), (3, 2)], (None, 2)),
    ({"type": "Embedding", "input_dim": 4, "output_dim": 3}, [(None,)], (None, 3)),
    ({"type": "GRU", "units": 3, "return_sequences": True}, [(None, 2)], (None, 3)),
    (HEADS, [(None, 2), (5, 2), (None, 3), (1, None)], (None, 2)),
    ({**HEADS, "output_shape": [3, 2]}, [(None, 2), (None, 2), (5, 3)], (None, 3, 2)),
    ({**HEADS, "return_attention_scores": True}, [(4, 5), (None, 2)], [(4, 5), (2, 4, None)]),
]


@pytest.mark.parametrize(("config", "shapes", "expected"), VARYING, ids=str)
def test_lengths_that_vary(config: Any, shapes: Any, expected: tuple[int | None, ...]) -> None:
    assert make(config).compute_output_shape(*shapes) == expected


@pytest.mark.parametrize("name", layers.names())
def test_every_field_is_described(name: str) -> None:
    cls = layers.get(name)
    assert cls is not None
    assert cls.__doc__
    assert set(field_docs(cls)) >= set(cls.model_fields)
