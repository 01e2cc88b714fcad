"""Predictions as CSV."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.formats.decimals import texts
from nnctl.formats.predictions.base import PredictionFormat, ShownOutput, register

_RUNS = ("=", "+", "-", "@", "\t", "\r")
"""What a cell of text must not begin with: a spreadsheet would run it."""
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_QUOTED = re.compile(r'[",\r\n]')


@register
class csv(PredictionFormat):
    """A header, then a row per example: what is carried over, then each output's columns."""

    @classmethod
    def names(cls, shown: Sequence[ShownOutput]) -> set[str]:
        return {name for each in shown for name in each.columns}

    def __post_init__(self) -> None:
        names = [*self.kept, *(name for each in self.shown for name in each.columns)]
        self.file.write((",".join(map(cell, names)) + "\n").encode())

    def add(self, outputs: Mapping[str, Array], kept: Mapping[str, Sequence[Any]]) -> None:
        columns = [[_value(v) for v in kept[name]] for name in self.kept]
        for each in self.shown:
            columns += self._columns(each, outputs[each.output])
        lines = map(",".join, zip(*columns, strict=True))
        self.file.write("".join(f"{line}\n" for line in lines).encode())

    @staticmethod
    def _columns(each: ShownOutput, array: Array) -> Iterator[list[str]]:
        flat = array.reshape(len(array), prod(each.shape))
        if each.likeliest:
            cells = [cell(name) for name in each.likeliest]
            yield [cells[i] for i in flat.argmax(axis=1).tolist()]
        for column in flat.T:
            yield texts(np.ascontiguousarray(column))


def _value(value: Any) -> str:
    return cell(value) if isinstance(value, str) else "" if value is None else repr(value)


def cell(text: str) -> str:
    """A cell of text, quoted as CSV wants it, and so that no spreadsheet runs it."""
    if text.startswith(_RUNS) and not _NUMBER.fullmatch(text):
        text = f"'{text}"
    if _QUOTED.search(text):
        text = '"' + text.replace('"', '""') + '"'
    return text
