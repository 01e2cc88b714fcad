"""Workloads of dense layers: tables, flat images, and an autoencoder."""

from __future__ import annotations

from typing import Any

from benchmarks.workloads.base import Input, Target, Workload


def _dense(*units: int, activation: str = "relu", dropout: float = 0.0) -> list[dict[str, Any]]:
    """Hidden layers of these units, with dropout behind each."""
    layers: list[dict[str, Any]] = []
    for count in units:
        layers.append({"type": "Dense", "units": count, "activation": activation})
        if dropout:
            layers.append({"type": "Dropout", "rate": dropout})
    return layers


def scores(classes: int) -> dict[str, Any]:
    """The last layer of what tells classes."""
    return {"type": "Dense", "units": classes, "name": "scores"}


WORKLOADS = (
    Workload("tiny", "4-16-3, batch 32", 32, {"x": Input((4,))}, [*_dense(16), scores(3)], Target(classes=3)),
    Workload(
        "table",
        "100-128-64-2, dropout 0.2, batch 256",
        256,
        {"x": Input((100,))},
        [*_dense(128, 64, dropout=0.2), scores(2)],
        Target(classes=2),
    ),
    Workload(
        "odd",
        "100-77 (tanh)-33 (gelu)-5, batch 17",
        17,
        {"x": Input((100,))},
        [*_dense(77, activation="tanh"), *_dense(33, activation="gelu"), scores(5)],
        Target(classes=5),
    ),
    Workload(
        "mlp",
        "784-512-512-10, dropout 0.2, batch 128",
        128,
        {"x": Input((784,))},
        [*_dense(512, 512, dropout=0.2), scores(10)],
        Target(),
    ),
    Workload(
        "wide",
        "1024-2048-2048-10, batch 64",
        64,
        {"x": Input((1024,))},
        [*_dense(2048, 2048), scores(10)],
        Target(),
    ),
    Workload(
        "autoencoder",
        "784-256-64-256-784, mean squared error, batch 128",
        128,
        {"x": Input((784,))},
        [*_dense(256, 64, 256), {"type": "Dense", "units": 784, "name": "decoded"}],
        Target("input"),
    ),
)
