"""Convolution over time."""

from __future__ import annotations

from typing import ClassVar, Literal

from nnctl.layers.base import register
from nnctl.layers.convolution import Convolution, OverTime


@register
class Conv1D(OverTime, Convolution):
    """y[t, f] = activation(sum over i, c of x[t s + i d, c] W[i, c, f] + b[f]).

    Shapes: x (B, T, C), kernel (K, C / groups, F), bias (F,), y (B, T', F).
    Source: keras.layers.Conv1D.
    """

    aliases: ClassVar[tuple[str, ...]] = ("Convolution1D",)
    padding: Literal["valid", "same", "causal"] = "valid"
    """As for Conv2D; `causal` pads only before the start, so that y[t] sees nothing after x[t]."""
