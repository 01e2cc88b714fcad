"""A whole model for Keras."""

from __future__ import annotations

from nnctl.formats.exports.base import ExportFormat, TrainedModel, register
from nnctl.formats.keras.archive import keras_archive
from nnctl.formats.keras.compiled import told_of_training


@register
class keras(ExportFormat):
    """A Keras 3 model: structure, weights, and what it was compiled with, the optimizer's state included."""

    opened_by = "`keras.saving.load_model` in its safe mode"
    ending = ".keras"
    needs_ending = True

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
