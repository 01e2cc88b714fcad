"""NumPy: the matrix product alone, by the BLAS it comes with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.protocol import serve
from benchmarks.workloads.matrices import matrices


class Product:
    """The matrix product."""

    def __init__(self, name: str, dropout: bool) -> None:
        if name != "product":
            raise ValueError(f"NumPy does not train: {name}")
        self.a, self.b = matrices()
        self.c = np.empty_like(self.a)

    def step(self) -> Any:
        return np.matmul(self.a, self.b, out=self.c)

    def loss_of(self, made: Any) -> float:
        return float(made.astype(np.float64).sum())


def about() -> Mapping[str, str]:
    """Versions."""
    return {"numpy": np.__version__}


if __name__ == "__main__":
    serve(about, Product)
