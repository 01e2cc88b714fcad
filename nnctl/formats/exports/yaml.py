"""A model's structure as YAML."""

from __future__ import annotations

from nnctl.formats.exports.base import LAYERS, ExportFormat, TrainedModel, register
from nnctl.formats.structure import as_yaml


@register
class yaml(ExportFormat):
    """The structure: inputs with their shapes, layers, outputs, every default written out; no weights."""

    opened_by = "a config's `model: {path: ...}`"
    ending = ".yaml"
    keeps = (LAYERS,)

    def pieces(self, model: TrainedModel) -> list[bytes]:
        return [as_yaml(model.spec, model.graph)]

    def hint(self, model: TrainedModel, file: str) -> str:
        return f"a config takes it as model: {{path: {file}}}"
