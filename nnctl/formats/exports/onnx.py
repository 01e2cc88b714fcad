"""A whole model for what runs ONNX."""

from __future__ import annotations

from typing import ClassVar

from nnctl.formats.exports.base import ExportFormat, TrainedModel, register


@register
class onnx(ExportFormat):
    """A model in ONNX's operators, with its weights."""

    opened_by = "ONNX Runtime, and what else reads ONNX"
    ending = ".onnx"
    package: ClassVar[str | None] = "onnx"

    def pieces(self, model: TrainedModel) -> list[bytes]:
        from nnctl.formats.onnx.model import onnx_file

        return [onnx_file(model)]

    def hint(self, model: TrainedModel, file: str) -> str:
        return f"it takes inputs prepared as in training: {', '.join(model.graph.inputs)}"
