"""A whole model for Keras."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from nnctl.formats.exports.base import (
    COMPILED,
    LAYERS,
    PREDICTION,
    STATE,
    WEIGHTS,
    ExportFormat,
    TrainedModel,
    register,
)
from nnctl.formats.keras.archive import keras_archive
from nnctl.formats.keras.compiled import lost, told_of_training
from nnctl.formats.keras.objects import not_in_keras


@register
class keras(ExportFormat):
    """A Keras 3 model: structure, weights, and what it was compiled with, the optimizer's state included."""

    opened_by = "`keras.saving.load_model` in its safe mode"
    ending = ".keras"
    needs_ending = True
    layers: ClassVar[Mapping[str, str]] = not_in_keras()
    keeps = (PREDICTION, LAYERS, WEIGHTS, COMPILED, STATE)

    def kept(self, model: TrainedModel) -> tuple[str, ...]:
        return tuple(part for part in self.keeps if part not in lost(model))

    def pieces(self, model: TrainedModel) -> list[bytes | memoryview]:
        return [
            keras_archive(
                model.spec,
                model.graph,
                model.weights,
                name=model.name,
                dtype=model.dtype,
                objective=model.objective,
                training=model.training,
            )
        ]

    def hint(self, model: TrainedModel, file: str) -> str:
        prepared = f"it takes inputs prepared as in training: {', '.join(model.graph.inputs)}"
        return "; ".join([prepared, *told_of_training(model)])
