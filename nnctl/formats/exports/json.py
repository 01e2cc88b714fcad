"""A model's structure as JSON."""

from __future__ import annotations

from nnctl.formats.exports.base import ExportFormat, TrainedModel, register
from nnctl.formats.structure import as_json


@register
class json(ExportFormat):
    """The structure, as `yaml` has it; no weights."""

    opened_by = "a config's `model: {path: ...}`"
    ending = ".json"

    def pieces(self, model: TrainedModel) -> list[bytes]:
        return [as_json(model.spec, model.graph)]

    def hint(self, model: TrainedModel, file: str) -> str:
        return f"a config takes it as model: {{path: {file}}}"
