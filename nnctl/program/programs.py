"""The programs of a session, each a type: what it is for, and the op graph that it is made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from functools import cached_property
from typing import ClassVar, Protocol

from nnctl.core.records import record
from nnctl.graph.model import LayerGraph
from nnctl.graph.objective import Objective
from nnctl.program import step
from nnctl.program.step import Built, InputSizes
from nnctl.program.stretches import Stretch
from nnctl.program.weights import Weights


class Subject(Protocol):
    """What programs are made of: a session."""

    model: LayerGraph
    objective: Objective | None
    stretches: Sequence[Stretch]
    weights: Weights
    dtype: str
    seed: int
    direct_convolution: bool
    recompute: bool


@record
class Program:
    """A program before it is built; two of one type and the same sizes are one program."""

    name: ClassVar[str]
    """What `nnctl plan` calls it."""
    sizes: InputSizes = field(default_factory=dict)
    """The full shape of each model input; empty for what reads no input."""

    def build(self, subject: Subject, rows: int | None = None) -> Built:
        """The op graph; with layers in slices of `rows` examples, where it said that this can be."""
        raise NotImplementedError

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((type(self), *sorted(self.sizes.items())))


def _arithmetic(subject: Subject, sizes: InputSizes) -> tuple[str, InputSizes, int, bool]:
    """What a program over a model's layers is made with, besides the model."""
    return subject.dtype, sizes, subject.seed, subject.direct_convolution


class TrainingProgram(Program):
    """Forward, losses, metrics, gradients."""

    name = "training"

    def build(self, subject: Subject, rows: int | None = None) -> Built:
        assert subject.objective is not None
        arithmetic = _arithmetic(subject, self.sizes)
        return step.training(subject.model, subject.objective, *arithmetic, again=subject.recompute)


class EvaluationProgram(Program):
    """Forward in inference, losses, metrics."""

    name = "evaluation"

    def build(self, subject: Subject, rows: int | None = None) -> Built:
        assert subject.objective is not None
        return step.evaluation(subject.model, subject.objective, *_arithmetic(subject, self.sizes), rows)


class PredictionProgram(Program):
    """Forward in inference."""

    name = "prediction"

    def build(self, subject: Subject, rows: int | None = None) -> Built:
        return step.prediction(subject.model, *_arithmetic(subject, self.sizes), rows)


class FiniteCheckProgram(Program):
    """Looks for non-finite gradients."""

    name = "check"

    def build(self, subject: Subject, rows: int | None = None) -> Built:
        return step.finite_check(subject.weights)


class UpdateProgram(Program):
    """The optimizer's step, then the constraints."""

    name = "update"

    def build(self, subject: Subject, rows: int | None = None) -> Built:
        return step.update(subject.model, subject.stretches, subject.weights)


class GatherProgram(Program):
    """Keeps gradients for a later step, then the constraints."""

    name = "gather"

    def build(self, subject: Subject, rows: int | None = None) -> Built:
        return step.update(subject.model, subject.stretches, subject.weights, gather=True)
