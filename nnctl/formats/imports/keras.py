"""Keras 3's own files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from nnctl.core.errors import RunError
from nnctl.core.visible import listed
from nnctl.formats.imports.base import Imported, ImportFormat, Opened, register
from nnctl.formats.json_text import MAX_BYTES, parse_json
from nnctl.formats.keras.reading.found import Findings
from nnctl.formats.keras.reading.layers import not_from_keras
from nnctl.formats.keras.reading.vocabularies import put_vocabularies, vocabulary_members
from nnctl.formats.keras.reading.whole import described, weights_of
from nnctl.formats.members import Members
from nnctl.storage.hdf5_reader import Hdf5Reader

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MOST = 64 << 30
"""The most bytes of weights that are read where they lie; packed ones have a bound of their own."""
MOST_PACKED = 256 << 20
"""The most bytes of weights that are unpacked."""


@register
class keras(ImportFormat):
    """A whole model of Keras 3, or of tf.keras from 2.12 on: structure, weights, what it was compiled
    with."""

    written_by = "`model.save('m.keras')`"
    ending = ".keras"
    layers: ClassVar[Mapping[str, str]] = not_from_keras()

    def recognises(self, opened: Opened) -> bool:
        return opened.head.startswith(b"PK") and _CONFIG in Members(opened.file, opened.path.name).names

    def read(self, opened: Opened, findings: Findings, layers: Mapping[str, Any]) -> Imported:
        members = Members(opened.file, opened.path.name)
        known = {_CONFIG, _METADATA, _WEIGHTS, *vocabulary_members(members)}
        others = [name for name in members.names if name not in known and not name.endswith("/")]
        if others:
            findings.note("the archive", f"other members are not read: {listed(others)}")
        config = parse_json(members.read(_CONFIG, MAX_BYTES), f"{opened.path.name}/{_CONFIG}")
        metadata = (
            parse_json(members.read(_METADATA, MAX_BYTES), _METADATA) if _METADATA in members.names else {}
        )
        version = metadata.get("keras_version") if isinstance(metadata, dict) else None
        compiled = config.get("compile_config") if isinstance(config, dict) else None
        said = version if isinstance(version, str) else ""
        number = int(said[0]) if said[:1] in ("2", "3") else 0
        if _WEIGHTS not in members.names:
            raise RunError(f"{opened.path} has no {_WEIGHTS}")
        packed = members.packed(_WEIGHTS)
        file = opened.stack.enter_context(members.open(_WEIGHTS, MOST_PACKED if packed else MOST))
        reader = opened.stack.enter_context(Hdf5Reader(opened.path, file, filters=True))
        put_vocabularies(config, members, reader, findings)
        found = described(config, compiled, findings, made_by=f"Keras {said or '3'}", version=number)
        return weights_of(found, reader, findings)
