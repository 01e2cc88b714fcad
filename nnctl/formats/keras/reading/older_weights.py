"""Weights as Keras 1 and 2 saved them, laid out as Keras 3 does.

Source: keras.engine.saving.preprocess_weights_for_loading of Keras 2.2, which did this to files of Keras 1
and of
the cuDNN layers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.formats.keras.reading.parts import Part


@record
class Saved:
    """A weight in a file: its name and shape there, and what reads it."""

    name: str
    shape: tuple[int, ...]
    read: Callable[[], Array]

    def changed(self, change: Callable[[Array], Array]) -> Saved:
        """The same weight in another layout."""
        made = change(self.read())
        return Saved(self.name, made.shape, lambda: made)


_FLIPPED = (
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "Conv2DTranspose",
    "Convolution1D",
    "Convolution2D",
    "Convolution3D",
    "Deconvolution2D",
    "AtrousConvolution1D",
    "AtrousConvolution2D",
)
_GATES = {
    "LSTM": (("kernel", (0, 6, 3, 9)), ("recurrent_kernel", (1, 7, 4, 10)), ("bias", (2, 8, 5, 11))),
    "GRU": (("kernel", (0, 3, 6)), ("recurrent_kernel", (1, 4, 7)), ("bias", (2, 5, 8))),
    "ConvLSTM2D": (("kernel", (0, 6, 3, 9)), ("recurrent_kernel", (1, 7, 4, 10)), ("bias", (2, 8, 5, 11))),
}
"""Of Keras 1, which kept the weights of each gate by themselves: which of them stand side by side now."""


def arrays_of(part: Part, version: int, weights: int) -> int:
    """How many arrays a file has for a layer that has `weights` weights in Keras 3."""
    inside = _inside(part)
    if inside is not None:
        sides = 2 if part.kind == "Bidirectional" else 1
        return sides * arrays_of(inside, version, weights // sides)
    order = _GATES.get(part.kind)
    if version > 1 or order is None or part.config.get("consume_less") == "gpu":
        return weights
    return sum(len(places) for _, places in order)


def _inside(part: Part) -> Part | None:
    """The layer that a wrapper holds."""
    if part.kind not in ("Bidirectional", "TimeDistributed") or not isinstance(
        part.config.get("layer"), dict
    ):
        return None
    held = part.config["layer"]
    config = held.get("config")
    return Part(str(held.get("class_name")), "", config if isinstance(config, dict) else {}, part.place)


def pads_as_theano(part: Part) -> bool:
    """Whether `same` put other zeros around in Theano than now: of even kernels and where it strode.

    Source: conv2d, conv3d and pool2d of keras.backend.theano_backend, which pad half a kernel on each side.
    """
    inside = _inside(part)
    if inside is not None:
        return pads_as_theano(inside)
    said = part.config
    if "same" not in (said.get("border_mode"), said.get("padding")):
        return False
    sizes = [number for name in _KERNELS for number in _numbers(said.get(name))]
    strides = [number for name in _STRIDES for number in _numbers(said.get(name))]
    pools = "pool_size" in said or "pool_length" in said
    return pools or any(size % 2 == 0 for size in sizes) or any(stride > 1 for stride in strides)


_KERNELS = (
    "kernel_size", "filter_length", "nb_row", "nb_col", "kernel_dim1", "kernel_dim2", "kernel_dim3",
)  # fmt: skip
_STRIDES = ("strides", "subsample", "subsample_length")


def _numbers(value: object) -> list[int]:
    return [n for n in (value if isinstance(value, list) else [value]) if type(n) is int]


def as_keras_3(part: Part, saved: list[Saved], version: int, flipped: bool) -> list[Saved]:
    """A layer's weights in the layout of Keras 3.

    Args:
        version: Of the Keras that wrote the file.
        flipped: Whether kernels are those of convolutions (Theano), and not of correlations.
    """
    inside = _inside(part)
    if inside is not None:
        half = len(saved) // 2 if part.kind == "Bidirectional" else len(saved)
        halves = [saved[:half], saved[half:]]
        return [one for some in halves for one in as_keras_3(inside, some, version, flipped)]
    saved = _gates(part.kind, saved)
    if part.kind in ("CuDNNLSTM", "CuDNNGRU") and len(saved) == 3:
        return _from_cudnn(saved, 4 if part.kind == "CuDNNLSTM" else 3)
    if (
        version == 1
        and part.kind in ("Convolution1D", "Conv1D", "AtrousConvolution1D")
        and saved
        and len(saved[0].shape) == 4
    ):
        saved = [saved[0].changed(lambda w: _one_axis(w, part)), *saved[1:]]
    if version == 1 and part.first:
        saved = [one.changed(_inputs_before_outputs) if len(one.shape) > 3 else one for one in saved]
    if version == 1 and part.kind in ("Deconvolution2D", "Conv2DTranspose") and saved:
        saved = [saved[0].changed(lambda w: np.ascontiguousarray(w.transpose(0, 1, 3, 2))), *saved[1:]]
    if flipped and saved and part.kind in _FLIPPED:
        saved = [saved[0].changed(_flip), *saved[1:]]
    if flipped and len(saved) > 1 and part.kind == "ConvLSTM2D":
        saved = [saved[0].changed(_flip), saved[1].changed(_flip), *saved[2:]]
    return saved


def _gates(kind: str, saved: list[Saved]) -> list[Saved]:
    order = _GATES.get(kind)
    if order is None or len(saved) != sum(len(places) for _, places in order):
        return saved
    return [_side_by_side(name, [saved[place] for place in places]) for name, places in order]


def _side_by_side(name: str, parts: Sequence[Saved]) -> Saved:
    made = np.concatenate([part.read() for part in parts], axis=-1)
    return Saved(name, made.shape, lambda: made)


def _one_axis(weight: Array, part: Part) -> Array:
    """(length, 1, in, out) of Keras 1, or (out, in, length, 1) of Theano's order, to (length, in, out)."""
    length = part.config.get("filter_length", part.config.get("kernel_size"))
    length = length[0] if isinstance(length, list) else length
    count = part.config.get("nb_filter", part.config.get("filters"))
    if weight.shape[:2] != (length, 1) or weight.shape[3] != count:
        weight = weight.transpose(2, 3, 1, 0)
    return np.ascontiguousarray(weight[:, 0])


def _inputs_before_outputs(weight: Array) -> Array:
    """(out, in, height, width) of `th` to (height, width, in, out)."""
    return np.ascontiguousarray(np.moveaxis(weight, (1, 0), (-2, -1)))


def _flip(weight: Array) -> Array:
    """Turn each kernel by half a turn in space."""
    return np.ascontiguousarray(weight[tuple(slice(None, None, -1) for _ in range(weight.ndim - 2))])


def _from_cudnn(saved: list[Saved], gates: int) -> list[Saved]:
    def inputs(kernel: Array) -> Array:
        return np.hstack([_reordered(part) for part in np.hsplit(kernel, gates)])

    def states(kernel: Array) -> Array:
        return np.hstack([part.T for part in np.hsplit(kernel, gates)])

    def bias(values: Array) -> Array:
        return values.reshape(2, -1) if gates == 3 else np.sum(np.split(values, 2), axis=0)

    kernel, recurrent, biases = saved
    return [kernel.changed(inputs), recurrent.changed(states), biases.changed(bias)]


def _reordered(kernel: Array) -> Any:
    return kernel.T.reshape(kernel.shape, order="F")
