"""A model's structure as YAML."""

from __future__ import annotations

from nnctl.formats.exports.base import Structure, TrainedModel, register
from nnctl.formats.structure import as_yaml


@register
class yaml(Structure):
    """The structure: inputs with their shapes, layers, outputs, every default written out; no weights."""

    ending = ".yaml"

    def pieces(self, model: TrainedModel) -> list[bytes]:
        return [as_yaml(model.spec, model.graph)]
