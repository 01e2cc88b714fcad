"""Models whose channels come first (`channels_first`, `th`), as models whose channels come last.

A layer that takes its channels first gets a Permute before it and one after it, where the layer there does
not take them first, too; a Flatten gets the first of these, since Keras then put the channels last. What
flows into and out of the model stays as it was, and so does what all other layers see: a BatchNormalization
keeps its axis.
"""

from __future__ import annotations

from nnctl.formats.keras.reading.charts import batch_shape
from nnctl.formats.keras.reading.found import Findings
from nnctl.formats.keras.reading.parts import Call, Chart, Part
from nnctl.formats.keras.scopes import Tensor
from nnctl.layers.entry import free_name

_FIRST = ("channels_first", "th")
_FORMATS = ("data_format", "dim_ordering")
_TO_LAST = {"1D": [2, 1], "2D": [2, 3, 1], "3D": [2, 3, 4, 1]}
_TO_FIRST = {"1D": [2, 1], "2D": [3, 1, 2], "3D": [4, 1, 2, 3]}
_LAYERS = ("Conv", "Deconv", "Atrous", "Separable", "Depthwise", "Pooling", "Padding", "Cropping",
           "UpSampling", "SpatialDropout")  # fmt: skip
_OVER_TIME = ("ConvLSTM",)
"""Layers whose channels are further behind."""
_OF_OTHER_SHAPES = ("Reshape", "RepeatVector", "TimeDistributed")


def put_channels_last(chart: Chart, findings: Findings) -> None:
    """Put Permutes around the layers of this model's own list that take their channels first."""
    first = {name: axes for name, part in chart.parts.items() if (axes := _takes_first(part, chart))}
    if not first:
        return
    findings.note("channels_first", "layers of it stand between Permutes: the model takes what it took")
    images = {name for name in first if _is_image(chart.parts[name])}
    back = {
        name: free_name(f"{name}_first", chart.parts)
        for name in images
        if _is_read_by_others(name, chart, first)
    }
    last = {name: free_name(f"{name}_last", chart.parts) for name in first}
    parts = list(chart.parts.values())
    chart.parts = {}
    for part in parts:
        if part.name in first:
            before = _before(part, images, last[part.name], _TO_LAST[first[part.name]])
            if before is not None:
                chart.parts[before.name] = before
            _become_last(part)
        else:
            part.calls = [_rewired(call, back) for call in part.calls]
        chart.parts[part.name] = part
        if part.name in back:
            calls = [Call([Tensor(part.name, number)]) for number in range(len(part.calls))]
            chart.parts[back[part.name]] = _permute(back[part.name], _TO_FIRST[first[part.name]], part, calls)
    chart.outputs = [_behind(tensor, back) for tensor in chart.outputs]


def _takes_first(part: Part, chart: Chart) -> str:
    """ "2D" of a layer of images that takes its channels first; "" of any other layer."""
    said = any(part.config.get(name) in _FIRST for name in _FORMATS if isinstance(part.config.get(name), str))
    single = all(len(call.all()) == 1 for call in part.calls)
    if not said or not single or part.inner is not None or part.kind.startswith(_OVER_TIME):
        return ""
    if part.kind == "Flatten":
        return _axes_before(part, chart)
    return _axes(part) if any(word in part.kind for word in _LAYERS) else ""


def _axes(part: Part) -> str:
    """ "2D" of Conv2DTranspose."""
    return next((axes for axes in _TO_LAST if axes in part.kind), "")


def _axes_before(part: Part, chart: Chart) -> str:
    """The same of what a layer reads: what the nearest layer of images or the input before it says."""
    for _ in chart.parts:
        if not part.calls:
            break
        tensor = part.calls[0].all()[0]
        if tensor.layer not in chart.parts or part.kind in _OF_OTHER_SHAPES:
            return ""
        part = chart.parts[tensor.layer]
        if axes := _axes(part):
            return axes
    shape = batch_shape(part.config)
    axes = f"{len(shape) - 2}D" if isinstance(shape, list) else ""
    return axes if axes in _TO_LAST else ""


def _is_image(part: Part) -> bool:
    """Whether its output has places still."""
    return not part.kind.startswith(("Global", "Flatten")) or bool(part.config.get("keepdims"))


def _is_read_by_others(name: str, chart: Chart, first: dict[str, str]) -> bool:
    reads = [
        t for part in chart.parts.values() if part.name not in first for c in part.calls for t in c.all()
    ]
    return any(tensor.layer == name for tensor in reads + chart.outputs)


def _before(part: Part, images: set[str], name: str, dims: list[int]) -> Part | None:
    """The Permute before a layer, with a call for each of the layer's that needs it."""
    calls: list[Call] = []
    for call in part.calls:
        (tensor,) = call.reads
        if tensor.layer not in images:
            calls.append(Call([tensor]))
            call.reads = [Tensor(name, len(calls) - 1)]
    return _permute(name, dims, part, calls) if calls else None


def _permute(name: str, dims: list[int], beside: Part, calls: list[Call]) -> Part:
    return Part("Permute", name, {"name": name, "trainable": True, "dims": dims}, beside.place, calls)


def _become_last(part: Part) -> None:
    kept = {name: value for name, value in part.config.items() if name not in _FORMATS}
    part.config = kept | {"data_format": "channels_last"}
    part.first = True


def _rewired(call: Call, back: dict[str, str]) -> Call:
    call.reads = [_behind(tensor, back) for tensor in call.reads]
    call.tensors = {name: [_behind(tensor, back) for tensor in some] for name, some in call.tensors.items()}
    return call


def _behind(tensor: Tensor, back: dict[str, str]) -> Tensor:
    return tensor._replace(layer=back[tensor.layer]) if tensor.layer in back else tensor
