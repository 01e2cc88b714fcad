"""One workload: a model in Keras's words, its inputs, its target; nnctl's config and peers' models follow.

Only NumPy is needed here. Batches are drawn from fixed seeds, so that each process has the same ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

LEARNING_RATE = 0.001
EPSILON = 1e-10
"""Adam's: so small that it does not matter that PyTorch adds it elsewhere than Keras."""
BATCHES = 4
"""Steps go round over this many batches."""
PASSES = (1, 256)
"""Examples in a pass forward."""


@dataclass(frozen=True)
class Input:
    """What a model reads: numbers, or with `below` whole numbers 0 <= n < below.

    Attributes:
        shape: Of one example.
        lengths: Each row has a length of its own, at least an eighth of the whole; what is behind it is 0.
        places: Each row counts 0, 1, 2, ...: where a step stands.
    """

    shape: tuple[int, ...]
    below: int = 0
    lengths: bool = False
    places: bool = False

    @property
    def dtype(self) -> str:
        """Of its array."""
        return "int32" if self.below else "float32"

    def draw(self, rng: np.random.Generator, rows: int) -> Array:
        """An array (rows, ...)."""
        shape = (rows, *self.shape)
        if self.places:
            return np.broadcast_to(np.arange(self.shape[0], dtype=np.int32), shape).copy()
        if not self.below:
            return rng.standard_normal(shape, dtype=np.float32)
        if not self.lengths:
            return rng.integers(0, self.below, shape).astype(np.int32)
        longest = self.shape[0]
        length = rng.integers(max(1, longest // 8), longest + 1, (rows, 1))
        drawn = rng.integers(1, self.below, shape)
        return np.where(np.arange(longest) < length, drawn, 0).astype(np.int32)


@dataclass(frozen=True)
class Target:
    """What a model is to say: class numbers, 0 or 1, or its own input.

    Attributes:
        kind: `classes`: scores of so many classes, softmax cross-entropy; `flag`: one score, logistic
            cross-entropy; `input`: mean squared error from the first input.
        classes: How many there are.
        shape: Of one example's class numbers: () for one an example, (T,) for one a step.
    """

    kind: str = "classes"
    classes: int = 10
    shape: tuple[int, ...] = ()

    @property
    def loss(self) -> dict[str, Any]:
        """The loss in Keras's words."""
        if self.kind == "input":
            return {"type": "MeanSquaredError"}
        name = "SparseCategoricalCrossentropy" if self.kind == "classes" else "BinaryCrossentropy"
        return {"type": name, "from_logits": True}

    def draw(self, rng: np.random.Generator, inputs: Mapping[str, Array]) -> Array:
        """An array (rows, ...) for these inputs."""
        first = next(iter(inputs.values()))
        if self.kind == "input":
            return first
        if self.kind == "flag":
            return rng.integers(0, 2, (len(first), 1)).astype(np.float32)
        return rng.integers(0, self.classes, (len(first), *self.shape)).astype(np.int32)


@dataclass(frozen=True)
class Entry:
    """A layer of a workload, everything about it named."""

    name: str
    type: str
    fields: Mapping[str, Any]
    reads: tuple[str, ...]


@dataclass(frozen=True)
class Workload:
    """A model to train, and to ask.

    Attributes:
        name: What the command line and tables call it.
        title: What it is, in a line.
        batch: Examples in a training step.
        layers: Entries as in a config; a bare name is a layer with its defaults.
    """

    name: str
    title: str
    batch: int
    inputs: Mapping[str, Input]
    layers: Sequence[Mapping[str, Any] | str]
    target: Target

    @property
    def drops(self) -> bool:
        """Whether something is dropped while it trains."""
        return any(entry.type == "Dropout" for entry in self.entries(dropout=True))

    @property
    def images(self) -> bool:
        """Whether it reads images: (height, width, channels)."""
        return any(len(given.shape) == 3 for given in self.inputs.values())

    def has(self, *types: str) -> bool:
        """Whether a layer is of one of these types."""
        return any(entry.type in types for entry in self.entries(dropout=True))

    def only(self, *types: str) -> bool:
        """Whether all layers are of these types, each reads the one before, and one input is read."""
        entries = self.entries(dropout=True)
        before = [*self.inputs, *(entry.name for entry in entries)]
        chain = all(entry.reads == (read,) for entry, read in zip(entries, before, strict=False))
        return len(self.inputs) == 1 and chain and all(entry.type in types for entry in entries)

    def entries(self, dropout: bool) -> list[Entry]:
        """Its layers in order, named and with what they read; without `dropout` those of the kind are not."""
        found: list[Entry] = []
        before = next(iter(self.inputs))
        for number, written in enumerate(self.layers):
            fields = {"type": written} if isinstance(written, str) else dict(written)
            kind = fields.pop("type")
            if kind == "Dropout" and not dropout:
                continue
            name = fields.pop("name", f"{kind.lower()}_{number}")
            reads = fields.pop("inputs", before)
            if isinstance(reads, Mapping):
                reads = tuple(reads.values())
            found.append(Entry(name, kind, fields, (reads,) if isinstance(reads, str) else tuple(reads)))
            before = name
        return found

    def model(self, dropout: bool) -> dict[str, Any]:
        """The `model` section of a config."""
        inputs = {
            name: {"shape": list(given.shape), "dtype": given.dtype} for name, given in self.inputs.items()
        }
        layers = [
            {"type": entry.type, **entry.fields, "name": entry.name, "inputs": _reads(entry)}
            for entry in self.entries(dropout)
        ]
        return {"inputs": inputs, "layers": layers}

    def config(self, data: str, dropout: bool = True) -> dict[str, Any]:
        """The whole config; `data` is an NPZ file that `write` wrote."""
        return {
            "nnctl": 1,
            "name": self.name,
            "data": {
                "source": {"type": "npz", "path": data},
                "inputs": {name: name for name in self.inputs},
                "target": "target",
                "batch_size": self.batch,
                "shuffle": False,
            },
            "model": self.model(dropout),
            "training": {
                "epochs": 1,
                "optimizer": {"type": "Adam", "learning_rate": LEARNING_RATE, "epsilon": EPSILON},
                "loss": self.target.loss,
            },
        }

    def batches(self, rows: int | None = None) -> list[tuple[dict[str, Array], Array]]:
        """Inputs by name and targets of each batch, of `rows` examples or of a training step's."""
        rng = np.random.default_rng(11)
        drawn = []
        for _ in range(BATCHES):
            inputs = {name: given.draw(rng, rows or self.batch) for name, given in self.inputs.items()}
            drawn.append((inputs, self.target.draw(rng, inputs)))
        return drawn

    def write(self, path: Path, rows: int | None = None) -> None:
        """The batches as the examples of an NPZ file."""
        batches = self.batches(rows)
        columns = {name: np.concatenate([inputs[name] for inputs, _ in batches]) for name in self.inputs}
        np.savez(path, **columns, target=np.concatenate([target for _, target in batches]))


def _reads(entry: Entry) -> Any:
    """What a config says of what an entry reads."""
    if entry.type == "MultiHeadAttention":
        return dict(zip(("query", "value"), entry.reads, strict=True))
    return entry.reads[0] if len(entry.reads) == 1 else list(entry.reads)
