"""Files with bytes changed, dropped and added: read, or refused with an error of nnctl's own."""

from __future__ import annotations

import contextlib
import gzip
import random
import struct
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from nnctl.core.errors import NnctlError
from nnctl.data.sources import hdf5
from tests.data.examples import examples
from tests.data.given import opened

X = np.random.default_rng(0).integers(0, 256, (30, 4, 3)).astype(np.uint8)
Y = np.arange(30) % 3


def _csv(path: Path) -> None:
    text = "x,z,y\n" + "".join(f"{i},{'ab'[i % 2]},{i % 3}\n" for i in range(30))
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


def _npz(path: Path) -> None:
    np.savez_compressed(path, x=X, y=Y)


def _hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=X, chunks=(4, 4, 3), compression="gzip")
        file["y"] = Y


def _idx(path: Path) -> None:
    path.write_bytes(bytes([0, 0, 8, 3]) + struct.pack(">III", 30, 4, 3) + X.tobytes())


def mutated(raw: bytes, chance: random.Random) -> bytes:
    """The bytes with one to six small changes."""
    changed = bytearray(raw)
    for _ in range(chance.randint(1, 6)):
        at, kind = chance.randrange(len(changed)), chance.random()
        if kind < 0.7:
            changed[at] = chance.choice([0, 255, chance.randrange(256)])
        elif kind < 0.85:
            del changed[at : at + chance.randint(1, 8)]
        else:
            changed[at:at] = chance.randbytes(3)
        if not changed:
            break
    return bytes(changed)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("ending", "make"), [(".csv", _csv), (".csv.gz", _csv), (".npz", _npz), (".h5", _hdf5), (".idx", _idx)]
)
def test_mutated_files(tmp_path: Path, ending: str, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hdf5, "IN_MEMORY", 100)
    make(tmp_path / f"good{ending}")
    raw = (tmp_path / f"good{ending}").read_bytes()
    chance = random.Random(4)
    for i in range(60):
        name = f"m{i}{ending}"
        (tmp_path / name).write_bytes(mutated(raw, chance))
        source = name if ending == ".idx" else {"path": name, "target": "y"}
        with contextlib.suppress(NnctlError):
            examples(opened(tmp_path, {"source": source, "split": {"test": 0.2}}).train)
