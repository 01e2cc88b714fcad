"""ONNX files; read without the package of that name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnctl.core.errors import RunError
from nnctl.formats.imports.base import Imported, ImportFormat, Opened, register
from nnctl.formats.keras.reading.found import Findings

MOST = (2 << 30) - 1
"""The most bytes that a file has: a protobuf message holds no more."""
_STARTS = (0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42)
"""Keys of the fields that may stand behind the version, with which every file begins."""


@register
class onnx(ImportFormat):
    """A model as ONNX's operators, those that nnctl has layers for: structure and weights."""

    written_by = "`torch.onnx.export`, `tf2onnx`, `nnctl export --format onnx`"
    ending = ".onnx"

    def recognises(self, opened: Opened) -> bool:
        head = opened.head
        return len(head) > 2 and head[0] == 0x08 and 1 <= head[1] < 64 and head[2] in _STARTS

    def read(self, opened: Opened, findings: Findings, layers: Mapping[str, Any]) -> Imported:
        from nnctl.formats.onnx.imported import imported

        if opened.size > MOST:
            raise RunError(f"{opened.path} is larger than 2 GB, which no ONNX file is")
        opened.file.seek(0)
        return imported(opened.file.read(), opened.path.name, findings)
