"""One entry for each format that `export` writes: what is told of its files, how their weights are read."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod

import numpy as np

from nnctl.core.arrays import Array


@dataclass(frozen=True)
class Case:
    """A format.

    Attributes:
        hints: What is told of a file, by its name; INPUTS stands for the names of the model's inputs.
        weights: Reads a file's weights by their full names, for formats that keep these.
        keras: Whether it can hold only what Keras can.
    """

    hints: Mapping[str, str] = field(default_factory=dict)
    weights: Callable[[bytes], Mapping[str, Array]] | None = None
    keras: bool = False


def _npz(data: bytes) -> Mapping[str, Array]:
    with np.load(io.BytesIO(data), allow_pickle=False) as opened:
        return dict(opened)


def _safetensors(data: bytes) -> Mapping[str, Array]:
    """By the format's description, as strict as the reference reader: no gaps, no overlaps, nothing left."""
    length = int.from_bytes(data[:8], "little")
    header, body = data[8 : 8 + length], data[8 + length :]
    assert header.startswith(b"{")
    assert len(header) == length
    entries = json.loads(header, object_pairs_hook=_unique)
    metadata = entries.pop("__metadata__")
    assert metadata.keys() == {"format", "name", "weights_sha256"}
    assert set(map(type, metadata.values())) == {str}
    assert (metadata["format"], len(metadata["weights_sha256"])) == ("np", 64)
    found: dict[str, Array] = {}
    end = 0
    for name, entry in sorted(entries.items(), key=lambda item: item[1]["data_offsets"]):
        assert entry.keys() == {"dtype", "shape", "data_offsets"}
        start, stop = entry["data_offsets"]
        dtype = np.dtype(
            {"F": "<f", "I": "<i", "U": "<u"}[entry["dtype"][0]] + str(int(entry["dtype"][1:]) // 8)
        )
        assert start == end
        assert stop - start == dtype.itemsize * prod(entry["shape"])
        assert (8 + length + start) % dtype.itemsize == 0
        found[name] = np.frombuffer(body[start:stop], dtype).reshape(entry["shape"])
        end = stop
    assert end == len(body)
    return found


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


ANEW = "its optimizer starts anew, as every optimizer of this format: --format keras keeps its state"

CASES = {
    "c": Case(
        {
            "m.c": "compile it with cc -std=c99 -O3 -march=native -c m.c; the comment at its top says how to "
            "use it"
        }
    ),
    "yaml": Case({"m.yaml": "a config takes it as model: {path: m.yaml}"}),
    "json": Case(
        {"m.json": "model_from_json reads its text, and a config takes it as model: {path: m.json}"},
        keras=True,
    ),
    "npz": Case({"w.npz": "numpy.load('w.npz') gives an array a weight"}, _npz),
    "safetensors": Case(
        {"w.safetensors": "safetensors.numpy.load_file('w.safetensors') gives an array a weight"},
        _safetensors,
    ),
    "h5": Case(
        {
            "m.weights.h5": "load_weights('m.weights.h5') of the model that --format keras writes reads it",
            "m.h5": f"it takes inputs prepared as in training: INPUTS; {ANEW}",
            "m.hdf": "it takes inputs prepared as in training: INPUTS; Keras opens it if its name ends in .h5"
            f"; {ANEW}",
        },
        keras=True,
    ),
    "keras": Case({"m.keras": "it takes inputs prepared as in training: INPUTS"}, keras=True),
    "onnx": Case(
        {
            "m.onnx": "it takes "
            "'upper' (float64 of p00, p01, p02, p03, p04, p05, p06, p07, p10, p11, p12, p13 and 20 more), "
            "'lower' (float64 of p40, p41, p42, p43, p44, p45, p46, p47, p50, p51, p52, p53 and 20 more)"
        }
    ),
}
