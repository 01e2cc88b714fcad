"""Convolution over height and width."""

from __future__ import annotations

from typing import ClassVar, Literal

from nnctl.layers.base import register
from nnctl.layers.convolution import Convolution
from nnctl.layers.sizes import Pair


@register
class Conv2D(Convolution):
    """y[p, q, f] = activation(sum over i, j, c of x[p sh + i dh, q sw + j dw, c] W[i, j, c, f] + b[f]).

    Shapes: x (B, H, W, C), kernel (KH, KW, C / groups, F), bias (F,), y (B, P, Q, F).
    Source: keras.layers.Conv2D.
    """

    aliases: ClassVar[tuple[str, ...]] = ("Convolution2D",)
    spatial: ClassVar[tuple[str, ...]] = ("height", "width")

    kernel_size: Pair
    """The window's height and width."""
    strides: Pair = (1, 1)
    """The steps between windows, down and across."""
    padding: Literal["valid", "same"] = "valid"
    """`valid` uses whole windows only; `same` pads with zeros so that a stride of 1 keeps the size."""
    dilation_rate: Pair = (1, 1)
    """The steps between a window's taps, down and across."""
