"""The libraries that are measured: how each is started, and what it can do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.workloads.base import Workload

NNCTL = "nnctl"
Ability = Callable[[Workload], str | None]
"""None, or why a library is not measured on a workload."""


def _all(workload: Workload) -> str | None:
    return None


def _none(workload: Workload) -> str | None:
    return "is not measured in this"


def _pictures(workload: Workload) -> str | None:
    return None if workload.has("Conv2D") else "only differs where there are images"


def _mlp(workload: Workload) -> str | None:
    return None if workload.name == "mlp" else "is measured on mlp only"


def _sklearn(workload: Workload) -> str | None:
    if not workload.only("Dense", "Dropout") or workload.target.kind != "classes":
        return "has only classifiers of dense layers"
    hidden = {entry.fields["activation"] for entry in workload.entries(dropout=False)[:-1]}
    if len(hidden) > 1:
        return "has one activation for all layers"
    # Two classes are one number there.
    return None if workload.target.classes > 2 else "has no softmax of two classes"


@dataclass(frozen=True)
class Library:
    """A worker to start.

    Attributes:
        trains: Whether it is measured on a workload's training step.
        asks: The same of inference.
        quick: Whether `--quick` measures it.
        note: What is different in what it does.
    """

    name: str
    module: str
    arguments: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    trains: Ability = _all
    asks: Ability = _none
    multiplies: bool = False
    quick: bool = False
    note: str = ""


LIBRARIES = (
    Library(NNCTL, "nnctl_steps", asks=_all, multiplies=True, quick=True),
    Library("PyTorch", "pytorch", ("eager",), asks=_all, multiplies=True, quick=True),
    Library(
        "PyTorch channels-last", "pytorch", ("channels-last",), trains=_pictures, asks=_pictures, quick=True
    ),
    Library("PyTorch compiled", "pytorch", ("compiled",)),
    Library("JAX", "raw_jax", quick=True),
    Library("Keras on JAX", "keras3", env={"KERAS_BACKEND": "jax"}),
    Library("Keras on TensorFlow", "keras3", env={"KERAS_BACKEND": "tensorflow"}),
    Library("PyTensor", "pytensor_steps", trains=_mlp),
    Library("scikit-learn", "sklearn_steps", trains=_sklearn, quick=True, note="drops nothing, it cannot"),
    Library("ONNX Runtime", "onnx_passes", trains=_none, asks=_all, quick=True),
    Library("NumPy", "numpy_product", trains=_none, multiplies=True, quick=True),
)
"""nnctl is the first: all others are compared with it."""
