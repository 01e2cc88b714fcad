"""A workload as a function of its weights, in JAX and nothing else: axes and weights as Keras has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.workloads.base import Array, Entry, Workload
from benchmarks.workloads.merged import border, merged

Weights = dict[str, Any]
ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "linear": lambda x: x,
    "relu": jax.nn.relu,
    "tanh": jnp.tanh,
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),
}
MOMENTUM = 0.99
NORMALIZATION_EPSILON = 1e-3


def split(weights: Mapping[str, Array]) -> tuple[Weights, Weights]:
    """Weights that learn, and moving statistics, by `layer/weight`."""
    moving = {name for name in weights if "/moving_" in name}
    return (
        {name: jnp.asarray(w) for name, w in weights.items() if name not in moving},
        {name: jnp.asarray(w) for name, w in weights.items() if name in moving},
    )


def function_of(workload: Workload, dropout: bool, training: bool) -> Callable[..., tuple[Any, Weights]]:
    """(weights, statistics, inputs, key) -> (output, the statistics after it)."""
    entries = merged(workload, dropout and training)

    def apply(weights: Weights, statistics: Weights, inputs: Mapping[str, Any], key: Any) -> Any:
        call = _Call(weights, dict(statistics), dict(inputs), key, training)
        for entry in entries:
            call.run(entry)
        return call.values[entries[-1].name], call.statistics

    return apply


class _Call:
    """One pass through the layers.

    Attributes:
        values: What layers gave, by name.
        masks: Of which steps count (B, T), by name of a value.
    """

    def __init__(
        self, weights: Weights, statistics: Weights, values: dict[str, Any], key: Any, training: bool
    ) -> None:
        self.weights = weights
        self.statistics = statistics
        self.values = values
        self.masks: dict[str, Any] = {}
        self.key = key
        self.training = training

    def run(self, entry: Entry) -> None:
        """Add what an entry gives."""
        given = [self.values[name] for name in entry.reads]
        made = getattr(self, f"_{entry.type.lower()}")(entry, *given)
        self.values[entry.name] = made

    def _own(self, entry: Entry, name: str) -> Any:
        return self.weights.get(f"{entry.name}/{name}")

    def _activated(self, entry: Entry, x: Any) -> Any:
        return ACTIVATIONS[entry.fields.get("activation", "linear")](x)

    def _dense(self, entry: Entry, x: Any) -> Any:
        return self._activated(entry, x @ self._own(entry, "kernel") + self._own(entry, "bias"))

    def _dropout(self, entry: Entry, x: Any) -> Any:
        self.key, key = jax.random.split(self.key)
        keep = 1 - entry.fields["rate"]
        return jnp.where(jax.random.bernoulli(key, keep, x.shape), x / keep, 0)

    def _relu(self, entry: Entry, x: Any) -> Any:
        most = entry.fields.get("max_value")
        return jax.nn.relu(x) if most is None else jnp.clip(x, 0, most)

    def _conv2d(self, entry: Entry, x: Any) -> Any:
        made = _convolve(x, self._own(entry, "kernel"), entry)
        bias = self._own(entry, "bias")
        return self._activated(entry, made if bias is None else made + bias)

    def _conv1d(self, entry: Entry, x: Any) -> Any:
        return self._conv2d(entry, x)

    def _depthwiseconv2d(self, entry: Entry, x: Any) -> Any:
        kernel = self._own(entry, "kernel").transpose(0, 1, 3, 2)
        return _convolve(x, kernel, entry, groups=x.shape[-1])

    def _batchnormalization(self, entry: Entry, x: Any) -> Any:
        names = [f"{entry.name}/moving_{part}" for part in ("mean", "variance")]
        found = [self.statistics[name] for name in names]
        if self.training:
            axes = tuple(range(x.ndim - 1))
            now = [x.mean(axes), x.var(axes)]
            for name, old, new in zip(names, found, now, strict=True):
                self.statistics[name] = MOMENTUM * old + (1 - MOMENTUM) * lax.stop_gradient(new)
            found = now
        mean, variance = found
        scale = self._own(entry, "gamma") * lax.rsqrt(variance + NORMALIZATION_EPSILON)
        return (x - mean) * scale + self._own(entry, "beta")

    def _layernormalization(self, entry: Entry, x: Any) -> Any:
        mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        scale = self._own(entry, "gamma") * lax.rsqrt(variance + NORMALIZATION_EPSILON)
        return (x - mean) * scale + self._own(entry, "beta")

    def _maxpooling2d(self, entry: Entry, x: Any) -> Any:
        return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def _upsampling2d(self, entry: Entry, x: Any) -> Any:
        return x.repeat(2, axis=1).repeat(2, axis=2)

    def _globalaveragepooling2d(self, entry: Entry, x: Any) -> Any:
        return x.mean((1, 2))

    def _globalaveragepooling1d(self, entry: Entry, x: Any) -> Any:
        return x.mean(1)

    def _flatten(self, entry: Entry, x: Any) -> Any:
        return x.reshape(len(x), -1)

    def _concatenate(self, entry: Entry, *x: Any) -> Any:
        return jnp.concatenate(x, -1)

    def _add(self, entry: Entry, x: Any, y: Any) -> Any:
        return x + y

    def _embedding(self, entry: Entry, x: Any) -> Any:
        if entry.fields.get("mask_zero"):
            self.masks[entry.name] = x != 0
        return self._own(entry, "embeddings")[x]

    def _lstm(self, entry: Entry, x: Any) -> Any:
        kernel, recurrent, bias = (self._own(entry, n) for n in ("kernel", "recurrent_kernel", "bias"))
        return _lstm(x, kernel, recurrent, bias, entry.fields.get("return_sequences", False))

    def _gru(self, entry: Entry, x: Any) -> Any:
        recurrent, bias = self._own(entry, "recurrent_kernel"), self._own(entry, "bias")
        given = (x @ self._own(entry, "kernel") + bias[0]).swapaxes(0, 1)

        def step(h: Any, row: Any) -> tuple[Any, Any]:
            again = h @ recurrent + bias[1]
            (z, r, g), (hz, hr, hg) = jnp.split(row, 3, -1), jnp.split(again, 3, -1)
            z, r = jax.nn.sigmoid(z + hz), jax.nn.sigmoid(r + hr)
            h = z * h + (1 - z) * jnp.tanh(g + r * hg)
            return h, None

        h = jnp.zeros((len(x), recurrent.shape[0]), x.dtype)
        return lax.scan(step, h, given)[0]

    def _bidirectional(self, entry: Entry, x: Any) -> Any:
        mask = self.masks[entry.reads[0]]
        both = []
        for direction, order in (("forward", 1), ("backward", -1)):
            names = (f"{direction}_layer/{part}" for part in ("kernel", "recurrent_kernel", "bias"))
            kernel, recurrent, bias = (self._own(entry, name) for name in names)
            both.append(_lstm(x[:, ::order], kernel, recurrent, bias, False, mask[:, ::order]))
        return jnp.concatenate(both, -1)

    def _multiheadattention(self, entry: Entry, x: Any, _: Any) -> Any:
        q, k, v = (
            jnp.einsum("bte,ehd->bthd", x, self._own(entry, f"{part}/kernel"))
            + self._own(entry, f"{part}/bias")
            for part in ("query", "key", "value")
        )
        seen = jax.nn.dot_product_attention(q, k, v, is_causal=entry.fields.get("use_causal_mask", False))
        return jnp.einsum("bthd,hde->bte", seen, self._own(entry, "output/kernel")) + self._own(
            entry, "output/bias"
        )

    def _convlstm2d(self, entry: Entry, x: Any) -> Any:
        batch, steps = x.shape[:2]
        recurrent = self._own(entry, "recurrent_kernel")
        given = _convolve(x.reshape(-1, *x.shape[2:]), self._own(entry, "kernel"), entry)
        given = (given + self._own(entry, "bias")).reshape(batch, steps, *given.shape[1:]).swapaxes(0, 1)
        same = Entry(entry.name, entry.type, {"padding": "same"}, entry.reads)

        def step(state: Any, row: Any) -> tuple[Any, Any]:
            return _lstm_state(row + _convolve(state[0], recurrent, same), state[1]), None

        zero = jnp.zeros((*given.shape[1:-1], recurrent.shape[2]), x.dtype)
        return lax.scan(step, (zero, zero), given)[0][0]


def _convolve(x: Any, kernel: Any, entry: Entry, groups: int = 1) -> Any:
    """A convolution over all axes between batch and channels."""
    rank = x.ndim - 2
    padding = entry.fields.get("padding", "valid")
    axes = {1: ("NWC", "WIO", "NWC"), 2: ("NHWC", "HWIO", "NHWC")}[rank]
    return lax.conv_general_dilated(
        x,
        kernel,
        (entry.fields.get("strides", 1),) * rank,
        [border(kernel.shape[axis], padding) for axis in range(rank)],
        dimension_numbers=axes,
        feature_group_count=groups,
    )


def _lstm_state(gates: Any, c: Any) -> tuple[Any, Any]:
    """Output and cell after a step; gates in Keras's order: input, forget, cell, output."""
    i, f, g, o = jnp.split(gates, 4, -1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def _lstm(x: Any, kernel: Any, recurrent: Any, bias: Any, sequences: bool, mask: Any = None) -> Any:
    """x (B, T, C) to the last output (B, U), or all (B, T, U); where the mask (B, T) is 0, nothing moves."""
    given = (x @ kernel + bias).swapaxes(0, 1)
    counts = None if mask is None else mask.T[..., None]

    def step(state: Any, row: Any) -> tuple[Any, Any]:
        gates, moves = row
        after = _lstm_state(gates + state[0] @ recurrent, state[1])
        if moves is not None:
            after = tuple(jnp.where(moves, new, old) for new, old in zip(after, state, strict=True))
        return after, after[0] if sequences else None

    zero = jnp.zeros((len(x), recurrent.shape[0]), x.dtype)
    (h, _), every = lax.scan(step, (zero, zero), (given, counts))
    return every.swapaxes(0, 1) if sequences else h
