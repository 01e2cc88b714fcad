"""Convolution over height and width."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.base import register
from nnctl.layers.convolution import Convolution, OverImages


@register
class Conv2D(OverImages, Convolution):
    """y[p, q, f] = activation(sum over i, j, c of x[p sh + i dh, q sw + j dw, c] W[i, j, c, f] + b[f]).

    Shapes: x (B, H, W, C), kernel (KH, KW, C / groups, F), bias (F,), y (B, P, Q, F).
    Source: keras.layers.Conv2D.
    """

    aliases: ClassVar[tuple[str, ...]] = ("Convolution2D",)
