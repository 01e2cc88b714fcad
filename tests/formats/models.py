"""Small models with random weights, and nnctl's own predictions of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.data.preprocessing import Preprocessing
from nnctl.formats.exports.base import TrainedModel, Training
from nnctl.graph.build import build
from nnctl.graph.model import LayerGraph
from nnctl.graph.objective import Objective
from nnctl.optimizers.sgd import SGD
from nnctl.spec.language.model import ModelSpec


@dataclass
class Model:
    """A model and values for its weights, by full name."""

    spec: ModelSpec
    graph: LayerGraph
    weights: dict[str, Array]
    dtype: str = "float32"

    def inputs(self, batch: int = 4, lengths: int = 6, largest: int = 5) -> dict[str, Array]:
        """Random inputs by name; lengths that vary are `lengths`, whole numbers are below `largest`."""
        rng = np.random.default_rng(3)
        made: dict[str, Array] = {}
        for name, info in self.graph.inputs.items():
            shape = (batch, *(lengths if n is None else n for n in info.shape))
            if info.dtype.startswith("float"):
                made[name] = rng.standard_normal(shape).astype(self.dtype)
            else:
                made[name] = rng.integers(0, largest, shape).astype(info.dtype)
        return made

    def predict(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs by name, through a session's prediction program."""
        from nnctl.program.session import Session

        session = Session(self.graph, dtype=self.dtype, seed=7, threads=1)
        session.weights.load(self.weights)
        program = session.prediction({name: array.shape for name, array in inputs.items()})
        for name, array in inputs.items():
            program.inputs[f"input:{name}"][...] = array
        program.run()
        return {name: array.copy() for name, array in program.outputs.items()}


def model(config: Mapping[str, Any], dtype: str = "float32", seed: int = 1) -> Model:
    """The model of a config's `model` section, with random weights."""
    spec = ModelSpec.model_validate(config)
    return from_spec(spec, build(spec), dtype, seed)


def from_spec(spec: ModelSpec, graph: LayerGraph, dtype: str = "float32", seed: int = 1) -> Model:
    """A model with random weights; variances are above zero."""
    rng = np.random.default_rng(seed)
    weights = {}
    for name, info in graph.weights.items():
        values = (0.5 * rng.standard_normal(info.weight.shape)).astype(dtype)
        weights[name] = np.abs(values) + values.dtype.type(0.5) if "variance" in name else values
    return Model(spec, graph, weights, dtype)


def exportable(made: Model, name: str = "m", preprocessing: Preprocessing | None = None) -> TrainedModel:
    """What a format is given of a model that no run has trained."""
    return TrainedModel(
        name=name,
        spec=made.spec,
        graph=made.graph,
        weights=made.weights,
        dtype=made.dtype,
        weights_sha256="ab" * 32,
        preprocessing=preprocessing or Preprocessing(inputs={}, targets={}),
        objective=Objective(()),
        training=Training(SGD()),
    )
