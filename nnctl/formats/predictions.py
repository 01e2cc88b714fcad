"""Predictions as CSV, NPY or JSON lines, written block by block."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.errors import ConfigError, Problem
from nnctl.formats.decimals import doubles, texts
from nnctl.storage.growing import GrowingFile

Outputs = Mapping[str, Array]
"""A block of N examples: (N, ...) by the model's output."""
Kept = Mapping[str, Sequence[Any]]
"""Columns of the input that are carried over: text or numbers (N,) by name."""

_RUNS = ("=", "+", "-", "@", "\t", "\r")
"""What a cell of text must not begin with: a spreadsheet would run it."""
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_QUOTED = re.compile(r'[",\r\n]')


@dataclass(frozen=True)
class ShownOutput:
    """How one output is shown.

    Attributes:
        output: The model's name for it.
        name: What it is called: the target that it was trained towards.
        shape: The shape of one example.
        classes: The classes it tells apart; one number each, along the last axis.
        parts: What its numbers are called, where the target has several columns.
    """

    output: str
    name: str
    shape: tuple[int, ...]
    classes: tuple[str, ...] | None = None
    parts: tuple[str, ...] | None = None

    @property
    def likeliest(self) -> tuple[str, ...]:
        """The classes of which one is named beside the numbers; none where an example has several."""
        return self.classes if self.classes is not None and len(self.shape) == 1 else ()

    @property
    def labels(self) -> list[str]:
        """A name for each number."""
        width = prod(self.shape)
        if self.likeliest:
            return [f"{self.name}_{c}" for c in self.likeliest]
        if self.parts is not None and len(self.parts) == width:
            return list(self.parts)
        return [self.name] if width == 1 else [f"{self.name}_{i}" for i in range(width)]

    @property
    def columns(self) -> list[str]:
        """The columns of a CSV: for classes, the likeliest one stands first."""
        return [self.name, *self.labels] if self.likeliest else self.labels


class Writer(Protocol):
    """A file of predictions that grows."""

    def add(self, outputs: Outputs, kept: Kept) -> None:
        """Append a block of examples."""

    def finish(self) -> None:
        """Write what stands at the end, or needs to be known at the start."""


@dataclass
class CSVWriter:
    """A header, then a row an example: what is carried over, then each output's columns."""

    file: GrowingFile
    shown: Sequence[ShownOutput]
    kept: Sequence[str]

    def __post_init__(self) -> None:
        names = [*self.kept, *(name for each in self.shown for name in each.columns)]
        self.file.write((",".join(map(_cell, names)) + "\n").encode())

    def add(self, outputs: Outputs, kept: Kept) -> None:
        columns = [[_value(v) for v in kept[name]] for name in self.kept]
        for each in self.shown:
            columns += self._columns(each, outputs[each.output])
        lines = map(",".join, zip(*columns, strict=True))
        self.file.write("".join(f"{line}\n" for line in lines).encode())

    def finish(self) -> None:
        pass

    @staticmethod
    def _columns(each: ShownOutput, array: Array) -> Iterator[list[str]]:
        flat = array.reshape(len(array), prod(each.shape))
        if each.likeliest:
            cells = [_cell(name) for name in each.likeliest]
            yield [cells[i] for i in flat.argmax(axis=1).tolist()]
        for column in flat.T:
            yield texts(np.ascontiguousarray(column))


@dataclass
class JSONLinesWriter:
    """An object a line: what is carried over, then each output; what JSON cannot hold becomes null."""

    file: GrowingFile
    shown: Sequence[ShownOutput]
    kept: Sequence[str]

    def add(self, outputs: Outputs, kept: Kept) -> None:
        columns = [[json.dumps(_finite(v)) for v in kept[name]] for name in self.kept]
        columns += [self._column(each, outputs[each.output]) for each in self.shown]
        names = [*self.kept, *(each.name for each in self.shown)]
        pattern = _pattern(names)
        self.file.write("".join(pattern % row for row in zip(*columns, strict=True)).encode())

    def finish(self) -> None:
        pass

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


@dataclass
class NPYWriter:
    """The bare array of the one output, in NumPy's format."""

    file: GrowingFile
    shown: Sequence[ShownOutput]
    kept: Sequence[str]
    rows: int = field(default=0, init=False)
    dtype: np.dtype[Any] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if len(self.shown) != 1:
            names = ", ".join(each.name for each in self.shown)
            message = f"an .npy file holds one array; this model has {names}"
            raise ConfigError(Problem(message, expected=".csv, .jsonl"))
        if self.kept:
            message = f"an .npy file holds predictions only; it cannot keep {', '.join(self.kept)}"
            raise ConfigError(Problem(message, expected=".csv, .jsonl"))

    def add(self, outputs: Outputs, kept: Kept) -> None:
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


WRITERS: dict[str, type[CSVWriter] | type[JSONLinesWriter] | type[NPYWriter]] = {
    ".csv": CSVWriter,
    ".npy": NPYWriter,
    ".jsonl": JSONLinesWriter,
}


def check_ending(path: Path) -> None:
    """Raise ConfigError unless `path` ends as one of the formats does."""
    if path.suffix not in WRITERS:
        known = ", ".join(WRITERS)
        raise ConfigError(Problem(f"cannot tell what to write by the ending of '{path}'", expected=known))


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


def _value(value: Any) -> str:
    return _cell(value) if isinstance(value, str) else "" if value is None else repr(value)


def _cell(text: str) -> str:
    """A cell of text, quoted as CSV wants it, and so that no spreadsheet runs it."""
    if text.startswith(_RUNS) and not _NUMBER.fullmatch(text):
        text = f"'{text}"
    if _QUOTED.search(text):
        text = '"' + text.replace('"', '""') + '"'
    return text
