"""A model's structure as Keras's JSON."""

from __future__ import annotations

from nnctl.formats.exports.base import COMPILED, LAYERS, ExportFormat, TrainedModel, register
from nnctl.formats.keras.compiled import lost
from nnctl.formats.keras.json_text import keras_json


@register
class json(ExportFormat):
    """The structure and what it was compiled with, as Keras's `to_json` has them; no weights."""

    opened_by = "`keras.models.model_from_json`; a config's `model: {path: ...}`; `nnctl import`"
    ending = ".json"
    keeps = (LAYERS, COMPILED)

    def kept(self, model: TrainedModel) -> tuple[str, ...]:
        return tuple(part for part in self.keeps if part not in lost(model))

    def pieces(self, model: TrainedModel) -> list[bytes]:
        return [keras_json(model)]

    def hint(self, model: TrainedModel, file: str) -> str:
        return f"model_from_json reads its text, and a config takes it as model: {{path: {file}}}"
