"""Convolution over depth, height and width."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.base import register
from nnctl.layers.convolution import Convolution, OverVolumes


@register
class Conv3D(OverVolumes, Convolution):
    """y[p, f] = activation(sum over taps i, channels c of x[p s + i d, c] W[i, c, f] + b[f]), p in 3 axes.

    Shapes: x (B, D, H, W, C), kernel (KD, KH, KW, C / groups, F), bias (F,), y (B, P, Q, R, F).
    Source: keras.layers.Conv3D.
    """

    aliases: ClassVar[tuple[str, ...]] = ("Convolution3D",)
