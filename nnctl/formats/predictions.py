"""Predictions as CSV, NPY or JSON lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnctl.core.errors import ConfigError, Problem
from nnctl.runs.disk import DISK, commit

Array = np.ndarray[Any, Any]
Outputs = Mapping[str, Array]
Classes = Mapping[str, Sequence[str]]

_RUNS = ("=", "+", "-", "@", "\t", "\r")
"""What a cell of text must not begin with: a spreadsheet would run it."""


def write_predictions(path: Path, outputs: Outputs, classes: Classes) -> None:
    """Write the outputs (N, ...) by name, in the format of `path`'s ending, whole or not at all.

    Raises:
        ConfigError: NPY for several outputs.
        StorageError: it cannot be written.
    """
    commit(DISK, path, [WRITERS[path.suffix](outputs, classes)])


def _csv(outputs: Outputs, classes: Classes) -> bytes:
    """A header, then a row an example: for classes the likeliest one and a probability each."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = list(_columns(outputs, classes))
    writer.writerow([_safe(name) for name, _ in columns])
    for row in zip(*(values for _, values in columns), strict=True):
        writer.writerow([_safe(v) if isinstance(v, str) else repr(v) for v in row])
    return text.getvalue().encode()


def _columns(outputs: Outputs, classes: Classes) -> Iterator[tuple[str, list[Any]]]:
    for name, array in outputs.items():
        flat = array.reshape(len(array), -1)
        names = classes.get(name)
        if names is not None and array.ndim == 2:
            yield name, [names[i] for i in flat.argmax(axis=1)]
            labels = [f"{name}_{c}" for c in names]
        else:
            labels = [name] if flat.shape[1] == 1 else [f"{name}_{i}" for i in range(flat.shape[1])]
        for label, column in zip(labels, flat.T, strict=True):
            yield label, [_shortest(v) for v in column]


def _shortest(value: Any) -> float:
    """A float32 as the shortest decimal that reads back to it."""
    return float(str(value))


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(_RUNS) else text


def _npy(outputs: Outputs, classes: Classes) -> bytes:
    if len(outputs) != 1:
        names = ", ".join(outputs)
        raise ConfigError(
            Problem(f"an .npy file holds one array; this model has {names}", expected=".csv, .jsonl")
        )
    buffer = io.BytesIO()
    np.save(buffer, next(iter(outputs.values())), allow_pickle=False)
    return buffer.getvalue()


def _jsonl(outputs: Outputs, classes: Classes) -> bytes:
    lines = []
    count = len(next(iter(outputs.values())))
    for i in range(count):
        row: dict[str, Any] = {}
        for name, array in outputs.items():
            values = array[i]
            names = classes.get(name)
            if names is not None and values.ndim == 1:
                best = names[int(values.argmax())]
                row[name] = {
                    "class": best,
                    "probabilities": {n: _shortest(v) for n, v in zip(names, values, strict=True)},
                }
            else:
                row[name] = _nested(values)
        lines.append(json.dumps(row))
    return ("\n".join(lines) + "\n").encode() if lines else b""


def _nested(values: Any) -> Any:
    if np.ndim(values) == 0:
        return _shortest(values)
    return _nested(values[0]) if np.shape(values) == (1,) else [_nested(v) for v in values]


WRITERS: dict[str, Callable[[Outputs, Classes], bytes]] = {".csv": _csv, ".npy": _npy, ".jsonl": _jsonl}
