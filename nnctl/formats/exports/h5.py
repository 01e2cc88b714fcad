"""A whole model as Keras's legacy HDF5, and weights as Keras's `load_weights` reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from nnctl.core.errors import ConfigError, Problem
from nnctl.formats.exports.base import (
    COMPILED,
    LAYERS,
    PREDICTION,
    WEIGHTS,
    ExportFormat,
    TrainedModel,
    register,
)
from nnctl.formats.keras.archive import keras_weights_file
from nnctl.formats.keras.compiled import lost, told_of_training
from nnctl.formats.keras.legacy import legacy_file
from nnctl.formats.keras.objects import not_in_keras

_WEIGHTS = ".weights.h5"


@register
class h5(ExportFormat):
    """A model in Keras's legacy HDF5: structure, weights, what it was compiled with; or the weights only."""

    opened_by = "`keras.saving.load_model`, Keras 2's too; with `--weights-only`, `load_weights`"
    ending = ".h5"
    layers: ClassVar[Mapping[str, str]] = not_in_keras()
    keeps = (PREDICTION, LAYERS, WEIGHTS, COMPILED)

    def kept(self, model: TrainedModel) -> tuple[str, ...]:
        return tuple(part for part in self.keeps if part not in lost(model))

    def form(self, file: str, weights_only: bool) -> ExportFormat:
        return _Weights() if weights_only or file.endswith(_WEIGHTS) else self

    def pieces(self, model: TrainedModel) -> list[bytes | memoryview]:
        return legacy_file(model)

    def hint(self, model: TrainedModel, file: str) -> str:
        told = [f"it takes inputs prepared as in training: {', '.join(model.graph.inputs)}"]
        if not file.endswith((".h5", ".hdf5")):
            told.append("Keras opens it if its name ends in .h5")
        return "; ".join(told + told_of_training(model, anew=True))


class _Weights(ExportFormat):
    """Every weight, in the layout of Keras's `.weights.h5`."""

    ending = _WEIGHTS
    keeps = (WEIGHTS,)

    def check(self, file: str) -> None:
        if not file.endswith(_WEIGHTS):
            message = f"Keras reads only weights from files that end in {_WEIGHTS}, not '{file}'"
            raise ConfigError(Problem(message, expected=f"--output {file.removesuffix('.h5')}{_WEIGHTS}"))

    def pieces(self, model: TrainedModel) -> list[bytes | memoryview]:
        return keras_weights_file(model.spec, model.graph, model.weights, model.dtype)

    def hint(self, model: TrainedModel, file: str) -> str:
        return f"load_weights('{file}') of the model that --format keras writes reads it"
