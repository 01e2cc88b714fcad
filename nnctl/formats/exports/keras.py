"""A whole model for Keras."""

from __future__ import annotations

from nnctl.formats.exports.base import ExportFormat, TrainedModel, register
from nnctl.formats.keras.archive import keras_archive


@register
class keras(ExportFormat):
    """A Keras 3 model, structure and weights."""

    opened_by = "`keras.saving.load_model` in its safe mode"
    ending = ".keras"
    needs_ending = True

    def pieces(self, model: TrainedModel) -> list[bytes | memoryview]:
        return [keras_archive(model.spec, model.graph, model.weights, name=model.name, dtype=model.dtype)]

    def hint(self, model: TrainedModel, file: str) -> str:
        return f"it takes inputs prepared as in training: {', '.join(model.graph.inputs)}"
