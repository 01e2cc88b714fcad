"""A model's structure as JSON."""

from __future__ import annotations

from nnctl.formats.exports.base import Structure, TrainedModel, register
from nnctl.formats.structure import as_json


@register
class json(Structure):
    """The structure, as `yaml` has it; no weights."""

    ending = ".json"

    def pieces(self, model: TrainedModel) -> list[bytes]:
        return [as_json(model.spec, model.graph)]
