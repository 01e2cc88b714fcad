"""What a layer says of itself before it runs: inputs it takes, masks, dtypes, ranges of what comes out."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
import pytest

from nnctl.core.ranges import ANY, POSITIVE, UNIT, Range
from nnctl.core.shapes import Shape
from nnctl.layers.activity_regularization import ActivityRegularization
from nnctl.layers.adaptive_pooling import AdaptivePooling
from nnctl.layers.base import Layer, Weight, layers
from nnctl.layers.category_encoding import CategoryEncoding
from nnctl.layers.concatenate import Concatenate
from nnctl.layers.context import LayerContext
from nnctl.layers.cropping import Cropping
from nnctl.layers.embedding import Embedding
from nnctl.layers.flatten import Flatten
from nnctl.layers.identity import Identity
from nnctl.layers.permute import Permute
from nnctl.layers.pooling import GlobalPooling, Pooling
from nnctl.layers.repeat_vector import RepeatVector
from nnctl.layers.rescaling import Rescaling
from nnctl.layers.reshape import Reshape
from nnctl.layers.time_distributed import TimeDistributed
from nnctl.layers.up_sampling1d import UpSampling1D
from nnctl.layers.up_sampling3d import UpSampling3D
from nnctl.ops.base import Value
from tests.layers.harness import case, make
from tests.layers.keras_cases import CASES

TRAITS: dict[str, tuple[type[Layer], ...]] = {
    "any_dtype": (
        *(CategoryEncoding, Concatenate, Cropping, Embedding, Flatten, Identity, Permute, Rescaling, Reshape,
        TimeDistributed),
    ),
    "keeps_range": (
        ActivityRegularization, Cropping, Flatten, Identity, Permute, RepeatVector, Reshape, Pooling,
        GlobalPooling, AdaptivePooling, UpSampling1D, UpSampling3D,
    ),
}  # fmt: skip
"""Which layers have a trait, by base where all of a kind do; test_keras.py sees which pass masks on."""

EACH = {config["type"]: (config, shapes) for config, shapes, _ in CASES}
"""One config for each layer, and the shapes that it reads."""


@pytest.mark.parametrize("name", EACH)
def test_what_a_layer_is(name: str) -> None:
    config, shapes = EACH[name]
    made = make(config)
    assert made.compute_output_shape(*shapes)
    assert made.kind == name
    assert made.trainable
    for trait, bases in TRAITS.items():
        assert getattr(made, trait) is isinstance(made, bases), trait
    assert (made.output_range((-7.0, 9.0)) == (-7.0, 9.0)) is made.keeps_range


@pytest.mark.parametrize("name", EACH)
def test_how_many_class_numbers_a_layer_reads(name: str) -> None:
    tables = {"Embedding": "input_dim", "ReversibleEmbedding": "input_dim", "CategoryEncoding": "num_tokens"}
    assert make(EACH[name][0]).index_count() == tables.get(name)


def test_a_table_in_reverse_reads_vectors() -> None:
    reverse = {"type": "ReversibleEmbedding", "input_dim": 5, "output_dim": 2, "reverse": True}
    assert make(reverse).index_count() is None


TAKEN = {
    "LSTMCell": (3, 3), "RNN": (1, None), "StackedRNNCells": (2, None),
    "Dense": (1, 1), "Input": (1, None), "Add": (2, None), "Concatenate": (2, None), "GRU": (1, 2),
    "LSTM": (1, 3), "SimpleRNN": (1, 2), "Functional": (1, None),
}  # fmt: skip


@pytest.mark.parametrize("name", TAKEN)
def test_how_many_inputs_a_layer_takes(name: str) -> None:
    """It follows from the parameters of `call`."""
    cls = layers.get(name)
    assert cls is not None
    assert cls.takes() == TAKEN[name]


def test_inputs_with_and_without_defaults_count() -> None:
    class Three(Layer):
        def call(self, ctx: LayerContext, query: Value, value: Value, key: Value | None = None) -> Value:
            return query

    class More(Layer):
        fewest_inputs = 3

        def call(self, ctx: LayerContext, query: Value, *others: Value) -> Value:
            return query

    assert Three.takes() == (2, 3)
    assert More.takes() == (3, None)


RANGES: list[tuple[Any, Range | None, Range | None]] = [
    ("Flatten", (-2.0, 3.0), (-2.0, 3.0)),
    ("Flatten", None, None),
    ("MaxPooling2D", (0.0, 5.0), (0.0, 5.0)),
    ("UpSampling2D", (0.0, 5.0), (0.0, 5.0)),
    ({"type": "UpSampling2D", "interpolation": "bicubic"}, (0.0, 5.0), None),
    ({"type": "Dense", "units": 3}, UNIT, ANY),
    ({"type": "Dense", "units": 3, "activation": "sigmoid"}, None, UNIT),
    ({"type": "LSTM", "units": 3}, UNIT, (-1.0, 1.0)),
    ({"type": "Activation", "activation": "linear"}, (2.0, 3.0), (2.0, 3.0)),
    ({"type": "Activation", "activation": "linear"}, None, None),
    ({"type": "Activation", "activation": "softplus"}, (2.0, 3.0), POSITIVE),
    ("ReLU", UNIT, (0.0, inf)),
    ({"type": "ReLU", "max_value": 6}, UNIT, (0.0, 6.0)),
    ({"type": "ReLU", "negative_slope": 0.1}, UNIT, ANY),
    ("LeakyReLU", UNIT, ANY),
    ({"type": "ELU", "alpha": 0.5}, UNIT, (-0.5, inf)),
    ("PReLU", UNIT, ANY),
    ({"type": "Activation", "activation": "glu"}, (2.0, 3.0), (0.0, 3.0)),
    ({"type": "Activation", "activation": "glu"}, None, None),
    ("Softmax", ANY, UNIT),
    ({"type": "TimeDistributed", "layer": "Softmax"}, ANY, UNIT),
    ("BatchNormalization", UNIT, ANY),
    ("LayerNormalization", UNIT, ANY),
    ({"type": "Embedding", "input_dim": 3, "output_dim": 2}, None, ANY),
    ({"type": "Rescaling", "scale": 2.0}, UNIT, None),
    ("Add", UNIT, None),
]


@pytest.mark.parametrize(("config", "reads", "gives"), RANGES, ids=str)
def test_between_what_outputs_lie(config: Any, reads: Range | None, gives: Range | None) -> None:
    assert make(config).output_range(reads) == gives


SUMS: list[tuple[Any, int | None]] = [
    ({"type": "Dense", "units": 3, "activation": "softmax"}, -1),
    ({"type": "Dense", "units": 3, "activation": "sigmoid"}, None),
    ({"type": "Softmax", "axis": 1}, 1),
    ({"type": "Activation", "activation": {"type": "sparsemax", "axis": 1}}, 1),
    ("Softmax", -1),
    ("Flatten", None),
    ({"type": "TimeDistributed", "layer": {"type": "Softmax", "axis": 1}}, 2),
    ({"type": "TimeDistributed", "layer": "Softmax"}, -1),
    ({"type": "TimeDistributed", "layer": {"type": "Sequential", "layers": ["Flatten", "Softmax"]}}, -1),
]


@pytest.mark.parametrize(("config", "axis"), SUMS, ids=str)
def test_along_which_axis_outputs_sum_to_one(config: Any, axis: int | None) -> None:
    assert make(config).softmax_axis() == axis


def test_joined_inputs_are_floats_unless_all_are_of_one_type() -> None:
    made = case("Concatenate", [(2,), (3,)], batch=1)
    made.inputs = [np.array([[1, 2]], np.int32), np.array([[0.5, 0.25, 0.125]])]
    (y,) = made.run().outputs
    assert y.dtype == np.float64
    assert y.tolist() == [[1, 2, 0.5, 0.25, 0.125]]
    made.inputs = [np.array([[1, 2]], np.int32), np.array([[3, 4, 5]], np.int32)]
    (y,) = made.run().outputs
    assert y.dtype == np.int32
    assert y.tolist() == [[1, 2, 3, 4, 5]]


def test_an_input_has_the_shape_it_is_given() -> None:
    assert make({"type": "Input", "shape": [3, None]}).compute_output_shape() == (3, None)


def weights(config: Any, *shapes: Shape) -> dict[str, Weight]:
    return dict(make(config).weights(*shapes))


NORMS = ("beta", "gamma")
PARTED: list[tuple[Any, tuple[int, ...], tuple[str, ...]]] = [
    ({"type": "Dense", "units": 2}, (3,), ("kernel", "bias")),
    ({"type": "Conv2D", "filters": 2, "kernel_size": 1}, (4, 4, 3), ("kernel", "bias")),
    ({"type": "DepthwiseConv1D", "kernel_size": 1}, (4, 3), ("depthwise_kernel", "bias")),
    (
        {"type": "SeparableConv1D", "filters": 2, "kernel_size": 1},
        (4, 3),
        ("depthwise_kernel", "pointwise_kernel", "bias"),
    ),
    ({"type": "GRUCell", "units": 2}, (3,), ("kernel", "recurrent_kernel", "bias")),
    ({"type": "GRU", "units": 2}, (4, 3), ("kernel", "recurrent_kernel", "bias")),
    ({"type": "Embedding", "input_dim": 5, "output_dim": 2}, (4,), ("embeddings",)),
    ({"type": "LayerNormalization"}, (3,), NORMS),
    ({"type": "BatchNormalization"}, (3,), NORMS),
]


@pytest.mark.parametrize(("config", "shape", "names"), PARTED, ids=str)
def test_each_weight_has_the_parts_that_its_fields_say(
    config: Any, shape: tuple[int, ...], names: tuple[str, ...]
) -> None:
    """Every initializer, regularizer and constraint reaches the weight it is written for, and no other."""
    for name in names:
        field = name.removesuffix("_kernel")
        parts = {
            f"{field}_initializer": {"type": "Constant", "value": 0.25},
            f"{field}_regularizer": {"type": "L2", "l2": 0.125},
            f"{field}_constraint": "NonNeg",
        }
        made = make({**config, **parts})
        wanted = "kernel" if made.kind == "DepthwiseConv1D" and name == "depthwise_kernel" else name
        for other, weight in made.weights(shape).items():
            plain = make(config).weights(shape)[other]
            if other == wanted:
                given = (weight.initializer, weight.regularizer, weight.constraint)
                assert given == tuple(getattr(made, part) for part in parts)
            else:
                assert weight == plain


def test_moving_statistics_are_filled_as_written_and_not_trained() -> None:
    fields = {"moving_mean_initializer": "ones", "moving_variance_initializer": "zeros"}
    made = weights({"type": "BatchNormalization", **fields}, (2,))
    assert [name for name, weight in made.items() if not weight.trainable] == [
        "moving_mean",
        "moving_variance",
    ]
    kinds = {name: type(weight.initializer).__name__ for name, weight in made.items()}
    assert kinds["moving_mean"] == "Ones"
    assert kinds["moving_variance"] == "Zeros"


def test_kernels_of_attention_count_heads_and_sizes_as_outputs() -> None:
    """As Keras's, which are those of EinsumDense: Glorot's bound is sqrt(6 / (E + H D))."""
    config = {"type": "MultiHeadAttention", "num_heads": 4, "key_dim": 6}
    made = weights(config, (5, 8), (5, 8))
    for name, fans in (("query/kernel", (8, 24)), ("output/kernel", (24, 8))):
        values = made[name].initializer.sample(made[name].shape, "float64", (1, 2))
        assert np.abs(values).max() == pytest.approx(np.sqrt(6 / sum(fans)), rel=0.05)
    einsum = {"type": "EinsumDense", "equation": "abc,cde->abde", "output_shape": [5, 4, 6]}
    assert weights(einsum, (5, 8))["kernel"].initializer == made["query/kernel"].initializer
    own = {**config, "kernel_initializer": {"type": "HeUniform", "input_axes": [1], "output_axes": [0]}}
    assert weights(own, (5, 8), (5, 8))["query/kernel"].initializer.input_axes == (1,)
