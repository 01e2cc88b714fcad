"""What cannot be read matters only to those who want it: in NPZ and HDF5 files, in training and `predict`."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from nnctl.core.errors import DataError
from nnctl.data.feeding.stream import read_blocks
from tests.data.examples import examples
from tests.data.given import opened
from tests.data.whole import read_inputs

X, Y = np.arange(12.0).reshape(6, 2), np.arange(6) % 2

MEMBERS: dict[str, np.ndarray[Any, Any]] = {
    "single": np.array(3.5),
    "objects": np.array([{"a": 1}], dtype=object),
    "dates": np.array(["2024-01-01"], dtype="M8[D]"),
    "complex": np.ones(6, dtype=complex),
}


def _npz(path: Path, name: str) -> None:
    np.savez(path, x=X, y=Y, meta=MEMBERS[name])


def _text(path: Path, name: str) -> None:
    np.savez(path, x=X, y=Y)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("meta", "written by hand")


def _damaged(path: Path, name: str) -> None:
    np.savez(path, x=X, y=Y, meta=np.arange(1000))
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"meta.npy") + 300] ^= 255
    path.write_bytes(raw)


def _hdf5(path: Path, name: str) -> None:
    with h5py.File(path, "w") as file:
        file["x"], file["y"] = X, Y
        if name == "single":
            file["meta"] = 3.5
        elif name == "empty":
            file["meta"] = h5py.Empty("f4")
        elif name == "lists":
            file.create_dataset("meta", (2,), dtype=h5py.vlen_dtype(np.int32))
        elif name == "records":
            file["meta"] = np.zeros(6, dtype=[("a", "f4")])
        elif name == "reference":
            file.create_dataset("meta", data=[file.ref], dtype=h5py.ref_dtype)
        elif name == "link":
            file["meta"] = h5py.ExternalLink("/etc/passwd", "/x")
        else:
            file.create_dataset("meta", data=["one", "two"], dtype=h5py.string_dtype())


_HDF5 = ("single", "empty", "lists", "records", "reference", "link", "other length")
FILES: list[tuple[str, Callable[[Path, str], None], str]] = [
    *(("a.npz", _npz, name) for name in MEMBERS),
    ("a.npz", _text, "text"),
    ("a.npz", _damaged, "damaged"),
    *(("a.h5", _hdf5, n) for n in _HDF5),
]


@pytest.mark.parametrize(("file", "make", "name"), FILES, ids=lambda value: getattr(value, "__name__", value))
def test_an_unused_member_blocks_nothing(
    file: str, make: Callable[[Path, str], None], name: str, tmp_path: Path
) -> None:
    make(tmp_path / file, name)
    data = opened(tmp_path, {"source": file, "inputs": "x", "target": "y"})
    assert examples(data.train)["input"].tolist() == X.tolist()
    assert len(read_inputs(tmp_path / file, data.preprocessing)) == 6
    assert sum(len(b.examples) for b in read_blocks(tmp_path / file, data.preprocessing)) == 6
    excluded = (
        opened(tmp_path, {"source": file, "inputs": ["!meta"], "target": "y"}) if name != "single" else data
    )
    assert examples(excluded.train)["input"].tolist() == X.tolist()
    if name in ("single", "other length"):
        return
    for inputs in (None, "meta", ["x", "me*"]):
        with pytest.raises(DataError) as caught:
            opened(tmp_path, {"source": file, "inputs": inputs, "target": "y"})
        assert file in str(caught.value)
        assert 'if it is not needed: inputs: ["!meta"]' in str(caught.value)
