"""What NumPy and h5py read in a file of arrays."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np


def resave(source: Path, target: Path) -> None:
    """Read the array `x` by the library that wrote the file, and write it as a clean .npz."""
    if source.suffix == ".npz":
        with np.load(source, allow_pickle=False) as arrays:
            np.savez(target, x=arrays["x"])
    else:
        with h5py.File(source, "r") as file:
            np.savez(target, x=file["x"][...])
