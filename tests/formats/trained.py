"""Small models trained some steps here: what an export is given of them, and the data of the next step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.data.preprocessing import Preprocessing
from nnctl.formats.exports.base import TrainedModel, Training
from nnctl.graph.build import build
from nnctl.graph.compile import compile_objective
from nnctl.graph.objective import OutputObjective
from nnctl.program.session import Session
from nnctl.spec.language.model import ModelSpec
from nnctl.spec.language.training import TrainingSpec

Batch = dict[str, Array]


class Trained:
    """A model with a session, which trains it a step at a time on random data."""

    def __init__(
        self, model: Mapping[str, Any], training: Mapping[str, Any], dtype: str = "float32", seed: int = 1
    ) -> None:
        self.spec = ModelSpec.model_validate(model)
        self.graph = build(self.spec)
        self.training = TrainingSpec.model_validate(training)
        self.objective = compile_objective(self.training, self.graph)
        self.session = Session(
            self.graph,
            dtype=dtype,
            seed=seed,
            threads=1,
            objective=self.objective,
            optimizer=self.training.optimizer,
        )
        self.session.initialize()
        self.rng = np.random.default_rng(seed)
        self.rate: float | None = None
        self.step = 0

    def batch(self, size: int = 5) -> tuple[Batch, Batch]:
        """Inputs and targets by name; lengths that vary are 6."""
        inputs: Batch = {}
        for name, info in self.graph.inputs.items():
            shape = (size, *(6 if n is None else n for n in info.shape))
            if info.dtype.startswith("float"):
                inputs[name] = self.rng.standard_normal(shape).astype(self.session.dtype)
            else:
                inputs[name] = self.rng.integers(0, 5, shape).astype(info.dtype)
        return inputs, {o.output: self._target(o, size) for o in self.objective.outputs}

    def _target(self, output: OutputObjective, size: int) -> Array:
        target, dtype = output.target, self.session.dtype
        shape = (size, *(6 if n is None else n for n in target.shape))
        if target.kind == "classes":
            return self.rng.integers(0, target.classes or 2, shape).astype(np.int32)
        if target.kind == "onehot":
            eye = np.eye(shape[-1], dtype=dtype)
            return eye[self.rng.integers(0, shape[-1], shape[:-1])]
        if target.classes == 2:
            return self.rng.integers(0, 2, shape).astype(dtype)
        return self.rng.standard_normal(shape).astype(dtype)

    def train(self, inputs: Batch, targets: Batch) -> float:
        """One step; the loss before it."""
        program = self.session.training({name: array.shape for name, array in inputs.items()})
        for name, array in inputs.items():
            program.inputs[f"input:{name}"][...] = array
        for name, array in targets.items():
            program.inputs[f"target:{name}"][...] = array
        if "step" in program.inputs:
            program.inputs["step"][0] = self.step
        program.run()
        self.session.take_hyper(self.step, self.rate)
        last = (
            self.session.update() if self.training.optimizer.steps_after(self.step) else self.session.gather()
        )
        last.run()
        self.step += 1
        return float(program.outputs["loss"][0])

    def steps(self, count: int) -> Trained:
        """So many steps on data of their own."""
        for _ in range(count):
            self.train(*self.batch())
        return self

    def exported(self, name: str = "m") -> TrainedModel:
        """What a format is given of it."""
        slots = {name: array.copy() for name, array in self.session.slot_views().items()}
        return TrainedModel(
            name=name,
            spec=self.spec,
            graph=self.graph,
            weights=self.session.weights.snapshot(),
            dtype=self.session.dtype,
            weights_sha256="ab" * 32,
            preprocessing=Preprocessing(inputs={}, targets={}),
            objective=self.objective,
            training=Training(self.training.optimizer, slots, self.step, self.rate),
        )
