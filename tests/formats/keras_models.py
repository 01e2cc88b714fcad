"""Whole models that strain the export: nesting, sharing, order of layers, masks, states, parameters."""

from __future__ import annotations

from typing import Any

Config = dict[str, Any]


def _dense(name: str, units: int, **fields: Any) -> Config:
    return {"type": "Dense", "name": name, "units": units, "activation": "tanh", **fields}


CHAIN: Config = {
    "inputs": {"image": [6, 5, 2]},
    "layers": [
        {
            "type": "Conv2D",
            "filters": 3,
            "kernel_size": 2,
            "activation": {"type": "leaky_relu", "negative_slope": 0.1},
        },
        "BatchNormalization",
        {
            "type": "Conv2D",
            "filters": 4,
            "kernel_size": [2, 1],
            "activation": {"type": "gelu", "approximate": True},
        },
        {"type": "Sequential", "name": "head", "layers": ["Flatten", {"type": "Dense", "units": 3}]},
        {"type": "Dropout", "rate": 0.4, "seed": 3},
        {"type": "Dense", "units": 2, "activation": "softmax"},
    ],
}

ACTIVATED: Config = {
    "inputs": {"x": [3]},
    "layers": [
        _dense(
            "a", 4, activation={"type": "relu", "max_value": 1.5, "negative_slope": 0.1, "threshold": 0.2}
        ),
        _dense("b", 3, activation={"type": "relu", "negative_slope": -0.5}),
        _dense("c", 5, activation={"type": "leaky_relu", "negative_slope": -0.25}),
        _dense("d", 2, activation={"type": "elu", "alpha": 0.3}),
        {"type": "Activation", "activation": "swish"},
    ],
}

CROSSING: Config = {
    # Layers of one class at depths that are not their order in the list, and an output in the middle.
    "inputs": {"x": [4], "y": [3]},
    "layers": [
        _dense("short", 3, inputs="y"),
        _dense("a", 5, inputs="x"),
        _dense("b", 4),
        _dense("c", 3),
        {"type": "Add", "inputs": ["short", "c"], "name": "sum"},
        _dense("late", 6, inputs="x"),
        _dense("top", 2, inputs="sum"),
        {"type": "Concatenate", "inputs": ["top", "late"], "name": "all"},
    ],
    "outputs": ["all", "b", "late"],
}

SHARED: Config = {
    "inputs": {"left": [4], "right": [4]},
    "layers": [
        _dense("first", 4, inputs="left"),
        {"use": "first", "name": "again"},
        {"use": "first", "inputs": "right", "name": "other"},
        _dense("second", 3, inputs="again"),
        {"use": "second", "inputs": "other", "name": "both"},
        {"type": "Multiply", "inputs": ["second", "both"], "name": "product"},
    ],
    "outputs": ["product", "again"],
}

UNUSED_CALL: Config = {
    # The first call is there only for its weights.
    "inputs": {"x": [4]},
    "layers": [
        _dense("a", 4, inputs="x"),
        _dense("b", 4, inputs="x"),
        {"use": "a", "inputs": "b", "name": "c"},
        {"use": "a", "inputs": "c", "name": "d"},
    ],
    "outputs": ["d"],
}

NESTED: Config = {
    "inputs": {"left": [5], "right": [5], "extra": [2]},
    "layers": [
        {
            "type": "Functional",
            "name": "tower",
            "inputs": ["left", "extra"],
            "layers": [
                {"type": "Input", "name": "main", "shape": [5]},
                {"type": "Input", "name": "side", "shape": [2]},
                _dense("deep", 4, inputs="main"),
                {
                    "type": "Sequential",
                    "name": "inner",
                    "layers": [_dense("p", 3), "BatchNormalization", _dense("q", 2)],
                },
                {"type": "Concatenate", "inputs": ["side", "inner"], "name": "join"},
                {"use": "inner", "inputs": "deep", "name": "twice"},
            ],
            "outputs": ["join", "twice"],
        },
        {"use": "tower", "inputs": ["right", "extra"], "name": "second"},
        {"type": "Add", "inputs": ["tower", "second"], "name": "sum"},
        {
            "type": "Sequential",
            "name": "frozen",
            "trainable": False,
            "layers": [_dense("a", 3), "BatchNormalization"],
        },
        {"type": "Multiply", "inputs": ["tower:1", "second:1"], "name": "product"},
    ],
    "outputs": ["frozen", "product", "second:1", "tower"],
    "freeze": ["tower/inner/[pq]"],
}

LENGTHS: Config = {
    # A shared nested model on sequences of two lengths.
    "inputs": {"short": [3, 2], "long": [7, 2], "any": [None, 2]},
    "layers": [
        {
            "type": "Sequential",
            "name": "reader",
            "inputs": "short",
            "layers": [{"type": "Conv1D", "filters": 3, "kernel_size": 2}, {"type": "GRU", "units": 4}],
        },
        {"use": "reader", "inputs": "long", "name": "longer"},
        {"use": "reader", "inputs": "any", "name": "free"},
        {"type": "Add", "inputs": ["reader", "longer", "free"]},
    ],
}

CONTAINER_STATES: Config = {
    # A layer of several outputs in a Sequential hands on its first; Keras's Sequential cannot.
    "inputs": {"x": [5, 3]},
    "layers": [
        {
            "type": "Sequential",
            "name": "reader",
            "layers": [{"type": "LSTM", "units": 4, "return_state": True}, _dense("out", 2)],
        },
        _dense("end", 3),
    ],
}

TRANSLATION: Config = {
    # Encoder and decoder with masks: the decoder starts from the encoder's states.
    "inputs": {"source": {"shape": [6], "dtype": "int32"}, "target": {"shape": [5], "dtype": "int32"}},
    "layers": [
        {"type": "Embedding", "input_dim": 5, "output_dim": 3, "mask_zero": True, "inputs": "source"},
        {"type": "LSTM", "units": 4, "return_state": True, "name": "encoder"},
        {
            "type": "Embedding",
            "input_dim": 5,
            "output_dim": 2,
            "mask_zero": True,
            "inputs": "target",
            "name": "words",
        },
        {"type": "Dropout", "rate": 0.2, "name": "dropped"},
        {
            "type": "LSTM",
            "units": 4,
            "return_sequences": True,
            "inputs": ["dropped", "encoder:1", "encoder:2"],
            "name": "decoder",
        },
        {"type": "GRU", "units": 3, "name": "summary"},
        {"type": "Dense", "units": 5, "activation": "softmax", "inputs": "decoder", "name": "next"},
    ],
    "outputs": ["next", "summary"],
}

NESTED_STATES: Config = {
    # The same inside a nested model: the indices come in through its input.
    "inputs": {"words": {"shape": [6], "dtype": "int32"}, "state": [3]},
    "layers": [
        {
            "type": "Functional",
            "name": "reader",
            "inputs": ["words", "state"],
            "layers": [
                {"type": "Input", "name": "w", "shape": [6], "dtype": "int32"},
                {"type": "Input", "name": "s", "shape": [3]},
                {"type": "Embedding", "input_dim": 5, "output_dim": 2, "mask_zero": True, "inputs": "w"},
                {"type": "GRU", "units": 3, "inputs": ["embedding", "s"], "return_sequences": True},
                {"type": "SimpleRNN", "units": 2, "zero_output_for_mask": True, "return_sequences": True},
            ],
        },
        {"type": "LSTM", "units": 2},
    ],
}

REGULARIZED: Config = {
    "inputs": {"x": [4]},
    "layers": [
        {
            "type": "Dense",
            "units": 3,
            "name": "first",
            "kernel_initializer": {"type": "VarianceScaling", "scale": 2.0, "mode": "fan_out", "seed": 5},
            "bias_initializer": {"type": "Constant", "value": 0.5},
            "kernel_regularizer": {"type": "L1L2", "l1": 0.5},
            "bias_regularizer": {"type": "L2", "l2": 0.25},
            "kernel_constraint": {"type": "MaxNorm", "max_value": 0.1},
            "bias_constraint": "non_neg",
        },
        {
            "type": "Dense",
            "units": 3,
            "name": "frozen",
            "trainable": False,
            "kernel_initializer": "orthogonal",
        },
        {
            "type": "Dense",
            "units": 2,
            "kernel_initializer": "identity",
            "kernel_constraint": {"type": "MinMaxNorm", "min_value": 0.1, "rate": 0.5},
            "bias_constraint": "unit_norm",
        },
    ],
}

WEIGHTLESS: Config = {"inputs": {"x": [4]}, "layers": ["ReLU"]}

ENTRIES: Config = {
    # Inputs as entries of the list, and an input that is an output too.
    "layers": [
        {"type": "Input", "name": "n", "shape": [6], "dtype": "int64"},
        {"type": "Input", "name": "x", "shape": [3]},
        _dense("a", 2),
        {"type": "Embedding", "input_dim": 5, "output_dim": 2, "inputs": "n"},
        {"type": "Flatten"},
        {"type": "Concatenate", "inputs": ["a", "flatten"]},
    ],
}

CALLS: Config = {
    # What a call says of itself: at a layer, at another call of it, and at a chain, which Keras then nests.
    "inputs": {"x": [4, 3]},
    "layers": [
        {"type": "BatchNormalization", "name": "norm", "training": False},
        {
            "type": "LSTM",
            "name": "lstm",
            "units": 3,
            "dropout": 0.5,
            "return_sequences": True,
            "training": False,
        },
        {"use": "norm", "name": "again"},
        {
            "type": "Sequential",
            "name": "quiet",
            "training": False,
            "layers": [_dense("d", 3), {"type": "Dropout", "rate": 0.5, "training": False}],
        },
        {"use": "norm", "name": "last", "training": False},
    ],
}

HELD: Config = {
    # Models in layers: with tables and masks, with branches, twice, frozen in part, and one in the other.
    "inputs": {"words": {"shape": [4, 6], "dtype": "int32"}, "series": [4, 5, 3]},
    "layers": [
        {
            "type": "TimeDistributed",
            "name": "sentences",
            "inputs": "words",
            "layer": {
                "type": "Sequential",
                "layers": [
                    {"type": "Embedding", "name": "e", "input_dim": 5, "output_dim": 3, "mask_zero": True},
                    {"type": "Bidirectional", "name": "b", "layer": {"type": "GRU", "units": 2}},
                    _dense("d", 3),
                ],
            },
        },
        {
            "type": "TimeDistributed",
            "name": "both",
            "inputs": "series",
            "layer": {
                "type": "Functional",
                "layers": [
                    {"type": "Input", "name": "x"},
                    _dense("left", 3),
                    {"use": "left", "inputs": "left", "name": "again"},
                    {
                        "type": "TimeDistributed",
                        "name": "each",
                        "inputs": "x",
                        "layer": {"type": "Sequential", "layers": [_dense("d", 4), _dense("c", 3)]},
                    },
                    {"type": "Multiply", "name": "product", "inputs": ["again", "each"]},
                    {"type": "BatchNormalization", "name": "norm"},
                    {"type": "LSTM", "name": "memory", "units": 3, "return_state": True},
                    {"type": "Add", "name": "sum", "inputs": ["memory", "memory:2"]},
                ],
            },
        },
        {"use": "both", "inputs": "series", "name": "again"},
        {"type": "Add", "name": "sum", "inputs": ["sentences", "both", "again"]},
    ],
    "freeze": ["both/layer/left", "sentences/layer/e"],
}

MODELS = {
    "chain": CHAIN,
    "activated": ACTIVATED,
    "crossing": CROSSING,
    "shared": SHARED,
    "unused call": UNUSED_CALL,
    "nested": NESTED,
    "lengths": LENGTHS,
    "container states": CONTAINER_STATES,
    "translation": TRANSLATION,
    "nested states": NESTED_STATES,
    "regularized": REGULARIZED,
    "weightless": WEIGHTLESS,
    "entries": ENTRIES,
    "calls": CALLS,
    "held": HELD,
}
