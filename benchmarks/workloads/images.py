"""Workloads of convolutions: plain, normalized, depthwise, residual, with skips, along time."""

from __future__ import annotations

from typing import Any

from benchmarks.workloads.base import Input, Target, Workload
from benchmarks.workloads.dense import scores

Layers = list[dict[str, Any] | str]

COLOURS = {"x": Input((32, 32, 3))}


def _conv(filters: int, size: int = 3, **more: Any) -> dict[str, Any]:
    return {"type": "Conv2D", "filters": filters, "kernel_size": size, "padding": "same", **more}


def _normalized(layer: dict[str, Any], activation: str | dict[str, Any] | None = "ReLU") -> Layers:
    """A convolution without bias, BatchNormalization, and an activation.

    Strides are those of Keras's applications and of PyTorch: one row of zeros on every side.
    """
    before: Layers = []
    layer = {**layer, "use_bias": False}
    if layer.get("strides", 1) != 1 and layer["kernel_size"] == 3:
        reads = {"inputs": layer.pop("inputs")} if "inputs" in layer else {}
        before = [{"type": "ZeroPadding2D", "padding": 1, **reads}]
        layer["padding"] = "valid"
    return [*before, layer, "BatchNormalization", *([activation] if activation else [])]


def _named(layers: Layers, name: str) -> Layers:
    """The same with the last layer named."""
    last = layers[-1]
    return [*layers[:-1], {**(last if isinstance(last, dict) else {"type": last}), "name": name}]


def _depthwise(strides: int = 1) -> dict[str, Any]:
    return {"type": "DepthwiseConv2D", "kernel_size": 3, "padding": "same", "strides": strides}


def _vgg() -> Layers:
    layers: Layers = []
    for filters in (32, 64, 128):
        layers += [*_normalized(_conv(filters)), *_normalized(_conv(filters)), "MaxPooling2D"]
    return [*layers, "Flatten", scores(10)]


def _separable() -> Layers:
    layers = _normalized(_conv(32))
    for filters, strides in ((64, 1), (128, 2), (128, 1), (256, 2)):
        layers += [*_normalized(_depthwise(strides)), *_normalized(_conv(filters, 1))]
    return [*layers, "GlobalAveragePooling2D", scores(10)]


def _resnet20() -> Layers:
    layers = _named(_normalized(_conv(16)), "stem")
    before = "stem"
    for stage, filters in enumerate((16, 32, 64)):
        for block in range(3):
            strides = 2 if stage and not block else 1
            name = f"block_{stage}_{block}"
            layers += _normalized(_conv(filters, strides=strides, inputs=before))
            layers += _named(_normalized(_conv(filters), None), f"{name}_long")
            short = before
            if strides == 2:
                short = f"{name}_short"
                layers += _named(_normalized(_conv(filters, 1, strides=2, inputs=before), None), short)
            layers += [
                {"type": "Add", "inputs": [f"{name}_long", short]},
                {"type": "ReLU", "name": name},
            ]
            before = name
    return [*layers, "GlobalAveragePooling2D", scores(10)]


def _mobilenet() -> Layers:
    relu6 = {"type": "ReLU", "max_value": 6.0}
    layers = _named(_normalized(_conv(16), relu6), "stem")
    before, channels = "stem", 16
    for number, (filters, strides) in enumerate(
        ((16, 1), (24, 2), (24, 1), (32, 2), (32, 1), (64, 2), (64, 1))
    ):
        name = f"block_{number}"
        layers += _normalized(_conv(4 * channels, 1, inputs=before), relu6)
        layers += _normalized(_depthwise(strides), relu6)
        layers += _named(_normalized(_conv(filters, 1), None), f"{name}_narrow")
        if strides == 1 and filters == channels:
            layers.append({"type": "Add", "inputs": [f"{name}_narrow", before], "name": name})
            before = name
        else:
            before = f"{name}_narrow"
        channels = filters
    return [*layers, *_normalized(_conv(128, 1), relu6), "GlobalAveragePooling2D", scores(10)]


def _unet() -> Layers:
    layers: Layers = []
    for filters in (16, 32):
        layers += [*_normalized(_conv(filters)), *_named(_normalized(_conv(filters)), f"down_{filters}")]
        layers.append("MaxPooling2D")
    layers += [*_normalized(_conv(64)), *_normalized(_conv(64))]
    for filters in (32, 16):
        layers += [
            {"type": "UpSampling2D", "name": f"up_{filters}"},
            {"type": "Concatenate", "inputs": [f"up_{filters}", f"down_{filters}"]},
            *_normalized(_conv(filters)),
            *_normalized(_conv(filters)),
        ]
    return [*layers, {**_conv(4, 1), "name": "scores"}]


def _along_time() -> Layers:
    layers: Layers = []
    for filters, size in ((64, 8), (128, 5)):
        conv = {"type": "Conv1D", "filters": filters, "kernel_size": size, "padding": "same"}
        layers += [{**conv, "use_bias": False}, "BatchNormalization", "ReLU"]
    return [*layers, "GlobalAveragePooling1D", scores(10)]


def _relu(filters: int, size: int, padding: str) -> dict[str, Any]:
    return {**_conv(filters, size), "padding": padding, "activation": "relu"}


WORKLOADS = (
    Workload(
        "cnn",
        "28x28x1: 3x3 32, pool, 3x3 64, pool, Dense 10, batch 128",
        128,
        {"x": Input((28, 28, 1))},
        [_relu(32, 3, "valid"), "MaxPooling2D", _relu(64, 3, "valid"), "MaxPooling2D", "Flatten", scores(10)],
        Target(),
    ),
    Workload(
        "vgg",
        "32x32x3: 3x3 with BatchNormalization 32, 32, 64, 64, 128, 128, pools, Dense 10, batch 64",
        64,
        COLOURS,
        _vgg(),
        Target(),
    ),
    Workload(
        "conv5",
        "48x48x3: 5x5 24, pool, 5x5 48, pool, 3x3 96, global mean, batch 32",
        32,
        {"x": Input((48, 48, 3))},
        [
            _relu(24, 5, "same"),
            "MaxPooling2D",
            _relu(48, 5, "same"),
            "MaxPooling2D",
            _relu(96, 3, "same"),
            "GlobalAveragePooling2D",
            scores(10),
        ],
        Target(),
    ),
    Workload(
        "depthwise", "32x32x3: depthwise separable blocks, batch 64", 64, COLOURS, _separable(), Target()
    ),
    Workload("resnet20", "ResNet-20 on 32x32x3, batch 64", 64, COLOURS, _resnet20(), Target()),
    Workload(
        "mobilenet", "32x32x3: seven inverted residual blocks, batch 64", 64, COLOURS, _mobilenet(), Target()
    ),
    Workload(
        "unet",
        "64x64x3: two levels down and up with skips, 4 classes a pixel, batch 16",
        16,
        {"x": Input((64, 64, 3))},
        _unet(),
        Target(classes=4, shape=(64, 64)),
    ),
    Workload(
        "fcn1d",
        "128x6: Conv1D 64x8, 128x5 with BatchNormalization, global mean, batch 64",
        64,
        {"x": Input((128, 6))},
        _along_time(),
        Target(),
    ),
)
