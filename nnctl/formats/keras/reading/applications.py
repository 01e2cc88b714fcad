"""Layers that Keras's own `applications` define for themselves, as layers of Keras that do the same.

They are no classes of `keras.layers`, and files name them all the same. A class of one's own of such a
name is told
by the name under which it is registered (`package>Name`).

Source: keras.src.applications.convnext, keras.src.applications.inception_resnet_v2.
"""

from __future__ import annotations

from typing import Any

from nnctl.formats.keras.reading.parts import Call, Chart, Part
from nnctl.formats.keras.scopes import Tensor

_HALF = "_scaled"
"""What is appended to a layer's name for the one that does its first half."""


def replace_application_layers(chart: Chart) -> None:
    """Put layers of Keras in the place of those of its applications, in this model's own list."""
    for part in list(chart.parts.values()):
        if part.registered is None or ">" not in part.registered:
            _replace(chart, part)


def _replace(chart: Chart, part: Part) -> None:
    rate, scale, width = (part.config.get(name) for name in ("drop_path_rate", "scale", "projection_dim"))
    if part.kind == "StochasticDepth" and isinstance(rate, int | float):
        # Whole examples are dropped, and what is kept is scaled.
        _become(part, "Dropout", rate=float(rate), noise_shape=[None, 1, 1, 1])
    elif part.kind == "LayerScale" and isinstance(width, int):
        first = {"class_name": "Constant", "config": {"value": part.config.get("init_values", 1e-6)}}
        told = {"equation": "...c,c->...c", "output_shape": [width], "kernel_initializer": first}
        _become(part, "EinsumDense", **told)
    elif part.kind == "CustomScaleLayer" and isinstance(scale, int | float):
        half = Part("Rescaling", part.name + _HALF, {"scale": float(scale), "trainable": True}, part.place)
        if half.name in chart.parts or any(len(call.reads) != 2 for call in part.calls):
            return
        for number, call in enumerate(part.calls):
            half.calls.append(Call([call.reads[1]]))
            call.reads = [call.reads[0], Tensor(half.name, number)]
        chart.parts[half.name] = half
        _become(part, "Add")


def _become(part: Part, kind: str, **config: Any) -> None:
    part.called, part.kind = part.kind, kind
    kept = {name: part.config[name] for name in ("name", "trainable", "dtype") if name in part.config}
    part.config = kept | config
