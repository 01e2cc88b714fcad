"""Predictions as one bare array."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.errors import ConfigError, Problem
from nnctl.formats.predictions.base import PredictionFormat, endings, formats, register


@register
@dataclass
class npy(PredictionFormat):
    """The bare array of the only output, in NumPy's format; no class names, nothing carried over."""

    bare: ClassVar[bool] = True

    rows: int = field(default=0, init=False)
    dtype: np.dtype[Any] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if len(self.shown) != 1:
            names = ", ".join(each.name for each in self.shown)
            message = f"an .npy file holds one array; this model has {names}"
            raise ConfigError(Problem(message, expected=_others()))
        if self.kept:
            message = f"an .npy file holds predictions only; it cannot keep {', '.join(self.kept)}"
            raise ConfigError(Problem(message, expected=_others()))

    def add(self, outputs: Mapping[str, Array], kept: Mapping[str, Sequence[Any]]) -> None:
        array = np.ascontiguousarray(outputs[self.shown[0].output])
        if self.dtype is None:
            self.dtype = array.dtype
            self.file.write(self._header())
        self.rows += len(array)
        self.file.write(array.tobytes())

    def finish(self) -> None:
        self.file.write_first(self._header())

    def _header(self) -> bytes:
        """NumPy leaves room in it for a first axis of any length, so that it can be written over."""
        described = {
            "descr": np.lib.format.dtype_to_descr(self.dtype or np.dtype("float32")),
            "fortran_order": False,
            "shape": (self.rows, *self.shown[0].shape),
        }
        buffer = io.BytesIO()
        np.lib.format.write_array_header_1_0(buffer, described)
        return buffer.getvalue()


def _others() -> str:
    """The endings of formats that hold more."""
    return ", ".join(endings([cls.__name__ for cls in formats.classes() if not cls.bare]))
