"""A model's structure as Keras's `to_json` writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnctl.core.errors import RunError
from nnctl.formats.imports.base import Imported, ImportFormat, Opened, register
from nnctl.formats.json_text import MAX_BYTES, parse_json
from nnctl.formats.keras.reading.found import Findings
from nnctl.formats.keras.reading.whole import described


@register
class json(ImportFormat):
    """The structure of a model, without its weights, as `to_json` of Keras 1, 2 and 3 writes it."""

    written_by = "`model.to_json()`"
    ending = ".json"

    def recognises(self, opened: Opened) -> bool:
        return opened.head.lstrip().startswith(b"{")

    def read(self, opened: Opened, findings: Findings, layers: Mapping[str, Any]) -> Imported:
        if opened.size > MAX_BYTES:
            raise RunError(f"{opened.path} has {opened.size:,} bytes, more than nnctl reads ({MAX_BYTES:,})")
        opened.file.seek(0)
        config = parse_json(opened.file.read(), opened.path.name)
        if isinstance(config, dict) and "class_name" not in config and "layers" in config:
            raise RunError(f"{opened.path} is of Keras 0.3: open it with Keras 1 and save it anew")
        if not isinstance(config, dict) or "class_name" not in config:
            raise RunError(f"{opened.path} is no model of Keras: it has no `class_name`")
        compiled = config.get("compile_config")
        return described(config, compiled, findings, made_by=f"Keras {_version(config)}, JSON")


def _version(config: dict[str, Any]) -> str:
    said = config.get("keras_version")
    return said if isinstance(said, str) else ""
