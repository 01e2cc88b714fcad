"""PyTorch's model of a workload: modules as its users write them, channels before pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.workloads.base import Array, Entry, Workload
from benchmarks.workloads.merged import border, merged

Weights = Mapping[str, Array]
"""Of one layer, by Keras's names."""

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU}


def model_of(workload: Workload, weights: Weights, dropout: bool) -> nn.Module:
    """The model with these weights, named `layer/weight`; without `dropout` nothing is dropped."""
    builder = _Builder(workload, weights)
    steps = [(entry.name, entry.reads, builder.module(entry)) for entry in merged(workload, dropout)]
    chain = [*workload.inputs, *(name for name, _, _ in steps)]
    if len(workload.inputs) == 1 and all(
        reads == (read,) for (_, reads, _), read in zip(steps, chain, strict=False)
    ):
        return nn.Sequential(*(module for _, _, module in steps))
    return Net(list(workload.inputs), steps)


def arrange(array: Array, workload: Workload) -> torch.Tensor:
    """An input or class numbers as PyTorch reads them: channels before pixels, or before Conv1D's steps."""
    pictures = array.ndim >= 4 or (array.ndim == 3 and workload.has("Conv1D"))
    if pictures:
        array = np.ascontiguousarray(np.moveaxis(array, -1, 1 if array.ndim < 5 else 2))
    return torch.from_numpy(array.astype(np.int64) if array.dtype == np.int32 else array)


class Net(nn.Module):
    """Layers that read what they name."""

    def __init__(self, inputs: list[str], steps: Sequence[tuple[str, tuple[str, ...], nn.Module]]) -> None:
        super().__init__()
        self.inputs = inputs
        self.reads = [(name, reads) for name, reads, _ in steps]
        self.layers = nn.ModuleList([module for _, _, module in steps])

    def forward(self, *given: torch.Tensor) -> torch.Tensor:
        values = dict(zip(self.inputs, given, strict=True))
        for (name, reads), layer in zip(self.reads, self.layers, strict=True):
            values[name] = layer(*[values[read] for read in reads])
        return values[name]


class Apply(nn.Module):
    """A function without weights."""

    def __init__(self, function: Callable[..., torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *given: torch.Tensor) -> torch.Tensor:
        return self.function(*given)


class Last(nn.Module):
    """A recurrent layer's outputs, or the last one."""

    def __init__(self, layer: nn.LSTM | nn.GRU, sequences: bool) -> None:
        super().__init__()
        self.layer = layer
        self.sequences = sequences

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.layer(x)[0]
        return out if self.sequences else out[:, -1]


class Words(nn.Module):
    """An embedding of words and an LSTM in both directions over those that are not 0."""

    def __init__(self, embedding: nn.Embedding, layer: nn.LSTM) -> None:
        super().__init__()
        self.embedding = embedding
        self.layer = layer

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        lengths = (words != 0).sum(1).cpu()
        packed = nn.utils.rnn.pack_padded_sequence(
            self.embedding(words), lengths, batch_first=True, enforce_sorted=False
        )
        last = self.layer(packed)[1][0]
        return torch.cat([last[0], last[1]], 1)


class SelfAttention(nn.Module):
    """Attention of a sequence to itself in several heads: one product for queries, keys and values."""

    def __init__(self, heads: int, into: nn.Linear, out: nn.Linear, causal: bool) -> None:
        super().__init__()
        self.heads = heads
        self.into = into
        self.out = out
        self.causal = causal

    def forward(self, x: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        batch, steps, width = x.shape
        parts = self.into(x).view(batch, steps, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(*parts.unbind(0), is_causal=self.causal)
        seen = seen.transpose(1, 2).reshape(batch, steps, width)
        result: torch.Tensor = self.out(seen)
        return result


class ConvLSTM(nn.Module):
    """An LSTM of pictures (N, T, C, H, W) whose products are convolutions; the last output."""

    def __init__(self, into: nn.Conv2d, again: nn.Conv2d) -> None:
        super().__init__()
        self.into = into
        self.again = again

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, steps = x.shape[:2]
        given = self.into(x.flatten(0, 1)).unflatten(0, (batch, steps))
        h = c = torch.zeros(1)
        for step in range(steps):
            gates = given[:, step] + self.again(h) if step else given[:, step]
            i, f, g, o = gates.chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        return h


class _Builder:
    """Makes modules of entries.

    Args:
        weights: Of the whole model.
    """

    def __init__(self, workload: Workload, weights: Weights) -> None:
        self.workload = workload
        self.weights = weights
        self.channels: dict[str, int] = {
            name: given.shape[-1] for name, given in workload.inputs.items() if len(given.shape) >= 3
        }
        """Of each value whose channels come before its pixels."""
        self.flat: dict[str, int] = {}
        """The channels of what was flattened."""
        if workload.has("Conv1D"):
            self.channels |= {name: given.shape[-1] for name, given in workload.inputs.items()}
        self.words: nn.Embedding | None = None

    def module(self, entry: Entry) -> nn.Module:
        """The module of an entry, with its weights."""
        made = getattr(self, f"_{entry.type.lower()}")(entry, self._own(entry.name))
        first = entry.reads[0]
        if first in self.channels and entry.type not in ("Flatten", "ConvLSTM2D"):
            before = sum(self.channels[read] for read in entry.reads) if entry.type == "Concatenate" else 0
            self.channels[entry.name] = before or entry.fields.get("filters", self.channels[first])
        if entry.type.startswith("GlobalAverage"):
            self.channels.pop(entry.name, None)
        activation = entry.fields.get("activation")
        return nn.Sequential(made, ACTIVATIONS[activation]()) if activation in ACTIVATIONS else made

    def _own(self, name: str) -> dict[str, Array]:
        below = f"{name}/"
        return {key[len(below) :]: self.weights[key] for key in self.weights if key.startswith(below)}

    def _dense(self, entry: Entry, own: Weights) -> nn.Module:
        kernel = own["kernel"]
        if entry.reads[0] in self.flat:
            channels = self.flat[entry.reads[0]]
            kernel = kernel.reshape(-1, channels, kernel.shape[1]).swapaxes(0, 1).reshape(kernel.shape)
        return _linear(kernel, own["bias"])

    def _dropout(self, entry: Entry, own: Weights) -> nn.Module:
        return nn.Dropout(entry.fields["rate"])

    def _relu(self, entry: Entry, own: Weights) -> nn.Module:
        return nn.ReLU6() if entry.fields.get("max_value") == 6.0 else nn.ReLU()

    def _conv2d(self, entry: Entry, own: Weights) -> nn.Module:
        kernel = own["kernel"].transpose(3, 2, 0, 1)
        return _conv(nn.Conv2d, kernel, own.get("bias"), entry, kernel.shape[1])

    def _conv1d(self, entry: Entry, own: Weights) -> nn.Module:
        kernel = own["kernel"].transpose(2, 1, 0)
        return _conv(nn.Conv1d, kernel, own.get("bias"), entry, kernel.shape[1])

    def _depthwiseconv2d(self, entry: Entry, own: Weights) -> nn.Module:
        kernel = own["kernel"].transpose(2, 3, 0, 1)
        channels = kernel.shape[0]
        return _conv(nn.Conv2d, kernel, own.get("bias"), entry, channels, groups=channels)

    def _batchnormalization(self, entry: Entry, own: Weights) -> nn.Module:
        kind = nn.BatchNorm1d if self.workload.has("Conv1D") else nn.BatchNorm2d
        made = kind(len(own["gamma"]), eps=1e-3, momentum=0.01)
        _fill(made.weight, own["gamma"])
        _fill(made.bias, own["beta"])
        _fill(made.running_mean, own["moving_mean"])
        _fill(made.running_var, own["moving_variance"])
        return made

    def _layernormalization(self, entry: Entry, own: Weights) -> nn.Module:
        made = nn.LayerNorm(len(own["gamma"]), eps=1e-3)
        _fill(made.weight, own["gamma"])
        _fill(made.bias, own["beta"])
        return made

    def _maxpooling2d(self, entry: Entry, own: Weights) -> nn.Module:
        return nn.MaxPool2d(2)

    def _upsampling2d(self, entry: Entry, own: Weights) -> nn.Module:
        return nn.Upsample(scale_factor=2)

    def _globalaveragepooling2d(self, entry: Entry, own: Weights) -> nn.Module:
        return Apply(lambda x: x.mean((2, 3)))

    def _globalaveragepooling1d(self, entry: Entry, own: Weights) -> nn.Module:
        axis = 2 if entry.reads[0] in self.channels else 1
        return Apply(lambda x: x.mean(axis))

    def _flatten(self, entry: Entry, own: Weights) -> nn.Module:
        if entry.reads[0] in self.channels:
            self.flat[entry.name] = self.channels[entry.reads[0]]
        return nn.Flatten()

    def _concatenate(self, entry: Entry, own: Weights) -> nn.Module:
        return Apply(lambda *x: torch.cat(x, 1))

    def _add(self, entry: Entry, own: Weights) -> nn.Module:
        return Apply(lambda x, y: x + y)

    def _embedding(self, entry: Entry, own: Weights) -> nn.Module:
        table = own["embeddings"]
        made = nn.Embedding(*table.shape)
        _fill(made.weight, table)
        if not entry.fields.get("mask_zero"):
            return made
        # What comes behind reads lengths besides: it takes this embedding in.
        self.words = made
        return nn.Identity()

    def _lstm(self, entry: Entry, own: Weights) -> nn.Module:
        units = entry.fields["units"]
        layer = nn.LSTM(own["kernel"].shape[0], units, batch_first=True)
        _fill_lstm(layer, own, "")
        return Last(layer, entry.fields.get("return_sequences", False))

    def _gru(self, entry: Entry, own: Weights) -> nn.Module:
        units = entry.fields["units"]
        layer = nn.GRU(own["kernel"].shape[0], units, batch_first=True)
        # Keras's gates: update, reset, new; PyTorch's: reset, update, new.
        order = np.r_[units : 2 * units, :units, 2 * units : 3 * units]
        _fill(layer.weight_ih_l0, own["kernel"].T[order])
        _fill(layer.weight_hh_l0, own["recurrent_kernel"].T[order])
        _fill(layer.bias_ih_l0, own["bias"][0][order])
        _fill(layer.bias_hh_l0, own["bias"][1][order])
        return Last(layer, entry.fields.get("return_sequences", False))

    def _bidirectional(self, entry: Entry, own: Weights) -> nn.Module:
        assert self.words is not None
        inside = entry.fields["layer"]
        layer = nn.LSTM(
            own["forward_layer/kernel"].shape[0], inside["units"], batch_first=True, bidirectional=True
        )
        for direction, ending in (("forward", ""), ("backward", "_reverse")):
            below = f"{direction}_layer/"
            _fill_lstm(layer, {k[len(below) :]: w for k, w in own.items() if k.startswith(below)}, ending)
        return Words(self.words, layer)

    def _multiheadattention(self, entry: Entry, own: Weights) -> nn.Module:
        width = own["query/kernel"].shape[0]
        parts = ("query", "key", "value")
        into = _linear(
            np.concatenate([own[f"{part}/kernel"].reshape(width, -1) for part in parts], 1),
            np.concatenate([own[f"{part}/bias"].ravel() for part in parts]),
        )
        out = _linear(own["output/kernel"].reshape(-1, width), own["output/bias"])
        causal = entry.fields.get("use_causal_mask", False)
        return SelfAttention(entry.fields["num_heads"], into, out, causal)

    def _convlstm2d(self, entry: Entry, own: Weights) -> nn.Module:
        self.channels[entry.name] = entry.fields["filters"]
        kernel, recurrent = (own[key].transpose(3, 2, 0, 1) for key in ("kernel", "recurrent_kernel"))
        into = _conv(nn.Conv2d, kernel, own["bias"], entry, kernel.shape[1])
        same = Entry(entry.name, entry.type, {"padding": "same"}, entry.reads)
        return ConvLSTM(into, _conv(nn.Conv2d, recurrent, None, same, recurrent.shape[1]))


def _fill(parameter: Any, values: Array) -> None:
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(np.ascontiguousarray(values)))


def _linear(kernel: Array, bias: Array) -> nn.Linear:
    """A map of the last axis; kernel (in, out)."""
    made = nn.Linear(*kernel.shape)
    _fill(made.weight, kernel.T)
    _fill(made.bias, bias)
    return made


def _conv(
    kind: Any, kernel: Array, bias: Array | None, entry: Entry, channels: int, groups: int = 1
) -> nn.Module:
    """A convolution; kernel (out, in of a group, ...)."""
    size = kernel.shape[2:]
    before, behind = border(size[0], entry.fields.get("padding", "valid"))
    padding: Any = before if before == behind else "same"
    made = kind(
        channels,
        kernel.shape[0],
        size,
        stride=entry.fields.get("strides", 1),
        padding=padding,
        groups=groups,
        bias=bias is not None,
    )
    _fill(made.weight, kernel)
    if bias is not None:
        _fill(made.bias, bias)
    return made  # type: ignore[no-any-return]


def _fill_lstm(layer: nn.LSTM, own: Weights, ending: str) -> None:
    """Keras has one bias; a second one that learns would double the step of their sum."""
    _fill(getattr(layer, f"weight_ih_l0{ending}"), own["kernel"].T)
    _fill(getattr(layer, f"weight_hh_l0{ending}"), own["recurrent_kernel"].T)
    _fill(getattr(layer, f"bias_ih_l0{ending}"), own["bias"])
    still = getattr(layer, f"bias_hh_l0{ending}")
    _fill(still, np.zeros_like(own["bias"]))
    still.requires_grad_(False)
