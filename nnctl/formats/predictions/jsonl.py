"""Predictions as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.formats.decimals import doubles, texts
from nnctl.formats.predictions.base import PredictionFormat, ShownOutput, register


@register
class jsonl(PredictionFormat):
    """An object a line: what is carried over, then each output; what JSON cannot hold becomes null."""

    def add(self, outputs: Mapping[str, Array], kept: Mapping[str, Sequence[Any]]) -> None:
        columns = [[json.dumps(_finite(v)) for v in kept[name]] for name in self.kept]
        columns += [self._column(each, outputs[each.output]) for each in self.shown]
        names = [*self.kept, *(each.name for each in self.shown)]
        pattern = _pattern(names)
        self.file.write("".join(pattern % row for row in zip(*columns, strict=True)).encode())

    @staticmethod
    def _column(each: ShownOutput, array: Array) -> list[str]:
        if len(each.shape) != 1:
            exact = doubles(array.reshape(-1)).reshape(array.shape)
            return [json.dumps(_bare(_finite(v))) for v in exact.tolist()]
        columns = [_numbers(np.ascontiguousarray(column)) for column in array.T]
        if not each.likeliest:
            rows = zip(*columns, strict=True)
            return columns[0] if len(columns) == 1 else [f"[{', '.join(row)}]" for row in rows]
        names = [json.dumps(name) for name in each.likeliest]
        pattern = f'{{"class": %s, "probabilities": {_pattern(each.likeliest).rstrip()}}}'
        best = [names[i] for i in array.argmax(axis=1).tolist()]
        return [pattern % row for row in zip(best, *columns, strict=True)]


def _numbers(values: Array) -> list[str]:
    """Numbers as JSON writes them, which is as Python does, but for those that are not finite."""
    said = texts(values)
    for i in np.flatnonzero(~np.isfinite(values)).tolist():
        said[i] = "null"
    return said


def _pattern(names: Sequence[str]) -> str:
    """A line of JSON with a place for each name's value."""
    pairs = ", ".join(f"{json.dumps(name).replace('%', '%%')}: %s" for name in names)
    return f"{{{pairs}}}\n"


def _bare(value: Any) -> Any:
    """A vector of one number as that number."""
    if not isinstance(value, list):
        return value
    return (
        _bare(value[0]) if len(value) == 1 and not isinstance(value[0], list) else [_bare(v) for v in value]
    )


def _finite(value: Any) -> Any:
    if isinstance(value, list):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
