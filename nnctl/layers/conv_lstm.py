"""Long short-term memory whose products are convolutions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from nnctl.activations.base import Activation
from nnctl.core.shapes import Shape
from nnctl.layers.base import Weight, register
from nnctl.layers.context import LayerContext
from nnctl.layers.convolution import OverImages, OverTime, OverVolumes, Windowed, WithFilters
from nnctl.layers.fields import WithKernel, WithRecurrentKernel, WithTraining
from nnctl.layers.lstm import WithForgetBias, through_gates
from nnctl.layers.recurrent import Recurrent
from nnctl.layers.units import Rate
from nnctl.layers.windows import around_each
from nnctl.ops.base import Value
from nnctl.ops.convolution import convolve
from nnctl.ops.dropout import dropout
from nnctl.ops.elementwise import add
from nnctl.ops.shape import concatenate, reshape, slice_axis, unstack

GATES = 4
"""i, f, g, o, side by side in kernels and bias."""


class ConvLSTM(
    Recurrent, WithKernel, WithRecurrentKernel, WithForgetBias, Windowed, WithFilters, WithTraining
):
    """The step of LSTM with convolutions: of the input as the fields say, of the state with `same`.

    Steps are composed of ops, one after the other; the input's convolution is one for all of them.

    Shapes: x (B, T, *spatial, C), kernel (*kernel_size, C, 4F), recurrent_kernel (*kernel_size, F, 4F), bias
    (4F,), h and c (B, *spatial', F), y as h or, with return_sequences, (B, T, *spatial', F).
    """

    supports_masking: ClassVar[bool] = True

    activation: Activation = "tanh"
    """What is applied to the new state, and to c."""
    recurrent_activation: Activation = "sigmoid"
    """What is applied to the gates."""
    dropout: Rate = 0.0
    """The part of the input that is dropped while training, by gate, the same at every step of a sequence."""
    recurrent_dropout: Rate = 0.0
    """The part of the state that is dropped before its convolution, by gate, the same at every step."""
    seed: int | None = None
    """The dropouts' stream; default: the experiment's."""

    @classmethod
    def state_count(cls) -> int | None:
        return 2

    def check_step(self, step: Shape) -> None:
        self.need_channels(step)
        self.places(step)

    def state_shapes(self, step: Shape) -> list[Shape]:
        return [(*self.places(step), self.filters)] * 2

    def weights(self, x: Shape, *initial: Shape) -> Mapping[str, Weight]:
        width = GATES * self.filters
        channels = self.need_channels(x[1:])
        weights = {
            "kernel": self.weight("kernel", (*self.kernel_size, channels, width)),
            "recurrent_kernel": self.weight("recurrent_kernel", (*self.kernel_size, self.filters, width)),
        }
        return self.with_bias(weights, width)

    def prepared(self, ctx: LayerContext, x: Value) -> Value:
        """The input's convolution at all steps: (B, T, *spatial', 4F)."""
        batch, steps, *shape = x.shape
        kernel, bias = ctx.weights["kernel"], ctx.weights.get("bias")

        def convolved(x: Value, kernel: Value, bias: Value | None) -> Value:
            flat = reshape(x, (batch * steps, *shape))
            return convolve(flat, kernel, bias, self.strides, self.zeros_around(flat), self.dilation_rate)

        if not ctx.training or self.dropout == 0:
            y = convolved(x, kernel, bias)
        else:
            parts = []
            for gate in range(GATES):
                key = ctx.key(f"dropout_{gate}", self.seed)
                seen = dropout(x, self.dropout, key, ctx.graph.step(), (batch, 1, *shape))
                part = None if bias is None else self._of_gate(bias, gate)
                parts.append(convolved(seen, self._of_gate(kernel, gate), part))
            y = concatenate(parts, -1)
        return reshape(y, (batch, steps, *y.shape[1:]))

    def step(self, ctx: LayerContext, x: Value, states: Sequence[Value]) -> Sequence[Value]:
        before, c = states
        z = add(x, self._of_state(ctx, before))
        gates = unstack(reshape(z, (*z.shape[:-1], GATES, self.filters)), -2)
        return through_gates(gates, c, self.activation, self.recurrent_activation)

    def _of_state(self, ctx: LayerContext, h: Value) -> Value:
        """The state's convolution: (B, *spatial', 4F)."""
        kernel, ones = ctx.weights["recurrent_kernel"], (1,) * len(self.spatial)
        zeros = around_each(h.shape[1:-1], self.kernel_size, ones, "same")
        if not ctx.training or self.recurrent_dropout == 0:
            return convolve(h, kernel, None, ones, zeros)
        parts = []
        for gate in range(GATES):
            key = ctx.key(f"recurrent_dropout_{gate}", self.seed)
            seen = dropout(h, self.recurrent_dropout, key, ctx.graph.step(), h.shape)
            parts.append(convolve(seen, self._of_gate(kernel, gate), None, ones, zeros))
        return concatenate(parts, -1)

    def _of_gate(self, x: Value, gate: int) -> Value:
        """A gate's part of a kernel or a bias."""
        return slice_axis(x, -1, gate * self.filters, (gate + 1) * self.filters)


@register
class ConvLSTM1D(OverTime, ConvLSTM):
    """LSTM over time whose steps are sequences (L, C) and whose products are convolutions.

    Shapes: x (B, T, L, C), kernel (K, C, 4F), recurrent_kernel (K, F, 4F), bias (4F,), h and c (B, P, F), y
    (B, P, F) or, with return_sequences, (B, T, P, F).
    Source: keras.layers.ConvLSTM1D.
    """

    axes: ClassVar[tuple[str, ...]] = ("length", "channels")

    padding: Literal["valid", "same"] = "valid"
    """`valid` uses whole windows only; `same` pads with zeros so that a stride of 1 keeps the length."""


@register
class ConvLSTM2D(OverImages, ConvLSTM):
    """LSTM over time whose steps are images (H, W, C) and whose products are convolutions.

    Shapes: x (B, T, H, W, C), kernel (KH, KW, C, 4F), recurrent_kernel (KH, KW, F, 4F), bias (4F,), h and c
    (B, P, Q, F), y (B, P, Q, F) or, with return_sequences, (B, T, P, Q, F).
    Source: keras.layers.ConvLSTM2D (Shi et al., 2015).
    """

    axes: ClassVar[tuple[str, ...]] = ("height", "width", "channels")


@register
class ConvLSTM3D(OverVolumes, ConvLSTM):
    """LSTM over time whose steps are volumes (D, H, W, C) and whose products are convolutions.

    Shapes: x (B, T, D, H, W, C), kernel (KD, KH, KW, C, 4F), recurrent_kernel (KD, KH, KW, F, 4F), bias
    (4F,), h and c (B, P, Q, R, F), y (B, P, Q, R, F) or, with return_sequences, (B, T, P, Q, R, F).
    Source: keras.layers.ConvLSTM3D.
    """

    axes: ClassVar[tuple[str, ...]] = ("depth", "height", "width", "channels")
