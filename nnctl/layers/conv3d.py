"""Convolution over depth, height and width."""

from __future__ import annotations

from typing import ClassVar, Literal

from nnctl.layers.base import register
from nnctl.layers.convolution import Convolution
from nnctl.layers.sizes import Triple


@register
class Conv3D(Convolution):
    """y[p, f] = activation(sum over taps i, channels c of x[p s + i d, c] W[i, c, f] + b[f]), p in 3 axes.

    Shapes: x (B, D, H, W, C), kernel (KD, KH, KW, C / groups, F), bias (F,), y (B, P, Q, R, F).
    Source: keras.layers.Conv3D.
    """

    aliases: ClassVar[tuple[str, ...]] = ("Convolution3D",)
    spatial: ClassVar[tuple[str, ...]] = ("depth", "height", "width")

    kernel_size: Triple
    """The window's depth, height and width."""
    strides: Triple = (1, 1, 1)
    """The steps between windows along depth, height and width."""
    padding: Literal["valid", "same"] = "valid"
    """`valid` uses whole windows only; `same` pads with zeros so that a stride of 1 keeps the size."""
    dilation_rate: Triple = (1, 1, 1)
    """The steps between a window's taps along depth, height and width."""
