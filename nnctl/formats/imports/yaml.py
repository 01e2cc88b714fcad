"""A model's structure as Keras 2's `to_yaml` wrote it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nnctl.formats.imports.base import Imported, ImportFormat, Opened, register
from nnctl.formats.keras.reading.found import Findings
from nnctl.formats.keras.reading.whole import described
from nnctl.spec.yaml.document import parse_document
from nnctl.spec.yaml.reading import MAX_BYTES, decode
from nnctl.spec.yaml.source_text import SourceText

_TUPLE = re.compile(r"(?<![^\s\[{,:-])!!python/tuple(?=\s)")
"""The only tag that `to_yaml` wrote for a model of Keras's own classes; here it is a list."""


@register
class yaml(ImportFormat):
    """The structure of a model, without its weights, as `to_yaml` of Keras 1 and 2 wrote it."""

    written_by = "`model.to_yaml()` of Keras 1 and 2"
    ending = ".yaml"

    def recognises(self, opened: Opened) -> bool:
        return re.search(rb"^(class_name|backend|keras_version):", opened.head, re.MULTILINE) is not None

    def read(self, opened: Opened, findings: Findings, layers: Mapping[str, Any]) -> Imported:
        opened.file.seek(0)
        source = decode(opened.file.read(MAX_BYTES + 1), str(opened.path))
        config = parse_document(SourceText(source.file, _TUPLE.sub("", source.text))).data
        said = config.get("keras_version") if isinstance(config, dict) else None
        return described(config, None, findings, made_by=f"Keras {said or '2'}, YAML")
