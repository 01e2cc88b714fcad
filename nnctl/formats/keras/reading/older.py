"""Layers of Keras 1 and 2 as Keras 3 says them: class names, arguments, and defaults that have changed.

Sources: Keras 1.2's keras.layers; keras.legacy.interfaces and keras.legacy.layers of Keras 2.2 (which
turned the
first into the second); tf.keras 2.15.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nnctl.formats.keras.reading.found import Findings

Config = dict[str, Any]

_CLASSES = {
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "AtrousConv2D": "Conv2D",
    "Deconvolution2D": "Conv2DTranspose",
    "Deconvolution3D": "Conv3DTranspose",
    "Convolution2DTranspose": "Conv2DTranspose",
    "Convolution3DTranspose": "Conv3DTranspose",
    "SeparableConvolution2D": "SeparableConv2D",
    "CuDNNLSTM": "LSTM",
    "CuDNNGRU": "GRU",
    "LSTMV2": "LSTM",
    "GRUV2": "GRU",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
    "DropoutV2": "Dropout",
    "SoftmaxLayer": "Softmax",
    "ThresholdedReLU": "ReLU",
    "TimeDistributedDense": "TimeDistributed",
    "Merge": "Add",
}
_WORDS = {
    "init": "kernel_initializer",
    "inner_init": "recurrent_initializer",
    "inner_activation": "recurrent_activation",
    "gamma_init": "gamma_initializer",
    "beta_init": "beta_initializer",
    "W_regularizer": "kernel_regularizer",
    "U_regularizer": "recurrent_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "U_constraint": "recurrent_constraint",
    "b_constraint": "bias_constraint",
    "depthwise_init": "depthwise_initializer",
    "bias": "use_bias",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
    "nb_filter": "filters",
    "border_mode": "padding",
    "subsample": "strides",
    "subsample_length": "strides",
    "filter_length": "kernel_size",
    "pool_length": "pool_size",
    "atrous_rate": "dilation_rate",
    "dim_ordering": "data_format",
    "sigma": "stddev",
    "upsampling_length": "size",
}
_DATA_FORMATS = {"tf": "channels_last", "th": "channels_first"}
_GONE = (
    "input_dim", "input_length", "input_shape", "batch_input_shape", "batch_shape", "input_dtype",
    "batch_size",
    "consume_less", "implementation", "sparse", "ragged", "W_learning_rate_multiplier", "time_major",
    "build_input_shape", "fused", "virtual_batch_size", "adjustment", "create_input", "unit_forget_bias_init",
    "query_shape", "key_shape", "value_shape",
)  # fmt: skip
"""Arguments that change nothing that a layer computes."""
_MERGES = {
    "sum": "Add",
    "mul": "Multiply",
    "concat": "Concatenate",
    "ave": "Average",
    "max": "Maximum",
    "min": "Minimum",
    "dot": "Dot",
    "cos": "Dot",
}
_GATED = ("LSTM", "GRU", "LSTMCell", "GRUCell", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
"""Layers whose gates were hard sigmoids by default."""
_SPARSE = ("CategoryEncoding", "Discretization", "Hashing")
GONE = (
    "Highway", "MaxoutDense", "SReLU", "ParametricSoftplus", "LocallyConnected1D", "LocallyConnected2D",
)  # fmt: skip
"""Layers of Keras 1 and 2 that Keras 3 has not."""
_OF_ALL = ("name", "trainable")
_SIZES = {"Dense": "units", "LSTM": "units", "GRU": "units", "SimpleRNN": "units", "Embedding": "output_dim"}


def as_keras_3(kind: str, config: Config, version: int, place: str, findings: Findings) -> tuple[str, Config]:
    """A layer's class and arguments as Keras 3 says them."""
    if version == 3:
        return kind, config
    before, kind = kind, _CLASSES.get(kind, kind)
    made = _renamed(kind, {name: value for name, value in config.items() if not _is_gone(kind, name)})
    change = _CHANGES.get(before) or _CHANGES.get(kind)
    if change is not None:
        made = change(before, made, place, findings)
    if before == "Merge":
        kind = _MERGES.get(str(config.get("mode", "sum")), "Merge")
    if kind in _GATED:
        made.setdefault("recurrent_activation", "hard_sigmoid")
    if kind.startswith("GRU"):
        made.setdefault("reset_after", False)
    return kind, _with_old_sigmoid(made)


def _is_gone(kind: str, name: str) -> bool:
    said_still = (kind == "Embedding" and name == "input_dim") or (kind in _SPARSE and name == "sparse")
    return name in _GONE and not said_still


def _renamed(kind: str, config: Config) -> Config:
    made: Config = {}
    for name, value in config.items():
        name = _WORDS.get(name, name)
        if name == "output_dim":
            name = _SIZES.get(kind, "units")
        elif name == "p":
            name = "rate"
        elif kind == "Embedding" and name.startswith("kernel_"):
            name = name.replace("kernel", "embeddings")
        elif name == "alpha" and kind == "LeakyReLU":
            name = "negative_slope"
        elif kind == "PReLU" and name.startswith("kernel_"):  # `init`
            name = name.replace("kernel", "alpha")
        elif kind == "UpSampling1D" and name == "length":
            name = "size"
        elif name == "stride" and "strides" not in config:
            name = "strides"
        if name == "data_format":
            value = _DATA_FORMATS.get(value, value) if isinstance(value, str) else value
        made[name] = value
    return {name: value for name, value in made.items() if not (name == "data_format" and value == "default")}


def _with_old_sigmoid(config: Config) -> Config:
    """What was called hard_sigmoid has another slope now."""
    return {
        name: "legacy_hard_sigmoid" if value == "hard_sigmoid" and name.endswith("activation") else value
        for name, value in config.items()
    }


def _convolution(before: str, config: Config, place: str, findings: Findings) -> Config:
    if "nb_row" in config:
        config["kernel_size"] = [config.pop("nb_row"), config.pop("nb_col", None)]
    if "kernel_dim1" in config:
        config["kernel_size"] = [config.pop(f"kernel_dim{n}", None) for n in (1, 2, 3)]
    config.pop("output_shape", None)
    return config


def _transposed(before: str, config: Config, place: str, findings: Findings) -> Config:
    if config.get("groups") == 1:  # which tf.keras wrote of every convolution
        config.pop("groups")
    return _convolution(before, config, place, findings)


def _depthwise(before: str, config: Config, place: str, findings: Findings) -> Config:
    """Keras 2 wrote what a layer of all convolutions has; a depthwise one has as many groups as channels."""
    for name in ("filters", "groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint"):
        config.pop(name, None)
    return config


def _separable(before: str, config: Config, place: str, findings: Findings) -> Config:
    for name in ("groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint"):
        config.pop(name, None)
    return _convolution(before, config, place, findings)


def _batch_normalization(before: str, config: Config, place: str, findings: Findings) -> Config:
    axis = config.get("axis", -1)
    config["axis"] = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
    mode = config.pop("mode", 0)
    if mode not in (0, 2):
        findings.refuse(place, f"BatchNormalization in mode {mode} has no equal in Keras 3")
    if mode == 2:
        findings.note(place, "mode 2 used each batch's own statistics in training, as it does now")
    if not config.get("renorm"):
        for name in ("renorm", "renorm_clipping", "renorm_momentum"):
            config.pop(name, None)
    return config


def _recurrent(before: str, config: Config, place: str, findings: Findings) -> Config:
    if before.startswith("CuDNN"):
        config |= {"activation": "tanh", "recurrent_activation": "sigmoid"}
    if before == "CuDNNGRU":
        config["reset_after"] = True
    if "forget_bias_init" in config:
        config["unit_forget_bias"] = config.pop("forget_bias_init") in ("one", "ones")
    return _convolution(before, config, place, findings)


def _embedding(before: str, config: Config, place: str, findings: Findings) -> Config:
    rate = config.pop("dropout", 0)
    if rate:
        findings.note(place, f"dropout of whole words ({rate}) is left out of further training")
    return config


def _dense_over_time(before: str, config: Config, place: str, findings: Findings) -> Config:
    own = {name: value for name, value in config.items() if name not in _OF_ALL}
    return _kept(config) | {"layer": {"class_name": "Dense", "config": own}}


def _kept(config: Config) -> Config:
    return {name: config[name] for name in _OF_ALL if name in config}


def _merge(before: str, config: Config, place: str, findings: Findings) -> Config:
    mode = config.get("mode", "sum")
    kept = _kept(config)
    if not isinstance(mode, str) or mode not in _MERGES or config.get("mode_type") in ("lambda", "function"):
        findings.refuse(place, "a Merge by a Python function", "one of Keras's merge layers in its place")
        return kept
    if mode == "concat":
        return kept | {"axis": config.get("concat_axis", -1)}
    if mode in ("dot", "cos"):
        return kept | {"axes": config.get("dot_axes", -1), "normalize": mode == "cos"}
    return kept


def _threshold(before: str, config: Config, place: str, findings: Findings) -> Config:
    theta = config.pop("theta", 1.0)
    return config | {"threshold": float(theta) if isinstance(theta, int | float) else theta}


_CHANGES: Mapping[str, Callable[[str, Config, str, Findings], Config]] = {
    "Conv1D": _convolution,
    "Conv2D": _convolution,
    "Conv3D": _convolution,
    "Conv1DTranspose": _transposed,
    "Conv2DTranspose": _transposed,
    "Conv3DTranspose": _transposed,
    "DepthwiseConv1D": _depthwise,
    "DepthwiseConv2D": _depthwise,
    "SeparableConv1D": _separable,
    "SeparableConv2D": _separable,
    "BatchNormalization": _batch_normalization,
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "SimpleRNN": _recurrent,
    "ConvLSTM2D": _recurrent,
    "Embedding": _embedding,
    "TimeDistributedDense": _dense_over_time,
    "Merge": _merge,
    "ThresholdedReLU": _threshold,
}
