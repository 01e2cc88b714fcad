"""Weights as Keras's `load_weights` reads them."""

from __future__ import annotations

from nnctl.formats.exports.base import ExportFormat, TrainedModel, register
from nnctl.formats.keras.archive import keras_weights_file


@register
class h5(ExportFormat):
    """Every weight, in the layout of Keras's `.weights.h5`."""

    opened_by = "`load_weights` of the exported Keras model; h5py"
    ending = ".weights.h5"

    def pieces(self, model: TrainedModel) -> list[bytes | memoryview]:
        return keras_weights_file(model.spec, model.graph, model.weights, model.dtype)

    def hint(self, model: TrainedModel, file: str) -> str:
        if file.endswith(self.ending):
            return f"load_weights('{file}') of the model that --format keras writes reads it"
        return f"Keras reads it if its name ends in {self.ending}"
